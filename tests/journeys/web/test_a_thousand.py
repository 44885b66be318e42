"""A thousand people in one file, some rows wrong, in both languages: check, correction, approval, progress, result."""

import io
import re
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from provisioner.operators.roles import Role
from tests.journeys.web.centre import LONG, Centre, Person
from tests.journeys.web.listening import barriers
from tests.mail.town import until
from tests.province import Row, a_roster_of, an_official
from tests.rosters.files import xlsx

SIZE = 1000
PLANTED: dict[int, tuple[Row, str, str]] = {
    17: ({"ma_co_quan": "H36.99"}, "agency code", "H36.99"),
    230: ({"ho_va_ten": ""}, "full name", ""),
    231: ({"ma_can_bo": ""}, "staff number", ""),
    502: ({"dung_luong": "không giới hạn"}, "quota", ""),
    999: ({"ho_va_ten": "Nguyễn 4nh"}, "full name", ""),
}
"""By row of the sheet: what is wrong there, the column that is to be named, and a word of the sentence."""

WORDS = {
    "vi": {
        "file": "Tệp CSV hoặc XLSX",
        "check": "Kiểm tra tệp",
        "rows": "Các dòng",
        "row": "Dòng",
        "agency code": "Mã cơ quan",
        "full name": "Họ và tên",
        "staff number": "Mã cán bộ",
        "quota": "Dung lượng",
        "new": "Cấp mới",
        "refused": "Bị từ chối",
        "problems": "Lỗi đầu tiên",
        "outcome": "Kết quả",
        "show": "Xem",
        "result": "Toàn bộ kết quả, tệp XLSX",
        "somebody else": "Bạn đã nạp danh sách này nên người khác phải phê duyệt.",
        "approve": "Phê duyệt và thực hiện",
        "progress": "Đã vào sổ",
        "was issued": "Đã cấp",
        "was refused": "Bị từ chối",
    },
    "en": {
        "file": "CSV or XLSX file",
        "check": "Check the file",
        "rows": "Rows",
        "row": "Row",
        "agency code": "Agency code",
        "full name": "Full name",
        "staff number": "Staff number",
        "quota": "Quota",
        "new": "New",
        "refused": "Refused",
        "problems": "First problems",
        "outcome": "Outcome",
        "show": "Show",
        "result": "Whole result as XLSX",
        "somebody else": "You loaded this roster, so somebody else has to approve it.",
        "approve": "Approve and set going",
        "progress": "In the books",
        "was issued": "issued",
        "was refused": "refused",
    },
}

Words = dict[str, str]

_FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi", "Đỗ", "Hồ")
_MIDDLE = ("Thị", "Văn", "Minh", "Ngọc", "Đức", "Thanh", "Hữu", "Kim", "Quốc", "Xuân")
_GIVEN = ("Ánh", "Bình", "Cường", "Dũng", "Giang", "Hà", "Khôi", "Lan", "Mai", "Phúc")


def a_thousand() -> list[Row]:
    """People whose names repeat as names do; one in fifty asks for a certificate."""
    return [
        an_official(
            f"CB{number:04}",
            f"{_FAMILY[number % 10]} {_MIDDLE[number // 10 % 10]} {_GIVEN[number // 100]}",
            ma_co_quan=("H36.05", "H36.06", "H36.05.01")[number % 3],
            chung_thu="x" if number % 50 == 0 else "",
            dung_luong="",
        )
        for number in range(SIZE)
    ]


def with_errors(rows: list[Row]) -> list[Row]:
    return [row | PLANTED.get(number, ({}, "", ""))[0] for number, row in enumerate(rows, start=2)]


def loads(person: Person, rows: list[Row], name: str, folder: Path, words: Words) -> None:
    """Send the file in, and stay on its page until it is checked."""
    page = person.page
    (folder / name).write_bytes(xlsx(a_roster_of(*rows)))
    person.goes("/rosters")
    page.get_by_label(words["file"]).set_input_files(folder / name)
    expect(page.locator("[data-name]")).to_have_text(name)
    page.get_by_role("button", name=words["check"]).click()
    expect(page.get_by_role("heading", name=words["rows"])).to_be_visible(timeout=LONG)


def count_of(page: Page, outcome: str) -> int:
    found = page.locator(".facts div").filter(has_text=outcome).locator("dd").text_content() or ""
    return int(re.sub(r"\D", "", found))


def result(person: Person, words: Words, *, proof: bool) -> list[tuple[str, ...]]:
    """The rows of the workbook that comes back, its headers first; who signed in a while ago has to prove it anew."""
    page = person.page
    link = page.get_by_role("link", name=words["result"])
    with page.expect_download(timeout=LONG) as workbook:
        link.click()
        if proof:
            person.gives_proof()
    book = openpyxl.load_workbook(io.BytesIO(Path(workbook.value.path()).read_bytes()))
    sheet = book.worksheets[-1]
    return [tuple(str(cell or "") for cell in row) for row in sheet.iter_rows(values_only=True)]


@pytest.mark.parametrize("language", ["vi", pytest.param("en", marks=pytest.mark.slow)])
def test_a_roster_of_a_thousand_is_corrected_approved_watched_and_comes_back(
    centre: Centre, tmp_path: Path, language: str
) -> None:
    words = WORDS[language]
    admin = centre.person("quan", Role.ADMIN)
    approver = centre.person("binh", Role.APPROVER)
    page = admin.page
    admin.signs_in(language)

    # The check page counts, and names each problem by row and column.
    loads(admin, with_errors(a_thousand()), "danh-sach.xlsx", tmp_path, words)
    counts = count_of(page, words["new"]), count_of(page, words["refused"])
    assert counts == (SIZE - len(PLANTED), len(PLANTED))
    problems = page.locator("h2", has_text=words["problems"]).locator("xpath=following-sibling::ul[1]/li")
    told = problems.all_inner_texts()
    assert len(told) == len(PLANTED)
    for text, (row, (_, column, word)) in zip(told, PLANTED.items(), strict=True):
        assert text.startswith(f"{words['row']} {row}, {words[column]}:"), text
        assert word in text
    page.get_by_label(words["outcome"]).select_option(label=words["refused"])
    page.get_by_role("button", name=words["show"]).click()
    expect(page.locator("tbody tr")).to_have_count(len(PLANTED))
    assert barriers(page) == []

    # The result says the same beside each row; corrected in it, the file goes in again.
    headers, *rows = result(admin, words, proof=False)
    state, reason = headers.index("trang_thai"), headers.index("ly_do")
    refused = {number for number, row in enumerate(rows, start=2) if row[state] == words["was refused"]}
    assert refused == set(PLANTED)
    assert all(rows[number - 2][reason] for number in PLANTED)
    one_left = [row | PLANTED[17][0] if n == 17 else row for n, row in enumerate(a_thousand(), start=2)]
    loads(admin, one_left, "danh-sach-2.xlsx", tmp_path, words)
    assert (count_of(page, words["new"]), count_of(page, words["refused"])) == (SIZE - 1, 1)
    expect(page.get_by_text(words["somebody else"])).to_be_visible()

    # Another person approves, after proving who they are, and sees it going.
    approver.signs_in(language)
    centre.clock.put_forward(minutes=20)
    approver.goes("/approvals")
    approver.page.get_by_role("link", name="danh-sach-2.xlsx").click()
    approver.page.get_by_role("button", name=words["approve"]).click()
    approver.gives_proof()
    approver.page.wait_for_url(re.compile("/rosters/"))
    approver.page.get_by_role("button", name=words["approve"]).click()
    progress = approver.page.get_by_label(re.compile(words["progress"]))
    expect(progress).to_have_attribute("max", str(SIZE - 1))
    expect(progress).to_have_attribute("value", str(SIZE - 1), timeout=LONG)
    expect(approver.page.locator("[data-part][data-poll]")).to_have_count(0, timeout=LONG)  # nothing waits

    # slapd holds them, and the file comes back with what became of each row.
    page.reload()
    headers, *rows = result(admin, words, proof=True)
    given = headers.index("dia_chi_cap")
    assert {row[state] for row in rows} == {words["was issued"], words["was refused"]}
    assert [n for n, row in enumerate(rows, start=2) if row[state] == words["was refused"]] == [17]
    addresses = {row[given] for row in rows if row[given]}
    assert len(addresses) == SIZE - 1
    directory = centre.services.directory
    assert until(lambda: len(list(directory.scan(centre.slapd.dit.people))) == SIZE - 1, within=60)
    assert {
        mail.decode()
        for entry in directory.scan(centre.slapd.dit.people)
        for mail in entry.attributes["mail"]
    } == addresses
