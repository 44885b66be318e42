"""The signing controller: what was ordered is reserved, signed and recorded.

    reserve   keys made, drafts linted, serials and the very bytes to be signed committed
    sign      deterministically, so that signing again after a crash gives the same bytes
    record    the certificate, its audit event, and the mailbox's next revision, in one transaction

Killed between any two of these, the next run finds the row as it stands and goes on: one
serial, one certificate. Only the signer process holds the `Authority` this needs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import exists, select

from ca.authority import Authority, Draft, der
from ca.errors import CaError
from ca.keys import spki_fingerprint
from ca.names import Subscriber
from ca.profiles import Profile
from provisioner.audit import Change, Who, record
from provisioner.certificates.models import Certificate, Issuer, State
from provisioner.certificates.subjects import Naming, subjects
from provisioner.db import Database, after_commit, table_of
from provisioner.failpoints import failpoint
from provisioner.mailboxes.models import Mailbox
from provisioner.mailboxes.opening import touch
from provisioner.pending import Claim, claim, held, mark
from provisioner.people.sealing import Sealer
from provisioner.secret import Secret

SIGNER = Who("signer")

_NOBODY: dict[str, object] = {
    "trouble": "subject-unknown",
    "trouble_detail": "The owner of the mailbox holds no post in any agency, so there is nobody to certify.",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """What signing needs besides the books."""

    authority: Authority
    profiles: Mapping[str, Profile]
    naming: Naming
    sealer: Sealer
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed order, and its draft: from the books when it was reserved before, else to be made."""

    claim: Claim
    mailbox_id: int
    profile: Profile
    ordered_by: str
    tbs: bytes | None


def issue(database: Database, desk: Desk, *, chunk: int = 250) -> int:
    """Issue every certificate that is ordered and whose mailbox stands in the directory; how many."""
    issued = 0
    while True:
        jobs = _claim(database, desk, chunk)
        if not jobs:
            return issued
        drafts = _reserve(database, desk, jobs)
        failpoint("issue.reserved")
        signed = [(job, desk.authority.sign(draft)) for job, draft in drafts]
        failpoint("issue.signed")
        issued += _record(database, desk, signed)
        failpoint("issue.recorded")


def key_context(public_key: bytes) -> str:
    """What a sealed private key is bound to: its own public key."""
    return f"certificates.key:{public_key.hex()}"


def _claim(database: Database, desk: Desk, chunk: int) -> list[Job]:
    table = table_of(Certificate)
    # The order of provisioning is mailbox, then certificate: the address is what is certified.
    in_directory = exists().where(Mailbox.id == table.c.mailbox_id, Mailbox.first_synced_at.is_not(None))
    with database.transaction() as session:
        claims = claim(
            session,
            table,
            waiting=table.c.state.in_((State.ORDERED, State.RESERVED)) & in_directory,
            limit=chunk,
            now=desk.clock(),
        )
        rows = {
            row.id: row
            for row in session.execute(
                select(
                    Certificate.id,
                    Certificate.mailbox_id,
                    Certificate.profile,
                    Certificate.ordered_by,
                    Certificate.tbs,
                ).where(Certificate.id.in_([claimed.id for claimed in claims]))
            )
        }
    return [
        Job(c, row.mailbox_id, desk.profiles[row.profile], row.ordered_by, row.tbs)
        for c in claims
        for row in (rows[c.id],)
    ]


def _reserve(database: Database, desk: Desk, jobs: Sequence[Job]) -> list[tuple[Job, Draft]]:
    """Commit a serial and the bytes to be signed for each job; what was reserved before stays as it is."""
    now = desk.clock()
    with database.reading() as session:
        who = subjects(session, [job.claim.id for job in jobs], desk.naming)
    drafts: list[tuple[Job, Draft]] = []
    reserved: list[tuple[Claim, dict[str, object]]] = []
    refused: list[tuple[Claim, dict[str, object]]] = []
    for job in jobs:
        try:
            if job.tbs is not None:
                drafts.append((job, desk.authority.redraft(job.tbs, job.profile)))
            elif (subject := who.get(job.claim.id)) is None:
                refused.append((job.claim, _NOBODY))
            else:
                draft, columns = _draft(desk, job, subject, now=now)
                drafts.append((job, draft))
                reserved.append((job.claim, columns))
        except CaError as error:
            refused.append((job.claim, {"trouble": error.code[:64], "trouble_detail": str(error)[:500]}))
    with database.transaction() as session:
        # What was lost meanwhile is not signed either: only committed bytes ever are.
        ours = held(session, table_of(Certificate), [job.claim for job in jobs])
        reserved = [(c, columns) for c, columns in reserved if c in ours]
        refused = [(c, columns) for c, columns in refused if c in ours]
        issuer_id = session.scalar(select(Issuer.id).where(Issuer.label == desk.authority.label))
        # The lease goes on: the row is ours until it is recorded.
        lease = table_of(Certificate).c.lease_until
        mark(
            session,
            table_of(Certificate),
            reserved,
            same={"state": State.RESERVED, "issuer_id": issuer_id, "reserved_at": now, "lease_until": lease},
        )
        mark(session, table_of(Certificate), refused, same={"state": State.REFUSED})
        record(
            session,
            SIGNER,
            [
                Change("certificate.refused", "certificate", str(c.id), after={"reason": values["trouble"]})
                for c, values in refused
            ],
            now=now,
        )
    return [(job, draft) for job, draft in drafts if job.claim in ours]


def _draft(desk: Desk, job: Job, subject: Subscriber, *, now: datetime) -> tuple[Draft, dict[str, object]]:
    """Make a key pair and a linted draft, and the columns that keep both."""
    key = ec.generate_private_key(ec.SECP256R1())
    public_key = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    draft = desk.authority.prepare(job.profile, subject, key.public_key(), now=now)
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return draft, {
        "serial": f"{draft.serial:x}",
        "tbs": draft.tbs,
        "public_key": public_key,
        "key_fingerprint": spki_fingerprint(key.public_key()),
        "key_sealed": desk.sealer.seal(Secret(private.hex()), context=key_context(public_key)),
        "not_before": draft.not_before,
        "not_after": draft.not_after,
    }


def _record(database: Database, desk: Desk, signed: Sequence[tuple[Job, x509.Certificate]]) -> int:
    now = desk.clock()
    with database.transaction() as session:
        # A signer that lost its lease while signing records nothing: another has signed the same bytes.
        ours = held(session, table_of(Certificate), [job.claim for job, _ in signed])
        signed = [(job, certificate) for job, certificate in signed if job.claim in ours]
        mark(
            session,
            table_of(Certificate),
            [(job.claim, {"der": der(certificate)}) for job, certificate in signed],
            same={"state": State.ISSUED, "issued_at": now},
        )
        touch(session, [job.mailbox_id for job, _ in signed])
        record(
            session,
            SIGNER,
            [
                Change(
                    "certificate.issued",
                    "certificate",
                    str(job.claim.id),
                    after={"serial": f"{certificate.serial_number:x}", "ordered_by": job.ordered_by},
                )
                for job, certificate in signed
            ],
            now=now,
        )
        after_commit(session, "directory")
    return len(signed)
