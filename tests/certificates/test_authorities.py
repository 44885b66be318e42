"""Several authorities at work: each takes its own orders, finishes what it reserved, and stops no other."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from sqlalchemy import delete, update

from ca.authority import Authority, der
from ca.ceremony import Ceremony, hold
from ca.profiles import Profile
from provisioner.audit import Who
from provisioner.certificates import issuing
from provisioner.certificates.finding import refused
from provisioner.certificates.issuing import has_orders, issue
from provisioner.certificates.journal import Journal
from provisioner.certificates.models import Certificate, Issuer, Purpose, State
from provisioner.certificates.ordering import order
from provisioner.certificates.pausing import resume
from provisioner.certificates.recording_models import Leaf
from provisioner.certificates.recovering import recover, require_balance
from provisioner.db import Database
from provisioner.errors import Conflict
from provisioner.mailboxes.models import Kind
from provisioner.working import remaining
from tests.books import LATER, NOW
from tests.ca.world import document_authority, profiles, rolled_over, world
from tests.certificates.holders import (
    agency_address,
    all_certificates,
    every_certificate,
    ordered,
    published,
    synced,
)
from tests.certificates.test_issuing import ANH, killed_at
from tests.province import a_desk, journal_of, the_mailbox, trail

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@cache
def second_generation() -> Authority:
    """The mail authority after a roll-over of the one hierarchy of the tests."""
    ceremony, keystore = world()
    rolled: Ceremony = hold(
        rolled_over(ceremony.plan, "mail"), keystore, profiles=profiles(), now=NOW, earlier=ceremony.files()
    )
    return rolled.authority("mail", keystore)


def desk_of(database: Database, authority: Authority, **changes: Any) -> issuing.Desk:
    """A desk for this authority, which the books know from now on."""
    desk = a_desk(database, **changes)
    with database.transaction() as session:
        if session.query(Issuer).filter_by(label=authority.label).count() == 0:
            session.add(Issuer(label=authority.label, certificate=der(authority.certificate)))
    journal = Journal(journal_of(database)._path.parent, authority.label)
    values = {name: getattr(desk, name) for name in ("profiles", "naming", "sealer", "clock")}
    return issuing.Desk(authority=authority, journal=journal, **values)


def issuers(database: Database) -> list[tuple[str, str]]:
    """Purpose and the issuer's common name of each certificate, in the order of their orders."""
    found = []
    for row in every_certificate(database):
        certificate = x509.load_der_x509_certificate(row.der or b"")
        (name,) = certificate.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        found.append((row.purpose, str(name.value)))
    return found


@SQLITE
def test_each_authority_takes_the_orders_of_its_purpose_and_only_mail_goes_into_the_directory(
    database: Database,
) -> None:
    directory = ordered(database)
    with database.transaction() as session:
        order(
            session,
            {the_mailbox(database, ANH).id: Kind.PERSONAL},
            by="an",
            now=NOW,
            purpose=Purpose.DOCUMENT,
        )

    assert issue(database, a_desk(database)) == 2
    assert issue(database, desk_of(database, document_authority())) == 1

    assert issuers(database) == [
        ("mail", "CA thư công vụ tỉnh Lâm Đồng G1"),
        ("mail", "CA thư công vụ tỉnh Lâm Đồng G1"),
        ("document", "CA ký văn bản tỉnh Lâm Đồng G1"),
    ]
    synced(database, directory)
    assert published(directory) == {row.der for row in every_certificate(database) if row.purpose == "mail"}


@SQLITE
def test_after_a_roll_over_the_earlier_authority_finishes_what_it_reserved_and_takes_nothing_new(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(database)
    killed_at(monkeypatch, "issue.reserved", database)
    new = desk_of(database, second_generation(), now=LATER)
    unit = the_mailbox(database, agency_address(database)).id
    with database.transaction() as session:
        session.execute(update(Certificate).where(Certificate.mailbox_id == unit).values(state=State.REFUSED))
        order(session, {unit: Kind.UNIT}, by="an", now=NOW)

    with database.reading() as session:
        assert has_orders(session, "mail-g1")
        assert has_orders(session, "mail-g2")
    assert issue(database, new) == 1
    assert issue(database, a_desk(database, now=LATER)) == 1

    first, _, third = every_certificate(database)
    for row, issuer in (
        (first, world()[0].certificates["mail-g1"]),
        (third, second_generation().certificate),
    ):
        x509.load_der_x509_certificate(row.der or b"").verify_directly_issued_by(issuer)
    with database.reading() as session:
        assert not has_orders(session, "mail-g1")


@SQLITE
def test_an_order_whose_profile_is_gone_is_refused_and_the_others_go_on(database: Database) -> None:
    ordered(database)
    fewer = {name: profile for name, profile in profiles().items() if name != "person-mail"}

    assert issue(database, a_desk(database, profiles=fewer)) == 1

    (row,) = all_certificates(database, ANH)
    assert (row.state, row.trouble) == (State.REFUSED, "profile-missing")
    assert [event.after for event in trail(database, "certificate.refused")] == [
        {"reason": "profile-missing"}
    ]


@SQLITE
def test_what_was_reserved_waits_for_a_profile_that_is_gone_and_is_never_forgotten(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(database)
    killed_at(monkeypatch, "issue.reserved", database)
    fewer = {name: profile for name, profile in profiles().items() if name != "person-mail"}

    assert issue(database, a_desk(database, now=LATER, profiles=fewer)) == 1
    (waiting,) = all_certificates(database, ANH)
    assert (waiting.state, waiting.trouble) == (State.RESERVED, "profile-missing")

    with database.transaction() as session:
        resume(session, [], who=Who("binh"), now=LATER)
    assert issue(database, a_desk(database, now=LATER)) == 1
    (issued,) = all_certificates(database, ANH)
    assert (issued.state, issued.tbs, issued.trouble) == (State.ISSUED, waiting.tbs, None)


def changed_profiles() -> dict[str, Profile]:
    """Those of the day after a change by which nothing that was reserved before would pass the lint."""
    return {name: replace(profile, days=profile.days - 1) for name, profile in profiles().items()}


@SQLITE
@pytest.mark.parametrize("changed", [changed_profiles(), {}], ids=["changed", "gone"])
def test_what_was_signed_and_journalled_is_issued_as_it_is_whatever_the_profiles_say_today(
    database: Database, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Profile]
) -> None:
    ordered(database)
    killed_at(monkeypatch, "issue.journalled", database)
    journal = a_desk(database).journal

    assert issue(database, a_desk(database, now=LATER, profiles=changed)) == 2

    rows = every_certificate(database)
    assert {row.state for row in rows} == {State.ISSUED}
    journalled = {entry.serial: entry.certificate for entry in journal.read()}
    assert {row.serial: row.der for row in rows} == journalled
    require_balance(database, journal)
    assert {row.revocation_reason for row in rows} == {None}


@SQLITE
def test_what_was_reserved_and_todays_lint_would_refuse_waits_for_a_person(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(database)
    killed_at(monkeypatch, "issue.signed", database)

    assert issue(database, a_desk(database, now=LATER, profiles=changed_profiles())) == 0
    waiting = every_certificate(database)
    assert [(row.state, bool(row.trouble)) for row in waiting] == [(State.RESERVED, True)] * 2
    with database.reading() as session:
        assert [order.id for _, order in refused(session)] == [row.id for row in waiting]
        assert remaining(session).stuck == 2

    with database.transaction() as session:
        resume(session, [], who=Who("binh"), now=LATER)
    assert issue(database, a_desk(database, now=LATER)) == 2
    assert [row.tbs for row in every_certificate(database)] == [row.tbs for row in waiting]
    with database.reading() as session:
        assert refused(session) == []


@SQLITE
def test_a_document_certificate_finds_its_owner_again_after_the_books_were_lost(database: Database) -> None:
    ordered(database)
    unit = the_mailbox(database, agency_address(database)).id
    wanted = {the_mailbox(database, ANH).id: Kind.PERSONAL, unit: Kind.UNIT}
    with database.transaction() as session:
        order(session, wanted, by="an", now=NOW, purpose=Purpose.DOCUMENT)
    desk = desk_of(database, document_authority())
    assert issue(database, desk) == 2
    issued = {row.mailbox_id: row.der for row in every_certificate(database) if row.purpose == "document"}
    with database.transaction() as session:
        session.execute(delete(Leaf))
        session.execute(delete(Certificate).where(Certificate.purpose == "document"))
        session.execute(update(Issuer).values(journal_size=0))

    with pytest.raises(Conflict):
        require_balance(database, desk.journal)
    done = recover(database, desk.journal, who=Who("binh"), now=LATER)

    assert (done.certificates, done.strays) == (2, 0)
    found = {row.mailbox_id: row.der for row in every_certificate(database) if row.purpose == "document"}
    assert found == issued
    require_balance(database, desk.journal)
