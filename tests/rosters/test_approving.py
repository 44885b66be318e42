"""Two people see every roster before it becomes real, and the second approves exactly what was planned."""

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from provisioner.db import Database
from provisioner.errors import Conflict, Forbidden, NotFound
from provisioner.rosters import approving
from provisioner.rosters.models import PlanState, RosterPlan
from tests.books import NOW
from tests.province import (
    CHIEF,
    HR,
    a_province,
    an_official,
    apply,
    approve,
    planned,
    run,
    start,
    the_plan,
    trail,
)


@pytest.fixture
def plan_id(database: Database) -> int:
    return planned(a_province(database), an_official())


def test_nobody_approves_their_own_plan(database: Database, plan_id: int) -> None:
    with pytest.raises(Forbidden) as refused:
        approve(database, plan_id, by=HR)

    assert refused.value.code == "two-people"
    assert the_plan(database, plan_id).state is PlanState.PLANNED


def test_the_database_itself_knows_that_it_takes_two(database: Database, plan_id: int) -> None:
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(update(RosterPlan).values(approved_by=HR))


def test_a_digest_of_something_else_is_refused(database: Database, plan_id: int) -> None:
    with pytest.raises(Conflict) as refused, database.transaction() as session:
        approving.approve(session, plan_id, digest="0" * 64, by=CHIEF, now=NOW)

    assert refused.value.code == "digest-differs"
    assert the_plan(database, plan_id).state is PlanState.PLANNED


def test_the_same_plan_is_approved_once(database: Database, plan_id: int) -> None:
    approve(database, plan_id)

    with pytest.raises(Conflict) as refused:
        approve(database, plan_id, by="dung")

    assert refused.value.code == "plan-state"
    assert the_plan(database, plan_id).approved_by == CHIEF
    assert len(trail(database, "roster.approved")) == 1


def test_a_plan_that_nobody_approved_is_not_started(database: Database, plan_id: int) -> None:
    with pytest.raises(Conflict) as refused:
        start(database, plan_id)

    assert refused.value.code == "plan-state"
    assert run(database) == 0


def test_an_approved_plan_waits_until_it_is_set_going(database: Database, plan_id: int) -> None:
    approve(database, plan_id)

    assert run(database) == 0
    start(database, plan_id)
    assert run(database) == 1


def test_setting_a_plan_going_rings_and_doing_it_twice_only_rings_again(
    database: Database, plan_id: int, rings: list[str]
) -> None:
    approve(database, plan_id)
    rings.clear()

    start(database, plan_id)
    start(database, plan_id)

    assert rings == ["rosters", "rosters"]
    assert len(trail(database, "roster.started")) == 1


def test_a_plan_that_was_applied_does_nothing_more(database: Database, plan_id: int) -> None:
    apply(database, plan_id)

    start(database, plan_id)

    assert run(database) == 0
    assert the_plan(database, plan_id).state is PlanState.APPLIED
    with pytest.raises(Conflict):
        approve(database, plan_id)


def test_an_unknown_plan_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound) as missing, database.reading() as session:
        approving.get_plan(session, 4711)

    assert missing.value.code == "plan-unknown"


def test_every_step_is_in_the_audit_trail_with_its_author(database: Database, plan_id: int) -> None:
    apply(database, plan_id)

    steps = ["roster.planned", "roster.approved", "roster.started", "roster.applied"]
    events = [event for step in steps for event in trail(database, step)]
    assert [(event.actor, event.on_behalf_of) for event in events] == [
        (HR, None),
        (CHIEF, None),
        (CHIEF, None),
        (CHIEF, HR),
    ]


def test_progress_tells_work_done_and_refused(database: Database) -> None:
    plan_id = planned(a_province(database), an_official("CB1"), an_official("CB2"), an_official("", "Ai"))
    with database.reading() as session:
        assert approving.progress(session, plan_id) == {"work": 2, "applied": 0, "refused_since": 0}

    apply(database, planned(database, an_official("CB1")))
    apply(database, plan_id)

    with database.reading() as session:
        assert approving.progress(session, plan_id) == {"work": 2, "applied": 1, "refused_since": 1}


def test_who_watches_a_roster_sees_its_end_and_no_count_from_before(database: Database, plan_id: int) -> None:
    watched = approving.Watched()

    def seen() -> dict[str, int]:
        with database.reading() as session:
            return watched.progress(session, approving.get_plan(session, plan_id))

    approve(database, plan_id)
    start(database, plan_id)
    assert seen() == seen() == {"work": 1, "applied": 0, "refused_since": 0}

    run(database)

    assert seen() == {"work": 1, "applied": 1, "refused_since": 0}
