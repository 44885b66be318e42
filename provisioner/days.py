"""Days as they are counted in Vietnam: which day it is, and deadlines in working days."""

import tomllib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Final, Self

from provisioner.errors import Misconfigured, Text

VIETNAM = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh: UTC+7 the whole year."""

EARLIEST: Final = date(1990, 1, 1)
"""No letter, decision or figure is older; an earlier day is a slip of the keyboard."""

_SATURDAY = 5
_NEXT_YEAR_BY: Final = timedelta(days=90)
"""How long before the end of its last year a calendar lacks the next: the days off for Tết are announced by then."""


def day_of(at: datetime) -> date:
    """The calendar day in Vietnam: until seven in the morning it is not the day of UTC."""
    return at.astimezone(VIETNAM).date()


def has_come(day: date, *, today: date) -> bool:
    """Whether somebody who writes of the past can mean this day."""
    return EARLIEST <= day <= today


def beginning_of(day: date) -> datetime:
    """The moment at which this day begins in Vietnam."""
    return datetime.combine(day, time(), VIETNAM)


def end_of(day: date) -> datetime:
    """The moment at which this day is over in Vietnam. Raises `OverflowError` for the last day there is."""
    return beginning_of(day + timedelta(days=1))


def written(day: date, language: str) -> str:
    """21/11/2026 in Vietnamese, 21 Nov 2026 in English."""
    return f"{day:%d/%m/%Y}" if language == "vi" else f"{day.day} {day:%b %Y}"


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days off besides weekends, and Saturdays and Sundays that are worked in exchange."""

    off: Collection[date] = field(default_factory=frozenset)
    worked: Collection[date] = field(default_factory=frozenset)
    until: date = date.max
    """The last day of which it says whether it is off; later ones are only known to be weekends or not."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read `holidays.toml`. Raises `Misconfigured` naming the file and what is wrong."""
        try:
            years = tomllib.loads(path.read_text("utf-8"))["year"]
            return cls(
                off=frozenset(day for year in years for day in year["off"]),
                worked=frozenset(day for year in years for day in year["worked"]),
                until=date(max(year["year"] for year in years), 12, 31),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Misconfigured(
                Text(
                    vi=f"Không dùng được lịch nghỉ {path}: {error}.",
                    en=f"The calendar of holidays {path} cannot be used: {error}.",
                ),
                code="holidays-wrong",
            ) from error

    def lacks(self, today: date) -> Text | None:
        """What to do when it has ended or soon ends, so that deadlines would count holidays as working days."""
        if today < self.until - _NEXT_YEAR_BY:
            return None
        return Text(
            vi=f"Lịch nghỉ lễ chỉ có đến {written(self.until, 'vi')}, các ngày lễ sau đó bị tính là ngày làm việc; hãy bổ "
            "sung năm tiếp theo vào holidays.toml.",
            en=f"The calendar of holidays goes to {written(self.until, 'en')}, holidays after it count as working days; "
            "add the next year to holidays.toml.",
        )

    def is_working_day(self, day: date) -> bool:
        return day in self.worked or (day.weekday() < _SATURDAY and day not in self.off)

    def due(self, since: date, *, days: int) -> date:
        """The last day in time: the day itself does not count, nor does a day off (Bộ luật Dân sự 2015, art. 147)."""
        day = since
        while days:
            day += timedelta(days=1)
            days -= self.is_working_day(day)
        return day
