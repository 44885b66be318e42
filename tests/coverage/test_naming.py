"""A named list is as long as the figure it stands behind, whatever is asked."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from provisioner.coverage import metrics
from provisioner.coverage.branches import branches
from provisioner.coverage.counting import cover
from provisioner.coverage.naming import LISTS, WINDOWS, Moment, Of, names
from provisioner.coverage.tallies import Coverage, Scope, total
from provisioner.coverage.unnamed import unnamed, unnamed_in_all
from provisioner.db import Database
from provisioner.mailboxes.models import Mailbox
from provisioner.people.models import Person
from provisioner.reports.expiring import expiring, expiring_in
from tests.coverage.books import BEFORE, Books

AT = datetime(2026, 3, 1, 5, tzinfo=UTC)
WINDOW = timedelta(days=90)

FIGURES = {
    "staff": lambda sums: sums.people.registered,
    "staff-served": lambda sums: sums.people.active,
    "staff-unserved": lambda sums: sums.people.registered - sums.people.active,
    "issued": lambda sums: sums.people.issued,
    "locked": lambda sums: sums.people.locked,
    "handed-over": lambda sums: sums.people.handed_over,
    "not-handed-over": lambda sums: sums.people.issued - sums.people.handed_over,
    "used": lambda sums: sums.people.used,
    "unused": lambda sums: sums.people.issued - sums.people.used,
    "signing": lambda sums: sums.people.signing,
    "not-signing": lambda sums: sums.people.registered - sums.people.signing,
    "leaders": lambda sums: sums.people.leaders,
    "leaders-signing": lambda sums: sums.people.leaders_signing,
    "leaders-not-signing": lambda sums: sums.people.leaders - sums.people.leaders_signing,
    "agencies": lambda sums: sums.own.entitled,
    "agencies-served": lambda sums: sums.own.served,
    "agencies-unserved": lambda sums: sums.own.entitled - sums.own.served,
    "sealed": lambda sums: sums.own.sealed,
    "sealed-signing": lambda sums: sums.own.signing,
    "sealed-not-signing": lambda sums: sums.own.sealed - sums.own.signing,
    "certificates": lambda sums: metrics.certificates(sums).all,
    "certificates-valid": lambda sums: metrics.certificates(sums).valid,
    "certificates-of-people": lambda sums: sums.people.certificates_valid,
    "certificates-revoked": lambda sums: metrics.certificates(sums).revoked,
    "mailboxes-of-agencies": lambda sums: metrics.mailboxes(sums).units,
    "revoked": lambda sums: metrics.mailboxes(sums).revoked,
}

SCOPES = [
    Scope(),
    Scope(agency="H21.1"),
    Scope(blocs=frozenset({"dang"})),
    Scope(levels=frozenset({"xa"}), categories=frozenset({"vien_chuc"})),
]


@pytest.fixture
def database_with_everything(database: Database) -> Database:
    """Agencies of two blocs and levels where everything that is counted is there, and is missing."""
    books = Books(at=AT)
    top = books.agency("H21.1", certificates=1)
    commune = books.agency("H21.1.1", parent=top, level="xa", mailboxes=0)
    party = books.agency("H21.2", bloc="dang", seal=False, declared={"cong_chuc": 9})
    for number, agency in enumerate((top, commune, party)):
        books.people(agency, 6, leaders=2, used=3, handed_over=4, mailboxes=5, certificates=1)
        books.people(agency, 2 + number, category="vien_chuc", mailboxes=2, leaders=1)
        gone = books.people(agency, 1, mailboxes=0)[0]
        books.certificate(books.mailbox(person_id=gone, closed_at=BEFORE), revoked_at=BEFORE)
        left = next(books.ids)
        books.person(left)
        books.post(left, commune, until=AT.date() - timedelta(days=90))
        books.post(left, agency, since=AT.date() - timedelta(days=90), until=AT.date() - timedelta(days=9))
        books.certificate(books.mailbox(person_id=left), not_after=AT + timedelta(days=20))
        for days in (10, 45, 80):
            signs = books.people(agency, 1, mailboxes=0)[0]
            books.certificate(books.mailbox(person_id=signs), not_after=AT + timedelta(days=days))
    ended = books.agency("H21.1.3", parent=top, certificates=1, until=datetime(2020, 1, 1, tzinfo=UTC).date())
    books.people(ended, 3, category="vien_chuc", leaders=1, used=1, certificates=2)
    books.certificate(books.mailbox(agency_id=ended, unit_key="soon"), not_after=AT + timedelta(days=20))
    with database.transaction() as session:
        books.write(session)
        locked = select(func.min(Mailbox.id)).where(
            Mailbox.person_id.is_not(None), Mailbox.closed_at.is_(None)
        )
        session.execute(update(Mailbox).where(Mailbox.id == locked.scalar_subquery()).values(status="locked"))
    return database


def covered(database: Database, scope: Scope) -> Coverage:
    with database.reading() as session:
        return cover(session, scope, at=AT, used_within=WINDOW)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_list_is_as_long_as_its_figure(database_with_everything: Database, scope: Scope) -> None:
    sums = covered(database_with_everything, scope).sums
    with database_with_everything.reading() as session:
        lengths = {
            name: len(session.execute(names(session, LISTS[name], scope, Moment(AT, WINDOW))).all())
            for name in FIGURES
        }
        soon = {
            days: len(
                session.execute(names(session, LISTS[f"expiring-{days}"], scope, Moment(AT, WINDOW))).all()
            )
            for days in WINDOWS
        }
        found = cover(session, scope, at=AT, used_within=WINDOW)
        counted, by_agency = expiring_in(session, found), expiring(session, found)

    assert lengths == {name: figure(sums) for name, figure in FIGURES.items()}
    assert soon == counted
    assert sum(by_agency.values()) == counted[90]
    assert LISTS.keys() == FIGURES.keys() | {f"expiring-{days}" for days in WINDOWS}


def test_nothing_that_a_list_is_tested_with_is_empty_everywhere(database_with_everything: Database) -> None:
    sums = covered(database_with_everything, Scope()).sums

    assert all(figure(sums) for figure in FIGURES.values())


@pytest.mark.parametrize(
    "scope", [Scope(), Scope(agency="H21.1"), Scope(categories=frozenset({"vien_chuc"}))]
)
def test_heads_without_a_name_are_those_that_no_list_of_people_shows(
    database_with_everything: Database, scope: Scope
) -> None:
    found = covered(database_with_everything, scope)

    assert sum(one.missing for one in unnamed(found)) == unnamed_in_all(found)
    assert all(one.missing > 0 for one in unnamed(found))


def test_people_are_named_with_what_a_reader_needs(database_with_everything: Database) -> None:
    with database_with_everything.reading() as session:
        question = names(session, LISTS["leaders-not-signing"], Scope(agency="H21.2"), Moment(AT, WINDOW))
        rows = session.execute(question).all()

    assert LISTS["leaders-not-signing"].of is Of.PEOPLE
    assert all(isinstance(person, Person) and post.is_leader for person, post, *_rest in rows)
    assert {agency.code for _person, _post, agency, *_rest in rows} == {"H21.2"}


def test_branches_add_up_to_what_is_below_the_focus(database_with_everything: Database) -> None:
    whole = covered(database_with_everything, Scope())

    found = branches(whole)

    assert [branch.place.code for branch in found] == ["H21.1", "H21.2"]
    assert [branch.agencies for branch in found] == [2, 1]
    assert total(branch.sums.people for branch in found) == whole.sums.people


def test_the_branches_of_an_agency_leave_its_own_people_out(database_with_everything: Database) -> None:
    found = branches(covered(database_with_everything, Scope(agency="H21.1")))

    assert [branch.place.code for branch in found] == ["H21.1.1"]
    assert branches(covered(database_with_everything, Scope(agency="H21.1.1"))) == []


def test_the_categories_of_staff_add_up_to_all_people(database_with_everything: Database) -> None:
    found = covered(database_with_everything, Scope())

    assert set(found.categories) == {"cong_chuc", "vien_chuc"}
    assert total(found.categories.values()) == found.sums.people
