"""After a restore from an old backup nothing that was signed is unknown, un-revoked or used twice."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from sqlalchemy import delete, update

from ca.crl import Reason
from provisioner.audit import Who
from provisioner.certificates import issuing
from provisioner.certificates.issuing import issue
from provisioner.certificates.listing import publish_list
from provisioner.certificates.models import Certificate, Issuer, State
from provisioner.certificates.ordering import order
from provisioner.certificates.recovering import Recovered, recover, require_balance
from provisioner.certificates.revoking import revoke
from provisioner.db import Database
from provisioner.errors import Conflict
from provisioner.mailboxes.models import Kind
from tests.books import NOW
from tests.ca.world import mail_authority, profiles
from tests.certificates.backups import Backup, backup, restore
from tests.certificates.holders import (
    certified,
    every_certificate,
    many_officials,
    ordered,
    published,
)
from tests.fakes.directory import FakeDirectory
from tests.province import a_clock, a_desk, journal_of, provide, synced

HOUR = timedelta(hours=1)
THEN, LATER, LATEST = NOW + HOUR, NOW + 2 * HOUR, NOW + 3 * HOUR
ADMIN = Who("quantri")


def balance(database: Database) -> str:
    """What the signer says before it begins."""
    try:
        require_balance(database, journal_of(database))
    except Conflict as refused:
        return refused.code
    return "balanced"


def recovered(database: Database, directory: FakeDirectory) -> Recovered:
    return recover(
        database,
        journal_of(database),
        in_directory=published(directory),
        who=ADMIN,
        now=LATEST,
    )


def revoked(database: Database, *rows: Certificate, reason: Reason = Reason.superseded) -> None:
    with database.transaction() as session:
        wanted = {row.id: reason for row in rows}
        assert not revoke(session, wanted, who=Who("lan"), profiles=profiles(), now=LATER)


def listed(database: Database, *, now: datetime = LATER) -> set[str]:
    """Publish the list that is due; the serials on the newest one."""
    publish_list(database, mail_authority(), journal_of(database), days=7, clock=a_clock(now))
    with database.reading() as session:
        crl = session.query(Issuer).filter_by(label=mail_authority().label).one().crl
    return {f"{entry.serial_number:x}" for entry in x509.load_der_x509_crl(crl or b"")}


@dataclass
class Drill:
    """Books that lost a day: what was signed and revoked in it, and the directory, which lost nothing."""

    backup: Backup
    directory: FakeDirectory
    signed: dict[str, bytes]
    revoked: dict[str, str]


def drill(database: Database, *, officials: int) -> Drill:
    """A quarter issued, a backup, the rest issued, some revoked and issued anew, and the books put back."""
    directory = ordered(database, *many_officials(officials))
    with database.transaction() as session:
        later = [row.id for row in every_certificate(database)[officials // 4 :]]
        session.execute(update(Certificate).where(Certificate.id.in_(later)).values(due_at=THEN))
    assert issue(database, a_desk(database)) == officials // 4
    listed(database, now=NOW)
    kept = backup(database)

    assert issue(database, a_desk(database, now=THEN)) == officials - officials // 4
    rows = every_certificate(database)
    to_revoke = rows[:: max(officials // 8, 1)]
    revoked(database, *to_revoke[:-1])
    revoked(database, to_revoke[-1], reason=Reason.key_compromise)
    with database.transaction() as session:
        again = {row.mailbox_id: Kind.PERSONAL for row in to_revoke[:2] if row.mailbox_id}
        order(session, again, by="lan", now=LATER)
    assert issue(database, a_desk(database, now=LATER)) == 2
    assert len(listed(database)) == len(to_revoke)
    synced(database, directory, now=LATER)
    rows = every_certificate(database)
    lost = Drill(
        kept,
        directory,
        {row.serial: row.der for row in rows if row.serial and row.der},
        {row.serial: row.revocation_reason for row in rows if row.serial and row.revocation_reason},
    )
    restore(database, kept)
    return lost


def test_the_restore_drill(database: Database) -> None:
    lost = drill(database, officials=40)
    assert balance(database) == "recovery-needed"

    done = recovered(database, lost.directory)

    rows = {row.serial: row for row in every_certificate(database)}
    assert {serial: row.der for serial, row in rows.items()} == lost.signed
    assert {s: row.revocation_reason for s, row in rows.items() if row.revoked_at} == lost.revoked
    assert {row.state for row in rows.values()} == {State.ISSUED}
    assert (done.certificates, done.strays) == (32, 0)
    assert balance(database) == "balanced"
    assert issue(database, a_desk(database, now=LATEST)) == 0
    assert listed(database, now=LATEST) == lost.revoked.keys()
    assert len({row.serial for row in rows.values()}) == len(rows) == 42


def test_until_the_books_balance_nothing_new_gets_a_serial(database: Database) -> None:
    lost = drill(database, officials=8)
    assert balance(database) == "recovery-needed"
    recovered(database, lost.directory)
    used = {entry.serial for entry in journal_of(database).read()}
    assert used == lost.signed.keys()
    before = len(used)

    provide(database, *many_officials(9)[8:], now=LATEST)
    synced(database, lost.directory, now=LATEST)
    assert issue(database, a_desk(database, now=LATEST)) == 1

    serials = [entry.serial for entry in journal_of(database).read()]
    assert len(serials) == len(set(serials)) == before + 1


def test_recovering_again_changes_nothing(database: Database) -> None:
    lost = drill(database, officials=8)
    recovered(database, lost.directory)
    before = [(row.id, row.der, row.revoked_at, row.revocation_reason) for row in every_certificate(database)]

    again = recovered(database, lost.directory)

    assert vars(again) == vars(Recovered())
    after = [(row.id, row.der, row.revoked_at, row.revocation_reason) for row in every_certificate(database)]
    assert after == before


def test_reserved_in_the_backup_and_signed_after_it_is_one_certificate(database: Database) -> None:
    directory = ordered(database)
    desk = a_desk(database)
    kept = _stopped_after_reserving(database)
    issue(database, a_desk(database, now=THEN))
    signed = {row.serial: row.der for row in every_certificate(database)}
    restore(database, kept)

    assert balance(database) == "balanced"
    recovered(database, directory)

    assert {row.serial: row.der for row in every_certificate(database)} == signed
    assert len(list(desk.journal.read())) == 2


def test_what_belongs_to_no_mailbox_any_more_is_revoked_and_not_forgotten(database: Database) -> None:
    directory = certified(database)
    listed(database, now=NOW)
    kept = backup(database)
    provide(database, *many_officials(3), now=THEN)
    synced(database, directory, now=THEN)
    assert issue(database, a_desk(database, now=THEN)) >= 2
    new = {row.serial for row in every_certificate(database)} - {
        row["serial"] for row in kept["certificates"]
    }
    restore(database, kept)

    done = recovered(database, directory)

    strays = [row for row in every_certificate(database) if row.mailbox_id is None]
    assert {row.serial for row in strays} <= new
    assert done.strays == len(strays) > 0
    assert {row.revocation_reason for row in strays} == {"cessationOfOperation"}
    assert listed(database, now=LATEST) == {row.serial for row in strays}


def test_a_revocation_lost_alone_is_found_by_its_list(database: Database) -> None:
    directory = certified(database)
    listed(database, now=NOW)
    kept = backup(database)
    first, _ = every_certificate(database)
    revoked(database, first, reason=Reason.key_compromise)
    listed(database)
    restore(database, kept)

    assert balance(database) == "recovery-needed"
    done = recovered(database, directory)

    assert (done.certificates, done.revocations) == (0, 1)
    assert every_certificate(database)[0].revocation_reason == "keyCompromise"
    assert listed(database, now=LATEST) == {first.serial}


def test_a_certificate_signed_past_the_journal_is_an_alarm(database: Database) -> None:
    directory = certified(database)
    with database.transaction() as session:
        session.execute(delete(Certificate).where(Certificate.id == every_certificate(database)[0].id))
    journal_of(database)._path.write_bytes(b"")  # what the signer knew is gone too

    with pytest.raises(Conflict) as refused:
        recovered(database, directory)

    assert refused.value.code == "signed-past-the-journal"


def test_other_bytes_under_a_known_serial_are_an_alarm(database: Database) -> None:
    directory = certified(database)
    with database.transaction() as session:
        session.execute(update(Certificate).values(tbs=b"something else"))
        session.execute(update(Issuer).values(journal_size=0))

    with pytest.raises(Conflict) as refused:
        recovered(database, directory)

    assert refused.value.code == "signed-past-the-journal"


def test_a_journal_shorter_than_the_books_know_it_stops_the_signer(database: Database) -> None:
    certified(database)
    path = journal_of(database)._path
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])

    with pytest.raises(Conflict) as refused:
        require_balance(database, journal_of(database))

    assert refused.value.code == "journal-short"


def test_a_signer_killed_between_journal_and_record_needs_no_recovery(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(database)

    def strike(name: str) -> None:
        if name == "issue.journalled":
            raise RuntimeError(name)

    with monkeypatch.context() as patch:
        patch.setattr(issuing, "failpoint", strike)
        with pytest.raises(RuntimeError):
            issue(database, a_desk(database))

    assert balance(database) == "balanced"
    assert issue(database, a_desk(database, now=THEN)) == 2
    lines = [(entry.serial, entry.certificate) for entry in journal_of(database).read()]
    assert len(lines) == 4
    assert len(set(lines)) == 2


def _stopped_after_reserving(database: Database) -> Backup:
    class Stop(Exception):
        pass

    def strike(name: str) -> None:
        if name == "issue.reserved":
            raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(issuing, "failpoint", strike)
        with pytest.raises(Stop):
            issue(database, a_desk(database))
    return backup(database)
