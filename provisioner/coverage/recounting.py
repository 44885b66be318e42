"""Counting again what was touched, so that the next question finds it standing."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, delete, func, insert, select, text
from sqlalchemy.orm import Session

from provisioner.certificates.models import Certificate
from provisioner.coverage.counting import FEW, count
from provisioner.coverage.editions import publish
from provisioner.coverage.models import TOUCHED, CoverageStanding
from provisioner.coverage.placing import read_places
from provisioner.coverage.standing import standing
from provisioner.coverage.tallies import Place, Scope
from provisioner.days import day_of, end_of
from provisioner.db import table_of
from provisioner.mailboxes.models import Mailbox
from provisioner.people.models import Post

_STANDINGS = table_of(CoverageStanding)
_ONE_AT_A_TIME = text("LOCK TABLE coverage_standings IN SHARE ROW EXCLUSIVE MODE")
"""On PostgreSQL; readers go on. SQLite has one writer anyway."""


def recount(session: Session, *, now: datetime, used_within: timedelta) -> int:
    """Count the agencies whose tallies do not stand any more; how many there were.

    The marks are taken away first: whoever changes something later leaves another one, and what is
    counted then may or may not show that change. Raises `ValueError` for a window that is not of whole days.
    """
    if used_within != timedelta(days=used_within.days):
        raise ValueError(f"{used_within} is not a number of days")
    if session.connection().dialect.name == "postgresql":
        session.execute(_ONE_AT_A_TIME)
    touched = set(session.execute(delete(TOUCHED).returning(TOUCHED.c.agency_id)).scalars())
    places = read_places(session, Scope(), on=None)
    _kept, gone = standing(session, places, at=now, used_within=used_within, narrowed=False)
    due = {place.id for place in gone} | touched
    stale = [place for place in places if place.id in due]
    if touched or stale:
        publish(session)
    if not stale:
        return 0
    narrowed = len(stale) <= len(places) * FEW
    tallies = count(session, stale, at=now, used_within=used_within, narrowed=narrowed)
    good_until = _horizons(session, stale, at=now, used_within=used_within, narrowed=narrowed)
    midnight = end_of(day_of(now))
    session.execute(delete(_STANDINGS).where(_STANDINGS.c.agency_id.in_(due)))
    session.execute(
        insert(_STANDINGS),
        [
            {
                "agency_id": agency_id,
                "category": category,
                "counted_at": now,
                # Posts and head counts begin and end with a day.
                "good_until": min(good_until.get(agency_id, midnight), midnight),
                "used_within_days": used_within.days,
                **tally._asdict(),
            }
            for (agency_id, category), tally in tallies.items()
        ],
    )
    return len(stale)


def _horizons(
    session: Session, places: Sequence[Place], *, at: datetime, used_within: timedelta, narrowed: bool
) -> dict[int, datetime]:
    """The first moment after `at` at which a mailbox or a certificate of an agency counts differently."""
    asked = [place.id for place in places] if narrowed else None
    of_mailbox = [
        *(_next(column, at) for column in (Mailbox.first_synced_at, Mailbox.closed_at)),
        *(_next(column, at) for column in (Mailbox.handed_over_at, Mailbox.first_used_at)),
        _next(Mailbox.last_used_at, at - used_within),  # in use until the window has passed
    ]
    of_certificate = [
        *(_next(column, at) for column in (Certificate.issued_at, Certificate.not_before)),
        *(_next(column, at) for column in (Certificate.not_after, Certificate.revoked_at)),
    ]
    found: dict[int, datetime] = {}
    for moments in (of_mailbox, of_certificate):
        for owner in (Post.agency_id, Mailbox.agency_id):
            question: Select[*tuple[Any, ...]] = select(owner, *moments).group_by(owner)
            if owner is Post.agency_id:
                question = question.join_from(Post, Mailbox, Mailbox.person_id == Post.person_id)
            else:
                question = question.select_from(Mailbox).where(Mailbox.agency_id.is_not(None))
            if moments is of_certificate:
                question = question.join(Certificate, Certificate.mailbox_id == Mailbox.id)
            if asked is not None:
                question = question.where(owner.in_(asked))
            for agency_id, *ends in session.connection().execute(question):
                if moments is of_mailbox and ends[-1] is not None:
                    ends[-1] += used_within
                known = [end for end in (*ends, found.get(agency_id)) if end is not None]
                if known:
                    found[agency_id] = min(known)
    return found


def _next(column: ColumnElement[Any] | Any, after: datetime) -> ColumnElement[Any]:
    return func.min(case((column > after, column)))
