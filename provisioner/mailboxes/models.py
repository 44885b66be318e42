"""Mailboxes, whose they are, and the addresses they ever had."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from provisioner.db import Base, Moment
from provisioner.pending import Mirrored


class Kind(StrEnum):
    PERSONAL = "personal"
    UNIT = "unit"


class Status(StrEnum):
    """qmail's clear vocabulary."""

    ACTIVE = "active"
    LOCKED = "locked"
    """No sign-in, still receives."""
    DISABLED = "disabled"
    """Bounces."""
    DELETED = "deleted"


class LockedBy(StrEnum):
    """Who or what locked a mailbox: what a person locked is nobody else's to delete."""

    PERSON = "person"
    UNUSED = "unused"
    """The timer of mailboxes that nobody uses."""
    LEFT = "left"
    """Its owner left: the decision that said so, or the timer on the day."""


class Mailbox(Mirrored, Base):
    """One mailbox, of a person or of an agency. Ordered, issued, handed over and used are four facts.

    Ordered since `opened_at`; issued since `first_synced_at`, when its entry stood in the
    directory; handed over and used as recorded by those who saw it.
    """

    __tablename__ = "mailboxes"
    __table_args__ = (
        CheckConstraint("(person_id IS NULL) <> (agency_id IS NULL)", name="one_owner"),
        CheckConstraint("quota_exception_bytes IS NULL OR quota_exception_bytes > 0", name="quota_positive"),
        Index(
            "uq_mailboxes_live_person_id",
            "person_id",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "uq_mailboxes_live_unit",
            "agency_id",
            "unit_key",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_mailboxes_pending",
            "id",
            sqlite_where=text("synced_revision < revision"),
            postgresql_where=text("synced_revision < revision"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(String(32), unique=True)
    """The RDN and our marker in the directory: random, never changed, never given again."""
    kind: Mapped[Kind] = mapped_column()
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    """The owner of a unit mailbox; a personal one belongs to the agency of its owner's post."""
    unit_name: Mapped[str | None] = mapped_column(String(255))
    unit_key: Mapped[str | None] = mapped_column(String(255))
    """Tells the mailboxes of one agency apart; empty for the agency's own."""
    status: Mapped[Status] = mapped_column(default=Status.ACTIVE)
    status_since: Mapped[datetime | None] = mapped_column(Moment)
    """When it came into its state; one that never left the first state has none."""
    status_reason: Mapped[str | None] = mapped_column(String(255))
    """For people to read; nothing is decided by it."""
    locked_by: Mapped[LockedBy | None] = mapped_column()
    quota_exception_bytes: Mapped[int | None] = mapped_column(BigInteger)
    quota_exception_reason: Mapped[str | None] = mapped_column(String(255))
    quota_exception_by: Mapped[str | None] = mapped_column(String(120))
    quota_exception_at: Mapped[datetime | None] = mapped_column(Moment)
    opened_at: Mapped[datetime] = mapped_column(Moment)
    handed_over_at: Mapped[datetime | None] = mapped_column(Moment)
    first_used_at: Mapped[datetime | None] = mapped_column(Moment)
    last_used_at: Mapped[datetime | None] = mapped_column(Moment)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    """How much it held at `size_at`, as the mail server told."""
    size_at: Mapped[datetime | None] = mapped_column(Moment)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)


class Address(Base):
    """An address, for ever its mailbox's: rows are never deleted and never move to another."""

    __tablename__ = "addresses"
    __table_args__ = (
        Index(
            "uq_addresses_primary_mailbox_id",
            "mailbox_id",
            unique=True,
            sqlite_where=text("is_primary"),
            postgresql_where=text("is_primary"),
        ),
        Index("ix_addresses_mailbox_id", "mailbox_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(String(254), unique=True)
    normal_form: Mapped[str] = mapped_column(String(254), unique=True)
    """Two addresses with one normal form look alike and are never both given."""
    mailbox_id: Mapped[int] = mapped_column(ForeignKey("mailboxes.id"))
    is_primary: Mapped[bool]
    since: Mapped[datetime] = mapped_column(Moment)
