"""Operators, their roles, and what the books themselves refuse."""

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from provisioner.agencies.models import Agency
from provisioner.db import Database
from provisioner.errors import Conflict, Forbidden, Invalid
from provisioner.operators import naming
from provisioner.operators.models import Grant, Operator
from provisioner.operators.reach import Held, Powers, Reach, powers_of
from provisioner.operators.roles import RIGHTS, WHOLE_PROVINCE_ONLY, Right, Role
from tests.books import NOW, count
from tests.operators.people import an_operator
from tests.province import a_province, trail


def test_nobody_gives_a_role_to_themselves(database: Database) -> None:
    operator = an_operator(database, "chi", Role.ADMIN)

    with database.transaction() as session, pytest.raises(Forbidden):
        naming.grant(session, operator, Role.APPROVER, None, by=operator, now=NOW)


def test_the_books_refuse_a_role_given_to_oneself(database: Database) -> None:
    operator = an_operator(database, "chi")
    row = {"operator_id": operator.id, "role": Role.ADMIN, "granted_at": NOW, "granted_by_id": operator.id}

    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(insert(Grant), row)


def test_two_spellings_of_a_name_are_not_two_people(database: Database) -> None:
    operator = an_operator(database, "chi")

    with database.transaction() as session, pytest.raises(Conflict):
        naming.name_operator(session, " CHI ", "Người khác", by="test", now=NOW)
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(update(Operator).where(Operator.id == operator.id).values(name="Chi"))


@pytest.mark.parametrize("name", ["", "a b", "chị", "a" * 65, "-chi", "chi'--", "chi\nbinh", "a/b"])
def test_a_name_that_could_mislead_is_refused(database: Database, name: str) -> None:
    with database.transaction() as session, pytest.raises(Invalid):
        naming.name_operator(session, name, "Người", by="test", now=NOW)


def test_a_role_given_twice_is_one_role(database: Database) -> None:
    a_province(database)
    operator = an_operator(database, "chi")
    with database.transaction() as session:
        agency = session.query(Agency).filter_by(code="H36.05").one()
        for _ in range(2):
            naming.grant(session, operator, Role.HR, agency, by=None, now=NOW)
            naming.grant(session, operator, Role.HR, None, by=None, now=NOW)

    assert count(database, Grant) == 2
    assert [event.after["agency"] for event in trail(database, "operator.role-given")] == ["H36.05", "*"]


def test_a_role_reaches_its_agency_and_what_is_below_it(database: Database) -> None:
    a_province(database)
    operator = an_operator(database, "chi", Role.HR, agency="H36.05")
    with database.reading() as session:
        reach = powers_of(session, operator.id, now=NOW).reach(Right.ASK)
        held = {agency.code for agency in session.query(Agency) if reach.holds(agency.path)}

    assert held == {"H36.05", "H36.05.01", "H36.05.21", "H36.05.22"}


def test_a_role_taken_back_is_gone_at_once(database: Database) -> None:
    operator = an_operator(database, "chi", Role.ADMIN)
    with database.transaction() as session:
        naming.withdraw(session, operator, Role.ADMIN, None, by=None, now=NOW)

    with database.reading() as session:
        assert not powers_of(session, operator.id, now=NOW).by_right


def test_whoever_has_no_role_reaches_nothing() -> None:
    assert not any(Powers().reach(right) for right in Right)
    assert not Reach.nothing().holds("/1/")


@pytest.mark.parametrize("right", sorted(WHOLE_PROVINCE_ONLY))
def test_what_belongs_to_no_agency_needs_a_role_for_the_whole_province(right: Right) -> None:
    for role in Role:
        assert not Powers.of([Held(role, "/1/")]).reach(right)
        assert bool(Powers.of([Held(role, None)]).reach(right)) == (right in RIGHTS[role])


def test_the_auditor_and_the_leader_change_nothing() -> None:
    changing = {Right.ASK, Right.NAMES, Right.PLAN, Right.APPROVE, Right.OPERATORS}

    assert not changing & RIGHTS[Role.AUDITOR]
    assert not changing & RIGHTS[Role.LEADER]


def test_no_role_both_asks_and_approves() -> None:
    assert [role for role in Role if {Right.ASK, Right.APPROVE} <= RIGHTS[role]] == []
