"""What coverage keeps for itself: a picture a day, what was counted last, and the indexes its questions need."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, event
from sqlalchemy.orm import Mapped, mapped_column

from provisioner.certificates.models import Certificate
from provisioner.coverage.marking import install
from provisioner.db import Base, Moment
from provisioner.mailboxes.models import Mailbox
from provisioner.people.models import Post


class CoverageDay(Base):
    """A day whose picture was taken."""

    __tablename__ = "coverage_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    taken_at: Mapped[datetime] = mapped_column(Moment)
    used_within_days: Mapped[int]
    """The window that "in use" meant on that day."""


class Figures:
    """The counts of a `tallies.Tally`, as columns."""

    entitled: Mapped[int]
    registered: Mapped[int]
    leaders: Mapped[int]
    issued: Mapped[int]
    active: Mapped[int]
    locked: Mapped[int]
    handed_over: Mapped[int]
    used: Mapped[int]
    revoked: Mapped[int]
    certificates: Mapped[int]
    certificates_valid: Mapped[int]
    certificates_revoked: Mapped[int]
    signing: Mapped[int]
    leaders_signing: Mapped[int]
    sealed: Mapped[int]
    holding: Mapped[int]
    served: Mapped[int]


class CoverageChange(Figures, Base):
    """The tally of an agency and a staff category, as it was from this day until the next row.

    The category `*` is the agency itself with its unit mailboxes. Only what changed is written: a
    quiet day costs one row in `coverage_days`.
    """

    __tablename__ = "coverage_changes"

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"), primary_key=True)
    category: Mapped[str] = mapped_column(String(24), primary_key=True)
    day: Mapped[date] = mapped_column(ForeignKey("coverage_days.day"), primary_key=True)


class CoverageStanding(Figures, Base):
    """The tally of an agency and a staff category as it was counted last; see `standing`."""

    __tablename__ = "coverage_standings"

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"), primary_key=True)
    category: Mapped[str] = mapped_column(String(24), primary_key=True)
    counted_at: Mapped[datetime] = mapped_column(Moment)
    good_until: Mapped[datetime] = mapped_column(Moment)
    """The first moment at which something counts differently although nobody writes anything."""
    used_within_days: Mapped[int]


class CoverageEdition(Base):
    """The edition of the figures: one row, with another name since the last count or picture; see `editions`."""

    __tablename__ = "coverage_editions"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(32))


TOUCHED = Table(
    "coverage_touched",
    Base.metadata,
    # No foreign key: a mark may outlive its agency, and says nothing then.
    Column("agency_id", Integer, nullable=False),
    Column("written_in", BigInteger, nullable=False),
    Index("ix_coverage_touched_agency_id", "agency_id", "written_in"),
)
"""Agencies whose tallies changed since they were counted, by the transaction that changed them; see `marking`."""

event.listen(Base.metadata, "after_create", lambda _metadata, connection, **_more: install(connection))


# Each of these holds every column of one question, so that 200,000 people are counted without touching
# their rows. They stand here, because only coverage needs them.
_OF_A_MAILBOX = (
    Mailbox.first_synced_at,
    Mailbox.closed_at,
    Mailbox.status,
    Mailbox.handed_over_at,
    Mailbox.first_used_at,
    Mailbox.last_used_at,
)
Index(
    "ix_posts_coverage_agency",
    Post.agency_id,
    Post.category,
    Post.person_id,
    Post.is_leader,
    Post.since,
    Post.until,
)
Index(
    "ix_posts_coverage_person",
    Post.person_id,
    Post.since,
    Post.until,
    Post.agency_id,
    Post.category,
    Post.is_leader,
)
Index("ix_mailboxes_coverage_person", Mailbox.person_id, *_OF_A_MAILBOX)
Index(
    "ix_mailboxes_coverage_agency",
    Mailbox.agency_id,
    *_OF_A_MAILBOX,
    sqlite_where=Mailbox.agency_id.is_not(None),
    postgresql_where=Mailbox.agency_id.is_not(None),
)
Index(
    "ix_mailboxes_coverage_closed",
    Mailbox.closed_at,
    sqlite_where=Mailbox.closed_at.is_not(None),
    postgresql_where=Mailbox.closed_at.is_not(None),
)
Index(
    "ix_certificates_coverage",
    Certificate.mailbox_id,
    Certificate.issued_at,
    Certificate.not_before,
    Certificate.not_after,
    Certificate.revoked_at,
)
Index(
    "ix_certificates_ending",
    Certificate.not_after,
    Certificate.mailbox_id,
    Certificate.issued_at,
    Certificate.not_before,
    Certificate.revoked_at,
    Certificate.replaced_at,
)
