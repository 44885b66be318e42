"""The lists that exist: whom each one is about, and who may write to it. Its members are nowhere written down."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from provisioner.db import Base
from provisioner.pending import Mirrored


class Audience(StrEnum):
    """Which of an agency's or a bloc's people are members."""

    ALL = "all"
    OWN = "own"
    """Those of the agency itself, without the agencies below it."""
    LEADERS = "leaders"


class Senders(StrEnum):
    """Who may write to a list."""

    LEADERS = "leaders"
    """Leaders, and the mailboxes of units, from which clerks send what leaders signed."""
    OFFICIALS = "officials"
    """Whoever has a mailbox here and has signed in."""
    ANYONE = "anyone"


class MailingList(Mirrored, Base):
    """One list: of an agency and everything below it, or of a bloc."""

    __tablename__ = "mailing_lists"
    __table_args__ = (
        CheckConstraint("(agency_id IS NULL) <> (bloc IS NULL)", name="one_scope"),
        UniqueConstraint("agency_id", "audience"),
        UniqueConstraint("bloc", "audience"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    """Names the list's entry in the directory; never changes."""
    address: Mapped[str] = mapped_column(String(254), unique=True)
    """Given once; a list of an agency also answers to its code, `tatca.h36.05@`."""
    audience: Mapped[Audience] = mapped_column()
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    agency_revision: Mapped[int | None] = mapped_column()
    """Of the agency as the list was last made to show it."""
    bloc: Mapped[str | None] = mapped_column(String(16))
    senders: Mapped[Senders] = mapped_column()
