"""A letter does no more than it asks for: nobody is registered, moved or demoted by being named in one."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from provisioner.agencies.models import Agency
from provisioner.audit import Who
from provisioner.db import Database
from provisioner.mailboxes.lifecycle import delete, disable
from provisioner.people.models import Person, Post
from provisioner.requests.models import Kind
from provisioner.rosters.files.columns import Column
from provisioner.rosters.models import RosterRow
from tests.books import NOW, TODAY, count
from tests.province import a_province, an_official, codes, plan_rows, provide, run, the_mailbox, the_person
from tests.requests.letters import a_letter, a_person, approve, submit, the_request, written

CHIEF = {"chuc_vu": "Giám đốc", "lanh_dao": "x"}
BELOW = "H36.05.01"
LATER = NOW + timedelta(days=1)


@pytest.fixture
def books(database: Database) -> Database:
    return a_province(database)


def named(staff_number: str = "CB1", name: str = "Nguyễn Thị Ánh", **more: str) -> dict[Column, str]:
    """A row of a letter that says no more than it has to."""
    return a_person(staff_number, name, phan_loai="", **more)


def asked(database: Database, kind: Kind, *rows: dict[Column, str], code: str = "H36.05") -> list[RosterRow]:
    """The planned rows of a letter."""
    request = the_request(database, written(database, a_letter(*rows, kind=kind), code=code))
    return plan_rows(database, request.plan_id or 0)


def carried_out(database: Database, kind: Kind, *rows: dict[Column, str]) -> None:
    request_id = written(database, a_letter(*rows, kind=kind))
    submit(database, request_id)
    approve(database, request_id)
    run(database, now=LATER)


def posts(database: Database) -> list[tuple[str, str | None, bool]]:
    """Agency, position and whether it is a leader's: of every post there ever was."""
    with database.reading() as session:
        rows = session.execute(
            select(Agency.code, Post.title, Post.is_leader)
            .join(Agency, Agency.id == Post.agency_id)
            .order_by(Post.id)
        )
        return [tuple(row) for row in rows]


def test_a_certificate_leaves_its_holder_where_and_what_they_are(books: Database) -> None:
    provide(books, an_official(ma_co_quan=BELOW, **CHIEF))

    (row,) = asked(books, Kind.CERTIFICATE, named())
    carried_out(books, Kind.CERTIFICATE, named())

    assert (row.outcome, row.changes) == ("change", {"certificate": [None, "order"]})
    assert posts(books) == [(BELOW, "Giám đốc", True)]


def test_a_change_changes_what_it_says_and_nothing_else(books: Database) -> None:
    provide(books, an_official(ma_co_quan=BELOW, **CHIEF))

    (row,) = asked(books, Kind.CHANGE, named(dien_thoai="0912345678"))
    carried_out(books, Kind.CHANGE, named(dien_thoai="0912345678"))

    assert row.changes is not None
    assert list(row.changes) == ["phone"]
    assert posts(books) == [(BELOW, "Giám đốc", True)]
    assert the_person(books, "CB1").phone == row.changes["phone"][1]


@pytest.mark.parametrize(
    ("says", "field", "before", "after"),
    [
        ({"lanh_dao": "không"}, "leader", True, False),
        ({"lanh_dao": "x"}, None, None, None),
        ({"chuc_vu": "Phó Giám đốc"}, "title", "Giám đốc", "Phó Giám đốc"),
    ],
)
def test_a_leader_stays_one_unless_the_letter_says_otherwise(
    books: Database, says: dict[str, str], field: str | None, before: object, after: object
) -> None:
    provide(books, an_official(**CHIEF))

    (row,) = asked(books, Kind.CHANGE, named(**says))

    assert row.changes == ({field: [before, after]} if field else None)


def test_a_change_moves_only_whom_it_says_it_moves(books: Database) -> None:
    provide(books, an_official(**CHIEF))

    carried_out(books, Kind.CHANGE, named(ma_co_quan=BELOW))

    assert posts(books) == [("H36.05", "Giám đốc", True), (BELOW, "Giám đốc", True)]


@pytest.mark.parametrize("kind", [Kind.CERTIFICATE, Kind.CHANGE])
@pytest.mark.parametrize("number", ["CB10", "CB2"], ids=["a slip", "somebody who left"])
def test_a_number_of_nobody_in_post_makes_nobody(books: Database, kind: Kind, number: str) -> None:
    provide(books, an_official("CB1"), an_official("CB2", "Lê Văn Hai"))
    provide(books, an_official("CB2", "Lê Văn Hai", nghi_tu=f"{TODAY:%d/%m/%Y}"))

    (row,) = asked(books, kind, named(number, "Lê Văn Hai", dien_thoai="0912345678"))

    assert (row.outcome, row.changes, codes(row)) == ("conflict", None, ["nobody-in-post"])
    assert not row.wants_address
    assert count(books, Person) == 2


def test_a_certificate_is_not_for_whoever_has_the_number_by_chance(books: Database) -> None:
    provide(books, an_official("CB1"))

    (row,) = asked(books, Kind.CERTIFICATE, named("CB1", "Nguyễn Thị Anh"))

    assert (row.outcome, row.changes, codes(row)) == ("conflict", None, ["name-of-another"])
    assert "Nguyễn Thị Ánh" in row.problems[0]["vi"]


@pytest.mark.parametrize("kind", [Kind.CERTIFICATE, Kind.CHANGE])
def test_no_mailbox_is_opened_beside_what_was_asked_for(books: Database, kind: Kind) -> None:
    provide(books, an_official("CB1"))
    gone = [the_mailbox(books, "anhnt@lamdong.gov.vn").id]
    with books.transaction() as session:
        disable(session, gone, reason="thử", who=Who("quantri"), now=NOW)
        delete(session, gone, reason="thử", who=Who("quantri"), now=NOW)

    (row,) = asked(books, kind, named(dien_thoai="0912345678"))

    assert (row.outcome, row.changes, codes(row)) == ("conflict", None, ["no-mailbox"])


def test_a_letter_moves_nobody_out_of_its_writers_reach(books: Database) -> None:
    provide(books, an_official("CB1"))

    (row,) = asked(books, Kind.CHANGE, named(ma_co_quan="H36.06"))

    assert (row.outcome, row.changes, codes(row)) == ("conflict", None, ["move-out-of-reach"])


@pytest.mark.parametrize("kind", [Kind.PEOPLE, Kind.CHANGE, Kind.CERTIFICATE])
@pytest.mark.parametrize("name", ["Trần Văn Bình", "Lê Sơn Ca"])
def test_nothing_is_told_of_whoever_serves_out_of_reach(books: Database, kind: Kind, name: str) -> None:
    """Neither what they are, nor whether a guess of their name and birthday is right."""
    there = an_official(
        "CB7", "Trần Văn Bình", ma_co_quan="H36.06", ngay_sinh="01/02/1990", dien_thoai="0912345678", **CHIEF
    )
    provide(books, there)

    (row,) = asked(books, kind, named("CB7", name, ngay_sinh="03/04/1980"), code=BELOW)

    assert (row.outcome, row.changes, codes(row)) == ("conflict", None, ["person-of-another-agency"])
    assert row.facts["agency_code"] == BELOW
    assert not row.facts.get("leader")


def test_a_letter_is_about_the_people_of_its_own_agency(books: Database) -> None:
    provide(books, an_official("CB1"))

    (row,) = asked(books, Kind.CERTIFICATE, named(), code=BELOW)

    assert codes(row) == ["person-of-another-agency"]


def test_rows_name_one_another_as_the_form_numbers_them(books: Database) -> None:
    first, second = asked(books, Kind.PEOPLE, a_person("CB1", "Lê Văn An"), a_person("CB1", "Lê Văn Ba"))
    *_, repeated = asked(books, Kind.PEOPLE, a_person("CB1"), a_person("CB2"), a_person("CB1"))

    assert "row 2 too" in first.problems[-1]["en"]
    assert "row 1 too" in second.problems[-1]["en"]
    assert repeated.problems[-1]["en"] == "This row repeats row 1."
    assert "dòng 1." in repeated.problems[-1]["vi"]
