"""People and the posts they hold over time."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import (
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    Select,
    String,
    exists,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from provisioner.db import Base, table_of


class Person(Base):
    """One official. The full name is authoritative text; its parts are parsed and may be corrected.

    No ethnicity and no party membership is stored (Decree 356/2025 art. 4: sensitive data);
    the bloc is an attribute of the agency.
    """

    __tablename__ = "people"
    __table_args__ = (
        Index(
            "ix_people_guessed",
            "sort_key",
            "id",
            sqlite_where=text("name_confirmed = 0"),
            postgresql_where=text("NOT name_confirmed"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    """Binds the sealed identity number to this row."""
    staff_number: Mapped[str] = mapped_column(String(32), unique=True)
    """The stable key: the same number in another file is the same person."""
    full_name: Mapped[str] = mapped_column(String(120))
    family: Mapped[str | None] = mapped_column(String(120))
    middle: Mapped[str | None] = mapped_column(String(120))
    given: Mapped[str] = mapped_column(String(120))
    name_order: Mapped[str] = mapped_column(String(16))
    name_confirmed: Mapped[bool]
    sort_key: Mapped[str] = mapped_column(String(800), index=True)
    """Vietnamese collation by given name, then family, then middle."""
    search_key: Mapped[str] = mapped_column(String(400))
    birth_date: Mapped[date | None] = mapped_column(Date)
    phone: Mapped[str | None] = mapped_column(String(20))
    identity_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    identity_index: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Keyed blind index: equal numbers meet here without being readable."""


# The words are cut by us and not by a parser of the database, which would take some of them for numbers or addresses.
WORDS = func.array_to_tsvector(func.string_to_array(Person.search_key, literal_column("' '")))
"""The words of a person's search key as PostgreSQL indexes them; SQLite has no such index."""

Index("ix_people_words", WORDS, postgresql_using="gin").ddl_if(dialect="postgresql")


class Post(Base):
    """A post a person held in an agency, from a day on; the current one has no end."""

    __tablename__ = "posts"
    __table_args__ = (
        Index(
            "uq_posts_current_person_id",
            "person_id",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
        Index("ix_posts_agency_id", "agency_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    title: Mapped[str | None] = mapped_column(String(120))
    is_leader: Mapped[bool]
    category: Mapped[str] = mapped_column(String(24))
    since: Mapped[date] = mapped_column(Date)
    until: Mapped[date | None] = mapped_column(Date)
    """The first day it was no longer held."""
    ended_by: Mapped[str | None] = mapped_column(String(120))
    """Number of the personnel decision that ended it: leaving, retiring, or another post."""
    ended_by_date: Mapped[date | None] = mapped_column(Date)


def last_posts(people: Collection[int] | Select[int]) -> Select[int]:
    """The id of each of these people's last post: the one they hold, or held when they left."""
    return select(func.max(Post.id)).where(Post.person_id.in_(people)).group_by(Post.person_id)


def is_last_post() -> ColumnElement[bool]:
    """Whether a post is the last of its holder, as `last_posts` has it: it tells whose a mailbox is or was."""
    later = table_of(Post).alias()  # a table and no model: it does not depend on who asks
    return ~exists().where(later.c.person_id == Post.person_id, later.c.id > Post.id)
