"""What the record can show to whoever asks: proofs about one certificate, growth, the whole, and its own soundness.

Forms are those that `ca/verify_log.py` reads, so that nobody has to trust what is said here.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from ca.errors import CaError
from ca.log import Edge, Tree, consistency_of, leaf_hash, proof_of, read_checkpoint
from provisioner.certificates.recording_models import Leaf, RecordHead
from provisioner.certificates.recording_replay import Replay, replay, stated
from provisioner.errors import Conflict, Invalid, NotFound, Text


def newest(session: Session) -> RecordHead:
    """The record as it was signed last. Raises `NotFound` before the first checkpoint."""
    signed = (
        select(RecordHead).where(RecordHead.checkpoint.is_not(None)).order_by(RecordHead.signed_at.desc())
    )
    head = session.scalars(signed.limit(1)).one_or_none()
    if head is None:
        raise NotFound(
            Text(vi="Bản ghi cấp phát chưa được ký lần nào.", en="The record has not been signed yet."),
            code="record-unsigned",
        )
    return head


def signed_leaves(session: Session, head: RecordHead) -> Iterator[bytes]:
    """The leaves under the newest checkpoint, in order."""
    found = select(Leaf.leaf).where(Leaf.position < head.size).order_by(Leaf.position)
    for leaf in session.scalars(found.execution_options(yield_per=2000)):
        yield leaf.encode()


def answer_about(session: Session, serial: str) -> dict[str, Any]:
    """All that the record says of one certificate, each with its proof, and the certificate: for `verify_log serial`.

    Raises `NotFound` when it says nothing, `Conflict` while the last word is not signed yet.
    """
    head = newest(session)
    leaves = session.scalars(select(Leaf).where(Leaf.serial == serial).order_by(Leaf.position, Leaf.id)).all()
    if not leaves:
        raise NotFound(
            Text(
                vi=f"Bản ghi cấp phát không có gì về số hiệu {serial}.",
                en=f"The record has nothing about the serial number {serial}.",
            ),
            code="record-unknown",
        )
    if any(leaf.position is None or leaf.position >= head.size for leaf in leaves):
        raise Conflict(
            Text(
                vi=f"Điều mới nhất về số hiệu {serial} chưa được ký vào bản ghi; hãy thử lại sau vài giây.",
                en=f"The newest word about {serial} is not signed into the record yet; try again in some seconds.",
            ),
            code="record-unsigned",
        )
    tree, checkpoint = Tree(map(leaf_hash, signed_leaves(session, head))), head.checkpoint or ""
    der = next(
        (one.der for one in stated(session, serials=[serial]) if one.key == (leaves[0].issuer, serial)), b""
    )
    return {
        "certificate": b64encode(der).decode(),
        "records": [
            {"leaf": leaf.leaf, "proof": proof_of(tree, leaf.position or 0, checkpoint)} for leaf in leaves
        ],
    }


def growth_since(session: Session, size: int) -> str:
    """The hashes that show that the record of this size is the beginning of the newest one, for `verify_log`.

    Raises `Invalid` when the record was never that long.
    """
    head = newest(session)
    if not 0 <= size <= head.size:
        raise Invalid(
            Text(
                vi=f"Bản ghi có {head.size} dòng, không phải {size}.",
                en=f"The record has {head.size} leaves, not {size}.",
            ),
            code="record-size",
        )
    return consistency_of(Tree(map(leaf_hash, signed_leaves(session, head))), size, head.size)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the record, the books and the signer's disk do not agree on; `serial` may be empty."""

    code: str
    text: Text
    issuer: str = ""
    serial: str = ""


_SAID: Final = {
    "not-recorded": Text(
        vi="Chứng thư có trong cơ sở dữ liệu mà không có trong bản ghi.",
        en="The books have a certificate that the record does not know.",
    ),
    "certificate-gone": Text(
        vi="Bản ghi có một chứng thư mà cơ sở dữ liệu không còn.",
        en="The record has a certificate that is gone from the books.",
    ),
    "certificate-changed": Text(
        vi="Chứng thư trong cơ sở dữ liệu không phải là chứng thư đã ghi.",
        en="The certificate in the books is not the one that was recorded.",
    ),
}


def differences(
    session: Session, *, now: datetime, verifier_key: str | None = None, on_disk: bytes | None = None
) -> Iterator[Difference]:
    """Everything that does not hold; nothing when the record is what it was and says what the books say.

    With `verifier_key`, an auditor's own copy, the books' word on the key is not taken. `on_disk` are the
    leaves on the signer's disk, where they can be read.
    """
    yield from _under_the_checkpoint(session, verifier_key, on_disk)
    done = replay(session, now=now)
    for broken in done.broken:
        vi, _, en = str(broken).partition("\n")
        yield Difference("record-broken", Text(vi=vi, en=en))
    yield from _against_the_books(session, done)


def _under_the_checkpoint(
    session: Session, verifier_key: str | None, on_disk: bytes | None
) -> Iterator[Difference]:
    try:
        head = newest(session)
        signed = read_checkpoint(head.checkpoint or "", verifier_key or head.verifier_key)
    except (CaError, NotFound) as error:
        yield Difference("checkpoint-wrong", Text(vi=error.text.vi, en=error.text.en))
        return
    edge, disk = Edge(), memoryview(on_disk or b"")
    disk_differs = False
    for leaf in signed_leaves(session, head):
        edge.append_hash(leaf_hash(leaf))
        line = leaf + b"\n"
        disk_differs |= disk[: len(line)] != line
        disk = disk[len(line) :]
    if (edge.size, edge.root()) != (signed.size, signed.root):
        yield Difference(
            "leaves-changed",
            Text(
                vi=f"Bản ghi đã bị sửa: {edge.size} dòng không phải là {signed.size} dòng đã ký.",
                en=f"The record was changed: its {edge.size} leaves are not the {signed.size} that were signed.",
            ),
        )
    if on_disk is not None and disk_differs:
        yield Difference(
            "disk-differs",
            Text(
                vi="Bản ghi trong cơ sở dữ liệu khác bản ghi trên đĩa của máy ký.",
                en="The record in the books is not the one on the signer's disk.",
            ),
        )


def _against_the_books(session: Session, done: Replay) -> Iterator[Difference]:
    left = set(done.fingerprints)
    for one in stated(session):
        left.discard(one.key)
        recorded, standing = done.fingerprints.get(one.key), done.story.standing.get(one.key, "")
        if recorded is None:
            yield Difference("not-recorded", _SAID["not-recorded"], *one.key)
        elif recorded != hashlib.sha256(one.der).digest():
            yield Difference("certificate-changed", _SAID["certificate-changed"], *one.key)
        elif standing != one.reason:
            yield Difference("standing-differs", _standing_differs(standing, one.reason), *one.key)
    for issuer, serial in sorted(left):
        yield Difference("certificate-gone", _SAID["certificate-gone"], issuer, serial)


def _standing_differs(recorded: str, in_books: str) -> Text:
    return Text(
        vi=f"Bản ghi nói: {recorded or 'còn hiệu lực'}; cơ sở dữ liệu nói: {in_books or 'còn hiệu lực'}.",
        en=f"The record says: {recorded or 'good'}; the books say: {in_books or 'good'}.",
    )


def summary(session: Session) -> tuple[RecordHead, datetime | None]:
    """The newest checkpoint, checked against the edge it was signed over, and since when something waits for the next.

    Raises `NotFound` before the first, `Conflict` when they do not agree, Unreadable for a foreign signature.
    Reads nothing of the leaves: `differences` does.
    """
    head = newest(session)
    signed, edge = read_checkpoint(head.checkpoint or "", head.verifier_key), Edge(head.size, head.edge)
    if (signed.size, signed.root) != (edge.size, edge.root()):
        raise Conflict(
            Text(
                vi="Điểm kiểm tra không phải của bản ghi này; hãy chạy «provisioner ca verify-record».",
                en="The checkpoint is not of this record; run “provisioner ca verify-record”.",
            ),
            code="record-broken",
        )
    waiting = or_(Leaf.position.is_(None), Leaf.position >= head.size)
    first = session.scalar(select(Leaf.leaf).where(waiting).order_by(Leaf.id).limit(1))
    return head, None if first is None else datetime.fromisoformat(json.loads(first)["at"])
