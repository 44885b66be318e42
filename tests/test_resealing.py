"""Another key: everything is sealed anew, also when killed at any moment and beside others who work."""

from collections.abc import Iterator
from itertools import count as counting

import pytest
from sqlalchemy import select, update

from provisioner import failpoints
from provisioner.audit import Who
from provisioner.certificates.delegating import delegate_answers
from provisioner.certificates.handing_over import hand_over
from provisioner.db import Database
from provisioner.failpoints import FailpointError
from provisioner.mail.models import OwnerFactor, OwnerSession
from provisioner.mail.self_service import factor_context, offer_context
from provisioner.operators import links
from provisioner.operators.models import Operator
from provisioner.operators.roles import Role
from provisioner.people.models import Person
from provisioner.people.registering import identity_context
from provisioner.people.sealing import Sealer
from provisioner.requests import scans
from provisioner.resealing import PLACES, left, reseal
from provisioner.rosters.models import Outcome
from provisioner.rosters.results_asked import ask, give, write_asked
from provisioner.secret import Secret
from provisioner.tables import metadata
from tests.books import NOW, on_postgresql
from tests.certificates.holders import certified
from tests.operators.people import a_link, an_account, an_operator
from tests.province import (
    SEALER,
    a_clock,
    a_desk,
    a_roster_of,
    addresses,
    an_official,
    plan_rows,
    planned_file,
    the_mailbox,
    the_person,
    trail,
)
from tests.requests.letters import a_letter, written
from tests.rosters.files import csv_text

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
BOTH = Sealer({1: OLD, 2: NEW}, current=2)
NEWEST = Sealer({2: NEW}, current=2)
WHO = Who("quantri")
PEOPLE = [
    an_official("CB1", "Nguyễn Thị Ánh", so_dinh_danh="068190000001", chung_thu="x"),
    an_official("CB2", "Lê Văn Bình", so_dinh_danh="068090000002", chung_thu="x"),
    an_official("CB3", "Trần Văn Cường", chung_thu="x"),
]


@pytest.fixture
def filled(database: Database) -> Database:
    """Books in which something is sealed in every place."""
    certified(database, *PEOPLE)
    assert delegate_answers(database, a_desk(database))
    an_account(database, "lan", Role.ADMIN)
    a_link(database, an_operator(database, "minh"))
    written(database, a_letter(scan=("cv.pdf", b"%PDF-1.7 a letter")))
    mailbox_id = the_mailbox(database, addresses(database)["CB1"]).id
    key = Secret("GEZDGNBVGY3TQOJQ")
    with database.transaction() as session:
        scans.keep(session, ("cv.pdf", b"%PDF-1.7 not sent yet"), SEALER, by="an", now=NOW)
        ask(session, 1, ending="csv", language="en", by="an", now=NOW)
        offered = SEALER.seal(key, context=offer_context("0a"))
        session.add(
            OwnerSession(
                token_hash="0a", mailbox_id=mailbox_id, began_at=NOW, seen_at=NOW, offered_sealed=offered
            )
        )
        mine = SEALER.seal(key, context=factor_context(mailbox_id))
        session.add(OwnerFactor(mailbox_id=mailbox_id, totp_sealed=mine, totp_used=0, since=NOW))
    write_asked(database, SEALER, clock=a_clock())
    return database


def anew(database: Database, sealer: Sealer = BOTH) -> int:
    return sum(done for _place, done in reseal(database, sealer, who=WHO, clock=a_clock()))


def what_is_left(database: Database, sealer: Sealer = BOTH) -> dict[tuple[str, int], int]:
    with database.reading() as session:
        return dict(left(session, sealer))


def opened(database: Database, sealer: Sealer) -> Iterator[tuple[str, object, bytes]]:
    """Every sealed value of the books, with where it stands."""
    with database.reading() as session:
        for place in PLACES:
            for key, sealed, *bound_to in session.execute(
                select(place.key, place.column, *place.bound_to)
                .where(place.column.is_not(None))
                .order_by(place.key)
            ):
                plain = sealer.unseal_bytes(sealed, context=place.context(*bound_to))
                yield f"{place.column.class_.__tablename__}.{place.column.key}", key, plain


def test_no_sealed_column_is_forgotten() -> None:
    in_the_books = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.c
        if column.name.endswith(("_sealed", "identity_index"))
    }
    known = {c for place in PLACES for c in (place.column, place.index) if c is not None}

    assert {f"{column.class_.__tablename__}.{column.key}" for column in known} == in_the_books


def test_afterwards_everything_opens_without_the_old_key(filled: Database) -> None:
    before = list(opened(filled, SEALER))
    places = {place for place, _key, _plain in before}
    assert places == {f"{place.column.class_.__tablename__}.{place.column.key}" for place in PLACES}

    assert anew(filled) == len(before)

    assert what_is_left(filled) == {}
    assert list(opened(filled, NEWEST)) == before
    with filled.transaction() as session:
        assert give(session, 1, ending="csv", sealer=NEWEST, by="an", now=NOW)
        assert hand_over(session, addresses(filled)["CB3"], sealer=NEWEST, who=WHO, now=NOW)


def test_a_link_of_before_still_works(filled: Database) -> None:
    with filled.reading() as session:
        operator = session.scalars(select(Operator).where(Operator.name == "minh")).one()
    token = a_link(filled, operator)
    with filled.reading() as session:
        key = links.look(session, token, sealer=SEALER, now=NOW).key

    anew(filled)

    with filled.reading() as session:
        assert links.look(session, token, sealer=NEWEST, now=NOW).key == key


def test_killed_after_any_transaction_it_goes_on_where_it_was(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list(opened(filled, SEALER))
    done = 0

    for strike in counting(1):
        plan = {"PROVISIONER_TESTING": "1", "PROVISIONER_FAILPOINT": f"resealing.chunk=raise@{strike}"}
        monkeypatch.setattr(failpoints, "_plan", failpoints._Plan(plan))
        waiting = sum(what_is_left(filled).values())
        try:
            done += anew(filled)
        except FailpointError:
            assert sum(what_is_left(filled).values()) <= waiting
            assert list(opened(filled, BOTH)) == before
        else:
            break

    assert strike > len(PLACES)
    assert what_is_left(filled) == {}
    assert list(opened(filled, NEWEST)) == before


def test_what_is_under_the_new_key_already_is_not_touched(filled: Database) -> None:
    anew(filled)
    person = the_person(filled, "CB1")

    assert anew(filled) == 0

    assert the_person(filled, "CB1").identity_sealed == person.identity_sealed
    assert len(trail(filled, "sealing.begun")) == 1


def test_the_trail_says_who_and_how_many_and_nothing_that_was_sealed(filled: Database) -> None:
    values = len(list(opened(filled, SEALER)))
    indexes = 4  # two people, two rows of their roster

    anew(filled)

    (begun,), (done,) = trail(filled, "sealing.begun"), trail(filled, "sealing.done")
    assert (begun.actor, begun.subject_id, begun.after) == ("quantri", "2", {"left": values + indexes})
    assert (done.actor, done.subject_id, done.after) == ("quantri", "2", {"sealed": values, "left": 0})


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_row_that_somebody_works_on_is_left_to_the_next_time(filled: Database) -> None:
    assert on_postgresql(filled)
    with filled.transaction() as session:
        session.execute(select(Person.id).where(Person.staff_number == "CB1").with_for_update())
        anew(filled)
        waiting = what_is_left(filled)

    assert waiting == {("people.identity_sealed", 1): 1, ("people.identity_index", 1): 1}
    assert anew(filled) == 1
    assert what_is_left(filled) == {}


def test_what_does_not_open_is_left_and_stops_nothing(filled: Database) -> None:
    with filled.transaction() as session:
        moved = the_person(filled, "CB2").identity_sealed
        session.execute(update(Person).where(Person.staff_number == "CB1").values(identity_sealed=moved))

    anew(filled)

    assert what_is_left(filled) == {("people.identity_sealed", 1): 1, ("people.identity_index", 1): 1}
    with filled.reading() as session:
        assert left(session, NEWEST).total() == 2


def test_what_is_under_a_key_that_is_not_listed_is_left(filled: Database) -> None:
    third = Sealer({2: NEW, 3: bytes(32)}, current=3)

    assert anew(filled, third) == 0

    assert {key for _place, key in what_is_left(filled, third)} == {1}


def test_one_number_of_two_people_stays_where_it_is_and_stops_nothing(filled: Database) -> None:
    """Somebody was registered a second time by a process that knew nothing of the new key."""
    number = Secret("068090000002")
    other = the_person(filled, "CB3")
    with filled.transaction() as session:
        session.execute(
            update(Person)
            .where(Person.id == other.id)
            .values(
                identity_sealed=NEWEST.seal(number, context=identity_context(other.uid)),
                identity_index=NEWEST.index(number),
            )
        )

    anew(filled)

    assert what_is_left(filled) == {("people.identity_sealed", 1): 1, ("people.identity_index", 1): 1}
    assert the_person(filled, "CB2").identity_index == SEALER.index(number)


@pytest.mark.parametrize("before_resealing", [True, False])
def test_people_are_known_by_their_numbers_before_and_after(filled: Database, before_resealing: bool) -> None:
    if not before_resealing:
        anew(filled)
    again = [*PEOPLE, an_official("CB9", "Phạm Thị Dung", so_dinh_danh="068190000001")]

    plan_id = planned_file(filled, csv_text(a_roster_of(*again)).encode(), sealer=BOTH)
    without = planned_file(filled, csv_text(a_roster_of(again[-1])).encode(), sealer=BOTH)

    outcomes = [row.outcome for row in plan_rows(filled, plan_id)]
    assert outcomes == [Outcome.CONFLICT, Outcome.UNCHANGED, Outcome.UNCHANGED, Outcome.CONFLICT]
    (row,) = plan_rows(filled, without)
    assert [problem["code"] for problem in row.problems] == ["identity-number-of-another"]
