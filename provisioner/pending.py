"""Work that waits in the books: claiming rows, and writing down what became of them.

A controller claims some rows for a while (a lease), works on them, and marks them. Every
claim raises the row's fence, and every mark names the fence it was claimed with: a worker
that lost its lease, because it was frozen or thought dead, writes nothing (reliability
C11-C13). Losing a process loses nothing: its lease runs out and the rows are claimed again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Exists,
    String,
    Table,
    and_,
    bindparam,
    exists,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from provisioner.db import Moment
from provisioner.errors import Unavailable
from provisioner.failpoints import figure

Result = TypeVar("Result")

LEASE = timedelta(seconds=figure("PROVISIONER_LEASE", 20))
"""How long a claim holds. Long enough for a chunk against a slow server, short enough to recover soon: what a killed
worker had claimed is resumed within this time and a stroke of the clock."""


class Pending:
    """The columns of a row that a controller works on."""

    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    fence: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    """How often the row itself was at fault; a server that is down does not count."""
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    """Not before this moment; none means now."""
    trouble: Mapped[str | None] = mapped_column(String(64))
    """A stable code, while the row cannot go on without help."""
    trouble_detail: Mapped[str | None] = mapped_column(String(500))


class Mirrored(Pending):
    """A row that has an entry in the directory: pending while `synced_revision < revision`."""

    revision: Mapped[int] = mapped_column(default=1)
    """Raised by whoever changes what the directory shows; see `raised`."""
    synced_revision: Mapped[int] = mapped_column(default=0)
    synced_at: Mapped[datetime | None] = mapped_column(Moment)
    first_synced_at: Mapped[datetime | None] = mapped_column(Moment)


def raised(row: Any) -> dict[str, Any]:
    """What to write into `Mirrored` rows when what the directory shows of them has changed: they are pending from now on.

    A change is also another chance for one that was stuck. `row` is one of them, their class, or their table's columns.
    """
    return {"revision": row.revision + 1, "trouble": None, "trouble_detail": None, "due_at": None}


@dataclass(frozen=True, slots=True)
class Claim:
    """One row that is ours until its lease ends."""

    id: int
    fence: int


def claim(
    session: Session, table: Table, *, waiting: ColumnElement[bool], limit: int, now: datetime
) -> list[Claim]:
    """Take up to `limit` rows that are `waiting`, due and unleased, oldest first.

    One statement on both databases; on PostgreSQL rows that another worker is taking are skipped.
    """
    # A common table expression is run once; a bare subquery with LIMIT may be run again for each row.
    chosen = (
        select(table.c.id)
        .where(_free(table, waiting, now))
        .order_by(table.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    taken = session.execute(
        update(table)
        .where(table.c.id.in_(select(chosen.c.id)))
        .values(lease_until=now + LEASE, fence=table.c.fence + 1)
        .returning(table.c.id, table.c.fence)
    )
    return sorted((Claim(row.id, row.fence) for row in taken), key=lambda c: c.id)


def is_free(table: Table, *, waiting: ColumnElement[bool], now: datetime) -> Exists:
    """Whether there is anything to claim."""
    return exists().where(_free(table, waiting, now))


def _free(table: Table, waiting: ColumnElement[bool], now: datetime) -> ColumnElement[bool]:
    return and_(
        waiting,
        table.c.trouble.is_(None),
        or_(table.c.lease_until.is_(None), table.c.lease_until <= now),
        or_(table.c.due_at.is_(None), table.c.due_at <= now),
    )


def held(session: Session, table: Table, claims: Sequence[Claim]) -> set[Claim]:
    """Those of these claims that are still ours; their rows are locked until the transaction ends."""
    rows = session.execute(
        select(table.c.id, table.c.fence)
        .where(table.c.id.in_([c.id for c in claims]))
        .order_by(table.c.id)  # two workers that lock the same rows do so in the same order
        .with_for_update()
    )
    return {Claim(row.id, row.fence) for row in rows} & set(claims)


def through_outages(work: Callable[[], Result], *, seconds: float = LEASE.total_seconds()) -> Result:
    """Do this work again while the books are away, for as long as a claim holds.

    It must be able to run twice: a commit that was not answered may have happened. Raises `Unavailable`
    when the time is over.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def mark(
    session: Session,
    table: Table,
    marks: Sequence[tuple[Claim, Mapping[str, Any]]],
    *,
    same: Mapping[str, Any] | None = None,
) -> int:
    """End these claims and write each row's own values and the `same` for all; count those still ours.

    Each row's own values name the same columns. `same` may hold SQL expressions.
    """
    if not marks:
        return 0
    fence, values = marks[0][0].fence, marks[0][1]
    if all(claimed.fence == fence and own == values for claimed, own in marks):
        return _mark_alike(
            session, table, [claimed.id for claimed, _ in marks], fence, {**(same or {}), **values}
        )
    statement = (
        update(table)
        .where(table.c.id == bindparam("claim_id"), table.c.fence == bindparam("claim_fence"))
        .values(
            {"lease_until": null(), **(same or {}), **{name: bindparam(f"set_{name}") for name in values}}
        )
    )
    result = session.connection().execute(
        statement,
        [
            {
                "claim_id": claimed.id,
                "claim_fence": claimed.fence,
                **{f"set_{name}": own[name] for name in values},
            }
            for claimed, own in marks
        ],
    )
    return result.rowcount


def _mark_alike(
    session: Session, table: Table, ids: Sequence[int], fence: int, values: Mapping[str, Any]
) -> int:
    """As `mark`, for rows that get the same: one statement is several times as quick as one for each."""
    statement = (
        update(table)
        .where(table.c.id.in_(ids), table.c.fence == fence)
        .values({"lease_until": null(), **values})
    )
    return session.connection().execute(statement).rowcount
