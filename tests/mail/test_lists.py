"""Addresses of groups at work on real servers: who gets what is sent to them, who may send, how soon a change counts."""

import smtplib
import time
from collections.abc import Iterator

import pytest

from provisioner.adapters.ldap_lists import directory_lists
from provisioner.audit import Who
from provisioner.lists.keeping import keep
from provisioner.lists.members import Listed, lists_of, permit
from provisioner.lists.models import Audience, Senders
from provisioner.mail.lists import ListDiffers, compare
from provisioner.mailboxes.models import Status
from tests.books import NOW
from tests.ldap_server import PASSWORD
from tests.mail.town import DOMAIN, SCIENCE, Town, a_message, until
from tests.province import addresses, an_official, provide

EVERYBODY = f"tatca.ubnd@{DOMAIN}"
FINANCE = f"tatca.stc@{DOMAIN}"
LEADERS = f"lanhdao.stc@{DOMAIN}"


@pytest.fixture
def finance(town: Town) -> Iterator[dict[str, str]]:
    """Three people of the Department of Finance, one of them a leader, by staff number; nothing waits in the queue."""
    with town.database.transaction() as session:
        keep(session, domain=DOMAIN)
    provide(
        town.database,
        an_official("TC1", "Ngô Quốc Khánh", ma_co_quan="H36.06", lanh_dao="x"),
        an_official("TC2", "Dương Thị Lan", ma_co_quan="H36.06"),
        an_official("TC3", "Lý Văn Minh", ma_co_quan="H36.06"),
    )
    town.sync()
    by_number = addresses(town.database)
    yield {number: by_number[number] for number in ("TC1", "TC2", "TC3")}
    assert until(lambda: town.stage.postfix.waiting() == 0, within=60)


def asked(town: Town, *wanted: str) -> dict[str, frozenset[str]]:
    """What the directory answers to these lists' questions."""
    found = directory_lists(
        town.slapd.url, wanted, dit=town.slapd.dit, bind_dn=town.slapd.bind_dn, password=PASSWORD
    )
    return dict(found)


def in_books(town: Town) -> list[Listed]:
    with town.database.reading() as session:
        return list(lists_of(session))


def may_write(town: Town, sender: str, recipient: str) -> bool:
    """Whether this colleague, signed in, may; nothing is sent."""
    with town.submission(sender) as client:
        client.mail(sender)
        return client.rcpt(recipient)[0] == 250


def stranger(town: Town, recipient: str, sender: str = "citizen@example.org") -> tuple[int, bytes]:
    """What somebody from the Internet is told; nothing is sent."""
    with smtplib.SMTP("127.0.0.1", int(town.stage.facts.ports.smtp), timeout=60) as client:
        client.ehlo("example.org")
        client.mail(sender)
        return client.rcpt(recipient)


def test_what_an_official_sends_to_an_agency_reaches_each_of_its_people_once(
    town: Town, finance: dict[str, str]
) -> None:
    subject = f"hop-giao-ban-{time.monotonic_ns()}"

    town.send(town.people[43], FINANCE, LEADERS, finance["TC2"], subject=subject)

    for address in finance.values():
        assert town.gets(address, subject, within=60)
    assert until(lambda: town.stage.postfix.waiting() == 0, within=60)
    assert [town.subjects(address).count(subject) for address in finance.values()] == [1, 1, 1]
    assert subject not in town.subjects(SCIENCE)


def test_a_list_is_reached_by_its_agency_s_code_too(town: Town, finance: dict[str, str]) -> None:
    subject = f"theo-ma-{time.monotonic_ns()}"

    town.send(town.people[43], f"lanhdao.h36.06@{DOMAIN}", subject=subject)

    assert town.gets(finance["TC1"], subject, within=60)


def test_a_stranger_cannot_write_to_a_list_and_is_told_so(town: Town, finance: dict[str, str]) -> None:
    for address in (FINANCE, f"tatca.h36.06@{DOMAIN}"):
        code, said = stranger(town, address)
        assert code == 550
        assert b"5.7.2" in said
        assert b"Only officials who signed in may write to this list" in said
        assert stranger(town, address, finance["TC1"])[0] == 550  # a forged sender has not signed in


def test_who_may_write_to_a_list_without_members_is_told_that_it_has_none(
    town: Town, finance: dict[str, str]
) -> None:
    empty = f"lanhdao.skhcn@{DOMAIN}"
    assert asked(town, empty) == {empty: frozenset()}

    with town.submission(town.people[43]) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.send_message(a_message(town.people[43], empty, subject="x"))

    code, said = refused.value.recipients[empty]
    assert code == 550
    assert b"5.2.4" in said
    assert b"This list has no members now" in said
    assert b"Only officials who signed in" in stranger(town, empty)[1]


def test_the_list_of_the_whole_province_is_for_leaders_and_units(town: Town, finance: dict[str, str]) -> None:
    assert may_write(town, SCIENCE, EVERYBODY)
    assert may_write(town, town.people[43], FINANCE)

    with town.submission(town.people[43]) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.send_message(a_message(town.people[43], EVERYBODY, subject="x"))
    code, said = refused.value.recipients[EVERYBODY]
    assert code == 550
    assert b"Chi lanh dao va hop thu don vi" in said

    provide(town.database, an_official("CB43", town.mailbox_name(town.people[43]), lanh_dao="x"))
    town.sync()
    assert may_write(town, town.people[43], EVERYBODY)
    provide(town.database, an_official("CB43", town.mailbox_name(town.people[43]), lanh_dao="không"))
    town.sync()
    assert not may_write(town, town.people[43], EVERYBODY)


def test_a_list_is_opened_to_anyone_and_closed_again(town: Town, finance: dict[str, str]) -> None:
    def decide(senders: Senders) -> None:
        with town.database.transaction() as session:
            permit(session, LEADERS, senders, who=Who("binh"), now=NOW)
        town.sync()

    decide(Senders.ANYONE)
    opened = stranger(town, LEADERS)[0]
    decide(Senders.OFFICIALS)

    assert opened == 250
    assert stranger(town, LEADERS)[0] == 550


def test_members_change_with_the_books_within_seconds(town: Town, finance: dict[str, str]) -> None:
    mover = finance["TC3"]
    assert asked(town, FINANCE) == {FINANCE: frozenset(finance.values()) | others_of_finance(town)}
    began = time.monotonic()

    provide(town.database, an_official("TC3", "Lý Văn Minh", ma_co_quan="H36.05.01"))
    town.sync()
    found = asked(town, FINANCE, f"tatca.skhcn@{DOMAIN}", f"tatca.cds.skhcn@{DOMAIN}")
    took = time.monotonic() - began
    town.set_status(mover, Status.DISABLED)
    without = asked(town, f"tatca.cds.skhcn@{DOMAIN}")
    town.set_status(mover, Status.ACTIVE)

    assert mover not in found[FINANCE]
    assert found[f"tatca.cds.skhcn@{DOMAIN}"] == {mover}
    assert found[f"tatca.skhcn@{DOMAIN}"] >= {mover, town.people[44]}
    assert took < 30  # 0.3 s where nothing else runs
    assert without == {f"tatca.cds.skhcn@{DOMAIN}": frozenset()}


def others_of_finance(town: Town) -> set[str]:
    """Whom other tests moved there."""
    listed = next(one for one in in_books(town) if one.address == FINANCE)
    return set(listed.members)


def test_every_list_of_the_directory_equals_the_books(town: Town, finance: dict[str, str]) -> None:
    books = in_books(town)

    found = asked(town, *(one.address for one in books))

    assert compare(books, found.items()) == []
    assert len(found[EVERYBODY]) >= 50
    assert f"tatca.khoinhanuoc@{DOMAIN}" in found


def test_a_list_that_differs_or_is_missing_is_named() -> None:
    def listed(address: str, *members: str) -> Listed:
        return Listed(address, Audience.ALL, Senders.OFFICIALS, "H36", frozenset(members))

    books = [listed("a@x.vn", "1@x.vn", "2@x.vn"), listed("b@x.vn"), listed("c@x.vn", "1@x.vn")]

    assert compare(books, [("a@x.vn", frozenset({"2@x.vn", "3@x.vn"})), ("b@x.vn", frozenset())]) == [
        ListDiffers("a@x.vn", is_missing=False, absent=("1@x.vn",), strange=("3@x.vn",)),
        ListDiffers("c@x.vn", is_missing=True, absent=("1@x.vn",), strange=()),
    ]
