"""The record: every issuance, revocation and release becomes a leaf of one log, signed as it grows.

    note    a leaf without a place, in the transaction in which the thing happens
    place   the signer gives the noted leaves their places; from then on the order is fixed by the books
    write   they go to the signer's own disk
    sign    one checkpoint over all of them, kept there and then in the books

Killed between any two of these, the next call finds the books as they stand and goes on: no leaf is
missing and none stands twice. Only the right edge of the tree is kept, so a chunk costs its own
hashes and one signature, however long the log is.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, exists, func, insert, select, update
from sqlalchemy.orm import Session

from ca.crl import Reason, Revocation
from ca.log import CheckpointSigner, Edge, Record, forward, issued, leaf_hash, released, revoked
from ca.profiles import Profile
from provisioner.certificates.models import Certificate, Issuer
from provisioner.certificates.recording_file import RecordFile
from provisioner.certificates.recording_models import Leaf, RecordHead
from provisioner.db import Database, after_commit, table_of
from provisioner.failpoints import failpoint

CHUNK = 2000
"""Leaves placed in one transaction: a few hundredths of a second."""


def note(session: Session, records: Iterable[Record]) -> None:
    """Note what happened; it enters the record once this transaction has committed."""
    rows = [
        {"issuer": record.issuer, "serial": f"{record.serial:x}", "leaf": record.leaf().decode()}
        for record in records
    ]
    if rows:
        session.execute(insert(table_of(Leaf)), rows)
        after_commit(session, "record")


def note_issued(
    session: Session,
    certificates: Iterable[tuple[bytes, Profile]],
    *,
    issuer: str,
    now: datetime,
) -> None:
    """Note certificates, in DER, that were just signed by this authority, each with the profile it was made by."""
    note(
        session,
        [
            issued(certificate, issuer=issuer, profile=recorded_profile(profile), at=now)
            for certificate, profile in certificates
        ],
    )


def recorded_profile(profile: Profile) -> str:
    """A profile as the record names it: a later version is another."""
    return f"{profile.name} {profile.version}"


def note_changes(session: Session, changed: Sequence[Certificate], *, now: datetime) -> None:
    """Note for certificates that were just revoked, held or released what they are now."""
    labels = dict(session.execute(select(Issuer.id, Issuer.label)).all())
    note(session, [_change(row, labels[row.issuer_id or 0], now) for row in changed])


def _change(row: Certificate, issuer: str, now: datetime) -> Record:
    serial = int(row.serial or "", 16)
    if row.revoked_at is None:
        return released(serial, issuer=issuer, at=now)
    revocation = Revocation(serial, row.revoked_at, Reason(row.revocation_reason))
    return revoked(revocation, issuer=issuer, at=now)


def seal(
    database: Database,
    signer: CheckpointSigner,
    file: RecordFile,
    *,
    clock: Callable[[], datetime],
    chunk: int = CHUNK,
) -> int:
    """Take everything that is noted into the record and sign checkpoints over it; how many leaves.

    Raises `Conflict` when the signer's disk knows leaves that the books do not, or lost some they know, and
    `Unavailable` when the disk refuses: then nothing is signed.
    """
    sealed = 0
    while count := _seal_chunk(database, signer, file, clock, chunk):
        sealed += count
    return sealed


def _seal_chunk(
    database: Database,
    signer: CheckpointSigner,
    file: RecordFile,
    clock: Callable[[], datetime],
    chunk: int,
) -> int:
    head = _head(database, signer)
    # Whatever stands in the file was placed before: so the file is read first, and the books after it.
    here = file.read(head.octets)
    placed = _placed(database, head)
    file.require(here, lines_of(placed))
    if not placed:
        placed = _place(database, head, chunk, now=clock())
    if not placed:
        return 0
    failpoint("record.placed")
    file.append(head.octets, lines_of(placed))
    failpoint("record.written")
    edge = Edge(head.size, head.edge)
    for leaf in placed:
        edge.append_hash(leaf_hash(leaf))
    checkpoint = signer.checkpoint(edge)
    file.keep_checkpoint(checkpoint)
    failpoint("record.signed")
    with database.transaction() as session:
        # A signer that was frozen meanwhile must not take the record back to where it was.
        session.execute(
            update(RecordHead)
            .where(RecordHead.id == head.id, RecordHead.size < edge.size)
            .values(
                size=edge.size,
                octets=head.octets + len(lines_of(placed)),
                edge=bytes(edge),
                checkpoint=checkpoint,
                signed_at=clock(),
            )
        )
    failpoint("record.sealed")
    return len(placed)


def is_unsealed() -> ColumnElement[bool]:
    """Whether something waits to enter the record, or has a place in it that is not signed yet."""
    size = select(func.coalesce(func.max(RecordHead.size), 0)).scalar_subquery()
    return exists().where(Leaf.position.is_(None)) | exists().where(Leaf.position >= size)


def record_origin(base_url: str) -> str:
    """The name of the record for good, such as `pki.lamdong.gov.vn/log` (C2SP tlog-checkpoint: no scheme)."""
    return f"{base_url.removeprefix('http://').replace(':', '.')}/log"


def lines_of(leaves: Iterable[bytes]) -> bytes:
    """Leaves as the signer's file and the verifier have them."""
    return b"".join(leaf + b"\n" for leaf in leaves)


def _head(database: Database, signer: CheckpointSigner) -> RecordHead:
    """How far the record is signed; nothing of it at the first call."""
    of_ours = select(RecordHead).where(RecordHead.origin == signer.origin)
    with database.reading() as session:
        if (head := session.scalars(of_ours).one_or_none()) is not None:
            return head
    with database.transaction() as session:
        head = RecordHead(origin=signer.origin, verifier_key=signer.verifier_key, size=0, octets=0, edge=b"")
        session.add(head)
    return head


def _placed(database: Database, head: RecordHead) -> list[bytes]:
    """Leaves with a place and not under the last checkpoint: of a signer that was killed, or is at work."""
    with database.reading() as session:
        return _after(session, head)


def _after(session: Session, head: RecordHead) -> list[bytes]:
    found = session.scalars(select(Leaf.leaf).where(Leaf.position >= head.size).order_by(Leaf.position))
    return [leaf.encode() for leaf in found]


def _place(database: Database, head: RecordHead, chunk: int, *, now: datetime) -> list[bytes]:
    """Give noted leaves their places, in the order in which they were noted; all that are not signed yet."""
    with database.transaction() as session:
        # Locked first: of two signers the second sees what the first has placed, and places the rest.
        session.execute(select(RecordHead.id).where(RecordHead.id == head.id).with_for_update())
        last = session.execute(
            select(Leaf.position, Leaf.leaf)
            .where(Leaf.position.is_not(None))
            .order_by(Leaf.position.desc())
            .limit(1)
        ).one_or_none()
        start, before = (0, None) if last is None else (last.position + 1, last.leaf.encode())
        noted = session.execute(
            select(Leaf.id, Leaf.leaf).where(Leaf.position.is_(None)).order_by(Leaf.id).limit(chunk)
        ).all()
        places = []
        for offset, row in enumerate(noted):
            before = forward(row.leaf.encode(), after=before, now=now)
            places.append({"noted": row.id, "place": start + offset, "line": before.decode()})
        if places:
            statement = (
                update(table_of(Leaf))
                .where(table_of(Leaf).c.id == bindparam("noted"))
                .values(position=bindparam("place"), leaf=bindparam("line"))
            )
            session.connection().execute(statement, places)
        return _after(session, head)
