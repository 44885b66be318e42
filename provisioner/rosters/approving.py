"""Saying yes to a plan, and setting it going. Two people see every roster before it becomes real."""

import time
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.db import after_commit
from provisioner.errors import Conflict, Forbidden, Invalid, NotFound, Text
from provisioner.rosters.models import Outcome, PlanState, RosterPlan, RosterRow


def get_plan(session: Session, plan_id: int) -> RosterPlan:
    """The plan with this number. Raises `NotFound`."""
    plan = session.get(RosterPlan, plan_id)
    if plan is None or plan.state is PlanState.DRAFT:
        raise NotFound(
            Text(vi=f"Không có kế hoạch số {plan_id}.", en=f"There is no plan {plan_id}."),
            code="plan-unknown",
        )
    return plan


def approve(
    session: Session, plan_id: int, *, digest: str, by: str, now: datetime, with_letter: bool = False
) -> None:
    """Approve exactly the plan with this digest; `with_letter` when the letter it stands behind is decided on.

    Raises `Forbidden` for the planner, `Invalid` for rows of a letter without their letter, `Conflict`
    when the digest is another's or the plan is not waiting for approval any more.
    """
    plan = get_plan(session, plan_id)
    if plan.agency_id is not None and not with_letter:
        raise Invalid(
            Text(
                vi="Danh sách này thuộc một đề nghị; hãy quyết định trên trang của đề nghị đó.",
                en="These rows belong to a request; decide on the page of that request.",
            ),
            code="plan-of-a-request",
        )
    if by == plan.planned_by:
        raise Forbidden(
            Text(
                vi="Người lập kế hoạch không được tự phê duyệt; cần một người khác.",
                en="Whoever planned a roster cannot approve it; a second person must.",
            ),
            code="two-people",
        )
    if digest != plan.digest:
        raise Conflict(
            Text(
                vi=f"Mã tóm lược không khớp với kế hoạch {plan_id}; hãy xem lại kế hoạch rồi phê duyệt.",
                en=f"The digest is not the one of plan {plan_id}; look at the plan again and approve what you saw.",
            ),
            code="digest-differs",
        )
    _move(session, plan_id, PlanState.PLANNED, PlanState.APPROVED, approved_by=by, approved_at=now)
    told = {"digest": digest}
    record(session, Who(by), [Change("roster.approved", "roster", str(plan_id), after=told)], now=now)


def start(session: Session, plan_id: int, *, by: str, now: datetime) -> None:
    """Set an approved plan going. Raises `Conflict` when it is not approved; twice does nothing more."""
    plan = get_plan(session, plan_id)
    if plan.state in (PlanState.APPLYING, PlanState.APPLIED):
        after_commit(session, "rosters")
        return
    _move(session, plan_id, PlanState.APPROVED, PlanState.APPLYING, started_at=now)
    record(session, Who(by), [Change("roster.started", "roster", str(plan_id))], now=now)
    after_commit(session, "rosters")


def progress(session: Session, plan_id: int) -> dict[str, int]:
    """How many rows are work, how many of them are in the books, and how many were refused since."""
    counts = session.scalars(select(RosterPlan.counts).where(RosterPlan.id == plan_id)).one()
    of_plan = RosterRow.plan_id == plan_id
    # Each is answered by an index of its own: a page asks this every other second, of 200,000 rows.
    gone_by = session.scalars(
        select(func.count(RosterRow.applied_at)).where(of_plan, RosterRow.outcome.in_(_WORK))
    ).one()
    refused = session.scalars(select(func.count()).where(of_plan, RosterRow.refusal.is_not(None))).one()
    work = sum(counts.get(outcome, 0) for outcome in _WORK)
    return {"work": work, "applied": gone_by - refused, "refused_since": refused}


_WORK = [outcome for outcome in Outcome if outcome.is_work]


class Watched:
    """The progress of rosters on their way, counted at most once a second however many people watch."""

    def __init__(self) -> None:
        self._counted: dict[int, tuple[float, dict[str, int]]] = {}

    def progress(self, session: Session, plan: RosterPlan) -> dict[str, int]:
        """The same as `progress`, up to a second old while rows are being applied."""
        at, found = self._counted.get(plan.id, (0.0, {}))
        if plan.state is not PlanState.APPLYING:
            self._counted.pop(plan.id, None)
        elif found and time.monotonic() - at < 1:
            return found
        found = progress(session, plan.id)
        if plan.state is PlanState.APPLYING:
            self._counted[plan.id] = time.monotonic(), found
        return found


def _move(session: Session, plan_id: int, before: PlanState, after: PlanState, **values: Any) -> None:
    moved = session.execute(
        update(RosterPlan)
        .where(RosterPlan.id == plan_id, RosterPlan.state == before)
        .values(state=after, **values)
    )
    if not isinstance(moved, CursorResult) or moved.rowcount != 1:
        raise Conflict(
            Text(
                vi=f"Kế hoạch {plan_id} không ở trạng thái cho phép việc này.",
                en=f"Plan {plan_id} is not in a state that allows this; it has to be {before.value}.",
            ),
            code="plan-state",
        )
