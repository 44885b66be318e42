"""The reader as a whole: any bytes in, every row accounted for, nothing raised."""

import unicodedata
from datetime import date
from os import times
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioner.rosters.examples import example_roster
from provisioner.rosters.files.columns import TITLES, Column
from provisioner.rosters.files.encodings import TITLES as ENCODING_TITLES
from provisioner.rosters.files.limits import Limits
from provisioner.rosters.reading import Reading, RowKind, Severity, read_roster
from tests.province import QUOTAS
from tests.rosters.files import csv_text, in_vni, in_windows_1258, xlsx

TODAY = date(2026, 11, 21)
GB = 1024**3

ROWS = [
    [
        "STT",
        "Họ và tên",
        "Mã cơ quan",
        "Mã cán bộ",
        "Số CCCD",
        "Ngày sinh",
        "Chức vụ",
        "Điện thoại",
        "Dung lượng",
    ],
    [
        "1",
        "Nguyễn Thị Ánh",
        "H36.12",
        "CB1",
        "068185001234",
        "05/09/1985",
        "Chuyên viên",
        "0912345678",
        "4GB",
    ],
    ["2", "Đặng Văn Hùng", "H36.12", "CB2", "68085001234", "", "Phó giám đốc", "912345678", "1,5 GB"],
    ["", "", "", "", "", "", "", "", ""],
    ["3", "H'Hen Niê", "H36.12.01", "CB3", "", "31295", 'Kế toán "trưởng"; phụ trách, quỹ', "", ""],
    ["4", "Trần Đình Quỳnh", "H36.12", "CB4", "", "1985", "Trưởng phòng", "", "0GB"],
]


def read(source: bytes | Path, *, filename: str = "danh-sach.csv", **how) -> Reading:
    return read_roster(source, filename=filename, today=TODAY, **how)


def codes(reading: Reading) -> dict[int, list[str]]:
    return {entry.number: [problem.code for problem in entry.problems] for entry in reading.entries()}


def test_a_row_becomes_an_entry():
    header = list(TITLES.values())
    row = ["cá nhân", "000.00.12.H36", "CB1", "Nguyễn Thị Ánh", "05/09/1985", "068185001234", "Chuyên viên"]
    row += ["x", "công chức", "+84 912 345 678", "AnhNT@lamdong.gov.vn", "4GB", "có"]
    row += ["01/12/2026", "45/QĐ-SKHCN", "20/11/2026"]

    [entry] = read(csv_text([header, row]).encode()).entries()

    assert entry.identity_number is not None
    assert entry.identity_number.reveal() == "068185001234"
    assert (entry.number, entry.kind, entry.agency_code, entry.staff_number) == (
        2,
        RowKind.PERSON,
        "H36.12",
        "CB1",
    )
    assert (entry.full_name, entry.birth_date) == ("Nguyễn Thị Ánh", date(1985, 9, 5))
    assert (entry.position, entry.leader, entry.category) == ("Chuyên viên", True, "cong_chuc")
    assert (entry.phone, entry.address) == ("0912345678", "anhnt@lamdong.gov.vn")
    assert (entry.quota_bytes, entry.certificate, entry.given) == (4 * GB, True, frozenset(Column))
    assert (entry.leaves_on, entry.decision) == (date(2026, 12, 1), "45/QĐ-SKHCN")
    assert entry.decision_date == date(2026, 11, 20)
    assert (entry.problems, entry.refused) == ((), False)
    assert "068185001234" not in repr(entry)


def test_an_empty_cell_is_not_given():
    [entry] = read(
        "ho_va_ten,ma_co_quan,ma_can_bo,dung_luong,chung_thu\nAn Bình,H36,1,,\n".encode()
    ).entries()

    assert entry.given == {Column.FULL_NAME, Column.AGENCY_CODE, Column.STAFF_NUMBER}
    assert (entry.quota_bytes, entry.certificate, entry.leader) == (None, False, False)


def entries_of(content: bytes, **how) -> list[object]:
    reading = read(content, **how)
    assert reading.refusal is None
    return list(reading.entries())


@pytest.mark.parametrize(
    "content",
    [
        csv_text(ROWS).encode("utf-8-sig"),
        csv_text(ROWS).encode("utf-16"),
        csv_text(ROWS).encode("utf-16-be"),
        csv_text(ROWS, separator=";").encode(),
        csv_text(ROWS, separator="\t").encode("utf-16-le"),
        csv_text(ROWS, separator="|").encode(),
        csv_text(ROWS, end="\n").encode(),
        csv_text(ROWS, end="\r").encode(),
        b"sep=;\r\n" + csv_text(ROWS, separator=";").encode(),
        csv_text(ROWS + [[""] * 9] * 30).encode(),
        csv_text([[*row, "", ""] for row in ROWS]).encode(),
        unicodedata.normalize("NFD", csv_text(ROWS)).encode(),
        in_windows_1258(csv_text(ROWS)),
        in_vni(csv_text(ROWS, separator=";")).encode("latin-1"),
        xlsx(ROWS),
        xlsx([[unicodedata.normalize("NFD", cell) for cell in row] for row in ROWS]),
    ],
)
def test_the_same_rows_in_another_file_are_the_same_entries(content):
    assert entries_of(content) == entries_of(csv_text(ROWS).encode())


def test_the_order_of_the_columns_does_not_matter():
    def told(entry):
        return (
            entry.full_name,
            entry.phone,
            entry.quota_bytes,
            sorted(problem.code for problem in entry.problems),
        )

    backwards = csv_text([row[::-1] for row in ROWS]).encode()

    assert list(map(told, entries_of(backwards))) == list(map(told, entries_of(csv_text(ROWS).encode())))


def test_titles_above_the_table_move_the_numbers_and_nothing_else():
    titled = [["UBND TỈNH LÂM ĐỒNG"], [], ["DANH SÁCH ĐỀ NGHỊ CẤP HỘP THƯ"], *ROWS]

    plain, moved = entries_of(csv_text(ROWS).encode()), entries_of(csv_text(titled).encode())

    assert [entry.number for entry in moved] == [entry.number + 3 for entry in plain]
    assert [entry.full_name for entry in moved] == [entry.full_name for entry in plain]


def test_problems_stand_at_their_row_and_column():
    reading = read(csv_text(ROWS).encode())

    assert codes(reading) == {
        2: [],
        3: ["phone-zero-restored", "identity-number-zero-restored"],
        5: ["birth-date-from-serial"],
        6: ["birth-date-year-only", "quota-zero"],
    }
    last = list(reading.entries())[-1].problems[-1]
    assert (last.severity, last.row, last.column, last.value) == (Severity.REFUSED, 6, "dung_luong", "0GB")


def test_what_was_understood_is_told():
    understood = read(csv_text([["Danh sách"], *ROWS], separator=";").encode()).understood

    assert understood is not None
    assert (understood.format, understood.encoding, understood.separator) == ("csv", "utf-8", ";")
    assert (understood.header_row, understood.row_count, understood.ignored) == (2, 4, ("STT",))
    assert understood.columns["Số CCCD"] is Column.NATIONAL_ID


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([["Mã cơ quan", "Mã cán bộ"], ["H36", "1"]], "column-missing"),
        ([["Họ tên", "Mã cán bộ"], ["An", "1"]], "column-missing"),
        ([["Họ tên", "Mã cơ quan", "CCCD", "CMND"], ["An", "H36", "", ""]], "column-repeated"),
        ([["một", "hai"], ["An", "1"]], "header-not-found"),
        ([["Họ tên", "Mã cơ quan", *(f"c{n}" for n in range(100))]], "too-many-columns"),
    ],
)
@pytest.mark.parametrize("as_file", [lambda rows: csv_text(rows).encode(), xlsx])
def test_a_table_that_is_no_roster_is_refused(rows, code, as_file):
    reading = read(as_file(rows))

    assert reading.refusal is not None
    assert reading.refusal.code == code
    assert (reading.understood, list(reading.entries()), list(reading.rows()), reading.headers) == (
        None,
        [],
        [],
        (),
    )


def test_a_missing_column_is_named():
    refusal = read(b"Ma co quan\nH36\n").refusal

    assert refusal is not None
    assert "Họ và tên" in refusal.text.vi
    assert "ho_va_ten" in refusal.text.en


@pytest.mark.parametrize(
    ("content", "filename", "code"),
    [
        (b"", "a.csv", "file-empty"),
        (b"\xef\xbb\xbf \r\n\r\n", "a.csv", "file-empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.xls", "file-other-spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.xlsx", "file-encrypted"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.doc", "file-not-a-table"),
        (b"%PDF-1.7\n", "a.pdf", "file-not-a-table"),
        (b"{\\rtf1 }", "a.doc", "file-not-a-table"),
        (b"<html><table><tr><td>An</td></tr></table></html>", "a.xls", "file-web-page"),
        ("<HTML xmlns:x='urn'>".encode("utf-16"), "a.xls", "file-web-page"),
        (b"\x89PNG\r\n\x1a\n", "a.png", "file-not-a-table"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_a_remedy(content, filename, code):
    refusal = read(content, filename=filename).refusal

    assert refusal is not None
    assert refusal.code == code
    assert refusal.text.vi
    assert refusal.text.en != refusal.text.vi


def test_an_old_font_is_not_put_upon_good_vietnamese_in_a_workbook():
    refusal = read(xlsx(ROWS), encoding="vni").refusal

    assert refusal is not None
    assert refusal.code == "encoding-mismatch"


def test_limits_on_bytes_and_rows():
    content = b"Ho ten,Ma co quan,Ma can bo\n" + b"An,H36,1\n" * 10

    assert read(content, limits=Limits(rows=10)).refusal is None
    too_many, too_large = read(content, limits=Limits(rows=9)), read(content, limits=Limits(file_bytes=50))
    assert too_many.refusal is not None
    assert too_large.refusal is not None
    assert (too_many.refusal.code, too_large.refusal.code) == ("too-many-rows", "file-too-large")


def test_the_file_is_known_by_its_bytes(tmp_path):
    content = csv_text(ROWS).encode()
    path = tmp_path / "danh-sach.csv"
    path.write_bytes(content)

    from_path, from_bytes = read(path), read(content)

    assert from_path.sha256 == from_bytes.sha256
    assert len(from_path.sha256) == 64
    assert list(from_path.entries()) == list(from_bytes.entries()) == list(from_path.entries())


def test_notices_tell_how_the_file_was_taken():
    assert [problem.code for problem in read(in_windows_1258(csv_text(ROWS))).problems] == [
        "encoding-guessed",
        "columns-ignored",
    ]
    assert [problem.code for problem in read(xlsx(ROWS)).problems] == [
        "columns-ignored",
        "filename-misleading",
    ]
    assert [problem.code for problem in read(example_roster([], QUOTAS), filename="mau.xlsx").problems] == [
        "sheets-ignored"
    ]


def test_a_repeated_header_and_the_row_of_column_numbers_are_passed_over():
    numbers = [f"({number})" for number in range(1, 10)]
    reading = read(csv_text([ROWS[0], numbers, ROWS[1], ROWS[0], ROWS[2]]).encode())

    assert [entry.number for entry in reading.entries()] == [3, 5]
    assert [(problem.code, problem.row) for problem in reading.problems if problem.row != 1] == [
        ("header-row-repeated", 4)
    ]
    assert reading.understood is not None
    assert reading.understood.row_count == 2


def test_ragged_rows_are_told():
    content = b"Ho ten,Ma co quan,Ma can bo,Dien thoai\nAn,H36,1\nAn,H36,1,0912345678,,\nAn,H36,1,,Binh\n"

    assert codes(read(content)) == {2: ["row-too-short"], 3: [], 4: ["row-too-long"]}


def test_a_name_that_goes_on_under_no_title_is_not_cut_short():
    content = "Ma co quan,Ma can bo,Ho va ten,,Chuc vu\nH36,1,Nguyễn Thị,Ánh,\nH36,2,Lê Bình,,Chuyên viên\n"
    reading = read(content.encode())

    assert codes(reading) == {2: ["name-in-two-columns"], 3: []}
    assert [(problem.code, problem.text.en) for problem in reading.problems] == [
        ("columns-untitled", "Columns without a title, counted from the left, were not read: 4.")
    ]


def test_the_trace_of_a_failed_formula_is_no_text():
    reading = read(
        "Ma co quan,Ma can bo,Ho ten,Chuc vu\nH36,1,An,#N/A\nH36,2,Bình, #REF! \nH36,3,Cúc,#1\n".encode()
    )

    assert codes(reading) == {2: ["formula-error"], 3: ["formula-error"], 4: []}


def test_totals_and_signatures_are_told_in_one_sentence():
    reading = read("STT,Ma co quan,Ma can bo,Ho ten\n1,H36,1,An\nTổng cộng: 1,,,\n,,,Giám đốc\n".encode())

    assert codes(reading) == {2: [], 3: ["row-of-nobody"], 4: ["cell-missing", "cell-missing"]}


def test_a_person_needs_a_number_and_a_name_and_a_unit_only_its_agency():
    header = "Loai dong,Ma co quan,Ma can bo,Ho ten\n"
    reading = read((header + "don vi,H36.12,,\nca nhan,,,\n,H36.12,,An\ndon vi,,,Một cửa\n").encode())

    missing = [
        [problem.column for problem in entry.problems if problem.code == "cell-missing"]
        for entry in reading.entries()
    ]
    assert missing == [
        [],
        [Column.AGENCY_CODE, Column.STAFF_NUMBER, Column.FULL_NAME],
        [Column.STAFF_NUMBER],
        [Column.AGENCY_CODE],
    ]


def test_a_unit_keeps_its_name_as_written():
    reading = read("Loại dòng,Mã cơ quan,Họ tên\nđơn vị,H36.12,UBND XÃ 2\n".encode())

    assert [(entry.full_name, entry.problems) for entry in reading.entries()] == [("UBND XÃ 2", ())]


def test_newlines_and_separators_inside_quotes_belong_to_the_cell():
    reading = read('Họ tên;Mã cơ quan;Mã cán bộ;Chức vụ\nAn;H36;1;"Phó\nphòng; quỹ"\nBình;H36;2;\n'.encode())

    assert [(entry.number, entry.position) for entry in reading.entries()] == [
        (2, "Phó phòng; quỹ"),
        (3, None),
    ]


PEOPLE = "ma_co_quan,ma_can_bo,ho_va_ten,phan_loai,chuc_vu\n"
LAST = "H36.60,X9,Nguyễn Văn Bình,CC,Chuyên viên\n"


@pytest.mark.parametrize(
    ("swallowed", "rows"),
    [
        ('H36.60,X2,Lê Văn Ba,CC,"Chuyên viên"\n', [2, 3, 4]),
        ('H36.60,X2,Lê Văn Ba,CC,Chuyên viên"\n', [2, 3, 4]),
        ('H36.60,X2,"Lê Văn Ba",CC\n', [2, 3, 4]),
        ('H36.60,X2,Lê Văn Ba,CC,"Phó\nphòng"\n', [2, 3, 4]),
        ("H36.60,X2,Lê Văn Ba,CC,Kế toán\n" * 100, [*range(2, 104)]),
        ("", [2, 3]),
    ],
)
def test_a_quote_that_is_never_closed_costs_its_own_row_and_no_other(swallowed, rows):
    reading = read((PEOPLE + 'H36.60,X1,Nguyễn Văn An,CC,"Trưởng phòng\n' + swallowed + LAST).encode())

    first, *others = reading.entries()
    assert [first.number, *(entry.number for entry in others)] == rows
    assert [problem.code for problem in first.problems] == ["quote-unclosed"]
    assert first.staff_number == "X1"
    assert not any(entry.refused for entry in others)
    assert others[-1].staff_number == "X9"


def test_an_unclosed_quote_is_told_with_the_rows_it_ran_over():
    [first, *_] = read((PEOPLE + 'H36.60,X1,"Nguyễn Văn An,CC,\n' + LAST * 3).encode()).entries()

    told = {problem.code: problem.text for problem in first.problems}["quote-unclosed"]
    assert "3–5" in told.vi
    assert "3–5" in told.en


def test_a_cell_of_a_hundred_thousand_letters_costs_its_own_row_and_no_other():
    content = PEOPLE + 'H36.60,X1,Nguyễn Văn An,CC,"' + "x" * 140_000 + "\n" + LAST

    first, other = read(content.encode()).entries()

    assert "quote-unclosed" in [problem.code for problem in first.problems]
    assert (other.staff_number, other.refused) == ("X9", False)


@pytest.mark.parametrize(
    "cell",
    [
        "Phó\nphòng",
        "12 Trần Phú,\nphường 1, Đà Lạt",
        "một\n\nhai\r\nba,",
        'Phó "giám đốc",\nkiêm, kế toán',
        "\n",
    ],
)
def test_line_breaks_that_somebody_typed_into_a_cell_stay_in_it(cell):
    for position in (4, 3, 0):
        row = ["H36.60", "X1", "Nguyễn Văn An", "CC", ""]
        row[position] = cell
        content = csv_text([PEOPLE.strip().split(","), row, ["H36.60", "X2", "Lê Văn Ba", "CC", cell]])

        assert next(cells for _, cells in read(content.encode()).rows()) == row


@given(
    st.data(),
    st.sampled_from(["H36.60,{},Nguyễn Văn An,CC,Kế toán\n", '"H36.60","{}","An","CC","Kế\ntoán"\n']),
)
@settings(deadline=None)
def test_one_quotation_mark_too_many_makes_nobody_vanish(data, row):
    lines = [row.format(f"X{number:02}") for number in range(60)]
    struck = data.draw(st.integers(0, len(lines) - 1))
    at = data.draw(st.integers(0, len(lines[struck]) - 1))
    lines[struck] = lines[struck][:at] + '"' + lines[struck][at:]

    reading = read((PEOPLE + "".join(lines)).encode())

    assert reading.refusal is None
    found = {entry.staff_number for entry in reading.entries()}
    assert found >= {f"X{number:02}" for number in range(60) if number != struck}


HEADERS = st.sampled_from([*TITLES.values(), *Column, "STT", "Ghi chú", ""])
CELLS = st.one_of(
    st.sampled_from(
        ["", "x", "H36.12", "Nguyễn Văn An", "cá nhân", "đơn vị", "1985", "05/09/1985", "4GB", '"', "'", "="]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
TABLES = st.lists(st.lists(CELLS, max_size=8), max_size=12)


ENCODINGS = [None, *ENCODING_TITLES, "klingon"]


@given(st.binary(max_size=400), st.sampled_from(ENCODINGS))
@example(b"\xff\xfe", None)
@example(b"\xff\xfe\x00", None)
@example(b"\xef\xbb\xbf\x00", None)
@example(b"PK\x03\x04", None)
@example("ma_co_quan;ho_va_ten\n\x00;\u200b".encode(), None)
@example(b"ma_co_quan;ho_va_ten\n", "utf-16")
@settings(deadline=None)
def test_no_bytes_make_the_reader_raise(content, chosen):
    reading = read(content, encoding=chosen)

    assert (reading.refusal is None) == (reading.understood is not None)
    assert len(list(reading.entries())) == (reading.understood.row_count if reading.understood else 0)


@given(
    TABLES,
    st.lists(HEADERS, max_size=5),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    st.sampled_from(ENCODINGS),
)
@settings(deadline=None)
def test_every_row_of_any_table_is_accounted_for(rows, headers, separator, codec, chosen):
    content = csv_text([["Mã cơ quan", "Họ và tên", *headers], *rows], separator=separator).encode(codec)

    reading = read(content, encoding=chosen)

    if reading.understood is None:
        assert reading.refusal is not None
        return
    entries = list(reading.entries())
    assert [entry.number for entry in entries] == [number for number, _ in reading.rows()]
    assert len(entries) == reading.understood.row_count
    for entry in entries:
        assert entry.refused or (entry.agency_code and (entry.kind is RowKind.UNIT or entry.full_name))
        assert all(problem.row == entry.number for problem in entry.problems)


@pytest.mark.parametrize("as_file", [lambda rows: csv_text(rows).encode(), xlsx], ids=["csv", "xlsx"])
def test_eight_thousand_rows_take_a_moment(as_file):
    content = as_file([ROWS[0], *([*ROWS[1][:3], f"CB{number}", *ROWS[1][4:]] for number in range(8_000))])

    started = sum(times()[:4])
    reading = read(content)
    entries = sum(1 for entry in reading.entries() if not entry.refused)

    assert entries == 8_000
    # Of the processor, so that a busy machine does not count; about 0.3 and 0.6 s, the child's included.
    assert sum(times()[:4]) - started < 5
