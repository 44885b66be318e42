"""A leader in front of the board: from the figures to the names, to the file, to a report signed for the province."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from provisioner.audit import Who
from provisioner.operators.roles import Role
from provisioner.reports.signing_asked import sign_asked
from tests.fakes.directory import FakeDirectory
from tests.journeys.web.listening import Complaints, fits
from tests.province import DIT, an_official, issued, provide, synced
from tests.web.site import Site

PAGES = (
    "/coverage",
    "/coverage?rank=leaders&all=1",
    "/coverage?agency=H36.05&detail=agency",
    "/coverage?as_of=2026-11-19",
    "/coverage/names?list=staff-unserved",
    "/coverage/names?list=certificates",
    "/coverage/names?list=locked",
    "/coverage/report",
    "/coverage/signed",
)


@pytest.fixture
def board(province: Site) -> Site:
    """Two days of history, then mailboxes, certificates, and somebody without either."""
    for _ in range(2):
        province.app.extensions["provisioner"].take_snapshot()
        province.later(days=1)
    synced(province.database, FakeDirectory(DIT), now=province.now)
    issued(province.database, now=province.now)
    provide(province.database, an_official("CB82", "Lê Không Hộp"), now=province.now)
    return province


@pytest.mark.parametrize("language", [pytest.param("vi", marks=pytest.mark.slow), "en"])
def test_every_page_of_the_board_is_accessible_quiet_and_fits(
    board: Site,
    page: Page,
    address: str,
    complaints: Complaints,
    comes_in: Callable[..., None],
    is_accessible: Callable[[], None],
    language: str,
) -> None:
    comes_in("chi", Role.LEADER)
    page.goto(f"{address}/coverage?lang={language}")
    for path in PAGES:
        for width in (360, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(address + path)
            assert page.locator("html").get_attribute("lang") == language
            assert fits(page), (path, width)
        is_accessible()


def test_a_leader_goes_from_the_board_to_the_names_to_a_signed_report(
    board: Site, page: Page, address: str, complaints: Complaints, comes_in: Callable[..., None]
) -> None:
    comes_in("chi", Role.LEADER)
    page.goto(f"{address}/coverage")
    page.locator(".chart-bars:visible a").filter(has_text="Sở Khoa học và Công nghệ").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sở Khoa học và Công nghệ")
    page.get_by_role("link", name=re.compile("còn thiếu")).first.click()
    expect(page.get_by_role("table")).to_contain_text("Lê Không Hộp")
    page.get_by_role("link", name="Trở lại số liệu").click()
    expect(page.get_by_label("Mã cơ quan")).to_have_value("H36.05")
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="CSV").click()
    assert downloaded.value.suggested_filename.endswith(".csv")

    page.get_by_role("link", name="Báo cáo (PDF)").click()
    page.get_by_role("button", name="Yêu cầu ký số của tỉnh").click()
    expect(page.get_by_role("status")).to_contain_text("Đã gửi yêu cầu ký")
    expect(page.get_by_role("table")).to_contain_text("Đang chờ ký")
    sign_asked(board.database, lambda pdf, _place: pdf, who=Who("signer"), clock=lambda: board.now)
    expect(page.get_by_role("table")).to_contain_text("Đã ký", timeout=30_000)  # the page asks by itself
    with page.expect_download() as downloaded:
        page.get_by_role("table").get_by_role("link").first.click()
    assert downloaded.value.suggested_filename.endswith(".pdf")


def test_the_board_prints_its_figures_without_what_is_for_clicking(
    board: Site, page: Page, address: str, comes_in: Callable[..., None]
) -> None:
    comes_in("chi", Role.LEADER)
    page.goto(f"{address}/coverage")
    page.emulate_media(media="print")

    expect(page.locator(".tiles")).to_be_visible()
    expect(page.locator(".chart-trend:visible")).to_have_count(1)
    for hidden in (".filters", ".files", ".ways", ".tabs"):
        expect(page.locator(hidden)).to_be_hidden()
    page.set_viewport_size({"width": 703, "height": 1032})  # A4 between its margins
    for path in ("/coverage", "/coverage?detail=agency", "/people"):
        page.goto(f"{address}{path}")
        assert fits(page), path
        assert page.evaluate(
            "[...document.querySelectorAll('section > .scroll, main > .scroll')]"
            ".every(one => one.scrollWidth <= one.clientWidth)"
        ), path
        assert page.locator("thead th").last.is_visible(), path  # lists are tables on paper, and no cards


def test_on_a_telephone_the_navigation_shows_where_one_is(
    board: Site, page: Page, address: str, comes_in: Callable[..., None]
) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    comes_in("lan", Role.ADMIN)
    for path in ("/coverage", "/people", "/system"):
        page.goto(f"{address}{path}")

        expect(page.locator(".ways [aria-current]")).to_be_in_viewport(ratio=1)
