"""Tenancy: a confined session shows its own part of the province, whatever is asked of it."""

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.audit import AuditEvent
from provisioner.db import Base, Database
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.operators.models import Operator
from provisioner.operators.reach import Reach
from provisioner.people.models import Person, Post
from provisioner.tenancy import OPEN, confine, whole
from tests.operators.people import an_operator
from tests.province import a_province, a_unit, an_official, provide


@pytest.fixture
def books(database: Database) -> Database:
    """Two departments with a person, a unit mailbox and a certificate each."""
    a_province(database)
    provide(
        database,
        an_official("CB1", "Nguyễn Thị Ánh", chung_thu_so="x"),
        an_official("CB2", "Trần Văn Bình", ma_co_quan="H36.06", chung_thu_so="x"),
        a_unit("H36.05"),
        a_unit("H36.06"),
    )
    an_operator(database, "chi")
    return database


def path_of(session: Session, code: str) -> str:
    return session.scalars(select(Agency.path).where(Agency.code == code)).one()


def science(database: Database) -> Reach:
    with database.reading() as session:
        return Reach(frozenset({path_of(session, "H36.05")}))


def test_every_way_of_asking_shows_only_what_is_within_reach(books: Database) -> None:
    reach = science(books)
    with books.reading() as session:
        confine(session, reach)
        assert [person.staff_number for person in session.scalars(select(Person))] == ["CB1"]
        assert session.scalars(select(Person.staff_number)).all() == ["CB1"]
        assert session.scalar(select(func.count()).select_from(Mailbox)) == 2
        assert session.scalar(select(func.count(Mailbox.id))) == 2
        assert session.query(Address).count() == 2
        joined = select(Address.address).join(Mailbox, Mailbox.id == Address.mailbox_id)
        assert len(session.scalars(joined).all()) == 2
        outer = select(Agency.code, Person.id).outerjoin(Post, Post.agency_id == Agency.id).outerjoin(Person)
        assert {row.code for row in session.execute(outer)} == {
            "H36.05", "H36.05.01", "H36.05.21", "H36.05.22"
        }  # fmt: skip


def test_a_row_of_another_agency_is_not_found_by_its_id(books: Database) -> None:
    reach = science(books)
    with books.reading() as session:
        ids = dict(session.execute(select(Person.staff_number, Person.id)).all())
    with books.reading() as session:
        confine(session, reach)
        assert session.get(Person, ids["CB1"]) is not None
        assert session.get(Person, ids["CB2"]) is None


def test_a_change_does_not_reach_another_agency(books: Database) -> None:
    reach = science(books)
    with books.transaction() as session:
        confine(session, reach)
        session.execute(update(Person).values(phone="0900000000"))

    with books.reading() as session:
        assert dict(session.execute(select(Person.staff_number, Person.phone)).all()) == {
            "CB1": "0900000000",
            "CB2": None,
        }


@pytest.mark.parametrize("model", sorted((m.class_ for m in Base.registry.mappers), key=lambda m: m.__name__))
def test_without_a_reach_every_table_is_empty(books: Database, model: type[Base]) -> None:
    with books.reading() as session:
        confine(session, Reach.nothing())
        rows = session.scalars(select(model)).all()

    assert rows == [] or model in OPEN


def test_what_belongs_to_no_agency_is_not_for_a_part_of_the_province(books: Database) -> None:
    reach = science(books)
    with books.reading() as session:
        confine(session, reach)
        assert [session.query(model).count() for model in (AuditEvent, Operator)] == [0, 0]


def test_a_session_that_nobody_confined_sees_everything_before_and_after_it_asked_for_the_whole(
    books: Database,
) -> None:
    with books.reading() as session:
        seen = [session.query(Person).count()]
        with whole(session):
            seen.append(session.query(Person).count())
        seen.append(session.query(Person).count())

    assert seen == [2, 2, 2]


def test_the_whole_province_is_seen_when_it_is_asked_for_and_not_after(books: Database) -> None:
    reach = science(books)
    with books.reading() as session:
        confine(session, reach)
        with whole(session):
            assert session.query(Person).count() == 2
        assert session.query(Person).count() == 1
        confine(session, Reach.province())
        assert session.query(Person).count() == 2
