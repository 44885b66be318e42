"""Every page of the map of addresses, in a real browser: axe-core, the console and the content policy find nothing.

Pages come from the map by themselves, their ids from the books; whoever may see a page is found by asking for it.
"""

from collections.abc import Callable
from io import BytesIO

import pytest
from playwright.sync_api import Page

from provisioner.operators.models import LinkPurpose
from provisioner.operators.roles import Role
from provisioner.requests.models import Kind
from tests.journeys.web.listening import Complaints, barriers, fits
from tests.journeys.web.test_keys import come_in
from tests.mail.test_activating import Kept
from tests.operators.people import a_link, an_operator
from tests.province import a_roster_of, addresses, an_official, provide
from tests.rosters.files import csv_text
from tests.web.site import Browser, Site
from tests.web.test_matrix import CANARY, OWN, Ids, things
from tests.web.test_owner import enter, kept
from tests.web.test_requests import LETTER

__all__ = ["kept", "things"]

FILES = {
    "coverage_files.download",
    "coverage_files.fetch",
    "health.health",
    "owner_keys.look",
    "pki.certificate",
    "pki.checkpoint",
    "pki.log_key",
    "pki.revocation_list",
    "requests.letter",
    "rosters.template",
    "rosters_results.download",
    "static",
}
"""Answers for programs, and downloads: there is no page to look at."""

ELSEWHERE = {"sign_on.start", "sign_on.answer", "sign_on.code", "sign_on.prove"}
"""The province's single sign-on: without a provider there is none, and tests/web/test_sign_on.py has one."""

CLOSED = {"requests.edit"}
"""The forms of what was sent already: those of a draft stand in `ASKED`."""

ASKED = (
    *(f"/requests/new?kind={kind}" for kind in Kind),
    f"/coverage?agency={OWN}&detail=agency",
    "/coverage?rank=leaders&all=1",
    *(f"/coverage/names?list={name}" for name in ("staff-unserved", "certificates", "locked")),
    *(f"/{room}?q=khong-co" for room in ("people", "mailboxes", "certificates", "agencies")),
    "/rosters/{refused}",
    "/rosters/{refused}?outcome=refused",
    "/requests/{draft}",
    "/requests/{draft}/edit",
)
"""What a question in the address, or another state of the same thing, makes of a page."""


@pytest.fixture
def filled(province: Site, kept: Kept, things: Ids) -> Site:
    """In two agencies one of everything, and the addresses of whatever looks different in another state."""
    known = an_official(
        "CBA", f"Nguyễn {CANARY[OWN]}", chung_thu_so="x", ngay_sinh="05/03/1990", so_dinh_danh="068190000001"
    )
    provide(province.database, known)
    asker = province.signed_in("hoa", Role.HR, agency=OWN)
    asker.get("/requests/new?kind=people")
    draft = asker.post("/requests/new", LETTER).location.rpartition("/")[2]
    admin = province.signed_in("quan", Role.ADMIN)
    admin.get("/rosters")
    rows = csv_text(a_roster_of(an_official("CB90", "Trần Văn An"), an_official("", "Không Mã"))).encode()
    refused = admin.post("/rosters", {"file": (BytesIO(rows), "danh-sach.csv")}).location.rpartition("/")[2]
    province.plan_rosters()
    things["states"] = {"draft": int(draft), "refused": int(refused)}
    return province


def addressed(site: Site, things: Ids) -> list[tuple[str, str]]:
    """Endpoint and address of every page that the map has for looking at."""
    found = []
    for rule in site.app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint in FILES | ELSEWHERE | CLOSED:
            continue
        assert set(rule.arguments) - {"token"} <= set(things), (
            f"{rule.rule} holds an id that `things` does not give"
        )
        token = (
            a_link(site.database, an_operator(site.database, "moi", Role.ADMIN))
            if rule.arguments == {"token"}
            else None
        )
        values = {name: things[name][OWN] for name in rule.arguments - {"token"}}
        if token is not None:
            values["token"] = token.reveal()
        with site.app.test_request_context():
            found.append((rule.endpoint, site.app.url_map.bind("localhost").build(rule.endpoint, values)))
    return found + [("", path.format(**things["states"])) for path in ASKED]


def shown_to(browser: Browser, path: str) -> bool:
    answer = browser.get(path)
    return answer.status_code == 200 and answer.mimetype == "text/html"


def stands(page: Page, address: str, path: str) -> None:
    """The page is whole, free of barriers, and fits on a telephone and on a wide screen."""
    page.set_viewport_size({"width": 1920, "height": 900})
    page.goto(address + path)
    assert page.locator("h1").count() == 1, path
    assert fits(page), (path, 1920)
    page.set_viewport_size({"width": 360, "height": 900})
    assert fits(page), (path, 360)
    assert (path, barriers(page)) == (path, [])


def visitors(site: Site) -> dict[str, Browser]:
    """A browser for each kind of visitor, those who see the most first."""
    found = {"nobody": site.browser(), "owner": enter(site)[0]}
    for role in (Role.ADMIN, Role.HR, *Role):
        found[role] = site.signed_in(f"{role}.one".replace("_", "."), role)
        found[role].get("/prove")
    return found


def as_visitor(name: str, new_page: Callable[[], Page], site: Site, address: str) -> Page:
    page = new_page()
    if name == "owner":
        come_in(page, address, addresses(site.database)["CB1"])
    elif name != "nobody":
        operator = an_operator(site.database, f"{name}.two".replace("_", "."), Role(name))
        page.goto(f"{address}/link/{a_link(site.database, operator, LinkPurpose.SIGN_IN, site.now).reveal()}")
        page.locator("form.card button").click()
    return page


def test_every_page_of_the_map_is_accessible_quiet_and_fits(
    filled: Site, things: Ids, new_page: Callable[[], Page], address: str, complaints: Complaints
) -> None:
    """Each page once, with the first kind of visitor that may see it."""
    unseen = addressed(filled, things)
    for name, browser in visitors(filled).items():
        seen = [each for each in unseen if shown_to(browser, each[1])]
        unseen = [each for each in unseen if each not in seen]
        if seen:
            page = as_visitor(name, new_page, filled, address)
            for _, path in seen:
                stands(page, address, path)
    assert unseen == []


@pytest.mark.slow
@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_page_is_so_for_every_kind_of_visitor(
    filled: Site,
    things: Ids,
    new_page: Callable[[], Page],
    address: str,
    complaints: Complaints,
    language: str,
) -> None:
    pages = addressed(filled, things)
    looked_at = 0
    for name, browser in visitors(filled).items():
        page = as_visitor(name, new_page, filled, address)
        page.goto(f"{address}/kich-hoat?lang={language}")
        for _, path in pages:
            if shown_to(browser, path):
                stands(page, address, path)
                looked_at += 1
    assert looked_at > 5 * len(pages) / 2
