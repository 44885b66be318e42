"""What goes back: the same rows with what became of them, and no formula of anybody's."""

import csv
import io
from datetime import date

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.mailboxes.models import Kind
from provisioner.rosters.examples import Listed, example_roster
from provisioner.rosters.files.columns import Column
from provisioner.rosters.reading import read_roster
from provisioner.rosters.returning import RESULT_HEADERS, ResultRow, harmless, write_result
from tests.province import QUOTAS

TODAY = date(2026, 11, 21)
HEADERS = ["Họ và tên", "Mã cơ quan", "Mã cán bộ", "Số CCCD"]
ROWS = [
    ResultRow(["Nguyễn Thị Ánh", "H36.12", "007", "068185001234"], "Đã tạo", "anhnt@lamdong.gov.vn"),
    ResultRow(
        ["=1+1", "H36.12", "", ""],
        "Từ chối",
        None,
        ["Thiếu mã cán bộ.", "Họ tên không hợp lệ."],
        refused=True,
    ),
    ResultRow(["Bình", "H36.12", "8", "", "thừa"], "Từ chối", refused=True),
]


def written(format_, *, headers=HEADERS, rows=ROWS, **how) -> bytes:
    out = io.BytesIO()
    write_result(out, format=format_, headers=headers, rows=rows, **how)
    return out.getvalue()


def csv_rows(content: bytes, separator: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=separator))


def test_a_csv_result_has_the_rows_and_three_columns_more():
    content = written("csv", separator=";")

    assert content.startswith(b"\xef\xbb\xbf")
    assert csv_rows(content, ";") == [
        [*HEADERS, *RESULT_HEADERS],
        ["Nguyễn Thị Ánh", "H36.12", "007", "068185001234", "Đã tạo", "anhnt@lamdong.gov.vn", ""],
        ["'=1+1", "H36.12", "", "", "Từ chối", "", "Thiếu mã cán bộ.; Họ tên không hợp lệ."],
        ["Bình", "H36.12", "8", "", "Từ chối", "", "", "thừa"],
    ]


def test_an_xlsx_result_opens_on_its_counts_and_colours_what_was_refused():
    content = written("xlsx", summary=[("Số dòng", 3), ("Tệp", "=danh-sach.csv")])

    book = openpyxl.load_workbook(io.BytesIO(content))
    counts, result = book["Tổng hợp"], book["Kết quả"]
    assert book.sheetnames == ["Tổng hợp", "Kết quả"]
    assert [[cell.value for cell in row] for row in counts["A3:B4"]] == [
        ["Số dòng", 3],
        ["Tệp", "=danh-sach.csv"],
    ]
    assert [cell.value for cell in result[2]][:6] == [*ROWS[0].cells, "Đã tạo", "anhnt@lamdong.gov.vn"]
    assert (result["C2"].data_type, result["C2"].number_format) == ("s", "@")
    assert result["A2"].fill.fgColor.rgb != result["A3"].fill.fgColor.rgb == "FFFBE0DD"
    assert (result.freeze_panes, result.auto_filter.ref) == ("A2", "A1:G4")
    assert {cell.data_type for page in book for row in page for cell in row} <= {"s", "n"}
    book.close()


@given(
    st.sampled_from(list("=+-@\t\r\n\x00＝＋－＠")),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(["", " ", "  "]),
)
@settings(deadline=None)
def test_no_cell_of_a_csv_result_can_start_a_formula(start, rest, indent):
    cell = harmless(indent + start + rest)

    assert cell == "'" + indent + start + rest
    assert harmless("An" + start) == "An" + start


@given(st.lists(st.text(max_size=10), min_size=1, max_size=4))
@settings(deadline=None, max_examples=30)
def test_no_cell_of_an_xlsx_result_is_a_formula_or_a_link(cells):
    content = written(
        "xlsx", headers=["Họ và tên"], rows=[ResultRow(["=" + cell, "https://x.vn"], cell) for cell in cells]
    )

    book = openpyxl.load_workbook(io.BytesIO(content))
    assert all(cell.data_type != "f" and cell.hyperlink is None for row in book["Kết quả"] for cell in row)
    book.close()


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
def test_a_result_can_be_sent_in_again_and_its_columns_are_replaced(format_, tmp_path):
    first = tmp_path / f"ket-qua.{format_}"
    write_result(first, format=format_, headers=HEADERS, rows=ROWS)

    again = read_roster(first, filename=first.name, today=TODAY)
    entries = list(again.entries())
    second = written(
        format_, headers=again.headers, rows=[ResultRow(cells, "Không đổi") for _, cells in again.rows()]
    )

    assert [entry.staff_number for entry in entries] == ["007", None, "8"]
    assert entries[1].refused
    assert read_roster(second, filename=first.name, today=TODAY).headers == (*HEADERS, *RESULT_HEADERS)


def test_the_example_file_is_a_roster_without_problems_of_the_first_agency_with_a_seal():
    agencies = [Listed("H36.04", "Phòng Không Dấu", False), Listed("H36.05", "Sở Khoa học", True)]

    reading = read_roster(example_roster(agencies, QUOTAS), filename="mau.xlsx", today=TODAY)

    entries = list(reading.entries())
    assert [entry.kind.value for entry in entries] == ["ca_nhan", "ca_nhan", "don_vi"]
    assert {entry.agency_code for entry in entries} == {"H36.05"}
    assert [entry.problems for entry in entries] == [(), (), ()]
    assert reading.understood is not None
    assert (len(reading.understood.columns), reading.understood.ignored) == (len(Column), ())


def test_the_example_file_lists_the_agencies_there_are_and_offers_their_codes():
    agencies = [Listed(f"H36.{n:04}", f"Cơ quan {n}", True) for n in range(1, 1101)]

    book = openpyxl.load_workbook(io.BytesIO(example_roster(agencies, QUOTAS)))

    listed = list(book["Cơ quan"].iter_rows(min_row=2, values_only=True))
    assert listed == [(agency.code, agency.name) for agency in agencies]
    offered = {one.formula1 for one in book["Danh sách"].data_validations.dataValidation}
    assert "='Cơ quan'!$A$2:$A$1101" in {f"={formula}" for formula in offered}


def test_the_example_file_speaks_of_the_sizes_of_the_settings():
    quotas = {Kind.PERSONAL: 3 * 1024**3 // 2, Kind.UNIT: 20 * 1024**3}
    example = example_roster([Listed("H36.05", "Sở Khoa học", True)], quotas)

    guide = {row[1]: row[2:] for row in openpyxl.load_workbook(io.BytesIO(example))["Hướng dẫn"].values}
    entries = list(read_roster(example, filename="mau.xlsx", today=TODAY).entries())

    assert "cá nhân 1,5GB, đơn vị 20GB" in guide["dung_luong"][0]
    assert "1.5GB a person, 20GB a unit" in guide["dung_luong"][1]
    assert [entry.quota_bytes for entry in entries] == [quotas[Kind.PERSONAL], None, quotas[Kind.UNIT]]


def test_the_example_file_says_what_each_column_means_in_both_languages():
    book = openpyxl.load_workbook(io.BytesIO(example_roster([Listed("H36.05", "Sở Khoa học", True)], QUOTAS)))

    guide = list(book["Hướng dẫn"].iter_rows(values_only=True))
    assert [row[1] for row in guide] == [column.value for column in Column]
    assert "ví dụ H36.05" in guide[1][2]
    assert "such as H36.05" in guide[1][3]
    assert all(vi and en and vi != en for _title, _column, vi, en in guide)
