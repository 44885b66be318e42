"""M9: whose certificates are about to expire, on both databases."""

from datetime import timedelta

import pytest

from provisioner.coverage.counting import cover
from provisioner.coverage.tallies import Scope
from provisioner.reports.expiring import expiring
from tests.coverage.books import Books
from tests.reports.conftest import AT, WINDOW

SOON = AT + timedelta(days=90)


@pytest.fixture
def asked(database):
    def ask(books, scope=None):
        with database.transaction() as session:
            books.write(session)
        with database.reading() as session:
            coverage = cover(session, scope or Scope(), at=AT, used_within=WINDOW)
            found = expiring(session, coverage)
        return {row.place.code: found[row.place.id] for row in coverage.agencies if found.get(row.place.id)}

    return ask


def test_certificates_that_are_gone_or_good_for_longer_do_not_count(asked):
    books = Books(at=AT)
    agency = books.agency("H21", mailboxes=0)
    box = books.mailbox(agency_id=agency, unit_key="")
    for facts in (
        {"not_after": SOON},
        {"not_after": SOON + timedelta(seconds=1), "replaced_at": AT + timedelta(days=1)},
        {"not_after": AT, "replaced_at": AT},
        {"not_after": SOON, "revoked_at": AT},
        {"not_after": SOON, "replaced_at": AT},
    ):
        books.certificate(box, **facts)

    assert asked(books) == {"H21": 2}


def test_people_count_where_they_work_and_by_their_category(asked):
    books = Books(at=AT)
    old, new = books.agency("H21"), books.agency("H22")
    books.person(900)
    books.post(900, old, until=AT.date())
    books.post(900, new, since=AT.date(), category="vien_chuc")
    books.certificate(books.mailbox(person_id=900), not_after=SOON)
    person = books.people(new, 1, category="can_bo", mailboxes=0)[0]
    books.certificate(books.mailbox(person_id=person), not_after=SOON)

    assert asked(books, Scope(categories=frozenset({"vien_chuc"}))) == {"H22": 1}
