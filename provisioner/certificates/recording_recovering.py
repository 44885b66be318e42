"""Bringing the record back after the books were restored from an old backup: the signer's disk is the witness.

What was signed and handed out stays as it was: the same leaves in the same places, so that every proof
and every checkpoint of before still holds. And the record is a witness itself: a revocation that the last
list did not show yet is known from it.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from ca.crl import Reason
from ca.log import Event, issued, revoked
from ca.verify_log import read_record
from provisioner.audit import Change, Who, record
from provisioner.certificates.models import Certificate, Issuer
from provisioner.certificates.recording import lines_of, note, note_changes
from provisioner.certificates.recording_file import RecordFile
from provisioner.certificates.recording_models import Leaf, RecordHead
from provisioner.certificates.recording_replay import Replay, Stated, replay, stated
from provisioner.certificates.recovering import RECOVERY, Recovered
from provisioner.certificates.revoked_authorities import said_by_roots
from provisioner.certificates.revoking import outweighs, tell, write_good, write_revoked
from provisioner.certificates.revoking_authorities import put_back
from provisioner.db import Database, after_commit, table_of
from provisioner.errors import Conflict, Text

CHUNK = 2000

HOLD = Reason.certificate_hold.value


def recover_record(database: Database, file: RecordFile, done: Recovered, *, who: Who, now: datetime) -> None:
    """Put the leaves of the signer's disk back, make the books say what they say, and note what they lack.

    For after `recover`, whose counts go on. Runs twice without harm. Raises `Conflict` when the books and the
    disk have other leaves in one place.
    """
    before = dict(vars(done))
    with database.transaction() as session:
        done.leaves += _put_back(session, file)
        told = replay(session, now=now)
        # Noted after the restore, and already told by what was put back.
        session.execute(delete(Leaf).where(Leaf.id.in_(told.unfit), Leaf.position.is_(None)))
        changed = list(_take_the_records_word(session, told, done))
        tell(session, changed)
        _revoke_authorities(session, told, done, now=now)
        _note_missing(session, told, now=now)
        counts = {name: count - before[name] for name, count in vars(done).items() if count > before[name]}
        if counts:
            record(session, who, [Change("record.recovered", "record", "record", after=counts)], now=now)
            after_commit(session, "record")


def _put_back(session: Session, file: RecordFile) -> int:
    """Insert the leaves that only the disk knows, in their places; how many."""
    head = session.scalars(
        select(RecordHead).order_by(RecordHead.size.desc()).limit(1).with_for_update()
    ).one_or_none()
    size, octets = (head.size, head.octets) if head else (0, 0)
    placed = session.scalars(select(Leaf.leaf).where(Leaf.position >= size).order_by(Leaf.position)).all()
    in_books, on_disk = lines_of(leaf.encode() for leaf in placed), file.read(octets)
    if in_books.startswith(on_disk):
        return 0
    if not on_disk.startswith(in_books):
        raise Conflict(
            Text(
                vi="Cơ sở dữ liệu và đĩa của máy ký ghi khác nhau ở cùng một chỗ của bản ghi cấp phát: hãy dừng lại "
                "và điều tra.",
                en="The books and the signer's disk have other leaves in one place of the record: stop and find out.",
            ),
            code="record-damaged",
        )
    missing = on_disk[len(in_books) :].splitlines()
    start = session.scalar(select(func.coalesce(func.max(Leaf.position), -1) + 1)) or 0
    for first in range(0, len(missing), CHUNK):
        rows = []
        for offset, leaf in enumerate(missing[first : first + CHUNK], start + first):
            fields = read_record(leaf, str(offset))
            rows.append(
                {
                    "position": offset,
                    "issuer": fields["issuer"],
                    "serial": fields["serial"],
                    "leaf": leaf.decode(),
                }
            )
        session.execute(insert(table_of(Leaf)), rows)
    return len(missing)


def _take_the_records_word(session: Session, told: Replay, done: Recovered) -> Iterator[Certificate]:
    """Make certificates revoked or good as the record has them where it knows more than the books."""
    differing = [
        (one.id, one.key, one.reason)
        for one in stated(session)
        if one.key in told.changes and one.id is not None and told.story.standing[one.key] != one.reason
    ]
    for certificate_id, key, reason in differing:
        change, standing = told.changes[key], told.story.standing[key]
        row = session.get_one(Certificate, certificate_id)
        if standing and outweighs(Reason(standing), reason or None):
            since = row.revoked_at or datetime.fromisoformat(change["revokedAt"])
            write_revoked(row, Reason(standing), since=since, by=RECOVERY)
            done.revocations += 1
        elif standing == "" and reason == HOLD and _is_before(row.revoked_at, change["at"]):
            write_good(row)
            done.releases += 1
        else:
            continue
        yield row


def _revoke_authorities(session: Session, told: Replay, done: Recovered, *, now: datetime) -> None:
    """Revoke again the authorities that the record knows as revoked by their roots."""
    for issuer in session.scalars(select(Issuer).where(Issuer.parent_id.is_(None)).order_by(Issuer.id)):
        said = {
            serial: (datetime.fromisoformat(change["revokedAt"]), Reason(change["reason"]))
            for (label, serial), change in told.changes.items()
            if label == issuer.label and change["event"] == Event.REVOKED
        }
        done.revocations += put_back(session, issuer, said, now=now)


def _is_before(moment: datetime | None, other: str) -> bool:
    return moment is not None and moment <= datetime.fromisoformat(other)


def _note_missing(session: Session, told: Replay, *, now: datetime) -> None:
    """Note what the books know and the record does not: certificates that were recovered, lists that told more."""
    unknown: list[Stated] = []
    changed: list[int] = []
    for one in stated(session):
        if one.key not in told.fingerprints:
            unknown.append(one)
        if one.id is not None and told.story.standing.get(one.key, "") != one.reason:
            changed.append(one.id)
    note(
        session,
        [
            *(issued(one.der, issuer=one.issuer, profile=one.profile, at=now) for one in unknown),
            *(
                revoked(said, issuer=key[0], at=now)
                for key, said in said_by_roots(session).items()
                if not told.story.standing.get(key)
            ),
        ],
    )
    rows = [session.get_one(Certificate, certificate_id) for certificate_id in changed]
    note_changes(session, rows, now=now)
