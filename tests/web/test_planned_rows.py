"""Whoever approves sees all that a row will do: on the page of a request and on that of a roster alike."""

import re
from html import unescape
from io import BytesIO

import pytest

from provisioner.operators.roles import Role
from provisioner.requests.models import Request
from provisioner.rosters.facts import RowFacts
from provisioner.rosters.models import RosterRow
from tests.books import asked
from tests.province import a_roster_of, an_official, provide
from tests.rosters.files import csv_text
from tests.web.site import Browser, Site
from tests.web.test_requests import approver, hr, sent, written

NUMBER = "068085007777"
FULL = {
    "row-0-ngay_sinh": "02/03/1985",
    "row-0-so_dinh_danh": NUMBER,
    "row-0-chuc_vu": "Trưởng phòng Hành chính",
    "row-0-lanh_dao": "x",
    "row-0-dien_thoai": "0912345678",
    "row-0-dia_chi_thu": "lehoa.vp@lamdong.gov.vn",
}


def rows_on(page: str) -> list[str]:
    """The words of each row of the plan as they are drawn."""
    table = page.partition('<table class="planned">')[2].partition("</table>")[0]
    body = table.partition("<tbody>")[2]
    return [
        " ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split())
        for row in body.split("</tr>")
        if "<td" in row
    ]


def loaded(site: Site, *rows: dict[str, str]) -> str:
    """The page of a roster that an administrator loaded."""
    admin = site.signed_in("quan", Role.ADMIN)
    admin.get("/rosters")
    content = csv_text(a_roster_of(*rows)).encode()
    page = admin.post("/rosters", {"file": (BytesIO(content), "danh-sach.csv")}).location
    site.plan_rosters()
    return page


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "vi",
            (
                "sinh 02/03/1985",
                "lãnh đạo",
                "Công chức",
                "sẽ cấp",
                "địa chỉ theo đề nghị",
                "số định danh ****",
            ),
        ),
        (
            "en",
            (
                "born 2 Mar 1985",
                "leader",
                "Civil servant",
                "to be issued",
                "address as wished",
                "identity number ****",
            ),
        ),
    ],
)
def test_an_approver_sees_every_fact_of_a_row(province: Site, language: str, words: tuple[str, ...]) -> None:
    page = written(province, **FULL)
    sent(page, hr(province))

    (row,) = rows_on(approver(province).page(f"{page}?lang={language}"))

    for fact in (
        *("Lê Thị Hòa", "CB50", "Trưởng phòng Hành chính", "0912345678", "lehoa.vp@lamdong.gov.vn"),
        *("H36.05", "4 GB", *words),
    ):
        assert fact.lower() in row.lower(), fact
    assert NUMBER not in row
    assert NUMBER[-4:] not in row
    assert row.startswith("1 ")


def test_every_fact_that_a_digest_covers_is_drawn(province: Site) -> None:
    """Whoever adds a fact to rows finds out here that nobody would see it."""
    drawn = {"kind", "agency_id", "agency_code", "staff_number", "full_name", "birth_date", "phone", "title"}
    drawn |= {"leader", "category", "address", "quota_bytes", "certificate"}
    drawn |= {"leaves_on", "decision", "decision_date"}

    assert set(RowFacts.__dataclass_fields__) == drawn
    page = loaded(
        province, an_official("CB60", "Trần Văn An", quyet_dinh="QĐ 7/QĐ-SNV", ngay_quyet_dinh="1/11/2026")
    )
    assert "quyết định QĐ 7/QĐ-SNV, 01/11/2026" in rows_on(approver(province).page(page))[0]


def test_an_exception_to_the_quota_is_marked_before_anybody_approves_it(province: Site) -> None:
    page = loaded(
        province,
        an_official("CB60", "Trần Văn An", dung_luong="8GB"),
        an_official("CB61", "Lê Văn Bình", dung_luong="4GB"),
        an_official("CB1", "Nguyễn Thị Ánh", dung_luong="8GB"),
    )

    eight, four, known = rows_on(approver(province).page(page))

    assert "8 GB ngoại lệ" in eight
    assert "4 GB" in four
    assert "ngoại lệ" not in four
    assert "8 GB ngoại lệ" in known
    assert "Dung lượng: 4 GB → 8 GB" in known


def test_an_approver_is_led_to_the_rows_that_stand_out(province: Site) -> None:
    ordinary = [an_official(f"CB{n}", f"Lê Văn {name}") for n, name in ((61, "An"), (62, "Ba"), (63, "Ca"))]
    page = loaded(province, *ordinary, an_official("CB64", "Trần Văn Bình", dung_luong="8GB"))
    chi = approver(province)

    whole = chi.page(page)
    card = whole.partition('<form class="card narrow"')[2].partition("</form>")[0]
    assert "Cần xem kỹ: 1" in card
    (address,) = re.findall(r'href="([^"]+)"', card)

    (row,) = rows_on(chi.page(address))
    assert "Trần Văn Bình" in row


def test_a_roster_of_ordinary_rows_leads_nowhere(province: Site) -> None:
    page = loaded(province, an_official("CB61", "Lê Văn An"))

    assert "Cần xem kỹ" not in approver(province).page(page)


def test_a_change_says_what_becomes_of_what_in_words(province: Site) -> None:
    page = loaded(
        province,
        an_official(
            "CB1",
            "Nguyễn Thị Ánh Nguyệt",
            ma_co_quan="H36.06",
            so_dinh_danh=NUMBER,
            ngay_sinh="02/03/1985",
            chuc_vu="Chuyên viên",
            lanh_dao="x",
            phan_loai="viên chức",
            dien_thoai="0912345678",
        ),
    )

    (row,) = rows_on(approver(province).page(page))

    for change in (
        "Họ và tên: Nguyễn Thị Ánh → Nguyễn Thị Ánh Nguyệt",
        "Ngày sinh: 02/03/1985",
        "Cơ quan, đơn vị: H36.05 Sở Khoa học và Công nghệ → H36.06 Sở Tài chính",
        "Chức vụ: Chuyên viên",
        "Lãnh đạo: không → có",
        "→ Viên chức",
        "Số định danh: ***",
        "Điện thoại: 0912345678",
    ):
        assert change in row, (change, row)
    assert not re.search(r"_id|agency|title|True|None", row)


def test_a_leave_names_whom_the_staff_number_belongs_to(province: Site) -> None:
    """A letter names somebody by number and name; it is the number that loses the mailbox."""
    leave = {
        "kind": "leave",
        "decision": "45/QĐ-SKHCN",
        "row-0-ma_can_bo": "CB1",
        "row-0-nghi_tu": "21/11/2026",
    }
    page = written(province, **leave, **{"row-0-ho_va_ten": "Trần Thị Khác"})
    sent(page, hr(province))

    (row,) = rows_on(approver(province).page(page))

    assert "Trong sổ: Nguyễn Thị Ánh" in row
    assert "anhnt@lamdong.gov.vn" in row
    assert "Hộp thư: Đang hoạt động → Tạm khóa" in row
    assert "Nghỉ từ ngày: 21/11/2026" in row


def test_a_request_tells_nothing_of_a_person_of_another_agency(province: Site) -> None:
    page = written(province, **{"row-0-ma_can_bo": "CB2", "row-0-ho_va_ten": "Lê Thị Hòa"})

    (row,) = rows_on(hr(province).page(page))

    assert "Trần Văn Bình" not in row
    assert "binhtv" not in row


def test_rows_of_a_request_have_one_number_on_every_page(province: Site) -> None:
    page = written(province, **{"row-1-ma_can_bo": "CB50", "row-1-ho_va_ten": "Lê Thị Hoa"})
    with province.database.reading() as session:
        plan_id = session.query(Request.plan_id).scalar()
    second = approver(province)

    for address in (page, f"/rosters/{plan_id}"):
        first, other = rows_on(second.page(address))
        assert first.startswith("1 ")
        assert "cũng có ở dòng 2 " in first
        assert other.startswith("2 ")
        assert "cũng có ở dòng 1 " in other
    assert "Dòng 1, Mã cán bộ: Mã cán bộ này cũng có ở dòng 2" in second.page(f"/rosters/{plan_id}")


def test_a_refused_row_says_whom_it_is_about(province: Site) -> None:
    page = loaded(
        province,
        an_official("CB60", "Trần Văn An", ma_co_quan="H36.99"),
        an_official("CB61", "Lê Thị Bích", ngay_sinh="31/02/1990"),
        an_official("CB62", f"Lê {NUMBER}"),
        an_official("", "Không Mã"),
    )

    closed, date_, digits, numberless = rows_on(approver(province).page(f"{page}?outcome=refused"))

    assert "Trần Văn An" in closed
    assert "H36.99" in closed
    assert "Lê Thị Bích" in date_
    assert "H36.05" in date_
    assert "CB62" in digits
    assert "Không Mã" in numberless
    with province.database.reading() as session:
        kept = repr([(row.facts, row.problems) for row in session.query(RosterRow)])
    assert NUMBER not in kept


def test_a_page_of_rows_asks_as_often_as_a_single_row(province: Site) -> None:
    provide(province.database, *(an_official(f"K{n}", f"Trần Văn {n * 'A'}n") for n in range(1, 9)))
    few = loaded(province, an_official("K1", "Trần Văn An", chuc_vu="Văn thư"))
    many = loaded(
        province, *(an_official(f"K{n}", f"Trần Văn {n * 'A'}n", chuc_vu="Chuyên viên") for n in range(1, 9))
    )
    browser = approver(province)

    assert questions(province, browser, many) == questions(province, browser, few)


def questions(site: Site, browser: Browser, path: str) -> int:
    """How many questions the books are asked for a page that was opened once before."""
    browser.page(path)
    with asked(site.database) as statements:
        browser.page(path)
    return len(statements)


def test_a_column_is_said_once_and_what_was_not_understood_is_said_apart(province: Site) -> None:
    admin = province.signed_in("quan", Role.ADMIN)
    admin.get("/rosters")
    rows = "Mã cơ quan,ma_can_bo,HO VA TEN (đầy đủ),SĐT,Ghi chú\nH36.05,CB60,Trần Văn An,,x\nH36.05,,Không Mã,,\n"
    page = admin.post("/rosters", {"file": (BytesIO(rows.encode()), "danh-sach.csv")}).location
    province.plan_rosters()

    shown = " ".join(unescape(re.sub(r"<[^>]+>", " ", admin.page(page))).split())

    assert (
        "Mã cơ quan; ma_can_bo; HO VA TEN (đầy đủ); SĐT → Điện thoại Không hiểu, không dùng đến Ghi chú"
        in shown
    )
    english = " ".join(unescape(re.sub(r"<[^>]+>", " ", admin.page(f"{page}?lang=en"))).split())
    assert (
        "Mã cơ quan; ma_can_bo; HO VA TEN (đầy đủ); SĐT → Phone Not understood, not used Ghi chú" in english
    )


def test_whoever_loaded_rows_that_were_refused_is_led_to_load_the_file_again(province: Site) -> None:
    admin = province.signed_in("quan", Role.ADMIN)
    with_one = loaded(province, an_official("CB60", "Trần Văn An"), an_official("", "Không Mã"))
    with_none = loaded(province, an_official("CB61", "Trần Văn Ba"))

    assert '<a href="/rosters">Nạp tệp đã sửa</a>' in admin.page(with_one)
    assert "Nạp tệp đã sửa" not in admin.page(with_none)
    assert "Nạp tệp đã sửa" not in approver(province).page(with_one)


def test_a_page_that_looks_how_far_it_is_gets_no_rows(province: Site) -> None:
    page = f"/rosters/{provide(province.database, an_official('CB7', 'Lê Không Hộp'))}"
    admin = province.signed_in("quan", Role.ADMIN)

    whole, again = admin.page(page), admin.part(page)

    assert "Lê Không Hộp" in whole
    assert "Đã vào sổ: 1 trên 1 dòng" in whole
    assert "Đã vào sổ: 1 trên 1 dòng" in again
    assert "Lê Không Hộp" not in again
    assert "<h1" not in again
