"""Everything that a page may complain of, and the checks that every page has to stand."""

from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response

AXE = (Path(__file__).parents[2] / "web" / "vendor" / "axe-core-4.14.1.min.js").read_text("utf-8")

_TELL_OF_BREACHES = (
    "document.addEventListener('securitypolicyviolation',"
    " event => console.error('CSP ' + event.violatedDirective + ' ' + event.blockedURI))"
)

_ABORTED = "net::ERR_ABORTED"
"""The browser's own doing: an address that turned into a download, or a page that was left while it asked."""


@dataclass
class Complaints:
    """What pages complained of: the console, errors of scripts, breaches of the content policy, failed requests."""

    heard: list[str] = field(default_factory=list)

    def listen_to(self, context: BrowserContext) -> None:
        context.add_init_script(_TELL_OF_BREACHES)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.heard.append(f"error: {error.error}"))
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def expect_refusal(self, status: int) -> None:
        """A page answered with this status, as it had to. The browser says so in its console too."""
        refusals = [each for each in self.heard if each.startswith(f"{status} ")]
        assert refusals
        self.heard[:] = [
            each for each in self.heard if each not in refusals and f"status of {status} " not in each
        ]

    def _console(self, message: ConsoleMessage) -> None:
        self.heard.append(f"{message.type}: {message.text}")

    def _failed(self, request: Request) -> None:
        if request.failure != _ABORTED:
            self.heard.append(f"failed: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.heard.append(f"{response.status} {response.url}")


def fits(page: Page) -> bool:
    """Whether the page itself does not scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def barriers(page: Page) -> list[tuple[str, list[str]]]:
    """What axe-core finds against WCAG 2.2 AA, as far as a program can tell, and against good practice."""
    page.evaluate(AXE)
    found = page.evaluate(
        "axe.run({resultTypes: ['violations'],"
        " runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    return [
        (violation["id"], [node["html"][:120] for node in violation["nodes"]])
        for violation in found["violations"]
    ]
