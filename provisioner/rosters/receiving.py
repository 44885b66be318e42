"""Receiving a roster file, and planning it in a worker: a big file keeps no page waiting.

The file is stored sealed before anybody looks into it. A worker that is killed while planning loses its
lease, and another begins that file anew; whoever lost the lease writes nothing any more.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import CursorResult, delete, insert, select, update
from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.days import day_of
from provisioner.db import Database, after_commit, table_of
from provisioner.errors import Text
from provisioner.failpoints import failpoint
from provisioner.pending import LEASE, Claim, claim
from provisioner.people.sealing import Sealer
from provisioner.rosters.addressing import Rules
from provisioner.rosters.files.problems import Problem, Severity, as_json
from provisioner.rosters.models import PlanState, RosterPlan, RosterRow, file_context
from provisioner.rosters.planning import Upload, fill, understanding
from provisioner.rosters.reading import read_roster

READING_LEASE: Final = timedelta(minutes=2)
"""How long a file may take to be read through once, before the first row is planned: a workbook of 200,000 rows
takes half a minute on a busy machine, and nothing is written meanwhile that could renew the lease."""

TRIES: Final = 3
"""How often planning one file may end without a word before it is given up: a file that kills its reader is no use."""

_GIVEN_UP = Text(
    vi="Không đọc hết được tệp này sau nhiều lần thử; hãy chia tệp thành nhiều phần hoặc lưu lại rồi nạp lại.",
    en="This file could not be read to its end in several tries; split it or save it anew, and load it again.",
)


def receive(session: Session, upload: Upload, *, sealer: Sealer, now: datetime) -> int:
    """Store this file to be planned, and ring for a worker; the plan's id."""
    plans = table_of(RosterPlan)
    sha256 = hashlib.sha256(upload.content).hexdigest()
    # Given apart from the statement: SQLAlchemy keeps statements, and would keep the whole file with it.
    plan_id: int = session.execute(
        insert(plans).returning(plans.c.id),
        {
            "file_name": upload.name,
            "file_sha256": sha256,
            "file_sealed": sealer.seal_bytes(upload.content, context=file_context(sha256)),
            "encoding": upload.encoding,
            "understood": {},
            "problems": [],
            "counts": {},
            "digest": "",
            "state": PlanState.READING,
            "planned_by": upload.by,
            "planned_at": now,
            "agency_id": upload.agency_id,
        },
    ).scalar_one()
    told = {"file": upload.name, "sha256": sha256}
    record(session, Who(upload.by), [Change("roster.received", "roster", str(plan_id), after=told)], now=now)
    after_commit(session, "planning")
    return plan_id


def plan_received(database: Database, rules: Rules, *, clock: Callable[[], datetime]) -> int:
    """Plan every file that was received; how many."""
    planned = 0
    while (work := _take(database, clock())) is not None:
        try:
            _plan(database, work, rules, clock)
        except _Lost:
            continue
        planned += 1
    return planned


@dataclass(frozen=True, slots=True)
class _Work:
    claim: Claim
    plan: RosterPlan


class _Lost(Exception):
    """Somebody else has taken the file over."""


def _take(database: Database, now: datetime) -> _Work | None:
    """Claim a file, and drop the rows that a planner before left behind."""
    plans = table_of(RosterPlan)
    with database.transaction() as session:
        claims = claim(session, plans, waiting=plans.c.state == PlanState.READING, limit=1, now=now)
        if not claims:
            return None
        found = session.get_one(RosterPlan, claims[0].id)
        found.lease_until = now + READING_LEASE
        found.attempts += 1
        session.execute(delete(RosterRow).where(RosterRow.plan_id == found.id))
        return _Work(claims[0], found)


def _plan(database: Database, work: _Work, rules: Rules, clock: Callable[[], datetime]) -> None:
    plan, hold = work.plan, partial(_hold, work.claim, clock)
    if plan.attempts > TRIES:
        _refuse(database, work, "planning-given-up", _GIVEN_UP, clock)
        return
    reading = read_roster(
        _content(database, plan, rules.sealer),
        filename=plan.file_name,
        today=day_of(plan.planned_at),
        encoding=plan.encoding,
    )
    failpoint("planning.read")
    if reading.refusal is not None:
        _refuse(database, work, reading.refusal.code, reading.refusal.text, clock)
        return
    with database.transaction() as session:
        hold(session)
        session.execute(update(RosterPlan).where(RosterPlan.id == plan.id).values(**understanding(reading)))
    fill(database, plan.id, reading, rules, by=plan.planned_by, now=plan.planned_at, hold=hold)


def _content(database: Database, plan: RosterPlan, sealer: Sealer) -> bytes:
    """The file as it came; read apart from its plan, so that the sealed one is not kept beside it."""
    with database.reading() as session:
        sealed = session.scalars(select(RosterPlan.file_sealed).where(RosterPlan.id == plan.id)).one()
    return sealer.unseal_bytes(sealed, context=file_context(plan.file_sha256))


def _refuse(database: Database, work: _Work, code: str, text: Text, clock: Callable[[], datetime]) -> None:
    """The file as a whole is no roster: its page says why."""
    problem = as_json(Problem(code, Severity.REFUSED, None, None, None, text))
    with database.transaction() as session:
        _hold(work.claim, clock, session)
        session.execute(
            update(RosterPlan)
            .where(RosterPlan.id == work.plan.id)
            .values(state=PlanState.REFUSED, problems=[problem], lease_until=None)
        )
        change = Change("roster.refused", "roster", str(work.plan.id), after={"code": code})
        record(session, Who(work.plan.planned_by), [change], now=clock())


def _hold(claim: Claim, clock: Callable[[], datetime], session: Session) -> None:
    """Renew the lease in this transaction. Raises `_Lost`, which undoes it, when the file is not ours any more."""
    renewed = session.execute(
        update(RosterPlan)
        .where(
            RosterPlan.id == claim.id,
            RosterPlan.fence == claim.fence,
            RosterPlan.state == PlanState.READING,
        )
        .values(lease_until=clock() + LEASE)
        .execution_options(synchronize_session=False)
    )
    if not isinstance(renewed, CursorResult) or renewed.rowcount != 1:
        raise _Lost
