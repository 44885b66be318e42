"""Applying an approved plan: the books change as the plan said, and nothing else.

A few hundred rows are one transaction; each row's preconditions are checked again in it, so a
row that no longer holds is refused and the others go on. Whether those who planned and approved
it still may is asked again, too: otherwise the plan stops and says why. Killed anywhere, it goes on with
the first row not applied yet. When somebody else's transaction gets in between, the chunk is
looked at again, at last row by row, so that no single row can hold up the rest; a plan that does
not go on at all is stopped in the end. LDAP and signing are none of its business: it rings for them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.days import day_of
from provisioner.db import Collided, Database, after_commit, table_of
from provisioner.errors import Text
from provisioner.failpoints import failpoint
from provisioner.mailboxes.models import Kind
from provisioner.operators.roles import Right
from provisioner.operators.standing import Part, lost_standing
from provisioner.pending import LEASE, Claim, claim, through_outages
from provisioner.people.sealing import Sealer
from provisioner.rosters.carrying import carry_out
from provisioner.rosters.checking import COLUMNS, Checked, PlannedRow, check
from provisioner.rosters.models import Outcome, PlanState, RosterPlan, RosterRow

WORK = (Outcome.CREATE, Outcome.CHANGE)

CHUNK = 500

FIRST_CHUNK = 100
"""Rows after which the directory can begin."""

TRIES = 5
"""How often one chunk is tried when somebody else's transaction gets in between; the last time row by row."""

GIVEN_UP_AFTER = 10
"""How often a plan may be taken up without getting a single chunk further before it is stopped."""

_UNTAKEABLE = (IntegrityError, DataError, OverflowError, ValueError)
"""What the books, or the way to them, have against a row: it collides, or a value fits no column."""

_GIVEN_UP = {
    "code": "applying-given-up",
    "vi": "Đã thử nhiều lần mà không thực hiện tiếp được danh sách này; hãy báo người vận hành xem nhật ký của worker.",
    "en": "This roster was tried many times and did not get any further; whoever runs the service finds the reason in "
    "the log of the workers.",
}

_NOT_TAKEN = Text(
    vi="Cơ sở dữ liệu không nhận dòng này (trùng với dữ liệu đã có, hoặc giá trị quá dài hay quá lớn); "
    "hãy lập lại kế hoạch cho tệp này.",
    en="The books did not take this row: it collides with what they hold, or a value is too long or too large; "
    "plan this file again.",
)


@dataclass(frozen=True, slots=True)
class Tools:
    """What applying needs besides the books."""

    sealer: Sealer
    quotas: dict[Kind, int]
    clock: Callable[[], datetime]


def apply_approved(database: Database, tools: Tools) -> int:
    """Apply every plan that was set going and is not finished; returns how many rows were applied."""
    applied = 0
    while (claimed := _take(database, now=tools.clock())) is not None:
        last = 0
        while numbers := through_outages(partial(_apply_chunk, database, claimed, tools, after=last)):
            applied += len(numbers)
            last = numbers[-1]
    return applied


def _take(database: Database, *, now: datetime) -> Claim | None:
    """Claim a plan, and count it until rows are applied: whoever ends without a word counts nothing afterwards."""
    plans = table_of(RosterPlan)
    with database.transaction() as session:
        claims = claim(session, plans, waiting=plans.c.state == PlanState.APPLYING, limit=1, now=now)
        if not claims:
            return None
        session.execute(update(plans).where(plans.c.id == claims[0].id).values(attempts=plans.c.attempts + 1))
        return claims[0]


def _apply_chunk(database: Database, claimed: Claim, tools: Tools, *, after: int = 0) -> list[int]:
    """Apply the next rows of this plan; their numbers, none when it is finished or no longer ours.

    `after` is the number of the last row applied before, to spare reading them all again.
    """
    for attempt in range(TRIES):
        try:
            with database.transaction() as session:
                return _apply_in(session, claimed, tools, after=after, row_by_row=attempt == TRIES - 1)
        except (*_UNTAKEABLE, Collided):
            # Somebody took an address or registered a person since we looked: look again.
            if attempt == TRIES - 1:
                raise
    return []


def _apply_in(session: Session, claimed: Claim, tools: Tools, *, after: int, row_by_row: bool) -> list[int]:
    now = tools.clock()
    renewed = session.execute(
        update(RosterPlan)
        .where(
            RosterPlan.id == claimed.id,
            RosterPlan.fence == claimed.fence,
            RosterPlan.state == PlanState.APPLYING,
        )
        .values(lease_until=now + LEASE)
        .returning(
            RosterPlan.approved_by,
            RosterPlan.planned_by,
            RosterPlan.file_name,
            RosterPlan.agency_id,
            RosterPlan.attempts,
        )
    ).one_or_none()
    if renewed is None:
        return []
    who = Who(actor=renewed.approved_by, on_behalf_of=renewed.planned_by)
    planning, where = Right.PLAN if renewed.agency_id is None else Right.ASK, frozenset({renewed.agency_id})
    parts = (Part(renewed.approved_by, Right.APPROVE, where), Part(renewed.planned_by, planning, where))
    if (why := lost_standing(session, parts, now=now)) is not None:
        _stop(session, claimed.id, who, why, now=now)
        return []
    if renewed.attempts > GIVEN_UP_AFTER:
        _stop(session, claimed.id, who, _GIVEN_UP, now=now)
        return []
    planned = session.execute(
        select(*COLUMNS)
        .where(
            RosterRow.plan_id == claimed.id,
            RosterRow.number > after,
            RosterRow.applied_at.is_(None),
            RosterRow.outcome.in_(WORK),
        )
        .order_by(RosterRow.number)
        .limit(CHUNK if after else FIRST_CHUNK)
    )
    rows = [PlannedRow._make(row) for row in planned]
    if not rows:
        _finish(session, claimed.id, who, now=now)
        return []
    reason = f"roster {claimed.id}: {renewed.file_name}"[:255]
    if row_by_row:
        for row in rows:
            _carry_out_alone(session, row, tools, who=who, reason=reason, now=now)
    else:
        _carry_out(session, rows, tools, who=who, reason=reason, now=now)
    if renewed.attempts:
        session.execute(update(RosterPlan).where(RosterPlan.id == claimed.id).values(attempts=0))
    after_commit(session, "directory")
    failpoint("apply.before-commit")
    return [row.number for row in rows]


def _carry_out(
    session: Session, rows: Sequence[PlannedRow], tools: Tools, *, who: Who, reason: str, now: datetime
) -> None:
    checked = check(session, rows, tools.sealer, quotas=tools.quotas, today=day_of(now))
    changes = carry_out(
        session,
        [item for item in checked if item.refusal is None],
        reason=reason,
        who=who,
        sealer=tools.sealer,
        quotas=tools.quotas,
        now=now,
    )
    failpoint("apply.carried-out")
    _write_down(session, checked, now=now)
    record(session, who, changes, now=now)


def _carry_out_alone(
    session: Session, row: PlannedRow, tools: Tools, *, who: Who, reason: str, now: datetime
) -> None:
    """As `_carry_out`, and a row that the books will not take is refused."""
    try:
        with session.begin_nested():
            _carry_out(session, [row], tools, who=who, reason=reason, now=now)
    except _UNTAKEABLE:
        refusal = {"code": "books-refuse", "vi": _NOT_TAKEN.vi, "en": _NOT_TAKEN.en}
        session.execute(
            update(RosterRow).where(RosterRow.id == row.id).values(applied_at=now, refusal=refusal)
        )


def _write_down(session: Session, checked: Sequence[Checked], *, now: datetime) -> None:
    rows = table_of(RosterRow)
    session.connection().execute(
        update(rows)
        .where(rows.c.id == bindparam("which"))
        .values(applied_at=now, mailbox_id=bindparam("mailbox"), refusal=bindparam("why")),
        [{"which": item.row.id, "mailbox": item.mailbox_id, "why": item.refusal} for item in checked],
    )


def _stop(session: Session, plan_id: int, who: Who, why: dict[str, str], *, now: datetime) -> None:
    """What was applied stays; the rest needs a plan that somebody with the right approves."""
    session.execute(
        update(RosterPlan)
        .where(RosterPlan.id == plan_id)
        .values(state=PlanState.STOPPED, stopped=why, finished_at=now, lease_until=None)
    )
    record(session, who, [Change("roster.stopped", "roster", str(plan_id), after=why)], now=now)


def _finish(session: Session, plan_id: int, who: Who, *, now: datetime) -> None:
    refused = session.scalar(
        select(func.count()).where(RosterRow.plan_id == plan_id, RosterRow.refusal.is_not(None))
    )
    session.execute(
        update(RosterPlan)
        .where(RosterPlan.id == plan_id)
        .values(state=PlanState.APPLIED, finished_at=now, lease_until=None)
    )
    record(
        session,
        who,
        [Change("roster.applied", "roster", str(plan_id), after={"refused_since_planned": refused})],
        now=now,
    )
