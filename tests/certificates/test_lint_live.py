"""Which live certificates could no longer be issued on another day: named with the rule, and no others."""

from datetime import date, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import update

from ca.authority import der
from ca.crl import Reason
from ca.rulebook import DOCUMENT_SIGNING
from provisioner.audit import Who
from provisioner.certificates.delegating import delegate_answers
from provisioner.certificates.lint_live import NotIssuable, not_issuable
from provisioner.certificates.models import Certificate
from provisioner.certificates.revoking import revoke
from provisioner.db import Database
from tests.books import NOW
from tests.ca.world import a_certificate, forge, profiles
from tests.certificates.holders import certified, every_certificate, many_officials
from tests.province import a_desk

ONCE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What is asked of the books is the same on both; one test says so."""

BEFORE, AFTER = date(2027, 6, 30), date(2027, 7, 1)
"""Around the day from which mail certificates may not sign documents (ballot SMC018)."""


def found(database: Database, on: date, *, now=NOW, known=None) -> dict[str, list[str]]:
    """Serial number to the codes of what stands against it."""
    with database.reading() as session:
        named: list[NotIssuable] = list(
            not_issuable(session, profiles() if known is None else known, on=on, now=now)
        )
    return {one.serial: [finding.code for finding in one.findings] for one in named}


def may_sign_documents(database: Database) -> list[Certificate]:
    """Certificates of mail that sign documents too, as they were issued before."""
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING])
    certified(database, *many_officials(4))
    for row in every_certificate(database):
        old = forge(a_certificate(), change=lambda e: e.update({purposes.oid: (purposes, False)}))
        with database.transaction() as session:
            values = {"der": der(old), "serial": f"{old.serial_number:x}"}
            session.execute(update(Certificate).where(Certificate.id == row.id).values(**values))
    return every_certificate(database)


def test_the_day_of_a_rule_is_the_first_on_which_its_certificates_are_named(database: Database) -> None:
    rows = may_sign_documents(database)

    assert found(database, BEFORE) == {}
    assert found(database, AFTER) == {row.serial: ["usage.purposes-calendar"] for row in rows}


@ONCE
def test_what_is_not_live_is_not_named(database: Database) -> None:
    rows = may_sign_documents(database)
    with database.transaction() as session:
        wanted = {rows[0].id: Reason.superseded}
        assert not revoke(session, wanted, who=Who("lan"), profiles=profiles(), now=NOW)
        ended = update(Certificate).where(Certificate.id == rows[1].id)
        session.execute(ended.values(not_after=NOW - timedelta(seconds=1)))

    assert found(database, AFTER).keys() == {row.serial for row in rows[2:]}


@ONCE
def test_a_profile_that_was_taken_away_issues_nothing_any_more(database: Database) -> None:
    certified(database)
    kept = {name: profile for name, profile in profiles().items() if name != "person-mail"}
    person = next(row for row in every_certificate(database) if row.profile == "person-mail")

    assert found(database, BEFORE, known=kept) == {person.serial: ["profile.retired"]}


@ONCE
def test_authorities_and_responders_are_asked_about_too_and_a_root_only_about_itself(
    database: Database,
) -> None:
    certified(database)
    assert delegate_answers(database, a_desk(database))
    assert found(database, AFTER) == {}

    too_late = found(database, date(2045, 1, 1), known={})

    assert len(too_late) == 3 + 1 + 2
    with database.reading() as session:
        named = list(not_issuable(session, profiles(), on=date(2045, 1, 1), now=NOW))
    assert {one.profile for one in named} == {
        "mail-issuing",
        "document-issuing",
        "organization-mail",
        "person-mail",
    }
    assert {finding.code for one in named for finding in one.findings} == {"validity.outlives-issuer"}
