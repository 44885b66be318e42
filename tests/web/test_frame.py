"""The frame: default deny, who may see what, forms that are ours, and the headers of every answer."""

import ast
import re

import pytest
from werkzeug.routing import Rule

from provisioner.errors import Text, Unavailable
from provisioner.operators.models import SignedIn
from provisioner.operators.roles import Role
from provisioner.web.policies import policy_of
from tests.books import count
from tests.web.extracting import WEB
from tests.web.site import Site

OPEN = {
    "static",
    "health.health",
    "signing_in.home",
    "signing_in.show",
    "signing_in.enter",
    "sign_on.start",
    "sign_on.answer",
    "sign_on.code",
    "sign_on.give_code",
    "links.show",
    "links.use",
}
"""Pages of ours that ask for no sign-in. A new one has to be written here, too."""

PROGRAMS = {"pki", "activation"}
"""Rooms of which everything is open, because programs and people without an account use them."""

OWNERS = {"owner", "owner_keys"}
"""Rooms of mailboxes' owners, who sign in with a session of their own; these two pages are their way in."""
OWNERS_DOOR = {"owner.enter", "owner.sign_in"}


def test_every_page_declares_its_policy(site: Site) -> None:
    undeclared = [
        rule.endpoint for rule in site.app.url_map.iter_rules() if policy_of(site.app, rule.endpoint) is None
    ]

    assert undeclared == []


def test_a_page_that_declares_nothing_is_seen_by_nobody(site: Site) -> None:
    site.app.view_functions["forgotten"] = lambda: "shown"
    site.app.url_map.add(Rule("/forgotten", endpoint="forgotten"))

    assert site.signed_in("chi", Role.ADMIN).get("/forgotten").status_code == 403


def test_only_the_listed_pages_are_open(site: Site) -> None:
    open_ = {
        rule.endpoint
        for rule in site.app.url_map.iter_rules()
        if (policy := policy_of(site.app, rule.endpoint)) is not None and policy.everybody
    }

    assert {endpoint for endpoint in open_ if room_of(endpoint) not in PROGRAMS | OWNERS} == OPEN


def room_of(endpoint: str) -> str:
    return endpoint.partition(".")[0]


def addresses(site: Site, method: str) -> list[tuple[str, str]]:
    """Every endpoint with this method and an address of it that fits."""
    found = []
    for rule in site.app.url_map.iter_rules():
        if method in (rule.methods or set()):
            with site.app.test_request_context():
                values = {name: _fitting(rule._converters[name]) for name in rule.arguments}
                found.append(
                    (rule.endpoint, site.app.url_map.bind("localhost").build(rule.endpoint, values, method))
                )
    return found


def _fitting(converter: object) -> object:
    """A value that this part of an address takes."""
    return {"RowNumber": 1, "AnyConverter": "csv"}.get(type(converter).__name__, "x")


def test_an_anonymous_crawl_of_the_whole_map_sees_nothing(province: Site) -> None:
    """T11: whoever has not signed in is sent to the form, and what they send changes nothing."""
    crawled = 0
    for method in ("GET", "POST"):
        for endpoint, address in addresses(province, method):
            if endpoint in OPEN | OWNERS_DOOR or room_of(endpoint) in PROGRAMS:
                continue
            browser, door = province.browser(), "/sign-in?next="
            if room_of(endpoint) in OWNERS:
                door = "/toi/dang-nhap"
            browser.get("/sign-in")
            answer = browser.get(address) if method == "GET" else browser.post(address)
            crawled += 1
            assert answer.status_code == (303 if method == "GET" else 403), endpoint
            if method == "GET":
                assert (answer.location or "").startswith(door), endpoint

    assert crawled >= 60


def test_no_name_in_the_address_breaks_a_page(province: Site) -> None:
    """Anybody may write what Flask's own `url_for` takes for its orders, or what a page calls its ids."""
    odd = "&".join(
        ["endpoint=x", "_scheme=x", "_anchor=x", "_method=POST", "_external=1", "values=x"]
        + [
            f"{name}=2"
            for name in sorted({name for r in province.app.url_map.iter_rules() for name in r.arguments})
        ]
    )
    for browser in (province.browser(), province.signed_in("chi", Role.ADMIN, Role.HR)):
        for endpoint, address in addresses(province, "GET"):
            plain, asked = browser.get(address), browser.get(f"{address}?{odd}")
            assert asked.status_code == plain.status_code, (endpoint, address)
            if b"hreflang=" in asked.data:
                assert b"?endpoint=x&amp;_scheme=x&amp;" in asked.data, endpoint


@pytest.mark.parametrize("number", [str(2**31), str(2**63)], ids=["int4", "int8"])
def test_a_number_that_no_row_has_is_no_page(province: Site, number: str) -> None:
    browser = province.signed_in("chi", Role.ADMIN)
    rules = [
        rule
        for rule in province.app.url_map.iter_rules()
        if "<int:" in rule.rule and "GET" in (rule.methods or ())
    ]
    asked = [re.sub("<any[^>]*>", "csv", re.sub("<int:[^>]*>", number, rule.rule)) for rule in rules]

    assert {browser.get(address).status_code for address in asked} == {404}
    assert len(asked) >= 10


def test_every_unsafe_page_asks_for_the_token_and_the_origin(province: Site) -> None:
    browser = province.signed_in("chi", Role.ADMIN)
    browser.page("/coverage")
    checked = 0
    for endpoint, address in addresses(province, "POST"):
        if policy_of(province.app, endpoint).programs:
            continue
        for bad in (
            {"token": ""},
            {"token": "x" * 43},
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"origin": None},
        ):
            before = count(province.database, SignedIn)
            answer = browser.post(address, **bad)
            assert answer.status_code == 403, (endpoint, bad)
            assert "foreign-form" in answer.text, (endpoint, bad)
            assert count(province.database, SignedIn) == before
            checked += 1

    assert checked >= 150


def test_a_cross_site_request_is_refused_whatever_its_origin_says(site: Site) -> None:
    browser = site.signed_in("chi", Role.LEADER)
    browser.page("/coverage")

    answer = browser.client.post(
        "/sign-out",
        data={"form_token": browser.token},
        headers={"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    )

    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/", "/coverage", "/nothing", "/health", "/static/site.css"])
def test_every_answer_carries_the_headers(site: Site, path: str) -> None:
    answer = site.signed_in("chi", Role.LEADER).get(path)

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in answer.headers["Cache-Control"] or path.startswith("/static")


def test_strict_transport_is_asked_for_over_tls_only(site: Site) -> None:
    client = site.app.test_client()

    assert "Strict-Transport-Security" in client.get("/", base_url="https://localhost").headers
    assert "Strict-Transport-Security" not in client.get("/").headers


def test_an_unknown_page_and_a_wrong_method_are_pages_in_words(site: Site) -> None:
    browser = site.browser()

    assert browser.get("/nothing").status_code == 404
    assert "Không có trang này" in browser.get("/nothing").text
    assert browser.get("/sign-out").status_code == 405


def test_a_mistake_of_ours_tells_nothing_of_itself(site: Site) -> None:
    def broken() -> str:
        raise RuntimeError("the secret detail")

    original = site.app.view_functions["coverage.show"]
    broken.provisioner_policy = original.provisioner_policy
    site.app.view_functions["coverage.show"] = broken

    answer = site.signed_in("chi", Role.LEADER).get("/coverage")

    assert answer.status_code == 500
    assert "secret detail" not in answer.text


def test_books_that_do_not_answer_are_a_page_and_no_crash(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = site.signed_in("chi", Role.LEADER)

    def away(*_args: object) -> None:
        raise Unavailable(Text(vi="Sổ không trả lời.", en="The books do not answer."))

    monkeypatch.setattr(site.database, "reading", away)
    answer = browser.get("/coverage")

    assert answer.status_code == 503
    assert "Sổ không trả lời" in answer.text


@pytest.mark.parametrize(
    ("agency", "sees", "not_"), [("H36.05", "H36.05", "H36.06"), ("H36.06", "H36.06", "H36.05")]
)
def test_coverage_shows_the_readers_own_part(province: Site, agency: str, sees: str, not_: str) -> None:
    browser = province.signed_in("chi", Role.LEADER, agency=agency)

    page = browser.page("/coverage?detail=agency")

    assert f">{sees}<" in page
    assert f">{not_}<" not in page
    assert browser.get(f"/coverage?agency={not_}").status_code == 404


def test_pages_open_the_books_only_as_far_as_the_visitor_may_see_them() -> None:
    """`database.reading()` without a reach is for the ways in, the watchdog, and what is one's own."""
    allowed = {"health.py", "activation.py", "signing_in.py", "links.py", "visiting.py", "account.py"}
    allowed |= {"owner.py", "owner_keys.py", "owner_visiting.py"}
    allowed |= {"request_forms.py"}  # a scan that waits for its form is its sender's own
    opened = {
        path.name
        for path in WEB.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in ("reading", "transaction")
        and "database" in ast.unparse(node.value)
    }

    assert opened <= allowed
