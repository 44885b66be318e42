"""Receiving: a file waits in the books for a worker, and survives whatever happens to one."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from provisioner.db import Database
from provisioner.rosters import planning, receiving
from provisioner.rosters.models import PlanState, RosterPlan
from provisioner.rosters.planning import Upload
from provisioner.rosters.receiving import READING_LEASE, TRIES, plan_received, receive
from provisioner.working import bells_due
from tests.books import LATER, NOW, Rings
from tests.province import (
    SEALER,
    a_clock,
    a_province,
    a_roster_of,
    an_official,
    counts,
    plan_rows,
    planned,
    rules,
    the_plan,
    trail,
)
from tests.rosters.files import csv_text

PEOPLE = [an_official(f"CB{n}", "Nguyễn Thị Ánh") for n in range(5)]


def received(database: Database, content: bytes | None = None) -> int:
    file = csv_text(a_roster_of(*PEOPLE)).encode() if content is None else content
    with database.transaction() as session:
        return receive(session, Upload("roster.csv", file, None, "an"), sealer=SEALER, now=NOW)


def work(database: Database, *, now: object = NOW) -> int:
    return plan_received(database, rules(), clock=a_clock(now))


def bells(database: Database) -> list[str]:
    with database.reading() as session:
        return bells_due(session, now=NOW)


def test_a_received_file_rings_and_waits_until_it_is_planned(database: Database, rings: Rings) -> None:
    plan_id = received(a_province(database))
    assert rings[-1] == "planning"
    assert "planning" in bells(database)

    assert work(database) == 1

    assert the_plan(database, plan_id).state is PlanState.PLANNED
    assert counts(database, plan_id) == {"create": 5}
    assert "planning" not in bells(database)


def test_a_received_file_becomes_the_same_plan_as_one_planned_at_once(database: Database) -> None:
    at_once = the_plan(database, planned(a_province(database), *PEOPLE))

    plan_id = received(database)
    work(database)

    plan = the_plan(database, plan_id)
    assert (plan.digest, plan.counts) == (at_once.digest, at_once.counts)
    assert (plan.understood, plan.problems) == (at_once.understood, at_once.problems)


def test_a_file_that_is_no_roster_says_why(database: Database) -> None:
    plan_id = received(a_province(database), b"one,two\n1,2\n")

    work(database)

    plan = the_plan(database, plan_id)
    assert plan.state is PlanState.REFUSED
    assert [problem["code"] for problem in plan.problems] == ["header-not-found"]
    assert plan_rows(database, plan_id) == []
    assert len(trail(database, "roster.refused")) == 1
    assert work(database, now=LATER) == 0


def test_a_killed_planner_is_followed_by_another_who_begins_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "CHUNK", 2)
    plan_id = received(a_province(database))
    with monkeypatch.context() as struck:
        struck.setattr(receiving, "fill", _dies_after(2, receiving.fill))
        with pytest.raises(RuntimeError):
            work(database)
    assert 0 < len(plan_rows(database, plan_id)) < 5
    assert work(database) == 0  # the lease of the one that was killed still holds

    assert work(database, now=NOW + READING_LEASE) == 1

    assert counts(database, plan_id) == {"create": 5}
    assert [row.number for row in plan_rows(database, plan_id)] == [2, 3, 4, 5, 6]


def _dies_after(chunks: int, fill: object) -> object:
    def dying(*args: object, hold: object, **more: object) -> None:
        held = []

        def counting(session: object) -> None:
            held.append(session)
            if len(held) > chunks:
                raise RuntimeError("killed")
            hold(session)  # type: ignore[operator]

        fill(*args, hold=counting, **more)  # type: ignore[operator]

    return dying


def test_a_planner_that_lost_its_lease_writes_nothing_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "CHUNK", 2)
    plan_id = received(a_province(database))

    def taken_over(name: str) -> None:
        assert name == "planning.read"
        with database.transaction() as session:
            session.execute(update(RosterPlan).values(fence=RosterPlan.fence + 1))

    monkeypatch.setattr(receiving, "failpoint", taken_over)

    assert work(database) == 0
    assert plan_rows(database, plan_id) == []
    assert the_plan(database, plan_id).state is PlanState.READING


def test_a_file_that_kills_its_reader_is_given_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_id = received(a_province(database))

    def dies(_name: str) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(receiving, "failpoint", dies)
    moment = NOW
    for _ in range(TRIES):
        with pytest.raises(RuntimeError):
            work(database, now=moment)
        moment += READING_LEASE + timedelta(seconds=1)

    work(database, now=moment)

    plan = the_plan(database, plan_id)
    assert plan.state is PlanState.REFUSED
    assert [problem["code"] for problem in plan.problems] == ["planning-given-up"]


def test_while_it_is_planned_the_plan_says_how_many_rows_have_gone_by(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "CHUNK", 2)
    received(a_province(database))
    seen = []

    def look(_session: object) -> None:
        with database.reading() as session:
            seen.append(sum(session.scalars(select(RosterPlan.counts)).one().values()))

    monkeypatch.setattr(receiving, "_hold", lambda _claim, _clock, session: look(session))
    work(database)

    assert seen[1:4] == [0, 2, 4]
