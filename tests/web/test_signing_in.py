"""The ways in and out, as a browser takes them."""

import pytest
from flask import request

from provisioner.app import create_app
from provisioner.operators import links, naming
from provisioner.operators.models import LinkPurpose, SignedIn
from provisioner.operators.proving import STEP, code_at
from provisioner.operators.roles import Role
from provisioner.secret import Secret
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.web.visiting import source
from tests.books import NOW, count
from tests.operators.people import PASSWORD, Account, a_link, an_account, an_operator
from tests.province import SEALER
from tests.web.site import Browser, Site

SESSION = "__Host-session"
KEYS = {"keys": "1:" + "ab" * 32}


def enter(browser: Browser, account: Account, now=NOW, **more: str):
    browser.get("/sign-in")
    values = {"name": account.name, "password": PASSWORD, "code": account.code(now)} | more
    return browser.post("/sign-in", values)


def cookie(browser: Browser) -> str | None:
    found = browser.client.get_cookie(SESSION)
    return found.value if found else None


def test_signing_in_leads_to_the_page_that_was_wanted(site: Site) -> None:
    account = an_account(site.database, "chi", Role.APPROVER)
    browser = site.browser()

    away = browser.get("/coverage?detail=agency")
    assert (away.status_code, away.location) == (303, "/sign-in?next=/coverage?detail%3Dagency")
    assert "Phiên làm việc tự kết thúc sau 30 phút" in browser.page(away.location)
    assert "tự kết thúc" not in browser.page("/sign-in")
    answer = enter(browser, account, next="/coverage?detail=agency")

    assert (answer.status_code, answer.location) == (303, "/coverage?detail=agency")
    assert "Người chi" in browser.page("/coverage")


def test_the_session_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts(site: Site) -> None:
    answer = enter(site.browser(), an_account(site.database, "chi"))

    (header,) = [h for h in answer.headers.getlist("Set-Cookie") if h.startswith(SESSION)]
    assert {part.strip() for part in header.split(";")[1:]} == {
        "Secure",
        "HttpOnly",
        "Path=/",
        "SameSite=Lax",
    }


def test_a_cookie_from_before_the_sign_in_is_worth_nothing_after_it(site: Site) -> None:
    account = an_account(site.database, "chi", with_code=True)
    browser = site.browser()
    browser.client.set_cookie(SESSION, "chosen-by-somebody-else")

    enter(browser, account)
    first = cookie(browser)
    site.later(seconds=60)
    browser.get("/prove")
    browser.post("/sign-in", {"name": "chi", "password": PASSWORD, "code": account.code(site.now)})

    assert first not in (None, "chosen-by-somebody-else")
    assert cookie(browser) != first
    assert count(site.database, SignedIn) == 2  # this one, and the one of the set-up page


def test_every_refusal_has_the_same_page(site: Site) -> None:
    account = an_account(site.database, "chi", Role.ADMIN)
    pages = set()
    for values in (
        {"name": "nobody"},
        {"password": "a wrong sentence"},
        {"code": "000000"},
        {"name": ""},
        {"password": ""},
        {"code": "x" * 1000},
        {"name": "a" * 5000},
        {"name": "*)(uid=*"},
    ):
        browser = site.browser()
        answer = enter(browser, account, **values)
        assert answer.status_code == 403
        pages.add(answer.text.replace(browser.token, ""))

    assert len(pages) == 1


def test_after_too_many_failures_the_answer_is_429(site: Site) -> None:
    browser = site.browser()
    answers = [
        enter(browser, Account("nobody", None), password="wrong sentence").status_code for _ in range(9)
    ]

    assert answers == [403] * 8 + [429]


def test_signing_out_ends_the_session_on_the_server(site: Site) -> None:
    browser = site.signed_in("chi", Role.LEADER)
    kept = cookie(browser)
    browser.page("/coverage")

    assert browser.post("/sign-out").status_code == 303

    assert cookie(browser) is None
    browser.client.set_cookie(SESSION, kept or "")
    assert browser.get("/coverage").status_code == 303


def test_a_disabled_operator_is_out_in_mid_session(site: Site) -> None:
    browser = site.signed_in("chi", Role.LEADER)
    assert browser.get("/coverage").status_code == 200

    with site.database.transaction() as session:
        naming.disable(session, naming.find_operator(session, "chi"), by="test", now=site.now)

    assert browser.get("/coverage").status_code == 303


def test_a_role_that_was_taken_is_gone_with_the_next_page(site: Site) -> None:
    browser = site.signed_in("chi", Role.LEADER)
    with site.database.transaction() as session:
        operator = naming.find_operator(session, "chi")
        naming.withdraw(session, operator, Role.LEADER, None, by=None, now=site.now)

    assert browser.get("/coverage").status_code == 403


def test_a_session_is_kept_alive_by_work_and_ends_without_it(site: Site) -> None:
    browser = site.signed_in("chi", Role.LEADER)
    for _ in range(4):
        site.later(minutes=20)
        assert browser.get("/coverage").status_code == 200
    site.later(minutes=31)

    assert browser.get("/coverage").status_code == 303


def test_proving_oneself_anew_changes_the_cookie_and_goes_on(site: Site) -> None:
    account = an_account(site.database, "chi", Role.APPROVER)
    browser = site.browser()
    enter(browser, account)
    before = cookie(browser)
    site.later(seconds=60)

    browser.get("/prove?next=/coverage")
    wrong = browser.post("/prove", {"password": PASSWORD, "code": "000000", "next": "/coverage"})
    right = browser.post(
        "/prove", {"password": PASSWORD, "code": account.code(site.now), "next": "/coverage"}
    )

    assert (wrong.status_code, right.status_code, right.location) == (403, 303, "/coverage")
    assert cookie(browser) != before


def test_who_came_by_a_link_and_has_no_password_is_not_asked_for_one(site: Site) -> None:
    """It would be a dead end: what they can do instead is said."""
    page = site.signed_in("lan", Role.ADMIN).page("/prove?next=/people/1/identity")

    assert 'type="password"' not in page
    assert "xin một liên kết mới" in page
    assert "trong vòng 10 phút" in page


def test_a_set_up_link_takes_a_password_and_a_code_once(site: Site) -> None:
    operator = an_operator(site.database, "chi", Role.ADMIN)
    token = a_link(site.database, operator).reveal()
    browser = site.browser()

    page = browser.page(f"/link/{token}")
    assert "<svg" in page
    short = browser.post(f"/link/{token}", {"password": "short", "code": "123456"})
    assert short.status_code == 422
    assert browser.post(f"/link/{token}", {"password": PASSWORD, "code": "000000"}).status_code == 422

    with site.database.reading() as session:
        key = links.look(session, Secret(token), sealer=SEALER, now=site.now).key
    done = browser.post(
        f"/link/{token}", {"password": PASSWORD, "code": code_at(key, int(site.now.timestamp()) // STEP)}
    )

    assert done.status_code == 303
    assert browser.get("/coverage").status_code == 200
    assert site.browser().get(f"/link/{token}").status_code == 404


def test_a_sign_in_link_is_used_up_by_the_button_and_not_by_looking(site: Site) -> None:
    operator = an_operator(site.database, "chi", Role.LEADER)
    token = a_link(site.database, operator, LinkPurpose.SIGN_IN).reveal()
    first, second = site.browser(), site.browser()
    first.page(f"/link/{token}")
    second.page(f"/link/{token}")

    assert first.post(f"/link/{token}").status_code == 303
    assert second.post(f"/link/{token}").status_code == 404


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "x",
    ],
)
def test_nobody_is_sent_to_another_site(site: Site, wanted: str) -> None:
    browser = site.browser()

    answer = enter(browser, an_account(site.database, "chi"), next=wanted)

    assert answer.location == "/"


def test_a_form_of_before_the_sign_in_needs_its_token_too(site: Site) -> None:
    """Signing somebody in under an attacker's account is an attack as well (FreeIPA CVE-2023-5455)."""
    account = an_account(site.database, "chi")
    values = {"name": account.name, "password": PASSWORD}
    browser = site.browser()
    browser.get("/sign-in")

    assert browser.post("/sign-in", values, token="").status_code == 403
    assert browser.post("/sign-in", values, token="x" * 43).status_code == 403
    assert browser.post("/sign-in", values, origin="https://evil.example").status_code == 403
    assert browser.post("/sign-in", values, origin=None).status_code == 403
    assert site.browser().post("/sign-in", values).status_code == 403
    assert browser.post("/sign-in", values).status_code == 303


@pytest.mark.parametrize(
    ("proxies", "counted_by"), [(0, "10.0.0.1"), (1, "203.0.113.7"), (2, "198.51.100.9"), (4, "10.0.0.1")]
)
def test_sign_ins_are_counted_by_what_our_own_proxies_saw(proxies: int, counted_by: str) -> None:
    """The rest of X-Forwarded-For is what somebody says of themselves."""
    app = create_app(Services(Settings.load(web={"trusted_proxies": proxies}, identity=KEYS)))
    seen = {"X-Forwarded-For": "192.0.2.1, 198.51.100.9, 203.0.113.7", "X-Forwarded-Host": "evil.example"}

    with app.test_client() as client:
        client.get("/kich-hoat", headers=seen, environ_base={"REMOTE_ADDR": "10.0.0.1"})

        assert source() == counted_by
        assert request.host == "localhost"


def test_only_our_own_proxy_says_that_the_browser_came_over_tls() -> None:
    for proxies, scheme in ((0, "http"), (1, "https")):
        app = create_app(Services(Settings.load(web={"trusted_proxies": proxies}, identity=KEYS)))
        with app.test_client() as client:
            client.get("/kich-hoat", headers={"X-Forwarded-Proto": "https"})

            assert request.scheme == scheme


def test_owners_of_mailboxes_find_their_own_pages_from_the_first(site: Site) -> None:
    page = site.browser().get("/", follow=True).text

    assert 'href="/toi/dang-nhap"' in page
    assert 'href="/kich-hoat"' in page
