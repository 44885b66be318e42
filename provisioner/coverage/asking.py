"""Asking for a day: now from the books, a day gone by from its picture."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy.orm import Session

from provisioner.coverage.counting import cover
from provisioner.coverage.snapshots import look
from provisioner.coverage.tallies import Coverage, Scope
from provisioner.days import EARLIEST, day_of, end_of, has_come
from provisioner.errors import Invalid, NotFound, Text


def asked_day(day: date, *, now: datetime) -> date:
    """A day that somebody asks for. Raises `Invalid` for one of which there cannot be figures."""
    if not has_come(day, today=day_of(now)):
        raise day_wrong()
    return day


def day_wrong() -> Invalid:
    """What is said of a day that is none, or one without figures."""
    return Invalid(
        Text(
            vi=f"Ngày phải từ {EARLIEST:%d/%m/%Y} đến hôm nay.",
            en=f"The day has to be from {EARLIEST.day} {EARLIEST:%b %Y} to today.",
        ),
        code="day-wrong",
    )


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
    last_second = end_of(day) - timedelta(seconds=1)
    return cover(session, scope, at=last_second.astimezone(UTC), used_within=used_within)
