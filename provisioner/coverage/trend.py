"""Is it moving: the sums of a scope on some days of the past year, from the pictures of those days."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from threading import Lock

from sqlalchemy import Integer, and_, case, cast, func, literal, select, true, union_all
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.coverage.models import CoverageChange, CoverageDay
from provisioner.coverage.snapshots import Point
from provisioner.coverage.tallies import ITSELF, LEFT, Coverage, Sums, Tally
from provisioner.days import day_of
from provisioner.db import table_of

_CHANGES, _AGENCIES = table_of(CoverageChange), table_of(Agency)

POINTS = 12
"""At most so many days of the past are asked for: as many as can be told apart on paper."""

YEAR = timedelta(days=366)
_KEPT = 2000
"""Points kept in a process."""


class Trend:
    """Points of the past, kept once they were read: the picture of a day gone by is taken once.

    A point is kept for the very agencies it was summed over, so a change of the tree reads it again.
    """

    def __init__(self) -> None:
        self._points: dict[tuple[date, datetime, bytes], Sums] = {}
        self._lock = Lock()

    def points(self, session: Session, coverage: Coverage, *, categories: Sequence[str]) -> list[Point]:
        """The sums of the scope on some days of the year before `coverage`, and last on its own day.

        `categories` are all that there are. Only agencies of `coverage` count, whose reader may see them.
        """
        today = day_of(coverage.at)
        question = (
            select(CoverageDay.day, CoverageDay.taken_at)
            .where(CoverageDay.day > today - YEAR, CoverageDay.day < today)
            .order_by(CoverageDay.day)
        )
        taken = [(day, taken_at) for day, taken_at in session.execute(question)]
        members = [row.place.id for row in coverage.agencies]
        whose = sha256(repr((sorted(members), sorted(coverage.scope.categories))).encode()).digest()
        chosen = [category for category in ("", *categories) if coverage.scope.counts(category)]
        wanted = [ITSELF, *chosen, *(LEFT + category for category in chosen)]
        found = []
        for day, taken_at in _spread(taken):
            with self._lock:
                sums = self._points.get((day, taken_at, whose))
            if sums is None:
                sums = _sums_on(session, day, members, wanted)
                with self._lock:
                    while len(self._points) >= _KEPT:
                        del self._points[next(iter(self._points))]
                    self._points[day, taken_at, whose] = sums
            found.append(Point(day, sums))
        return [*found, Point(today, coverage.sums)]


def _spread(rows: Sequence[tuple[date, datetime]]) -> list[tuple[date, datetime]]:
    """The first, the last, and some between them, about as far from each other."""
    last = len(rows) - 1
    steps = min(POINTS, len(rows)) - 1
    return [
        rows[position] for position in sorted({round(last * n / max(steps, 1)) for n in range(steps + 1)})
    ]


def _sums_on(session: Session, day: date, members: Sequence[int], categories: Sequence[str]) -> Sums:
    """What the picture of a day says of these agencies, each tally looked up by its key."""
    category = union_all(*(select(literal(name).label("name")) for name in categories)).subquery()
    earlier = _CHANGES.alias()
    newest = (
        select(func.max(earlier.c.day))
        .where(
            earlier.c.agency_id == _AGENCIES.c.id,
            earlier.c.category == category.c.name,
            earlier.c.day <= day,
        )
        .scalar_subquery()
    )
    whose = case(
        (category.c.name == ITSELF, "own"), (category.c.name.startswith(LEFT), "left"), else_="people"
    )
    question = (
        select(whose, *(cast(func.sum(_CHANGES.c[name]), Integer) for name in Tally._fields))
        .select_from(_AGENCIES)
        .join(category, true())
        .join(
            _CHANGES,
            and_(
                _CHANGES.c.agency_id == _AGENCIES.c.id,
                _CHANGES.c.category == category.c.name,
                _CHANGES.c.day == newest,
            ),
        )
        .where(_AGENCIES.c.id.in_(members))
        .group_by(whose)
    )
    sums = {row[0]: Tally._make(row[1:]) for row in session.connection().execute(question)}
    return Sums(**{"own": Tally(), "people": Tally(), **sums})
