"""What became of a request: facts from the books, never a state somebody set by hand.

That it is done is such a fact, too, but one of a day: certificates end and mailboxes change long after a letter was
carried out. So it is written down once, when it is seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, or_, select, update
from sqlalchemy.orm import Session

from provisioner.certificates.models import Certificate, Purpose
from provisioner.mailboxes.models import Mailbox
from provisioner.requests.models import Request, State
from provisioner.rosters.models import Outcome, PlanState, RosterPlan, RosterRow


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
    """When the newest certificate of a row's mailbox was issued that is not revoked, nor had ended before the row came."""
    return (
        select(func.max(Certificate.issued_at))
        .where(
            Certificate.mailbox_id == RosterRow.mailbox_id,
            Certificate.purpose == Purpose.MAIL,
            Certificate.revoked_at.is_(None),
            or_(RosterRow.applied_at.is_(None), Certificate.not_after > RosterRow.applied_at),
        )
        .correlate(RosterRow)
        .scalar_subquery()
    )


def overdue(session: Session, *, today: date, limit: int) -> Sequence[Request]:
    """Requests whose deadline went by and that were not seen to be done yet, the latest first."""
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
            and_(Request.state == State.APPROVED, Request.done_at.is_(None)),
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


def is_over(request: Request, rows: Sequence[RowFact]) -> bool:
    """Whether nothing of it is still to come: each row was done once, or was refused in the end."""
    return request.done_at is not None or all(row.is_done or row.refusal for row in rows)


def is_overdue(request: Request, rows: Sequence[RowFact], *, today: date) -> bool:
    """Whether the deadline went by with something still missing."""
    if request.due_on is None or today <= request.due_on:
        return False
    if request.state is State.SUBMITTED:
        return True
    return request.state is State.APPROVED and not is_over(request, rows)


def newly_done(session: Session) -> list[int]:
    """The ids of requests that are done and of which it is not written down yet."""
    open_ones = session.scalars(
        select(Request)
        .join(RosterPlan, RosterPlan.id == Request.plan_id)
        .where(
            Request.state == State.APPROVED,
            Request.done_at.is_(None),
            RosterPlan.state == PlanState.APPLIED,
        )
        .order_by(Request.id)
    ).all()
    return [
        request.id
        for request in open_ones
        if request.plan_id is not None and is_over(request, row_facts(session, request.plan_id))
    ]


def note_done(session: Session, ids: Sequence[int], *, now: datetime) -> None:
    """Write down that these requests are done since the last look."""
    session.execute(update(Request).where(Request.id.in_(ids), Request.done_at.is_(None)).values(done_at=now))
