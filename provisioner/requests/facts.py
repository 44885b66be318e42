"""What became of a request: facts from the books, never a state somebody set by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, literal, or_, select
from sqlalchemy.orm import Session

from provisioner.certificates.models import Certificate, Purpose
from provisioner.mailboxes.models import Mailbox
from provisioner.requests.models import Request, State
from provisioner.rosters.models import Outcome, RosterRow


@dataclass(frozen=True, slots=True)
class RowFact:
    """One row: what it will do or did, and since when its mailbox and certificate stand."""

    row: RosterRow
    number: int
    name: str
    outcome: Outcome
    address: str | None
    refusal: dict[str, Any] | None
    applied_at: datetime | None
    in_directory_since: datetime | None
    """When the directory showed it: a new mailbox for the first time, another as it is now."""
    is_shown: bool
    """Whether the directory shows what was asked for, or there is nothing to show."""
    certificate_since: datetime | None
    wants_certificate: bool
    mailbox_id: int | None
    leaves_on: date | None

    @property
    def is_done(self) -> bool:
        """Whether what was asked for is there."""
        if not self.outcome.is_work:
            return True
        return (
            self.applied_at is not None
            and self.refusal is None
            and self.is_shown
            and (not self.wants_certificate or self.certificate_since is not None)
        )


def row_facts(session: Session, plan_id: int) -> list[RowFact]:
    """The rows of a request with what became of them."""
    rows = session.execute(
        select(RosterRow, Mailbox, _certified_at())
        .outerjoin(Mailbox, Mailbox.id == RosterRow.mailbox_id)
        .where(RosterRow.plan_id == plan_id)
        .order_by(RosterRow.number)
    )
    return [_fact(row, mailbox, certified) for row, mailbox, certified in rows]


def _certified_at() -> ScalarSelect[datetime | None]:
    """When the newest certificate of a row's mailbox was issued that is not revoked."""
    return (
        select(func.max(Certificate.issued_at))
        .where(
            Certificate.mailbox_id == RosterRow.mailbox_id,
            Certificate.purpose == Purpose.MAIL,
            Certificate.revoked_at.is_(None),
        )
        .correlate(RosterRow)
        .scalar_subquery()
    )


def is_missing_something(*, refused_too: bool) -> ColumnElement[bool]:
    """Whether a request of the question has a row that is not done: what `RowFact.is_done` says, for many requests.

    A row that was refused in the end will never be done; whoever asks what is still to come leaves it out.
    """
    wants = RosterRow.facts["certificate"].as_boolean()
    not_done = or_(
        RosterRow.applied_at.is_(None),
        and_(RosterRow.outcome == Outcome.CREATE, Mailbox.id.is_not(None), Mailbox.first_synced_at.is_(None)),
        and_(RosterRow.outcome == Outcome.CHANGE, Mailbox.synced_revision < Mailbox.revision),
        and_(wants, _certified_at().is_(None)),
    )
    still_to_come = and_(RosterRow.refusal.is_(None), not_done)
    return (
        select(literal(1))
        .select_from(RosterRow)
        .outerjoin(Mailbox, Mailbox.id == RosterRow.mailbox_id)
        .where(
            RosterRow.plan_id == Request.plan_id,
            RosterRow.outcome.in_((Outcome.CREATE, Outcome.CHANGE)),
            or_(still_to_come, RosterRow.refusal.is_not(None)) if refused_too else still_to_come,
        )
        .correlate(Request)
        .exists()
    )


def overdue(session: Session, *, today: date, limit: int) -> Sequence[Request]:
    """Requests whose deadline went by with something still missing, the latest first (see `is_overdue`)."""
    return session.scalars(
        select(Request).where(*_late(today)).order_by(Request.due_on, Request.id).limit(limit)
    ).all()


def overdue_since(session: Session, *, today: date) -> tuple[int, date | None]:
    """How many these are, and the earliest of their deadlines."""
    count, since = session.execute(select(func.count(), func.min(Request.due_on)).where(*_late(today))).one()
    return count, since


def _late(today: date) -> tuple[ColumnElement[bool], ...]:
    return (
        Request.due_on < today,
        or_(
            Request.state == State.SUBMITTED,
            and_(Request.state == State.APPROVED, is_missing_something(refused_too=False)),
        ),
    )


def _fact(row: RosterRow, mailbox: Mailbox | None, certified: datetime | None) -> RowFact:
    since = None
    if mailbox is not None and row.outcome is Outcome.CREATE:
        since = mailbox.first_synced_at
    elif mailbox is not None and mailbox.synced_revision >= mailbox.revision:
        since = mailbox.synced_at
    return RowFact(
        row=row,
        number=row.number,
        name=row.facts.get("full_name") or row.facts.get("agency_code") or "",
        outcome=row.outcome,
        address=row.address,
        refusal=row.refusal,
        applied_at=row.applied_at if row.refusal is None else None,
        in_directory_since=since,
        is_shown=row.mailbox_id is None or since is not None,
        certificate_since=certified,
        wants_certificate=bool(row.facts.get("certificate")),
        mailbox_id=row.mailbox_id,
        leaves_on=date.fromisoformat(left) if (left := row.facts.get("leaves_on")) else None,
    )


def is_overdue(request: Request, rows: Sequence[RowFact], *, today: date) -> bool:
    """Whether the deadline went by with something still missing."""
    if request.due_on is None or today <= request.due_on:
        return False
    if request.state is State.SUBMITTED:
        return True
    return request.state is State.APPROVED and not all(row.is_done or row.refusal for row in rows)
