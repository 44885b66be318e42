"""The trend agrees with the picture of each day, for any scope, and is remembered."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, update

from provisioner.coverage.counting import cover
from provisioner.coverage.models import CoverageChange
from provisioner.coverage.snapshots import look, take
from provisioner.coverage.tallies import Scope
from provisioner.coverage.trend import POINTS, Trend
from provisioner.db import Database
from provisioner.mailboxes.models import Mailbox
from tests.coverage.books import Books

FIRST = datetime(2026, 1, 5, 1, tzinfo=UTC)
WINDOW = timedelta(days=90)
CATEGORIES = ("can_bo", "cong_chuc")
SCOPES = (Scope(), Scope(agency="H21.2"), Scope(blocs=frozenset({"dang"}), categories=frozenset({"can_bo"})))


def with_pictures(database: Database, number: int) -> datetime:
    """A province where more mailboxes are locked every day; the moment after the last picture."""
    books = Books(at=FIRST)
    party, state = books.agency("H21.1", bloc="dang"), books.agency("H21.2")
    books.people(party, 20, category="can_bo", used=2, certificates=1, leaders=1)
    books.people(state, 20, category="cong_chuc")
    with database.transaction() as session:
        books.write(session)
    for day in range(number):
        with database.transaction() as session:
            session.execute(update(Mailbox).where(Mailbox.id % 40 == day).values(status="locked"))
            take(session, now=FIRST + timedelta(days=day), used_within=WINDOW)
    return FIRST + timedelta(days=number)


def test_every_point_is_the_picture_of_its_day_and_the_last_is_now(database: Database) -> None:
    now, trend = with_pictures(database, 20), Trend()

    for scope in SCOPES:
        with database.reading() as session:
            covered = cover(session, scope, at=now, used_within=WINDOW)
            points = trend.points(session, covered, categories=CATEGORIES)
            looked = [look(session, scope, day=point.day).sums for point in points[:-1]]

        assert [point.sums for point in points[:-1]] == looked
        assert points[-1].sums == covered.sums
        assert len(points) == POINTS + 1
        assert (points[0].day, points[-1].day) == (FIRST.date(), now.date())


def test_a_point_of_the_past_is_read_once(database: Database) -> None:
    now, trend = with_pictures(database, 3), Trend()
    with database.transaction() as session:
        covered = cover(session, Scope(), at=now, used_within=WINDOW)
        first = trend.points(session, covered, categories=CATEGORIES)
        session.execute(delete(CoverageChange))
        again = trend.points(session, covered, categories=CATEGORIES)
        other = Trend().points(session, covered, categories=CATEGORIES)

    assert first == again
    assert other[0].sums.people.registered == 0


def test_without_pictures_there_is_only_now(database: Database) -> None:
    now = with_pictures(database, 0)
    with database.reading() as session:
        covered = cover(session, Scope(), at=now, used_within=WINDOW)

        assert [point.day for point in Trend().points(session, covered, categories=CATEGORIES)] == [
            now.date()
        ]
