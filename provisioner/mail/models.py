"""One-time codes by which owners set their passwords, the passwords they had, their sessions, and stopped timers."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from provisioner.db import Base, Moment

_LIVE = text("used_at IS NULL AND voided_at IS NULL")


class ActivationCode(Base):
    """A code for one mailbox, good once. Its text is printed when it is made and kept nowhere."""

    __tablename__ = "activation_codes"
    __table_args__ = (
        Index(
            "uq_activation_codes_live_mailbox_id",
            "mailbox_id",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
        Index("ix_activation_codes_mailbox_id", "mailbox_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    mailbox_id: Mapped[int] = mapped_column(ForeignKey("mailboxes.id"))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of its 128 random bits: too many to try, so that no slower hash is needed."""
    issued_at: Mapped[datetime] = mapped_column(Moment)
    issued_by: Mapped[str] = mapped_column(String(120))
    expires_at: Mapped[datetime] = mapped_column(Moment)
    voided_at: Mapped[datetime | None] = mapped_column(Moment)
    """When another code took its place."""
    taken_until: Mapped[datetime | None] = mapped_column(Moment)
    """Somebody is setting a password with it; a crash in the middle gives it free again at this moment."""
    used_at: Mapped[datetime | None] = mapped_column(Moment)


class FormerPassword(Base):
    """The hash of a password an owner set, kept so that it is not set again soon."""

    __tablename__ = "former_passwords"
    __table_args__ = (Index("ix_former_passwords_mailbox_id", "mailbox_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    mailbox_id: Mapped[int] = mapped_column(ForeignKey("mailboxes.id"))
    hashed: Mapped[str] = mapped_column(String(255))
    set_at: Mapped[datetime] = mapped_column(Moment)


class OwnerSession(Base):
    """An owner who signed in to their own page: apart from operators' sessions, and good for nothing else."""

    __tablename__ = "owner_sessions"
    __table_args__ = (Index("ix_owner_sessions_mailbox_id", "mailbox_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    mailbox_id: Mapped[int] = mapped_column(ForeignKey("mailboxes.id"))
    began_at: Mapped[datetime] = mapped_column(Moment)
    seen_at: Mapped[datetime] = mapped_column(Moment)
    offered_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The key of a second factor that this session was shown; it becomes the owner's when a code of it is given back."""


class OwnerFactor(Base):
    """The second factor of an owner who turned one on. A password set with a code from the agency turns it off."""

    __tablename__ = "owner_factors"

    mailbox_id: Mapped[int] = mapped_column(ForeignKey("mailboxes.id"), primary_key=True)
    totp_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    totp_used: Mapped[int]
    """The time step of the newest code that was used: a code is good once (RFC 6238, 5.2)."""
    since: Mapped[datetime] = mapped_column(Moment)


class TimerStop(Base):
    """A run of the timers that would have reached too many mailboxes at once: it waits for a person."""

    __tablename__ = "timer_stops"

    id: Mapped[int] = mapped_column(primary_key=True)
    stopped_at: Mapped[datetime] = mapped_column(Moment)
    most: Mapped[int]
    """How many mailboxes one run may reach."""
    lock: Mapped[list[int]] = mapped_column(JSON)
    """Ids of the mailboxes that were due to be locked or told so, as `delete` of those to be deleted: whoever confirms, confirms these."""
    delete: Mapped[list[int]] = mapped_column(JSON)
    confirmed_by: Mapped[str | None] = mapped_column(String(120))
    confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    """When it was carried out, or had nothing left to wait for."""
