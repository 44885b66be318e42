"""The workbook and the CSV file, read back by another library than the one that wrote them."""

import csv
import io
import zipfile

import openpyxl
import pytest

from provisioner.coverage.reporting import Detail
from provisioner.reports.columns import COLUMNS
from provisioner.reports.csv_file import write_csv
from provisioner.reports.workbook import write_workbook

EVIL = '=HYPERLINK("http://evil.example")'
HEADS = 5
"""The row of the lower heads, counted from 1."""


@pytest.fixture(scope="module")
def written(coverage, tables, reference):
    out = io.BytesIO()
    write_workbook(out, coverage, tables[Detail.AGENCY], reference)
    return out.getvalue()


@pytest.fixture(scope="module")
def book(written):
    return openpyxl.load_workbook(io.BytesIO(written))


def test_no_cell_of_any_sheet_is_a_formula_and_names_stay_what_they_are(book):
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]

    assert {cell.data_type for cell in cells} == {"s", "n"}
    assert sum(cell.value == EVIL for cell in cells) == 1


def test_figures_are_numbers_in_the_order_of_the_columns(book, tables):
    sheet = book.worksheets[0]
    last = [cell.value for cell in sheet[sheet.max_row]]

    assert last[1] == "Tổng cộng"
    for value, column in zip(last[5:], COLUMNS, strict=False):
        figure = column.figure(tables[Detail.AGENCY].total)
        assert value == (figure if isinstance(figure, int) else figure.tenths / 1000), column.key


def test_one_missing_of_1234_is_not_shown_as_a_hundred_percent(book):
    rows = {row[2].value: row for row in book.worksheets[0].iter_rows(min_row=HEADS + 1)}
    rate = next(position for position, column in enumerate(COLUMNS) if column.key == "staff_rate") + 5

    assert rows["H21.7"][rate].value == 0.999
    assert rows["H21.7"][rate].number_format == "0.0%"
    assert rows["H21.9"][rate].value == 1


def test_where_there_is_nothing_to_have_a_rate_of_stands_a_dash(book):
    rows = {row[2].value: row for row in book.worksheets[0].iter_rows(min_row=HEADS + 1)}
    use = next(position for position, column in enumerate(COLUMNS) if column.key == "use_rate") + 5

    assert rows["H21.8"][use].value == "–"


def test_blocs_are_groups_with_subtotals(book):
    column = [row[1].value for row in book.worksheets[0].iter_rows(min_row=HEADS + 1)]

    assert column[0] == "Khối Đảng"
    assert column.count("Cộng") == 3
    assert column[-2:] == ["Cộng", "Tổng cộng"]


def test_the_sheet_is_ready_to_filter_to_scroll_and_to_print_on_a4(book):
    sheet = book.worksheets[0]

    assert sheet.freeze_panes == "C6"
    assert sheet.auto_filter.ref == f"A{HEADS}:X{sheet.max_row - 1}"
    assert (sheet.page_setup.orientation, int(sheet.page_setup.paperSize)) == ("landscape", 9)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
    assert sheet.print_title_rows == "$4:$5"


def test_the_second_sheet_defines_m1_to_m8_with_their_figures(book, coverage):
    rows = list(book.worksheets[1].iter_rows(min_row=2, values_only=True))

    assert sorted({row[0] for row in rows}) == [f"M{number}" for number in range(1, 9)]
    served = next(row for row in rows if row[0] == "M3")
    assert served[4:6] == (coverage.sums.people.active, coverage.sums.people.entitled)
    assert all(row[2] and row[3] for row in rows)


def test_there_is_a_native_chart_whose_bars_differ_without_colour(written):
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        chart = archive.read("xl/charts/chart1.xml").decode()

    assert chart.count("<c:ser>") == 3
    assert "wdUpDiag" in chart


def test_a_workbook_in_english_has_english_heads(coverage, tables, reference):
    out = io.BytesIO()
    write_workbook(out, coverage, tables[Detail.LEVEL], reference, language="en")
    book = openpyxl.load_workbook(out)

    assert book.sheetnames == ["By agency", "Metrics", "Chart"]
    assert book.worksheets[0]["B4"].value == "Agency"


def test_csv_is_utf8_with_a_mark_and_no_cell_starts_a_formula(tables):
    out = io.BytesIO()
    write_csv(out, tables[Detail.AGENCY])
    text = out.getvalue().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))

    assert out.getvalue().startswith(b"\xef\xbb\xbf")
    assert not [cell for row in rows for cell in row if cell[:1] in {"=", "+", "-", "@", "\t"}]
    assert f"'{EVIL}" in {row[1] for row in rows}


def test_csv_counts_what_the_workbook_counts(tables, coverage):
    out = io.BytesIO()
    write_csv(out, tables[Detail.AGENCY])
    rows = list(csv.DictReader(io.StringIO(out.getvalue().decode("utf-8-sig"), newline="")))
    subtotals = [row for row in rows if row["Cơ quan, đơn vị"] == "Cộng"]
    total = rows[-1]

    assert int(total["Tổng số CBCCVC"]) == coverage.sums.people.entitled
    assert sum(int(row["Tổng số CBCCVC"]) for row in subtotals) == coverage.sums.people.entitled
    assert next(row for row in rows if row["Mã cơ quan"] == "H21.7")["Hộp thư cá nhân: Tỷ lệ (%)"] == "99,9%"
