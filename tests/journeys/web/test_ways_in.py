"""Coming in, in a real browser, at the width of a telephone and of a desk."""

import re
from base64 import b32decode
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from provisioner.operators.proving import STEP, code_at
from provisioner.operators.roles import Role
from provisioner.secret import Secret
from tests.journeys.web.listening import Complaints, fits
from tests.operators.people import PASSWORD, a_link, an_account, an_operator
from tests.web.site import Site

WIDTHS = [360, 1920]


@pytest.fixture(params=WIDTHS)
def width(request: pytest.FixtureRequest, page: Page) -> int:
    page.set_viewport_size({"width": request.param, "height": 800})
    return int(request.param)


def test_an_administrator_sets_up_a_password_and_a_code_and_signs_in(
    site: Site,
    page: Page,
    address: str,
    complaints: Complaints,
    is_accessible: Callable[[], None],
    width: int,
) -> None:
    token = a_link(site.database, an_operator(site.database, "chi", Role.ADMIN))
    page.goto(f"{address}/link/{token.reveal()}")
    is_accessible()
    assert fits(page)

    key = Secret((page.locator(".card code").text_content() or "").replace(" ", ""))
    assert len(b32decode(key.reveal())) == 20
    page.get_by_label("Mật khẩu mới").fill(PASSWORD)
    page.get_by_label("Mã xác thực").fill(code_at(key, int(site.now.timestamp()) // STEP))
    page.get_by_role("button", name="Thiết lập và đăng nhập").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Tỷ lệ cấp")
    assert fits(page)

    page.get_by_role("button", name="Đăng xuất").click()
    site.later(minutes=5)
    page.get_by_label("Tên đăng nhập").fill("chi")
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.get_by_label("Mã từ ứng dụng").fill(code_at(key, int(site.now.timestamp()) // STEP))
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_text("Người chi")).to_be_visible()
    is_accessible()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_ways_in_are_accessible_in_both_languages(
    site: Site,
    page: Page,
    address: str,
    complaints: Complaints,
    is_accessible: Callable[[], None],
    language: str,
    width: int,
) -> None:
    page.goto(f"{address}/?lang={language}")
    assert page.locator("html").get_attribute("lang") == language
    is_accessible()
    assert fits(page)


def test_a_refusal_says_so_beside_the_form(
    site: Site, page: Page, address: str, complaints: Complaints, is_accessible: Callable[[], None]
) -> None:
    an_account(site.database, "chi")
    page.goto(f"{address}/sign-in")
    page.get_by_label("Tên đăng nhập").fill("chi")
    page.get_by_label("Mật khẩu").fill("a wrong sentence")
    page.get_by_role("button", name="Đăng nhập").click()

    expect(page.get_by_role("alert")).to_contain_text("không đúng")
    complaints.expect_refusal(403)
    is_accessible()


def test_the_keyboard_alone_is_enough(site: Site, page: Page, address: str) -> None:
    an_account(site.database, "chi", Role.LEADER)
    page.goto(f"{address}/sign-in")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Bỏ qua đến nội dung")).to_be_focused()
    page.get_by_label("Tên đăng nhập").focus()
    page.keyboard.type("chi")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("/coverage$"))


def test_the_font_is_ours_and_is_used(site: Site, page: Page, address: str, complaints: Complaints) -> None:
    page.goto(address)
    page.evaluate("document.fonts.ready")

    assert page.evaluate("[...document.fonts].filter(font => font.status === 'loaded').length") >= 3
