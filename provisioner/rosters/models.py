"""A roster's plan: what the file would do, row by row, stored before anybody says yes."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from provisioner.db import Base, Moment
from provisioner.pending import Pending


class PlanState(StrEnum):
    DRAFT = "draft"
    """Being planned by whoever waits for it; what a killed planner left behind."""
    READING = "reading"
    """Received, and waiting to be planned by a worker."""
    REFUSED = "refused"
    """The file as a whole is no roster."""
    PLANNED = "planned"
    APPROVED = "approved"
    APPLYING = "applying"
    APPLIED = "applied"
    STOPPED = "stopped"
    """Whoever planned or approved it lost the right to before the last row was applied, or it did not get any further."""


class Outcome(StrEnum):
    """What a row will do, as the plan sees it."""

    CREATE = "create"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REFUSED = "refused"

    @property
    def is_work(self) -> bool:
        return self in (Outcome.CREATE, Outcome.CHANGE)


class RosterPlan(Pending, Base):
    """One planned file. A second person approves its digest; then it is applied, and can be resumed."""

    __tablename__ = "roster_plans"
    __table_args__ = (CheckConstraint("approved_by IS NULL OR approved_by <> planned_by", name="two_people"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    file_name: Mapped[str] = mapped_column(String(255))
    file_sha256: Mapped[str] = mapped_column(String(64), index=True)
    file_sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """The file as it came, sealed: the result gives the same rows back. Megabytes, so read only when asked for."""
    encoding: Mapped[str | None] = mapped_column(String(32))
    """The encoding that was chosen by hand, if any."""
    understood: Mapped[dict[str, Any]] = mapped_column(JSON)
    problems: Mapped[list[Any]] = mapped_column(JSON)
    """Problems of the file as a whole."""
    counts: Mapped[dict[str, int]] = mapped_column(JSON)
    standing_out: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many rows stand out."""
    digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[PlanState] = mapped_column(default=PlanState.PLANNED)
    planned_by: Mapped[str] = mapped_column(String(120))
    planned_at: Mapped[datetime] = mapped_column(Moment)
    approved_by: Mapped[str | None] = mapped_column(String(120))
    approved_at: Mapped[datetime | None] = mapped_column(Moment)
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    """Whose letter the rows come from; none for a file, which is about the whole province."""
    stopped: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Why it was stopped, in both languages."""


class RosterRow(Base):
    """One row of a planned file: what it says, what it will do, and what became of it."""

    __tablename__ = "roster_rows"
    __table_args__ = (
        Index("uq_roster_rows_plan_number", "plan_id", "number", unique=True),
        # Progress and the lists by outcome are read off these, without the rows' own pages.
        Index("ix_roster_rows_plan_outcome", "plan_id", "outcome", "number", "applied_at"),
        Index(
            "ix_roster_rows_refused_since",
            "plan_id",
            sqlite_where=text("refusal IS NOT NULL"),
            postgresql_where=text("refusal IS NOT NULL"),
        ),
        Index(
            "ix_roster_rows_standing_out",
            "plan_id",
            "number",
            sqlite_where=text("stands_out = 1"),
            postgresql_where=text("stands_out"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("roster_plans.id"))
    number: Mapped[int]
    """As the user sees it in the spreadsheet, the header counted."""
    key: Mapped[str] = mapped_column(String(320).with_variant(String(320, collation="C"), "postgresql"))
    """Whom the row is about: `p:<staff number>` or `u:<agency code>:<unit key>`.

    Newcomers choose their addresses in this order, which must be the same on every database.
    """
    outcome: Mapped[Outcome] = mapped_column()
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The row as it was understood, without the identity number; of one that was not, whom it seems to be about."""
    changes: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """For a change: field to [before, after]."""
    identity_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    identity_index: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(254))
    wants_address: Mapped[bool] = mapped_column(default=False)
    stands_out: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the row asks for something else than the policies give. See `Verdict.stands_out`."""
    mailbox_id: Mapped[int | None] = mapped_column(ForeignKey("mailboxes.id"))
    problems: Mapped[list[Any]] = mapped_column(JSON)
    applied_at: Mapped[datetime | None] = mapped_column(Moment)
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Why it could not be applied after all, when its preconditions no longer held."""


class RosterResult(Pending, Base):
    """The result of a large roster as somebody asked for it, and the sealed file once a worker has written it."""

    __tablename__ = "roster_results"
    # No id is used twice: a worker that lost its lease must not take a later row for the one it had.
    __table_args__ = (
        CheckConstraint("(made_at IS NULL) = (content_sealed IS NULL)", name="made_whole"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("roster_plans.id"))
    format: Mapped[str] = mapped_column(String(4))
    """`csv` or `xlsx`."""
    language: Mapped[str] = mapped_column(String(2))
    asked_by: Mapped[str] = mapped_column(String(120))
    """Nobody else is given this file."""
    asked_at: Mapped[datetime] = mapped_column(Moment)
    rows_written: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[datetime | None] = mapped_column(Moment)
    content_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


def file_context(sha256: str) -> str:
    """What the sealed file of a plan is bound to."""
    return f"roster_plans.file:{sha256}"


def result_context(result_id: int) -> str:
    """What a sealed result is bound to."""
    return f"roster_results.content:{result_id}"


def identity_context(plan_id: int, number: int) -> str:
    """What the sealed identity number of a planned row is bound to."""
    return f"roster_rows.identity:{plan_id}:{number}"
