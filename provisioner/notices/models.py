"""Notices that wait to be told, and the letters they go out in."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from provisioner.db import Base, Moment
from provisioner.notices.wording import Reason
from provisioner.pending import Pending


class Letter(Pending, Base):
    """One mail to one recipient. Its Message-ID and date stand here before it is sent: sent again, it is the same."""

    __tablename__ = "notice_letters"
    __table_args__ = (
        Index(
            "ix_notice_letters_unsent",
            "id",
            sqlite_where=text("sent_at IS NULL"),
            postgresql_where=text("sent_at IS NULL"),
        ),
        Index("ix_notice_letters_recipient", "recipient", "made_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    """The left part of its Message-ID."""
    recipient: Mapped[str] = mapped_column(String(254))
    made_at: Mapped[datetime] = mapped_column(Moment)
    sent_at: Mapped[datetime | None] = mapped_column(Moment)


class Notice(Base):
    """One thing that one recipient is told, once."""

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("about", "reason", "recipient"),
        Index(
            "ix_notices_queued",
            "recipient",
            sqlite_where=text("letter_id IS NULL"),
            postgresql_where=text("letter_id IS NULL"),
        ),
        Index("ix_notices_letter_id", "letter_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reason: Mapped[Reason] = mapped_column()
    about: Mapped[str] = mapped_column(String(120))
    """What it is about, as `request:17`: the same thing is told to the same person for the same reason once."""
    recipient: Mapped[str] = mapped_column(String(254))
    told: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What stands in its sentence. Never a secret."""
    queued_at: Mapped[datetime] = mapped_column(Moment)
    letter_id: Mapped[int | None] = mapped_column(ForeignKey("notice_letters.id"))
