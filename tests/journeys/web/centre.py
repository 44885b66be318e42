"""A province's centre at work: site, controllers, a real slapd, an authority of its own, and people who sign in."""

import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from playwright.sync_api import Page

from jobs import tasks
from provisioner.adapters.queue import BELLS
from provisioner.ceremonies import hold_ceremony
from provisioner.db import Database
from provisioner.operators.roles import Role
from provisioner.private.slapd import PrivateSlapd
from provisioner.secret import Secret
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.stamping import order_seal
from provisioner.working import bells_due
from tests.books import NOW
from tests.ldap_server import SUFFIX
from tests.operators.people import PASSWORD, Account, an_account
from tests.province import a_province, a_unit, provide

LONG = 120_000
"""Milliseconds that a page may take to show what the controllers did, on a machine with much else to do."""


@dataclass
class Clock:
    """Begins at the moment of all tests, goes on like any other, and may be put forward."""

    began: float = field(default_factory=monotonic)
    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return NOW + timedelta(seconds=monotonic() - self.began) + self.ahead

    def put_forward(self, **span: float) -> None:
        self.ahead += timedelta(**span)


class Controllers:
    """What worker and signer do, here in a thread: look at the books, call the jobs that are due."""

    def __init__(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        self._clock = clock
        self._monkeypatch = monkeypatch
        self._over = threading.Event()
        self._trouble: list[BaseException] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        assert self._trouble == []

    def _run(self) -> None:
        with closing(Services(Settings.load(), clock=self._clock, ring=lambda _bell: None)) as services:
            self._monkeypatch.setattr(tasks, "services", lambda: services)
            try:
                while not self._over.is_set():
                    with services.database.reading() as session:
                        bells = bells_due(session, now=self._clock())
                    for bell in bells:
                        getattr(tasks, BELLS[bell][1].rpartition(".")[2])()
                    self._over.wait(0.2)
            except BaseException as error:  # noqa: BLE001 - the test it works for has to fail, not this thread
                self._trouble.append(error)


@dataclass
class Person:
    """Somebody with a browser of their own, a password and an application that makes codes."""

    account: Account
    page: Page
    address: str
    clock: Clock

    def signs_in(self, language: str = "vi") -> None:
        """By name, password and code, on the page that everybody sees."""
        self.page.goto(f"{self.address}/?lang={language}")
        self.page.locator("input[name=name]").fill(self.account.name)
        self._prove()
        self.page.wait_for_url(re.compile("/coverage"))

    def gives_proof(self) -> None:
        """Once more, on the page that asks for it before a grave step."""
        self.page.wait_for_url(re.compile("/prove"))
        self._prove()

    def goes(self, path: str) -> None:
        self.page.goto(self.address + path)

    def _prove(self) -> None:
        self.clock.put_forward(seconds=31)  # a code is good once
        self.page.locator("input[name=password]").fill(PASSWORD)
        if self.account.key:
            self.page.locator("input[name=code]").fill(self.account.code(self.clock()))
        self.page.locator("form:has(input[name=password]) button.first").click()


@dataclass
class Centre:
    """The site of six agencies, with everything behind it at work."""

    services: Services
    slapd: PrivateSlapd
    clock: Clock
    address: str
    new_page: Callable[[], Page]

    @property
    def database(self) -> Database:
        return self.services.database

    def person(self, name: str, *roles: Role, agency: str | None = None) -> Person:
        """Somebody who went through the set-up page with a code of their own, and has a browser."""
        account = an_account(self.database, name, *roles, agency=agency, with_code=True)
        return Person(account, self.new_page(), self.address, self.clock)


@contextmanager
def a_slapd(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateSlapd]:
    """A slapd of its own, with the account that sets first passwords; the settings name it."""
    service, activation = (Secret(secrets.token_urlsafe(16)) for _ in range(2))
    with PrivateSlapd(
        folder,
        suffix=SUFFIX,
        service_password=service,
        passwords={"activation": activation},
        durability="none",
    ) as slapd:
        monkeypatch.setenv("PROVISIONER_DIRECTORY__URL", slapd.url)
        monkeypatch.setenv("PROVISIONER_DIRECTORY__SUFFIX", SUFFIX)
        monkeypatch.setenv("PROVISIONER_DIRECTORY__BIND_PASSWORD", service.reveal())
        monkeypatch.setenv("PROVISIONER_ACTIVATION__BIND_PASSWORD", activation.reveal())
        yield slapd


def open_books(folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Services:
    """An authority with a seal for the province, and six agencies; the signer has not worked yet."""
    values = {
        "DATABASE__URL": f"sqlite:///{folder / 'books.db'}",
        "AUTHORITY__FOLDER": str(folder / "authority"),
        "AUTHORITY__PASSPHRASE": secrets.token_hex(16),
        "IDENTITY__KEYS": f"1:{bytes(range(32)).hex()}",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"PROVISIONER_{name}", value)
    services = Services(Settings.load(), clock=clock, ring=lambda _bell: None)
    hold_ceremony(services, by="quantri")
    a_province(services.database)
    provide(services.database, a_unit("H36"))
    order_seal(services, f"ubnd@{services.policy.domain}", by="quantri")
    return services
