"""Counting in the books, at a moment.

Each table is asked once and aggregated where it lies; Python only adds up some thousand rows.
Of a moment in the past the books know what was issued, handed over, closed and certified and
who held which post; agencies have the codes, the names and the tree of the day. A mailbox's status and its latest use they know as of now only: who wants
to know what was locked or in use on a day asks the picture of that day (`snapshots`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Integer,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    text,
    union,
)
from sqlalchemy.orm import Session

from provisioner.agencies.models import HeadCount
from provisioner.certificates.models import Certificate
from provisioner.coverage.conditions import held, issued, used, valid, was_last
from provisioner.coverage.placing import read_places
from provisioner.coverage.standing import standing
from provisioner.coverage.tallies import ITSELF, LEFT, Coverage, Place, Scope, Tally, arrange
from provisioner.days import day_of
from provisioner.mailboxes.models import Mailbox, Status
from provisioner.people.models import Post

Question = Select[*tuple[Any, ...]]
"""Rows of `agency_id`, `category` and some neighbouring figures of a tally, in its order."""

FEW = 0.2
"""Up to this part of all agencies it is quicker to name them than to count everybody."""


def cover(session: Session, scope: Scope, *, at: datetime, used_within: timedelta) -> Coverage:
    """Coverage of a scope at a moment: from what stands, and by counting what does not.

    `used_within` says how long ago a mailbox may have been used last to count as in use. Raises
    `NotFound` for an agency code that nobody has.
    """
    places = read_places(session, scope, on=day_of(at))
    narrowed = scope.agency is not None
    counts, stale = standing(session, places, at=at, used_within=used_within, narrowed=narrowed)
    if stale:
        narrowed = narrowed or len(stale) <= len(places) * FEW
        counts |= count(session, stale, at=at, used_within=used_within, narrowed=narrowed)
    return arrange(places, counts, scope, at=at, used_within=used_within)


def count(
    session: Session, places: Sequence[Place], *, at: datetime, used_within: timedelta, narrowed: bool
) -> dict[tuple[int, str], Tally]:
    """Tallies of these agencies, counted now. `narrowed` when they are few: the questions then name them."""
    asked = [place.id for place in places] if narrowed else None
    questions = (
        _declared(day_of(at), asked),
        _people(at, used_within, asked),
        _left_mailboxes(at, used_within, asked),
        _unit_mailboxes(at, used_within, asked),
        _closed_mailboxes(at, asked),
        _personal_certificates(at, asked),
        _left_certificates(at, asked),
        _unit_certificates(at, asked),
    )
    width = len(Tally._fields)
    counted: dict[int, dict[str, list[int]]] = {place.id: {ITSELF: [0] * width} for place in places}
    with _merging(session) as connection:
        answers = [connection.execute(question) for question in questions]
    for rows in answers:
        _agency_id, _category, *columns = rows.keys()
        first = Tally._fields.index(columns[0])
        here = slice(first, first + len(columns))
        for agency_id, category, *figures in rows.all():
            if agency_id in counted:
                counted[agency_id].setdefault(category, [0] * width)[here] = figures
    result: dict[tuple[int, str], Tally] = {}
    for place in places:
        tallies = counted[place.id]
        if place.ended(day_of(at)):
            result |= {(place.id, category): tally for category, tally in _left_behind(tallies).items()}
            continue
        result[place.id, ITSELF] = _itself(place, Tally._make(tallies.pop(ITSELF)))
        for category, tally in _entitled(tallies).items():
            result[place.id, category] = tally
    return result


@contextmanager
def _merging(session: Session) -> Iterator[Connection]:
    """Have PostgreSQL join posts and mailboxes by merging the two indexes that are sorted by person.

    Its defaults assume a disk that is slow at random and let it hash two whole tables, which takes
    twice as long as reading two indexes side by side. SQLite has no other join.
    """
    connection = session.connection()
    ours = {"enable_hashjoin": "off", "random_page_cost": "1.1"}
    chosen = ours if connection.dialect.name == "postgresql" else {}
    for setting, value in chosen.items():
        connection.execute(text(f"SET LOCAL {setting} = {value}"))
    yield connection
    for setting in chosen:
        connection.execute(text(f"SET LOCAL {setting} TO DEFAULT"))


def _itself(place: Place, tally: Tally) -> Tally:
    """An agency counts once, however many unit mailboxes and certificates it has."""
    return tally._replace(
        entitled=int(place.entitled),
        sealed=int(place.sealed),
        holding=int(place.entitled and tally.issued > 0),
        served=int(place.entitled and tally.active > 0),
        signing=int(place.sealed and tally.certificates_valid > 0),
    )


def _left_behind(by_category: Mapping[str, Sequence[int]]) -> dict[str, Tally]:
    """Of an agency that ended: its mailboxes and certificates count as of those who left, and nothing in a rate."""
    found = {ITSELF: Tally()}
    for category, figures in by_category.items():
        tally = Tally._make(figures)._replace(
            entitled=0, registered=0, leaders=0, signing=0, leaders_signing=0
        )
        if any(tally):
            key = LEFT + category.removeprefix(LEFT)
            found[key] = found.get(key, Tally()).plus(tally)
    return found


def _entitled(by_category: Mapping[str, Sequence[int]]) -> dict[str, Tally]:
    """People of an agency: entitled are those it declared, or those in post where they are more.

    People without a category first fill what was declared and is not filled by others.
    """
    tallies = {category: Tally._make(figures) for category, figures in by_category.items()}
    unfilled = sum(max(tally.entitled - tally.registered, 0) for tally in tallies.values())
    for category, tally in tallies.items():
        entitled = tally.registered - (0 if category else unfilled)
        if entitled > tally.entitled:
            tallies[category] = tally._replace(entitled=entitled)
    return tallies


def _declared(on: date, asked: Sequence[int] | None) -> Question:
    """The newest declaration of each agency and category up to this day."""
    newest = (
        select(HeadCount.agency_id, HeadCount.category, func.max(HeadCount.since).label("since"))
        .where(HeadCount.since <= on)
        .group_by(HeadCount.agency_id, HeadCount.category)
        .subquery()
    )
    question = select(HeadCount.agency_id, HeadCount.category, HeadCount.count.label("entitled")).join(
        newest,
        and_(
            HeadCount.agency_id == newest.c.agency_id,
            HeadCount.category == newest.c.category,
            HeadCount.since == newest.c.since,
        ),
    )
    return question if asked is None else question.where(HeadCount.agency_id.in_(asked))


def _people(at: datetime, used_within: timedelta, asked: Sequence[int] | None) -> Question:
    """People in post and their mailboxes: nobody has two that are open at one moment."""
    question = (
        select(
            Post.agency_id,
            Post.category,
            func.count().label("registered"),
            func.count().filter(Post.is_leader).label("leaders"),
            func.count(Mailbox.first_synced_at).label("issued"),
            *_mailbox_counts(at, used_within),
        )
        .join_from(Post, Mailbox, and_(Mailbox.person_id == Post.person_id, *issued(at)), isouter=True)
        .where(*held(day_of(at)))
        .group_by(Post.agency_id, Post.category)
    )
    return question if asked is None else question.where(Post.agency_id.in_(asked))


def _left_mailboxes(at: datetime, used_within: timedelta, asked: Sequence[int] | None) -> Question:
    """Open mailboxes of people in no post, put to the agency of the last one."""
    category = literal(LEFT) + Post.category
    question = (
        select(
            Post.agency_id,
            category.label("category"),
            func.count().label("issued"),
            *_mailbox_counts(at, used_within),
        )
        .join_from(Post, Mailbox, and_(Mailbox.person_id == Post.person_id, *issued(at)))
        .where(*was_last(day_of(at)))
        .group_by(Post.agency_id, category)
    )
    return question if asked is None else question.where(Post.agency_id.in_(asked))


def _unit_mailboxes(at: datetime, used_within: timedelta, asked: Sequence[int] | None) -> Question:
    question = (
        select(
            Mailbox.agency_id,
            literal(ITSELF).label("category"),
            func.count().label("issued"),
            *_mailbox_counts(at, used_within),
        )
        .where(Mailbox.agency_id.is_not(None), *issued(at))
        .group_by(Mailbox.agency_id)
    )
    return question if asked is None else question.where(Mailbox.agency_id.in_(asked))


def _closed_mailboxes(at: datetime, asked: Sequence[int] | None) -> Question:
    """Mailboxes that were issued and closed, put to the agency where their owner was last."""
    last = (
        select(func.max(Post.id))
        .where(Post.person_id == Mailbox.person_id)
        .correlate(Mailbox)
        .scalar_subquery()
    )
    agency = func.coalesce(Mailbox.agency_id, Post.agency_id)
    category = case((Mailbox.person_id.is_(None), ITSELF), else_=Post.category)
    question = (
        select(agency.label("agency_id"), category.label("category"), func.count().label("revoked"))
        .join_from(Mailbox, Post, Post.id == last, isouter=True)
        .where(Mailbox.closed_at <= at, Mailbox.first_synced_at.is_not(None))
        .group_by(agency, category)
    )
    if asked is None:
        return question.where(agency.is_not(None))
    return question.where(Mailbox.id.in_(_mailboxes_of(asked)), agency.in_(asked))


def _personal_certificates(at: datetime, asked: Sequence[int] | None) -> Question:
    """Certificates of people in post; whoever has several that are valid, for whatever purpose and mailbox, signs once."""
    chosen = () if asked is None else (Certificate.mailbox_id.in_(_mailboxes_of(asked)),)
    of_mailbox = _certificates_by_mailbox(at, *chosen)
    signs, person = of_mailbox.c.certificates_valid > 0, Mailbox.person_id
    question = (
        select(
            Post.agency_id,
            Post.category,
            *_certificate_sums(of_mailbox),
            func.count(person.distinct()).filter(signs).label("signing"),
            func.count(person.distinct()).filter(and_(signs, Post.is_leader)).label("leaders_signing"),
        )
        .join_from(of_mailbox, Mailbox, Mailbox.id == of_mailbox.c.mailbox_id)
        .join(Post, and_(Post.person_id == Mailbox.person_id, *held(day_of(at))))
        .group_by(Post.agency_id, Post.category)
    )
    return question if asked is None else question.where(Post.agency_id.in_(asked))


def _left_certificates(at: datetime, asked: Sequence[int] | None) -> Question:
    """Certificates of people in no post, put to the agency of the last one."""
    category = literal(LEFT) + Post.category
    question = (
        select(Post.agency_id, category.label("category"), *_certificate_counts(at))
        .join_from(Post, Mailbox, Mailbox.person_id == Post.person_id)
        .join(Certificate, Certificate.mailbox_id == Mailbox.id)
        .where(Certificate.issued_at <= at, *was_last(day_of(at)))
        .group_by(Post.agency_id, category)
    )
    return question if asked is None else question.where(Post.agency_id.in_(asked))


def _unit_certificates(at: datetime, asked: Sequence[int] | None) -> Question:
    # Few of all certificates are of units: choose them before counting, not after.
    units = Mailbox.agency_id.is_not(None) if asked is None else Mailbox.agency_id.in_(asked)
    of_units = Certificate.mailbox_id.in_(select(Mailbox.id).where(units))
    of_mailbox = _certificates_by_mailbox(at, of_units)
    question = (
        select(Mailbox.agency_id, literal(ITSELF).label("category"), *_certificate_sums(of_mailbox))
        .join_from(of_mailbox, Mailbox, Mailbox.id == of_mailbox.c.mailbox_id)
        .where(Mailbox.agency_id.is_not(None))
        .group_by(Mailbox.agency_id)
    )
    return question if asked is None else question.where(Mailbox.agency_id.in_(asked))


def _mailboxes_of(asked: Sequence[int]) -> CompoundSelect[int]:
    """Mailboxes of agencies and of everybody who ever held a post there."""
    return union(
        select(Mailbox.id).where(Mailbox.agency_id.in_(asked)),
        select(Mailbox.id)
        .join_from(Post, Mailbox, Mailbox.person_id == Post.person_id)
        .where(Post.agency_id.in_(asked)),
    )


def _certificates_by_mailbox(at: datetime, *chosen: ColumnElement[bool]) -> Subquery:
    return (
        select(Certificate.mailbox_id, *_certificate_counts(at))
        .where(Certificate.issued_at <= at, *chosen)
        .group_by(Certificate.mailbox_id)
        .subquery()
    )


def _certificate_counts(at: datetime) -> tuple[ColumnElement[int], ...]:
    return (
        func.count().label("certificates"),
        func.count().filter(and_(*valid(at))).label("certificates_valid"),
        func.count().filter(Certificate.revoked_at <= at).label("certificates_revoked"),
    )


def _certificate_sums(of_mailbox: Subquery) -> tuple[ColumnElement[int], ...]:
    # PostgreSQL sums integers to a decimal number.
    names = ("certificates", "certificates_valid", "certificates_revoked")
    return tuple(cast(func.sum(of_mailbox.c[name]), Integer).label(name) for name in names)


def _mailbox_counts(at: datetime, used_within: timedelta) -> tuple[ColumnElement[int], ...]:
    in_use = and_(*used(at, used_within))
    return (
        func.count().filter(Mailbox.status == Status.ACTIVE).label("active"),
        func.count().filter(Mailbox.status == Status.LOCKED).label("locked"),
        func.count().filter(Mailbox.handed_over_at <= at).label("handed_over"),
        func.count().filter(in_use).label("used"),
    )
