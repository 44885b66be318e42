"""A site for tests: the application on small books of its own, and browsers that sign in."""

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from provisioner.app import create_app
from provisioner.db import Database
from provisioner.operators.models import LinkPurpose
from provisioner.operators.roles import Role
from provisioner.services import Services
from provisioner.settings import Settings
from tests.books import NOW, Rings
from tests.operators.people import a_link, an_operator
from tests.province import SEALER, a_province, a_unit, an_official, provide

ORIGIN = "http://localhost"


@dataclass
class Site:
    """The application, its books, and a clock that tests may move."""

    app: Flask
    database: Database
    rings: Rings
    now: datetime = NOW
    browsers: dict[str, "Browser"] = field(default_factory=dict)

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def plan_rosters(self) -> None:
        """What a worker does with files that were loaded."""
        self.app.extensions["provisioner"].plan_rosters()

    def write_results(self) -> None:
        """What a worker does with results that were asked for."""
        self.app.extensions["provisioner"].write_results()

    def browser(self) -> "Browser":
        """A browser that nobody has signed in with."""
        return Browser(self)

    def signed_in(
        self,
        name: str,
        *roles: Role,
        agency: str | None = None,
        holding: Sequence[tuple[Role, str | None]] = (),
    ) -> "Browser":
        """A browser whose operator has just come in; the same one for the same name."""
        if name not in self.browsers:
            operator = an_operator(self.database, name, *roles, agency=agency, holding=holding)
            token = a_link(self.database, operator, LinkPurpose.SIGN_IN, self.now)
            browser = self.browsers[name] = Browser(self)
            browser.get(f"/link/{token.reveal()}")
            assert browser.post(f"/link/{token.reveal()}").status_code == 303
        return self.browsers[name]


class Browser:
    """Sends what a browser sends: cookies, its origin, and the token of the form it saw last."""

    def __init__(self, site: Site) -> None:
        self.client = site.app.test_client()
        self.token = ""

    def get(self, path: str, *, follow: bool = False) -> TestResponse:
        return self._seen(self.client.get(path, follow_redirects=follow, buffered=True))

    def post(
        self,
        path: str,
        values: dict[str, Any] | None = None,
        *,
        origin: str | None = ORIGIN,
        token: str | None = None,
        follow: bool = False,
    ) -> TestResponse:
        form = {"form_token": self.token if token is None else token, **(values or {})}
        headers = {"Origin": origin} if origin else {}
        return self._seen(
            self.client.post(
                path, data=form, headers=headers, follow_redirects=follow, content_type="multipart/form-data"
            )
        )

    def page(self, path: str) -> str:
        """The text of a page that has to be there."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.headers.get("Location"))
        return answer.text

    def part(self, path: str) -> str:
        """What a page gets that asks for its moving part again."""
        return self.client.get(path, headers={"X-Part": "1"}, buffered=True).text

    def _seen(self, answer: TestResponse) -> TestResponse:
        if answer.mimetype == "text/html" and (
            found := re.search(r'name="form_token" value="([^"]+)"', answer.text)
        ):
            self.token = found[1]
        return answer


@pytest.fixture
def site(sqlite_template: Path, tmp_path: Path) -> Iterator[Site]:
    """A site on empty books."""
    shutil.copy(sqlite_template, tmp_path / "books.db")
    rings = Rings()
    database = Database(f"sqlite:///{tmp_path / 'books.db'}", ring=rings)
    services = Services(Settings.load(), clock=lambda: made.now, ring=rings)
    services.__dict__ |= {"database": database, "sealer": SEALER}
    made = Site(Flask("to come"), database, rings)
    made.app = create_app(services)
    yield made
    database.close()


@pytest.fixture
def province(site: Site) -> Site:
    """The site with six agencies, two people and two unit mailboxes, certificates ordered."""
    a_province(site.database)
    provide(
        site.database,
        an_official("CB1", "Nguyễn Thị Ánh", chung_thu_so="x"),
        an_official("CB2", "Trần Văn Bình", ma_co_quan="H36.06", chung_thu_so="x"),
        a_unit("H36.05"),
        a_unit("H36.06"),
    )
    return site
