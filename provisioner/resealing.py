"""Sealing everything anew with the current key, once another one stands in the setting `identity.keys`.

Every value names its key, so what is left stands in the rows themselves: killed at any row, it goes on where it
was. Web and workers may run meanwhile: a row that one of them is working on is passed over and taken up later.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, func, inspect, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from provisioner.audit import Change, Who, record
from provisioner.certificates import delegating, issuing
from provisioner.certificates.models import Certificate, ResponderKey
from provisioner.db import Database
from provisioner.errors import Misconfigured
from provisioner.failpoints import failpoint
from provisioner.mail.models import OwnerFactor, OwnerSession
from provisioner.mail.self_service import factor_context, offer_context
from provisioner.operators.links import link_context
from provisioner.operators.models import OneTimeLink, Operator
from provisioner.operators.second_factor import totp_context
from provisioner.people import registering
from provisioner.people.models import Person
from provisioner.people.sealing import SealBroken, Sealer
from provisioner.requests.models import KeptScan, Request
from provisioner.requests.scans import scan_context
from provisioner.requests.writing import letter_context, rows_context
from provisioner.rosters.models import (
    RosterPlan,
    RosterResult,
    RosterRow,
    file_context,
    identity_context,
    result_context,
)
from provisioner.secret import Secret

Column = InstrumentedAttribute[Any]

FILE = 1
"""A file has megabytes: each is sealed in a transaction of its own."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column of sealed values: what one is bound to, from other columns of its row; the blind index, if any."""

    column: Column
    context: Callable[..., str]
    bound_to: tuple[Column, ...]
    index: Column | None = None
    chunk: int = 500
    """How many rows are sealed in one transaction."""

    @property
    def key(self) -> Any:
        """The primary key of the table."""
        return inspect(self.column.class_).primary_key[0]


PLACES = (
    Place(Person.identity_sealed, registering.identity_context, (Person.uid,), index=Person.identity_index),
    Place(
        RosterRow.identity_sealed,
        identity_context,
        (RosterRow.plan_id, RosterRow.number),
        index=RosterRow.identity_index,
    ),
    Place(RosterPlan.file_sealed, file_context, (RosterPlan.file_sha256,), chunk=FILE),
    Place(RosterResult.content_sealed, result_context, (RosterResult.id,), chunk=FILE),
    Place(Request.rows_sealed, rows_context, (Request.uid,)),
    Place(Request.letter_sealed, letter_context, (Request.uid,), chunk=FILE),
    Place(KeptScan.content_sealed, scan_context, (KeptScan.uid,), chunk=FILE),
    Place(Operator.totp_sealed, totp_context, (Operator.uid,)),
    Place(OneTimeLink.totp_sealed, link_context, (OneTimeLink.token_hash,)),
    Place(OwnerSession.offered_sealed, offer_context, (OwnerSession.token_hash,)),
    Place(OwnerFactor.totp_sealed, factor_context, (OwnerFactor.mailbox_id,)),
    Place(Certificate.key_sealed, issuing.key_context, (Certificate.public_key,)),
    Place(ResponderKey.key_sealed, delegating.key_context, (ResponderKey.public_key,)),
)


def left(session: Session, sealer: Sealer) -> Counter[tuple[str, int]]:
    """How many values and indexes are under other keys than the current one, by `table.column` and key."""
    found: Counter[tuple[str, int]] = Counter()
    for place in PLACES:
        for column in _columns(place):
            key, is_old = _key_of(column), _is_old(column, sealer)
            for marked, count in session.execute(select(key, func.count()).where(is_old).group_by(key)):
                found[_name(column), marked[0] if isinstance(marked, bytes) else int(marked, 16)] = count
    return found


def reseal(
    database: Database, sealer: Sealer, *, who: Who, clock: Callable[[], datetime]
) -> Iterator[tuple[str, int]]:
    """Seal anew, and tell after each transaction of which `table.column` how many rows it did.

    A value that does not open, or whose key is not listed, and an identity number that two people have stay as
    they are: see `left`.
    """
    with database.transaction() as session:
        waiting = left(session, sealer).total()
        if waiting:
            _note(session, "sealing.begun", {"left": waiting}, sealer, who, clock())
    done = 0
    for place in PLACES:
        for count in _through(database, place, sealer):
            done += count
            yield _name(place.column), count
    if waiting:
        with database.transaction() as session:
            told = {"sealed": done, "left": left(session, sealer).total()}
            _note(session, "sealing.done", told, sealer, who, clock())


def _through(database: Database, place: Place, sealer: Sealer) -> Iterator[int]:
    """How many rows each transaction did; from the beginning again until there is nothing to do."""
    last, done = None, 0
    while True:
        with database.transaction() as session:
            rows = _take(session, place, sealer, after=last)
            count = _seal(session, place, rows, sealer)
        failpoint("resealing.chunk")
        if rows:
            last, done = rows[-1][0], done + count
            yield count
        elif done:
            last, done = None, 0
        else:
            return


def _take(session: Session, place: Place, sealer: Sealer, *, after: Any) -> Sequence[Sequence[Any]]:
    """The next rows: primary key, sealed value, what that is bound to. Ours until the transaction ends."""
    old = or_(*(_is_old(column, sealer) for column in _columns(place)))
    wanted = select(place.key, place.column, *place.bound_to).where(place.column.is_not(None), old)
    if after is not None:
        wanted = wanted.where(place.key > after)
    return session.execute(
        wanted.order_by(place.key).limit(place.chunk).with_for_update(skip_locked=True)
    ).all()


def _seal(session: Session, place: Place, rows: Sequence[Sequence[Any]], sealer: Sealer) -> int:
    anew: list[dict[str, Any]] = []
    for row in rows:
        context = place.context(*row[2:])
        try:
            plain = sealer.unseal_bytes(row[1], context=context)
        except (SealBroken, Misconfigured):
            continue
        values = {place.key.key: row[0], place.column.key: sealer.seal_bytes(plain, context=context)}
        if place.index is not None:
            values[place.index.key] = sealer.index(Secret(plain.decode()))
        anew.append(values)
    if place.index is Person.identity_index:
        anew = _without_doubles(session, anew)
    if anew:
        session.execute(update(place.column.class_), anew)
    return len(anew)


def _without_doubles(session: Session, anew: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without people whose number somebody else has.

    A process that was not started again with the new key could not see that the number was taken.
    """
    index, key = Person.identity_index.key, Person.id.key
    known = select(Person.identity_index, Person.id).where(
        Person.identity_index.in_([row[index] for row in anew])
    )
    holders = {found: person_id for found, person_id in session.execute(known) if found}
    return [row for row in anew if holders.setdefault(row[index], row[key]) == row[key]]


def _columns(place: Place) -> list[Column]:
    return [place.column] if place.index is None else [place.column, place.index]


def _key_of(column: Column) -> ColumnElement[Any]:
    """The key's id as values (their first byte) and indexes (two hex digits) begin with it."""
    if isinstance(column.type, LargeBinary):
        return func.substr(column, 1, 1, type_=LargeBinary)
    return func.substr(column, 1, 2)


def _is_old(column: Column, sealer: Sealer) -> ColumnElement[bool]:
    is_value = isinstance(column.type, LargeBinary)
    return _key_of(column) != (bytes([sealer.current]) if is_value else f"{sealer.current:02x}")


def _name(column: Column) -> str:
    return f"{column.class_.__tablename__}.{column.key}"


def _note(
    session: Session, action: str, told: dict[str, int], sealer: Sealer, who: Who, now: datetime
) -> None:
    record(session, who, [Change(action, "sealing", str(sealer.current), after=told)], now=now)
