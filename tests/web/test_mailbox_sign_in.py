"""Officials sign in with the password of their mailbox: a bind on a real slapd, and roles from our books alone."""

import secrets
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from provisioner.adapters.ldap import LdapDirectory
from provisioner.adapters.ldap_binding import LdapBinding
from provisioner.adapters.ldap_passwords import LdapPasswords
from provisioner.agencies.models import Agency
from provisioner.audit import Who
from provisioner.mail.entering import official_at
from provisioner.mail.passwords import hashed
from provisioner.mailboxes import lifecycle
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.operators import naming
from provisioner.operators.limits import PER_NAME
from provisioner.operators.models import Attempt, SignedIn
from provisioner.operators.roles import Role
from provisioner.private.slapd import PrivateSlapd
from provisioner.secret import Secret
from tests.books import count
from tests.ldap_server import PASSWORD, SUFFIX, directory_on, empty
from tests.operators.people import an_account, an_operator
from tests.province import DIT, addresses, synced, the_mailbox, trail
from tests.web.site import Browser, Site

ACTIVATION = Secret(secrets.token_urlsafe(16))
MINE = "Cao-nguyen8xanh"
SESSION = "__Host-session"


class Listening:
    """The binding, and what was asked of it."""

    def __init__(self, binding: LdapBinding) -> None:
        self.binding = binding
        self.asked: list[str] = []

    def proves(self, dn: str, password: Secret) -> bool:
        self.asked.append(dn)
        return self.binding.proves(dn, password)


@dataclass
class Office:
    """The site with two officials in a real directory; the first of them is an operator."""

    site: Site
    slapd: PrivateSlapd
    directory: LdapDirectory
    address: str
    colleague: str
    unit: str
    binding: Listening

    def enter(self, name: str, password: str = MINE, code: str = "", browser: Browser | None = None) -> int:
        used = browser or self.site.browser()
        used.get("/sign-in")
        return used.post("/sign-in", {"name": name, "password": password, "code": code}).status_code

    def dn(self, address: str) -> str:
        mailbox = the_mailbox(self.site.database, address)
        return (DIT.person if mailbox.person_id else DIT.unit)(mailbox.account_id)

    def sync(self) -> None:
        synced(self.site.database, self.directory, now=self.site.now)


@pytest.fixture(scope="module")
def slapd(server_folder: Path) -> Iterator[PrivateSlapd]:
    """A slapd of this file's own, with the account that sets passwords."""
    with PrivateSlapd(
        Path(tempfile.mkdtemp(prefix="sign-in-", dir=server_folder)),
        suffix=SUFFIX,
        service_password=PASSWORD,
        passwords={"activation": ACTIVATION},
        durability="none",
    ) as server:
        yield server


@pytest.fixture
def office(province: Site, slapd: PrivateSlapd) -> Iterator[Office]:
    empty(slapd)
    by_number = addresses(province.database)
    binding = Listening(LdapBinding(slapd.url))
    province.app.extensions["provisioner"].__dict__["binding"] = binding
    made = Office(
        province,
        slapd,
        directory_on(slapd),
        by_number["CB1"],
        by_number["CB2"],
        mailbox_of_the_agency(province),
        binding,
    )
    made.sync()
    passwords = LdapPasswords(slapd.url, dit=DIT, password=ACTIVATION)
    for address in (made.address, made.colleague, made.unit):
        passwords.replace(made.dn(address), hashed(Secret(MINE)))
    passwords.close()
    an_operator(province.database, "anh", Role.HR, agency="H36.05")
    tie(province, "anh", made.address)
    yield made
    made.directory.close()


def mailbox_of_the_agency(site: Site) -> str:
    """The address of the mailbox that the Department of Science has as an agency."""
    with site.database.reading() as session:
        unit = session.scalars(
            select(Address.address)
            .join(Mailbox, Mailbox.id == Address.mailbox_id)
            .join(Agency, Agency.id == Mailbox.agency_id)
            .where(Agency.code == "H36.05", Address.is_primary)
        )
        return unit.one()


def tie(site: Site, name: str, address: str) -> None:
    with site.database.transaction() as session:
        found = official_at(session, address)
        assert found is not None
        naming.tie(session, naming.find_operator(session, name), found[0], by="test", now=site.now)


def test_an_official_comes_in_with_the_password_of_their_mailbox(office: Office) -> None:
    browser = office.site.browser()

    assert office.enter(f" {office.address.upper()} ", browser=browser) == 303

    assert "Người anh" in browser.page("/account")
    assert "Mật khẩu hộp thư" in browser.page("/account")
    assert browser.get("/requests").status_code == 200
    assert browser.get("/rosters").status_code == 403
    assert [event.after for event in trail(office.site.database, "operator.signed-in")] == [
        {"way": "mailbox"}
    ]


def test_owners_set_their_passwords_at_the_same_moment(office: Office, slapd: PrivateSlapd) -> None:
    """As the threads of a web process do, with one connection between them."""
    passwords = LdapPasswords(slapd.url, dit=DIT, password=ACTIVATION)
    entries = [office.dn(address) for address in (office.address, office.colleague, office.unit)]
    words = [Secret(f"Cao-nguyen{n}xanh") for n in range(3)]
    wishes = [(dn, hashed(word)) for dn in entries for word in words] * 40

    with ThreadPoolExecutor(16) as threads, closing(passwords):
        list(threads.map(lambda wish: passwords.replace(*wish), wishes))

    for dn in entries:
        assert sum(office.binding.proves(dn, word) for word in words) == 1


def test_whoever_has_a_mailbox_and_no_role_here_is_nobody_here(office: Office) -> None:
    assert office.enter(office.colleague) == 403
    assert office.enter(office.unit) == 403
    assert office.binding.asked == []
    assert count(office.site.database, SignedIn) == 0


def test_an_agencys_mailbox_which_several_people_read_is_never_an_operator(office: Office) -> None:
    with office.site.database.reading() as session:
        assert official_at(session, office.unit) is None


def test_another_password_is_refused(office: Office) -> None:
    for password in ("", " ", "\x00", "\t\r\n", "wrong", MINE.lower(), MINE + "x" * 300):
        assert office.enter(office.address, password) == 403, password


@pytest.mark.parametrize("password", ["", " ", "\x00", "\t\r\n\0"])
def test_a_blank_password_never_reaches_the_server(password: str) -> None:
    """It would make an unauthenticated bind, which succeeds (RFC 4513, 5.1.2; T4)."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        binding = LdapBinding(f"ldap://127.0.0.1:{server.getsockname()[1]}")

        assert not binding.proves(DIT.person("0" * 32), Secret(password))
        with pytest.raises(BlockingIOError):
            server.accept()


def test_nothing_written_in_place_of_an_address_names_another_entry(office: Office) -> None:
    """The DN is made of a random id in our books, never of what somebody typed (T1, T2)."""
    for name in (
        "*@lamdong.gov.vn",
        f"{office.address}*",
        f"{office.address})(uid=*",
        f"{office.address},ou=people",
        f"uid={office.address},ou=people,dc=lamdong,dc=gov,dc=vn",
        f"{office.address}\x00",
        "\\2a@lamdong.gov.vn",
        f"{office.dn(office.address)}@",
        "%@%",
        "_" * 30 + "@lamdong.gov.vn",
        "a" * 100_000 + "@",
        "@",
    ):
        assert office.enter(name) == 403, name
    assert office.binding.asked == []


@pytest.mark.parametrize("move", [lifecycle.lock, lifecycle.disable, lifecycle.delete])
def test_a_mailbox_that_is_not_active_lets_nobody_in(office: Office, move: Any) -> None:
    """At once by our books, whatever the directory still says, and by the directory itself."""
    mailbox, dn = the_mailbox(office.site.database, office.address), office.dn(office.address)
    with office.site.database.transaction() as session:
        move(session, [mailbox.id], reason="kỷ luật", who=Who("binh"), now=office.site.now)
    assert office.enter(office.address) == 403
    assert office.binding.asked == []

    office.sync()
    assert not office.binding.proves(dn, Secret(MINE))


def test_a_disabled_operator_is_refused_with_the_right_password(office: Office) -> None:
    with office.site.database.transaction() as session:
        naming.disable(session, naming.find_operator(session, "anh"), by="test", now=office.site.now)

    assert office.enter(office.address) == 403


def test_a_role_that_asks_for_a_code_asks_for_it_here_too(office: Office) -> None:
    account = an_account(office.site.database, "binh", Role.APPROVER)
    tie(office.site, "binh", office.colleague)

    assert office.enter(office.colleague) == 403
    assert office.enter(office.colleague, code="000000") == 403
    assert office.enter(office.colleague, code=account.code()) == 303
    assert office.enter(office.colleague, code=account.code()) == 403


def test_every_refusal_has_the_same_page(office: Office) -> None:
    pages = set()
    for name, password in (
        (office.address, "wrong"),
        (office.colleague, MINE),
        ("nobody@lamdong.gov.vn", MINE),
        (office.address, ""),
        ("@", ""),
    ):
        browser = office.site.browser()
        browser.get("/sign-in")
        answer = browser.post("/sign-in", {"name": name, "password": password})
        pages.add((answer.status_code, answer.text.replace(browser.token, "")))

    assert len(pages) == 1


def test_failures_count_by_address_whether_it_exists_or_not(office: Office) -> None:
    for address in (office.address, "nobody@lamdong.gov.vn"):
        answers = [office.enter(address, "wrong") for _ in range(PER_NAME + 1)]
        assert answers == [403] * PER_NAME + [429]
    asked = len(office.binding.asked)
    assert office.enter(office.address) == 429
    assert len(office.binding.asked) == asked


def test_a_step_up_asks_for_the_password_of_the_mailbox_again(office: Office) -> None:
    browser = office.site.browser()
    office.enter(office.address, browser=browser)
    before = browser.client.get_cookie(SESSION)
    office.site.later(minutes=15)
    assert "Mật khẩu hộp thư của bạn" in browser.page("/prove")

    assert browser.post("/prove", {"password": "wrong"}).status_code == 403
    assert browser.post("/prove", {"password": MINE, "next": "/account"}).location == "/account"

    after = browser.client.get_cookie(SESSION)
    assert before is not None
    assert after is not None
    assert before.value != after.value


def test_a_directory_that_is_down_is_a_page_in_words_and_no_failure_of_the_owner(office: Office) -> None:
    services = office.site.app.extensions["provisioner"]
    services.__dict__.pop("entrance", None)
    services.__dict__["binding"] = LdapBinding("ldap://127.0.0.1:1", timeout=2)

    assert [office.enter(office.address) for _ in range(PER_NAME + 2)] == [503] * (PER_NAME + 2)
    with office.site.database.reading() as session:
        assert session.query(Attempt).count() == 0
