"""A picture a day: what the books cannot tell afterwards, and history that is quick to draw.

A picture holds tallies per agency and staff category, so that any scope can be asked of a day
gone by. Only what changed since the picture before is written. Blocs, levels and the tree are those of
the day that is asked for; of a history, in which they would jump, those of the agencies as they stand now.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Table, and_, delete, func, insert, select
from sqlalchemy.orm import Session

from provisioner.coverage.counting import count
from provisioner.coverage.editions import publish
from provisioner.coverage.models import CoverageChange, CoverageDay
from provisioner.coverage.placing import read_places
from provisioner.coverage.tallies import Coverage, Scope, Sums, Tally, arrange, is_asked, part
from provisioner.days import day_of
from provisioner.errors import NotFound, Text

_CHANGES: Table = CoverageChange.__table__  # type: ignore[assignment]
_FIGURES = [_CHANGES.c[name] for name in Tally._fields]


def take(session: Session, *, now: datetime, used_within: timedelta) -> int:
    """Take the picture of today, or take it again; how many tallies differ from the picture before."""
    publish(session)
    today = day_of(now)
    session.execute(delete(CoverageChange).where(CoverageChange.day == today))
    session.execute(delete(CoverageDay).where(CoverageDay.day == today))
    session.execute(
        insert(CoverageDay), {"day": today, "taken_at": now, "used_within_days": used_within.days}
    )
    places = read_places(session, Scope(), on=today)
    counted = count(session, places, at=now, used_within=used_within, narrowed=False)
    before = _as_of(session, today)
    changed = {key: tally for key, tally in counted.items() if before.get(key, Tally()) != tally}
    # A category that nobody has any more is nothing from today on.
    changed |= {key: Tally() for key, tally in before.items() if key not in counted and any(tally)}
    if changed:
        session.execute(
            insert(CoverageChange),
            [
                {"agency_id": agency_id, "category": category, "day": today, **tally._asdict()}
                for (agency_id, category), tally in changed.items()
            ],
        )
    return len(changed)


def look(session: Session, scope: Scope, *, day: date) -> Coverage:
    """Coverage as the picture of a day shows it.

    Raises `NotFound` when no picture was taken on that day, or for an agency code nobody has.
    """
    taken = session.get(CoverageDay, day)
    if taken is None:
        raise NotFound(
            Text(
                vi=f"Không có số liệu chụp của ngày {day:%d/%m/%Y}.",
                en=f"No picture was taken on {day:%d/%m/%Y}.",
            ),
            code="no-snapshot",
        )
    places = read_places(session, scope, on=day)
    used_within = timedelta(days=taken.used_within_days)
    return arrange(places, _as_of(session, day), scope, at=taken.taken_at, used_within=used_within)


@dataclass(frozen=True, slots=True)
class Point:
    """The sums of a scope on a day."""

    day: date
    sums: Sums


def history(session: Session, scope: Scope, *, first: date, last: date) -> Iterator[Point]:
    """The sums on every day with a picture, from `first` to `last`, by replaying the changes.

    Raises `NotFound` for an agency code that nobody has.
    """
    chosen = {
        place.id
        for place in read_places(session, scope, on=None)
        if (not scope.blocs or place.bloc in scope.blocs)
        and (not scope.levels or place.level in scope.levels)
    }
    days = session.scalars(select(CoverageDay.day).where(CoverageDay.day <= last).order_by(CoverageDay.day))
    rows = session.execute(
        select(_CHANGES.c.day, _CHANGES.c.agency_id, _CHANGES.c.category, *_FIGURES)
        .where(_CHANGES.c.day <= last)
        .order_by(_CHANGES.c.day)
    )
    changes = {day: list(changed) for day, changed in groupby(rows, key=itemgetter(0))}
    standing: dict[tuple[int, str], Tally] = defaultdict(Tally)
    sums = Sums(Tally(), Tally())
    for day in days:
        for _day, agency_id, category, *figures in changes.get(day, ()):
            if agency_id not in chosen or not is_asked(scope, category):
                continue
            tally = Tally._make(figures)
            difference = tally.minus(standing[agency_id, category])
            standing[agency_id, category] = tally
            where = part(category)
            sums = replace(sums, **{where: getattr(sums, where).plus(difference)})
        if day >= first:
            yield Point(day, sums)


def _as_of(session: Session, day: date) -> dict[tuple[int, str], Tally]:
    """The newest tally of each agency and category up to this day."""
    newest = (
        select(_CHANGES.c.agency_id, _CHANGES.c.category, func.max(_CHANGES.c.day).label("day"))
        .where(_CHANGES.c.day <= day)
        .group_by(_CHANGES.c.agency_id, _CHANGES.c.category)
        .subquery()
    )
    rows = session.execute(
        select(_CHANGES.c.agency_id, _CHANGES.c.category, *_FIGURES).join(
            newest,
            and_(
                _CHANGES.c.agency_id == newest.c.agency_id,
                _CHANGES.c.category == newest.c.category,
                _CHANGES.c.day == newest.c.day,
            ),
        )
    )
    return {(agency_id, category): Tally._make(figures) for agency_id, category, *figures in rows}
