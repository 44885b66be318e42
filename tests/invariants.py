"""The oracle: what must hold whatever was struck, killed, flushed or frozen on the way.

I1  every row of an applied roster has come to an end: done, refused, or waiting for a person
I2  a person has one mailbox, a mailbox one entry
I3  the directory and the books say the same, entry by entry and attribute by attribute
I4  every certificate is the signature of exactly the bytes that were committed before it
I5  no serial and no key is used twice; every certificate verifies against its issuer
I6  a mailbox has one live certificate for each purpose
I7  every revoked certificate that has not ended stands in its authority's newest list, which is still good
I8  the audit trail holds each change once
I13 the record holds each issuance and revocation once, as it was signed, and says what the books say

Those up to I12 are numbered as in the design. Not asked here, because no look at the books at rest tells: I9, canaries in
what is written down; I10, `FLUSHALL`, which is one of the faults; I11, nothing of one agency in a session of another
(tests/test_tenancy.py, tests/web). I12 is of a programming interface with idempotency keys, and there is none.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.crl import crl_number
from provisioner.audit import AuditEvent
from provisioner.certificates.models import Certificate, Issuer, State
from provisioner.certificates.recording_proof import differences
from provisioner.directory.port import Outcome as Answered
from provisioner.directory.reconciling import reconcile
from provisioner.mailboxes.models import Kind, Mailbox
from provisioner.rosters.facts import RowFacts, unit_key
from provisioner.rosters.models import Outcome as Planned
from provisioner.rosters.models import PlanState, RosterPlan, RosterRow
from provisioner.services import Services
from provisioner.signing import record_file

Loss = Literal["lost", "doubled", "wrong"]

LOSSES: tuple[Loss, ...] = get_args(Loss)


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that does not hold: what was accepted and is not there, what is there twice, or what is wrong."""

    invariant: str
    loss: Loss
    what: str


@dataclass
class Judgement:
    """What became of the rows, and everything that does not hold."""

    rows: int = 0
    done: int = 0
    refused: int = 0
    needs_person: int = 0
    certificates: int = 0
    breaches: list[Breach] = field(default_factory=list)

    def count(self, loss: Loss) -> int:
        return sum(breach.loss == loss for breach in self.breaches)


def judge(services: Services) -> Judgement:
    """Look at the books and at the directory, when nothing is pending any more."""
    judged = Judgement()
    with services.database.reading() as session:
        judged.breaches += _rows_have_ended(session, judged)
        judged.breaches += _one_mailbox_each(session)
        judged.breaches += _certificates_hold(session, judged)
        judged.breaches += _lists_are_whole(session, now=services.clock())
        judged.breaches += _audit_is_exact(session)
        judged.breaches += _record_is_exact(session, services)
    judged.breaches += _directory_agrees(services, judged)
    return judged


def _rows_have_ended(session: Session, judged: Judgement) -> Iterator[Breach]:
    for plan in session.scalars(select(RosterPlan).where(RosterPlan.state == PlanState.APPLYING)):
        yield Breach("I1", "lost", f"plan {plan.id} never ended")
    certified = set(session.scalars(select(Certificate.mailbox_id).where(Certificate.state == State.ISSUED)))
    rows = session.execute(
        select(RosterRow, Mailbox)
        .join(RosterPlan, RosterPlan.id == RosterRow.plan_id)
        .outerjoin(Mailbox, Mailbox.id == RosterRow.mailbox_id)
        .where(
            RosterPlan.state.in_((PlanState.APPLYING, PlanState.APPLIED)),
            RosterRow.outcome.in_((Planned.CREATE, Planned.CHANGE)),
        )
    )
    for row, mailbox in rows:
        judged.rows += 1
        if row.refusal is not None:
            judged.refused += 1
        elif row.applied_at is None or mailbox is None:
            yield Breach("I1", "lost", f"row {row.number} was not applied")
        elif mailbox.trouble in (Answered.NEEDS_PERSON, Answered.REFUSED):
            judged.needs_person += 1
        elif mailbox.synced_revision < mailbox.revision:
            yield Breach("I1", "lost", f"row {row.number} is not in the directory")
        elif row.facts.get("certificate") and mailbox.id not in certified:
            yield Breach("I1", "lost", f"row {row.number} has no certificate")
        else:
            judged.done += 1


def _one_mailbox_each(session: Session) -> Iterator[Breach]:
    live = session.scalars(select(Mailbox).where(Mailbox.closed_at.is_(None)))
    owners = Counter((m.person_id, m.agency_id, m.unit_key) for m in live)
    yield from (
        Breach("I2", "doubled", f"{owner} has {count} mailboxes")
        for owner, count in owners.items()
        if count > 1
    )


def _certificates_hold(session: Session, judged: Judgement) -> Iterator[Breach]:
    issuers = {i.id: x509.load_der_x509_certificate(i.certificate) for i in session.scalars(select(Issuer))}
    stuck = set(session.scalars(select(Mailbox.id).where(Mailbox.first_synced_at.is_(None))))
    serials: Counter[tuple[int | None, str | None]] = Counter()
    keys: Counter[str | None] = Counter()
    live: Counter[tuple[int, str]] = Counter()
    for row in session.scalars(select(Certificate)):
        if row.state is State.ISSUED:
            judged.certificates += 1
            serials[row.issuer_id, row.serial] += 1
            keys[row.key_fingerprint] += 1
            yield from _signed_as_committed(row, issuers)
        elif row.state is State.RESERVED or (row.state is State.ORDERED and row.mailbox_id not in stuck):
            yield Breach("I4", "lost", f"certificate {row.id} is still {row.state}")
        is_live = row.state is not State.REFUSED and row.revoked_at is None and row.replaced_at is None
        if is_live and row.mailbox_id is not None:
            live[row.mailbox_id, row.purpose] += 1
    for invariant, counted in (("I5", serials), ("I5", keys), ("I6", live)):
        for which, count in counted.items():
            if count > 1:
                yield Breach(invariant, "doubled", f"{which} {count} times")


def _signed_as_committed(row: Certificate, issuers: dict[int, x509.Certificate]) -> Iterator[Breach]:
    if row.der is None or row.issuer_id is None:
        yield Breach("I4", "lost", f"certificate {row.id} is issued and not there")
        return
    certificate = x509.load_der_x509_certificate(row.der)
    if certificate.tbs_certificate_bytes != row.tbs or f"{certificate.serial_number:x}" != row.serial:
        yield Breach("I4", "wrong", f"certificate {row.id} is not what was committed")
    try:
        certificate.verify_directly_issued_by(issuers[row.issuer_id])
    except (InvalidSignature, ValueError) as error:
        yield Breach("I5", "wrong", f"certificate {row.id} does not verify: {error!r}")


def _lists_are_whole(session: Session, *, now: datetime) -> Iterator[Breach]:
    for issuer in session.scalars(select(Issuer).order_by(Issuer.id)):
        newest = x509.load_der_x509_crl(issuer.crl) if issuer.crl else None
        listed = {entry.serial_number for entry in newest or ()}
        revoked = select(Certificate.serial).where(
            Certificate.issuer_id == issuer.id,
            Certificate.revoked_at.is_not(None),
            Certificate.not_after > now,
        )
        for serial in session.scalars(revoked):
            if serial and int(serial, 16) not in listed:
                yield Breach("I7", "lost", f"{serial} is revoked and not on the list of {issuer.label}")
        if newest is None:
            continue
        if crl_number(newest) != issuer.crl_number:
            yield Breach("I7", "wrong", f"the list of {issuer.label} is not the one of its number")
        if newest.next_update_utc is None or newest.next_update_utc <= now:
            yield Breach("I7", "wrong", f"the newest list of {issuer.label} is not good any more")


def _audit_is_exact(session: Session) -> Iterator[Breach]:
    """Events that must be there are counted off against those that are."""
    expected: Counter[tuple[str, str]] = Counter()
    rows = session.execute(
        select(RosterRow.facts, RosterRow.outcome, RosterRow.plan_id).where(
            RosterRow.applied_at.is_not(None), RosterRow.refusal.is_(None)
        )
    )
    for row in rows:
        facts = RowFacts.from_json(row.facts)
        whose = "person" if facts.kind is Kind.PERSONAL else "unit"
        done = "created" if row.outcome is Planned.CREATE else "changed"
        subject = facts.staff_number or f"{facts.agency_code}/{unit_key(facts.full_name)}"
        expected[f"{whose}.{done}", subject] += 1
    for state, action in ((State.ISSUED, "certificate.issued"), (State.REFUSED, "certificate.refused")):
        for certificate in session.scalars(select(Certificate.id).where(Certificate.state == state)):
            expected[action, str(certificate)] += 1
    for plan in session.scalars(select(RosterPlan.id).where(RosterPlan.state == PlanState.APPLIED)):
        expected["roster.applied", str(plan)] += 1
    actions = {action for action, _ in expected} | {"certificate.issued", "person.created", "unit.created"}
    found = Counter(
        (event.action, event.subject_id)
        for event in session.execute(
            select(AuditEvent.action, AuditEvent.subject_id).where(AuditEvent.action.in_(actions))
        )
    )
    yield from (Breach("I8", "lost", f"no audit event {which}") for which in (expected - found).elements())
    yield from (Breach("I8", "doubled", f"audit event {which}") for which in (found - expected).elements())


def _record_is_exact(session: Session, services: Services) -> Iterator[Breach]:
    losses: dict[str, Loss] = {"not-recorded": "lost", "record-broken": "doubled"}
    on_disk = record_file(services.settings).read()
    for found in differences(session, now=services.clock(), on_disk=on_disk):
        what = f"{found.code} {found.issuer} {found.serial}: {found.text}"
        yield Breach("I13", losses.get(found.code, "wrong"), what)


def _directory_agrees(services: Services, judged: Judgement) -> Iterator[Breach]:
    compared = reconcile(
        services.database,
        services.directory,
        dit=services.dit,
        quotas=services.quotas,
        now=services.clock(),
    )
    if compared.pending != judged.needs_person:
        yield Breach(
            "I3", "wrong", f"{compared.pending} entries pending, {judged.needs_person} with a person"
        )
    for difference in compared.differences:
        loss: Loss = "lost" if difference.kind == "missing" else "wrong"
        yield Breach("I3", loss, f"{difference.dn}: {difference.kind} {', '.join(difference.attributes)}")
    markers = Counter(
        entry.marker
        for branch in (services.dit.people, services.dit.units)
        for entry in services.directory.scan(branch)
        if entry.marker
    )
    yield from (
        Breach("I2", "doubled", f"{count} entries of {marker}")
        for marker, count in markers.items()
        if count > 1
    )
