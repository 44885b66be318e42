"""Requests: an agency's letter with the rows it asks for, and what was decided."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from provisioner.db import Base, Moment


class Kind(StrEnum):
    """What is asked for. It chooses the fields of the form; the rows say the rest."""

    PEOPLE = "people"
    UNIT = "unit"
    CHANGE = "change"
    LEAVE = "leave"
    CERTIFICATE = "certificate"

    @property
    def is_of_people_in_post(self) -> bool:
        """Whether its rows name people who serve here already: nobody is registered, or moved, by being named."""
        return self in (Kind.CHANGE, Kind.CERTIFICATE)


class State(StrEnum):
    """Where a request is by what people decided. Whether it is done is looked up in the books, until it is."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"


class Request(Base):
    """One letter. Nobody approves what they asked for: the books refuse it, whatever the program thinks."""

    __tablename__ = "requests"
    __table_args__ = (
        CheckConstraint("decided_by IS NULL OR decided_by <> submitted_by", name="decided_by_another"),
        CheckConstraint("decided_by IS NULL OR decided_by <> written_by", name="not_by_the_writer"),
        Index("ix_requests_state_due_on", "state", "due_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    """Binds what is sealed to this row."""
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"), index=True)
    kind: Mapped[Kind] = mapped_column()
    state: Mapped[State] = mapped_column(default=State.DRAFT)
    document_number: Mapped[str] = mapped_column(String(60))
    document_date: Mapped[date] = mapped_column(Date)
    signer: Mapped[str] = mapped_column(String(120))
    decision: Mapped[str | None] = mapped_column(String(255))
    """Number of the personnel decision the letter rests on."""
    decision_date: Mapped[date | None] = mapped_column(Date)
    rows_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The rows as they were written, sealed, because identity numbers stand in them."""
    letter_name: Mapped[str | None] = mapped_column(String(255))
    letter_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The scanned letter, a PDF, sealed."""
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("roster_plans.id"), unique=True)
    """What the rows would do, or did."""
    written_by: Mapped[str] = mapped_column(String(120))
    written_at: Mapped[datetime] = mapped_column(Moment)
    submitted_by: Mapped[str | None] = mapped_column(String(120))
    submitted_at: Mapped[datetime | None] = mapped_column(Moment)
    due_on: Mapped[date | None] = mapped_column(Date)
    decided_by: Mapped[str | None] = mapped_column(String(120))
    decided_at: Mapped[datetime | None] = mapped_column(Moment)
    done_at: Mapped[datetime | None] = mapped_column(Moment)
    """When all of it was seen to stand, except what was refused; what becomes of it later is another matter."""
    reason: Mapped[str | None] = mapped_column(String(500))
    """Why it was returned."""


class KeptScan(Base):
    """A scan that came with a form which was not kept yet; for whoever sent it, and for a day."""

    __tablename__ = "kept_scans"

    uid: Mapped[str] = mapped_column(String(32), primary_key=True)
    by: Mapped[str] = mapped_column(String(120))
    name: Mapped[str] = mapped_column(String(255))
    content_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    kept_at: Mapped[datetime] = mapped_column(Moment, index=True)
