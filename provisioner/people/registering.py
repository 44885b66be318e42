"""Putting people into the register and keeping them right, on sets of people.

A staff number is a person: registering asks no questions about namesakes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from sqlalchemy import and_, bindparam, case, delete, insert, update
from sqlalchemy.orm import Session

from provisioner.db import insert_many, table_of
from provisioner.people.models import Person, Post
from provisioner.people.names import ParsedName, sort_key
from provisioner.people.sealing import Sealer
from provisioner.secret import Secret
from provisioner.vietnamese import search_key


@dataclass(frozen=True, slots=True)
class PostFacts:
    """A post as a file or a form tells it. `category` is a code of the reference data."""

    agency_id: int
    title: str | None
    is_leader: bool
    category: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A personnel decision as letters cite it: number and date."""

    number: str
    on: date | None


@dataclass(frozen=True, slots=True)
class Leaving:
    """The first day of no longer serving, and the decision that says so."""

    on: date
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody not in the register yet."""

    staff_number: str
    name: ParsedName
    birth_date: date | None
    phone: str | None
    identity_number: Secret | None
    post: PostFacts


def register(session: Session, newcomers: Sequence[Newcomer], *, sealer: Sealer, on: date) -> list[int]:
    """Add these people with the post they hold from this day on; their ids, in the same order."""
    if not newcomers:
        return []
    rows = []
    for newcomer in newcomers:
        uid = uuid4().hex
        rows.append(
            {
                "uid": uid,
                "staff_number": newcomer.staff_number,
                **name_columns(newcomer.name),
                "birth_date": newcomer.birth_date,
                "phone": newcomer.phone,
                **identity_columns(newcomer.identity_number, uid=uid, sealer=sealer),
            }
        )
    ids = insert_many(session, table_of(Person), rows, key="uid")
    session.execute(
        insert(table_of(Post)),
        [
            {"person_id": person_id, **_post_columns(newcomer.post), "since": on}
            for person_id, newcomer in zip(ids, newcomers, strict=True)
        ],
    )
    return ids


def revise(session: Session, values: Mapping[int, Mapping[str, Any]]) -> None:
    """Set columns of people already registered: person id to column and value."""
    for person_id, columns in values.items():
        if columns:
            session.execute(update(Person).where(Person.id == person_id).values(**columns))


def appoint(
    session: Session,
    posts: Mapping[int, PostFacts],
    *,
    on: date,
    decisions: Mapping[int, Decision] = MappingProxyType({}),
) -> None:
    """End these people's current posts and begin others, on this day: person id to new post.

    A post that began on the very same day never was: it is replaced. `decisions` say by which decision
    a person's former post ended.
    """
    if not posts:
        return
    table = table_of(Post)
    current = and_(table.c.person_id == bindparam("whose"), table.c.until.is_(None))
    whose = [{"whose": person_id} for person_id in posts]
    session.connection().execute(delete(table).where(current, table.c.since >= on), whose)
    session.connection().execute(
        update(table)
        .where(current)
        .values(until=on, ended_by=bindparam("decided"), ended_by_date=bindparam("decided_on")),
        [{"whose": person_id, **_decided(decisions.get(person_id))} for person_id in posts],
    )
    session.execute(
        insert(table_of(Post)),
        [{"person_id": person_id, **_post_columns(post), "since": on} for person_id, post in posts.items()],
    )


def leave(session: Session, leaving: Mapping[int, Leaving]) -> None:
    """End these people's current posts and begin none: person id to the day and the decision.

    Nobody leaves before the day on which the post began. Who holds no post is left alone.
    """
    if not leaving:
        return
    table = table_of(Post)
    session.connection().execute(
        update(table)
        .where(table.c.person_id == bindparam("whose"), table.c.until.is_(None))
        .values(
            until=case((table.c.since > bindparam("day"), table.c.since), else_=bindparam("day")),
            ended_by=bindparam("decided"),
            ended_by_date=bindparam("decided_on"),
        ),
        [
            {"whose": person_id, "day": left.on, **_decided(left.decision)}
            for person_id, left in leaving.items()
        ],
    )


def name_columns(name: ParsedName) -> dict[str, Any]:
    """The columns of a person that come from the name."""
    return {
        "full_name": name.full_name,
        "family": name.family,
        "middle": name.middle,
        "given": name.given,
        "name_order": name.order.value,
        "name_confirmed": name.confirmed,
        "sort_key": sort_key(name),
        "search_key": search_key(name.full_name),
    }


def identity_columns(number: Secret | None, *, uid: str, sealer: Sealer) -> dict[str, Any]:
    """The columns of a person that come from the identity number: sealed for this row, and its blind index."""
    if number is None:
        return {"identity_sealed": None, "identity_index": None}
    return {
        "identity_sealed": sealer.seal(number, context=identity_context(uid)),
        "identity_index": sealer.index(number),
    }


def identity_context(uid: str) -> str:
    """What a sealed identity number is bound to."""
    return f"people.identity:{uid}"


def _decided(decision: Decision | None) -> dict[str, Any]:
    return {
        "decided": decision.number if decision else None,
        "decided_on": decision.on if decision else None,
    }


def _post_columns(post: PostFacts) -> dict[str, Any]:
    return {
        "agency_id": post.agency_id,
        "title": post.title,
        "is_leader": post.is_leader,
        "category": post.category,
        "until": None,
    }
