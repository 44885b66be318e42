"""What the record says of every certificate, beside what the books say: the ground for verifying and for recovering.

The record is read by the stand-alone verifier's own rules (`ca/verify_log.py`), not by those that wrote it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.log import forward
from ca.verify_log import Broken, Story, read_record
from provisioner.certificates.models import Certificate, Issuer, ResponderKey
from provisioner.certificates.recording_models import Leaf
from provisioner.certificates.revoked_authorities import said_by_roots

Key = tuple[str, str]
"""An authority's label and a serial number."""


@dataclass
class Replay:
    """The record from its first leaf to the last that is noted."""

    story: Story = field(default_factory=Story)
    fingerprints: dict[Key, bytes] = field(default_factory=dict)
    """SHA-256 of every certificate that was issued."""
    changes: dict[Key, dict[str, str]] = field(default_factory=dict)
    """The last revocation or release of each."""
    unfit: list[int] = field(default_factory=list)
    """Ids of leaves that contradict those before them."""
    broken: list[Broken] = field(default_factory=list)
    """What is wrong with them."""

    def add(self, leaf_id: int, leaf: bytes, where: str) -> None:
        try:
            record = read_record(leaf, where)
            self.story.add(record, where)
        except Broken as broken:
            self.unfit.append(leaf_id)
            self.broken.append(broken)
            return
        key = record["issuer"], record["serial"]
        if record["event"] == "issued":
            self.fingerprints[key] = bytes.fromhex(record["certificate"])
        else:
            self.changes[key] = record


def replay(session: Session, *, now: datetime) -> Replay:
    """Read the whole record: the leaves in their places, then those that still wait for one."""
    done, before = Replay(), None
    placed = select(Leaf.id, Leaf.position, Leaf.leaf).where(Leaf.position.is_not(None))
    for row in session.execute(placed.order_by(Leaf.position).execution_options(yield_per=2000)):
        before = row.leaf.encode()
        done.add(row.id, before, str(row.position))
    noted = select(Leaf.id, Leaf.leaf).where(Leaf.position.is_(None)).order_by(Leaf.id)
    for leaf_id, text in session.execute(noted).all():
        leaf = forward(text.encode(), after=before, now=now)
        done.add(leaf_id, leaf, "noted")
        before = leaf if leaf_id not in done.unfit else before
    return done


@dataclass(frozen=True, slots=True)
class Stated:
    """One certificate as the books have it; `reason` is empty while it is good. `id` is a subscriber's."""

    issuer: str
    serial: str
    der: bytes
    profile: str
    reason: str = ""
    id: int | None = None

    @property
    def key(self) -> Key:
        return self.issuer, self.serial


def by_subject(certificates: Mapping[str, x509.Certificate]) -> dict[bytes, str]:
    """The label of each authority by its name in DER, to find who issued what."""
    return {certificate.subject.public_bytes(): label for label, certificate in certificates.items()}


def stated(session: Session, *, serials: Collection[str] | None = None) -> Iterator[Stated]:
    """Every certificate that the books have: authorities, responders, and subscribers, of these only if told."""
    issuers = session.scalars(select(Issuer).order_by(Issuer.id)).all()
    labels = {issuer.id: issuer.label for issuer in issuers}
    certificates = {issuer.label: x509.load_der_x509_certificate(issuer.certificate) for issuer in issuers}
    above, revoked = by_subject(certificates), said_by_roots(session)
    for issuer in issuers:
        certificate = certificates[issuer.label]
        key = above.get(certificate.issuer.public_bytes(), ""), f"{certificate.serial_number:x}"
        reason = revoked[key].reason if key in revoked else None
        yield Stated(*key, issuer.certificate, issuer.label, reason.value if reason else "")
    responders = select(ResponderKey).where(ResponderKey.certificate.is_not(None)).order_by(ResponderKey.id)
    for responder in session.scalars(responders):
        issuer_label = labels[responder.issuer_id]
        yield Stated(issuer_label, responder.serial, responder.certificate or b"", "ocsp-responder")
    subscribers = select(
        Certificate.id,
        Certificate.issuer_id,
        Certificate.serial,
        Certificate.der,
        Certificate.profile,
        Certificate.revocation_reason,
    ).where(Certificate.der.is_not(None), Certificate.issuer_id.is_not(None))
    if serials is not None:
        subscribers = subscribers.where(Certificate.serial.in_(serials))
    for row in session.execute(subscribers.order_by(Certificate.id).execution_options(yield_per=2000)):
        yield Stated(
            labels[row.issuer_id or 0],
            row.serial or "",
            row.der or b"",
            row.profile,
            row.revocation_reason or "",
            row.id,
        )
