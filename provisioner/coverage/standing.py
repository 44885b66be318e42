"""What stands: the tallies as they were counted last, good until somebody touches an agency or time passes.

A question about now is answered from them, and only agencies that were touched since are counted
anew. So the answer is always that of counting everything: never an estimate, never a counter
kept by hand. `recounting` writes them; without it every question counts, and is slower.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from provisioner.coverage.models import TOUCHED, CoverageStanding
from provisioner.coverage.tallies import ITSELF, Place, Tally
from provisioner.db import table_of

_STANDINGS = table_of(CoverageStanding)
_FIGURES = [_STANDINGS.c[name] for name in Tally._fields]


def standing(
    session: Session, places: Sequence[Place], *, at: datetime, used_within: timedelta, narrowed: bool
) -> tuple[dict[tuple[int, str], Tally], list[Place]]:
    """The tallies that are still good at a moment, and the agencies that have to be counted."""
    if used_within != timedelta(days=used_within.days):
        return {}, list(places)
    connection = session.connection()
    touched = set(connection.scalars(select(TOUCHED.c.agency_id).distinct()))
    asked = {place.id for place in places} - touched
    question = select(_STANDINGS.c.agency_id, _STANDINGS.c.category, *_FIGURES).where(*_good(at, used_within))
    if narrowed:
        question = question.where(_STANDINGS.c.agency_id.in_(asked))
    kept = {
        (row[0], row[1]): Tally._make(row[2:])
        for row in connection.execute(question).all()
        if row[0] in asked
    }
    return kept, [place for place in places if (place.id, ITSELF) not in kept]


def _good(at: datetime, used_within: timedelta) -> tuple[ColumnElement[bool], ...]:
    columns = _STANDINGS.c
    return (
        columns.counted_at <= at,
        columns.good_until > at,
        columns.used_within_days == used_within.days,
    )
