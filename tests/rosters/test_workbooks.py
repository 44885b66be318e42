"""Workbooks are opened at arm's length: bombs end there, and everything else comes through."""

import io
import random
import re
import struct
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from os import times

import psutil
import pytest
import xlsxwriter

from provisioner.rosters.files.archives import inspect
from provisioner.rosters.files.limits import LONGEST_CELL, MIB, Limits
from provisioner.rosters.files.problems import Refused
from provisioner.rosters.files.workbooks import workbook_table
from provisioner.rosters.reading import read_roster
from tests.rosters.files import in_tcvn3, in_vni, xlsx

HEADER = ["Họ và tên", "Mã cơ quan", "Mã cán bộ"]
GOOD = xlsx([HEADER, ["Nguyễn Văn An", "H36.12", "CB1"]])
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
LIMITS = Limits()


def rebuilt(
    member: str,
    change: Callable[[bytes], bytes],
    *,
    more: dict[str, bytes] | None = None,
    of: bytes = GOOD,
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(of)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name == member else content)
        for name, content in (more or {}).items():
            new.writestr(name, content)
    return out.getvalue()


def before(tag: bytes, content: bytes) -> Callable[[bytes], bytes]:
    return lambda xml: xml.replace(tag, content + tag)


def declaring(archive: bytes, member: str, size: int) -> bytes:
    """The archive with another size for the member in its directory."""
    entry = archive.rindex(member.encode()) - 46
    assert archive[entry : entry + 4] == b"PK\x01\x02"
    return archive[: entry + 24] + struct.pack("<L", size) + archive[entry + 28 :]


def huge_declared() -> bytes:
    return declaring(GOOD, SHEET, 0xFFFFFFF0)


def huge_real() -> bytes:
    return rebuilt(SHEET, before(b"</sheetData>", b" " * (100 * MIB)))


def lying() -> bytes:
    return declaring(huge_real(), SHEET, 1_000)


def many_members() -> bytes:
    return rebuilt(SHEET, bytes, more={f"xl/media/{number}.xml": b"" for number in range(20_000)})


def huge_strings() -> bytes:
    return rebuilt(STRINGS, before(b"</sst>", b"<si><t>an</t></si>" * (5 * MIB)))


def laughs() -> bytes:
    entities = b"".join(
        b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 10)
    )
    doctype = b'<!DOCTYPE l [<!ENTITY l0 "ha">' + entities + b"]>"
    return rebuilt(STRINGS, lambda xml: xml.replace(b"<sst", doctype + b"<sst", 1))


def far_cell() -> bytes:
    cell = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    return rebuilt(SHEET, before(b"</sheetData>", cell))


def disguised_far_cell() -> bytes:
    cell = b'<row r="1048576"><c s="0" r="XFD1048576"><v>1</v></c></row>'
    return rebuilt(SHEET, before(b"</sheetData>", cell))


@pytest.mark.parametrize(
    ("bomb", "code"),
    [
        (huge_declared, "workbook-too-big"),
        (huge_real, "workbook-too-big"),
        (lying, "workbook-too-big"),
        (many_members, "workbook-too-big"),
        (huge_strings, "workbook-too-big"),
        (laughs, "workbook-unsafe"),
        (far_cell, "workbook-too-big"),
        (disguised_far_cell, "workbook-too-big"),
    ],
)
def test_a_bomb_is_refused_in_little_time_and_memory(bomb, code):
    content = bomb()
    process = psutil.Process()
    started, memory = sum(times()[:4]), process.memory_info().rss
    before = {child.pid for child in process.children()}  # servers that other tests share

    with pytest.raises(Refused) as refused:
        workbook_table(content, None, LIMITS)

    assert refused.value.refusal.code == code
    assert sum(times()[:4]) - started < 5  # of the processor, the child's included: well below 2 alone
    assert process.memory_info().rss - memory < 100 * MIB
    assert {child.pid for child in process.children()} <= before


def test_a_small_lie_about_a_size_is_refused_too():
    with pytest.raises(Refused) as refused:
        inspect(io.BytesIO(declaring(GOOD, SHEET, 1_000)), LIMITS)

    assert refused.value.refusal.code == "workbook-unsafe"


def test_a_cell_is_cut_where_excel_would_end_it():
    """One text that many cells share stands once in the file, and is written out for each on the way to the reader."""
    text = random.Random(7).randbytes(MIB).hex().encode()
    row = b'<row r="9"><c r="A9" t="str"><v>' + text + b"</v></c></row>"

    table = workbook_table(rebuilt(SHEET, before(b"</sheetData>", row)), None, LIMITS)

    assert dict(table.rows())[9][0] == text.decode()[:LONGEST_CELL]


def test_a_huge_dimension_is_a_claim_that_nobody_believes():
    dimension = re.compile(rb'<dimension ref="[^"]*"/>')
    crooked = rebuilt(SHEET, lambda xml: dimension.sub(b'<dimension ref="A1:XFD1048576"/>', xml))
    assert crooked != GOOD

    assert len(list(workbook_table(crooked, None, LIMITS).rows())) == 2


def test_empty_formatted_cells_far_out_do_no_harm():
    formatted = rebuilt(SHEET, before(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576" s="0"/></row>'))

    assert len(list(workbook_table(formatted, None, LIMITS).rows())) == 2


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ({"word/document.xml": b"<a/>"}, "file-not-a-table"),
        ({"xl/workbook.bin": b""}, "file-other-spreadsheet"),
        ({"mimetype": b"", "content.xml": b"<a/>"}, "file-other-spreadsheet"),
        ({"hinh.png": b""}, "file-not-a-table"),
        ({"xl/workbook.xml": b"<a/>", "../../etc/passwd": b"x"}, "workbook-unsafe"),
        ({"xl/workbook.xml": b"not xml at all"}, "workbook-unreadable"),
    ],
)
def test_other_archives_are_refused(names, code):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in names.items():
            archive.writestr(name, content)

    with pytest.raises(Refused) as refused:
        workbook_table(out.getvalue(), None, LIMITS)

    assert refused.value.refusal.code == code


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04", b"PK\x03\x04" + b"x" * 500, GOOD[:-30], GOOD[:900] + GOOD[950:]]
)
def test_a_damaged_workbook_is_refused(content):
    with pytest.raises(Refused) as refused:
        workbook_table(content, None, LIMITS)

    assert refused.value.refusal.code in {"workbook-unreadable", "workbook-unsafe"}


def test_a_process_that_needs_too_much_time_is_given_up():
    with pytest.raises(Refused) as refused:
        workbook_table(GOOD, None, Limits(workbook_seconds=0))

    assert refused.value.refusal.code == "workbook-too-big"


def test_cells_come_as_somebody_would_type_them():
    table = workbook_table(
        xlsx(
            [
                HEADER,
                ["An", 68085001234, 1.5, True, date(1985, 9, 5), datetime(1985, 9, 5, 7, 30)],  # noqa: DTZ001
                [],
                ["Bình", "012", 912345678.0],
            ]
        ),
        None,
        LIMITS,
    )

    assert [(number, [cell for cell in cells if cell]) for number, cells in table.rows()] == [
        (1, HEADER),
        (2, ["An", "68085001234", "1.5", "true", "1985-09-05", "1985-09-05 07:30:00"]),
        (4, ["Bình", "012", "912345678"]),
    ]


def test_rows_can_be_gone_through_again_and_at_the_same_time():
    table = workbook_table(GOOD, None, LIMITS)

    assert [first == second for first, second in zip(table.rows(), table.rows(), strict=True)] == [True, True]


def test_the_visible_sheet_with_a_header_is_the_one_that_is_read():
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        book.add_worksheet("Bìa").write(0, 0, "Danh sách")
        hidden = book.add_worksheet("Ẩn")
        hidden.write_row(0, 0, HEADER)
        hidden.hide()
        book.add_worksheet("Danh sách").write_row(4, 1, HEADER)

    table = workbook_table(out.getvalue(), None, LIMITS)

    assert (table.sheet, table.other_sheets) == ("Danh sách", ("Bìa",))
    assert [number for number, _ in table.rows()] == [5]


@pytest.mark.parametrize("left", [0, 2])
def test_a_cell_merged_over_several_rows_stands_in_each_of_them(left):
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        page = book.add_worksheet()
        page.write_row(0, left, [*HEADER, "Chức vụ"])
        page.write_row(1, left, ["Nguyễn Văn An", "", "CB1"])
        page.write_row(2, left, ["Lê Văn Bình", "", "CB2"])
        page.write_row(5, left, ["Đỗ Văn Cường", "", "CB3"])
        page.write_row(6, left, ["Vũ Thị Dung", "", "CB4"])
        page.merge_range(1, left + 1, 5, left + 1, "H36.12")

    table = workbook_table(out.getvalue(), None, LIMITS)

    assert [(number, cells[1]) for number, cells in table.rows()] == [
        (1, "Mã cơ quan"),
        (2, "H36.12"),
        (3, "H36.12"),
        (6, "H36.12"),
        (7, ""),
    ]


@pytest.mark.parametrize("shown", ["1", "true"])
def test_rows_that_are_hidden_are_read_and_said(shown):
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, HEADER)
        for at in range(1, 5):
            page.write_row(at, 0, [f"Nguyễn Văn {'ABCD'[at - 1]}", "H36.12", f"CB{at}"])
        page.set_row(2, None, None, {"hidden": True})
        page.set_row(4, None, None, {"hidden": True})
        page.set_row(8, None, None, {"hidden": True})  # with nothing in it
    other = f'hidden="{shown}"'.encode()  # as LibreOffice writes it
    content = rebuilt(SHEET, lambda xml: xml.replace(b'hidden="1"', other), of=out.getvalue())

    reading = read_roster(content, filename="x.xlsx", today=date(2026, 11, 20))

    assert [entry.number for entry in reading.entries()] == [2, 3, 4, 5]
    (notice,) = [problem for problem in reading.problems if problem.code == "rows-hidden"]
    assert (notice.row, "2 dòng" in notice.text.vi) == (3, True)


def test_a_cell_whose_formula_failed_is_not_an_empty_one():
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        other = book.add_worksheet("Nguồn & khác")
        other.write_formula("B6", "=1/0", None, "#REF!")
        page = book.add_worksheet("Danh sách <1>")
        page.write_row(3, 1, [*HEADER, "Nghỉ từ ngày", "Chức vụ"])
        page.write_row(4, 1, ["Nguyễn Văn An", "H36.12", "CB1", "", "Chuyên viên"])
        page.write_formula("E5", "=VLOOKUP(D5,'Nguồn & khác'!A:B,2,0)", None, "#N/A")
        page.write_row(5, 1, ["Lê Văn Bình", "H36.12", "CB2", "", ""])
        page.write_formula("F6", '=IF(1<2,"Kế toán","")', None, "Kế toán")

    reading = read_roster(out.getvalue(), filename="errors.xlsx", today=date(2026, 11, 22))

    first, second = reading.entries()
    (problem,) = first.problems
    assert (problem.code, problem.column, problem.value) == ("formula-error", "nghi_tu", "#N/A")
    assert (second.problems, second.position) == ((), "Kế toán")


def test_a_header_of_two_rows_is_read_as_it_looks():
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        page = book.add_worksheet()
        for column, title in enumerate(HEADER):
            page.merge_range(3, column, 4, column, title)
        page.merge_range(3, 3, 3, 4, "Thông tin cá nhân")
        page.write_row(4, 3, ["Ngày sinh", "Chức vụ"])
        page.write_row(5, 0, ["Nguyễn Văn An", "H36.12", "CB1", "05/09/1985", "Chuyên viên"])

    reading = read_roster(out.getvalue(), filename="two.xlsx", today=date(2026, 11, 22))

    (entry,) = reading.entries()
    assert (entry.number, entry.birth_date, entry.position) == (6, date(1985, 9, 5), "Chuyên viên")
    assert (entry.problems, reading.problems) == ((), ())


@pytest.mark.parametrize(("font", "typed"), [("tcvn3", in_tcvn3), ("vni", in_vni)])
def test_a_workbook_typed_in_an_old_font_is_converted(font, typed):
    rows = [HEADER, ["nguyễn thị huệ", "H36.12", "1"], ["trần đình quỳnh", "H36.12", "2"]]
    content = xlsx([[typed(cell) for cell in row] for row in rows])

    guessed = workbook_table(content, None, LIMITS)
    chosen = workbook_table(content, font, LIMITS)

    assert (guessed.encoding, chosen.encoding) == (font, font)
    assert [cells for _, cells in guessed.rows()] == [cells for _, cells in chosen.rows()] == rows


def test_the_process_sees_none_of_our_environment(monkeypatch):
    seen = {}

    def spy(*args, **kwargs):
        seen.update(kwargs["env"])
        return real(*args, **kwargs)

    from provisioner.rosters.files import workbooks

    real = workbooks.subprocess.run
    monkeypatch.setenv("PROVISIONER_SECRET", "x")
    monkeypatch.setattr(workbooks.subprocess, "run", spy)
    workbook_table(GOOD, None, LIMITS)

    assert set(seen) == {"PYTHONPATH"}


@pytest.mark.parametrize("seed", range(8))
def test_a_workbook_damaged_anywhere_is_read_or_refused(seed):
    chance = random.Random(seed)
    damaged = bytearray(GOOD)
    for _ in range(4):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)

    reading = read_roster(bytes(damaged), filename="a.xlsx", today=date(2026, 11, 21))

    assert (reading.refusal is None) == (reading.understood is not None)
