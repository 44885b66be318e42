"""Planning a roster: what the file would do, stored row by row before anybody says yes.

1. judge    each row against the file, the books and the policy, a thousand at a time
2. address  newcomers, in the order of their staff numbers, so that the order of rows is nothing
3. digest   of all of it: what a second person approves is exactly this plan
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from provisioner.agencies.register import Register
from provisioner.audit import Change, Who, record
from provisioner.days import day_of
from provisioner.db import Database, table_of
from provisioner.errors import Invalid
from provisioner.rosters.addressing import Hold, Rules, address_newcomers
from provisioner.rosters.files.problems import Problem, as_json
from provisioner.rosters.judging import Judge
from provisioner.rosters.models import (
    Outcome,
    PlanState,
    RosterPlan,
    RosterRow,
    file_context,
    identity_context,
)
from provisioner.rosters.reading import Reading
from provisioner.rosters.verdicts import Verdict

CHUNK = 1000

ABANDONED = timedelta(days=1)
"""A draft this old was left behind by a planner that was killed."""


Item = TypeVar("Item")

NewJudge = Callable[..., Judge]
"""`Judge`, or one that lets rows do less; called with the fields of `Judge` that have no default."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A roster file as it came, and who brought it."""

    name: str
    content: bytes
    encoding: str | None
    by: str
    agency_id: int | None = None
    """Whose letter the rows come from; none for a file, which is about the whole province."""


def plan(
    database: Database,
    reading: Reading,
    upload: Upload,
    rules: Rules,
    *,
    now: datetime,
    new_judge: NewJudge = Judge,
) -> int:
    """Store the plan of this file and return its id. Raises `Invalid` when the file was refused."""
    plan_id = draft(database, reading, upload, rules, now=now, new_judge=new_judge)
    with database.transaction() as session:
        complete(session, plan_id, by=upload.by, now=now)
    return plan_id


def draft(
    database: Database,
    reading: Reading,
    upload: Upload,
    rules: Rules,
    *,
    now: datetime,
    new_judge: NewJudge = Judge,
) -> int:
    """Store what this file would do and return its id. Raises `Invalid` when the file was refused.

    Rows are stored a thousand at a time into a draft, which `complete` makes a plan in one last
    transaction: killed on the way, nothing can be approved and nobody is kept waiting.
    """
    if reading.refusal is not None:
        raise Invalid(reading.refusal.text, code=reading.refusal.code)
    plan_id = _begin(database, reading, upload, rules, now)
    _fill(database, plan_id, reading, rules, now, new_judge=new_judge)
    return plan_id


def fill(
    database: Database,
    plan_id: int,
    reading: Reading,
    rules: Rules,
    *,
    by: str,
    now: datetime,
    hold: Hold,
) -> None:
    """Judge and address the rows of an empty plan, and make it one that can be approved.

    `hold` is called first in each transaction; what it raises undoes that transaction and ends the planning.
    """
    _fill(database, plan_id, reading, rules, now, hold=hold)
    with database.transaction() as session:
        hold(session)
        complete(session, plan_id, by=by, now=now, hold=hold)


def complete(
    session: Session, plan_id: int, *, by: str, now: datetime, hold: Hold = lambda _session: None
) -> None:
    """Make a draft with all its rows a plan that can be approved."""
    digest, counts = _digest(session, plan_id), _counts(session, plan_id)
    standing_out = select(func.count()).where(RosterRow.plan_id == plan_id, RosterRow.stands_out)
    hold(session)
    name = session.scalar(
        update(RosterPlan)
        .where(RosterPlan.id == plan_id)
        .values(
            counts=counts,
            standing_out=standing_out.scalar_subquery(),
            digest=digest,
            state=PlanState.PLANNED,
            lease_until=None,
            attempts=0,
        )
        .returning(RosterPlan.file_name)
    )
    told = {"file": name, "digest": digest, "counts": counts}
    record(session, Who(by), [Change("roster.planned", "roster", str(plan_id), after=told)], now=now)


def understanding(reading: Reading) -> dict[str, Any]:
    """The columns of a plan that say how its file was understood."""
    assert reading.understood is not None
    return {
        "understood": asdict(reading.understood) | {"columns": dict(reading.understood.columns)},
        "problems": [as_json(problem) for problem in reading.problems],
    }


def _begin(database: Database, reading: Reading, upload: Upload, rules: Rules, now: datetime) -> int:
    """Store an empty draft; drafts that were left behind go."""
    with database.transaction() as session:
        left = select(RosterPlan.id).where(
            RosterPlan.state == PlanState.DRAFT, RosterPlan.planned_at < now - ABANDONED
        )
        session.execute(delete(RosterRow).where(RosterRow.plan_id.in_(left)))
        session.execute(delete(RosterPlan).where(RosterPlan.id.in_(left)))
        plans = table_of(RosterPlan)
        # Given apart from the statement: SQLAlchemy keeps statements, and would keep the whole file with it.
        plan_id: int = session.execute(
            insert(plans).returning(plans.c.id),
            {
                "file_name": upload.name,
                "file_sha256": reading.sha256,
                "file_sealed": rules.sealer.seal_bytes(upload.content, context=file_context(reading.sha256)),
                "encoding": upload.encoding,
                **understanding(reading),
                "counts": {},
                "digest": "",
                "state": PlanState.DRAFT,
                "planned_by": upload.by,
                "planned_at": now,
                "agency_id": upload.agency_id,
            },
        ).scalar_one()
    return plan_id


def _fill(
    database: Database,
    plan_id: int,
    reading: Reading,
    rules: Rules,
    now: datetime,
    *,
    hold: Hold = lambda _session: None,
    new_judge: NewJudge = Judge,
) -> None:
    """Store a verdict for every row, with the address that it gets."""
    given = _judge_rows(database, plan_id, reading, rules, now, hold, new_judge)
    address_newcomers(database, plan_id, given, rules, hold)


def _judge_rows(
    database: Database,
    plan_id: int,
    reading: Reading,
    rules: Rules,
    now: datetime,
    hold: Hold,
    new_judge: NewJudge,
) -> set[str]:
    """Store a verdict for every row; the normal forms of the addresses that the file gives."""
    assert reading.understood is not None
    with database.reading() as session:
        register = Register.read(session)
    judge = new_judge(
        register=register,
        policy=rules.policy,
        sealer=rules.sealer,
        quotas=rules.quotas,
        columns=frozenset(reading.understood.columns.values()),
        today=day_of(now),
    )
    counts: Counter[str] = Counter()
    for entries in _batched(reading.entries(), CHUNK):
        with database.transaction() as session:
            hold(session)
            verdicts = judge.judge(session, entries)
            rows = [_row(plan_id, verdict, rules) for verdict in verdicts]
            session.execute(insert(table_of(RosterRow)), rows)
            counts.update(verdict.outcome for verdict in verdicts)
            # For whoever watches: how many rows have gone by.
            session.execute(update(RosterPlan).where(RosterPlan.id == plan_id).values(counts=dict(counts)))
    _contradict(database, plan_id, judge.contradicted, hold)
    return set(judge.addresses)


def _contradict(database: Database, plan_id: int, contradicted: Mapping[int, Problem], hold: Hold) -> None:
    """Stop the rows that a later one contradicts.

    Which of the two is right is not ours to guess, and must not hang on the order of the rows.
    """
    for numbers in _batched(iter(contradicted), CHUNK):
        with database.transaction() as session:
            hold(session)
            chosen = (RosterRow.plan_id == plan_id) & RosterRow.number.in_(numbers)
            for row in session.scalars(select(RosterRow).where(chosen)):
                row.outcome, row.changes = Outcome.CONFLICT, None
                row.wants_address = row.stands_out = False
                row.problems = [*row.problems, as_json(contradicted[row.number])]


def _row(plan_id: int, verdict: Verdict, rules: Rules) -> dict[str, Any]:
    number = verdict.entry.identity_number if verdict.facts else None
    context = identity_context(plan_id, verdict.entry.number)
    return {
        "plan_id": plan_id,
        "number": verdict.entry.number,
        "key": verdict.key,
        "outcome": verdict.outcome,
        "facts": verdict.kept(),
        "changes": verdict.changes,
        "identity_sealed": rules.sealer.seal(number, context=context) if number else None,
        "identity_index": next(iter(verdict.identity_indexes), None),
        "address": verdict.facts.address if verdict.facts else None,
        "wants_address": verdict.address_wanted,
        "stands_out": verdict.stands_out(rules.quotas),
        "problems": [as_json(problem) for problem in verdict.problems],
    }


def _counts(session: Session, plan_id: int) -> dict[str, int]:
    """How many rows there are of each outcome."""
    rows = select(RosterRow.outcome, func.count()).where(RosterRow.plan_id == plan_id)
    found = dict(session.execute(rows.group_by(RosterRow.outcome)).all())
    return {outcome: found[outcome] for outcome in Outcome if outcome in found}


def _digest(session: Session, plan_id: int) -> str:
    """SHA-256 over every row: its number, what it will do, to whom, and with which address."""
    digest = hashlib.sha256()
    rows = session.execute(
        select(
            RosterRow.number,
            RosterRow.outcome,
            RosterRow.facts,
            RosterRow.changes,
            RosterRow.identity_index,
            RosterRow.address,
        )
        .where(RosterRow.plan_id == plan_id)
        .order_by(RosterRow.number)
        .execution_options(yield_per=CHUNK)
    )
    for row in rows:
        digest.update(json.dumps(tuple(row), ensure_ascii=False, sort_keys=True).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def _batched(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    while batch := list(islice(items, size)):
        yield batch
