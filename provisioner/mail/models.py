"""One-time codes by which owners set their first password, and the hashes of passwords they had."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
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
