"""Registering: people and their posts, on sets, with identity numbers sealed for their own row."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from provisioner.agencies.models import Agency
from provisioner.db import Database
from provisioner.people.models import Person, Post
from provisioner.people.names import LONGEST_NAME, parse
from provisioner.people.registering import (
    Decision,
    Leaving,
    Newcomer,
    PostFacts,
    appoint,
    identity_columns,
    identity_context,
    leave,
    name_columns,
    register,
    revise,
)
from provisioner.people.sealing import SealBroken
from provisioner.secret import Secret
from tests.books import TODAY, count
from tests.province import SEALER, a_province, the_person

TOMORROW = TODAY + timedelta(days=1)
NUMBER = Secret("068190000001")


@pytest.fixture
def agencies(database: Database) -> dict[str, int]:
    """Codes to ids of the agencies of the small province."""
    a_province(database)
    with database.reading() as session:
        return {row.code: row.id for row in session.execute(select(Agency.code, Agency.id))}


def a_post(agency_id: int, *, title: str | None = "Chuyên viên", leader: bool = False) -> PostFacts:
    return PostFacts(agency_id=agency_id, title=title, is_leader=leader, category="cong_chuc")


def a_newcomer(
    agency_id: int, staff_number: str = "CB1", name: str = "Nguyễn Thị Ánh", number: Secret | None = None
) -> Newcomer:
    return Newcomer(staff_number, parse(name), date(1990, 3, 5), "0912345678", number, a_post(agency_id))


def registered(database: Database, *newcomers: Newcomer) -> list[int]:
    with database.transaction() as session:
        return register(session, newcomers, sealer=SEALER, on=TODAY)


def posts(database: Database) -> list[tuple[int, date, date | None]]:
    with database.reading() as session:
        return [
            (post.agency_id, post.since, post.until)
            for post in session.scalars(select(Post).order_by(Post.id))
        ]


def test_ids_come_back_in_the_order_of_the_newcomers(database: Database, agencies: dict[str, int]) -> None:
    numbers = ["CB3", "CB1", "CB2"]

    ids = registered(database, *(a_newcomer(agencies["H36.05"], number) for number in numbers))

    assert [the_person(database, number).id for number in numbers] == ids


def test_nobody_is_registered_for_an_empty_set(database: Database) -> None:
    assert registered(database) == []
    assert count(database, Person) == 0


def test_a_name_is_kept_whole_and_in_its_parts(database: Database, agencies: dict[str, int]) -> None:
    registered(database, a_newcomer(agencies["H36.05"], name="Đặng Văn Đức"))

    person = the_person(database, "CB1")
    assert (person.full_name, person.family, person.middle, person.given) == (
        "Đặng Văn Đức",
        "Đặng",
        "Văn",
        "Đức",
    )
    assert (person.name_confirmed, person.search_key) == (True, "dang duc van")


def test_lists_sort_by_given_name_in_the_vietnamese_alphabet(
    database: Database, agencies: dict[str, int]
) -> None:
    names = ["Lê Văn Đức", "Trần Thị Dung", "Nguyễn Ân", "Phạm Ăn", "Vũ An", "Bùi Thị Dung"]
    registered(database, *(a_newcomer(agencies["H36.05"], f"CB{n}", name) for n, name in enumerate(names)))

    with database.reading() as session:
        listed = list(session.scalars(select(Person.full_name).order_by(Person.sort_key)))

    assert listed == ["Vũ An", "Phạm Ăn", "Nguyễn Ân", "Bùi Thị Dung", "Trần Thị Dung", "Lê Văn Đức"]


@pytest.mark.parametrize(
    "name",
    [
        "Nguyễn " + "Phương " * 16,
        "N" * LONGEST_NAME,
        "Công Tằng Tôn Nữ " + "Hoàng " * 16,
        "Đỗ" + "ộ" * (LONGEST_NAME - 2),
    ],
)
def test_the_longest_names_fit_into_their_columns(
    database: Database, agencies: dict[str, int], name: str
) -> None:
    registered(database, a_newcomer(agencies["H36.05"], name=name.strip()))

    assert the_person(database, "CB1").full_name == name.strip()


def test_an_identity_number_opens_in_its_own_row_only(database: Database, agencies: dict[str, int]) -> None:
    registered(database, a_newcomer(agencies["H36.05"], number=NUMBER), a_newcomer(agencies["H36.05"], "CB2"))

    person, other = the_person(database, "CB1"), the_person(database, "CB2")
    assert person.identity_sealed is not None
    assert SEALER.unseal(person.identity_sealed, context=identity_context(person.uid)) == NUMBER
    with pytest.raises(SealBroken):
        SEALER.unseal(person.identity_sealed, context=identity_context(other.uid))
    assert (other.identity_sealed, other.identity_index) == (None, None)


def test_one_identity_number_is_one_person(database: Database, agencies: dict[str, int]) -> None:
    with pytest.raises(IntegrityError):
        registered(
            database,
            a_newcomer(agencies["H36.05"], number=NUMBER),
            a_newcomer(agencies["H36.05"], "CB2", number=NUMBER),
        )


def test_one_staff_number_is_one_person(database: Database, agencies: dict[str, int]) -> None:
    registered(database, a_newcomer(agencies["H36.05"]))

    with pytest.raises(IntegrityError):
        registered(database, a_newcomer(agencies["H36.05"]))


def test_revising_changes_what_it_names_and_nothing_else(
    database: Database, agencies: dict[str, int]
) -> None:
    one, other = registered(
        database, a_newcomer(agencies["H36.05"]), a_newcomer(agencies["H36.05"], "CB2", "Lê Văn Bình")
    )
    uid = the_person(database, "CB1").uid

    with database.transaction() as session:
        revise(
            session,
            {
                one: name_columns(parse("Nguyễn Thị Hồng"))
                | identity_columns(NUMBER, uid=uid, sealer=SEALER),
                other: {},
            },
        )

    person = the_person(database, "CB1")
    assert (person.given, person.phone, person.identity_index) == ("Hồng", "0912345678", SEALER.index(NUMBER))
    assert the_person(database, "CB2").full_name == "Lê Văn Bình"


def test_an_appointment_ends_one_post_and_begins_another(
    database: Database, agencies: dict[str, int]
) -> None:
    one, _ = registered(database, a_newcomer(agencies["H36.05"]), a_newcomer(agencies["H36.05"], "CB2"))

    with database.transaction() as session:
        appoint(session, {one: a_post(agencies["H36.06"])}, on=TOMORROW)

    assert posts(database) == [
        (agencies["H36.05"], TODAY, TOMORROW),
        (agencies["H36.05"], TODAY, None),
        (agencies["H36.06"], TOMORROW, None),
    ]


def test_an_appointment_of_the_same_day_replaces_the_post(
    database: Database, agencies: dict[str, int]
) -> None:
    ids = registered(database, a_newcomer(agencies["H36.05"]))

    with database.transaction() as session:
        appoint(session, {ids[0]: a_post(agencies["H36.06"])}, on=TODAY)

    assert posts(database) == [(agencies["H36.06"], TODAY, None)]


def test_a_person_holds_one_post_at_a_time(database: Database, agencies: dict[str, int]) -> None:
    ids = registered(database, a_newcomer(agencies["H36.05"]))

    with pytest.raises(IntegrityError), database.transaction() as session:
        session.add(
            Post(
                person_id=ids[0],
                agency_id=agencies["H36.06"],
                is_leader=False,
                category="cong_chuc",
                since=TODAY,
            )
        )


def test_who_leaves_holds_no_post_and_the_decision_is_kept(
    database: Database, agencies: dict[str, int]
) -> None:
    (person,) = registered(database, a_newcomer(agencies["H36.05"]))

    with database.transaction() as session:
        leave(session, {person: Leaving(TOMORROW, Decision("12/QĐ-SKHCN", TODAY))})

    assert posts(database) == [(agencies["H36.05"], TODAY, TOMORROW)]
    with database.reading() as session:
        post = session.scalars(select(Post)).one()
        assert (post.ended_by, post.ended_by_date) == ("12/QĐ-SKHCN", TODAY)


def test_nobody_leaves_before_they_came(database: Database, agencies: dict[str, int]) -> None:
    (person,) = registered(database, a_newcomer(agencies["H36.05"]))

    with database.transaction() as session:
        leave(session, {person: Leaving(TODAY - timedelta(days=3))})

    assert posts(database) == [(agencies["H36.05"], TODAY, TODAY)]


def test_who_left_can_be_appointed_again(database: Database, agencies: dict[str, int]) -> None:
    (person,) = registered(database, a_newcomer(agencies["H36.05"]))
    with database.transaction() as session:
        leave(session, {person: Leaving(TOMORROW)})

    with database.transaction() as session:
        appoint(session, {person: a_post(agencies["H36.06"])}, on=TOMORROW)

    assert posts(database) == [
        (agencies["H36.05"], TODAY, TOMORROW),
        (agencies["H36.06"], TOMORROW, None),
    ]


def test_a_move_keeps_the_decision_on_the_post_it_ended(database: Database, agencies: dict[str, int]) -> None:
    (person,) = registered(database, a_newcomer(agencies["H36.05"]))

    with database.transaction() as session:
        moved = {person: a_post(agencies["H36.06"])}
        appoint(session, moved, on=TOMORROW, decisions={person: Decision("7/QĐ-UBND", TODAY)})

    with database.reading() as session:
        numbers = session.scalars(select(Post.ended_by).order_by(Post.id)).all()
        assert numbers == ["7/QĐ-UBND", None]
