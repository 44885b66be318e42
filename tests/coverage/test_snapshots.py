"""A picture a day keeps what the books forget."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from provisioner.agencies.models import Agency
from provisioner.coverage import metrics
from provisioner.coverage.counting import cover
from provisioner.coverage.figures import Measure
from provisioner.coverage.models import CoverageChange
from provisioner.coverage.snapshots import history, look, take
from provisioner.coverage.tallies import Scope
from provisioner.errors import NotFound
from provisioner.mailboxes.models import Mailbox
from tests.coverage.books import Books

MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW = timedelta(days=90)


@pytest.fixture
def agencies(database):
    """Two agencies of two blocs with people of two categories, in the books since long ago."""
    books = Books(at=MONDAY)
    party, state = books.agency("H21.1", bloc="dang"), books.agency("H21.2", declared={"cong_chuc": 9})
    books.people(party, 4, category="can_bo", used=2, certificates=1, leaders=1)
    books.people(state, 6, category="cong_chuc")
    with database.transaction() as session:
        books.write(session)
    return party, state


def picture(database, now):
    with database.transaction() as session:
        return take(session, now=now, used_within=WINDOW)


def change(database, statement):
    with database.transaction() as session:
        session.execute(statement)


def test_a_picture_shows_what_the_books_said_on_that_day(database, agencies):
    picture(database, MONDAY)

    with database.reading() as session:
        seen, asked = (
            look(session, Scope(), day=date(2026, 3, 2)),
            cover(session, Scope(), at=MONDAY, used_within=WINDOW),
        )

    assert seen == asked


def test_a_picture_remembers_who_was_locked_after_it_was_forgotten(database, agencies):
    change(database, update(Mailbox).where(Mailbox.agency_id.is_(None)).values(status="locked"))
    picture(database, MONDAY)
    change(database, update(Mailbox).values(status="active"))
    picture(database, MONDAY + DAY)

    with database.reading() as session:
        monday, tuesday = (look(session, Scope(), day=date(2026, 3, day)).sums for day in (2, 3))

    assert metrics.mailboxes(monday).locked == 10
    assert metrics.mailboxes(tuesday).locked == 0


def test_a_day_on_which_nothing_changed_costs_no_tallies(database, agencies):
    first, second = picture(database, MONDAY), picture(database, MONDAY + DAY)

    assert (first, second) == (4, 0)
    with database.reading() as session:
        assert look(session, Scope(), day=date(2026, 3, 3)).sums.people.issued == 10


def test_the_picture_of_a_day_can_be_taken_again(database, agencies):
    picture(database, MONDAY)
    change(database, update(Mailbox).values(status="locked"))
    picture(database, MONDAY + timedelta(hours=3))

    with database.reading() as session:
        assert look(session, Scope(), day=date(2026, 3, 2)).sums.people.active == 0
        assert session.scalar(select(func.count()).select_from(CoverageChange)) == 4


def test_a_picture_can_be_asked_for_any_scope(database, agencies):
    picture(database, MONDAY)

    with database.reading() as session:
        party = look(session, Scope(blocs=frozenset({"dang"})), day=date(2026, 3, 2)).sums
        servants = look(session, Scope(categories=frozenset({"cong_chuc"})), day=date(2026, 3, 2)).sums
        subtree = look(session, Scope(agency="H21.2"), day=date(2026, 3, 2)).sums

    assert metrics.staff_served(party) == Measure(4, 4)
    assert metrics.staff_served(servants) == Measure(6, 9)
    assert metrics.staff_served(subtree) == Measure(6, 9)


def test_a_day_without_a_picture_is_not_guessed(database, agencies):
    picture(database, MONDAY)

    with database.reading() as session, pytest.raises(NotFound, match="03/03/2026"):
        look(session, Scope(), day=date(2026, 3, 3))


def test_history_has_a_point_for_every_picture_and_agrees_with_each(database, agencies):
    party, _state = agencies
    picture(database, MONDAY)
    change(database, update(Mailbox).where(Mailbox.agency_id == party).values(status="locked"))
    picture(database, MONDAY + DAY)
    change(database, update(Mailbox).values(closed_at=MONDAY + DAY))
    picture(database, MONDAY + 3 * DAY)
    scope = Scope(blocs=frozenset({"dang"}), categories=frozenset({"can_bo"}))

    with database.reading() as session:
        points = list(history(session, scope, first=date(2026, 3, 3), last=date(2026, 3, 31)))
        looked = [look(session, scope, day=point.day).sums for point in points]

    assert [point.day for point in points] == [date(2026, 3, 3), date(2026, 3, 5)]
    assert [point.sums for point in points] == looked
    assert [metrics.mailboxes(point.sums).personal for point in points] == [4, 0]


def test_an_agency_that_ended_is_in_no_rate_from_the_next_picture_on(database, agencies):
    party, _state = agencies
    picture(database, MONDAY)
    change(database, update(Agency).where(Agency.id == party).values(until=date(2026, 3, 2)))
    picture(database, MONDAY + DAY)

    with database.reading() as session:
        points = list(history(session, Scope(), first=date(2026, 3, 1), last=date(2026, 3, 31)))

        looked = [look(session, Scope(), day=point.day).sums for point in points]

    assert [metrics.agencies_served(point.sums) for point in points] == [Measure(2, 2), Measure(1, 1)]
    assert [metrics.staff_served(point.sums) for point in points] == [Measure(10, 13), Measure(6, 9)]
    assert [metrics.mailboxes(point.sums).all for point in points] == [12, 12], "they stay open"
    assert [metrics.certificates(point.sums).valid for point in points] == [1, 1]
    assert [point.sums for point in points] == looked


def test_a_picture_older_than_the_word_that_an_agency_had_ended_has_it_in_no_rate(database, agencies):
    party, _state = agencies
    picture(database, MONDAY)
    change(database, update(Agency).where(Agency.id == party).values(until=date(2026, 3, 1)))

    with database.reading() as session:
        sums = look(session, Scope(), day=date(2026, 3, 2)).sums

    assert metrics.staff_served(sums) == Measure(6, 9)
    assert metrics.mailboxes(sums).all == 12
