"""Results of large rosters: somebody asks, a worker writes the file, and it is kept for them for a day.

No page waits for it. The file holds identity numbers, so it is sealed like the roster it came from, given to nobody but
who asked, and each giving out is an event of the audit trail.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from sqlalchemy import ColumnElement, CursorResult, and_, bindparam, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from provisioner.db import Database, after_commit, table_of
from provisioner.errors import Conflict, NotFound, Text
from provisioner.failpoints import failpoint
from provisioner.pending import LEASE, Claim, claim
from provisioner.people.sealing import Sealer
from provisioner.rosters.approving import get_plan
from provisioner.rosters.models import RosterPlan, RosterResult, result_context
from provisioner.rosters.receiving import READING_LEASE
from provisioner.rosters.results import note_given, planned_plan, write_rows

BELL: Final = "results"

KEPT: Final = timedelta(days=1)
"""How long a file is kept once it is written; whoever needs it later asks again, and it says more by then."""

TRIES: Final = 3
"""How often writing one file may end without a word before it is given up."""

STEP: Final = 2_000
"""Rows from one note of how far it is to the next, each of which renews the lease."""

_QUICKLY: Final = 1
"""How hard a file is packed before it is sealed: a CSV gets five times smaller, and so do all copies on its way."""


def ask(session: Session, plan_id: int, *, ending: str, language: str, by: str, now: datetime) -> None:
    """Have the result of this plan written as `csv` or `xlsx`, and ring for a worker.

    What the same person had written before in that format is dropped; what is being written is waited for.
    Raises `NotFound` for an unknown plan and `Conflict` before the file was planned.
    """
    planned_plan(session, plan_id)
    mine = and_(RosterResult.plan_id == plan_id, RosterResult.asked_by == by, RosterResult.format == ending)
    if session.scalar(select(exists().where(mine, _waits()))):
        return
    session.execute(delete(RosterResult).where(mine).execution_options(synchronize_session=False))
    session.add(RosterResult(plan_id=plan_id, format=ending, language=language, asked_by=by, asked_at=now))
    after_commit(session, BELL)


def asked(session: Session, plan_id: int, *, by: str, now: datetime) -> Mapping[str, RosterResult]:
    """By format, what this person asked for and has not lost to time: being written, written, or given up."""
    rows = session.scalars(
        select(RosterResult)
        .where(RosterResult.plan_id == plan_id, RosterResult.asked_by == by, ~_is_over(now))
        .order_by(RosterResult.id)
    )
    return {row.format: row for row in rows}


def give(
    session: Session,
    plan_id: int,
    *,
    ending: str,
    sealer: Sealer,
    by: str,
    now: datetime,
) -> bytes:
    """The file that this person asked for; giving it out is an event of the audit trail.

    Raises `NotFound` where they asked for none or its day is over, and `Conflict` while it is not written.
    """
    found = asked(session, plan_id, by=by, now=now).get(ending)
    if found is None:
        raise NotFound(
            Text(
                vi="Bạn chưa yêu cầu tệp kết quả này, hoặc tệp đã hết hạn lưu; hãy yêu cầu lại.",
                en="You have not asked for this result, or its day is over; ask for it again.",
            ),
            code="result-unknown",
        )
    if found.made_at is None or found.content_sealed is None:
        raise Conflict(
            Text(vi="Tệp kết quả chưa lập xong.", en="The result is not written yet."),
            code="result-not-ready",
        )
    note_given(session, plan_id, f"roster-{plan_id}.{ending}", by=by, now=now)
    return zlib.decompress(sealer.unseal_bytes(found.content_sealed, context=result_context(found.id)))


def is_due(now: datetime) -> ColumnElement[bool]:
    """Whether there is a file to write, or one whose day is over."""
    return or_(exists().where(_waits()), exists().where(_is_over(now)))


def write_asked(database: Database, sealer: Sealer, *, clock: Callable[[], datetime]) -> int:
    """Drop what was kept for its day, and write what was asked for, oldest first; how many files."""
    with database.transaction() as session:
        over = delete(RosterResult).where(_is_over(clock()))
        session.execute(over.execution_options(synchronize_session=False))
    written = 0
    while (work := _take(database, clock())) is not None:
        try:
            _write(database, work, sealer, clock)
        except _Lost:
            continue
        written += 1
    return written


@dataclass(frozen=True, slots=True)
class _Work:
    claim: Claim
    result: RosterResult
    plan: RosterPlan


class _Lost(Exception):
    """Somebody else has taken the file over."""


def _waits() -> ColumnElement[bool]:
    return and_(RosterResult.made_at.is_(None), RosterResult.trouble.is_(None))


def _is_over(now: datetime) -> ColumnElement[bool]:
    return and_(~_waits(), func.coalesce(RosterResult.made_at, RosterResult.asked_at) <= now - KEPT)


def _take(database: Database, now: datetime) -> _Work | None:
    """Claim a file; until the roster is read through, nothing is written that could renew the lease."""
    results = table_of(RosterResult)
    with database.transaction() as session:
        claims = claim(session, results, waiting=results.c.made_at.is_(None), limit=1, now=now)
        if not claims:
            return None
        found = session.get_one(RosterResult, claims[0].id)
        found.lease_until = now + READING_LEASE
        found.attempts += 1
        return _Work(claims[0], found, get_plan(session, found.plan_id))


def _write(database: Database, work: _Work, sealer: Sealer, clock: Callable[[], datetime]) -> None:
    def tell(rows: int) -> None:
        if rows % STEP == 0:
            _note(database, work.claim, {"rows_written": rows, "lease_until": clock() + LEASE})

    if work.result.attempts > TRIES:
        _note(database, work.claim, {"trouble": "result-given-up", "lease_until": None})
        return
    with TemporaryDirectory() as folder:
        out = Path(folder) / f"result.{work.result.format}"
        rows = write_rows(database, work.plan, out, sealer=sealer, language=work.result.language, told=tell)
        _note(database, work.claim, {"rows_written": rows, "lease_until": clock() + READING_LEASE})
        packed = zlib.compress(out.read_bytes(), _QUICKLY)
    content = sealer.seal_bytes(packed, context=result_context(work.result.id))
    failpoint("results.written")
    _note(database, work.claim, {"content_sealed": content, "made_at": clock(), "lease_until": None})


def _note(database: Database, claimed: Claim, values: Mapping[str, Any]) -> None:
    """Write this on the row. Raises `_Lost` when the file is not ours any more."""
    results = table_of(RosterResult)
    with database.transaction() as session:
        noted = session.execute(
            update(results)
            .where(results.c.id == claimed.id, results.c.fence == claimed.fence)
            .values({name: bindparam(f"set_{name}") for name in values}),
            # Given apart from the statement: SQLAlchemy keeps statements, and would keep the whole file with it.
            {f"set_{name}": value for name, value in values.items()},
        )
        if not isinstance(noted, CursorResult) or noted.rowcount != 1:
            raise _Lost
