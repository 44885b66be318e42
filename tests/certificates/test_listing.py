"""Revocation lists: due within a minute, rising, never losing an entry, whole or not at all."""

import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import update

from ca.crl import Reason, crl_number, lint_crl
from ca.errors import LintFailure
from provisioner.audit import Who
from provisioner.certificates import listing
from provisioner.certificates.journal import Journal
from provisioner.certificates.listing import publish_list
from provisioner.certificates.models import Certificate, Issuer
from provisioner.certificates.revoking import release, revoke
from provisioner.db import Database
from provisioner.errors import Conflict
from provisioner.working import bells_due
from tests.books import LATER, NOW
from tests.ca.world import mail_authority, profiles, world
from tests.certificates.holders import certified, every_certificate, in_file
from tests.province import a_clock, journal_of, trail

A_DAY = timedelta(days=1)


def published(database: Database, *, now: datetime = LATER, **changes: Any) -> bool:
    values = {"authority": mail_authority(), "journal": journal_of(database), "days": 7} | changes
    return publish_list(database, clock=a_clock(now), **values)


def established(database: Database) -> None:
    """A first list, and the one that follows it at once because the first had no delta."""
    assert published(database, now=NOW)
    assert published(database, now=NOW)
    assert the_issuer(database).delta


def revoked(
    database: Database, *rows: Certificate, reason: Reason = Reason.superseded, now: datetime = LATER
):
    with database.transaction() as session:
        wanted = {row.id: reason for row in rows}
        assert not revoke(session, wanted, who=Who("lan"), profiles=profiles(), now=now)


def the_issuer(database: Database) -> Issuer:
    with database.reading() as session:
        return session.query(Issuer).filter_by(label=mail_authority().label).one()


def the_list(database: Database) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(the_issuer(database).crl or b"")


def serials(crl: x509.CertificateRevocationList) -> set[str]:
    return {f"{entry.serial_number:x}" for entry in crl}


def test_a_revocation_makes_a_list_due_and_the_clock_rings_for_it(database: Database) -> None:
    certified(database)
    established(database)
    assert not published(database, now=NOW + timedelta(hours=19))
    first, _ = every_certificate(database)
    revoked(database, first)
    with database.reading() as session:
        assert "lists" in bells_due(session, now=LATER)

    assert published(database)

    assert serials(the_list(database)) == {first.serial}
    assert not published(database)
    with database.reading() as session:
        assert "lists" not in bells_due(session, now=LATER)


def test_a_list_is_made_anew_every_day(database: Database) -> None:
    certified(database)
    established(database)

    assert not published(database, now=NOW + timedelta(hours=19))
    assert published(database, now=NOW + timedelta(hours=21))


def test_a_roots_list_is_made_anew_at_half_its_life_and_has_no_delta(
    database: Database, tmp_path: Path
) -> None:
    certified(database)
    ceremony, keystore = world()
    root = ceremony.authority("root", keystore)
    kept = Journal(tmp_path / "journal", root.label)
    for days, is_due in ((0, True), (89, False), (90, True)):
        now = NOW + days * A_DAY
        assert published(database, now=now, authority=root, journal=kept, days=180) is is_due

    with database.reading() as session:
        issuer = session.query(Issuer).filter_by(label=root.label).one()
    assert issuer.crl_number == 2
    assert issuer.delta is None


def test_numbers_rise_and_the_list_passes_its_lints(database: Database) -> None:
    certified(database)
    published(database, now=NOW)
    numbers = [crl_number(the_list(database))]
    for certificate in every_certificate(database):
        revoked(database, certificate)
        published(database)
        numbers.append(crl_number(the_list(database)))

    assert numbers == [1, 2, 3]
    assert lint_crl(the_list(database), issuer=mail_authority().certificate) == ()
    assert the_issuer(database).crl_number == 3
    assert [event.after["entries"] for event in trail(database, "crl.signed")] == [0, 1, 2]


def test_openssl_refuses_the_revoked_and_accepts_the_other(database: Database, tmp_path: Path) -> None:
    certified(database)
    first, second = every_certificate(database)
    revoked(database, first, reason=Reason.key_compromise)
    published(database)
    ceremony, _ = world()
    root_list = ceremony.lists[ceremony.plan.label("root")]
    trusted = b"".join(
        item.public_bytes(Encoding.PEM)
        for item in (*ceremony.certificates.values(), root_list, the_list(database))
    )
    bundle = in_file(tmp_path / "trusted.pem", trusted)

    def verdict(certificate: Certificate) -> str:
        leaf = x509.load_der_x509_certificate(certificate.der or b"").public_bytes(Encoding.PEM)
        command = ["openssl", "verify", "-x509_strict", "-crl_check_all", "-purpose", "smimesign"]
        command += ["-attime", str(int(LATER.timestamp()) + 60), "-CAfile", bundle]
        ran = subprocess.run(
            [*command, in_file(tmp_path / "leaf.pem", leaf)], capture_output=True, text=True, check=False
        )
        return ran.stdout + ran.stderr

    assert "certificate revoked" in verdict(first)
    assert verdict(second).strip().endswith("OK")


def test_a_released_hold_leaves_the_list(database: Database) -> None:
    certified(database)
    first, _ = every_certificate(database)
    revoked(database, first, reason=Reason.certificate_hold)
    published(database)
    assert serials(the_list(database)) == {first.serial}

    with database.transaction() as session:
        release(session, first.id, who=Who("lan"), now=LATER)
    assert published(database)

    assert serials(the_list(database)) == set()


def test_what_was_revoked_by_a_clock_ahead_of_the_signers_is_listed_at_once(database: Database) -> None:
    certified(database)
    established(database)
    first, second = every_certificate(database)
    revoked(database, first, now=LATER + timedelta(minutes=10))
    revoked(database, second, reason=Reason.key_compromise)

    assert published(database)

    assert serials(the_list(database)) == {first.serial, second.serial}
    assert {entry.revocation_date_utc for entry in the_list(database)} == {LATER}
    assert {row.revoked_at for row in every_certificate(database)} == {LATER}
    assert published(database, now=LATER + A_DAY)  # and every later list says the same


def test_a_list_that_would_lose_an_entry_is_not_published(database: Database) -> None:
    certified(database)
    first, _ = every_certificate(database)
    revoked(database, first)
    published(database)
    before = the_issuer(database).crl
    with database.transaction() as session:
        forgotten = {"revoked_at": None, "revocation_reason": None}
        session.execute(update(Certificate).where(Certificate.id == first.id).values(**forgotten))

    with pytest.raises(LintFailure) as refused:
        published(database, now=LATER + 5 * A_DAY)

    assert [finding.code for finding in refused.value.findings] == ["crl.entry-vanished"]
    assert the_issuer(database).crl == before == journal_of(database).newest_list()


def test_an_entry_leaves_after_its_certificate_has_expired(database: Database) -> None:
    certified(database)
    first, _ = every_certificate(database)
    revoked(database, first)
    published(database)
    assert first.not_after

    published(database, now=first.not_after + A_DAY)
    assert serials(the_list(database)) == {first.serial}
    published(database, now=first.not_after + 8 * A_DAY)
    assert serials(the_list(database)) == set()


@pytest.mark.parametrize("place", ["list.signed", "list.kept"])
def test_killed_while_publishing_the_old_list_stands_and_the_next_number_is_higher(
    database: Database, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    certified(database)
    published(database, now=NOW)
    before = the_issuer(database)
    revoked(database, *every_certificate(database))

    with monkeypatch.context() as patch:
        patch.setattr(listing, "failpoint", struck_at(place))
        with pytest.raises(Struck):
            published(database)
    assert (the_issuer(database).crl, the_issuer(database).crl_number) == (before.crl, 1)
    assert published(database)

    assert len(the_list(database)) == 2
    assert the_issuer(database).crl_number == (3 if place == "list.kept" else 2)
    assert journal_of(database).newest_list() == the_issuer(database).crl


def test_a_clock_before_the_journal_signs_no_list(database: Database) -> None:
    certified(database)

    with pytest.raises(Conflict) as refused:
        published(database, now=NOW - timedelta(seconds=1))

    assert refused.value.code == "clock-behind"


class Struck(RuntimeError):
    """The process is killed here."""


def struck_at(place: str) -> Callable[[str], None]:
    def strike(name: str) -> None:
        if name == place:
            raise Struck(name)

    return strike
