"""Parts of the system as the clock last saw them: who answers, and since when somebody does not.

The clock looks and writes; pages and watchdogs read, so that whatever hangs, they answer at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import String, case, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from provisioner.db import Base, Moment, table_of
from provisioner.errors import Text

SILENT: Final = timedelta(minutes=1)
"""Nobody looked for so long: what was seen says nothing of now. The clock looks every half minute."""


class Name(StrEnum):
    """What is looked at."""

    CLOCK = "clock"
    """The clock itself, by its own word."""
    DIRECTORY = "directory"
    REDIS = "redis"
    WORKER = "worker"
    """The workers, all together."""
    SIGNER = "signer"
    MAIL = "mail"
    """The mail server that takes our letters, where one is set."""
    ENTRIES = "entries"
    """What waits for the directory: it fails for as long as anything does."""
    LISTS = "lists"
    """What was revoked and stands on no list yet: it fails for as long as there is any."""


class State(StrEnum):
    ANSWERS = "answers"
    FAILS = "fails"
    UNKNOWN = "unknown"
    """Nobody has looked lately."""


class Part(Base):
    """One part. `failing_since` holds from the first look that found it failing until one that finds it well."""

    __tablename__ = "parts"

    name: Mapped[Name] = mapped_column(primary_key=True)
    looked_at: Mapped[datetime] = mapped_column(Moment)
    answered_at: Mapped[datetime | None] = mapped_column(Moment)
    failing_since: Mapped[datetime | None] = mapped_column(Moment)
    trouble_vi: Mapped[str | None] = mapped_column(String(500))
    trouble_en: Mapped[str | None] = mapped_column(String(500))
    present: Mapped[int | None]
    """Of workers: how many were heard of."""
    waiting: Mapped[int | None]
    """Of workers: how many calls wait for them."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One part as it was found just now: with what is in the way, or well."""

    name: Name
    trouble: Text | None = None
    present: int | None = None
    waiting: int | None = None


def note(session: Session, sightings: Sequence[Sighting], *, now: datetime) -> None:
    """Keep what was seen. One statement: two clocks may look at the same moment."""
    rows = [
        {
            "name": seen.name,
            "looked_at": now,
            "answered_at": None if seen.trouble else now,
            "failing_since": now if seen.trouble else None,
            "trouble_vi": seen.trouble and seen.trouble.vi[:500],
            "trouble_en": seen.trouble and seen.trouble.en[:500],
            "present": seen.present,
            "waiting": seen.waiting,
        }
        for seen in sightings
    ]
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    before, statement = table_of(Part).c, dialect.insert(table_of(Part)).values(rows)
    seen = statement.excluded
    still_failing = case(
        (seen.failing_since.is_not(None), func.coalesce(before.failing_since, seen.failing_since))
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["name"],
            set_={column.name: column for column in seen if column.name != "name"}
            | {
                "answered_at": func.coalesce(seen.answered_at, before.answered_at),
                "failing_since": still_failing,
            },
        )
    )


def standing(session: Session) -> Mapping[Name, Part]:
    """Every part that was ever looked at, by name."""
    return {part.name: part for part in session.scalars(select(Part).order_by(Part.name))}


def state(part: Part | None, *, now: datetime) -> State:
    """How a part is, by the last look if that was not too long ago."""
    if part is None or now - part.looked_at > SILENT:
        return State.UNKNOWN
    return State.ANSWERS if part.failing_since is None else State.FAILS
