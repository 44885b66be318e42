"""What coverage keeps for itself: a picture a day, and the indexes its questions need."""

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from provisioner.certificates.models import Certificate
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


class CoverageChange(Base):
    """The tally of an agency and a staff category, as it was from this day until the next row.

    The category `*` is the agency itself with its unit mailboxes. Only what changed is written: a
    quiet day costs one row in `coverage_days`. The counts are those of `tallies.Tally`.
    """

    __tablename__ = "coverage_changes"

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"), primary_key=True)
    category: Mapped[str] = mapped_column(String(24), primary_key=True)
    day: Mapped[date] = mapped_column(ForeignKey("coverage_days.day"), primary_key=True)
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
