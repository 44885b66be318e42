"""A real browser on a real socket: chromium without a screen, and every complaint of a page collected."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from provisioner.app import create_app
from provisioner.operators.models import LinkPurpose
from provisioner.operators.roles import Role
from tests.journeys.web.centre import Centre, Clock, Controllers, a_slapd, open_books
from tests.journeys.web.listening import Complaints, barriers
from tests.operators.people import a_link, an_operator
from tests.web.site import Site, province, site

__all__ = ["province", "site"]

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's chromium; one for a file of tests.

    Not for the whole process: playwright keeps an event loop running in it, and other tests start their own.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """What the pages of this test complained of. Nothing at the end."""
    complaints = Complaints()
    yield complaints
    assert complaints.heard == []


@pytest.fixture
def profiles() -> Iterator[ExitStack]:
    """The browsers' profiles of this test, closed together."""
    with ExitStack() as profiles:
        yield profiles


@pytest.fixture
def new_page(chromium: Browser, complaints: Complaints, profiles: ExitStack) -> Callable[[], Page]:
    """A page in a profile of its own: another person's browser."""

    def open_page() -> Page:
        context = chromium.new_context(locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh")
        context.set_default_timeout(30_000)
        complaints.listen_to(context)
        profiles.callback(context.close)
        return context.new_page()

    return open_page


@pytest.fixture
def page(new_page: Callable[[], Page]) -> Page:
    return new_page()


@contextmanager
def served(app: Flask, profiles: ExitStack) -> Iterator[str]:
    """Where this application answers, for the length of this block.

    The browsers leave first: one that still asks for a picture would find nobody and complain.
    """
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        profiles.close()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def address(site: Site, profiles: ExitStack) -> Iterator[str]:
    """Where the site answers."""
    with served(site.app, profiles) as url:
        yield url


@pytest.fixture
def comes_in(site: Site, page: Page, address: str) -> Callable[..., None]:
    """Sign this operator in, through the link they would be sent."""

    def come_in(name: str, *roles: Role, agency: str | None = None) -> None:
        operator = an_operator(site.database, name, *roles, agency=agency)
        token = a_link(site.database, operator, LinkPurpose.SIGN_IN, site.now)
        page.goto(f"{address}/link/{token.reveal()}")
        page.locator("form.card button").click()

    return come_in


@pytest.fixture
def is_accessible(page: Page) -> Callable[[], None]:
    """WCAG 2.2 AA as far as a program can tell: axe-core finds nothing on the page as it stands."""

    def check() -> None:
        assert barriers(page) == []

    return check


@pytest.fixture
def centre(
    sqlite_template: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    profiles: ExitStack,
    new_page: Callable[[], Page],
) -> Iterator[Centre]:
    """The whole product at work, behind a site that people with browsers can open."""
    shutil.copy(sqlite_template, tmp_path / "books.db")
    clock = Clock()
    with (
        a_slapd(tmp_path / "ldap", monkeypatch) as slapd,
        closing(open_books(tmp_path, clock, monkeypatch)) as services,
        Controllers(clock, monkeypatch),
        served(create_app(services), profiles) as url,
    ):
        yield Centre(services, slapd, clock, url, new_page)
