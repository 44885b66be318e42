"""Operators, their roles, their sessions, and the links and attempts by which they come in."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from provisioner.db import Base, Moment
from provisioner.operators.roles import Role


class Operator(Base):
    """A person who signs in here. The name is what stands in the audit trail and is never given again."""

    __tablename__ = "operators"
    __table_args__ = (CheckConstraint("name = lower(name)", name="name_in_lower_case"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    """Binds the sealed key of the second factor to this row."""
    name: Mapped[str] = mapped_column(String(120), unique=True)
    """Lower case, so that no spelling of a name passes for a second person."""
    full_name: Mapped[str] = mapped_column(String(120))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    """argon2id. None until the owner has chosen a password through a link."""
    totp_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_used: Mapped[int] = mapped_column(default=0)
    """The time step of the newest code that was used: a code is good once (RFC 6238, 5.2)."""
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), unique=True)
    """The official who this is: they may sign in with their own mailbox, and be known to the province's sign-on by it."""
    subject: Mapped[str | None] = mapped_column(String(255), unique=True)
    """Who this is to the province's sign-on: its `sub`, which it never gives to another (OpenID Connect Core, 2)."""
    contact_email: Mapped[str | None] = mapped_column(String(254))
    """Where they are written to while they have no mailbox here."""
    created_at: Mapped[datetime] = mapped_column(Moment)
    created_by: Mapped[str] = mapped_column(String(120))
    disabled_at: Mapped[datetime | None] = mapped_column(Moment)


class Grant(Base):
    """A role that an operator has, for an agency and all below it, or for the whole province.

    Nobody gives a role to themselves: the books refuse it.
    """

    __tablename__ = "operator_grants"
    __table_args__ = (
        CheckConstraint("granted_by_id IS NULL OR granted_by_id <> operator_id", name="not_to_oneself"),
        Index(
            "uq_operator_grants_agency",
            "operator_id",
            "role",
            "agency_id",
            unique=True,
            sqlite_where=text("agency_id IS NOT NULL"),
            postgresql_where=text("agency_id IS NOT NULL"),
        ),
        Index(
            "uq_operator_grants_province",
            "operator_id",
            "role",
            unique=True,
            sqlite_where=text("agency_id IS NULL"),
            postgresql_where=text("agency_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    role: Mapped[Role] = mapped_column()
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    """None: the whole province."""
    granted_at: Mapped[datetime] = mapped_column(Moment)
    granted_by_id: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    """None: from the command line, by whoever holds the server."""
    until: Mapped[datetime | None] = mapped_column(Moment)
    """The moment from which it holds no more; None: for as long as nobody takes it back."""


class Way(StrEnum):
    """By what somebody proved who they are; a step-up asks for the same again."""

    PASSWORD = "password"  # noqa: S105 - the word for it
    """The operator's own password here."""
    MAILBOX = "mailbox"
    """The password of their mailbox, which the directory knows."""
    PROVIDER = "provider"
    """The province's single sign-on."""
    LINK = "link"
    """A one-time link."""


class SignedIn(Base):
    """One session of one operator. The browser holds the token, the books its hash."""

    __tablename__ = "operator_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"), index=True)
    form_token: Mapped[str] = mapped_column(String(64))
    """Stands in every form of this session; a request that changes something must bring it."""
    began_at: Mapped[datetime] = mapped_column(Moment)
    """Of the sign-in; a step-up changes the token and not this."""
    seen_at: Mapped[datetime] = mapped_column(Moment)
    proved_at: Mapped[datetime] = mapped_column(Moment)
    """When the operator last proved who they are."""
    way: Mapped[Way] = mapped_column()
    source: Mapped[str] = mapped_column(String(64))
    """The address it began from, for its owner to recognise."""


class LinkPurpose(StrEnum):
    SET_UP = "set-up"
    """Choose a password, and take the key of the second factor."""
    SIGN_IN = "sign-in"
    """Sign in once. Made on the command line only, by whoever holds the server."""
    PASSWORD = "password"  # noqa: S105 - the word for it
    """Choose another password; the second factor has to be proved, where there is one."""
    SECOND_FACTOR = "second-factor"
    """Take a new key of the second factor; the password has to be proved."""


class OneTimeLink(Base):
    """A way in that works once and not for long. Only the hash of its token is kept."""

    __tablename__ = "operator_links"
    __table_args__ = (
        CheckConstraint("made_by_id IS NULL OR made_by_id <> operator_id", name="not_for_oneself"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    purpose: Mapped[LinkPurpose] = mapped_column()
    totp_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The key that the set-up page shows; it becomes the operator's when a code of it is given back."""
    made_at: Mapped[datetime] = mapped_column(Moment)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    """None: by the operator themselves, or on the command line by whoever holds the server."""
    expires_at: Mapped[datetime] = mapped_column(Moment)
    used_at: Mapped[datetime | None] = mapped_column(Moment)


class Attempt(Base):
    """A sign-in that failed, kept for as long as it counts. Names that do not exist count alike."""

    __tablename__ = "operator_attempts"
    __table_args__ = (Index("ix_operator_attempts_key_at", "key", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64))
    """A hash of the name that was tried, or of the address it came from."""
    at: Mapped[datetime] = mapped_column(Moment)
