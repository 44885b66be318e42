"""What became of a request: facts from the books, never a state somebody set by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from provisioner.certificates.models import Certificate, Purpose
from provisioner.mailboxes.models import Mailbox
from provisioner.requests.models import Request, State
from provisioner.rosters.models import Outcome, RosterRow


@dataclass(frozen=True, slots=True)
class RowFact:
    """One row: what it will do or did, and since when its mailbox and certificate stand."""

    number: int
    name: str
    outcome: Outcome
    address: str | None
    quota_bytes: int | None
    problems: Sequence[dict[str, Any]]
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
    issued = (
        select(Certificate.mailbox_id, func.max(Certificate.issued_at).label("since"))
        .where(
            Certificate.purpose == Purpose.MAIL,
            Certificate.issued_at.is_not(None),
            Certificate.revoked_at.is_(None),
        )
        .group_by(Certificate.mailbox_id)
        .subquery()
    )
    rows = session.execute(
        select(RosterRow, Mailbox, issued.c.since)
        .outerjoin(Mailbox, Mailbox.id == RosterRow.mailbox_id)
        .outerjoin(issued, issued.c.mailbox_id == Mailbox.id)
        .where(RosterRow.plan_id == plan_id)
        .order_by(RosterRow.number)
    )
    return [_fact(row, mailbox, certified) for row, mailbox, certified in rows]


def _fact(row: RosterRow, mailbox: Mailbox | None, certified: datetime | None) -> RowFact:
    since = None
    if mailbox is not None and row.outcome is Outcome.CREATE:
        since = mailbox.first_synced_at
    elif mailbox is not None and mailbox.synced_revision >= mailbox.revision:
        since = mailbox.synced_at
    return RowFact(
        number=row.number,
        name=row.facts.get("full_name") or row.facts.get("agency_code") or "",
        outcome=row.outcome,
        address=row.address,
        quota_bytes=row.facts.get("quota_bytes"),
        problems=row.problems,
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
