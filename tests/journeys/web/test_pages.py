"""Every page in a real browser: nothing that axe-core, the console or the content policy complains of."""

from collections.abc import Callable
from io import BytesIO

import pytest
from playwright.sync_api import Page

from provisioner.operators.roles import Role
from tests.journeys.web.listening import Complaints, fits
from tests.province import a_roster_of, an_official
from tests.rosters.files import csv_text
from tests.web.site import Site
from tests.web.test_requests import LETTER

PAGES = {
    Role.HR: (
        "/coverage",
        "/requests",
        "/requests/new",
        "/requests/new?kind=people",
        "/requests/new?kind=leave",
        "/requests/1",
    ),
    Role.APPROVER: ("/approvals", "/rosters", "/rosters/1", "/rosters/2", "/requests/1", "/prove"),
    Role.ADMIN: (
        "/people",
        "/people?q=khong",
        "/people/1",
        "/mailboxes",
        "/mailboxes/1",
        "/certificates",
        "/certificates/1",
        "/revocations",
        "/agencies",
        "/agencies/2",
        "/operators",
        "/operators/new",
        "/operators/1",
        "/account",
        "/audit",
        "/system",
    ),
}


@pytest.fixture
def filled(province: Site) -> Site:
    """A request that waits, and a roster with a row in trouble."""
    asker = province.signed_in("hoa", Role.HR, agency="H36.05")
    asker.get("/requests/new?kind=people")
    address = asker.post("/requests/new", LETTER).location
    asker.get(address)
    asker.post(f"{address}/submit")
    admin = province.signed_in("quan", Role.ADMIN)
    admin.get("/rosters")
    rows = csv_text(a_roster_of(an_official("CB90", "Trần Văn An"), an_official("", "Không Mã"))).encode()
    admin.post("/rosters", {"file": (BytesIO(rows), "danh-sach.csv")})
    province.plan_rosters()
    return province


@pytest.mark.parametrize("role", PAGES)
def test_every_page_is_accessible_quiet_and_fits(
    filled: Site,
    page: Page,
    address: str,
    complaints: Complaints,
    comes_in: Callable[..., None],
    is_accessible: Callable[[], None],
    role: Role,
) -> None:
    comes_in("tester", role, agency="H36.05" if role is Role.HR else None)
    for path in PAGES[role]:
        for width in (360, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(address + path)
            assert page.locator("h1").count() == 1, path
            assert fits(page), (path, width)
        is_accessible()
