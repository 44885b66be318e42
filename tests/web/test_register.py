"""The register on its pages: search that forgives, filters in the address, details, and the trail."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from provisioner.agencies.models import Agency
from provisioner.certificates.models import Certificate
from provisioner.operators.roles import Role
from tests.fakes.directory import FakeDirectory
from tests.province import (
    AGENCIES,
    DIT,
    PROVINCE,
    SCIENCE,
    an_agency,
    an_official,
    import_list,
    issued,
    provide,
    synced,
    the_person,
)
from tests.web.extracting import WEB
from tests.web.site import Site

TEMPLATES = WEB / "templates"


@pytest.fixture
def filled(province: Site) -> Site:
    provide(
        province.database,
        an_official(
            "CB80", "Đặng Thị Hòa", so_dinh_danh="068190000123", ngay_sinh="01/02/1990", chung_thu="x"
        ),
        an_official("CB81", "Lê Hoàng Đức"),
        now=province.now,
    )
    synced(province.database, FakeDirectory(DIT), now=province.now)
    issued(province.database, now=province.now)
    return province


@pytest.mark.parametrize("asked", ["Đặng Thị Hòa", "dang thi hoa", "HOÀ đặng", "hoa dang", "CB80"])
def test_a_person_is_found_however_the_name_is_written(filled: Site, asked: str) -> None:
    page = filled.signed_in("lan", Role.ADMIN).page(f"/people?q={asked}")

    assert "Đặng Thị Hòa" in page
    assert "Lê Hoàng Đức" not in page
    assert "Tìm thấy: 1" in page


def test_a_search_sorts_what_it_found_as_the_list_does(filled: Site) -> None:
    page = filled.signed_in("lan", Role.ADMIN).page("/people?q=t")

    names = ["Nguyễn Thị Ánh", "Trần Văn Bình", "Đặng Thị Hòa"]
    assert [page.index(name) for name in names] == sorted(page.index(name) for name in names)


def test_a_search_that_finds_too_many_says_so_and_shows_the_first(
    filled: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioner.web.listing.MOST_FOUND", 2)

    page = filled.signed_in("lan", Role.ADMIN).page("/people?q=t")

    assert "Tìm thấy hơn 2 kết quả" in page
    assert "Nguyễn Thị Ánh" in page


def test_a_search_is_for_the_beginnings_of_words_and_in_reach_only(filled: Site) -> None:
    browser = filled.signed_in("lan", Role.ADMIN)
    own = filled.signed_in("hoa", Role.HR, agency="H36.06")

    assert "Đặng Thị Hòa" in browser.page("/people?q=da")
    assert "Đặng Thị Hòa" not in browser.page("/people?q=ang")
    assert "Đặng Thị Hòa" in browser.page("/people?q=da&page=7")
    assert "Tìm thấy: 0" in own.page("/people?q=da")
    assert "Tìm thấy: 1" in own.page("/people?q=tran")


def test_a_list_without_a_match_says_what_to_do(filled: Site) -> None:
    assert "Không tìm thấy" in filled.signed_in("lan", Role.ADMIN).page("/people?q=khongcoai")


def test_people_are_sorted_by_given_name_and_filtered_by_agency(filled: Site) -> None:
    browser = filled.signed_in("lan", Role.ADMIN)
    page = browser.page("/people")
    assert (
        page.index("Nguyễn Thị Ánh")
        < page.index("Trần Văn Bình")
        < page.index("Lê Hoàng Đức")
        < page.index("Đặng Thị Hòa")
    )

    assert "Trần Văn Bình" not in browser.page("/people?agency=H36.05")


def test_a_person_in_detail_shows_no_identity_number(filled: Site) -> None:
    person = the_person(filled.database, "CB80")

    page = filled.signed_in("lan", Role.ADMIN).page(f"/people/{person.id}")

    assert "đã niêm phong" in page
    assert "068190000123" not in page
    assert "@lamdong.gov.vn" in page
    assert "Đã cấp" in page


@pytest.mark.parametrize(
    ("path", "shows"),
    [
        ("/mailboxes", "Đang hoạt động"),
        ("/mailboxes?state=locked", "Tìm thấy: 0"),
        ("/mailboxes?q=skhcn", "skhcn@lamdong.gov.vn"),
        ("/certificates?state=issued", "Đã cấp"),
        ("/agencies?q=tai chinh", "Sở Tài chính"),
        ("/agencies?q=H36.05", "Sở Khoa học và Công nghệ"),
        ("/audit?action=roster.approved", "Đã phê duyệt"),
        ("/audit?actor=binh", "binh"),
        ("/people?page=99999999999999999999", "Tìm thấy"),
        ("/people?page=-1&q=%00%27%25_", "Tìm thấy"),
    ],
)
def test_lists_answer_what_the_address_asks(filled: Site, path: str, shows: str) -> None:
    assert shows in filled.signed_in("lan", Role.ADMIN).page(path)


def test_a_search_for_everything_is_no_pattern(filled: Site) -> None:
    browser = filled.signed_in("lan", Role.ADMIN)

    assert "Tìm thấy: 0" in browser.page("/mailboxes?q=%25zz")
    assert "Tìm thấy: 0" in browser.page("/certificates?q=%25")


def test_the_trail_holds_no_secret_of_the_ways_in(filled: Site) -> None:
    """Whoever reads the trail does not become anybody (midPoint 027)."""
    browser = filled.signed_in("lan", Role.AUDITOR)
    other = filled.signed_in("quan", Role.ADMIN)
    secrets = [cookie.value for one in (browser, other) for cookie in one.client._cookies.values()]

    page = browser.page("/audit")

    assert len(secrets) >= 2
    assert not any(secret in page for secret in secrets if len(secret) > 20)


@pytest.fixture
def two_roots(filled: Site) -> Site:
    """Beside the province's own tree one that begins with a code of the province, and an office that was renumbered."""
    imported = import_list(
        filled.database,
        *AGENCIES,
        an_agency("H36.60", "Tỉnh ủy Lâm Đồng", "tinhuy", loai="tinh_uy", khoi="dang"),
        an_agency("H36.60.01", "Văn phòng Tỉnh ủy", "vptu", "H36.60", loai="phong", ma_cu="000.77.60.H36"),
    )
    assert imported.problems == []
    provide(
        filled.database,
        an_official("CB90", "Hồ Thị Mai", ma_co_quan="H36.60"),
        an_official("CB91", "Mai Văn Sang", ma_co_quan="H36.60.01"),
        an_official("CB92", "Võ Thị Tư", ma_co_quan="H36.05.01"),
        now=filled.now,
    )
    return filled


@pytest.mark.parametrize(
    ("code", "people"),
    [
        ("H36", ("CB1", "CB2", "CB80", "CB81", "CB92")),
        ("H36.60", ("CB90", "CB91")),
        ("h36.05", ("CB1", "CB80", "CB81", "CB92")),
        ("000.00.05.H36", ("CB1", "CB80", "CB81", "CB92")),
        ("H36.60.77", ("CB91",)),
        ("000.77.60.H36", ("CB91",)),
    ],
)
def test_a_list_of_an_agency_follows_the_tree_by_any_code_it_has_or_had(
    two_roots: Site, code: str, people: tuple[str, ...]
) -> None:
    browser = two_roots.signed_in("lan", Role.ADMIN)

    page = browser.page(f"/people?agency={code}")
    boxes = browser.page(f"/mailboxes?agency={code}")

    assert set(re.findall(r"\bCB\d+\b", page)) == set(people)
    assert set(re.findall(r"[a-z]+@lamdong.gov.vn", page)) <= set(re.findall(r"[a-z]+@lamdong.gov.vn", boxes))


def test_mailboxes_of_an_agency_are_also_those_of_who_left_it_last(province: Site) -> None:
    moved = an_official(
        "CB2", "Trần Văn Bình", ma_co_quan="H36.05", so_quyet_dinh="1/QĐ", ngay_quyet_dinh="20/11/2026"
    )
    provide(province.database, moved, now=province.now)
    later = province.now + timedelta(days=1)
    provide(province.database, an_official("CB2", "Trần Văn Bình", nghi_tu="22/11/2026"), now=later)
    browser = province.signed_in("lan", Role.ADMIN)

    there, before = (browser.page(f"/mailboxes?agency={code}") for code in ("H36.05", "H36.06"))

    assert ("binhtv@" in there, "binhtv@" in before) == (True, False)
    assert "đã nghỉ" in there
    assert "binhtv@" in browser.page("/mailboxes?agency=H36&q=binh")


def test_people_who_left_are_listed_where_they_were_last(province: Site) -> None:
    later = province.now + timedelta(days=2)
    left = an_official("CB2", "Trần Văn Bình", ma_co_quan="H36.06", nghi_tu=f"{later:%d/%m/%Y}")
    provide(province.database, left, now=later)
    browser = province.signed_in("lan", Role.ADMIN)

    pages = [browser.page(f"/people?state=left{part}") for part in ("", "&agency=H36.06", "&agency=H36.05")]

    assert ["Trần Văn Bình" in page for page in pages] == [True, True, False]
    assert all("Nguyễn Thị Ánh" not in page for page in pages)
    assert "Trần Văn Bình" not in browser.page("/people?agency=H36.06")
    assert "Trần Văn Bình" in browser.page("/people?state=left&q=binh")


@pytest.mark.parametrize("path", ["/people", "/mailboxes", "/usage"])
def test_a_list_of_an_agency_that_nobody_knows_says_so(two_roots: Site, path: str) -> None:
    page = two_roots.signed_in("lan", Role.ADMIN).page(f"{path}?agency=H36.99")

    assert "Không có cơ quan nào mang mã H36.99." in page
    assert "Tìm thấy: 0" in page


def test_an_agency_out_of_reach_is_as_unknown_as_one_that_is_not_there(two_roots: Site) -> None:
    page = two_roots.signed_in("hoa", Role.HR, agency="H36.06").page("/people?agency=H36.05")

    assert "Không có cơ quan nào mang mã H36.05." in page
    assert "Tìm thấy: 0" in page


@pytest.mark.parametrize("code", ["H36", "H36.05", "H36.60"])
def test_the_button_of_an_agency_counts_what_the_list_behind_it_shows(two_roots: Site, code: str) -> None:
    browser = two_roots.signed_in("lan", Role.ADMIN)
    with two_roots.database.reading() as session:
        agency = session.scalars(select(Agency.id).where(Agency.code == code)).one()

    address, shown = re.findall(
        r'href="(/people\?agency=[^"]+)">Cán bộ: (\d+)', browser.page(f"/agencies/{agency}")
    )[0]

    assert f"Tìm thấy: {shown}<" in browser.page(address)


@pytest.mark.parametrize("asked", ["UBND tỉnh", "ubnd tinh lam dong", "ủy ban nhân dân", "uy ban n", "ubn"])
@pytest.mark.parametrize("name", [PROVINCE["ten"], "UBND tỉnh Lâm Đồng"])
def test_an_agency_is_found_by_what_everybody_writes_for_short(province: Site, asked: str, name: str) -> None:
    import_list(province.database, PROVINCE | {"ten": name}, now=province.now)

    page = province.signed_in("lan", Role.ADMIN).page(f"/agencies?q={asked}")

    assert name in page
    assert "Tìm thấy: 1<" in page


def test_agencies_that_had_the_same_code_one_after_the_other_have_pages_of_their_own(province: Site) -> None:
    closes, begins = province.now.date() - timedelta(days=1), province.now.date()
    import_list(province.database, SCIENCE | {"hieu_luc_den": closes.isoformat()}, now=province.now)
    centre = an_agency("H36.05", "Trung tâm Mới", "ttm", "H36", hieu_luc_tu=begins.isoformat())
    import_list(province.database, centre, now=province.now)
    import_list(
        province.database,
        centre | {"ma_co_quan": "H36.77", "ma_cu": "H36.05", "nguoi_lien_he": "Bà Xuân"},
        now=province.now,
    )
    with province.database.reading() as session:
        ids = {name: id_ for id_, name in session.execute(select(Agency.id, Agency.name))}
    browser = province.signed_in("lan", Role.ADMIN)

    old, new = (browser.page(f"/agencies/{ids[name]}") for name in (SCIENCE["ten"], centre["ten"]))

    for page, code, days in (
        (old, "H36.05", ("01/07/2025", f"{closes:%d/%m/%Y}")),
        (new, "H36.77", (f"{begins:%d/%m/%Y}", "nay")),
    ):
        row = re.search(rf'<th scope="row">{code}</th>(.*?)</tr>', page)
        assert row
        assert [day for day in days if day not in row[1]] == []
    assert page_history(old).count("Sở Khoa học") == 1  # that it was made
    assert "Trung tâm Mới" not in page_history(old)
    assert page_history(new).count("Trung tâm Mới") == 1
    assert "Bà Xuân" in page_history(new)
    assert "Sở Khoa học" not in page_history(new)


def page_history(page: str) -> str:
    """What stands in the history of a page."""
    return page[page.index("Lịch sử") :]


@pytest.mark.parametrize("asked", ["Đặng Thị Hòa", "hoa dang", "hoadt", "cu.hoa"])
@pytest.mark.parametrize("path", ["/mailboxes", "/certificates"])
def test_mailboxes_and_certificates_are_found_by_name_and_by_every_address(
    filled: Site, path: str, asked: str
) -> None:
    address = "moi.hoa@lamdong.gov.vn"
    for given in ("cu.hoa@lamdong.gov.vn", address):
        provide(filled.database, an_official("CB80", "Đặng Thị Hòa", dia_chi_thu=given), now=filled.now)

    page = filled.signed_in("lan", Role.ADMIN).page(f"{path}?q={asked}")

    assert address in page
    assert "Đặng Thị Hòa" in page
    assert "Tìm thấy: 1<" in page


@pytest.mark.parametrize("path", ["/mailboxes", "/certificates"])
def test_a_search_of_mailboxes_that_finds_too_many_shows_the_first(
    filled: Site, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioner.web.listing.MOST_FOUND", 1)

    page = filled.signed_in("lan", Role.ADMIN).page(f"{path}?q=n")

    assert "Tìm thấy hơn 1 kết quả" in page
    assert "@lamdong.gov.vn" in page


def test_a_certificate_is_found_by_its_serial_number_as_programs_write_it(filled: Site) -> None:
    with filled.database.reading() as session:
        serial = session.scalars(select(Certificate.serial).where(Certificate.serial.is_not(None))).first()
    assert serial
    padded = serial.zfill(-(-len(serial) // 2) * 2)
    written = ":".join(padded[at : at + 2] for at in range(0, len(padded), 2)).upper()

    page = filled.signed_in("lan", Role.ADMIN).page(f"/certificates?q={written}")

    assert serial in page
    assert "Tìm thấy: 1<" in page


@pytest.mark.parametrize("path", ["/people", "/mailboxes", "/certificates", "/agencies"])
def test_on_a_narrow_screen_each_cell_of_a_list_says_what_it_is(filled: Site, path: str) -> None:
    """There the head of the table is out of sight, and the cells of a row stand one below the other."""
    page = filled.signed_in("lan", Role.ADMIN).page(path)
    table = page.partition('<table class="cards">')[2].partition("</table>")[0]
    head, _, body = table.partition("</thead>")
    heads = re.findall(r'<th scope="col">([^<]+)</th>', head)
    first_row = body.partition("</tr>")[0]

    assert len(heads) > 3
    assert re.findall(r'<td data-label="([^"]+)">', first_row) == heads[1:]
    css = (Path(__file__).parents[2] / "provisioner/web/static/site.css").read_text("utf-8")
    assert ":is(.planned, .cards) [data-label]::before" in css


def test_no_list_is_wider_than_a_telephone() -> None:
    """A table stands there as cards, whose cells say what they are; only tables of figures are scrolled."""
    for path in sorted(TEMPLATES.glob("*.html")):
        for classes, table in re.findall(r"<table([^>]*)>(.*?)</table>", path.read_text("utf-8"), re.DOTALL):
            assert re.search("cards|planned|figures", classes), path.name
            heads = re.findall(r'<th scope="col"[^>]*>\{\{ _\("(.*?)"\) \}\}', table)
            if classes == ' class="cards"' and heads:
                labels = re.findall(r"<td data-label=\"\{\{ _\('(.*?)'\) \}\}\"", table)
                assert labels == heads[1:], path.name
