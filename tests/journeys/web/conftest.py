"""A real browser on a real socket: chromium without a screen, and every complaint of a page collected."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from provisioner.operators.models import LinkPurpose
from provisioner.operators.roles import Role
from tests.operators.people import a_link, an_operator
from tests.web.site import Site, province, site

__all__ = ["province", "site"]

AXE = Path(__file__).parents[2] / "web" / "vendor" / "axe-core-4.14.1.min.js"


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
def page(chromium: Browser) -> Iterator[Page]:
    """A page in a profile of its own."""
    context = chromium.new_context(locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh")
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    """Where the site answers."""
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What pages complained of: errors, warnings of the console, breaches of the content policy. None at the end."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation',"
        " event => console.error('CSP ' + event.violatedDirective + ' ' + event.blockedURI))"
    )
    yield heard
    assert heard == []


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
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate(
            "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
        )
        assert [
            (violation["id"], [node["html"][:120] for node in violation["nodes"]])
            for violation in found["violations"]
        ] == []

    return check
