"""The signing controller: what was ordered is reserved, signed and recorded.

    reserve   keys made, drafts linted, serials and the very bytes to be signed committed
    sign      deterministically, so that signing again after a crash gives the same bytes
    journal   on the signer's own disk, before anybody hears of it
    record    the certificate, its audit event, and the mailbox's next revision, in one transaction

Killed between any two of these, the next run finds the row as it stands and goes on: one
serial, one certificate. Only the signer process holds the `Authority` this needs.

Each authority signs at a desk of its own: the newest of a name takes the orders that have its purpose,
an earlier generation only finishes what it had reserved.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)
from sqlalchemy import ColumnElement, and_, case, exists, false, func, select, update
from sqlalchemy.orm import Session

from ca.authority import Authority, Draft, der
from ca.errors import CaError
from ca.keys import PublicKey, accept, spki_bytes
from ca.log import issued
from ca.names import Subscriber
from ca.profiles import Profile
from provisioner.audit import Change, Who, record
from provisioner.certificates.journal import Journal, Signed
from provisioner.certificates.models import Certificate, Issuer, Purpose, State, is_open, name_of
from provisioner.certificates.ordering import stand_again
from provisioner.certificates.recording import note, recorded_profile
from provisioner.certificates.refusals import NO_PROFILE, NOBODY, kept
from provisioner.certificates.revoked_authorities import issued_below, revoked_authorities
from provisioner.certificates.subjects import Naming, subjects
from provisioner.days import day_of
from provisioner.db import Database, after_commit, table_of
from provisioner.failpoints import failpoint
from provisioner.mailboxes.models import Mailbox
from provisioner.mailboxes.opening import touch
from provisioner.pending import Claim, claim, held, mark
from provisioner.people.sealing import Sealer
from provisioner.secret import Secret

SIGNER = Who("signer")

_NOBODY: dict[str, object] = {"trouble": NOBODY, "trouble_detail": None}
_NO_PROFILE: dict[str, object] = {"trouble": NO_PROFILE, "trouble_detail": None}


@dataclass(frozen=True, slots=True)
class Desk:
    """What signing needs besides the books."""

    authority: Authority
    profiles: Mapping[str, Profile]
    naming: Naming
    sealer: Sealer
    journal: Journal
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed order, and its draft: from the books when it was reserved before, else to be made."""

    claim: Claim
    mailbox_id: int
    purpose: str
    profile: Profile | None
    """None when it was removed after the order."""
    ordered_by: str
    tbs: bytes | None
    serial: str | None
    public_key: bytes | None
    """The key its owner made, if so; the service then never has the private one."""
    key_by_owner: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate (DER) that the journal has, and the profile that the record names for it."""

    job: Job
    serial: str
    certificate: bytes
    profile: str


def issue(database: Database, desk: Desk, *, chunk: int = 250) -> int:
    """Issue every certificate that is ordered of this authority and whose mailbox stands in the directory; how many.

    Raises `Conflict` when the clock stands before the journal's last line, `Unavailable` when the
    journal cannot be written: then nothing more is signed.
    """
    count = 0
    while True:
        desk.journal.now(desk.clock)
        began_at = desk.journal.size()
        jobs = _claim(database, desk, chunk)
        if not jobs:
            return count
        drafts, made = _reserve(database, desk, jobs)
        failpoint("issue.reserved")
        certificates = desk.authority.sign_all([draft for _, draft in drafts])
        failpoint("issue.signed")
        signed = [
            Made(job, f"{draft.serial:x}", each, recorded_profile(draft.profile))
            for (job, draft), each in zip(drafts, certificates, strict=True)
        ]
        size = desk.journal.append([_signed(each) for each in signed], clock=desk.clock)
        failpoint("issue.journalled")
        if not desk.authority.deterministic:
            signed = _as_journalled(desk.journal, signed, began_at)
        count += _record(database, desk, made + signed, journal_size=size)
        failpoint("issue.recorded")


def has_orders(session: Session, label: str) -> bool:
    """Whether anything waits for this authority."""
    waits = and_(_waiting(session, label), Certificate.trouble.is_(None))
    return bool(session.scalar(select(exists().where(waits))))


def key_context(public_key: bytes) -> str:
    """What a sealed private key is bound to: its own public key."""
    return f"certificates.key:{public_key.hex()}"


def _claim(database: Database, desk: Desk, chunk: int) -> list[Job]:
    table = table_of(Certificate)
    with database.transaction() as session:
        ours = _waiting(session, desk.authority.label)
        claims = claim(session, table, waiting=ours, limit=chunk, now=desk.clock())
        rows = {
            row.id: row
            for row in session.execute(
                select(
                    Certificate.id,
                    Certificate.mailbox_id,
                    Certificate.purpose,
                    Certificate.profile,
                    Certificate.ordered_by,
                    Certificate.tbs,
                    Certificate.serial,
                    Certificate.public_key,
                    Certificate.key_by_owner,
                ).where(Certificate.id.in_([claimed.id for claimed in claims]))
            )
        }
    return [
        Job(
            c,
            row.mailbox_id,
            row.purpose,
            desk.profiles.get(row.profile),
            row.ordered_by,
            row.tbs,
            row.serial,
            row.public_key,
            row.key_by_owner,
        )
        for c in claims
        for row in (rows[c.id],)
    ]


def _waiting(session: Session, label: str) -> ColumnElement[bool]:
    """The open orders of this authority whose mailbox stands: the address is what is certified."""
    in_directory = exists().where(Mailbox.id == Certificate.mailbox_id, Mailbox.first_synced_at.is_not(None))
    return and_(is_open(), _is_ours(session, label), in_directory)


def _is_ours(session: Session, label: str) -> ColumnElement[bool]:
    """What this authority reserved; if it is the newest of its name and not revoked, what is ordered for its purpose."""
    name = name_of(label)
    ids = {
        row.label: row.id
        for row in session.execute(select(Issuer.id, Issuer.label))
        if name_of(row.label) == name
    }
    takes_orders = false() if label in revoked_authorities(session) else Certificate.purpose == name
    # One expression and no OR: SQLite would look for each half in the index of serial numbers, and read every
    # certificate that the authority ever issued instead of the few that are open.
    of_nobody = case((takes_orders, max(ids.values())))
    is_ours: ColumnElement[bool] = func.coalesce(Certificate.issuer_id, of_nobody) == ids[label]
    return is_ours


def _reserve(
    database: Database, desk: Desk, jobs: Sequence[Job]
) -> tuple[list[tuple[Job, Draft]], list[Made]]:
    """Commit a serial and the bytes to be signed for each job; what was reserved before stays as it is.

    Of that, what a killed signer has journalled is taken as it stands there, and not judged or signed again: it is
    a certificate, whatever the profiles say by now. The rest may have been signed, and is never forgotten: what
    today's rules would not sign waits for a person.
    """
    now = desk.clock()
    lines = desk.journal.by_serial() if any(job.serial for job in jobs) else {}
    with database.reading() as session:
        who = subjects(session, [job.claim.id for job in jobs], desk.naming, day_of(now))
    drafts: list[tuple[Job, Draft]] = []
    made: list[Made] = []
    reserved: list[tuple[Claim, dict[str, object]]] = []
    refused: list[tuple[Claim, dict[str, object]]] = []
    halted: list[tuple[Claim, dict[str, object]]] = []
    for job in jobs:
        try:
            if line := lines.get(job.serial or ""):
                signed = desk.authority.adopt(job.tbs or b"", line.certificate)
                made.append(Made(job, line.serial, der(signed), line.profile))
            elif job.profile is None:
                (refused if job.tbs is None else halted).append((job.claim, _NO_PROFILE))
            elif job.tbs is not None:
                drafts.append((job, desk.authority.redraft(job.tbs, job.profile)))
            elif (subject := who.get(job.claim.id)) is None:
                refused.append((job.claim, _NOBODY))
            else:
                draft, columns = _draft(desk, job, job.profile, subject, now=now)
                drafts.append((job, draft))
                reserved.append((job.claim, columns))
        except CaError as error:
            (refused if job.tbs is None else halted).append((job.claim, {**kept(error)}))
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
        stand_again(session, [c.id for c, _ in refused], now=now)
        mark(session, table_of(Certificate), halted)
        record(
            session,
            SIGNER,
            [
                Change("certificate.refused", "certificate", str(c.id), after={"reason": values["trouble"]})
                for c, values in refused
            ],
            now=now,
        )
    return [(job, draft) for job, draft in drafts if job.claim in ours], made


def _draft(
    desk: Desk, job: Job, profile: Profile, subject: Subscriber, *, now: datetime
) -> tuple[Draft, dict[str, object]]:
    """Make a linted draft, with the owner's key or a new one, and the columns that keep both."""
    key_sealed: bytes | None = None
    public_key: PublicKey
    if job.key_by_owner:
        spki = job.public_key or b""
        public_key = accept(load_der_public_key(spki))
    else:
        key = ec.generate_private_key(ec.SECP256R1())
        public_key = key.public_key()
        spki = spki_bytes(public_key)
        private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        key_sealed = desk.sealer.seal(Secret(private.hex()), context=key_context(spki))
    draft = desk.authority.prepare(profile, subject, public_key, now=now)
    return draft, {
        "serial": f"{draft.serial:x}",
        "tbs": draft.tbs,
        "public_key": spki,
        "key_fingerprint": hashlib.sha256(spki).hexdigest(),
        "key_sealed": key_sealed,
        "not_before": draft.not_before,
        "not_after": draft.not_after,
    }


def _signed(made: Made) -> Signed:
    job = made.job
    assert job.profile is not None  # without one there is no draft
    return Signed(made.certificate, job.profile.name, job.purpose, job.ordered_by, job.key_by_owner)


def _as_journalled(journal: Journal, signed: Iterable[Made], began_at: int) -> list[Made]:
    """These certificates as the journal has them first: another signer may have been quicker with the same bytes."""
    lines = journal.by_serial(began_at)
    return [replace(each, certificate=lines[each.serial].certificate) for each in signed]


def _record(database: Database, desk: Desk, made: Sequence[Made], *, journal_size: int) -> int:
    now = desk.clock()
    with database.transaction() as session:
        # A signer that lost its lease while signing records nothing: another has signed the same bytes.
        ours = held(session, table_of(Certificate), [each.job.claim for each in made])
        made = [each for each in made if each.job.claim in ours]
        mark(
            session,
            table_of(Certificate),
            [(each.job.claim, {"der": each.certificate}) for each in made],
            same={"state": State.ISSUED, "issued_at": now},
        )
        touch(session, [each.job.mailbox_id for each in made if each.job.purpose == Purpose.MAIL])
        record(
            session,
            SIGNER,
            [
                Change(
                    "certificate.issued",
                    "certificate",
                    str(each.job.claim.id),
                    after={"serial": each.serial, "ordered_by": each.job.ordered_by},
                )
                for each in made
            ],
            now=now,
        )
        note(
            session,
            [
                issued(each.certificate, issuer=desk.authority.label, profile=each.profile, at=now)
                for each in made
            ],
        )
        issued_below(session, desk.authority.label)
        # The later of two signers may be the first to record: the books keep the larger size.
        session.execute(
            update(Issuer)
            .where(Issuer.label == desk.authority.label, Issuer.journal_size < journal_size)
            .values(journal_size=journal_size)
        )
        after_commit(session, "directory")
    return len(made)
