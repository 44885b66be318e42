"""Asking for a day: now from the books, a day gone by from its picture."""

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy.orm import Session

from provisioner.coverage.counting import cover
from provisioner.coverage.snapshots import look
from provisioner.coverage.tallies import Coverage, Scope
from provisioner.days import VIETNAM, day_of
from provisioner.errors import NotFound


def ask(
    session: Session, scope: Scope, day: date | None, *, now: datetime, used_within: timedelta
) -> Coverage:
    """Coverage now, or at the end of a day: as its picture shows it, or from the books' dates when none was taken.

    A day that has not ended is now. Raises `NotFound` for an agency code that nobody has.
    """
    if day is None or day >= day_of(now):
        return cover(session, scope, at=now, used_within=used_within)
    try:
        return look(session, scope, day=day)
    except NotFound as error:
        if error.code != "no-snapshot":
            raise
    end = datetime.combine(day + timedelta(days=1), time(), VIETNAM) - timedelta(seconds=1)
    return cover(session, scope, at=end.astimezone(UTC), used_within=used_within)
