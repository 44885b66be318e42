"""Parts as the clock saw them: since when somebody fails, who answered last, and what is too old to say anything."""

from datetime import timedelta

import pytest

from provisioner.db import Database
from provisioner.errors import Text
from provisioner.parts import SILENT, Name, Part, Sighting, State, note, standing, state
from tests.books import NOW

AWAY = Text(vi="không trả lời", en="does not answer")
HALF = timedelta(seconds=30)


def seen(database: Database, at: int, *sightings: Sighting) -> Part:
    """What the books say of the first of these after a look in this half minute."""
    with database.transaction() as session:
        note(session, sightings, now=NOW + at * HALF)
    with database.reading() as session:
        return standing(session)[sightings[0].name]


def test_a_part_fails_since_the_first_look_that_found_it_failing(database: Database) -> None:
    well, away = Sighting(Name.DIRECTORY), Sighting(Name.DIRECTORY, AWAY)

    assert seen(database, 0, well).failing_since is None
    for at in (1, 2, 3):
        part = seen(database, at, away)
        assert (part.failing_since, part.answered_at, part.looked_at) == (NOW + HALF, NOW, NOW + at * HALF)
        assert (part.trouble_vi, part.trouble_en) == (AWAY.vi, AWAY.en)
    back = seen(database, 4, well)
    assert (back.failing_since, back.answered_at, back.trouble_en) == (None, NOW + 4 * HALF, None)
    assert seen(database, 5, away).failing_since == NOW + 5 * HALF


def test_each_part_is_by_itself(database: Database) -> None:
    part = seen(database, 0, Sighting(Name.WORKER, None, 2, 7), Sighting(Name.REDIS, AWAY))
    assert (part.present, part.waiting, part.failing_since) == (2, 7, None)

    seen(database, 1, Sighting(Name.REDIS))

    with database.reading() as session:
        parts = standing(session)
    assert {name: part.looked_at for name, part in parts.items()} == {
        Name.REDIS: NOW + HALF,
        Name.WORKER: NOW,
    }


@pytest.mark.parametrize(
    ("trouble", "after", "is_"),
    [
        (None, timedelta(0), State.ANSWERS),
        (None, SILENT, State.ANSWERS),
        (None, SILENT + timedelta(seconds=1), State.UNKNOWN),
        (AWAY, timedelta(0), State.FAILS),
        (AWAY, SILENT + timedelta(seconds=1), State.UNKNOWN),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_seen_too_long_ago_says_nothing(
    database: Database, trouble: Text | None, after: timedelta, is_: State
) -> None:
    part = seen(database, 0, Sighting(Name.MAIL, trouble))

    assert state(part, now=NOW + after) is is_
    assert state(None, now=NOW) is State.UNKNOWN
