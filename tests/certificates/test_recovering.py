"""After a restore from an old backup nothing that was signed is unknown, un-revoked or used twice."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponse
from sqlalchemy import delete, update

from ca import verify_log
from ca.crl import Reason
from provisioner.audit import Who
from provisioner.certificates import issuing, recovering
from provisioner.certificates.answering import Answers
from provisioner.certificates.delegating import delegate_answers
from provisioner.certificates.handing_over import hand_over
from provisioner.certificates.issuing import issue
from provisioner.certificates.journal_lost import write_again
from provisioner.certificates.listing import publish_list
from provisioner.certificates.models import Certificate, Issuer, State
from provisioner.certificates.ordering import order
from provisioner.certificates.recording_models import Leaf, RecordHead
from provisioner.certificates.recording_proof import differences, growth_since
from provisioner.certificates.recording_recovering import recover_record
from provisioner.certificates.recovering import Recovered, recover, require_balance
from provisioner.certificates.revoking import release, revoke
from provisioner.certificates.seen import seen_in
from provisioner.db import Database
from provisioner.errors import Conflict
from provisioner.mailboxes.models import Kind
from tests.books import NOW
from tests.ca.world import mail_authority, profiles
from tests.certificates.backups import Backup, backup, restore
from tests.certificates.holders import (
    address_of,
    certified,
    every_certificate,
    many_officials,
    ordered,
    published,
)
from tests.certificates.records import (
    authorities_noted,
    file_of,
    sealed,
    the_head,
    the_leaves,
    the_signer,
    whole,
)
from tests.certificates.test_answering import asked
from tests.certificates.test_foreign import of_another_version
from tests.fakes.directory import FakeDirectory
from tests.province import SEALER, a_clock, a_desk, journal_of, provide, synced

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
    done = recover(
        database,
        journal_of(database),
        in_directory=seen_in(published(directory))[0],
        who=ADMIN,
        now=LATEST,
    )
    recover_record(database, file_of(database), done, who=ADMIN, now=LATEST)
    return done


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
    """Books that lost a day: what was signed and revoked in it, and what the world has of it."""

    backup: Backup
    directory: FakeDirectory
    signed: dict[str, bytes]
    revoked: dict[str, str]
    record: RecordHead
    """The record as it was signed when the books were lost."""


def drill(database: Database, *, before: int, after: int, revocations: int) -> Drill:
    """So many issued, a backup, more issued, some revoked and two issued anew, and the books put back."""
    directory = ordered(database, *many_officials(before + after))
    authorities_noted(database)
    with database.transaction() as session:
        later = [row.id for row in every_certificate(database)[before:]]
        session.execute(update(Certificate).where(Certificate.id.in_(later)).values(due_at=THEN))
    assert issue(database, a_desk(database)) == before
    listed(database, now=NOW)
    sealed(database, now=NOW)
    kept = backup(database)

    assert issue(database, a_desk(database, now=THEN)) == after
    rows = every_certificate(database)
    to_revoke = rows[: revocations // 2] + rows[before : before + revocations - revocations // 2]
    revoked(database, *to_revoke[:-1])
    revoked(database, to_revoke[-1], reason=Reason.key_compromise)
    with database.transaction() as session:
        again = {row.mailbox_id: Kind.PERSONAL for row in to_revoke[:2] if row.mailbox_id}
        order(session, again, by="lan", now=LATER)
    assert issue(database, a_desk(database, now=LATER)) == 2
    assert len(listed(database)) == len(to_revoke) == revocations
    sealed(database, now=LATER)
    synced(database, directory, now=LATER)
    rows = every_certificate(database)
    lost = Drill(
        kept,
        directory,
        {row.serial: row.der for row in rows if row.serial and row.der},
        {row.serial: row.revocation_reason for row in rows if row.serial and row.revocation_reason},
        the_head(database),
    )
    restore(database, kept)
    return lost


@pytest.mark.parametrize(
    ("database_url", "before", "after", "revocations"),
    [
        ("sqlite", 100, 500, 50),
        ("postgresql", 10, 30, 8),
        pytest.param("postgresql", 100, 500, 50, marks=pytest.mark.slow),
    ],
    indirect=["database_url"],
)
def test_the_restore_drill(database: Database, before: int, after: int, revocations: int) -> None:
    """None unknown, none un-revoked, no serial used twice; and the record goes on from where it was signed."""
    lost = drill(database, before=before, after=after, revocations=revocations)
    assert balance(database) == "recovery-needed"

    done = recovered(database, lost.directory)

    rows = {row.serial: row for row in every_certificate(database)}
    assert {serial: row.der for serial, row in rows.items()} == lost.signed
    assert {s: row.revocation_reason for s, row in rows.items() if row.revoked_at} == lost.revoked
    assert {row.state for row in rows.values()} == {State.ISSUED}
    assert (done.certificates, done.strays, done.leaves) == (after + 2, 0, after + 2 + revocations)
    assert balance(database) == "balanced"
    assert issue(database, a_desk(database, now=LATEST)) == 0
    assert listed(database, now=LATEST) == lost.revoked.keys()
    assert len({row.serial for row in rows.values()}) == len(rows) == before + after + 2
    goes_on(database, lost.record)


def goes_on(database: Database, before: RecordHead) -> None:
    """The record is what it was and more, and says what the books say."""
    sealed(database, now=LATEST)
    old, new = (
        verify_log.read_head(head.checkpoint or "", the_signer().verifier_key)
        for head in (before, the_head(database))
    )
    with database.reading() as session:
        hashes = [verify_log.hash_in(line) for line in growth_since(session, old.size).splitlines()]
        assert list(differences(session, now=LATEST, on_disk=file_of(database).read())) == []
    verify_log.check_consistency(old, new, hashes)
    assert whole(database) == new.size


def test_a_revocation_that_no_list_showed_yet_is_known_from_the_record(database: Database) -> None:
    directory = certified(database)
    authorities_noted(database)
    listed(database, now=NOW)
    kept = backup(database)
    sealed(database, now=NOW)
    first, other = every_certificate(database)
    revoked(database, first, reason=Reason.key_compromise)
    revoked(database, other, reason=Reason.certificate_hold)
    sealed(database)
    before = the_head(database)
    restore(database, kept)

    done = recovered(database, directory)

    assert (done.revocations, done.leaves) == (2, 7)
    reasons = [row.revocation_reason for row in every_certificate(database)]
    assert reasons == ["keyCompromise", "certificateHold"]
    assert listed(database, now=LATEST) == {first.serial, other.serial}
    goes_on(database, before)


def test_a_hold_that_was_taken_back_after_the_backup_is_taken_back_again(database: Database) -> None:
    directory = certified(database)
    authorities_noted(database)
    first, _ = every_certificate(database)
    with database.transaction() as session:
        wanted = {first.id: Reason.certificate_hold}
        assert not revoke(session, wanted, who=ADMIN, profiles=profiles(), now=NOW)
    listed(database, now=NOW)
    sealed(database, now=NOW)
    kept = backup(database)
    with database.transaction() as session:
        release(session, first.id, who=ADMIN, now=LATER)
    sealed(database)
    before = the_head(database)
    restore(database, kept)

    done = recovered(database, directory)

    assert (done.releases, done.leaves) == (1, 1)
    assert every_certificate(database)[0].revoked_at is None
    goes_on(database, before)


def test_what_was_revoked_again_after_the_restore_stands_in_the_record_once(database: Database) -> None:
    """Somebody who misses a revocation repeats it before anybody has recovered."""
    directory = certified(database)
    authorities_noted(database)
    sealed(database, now=NOW)
    kept = backup(database)
    first, other = every_certificate(database)
    revoked(database, first)
    sealed(database)
    before = the_head(database)
    restore(database, kept)
    revoked(database, first, other)
    with pytest.raises(Conflict) as refused:
        sealed(database)
    assert refused.value.code == "recovery-needed"

    recovered(database, directory)

    assert [row.revocation_reason for row in every_certificate(database)] == ["superseded"] * 2
    goes_on(database, before)
    assert the_head(database).size == before.size + 1


def test_certificates_that_were_not_in_the_record_yet_enter_it_when_they_are_recovered(
    database: Database,
) -> None:
    """The signer died after the journal and before the record, and the books were lost then."""
    directory = ordered(database)
    authorities_noted(database)
    sealed(database, now=NOW)
    before = the_head(database)
    kept = backup(database)
    assert issue(database, a_desk(database, now=THEN)) == 2
    restore(database, kept)

    done = recovered(database, directory)

    assert (done.certificates, done.leaves) == (2, 0)
    goes_on(database, before)
    assert the_head(database).size == before.size + 2


def test_other_leaves_in_the_same_place_are_an_alarm(database: Database) -> None:
    directory = certified(database)
    sealed(database, now=NOW)
    with database.transaction() as session:
        session.execute(update(RecordHead).values(size=1, octets=len(the_leaves(database)[0]) + 1))
        session.execute(update(Leaf).where(Leaf.position == 1).values(leaf=the_leaves(database)[0]))

    with pytest.raises(Conflict) as refused:
        recovered(database, directory)

    assert refused.value.code == "record-damaged"


def test_until_the_books_balance_nothing_new_gets_a_serial(database: Database) -> None:
    lost = drill(database, before=2, after=6, revocations=4)
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
    lost = drill(database, before=2, after=6, revocations=4)
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


def says(database: Database, row: Certificate) -> OCSPResponse:
    """What OCSP answers of this certificate, as soon as it is asked."""
    return asked(database, row, now=LATEST)[1]


def lost_after(database: Database, *reasons: Reason) -> tuple[FakeDirectory, list[Certificate]]:
    """Two certificates with answers signed ahead, a backup, these revocations on a list, and the books put back."""
    directory = certified(database)
    assert delegate_answers(database, a_desk(database))
    assert Answers(database, SEALER, clock=a_clock(NOW)).sign_ahead() == 2
    listed(database, now=NOW)
    kept = backup(database)
    rows = every_certificate(database)
    for row, reason in zip(rows, reasons, strict=False):
        revoked(database, row, reason=reason)
    listed(database)
    restore(database, kept)
    return directory, rows


def test_after_a_recovery_answers_list_and_books_agree_at_once(database: Database) -> None:
    directory, (first, other) = lost_after(database, Reason.key_compromise)
    assert says(database, first).certificate_status is OCSPCertStatus.GOOD

    recovered(database, directory)

    answer = says(database, first)
    assert (answer.revocation_time_utc, answer.revocation_reason) == (LATER, Reason.key_compromise)
    assert says(database, other).certificate_status is OCSPCertStatus.GOOD
    row, _ = every_certificate(database)
    assert (row.revoked_at, row.revocation_reason) == (LATER, "keyCompromise")
    assert listed(database, now=LATEST) == {first.serial}


def test_a_hold_that_a_list_tells_of_keeps_the_key_and_can_be_taken_back(database: Database) -> None:
    directory, (first, _) = lost_after(database, Reason.certificate_hold)

    recovered(database, directory)
    assert says(database, first).revocation_reason is Reason.certificate_hold
    with database.transaction() as session:
        release(session, first.id, who=ADMIN, now=LATEST)
        given = hand_over(session, address_of(database), sealer=SEALER, who=ADMIN, now=LATEST)

    assert given.password is not None
    assert says(database, first).certificate_status is OCSPCertStatus.GOOD


def test_a_list_does_not_make_less_of_what_was_revoked_again_after_the_restore(database: Database) -> None:
    directory, rows = lost_after(database, Reason.superseded, Reason.certificate_hold)
    revoked(database, *rows, reason=Reason.key_compromise)

    recovered(database, directory)

    assert [row.revocation_reason for row in every_certificate(database)] == ["keyCompromise"] * 2


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_journal_of_a_whole_province_is_no_question_of_as_many_parameters(database: Database) -> None:
    """PostgreSQL takes 65,535."""
    ordered(database)
    _stopped_after_reserving(database)
    issue(database, a_desk(database, now=THEN))
    entries = journal_of(database).by_serial()
    line = next(iter(entries.values()))
    entries |= {f"{number:x}": line for number in range(70_000)}

    with database.transaction() as session:
        session.execute(update(Certificate).values(state=State.RESERVED, der=None))
        issuer = session.query(Issuer).filter_by(label=mail_authority().label).one()
        assert len(recovering._finish_reserved(session, issuer, entries)) == 2

    assert {row.state for row in every_certificate(database)} == {State.ISSUED}


def test_a_certificate_signed_past_the_journal_is_an_alarm(database: Database) -> None:
    directory = certified(database)
    with database.transaction() as session:
        session.execute(delete(Certificate).where(Certificate.id == every_certificate(database)[0].id))
    journal_of(database)._path.write_bytes(b"")  # what the signer knew is gone too

    with pytest.raises(Conflict) as refused:
        recovered(database, directory)

    assert refused.value.code == "signed-past-the-journal"


def test_what_others_put_into_the_directory_is_passed_over_and_counted(database: Database) -> None:
    directory = certified(database)
    ours = published(directory)

    seen, unread = seen_in([b"junk", of_another_version(), *ours])
    recovered(database, directory)

    assert {each.serial for each in seen} == {row.serial for row in every_certificate(database)}
    assert (len(seen), unread) == (len(ours), 2)


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


def test_a_journal_whose_end_is_lost_is_written_again_on_a_persons_word(database: Database) -> None:
    certified(database)
    delegate_answers(database, a_desk(database))
    journal = journal_of(database)
    before = {serial: entry.certificate for serial, entry in journal.by_serial().items()}
    journal._path.write_bytes(journal._path.read_bytes().splitlines(keepends=True)[0])

    lost = write_again(database, journal_of(database), who=ADMIN, now=LATER)

    after = {serial: entry.certificate for serial, entry in journal_of(database).by_serial().items()}
    assert (lost, after) == (len(before) - 1, before)
    assert lost > 1
    assert balance(database) == "balanced"
    assert write_again(database, journal_of(database), who=ADMIN, now=LATEST) == 0


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
    assert lines == [(row.serial, row.der) for row in every_certificate(database)]


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
