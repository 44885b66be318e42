"""Many are revoked only when two people agree, so many within an hour, and a killed worker loses nothing."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from ca.crl import Reason
from provisioner.certificates import revoking_many
from provisioner.certificates.models import PlanState, RevocationItem, RevocationPlan
from provisioner.db import Database
from provisioner.errors import Conflict, Forbidden, Invalid, NotFound
from provisioner.working import bells_due
from tests.books import LATER, Rings
from tests.ca.world import profiles
from tests.certificates.holders import certified, every_certificate, many_officials
from tests.province import a_clock, trail

HOUR = timedelta(hours=1)
TWO_WEEKS = timedelta(days=14)


def planned(database: Database, count: int | None = None, *, by: str = "lan") -> int:
    wanted = {row.id: Reason.affiliation_changed for row in every_certificate(database)[:count]}
    with database.transaction() as session:
        return revoking_many.plan(session, wanted, note="Công văn 12/SNV", by=by, now=LATER)


def the_plan(database: Database, plan_id: int) -> RevocationPlan:
    with database.reading() as session:
        return revoking_many.get_plan(session, plan_id)


def approved(
    database: Database, plan_id: int, *, digest: str | None = None, by: str = "hoa", now: datetime = LATER
) -> None:
    with database.transaction() as session:
        digest = digest or revoking_many.get_plan(session, plan_id).digest
        revoking_many.approve(session, plan_id, digest=digest, by=by, within=TWO_WEEKS, now=now)


def refused(database: Database, plan_id: int, *, by: str = "hoa", reason: str = " nhầm đơn vị ") -> PlanState:
    with database.transaction() as session:
        return revoking_many.refuse(session, plan_id, reason=reason, by=by, now=LATER)


def carried_out(database: Database, *, per_hour: int = 1000, now: datetime = LATER) -> int:
    return revoking_many.carry_out(database, profiles=profiles(), per_hour=per_hour, clock=a_clock(now))


def revoked(database: Database) -> int:
    return sum(row.revoked_at is not None for row in every_certificate(database))


def test_nothing_happens_before_a_second_person_agrees(database: Database, rings: Rings) -> None:
    certified(database, *many_officials(3))
    plan_id = planned(database)
    assert (carried_out(database), revoked(database)) == (0, 0)
    rings.clear()

    approved(database, plan_id)

    assert rings == ["revocations"]
    assert carried_out(database) == 3
    assert {row.revocation_reason for row in every_certificate(database)} == {"affiliationChanged"}
    assert the_plan(database, plan_id).state is PlanState.DONE
    assert "lists" in rings
    (event, *_others) = trail(database, "certificate.revoked")
    assert (event.actor, event.on_behalf_of) == (f"revocations:{plan_id}", "lan")


def test_nobody_agrees_to_their_own_proposal(database: Database) -> None:
    certified(database)
    plan_id = planned(database, by="lan")

    with pytest.raises(Forbidden) as refused:
        approved(database, plan_id, by="lan")

    assert refused.value.code == "two-people"
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(update(RevocationPlan).values(approved_by="lan"))


def test_agreement_is_to_what_was_seen(database: Database) -> None:
    certified(database, *many_officials(3))
    plan_id = planned(database, 2)
    seen = the_plan(database, plan_id).digest
    third = every_certificate(database)[2]
    with database.transaction() as session:
        session.add(RevocationItem(plan_id=plan_id, certificate_id=third.id, reason="keyCompromise"))

    with pytest.raises(Conflict) as refused:
        approved(database, plan_id, digest=seen)

    assert refused.value.code == "digest-differs"
    with pytest.raises(Conflict):
        approved(database, plan_id, digest="0" * 64)
    assert carried_out(database) == 0


def test_the_digest_tells_plans_apart(database: Database) -> None:
    certified(database, *many_officials(3))

    digests = {the_plan(database, planned(database, n)).digest for n in (1, 2, 3, 3)}

    assert len(digests) == 3


def test_a_plan_is_agreed_to_once(database: Database) -> None:
    certified(database)
    plan_id = planned(database)
    approved(database, plan_id)

    with pytest.raises(Conflict) as refused:
        approved(database, plan_id, by="nam")

    assert refused.value.code == "plan-state"


def test_a_proposal_that_nobody_approved_lapses_and_may_be_made_again(database: Database) -> None:
    certified(database)
    plan_id = planned(database)

    with pytest.raises(Conflict) as refused:
        approved(database, plan_id, now=LATER + TWO_WEEKS)

    assert refused.value.code == "plan-lapsed"
    assert carried_out(database, now=LATER + TWO_WEEKS) == 0
    again = planned(database)
    approved(database, again, now=LATER + TWO_WEEKS - timedelta(seconds=1))
    assert carried_out(database) == 2


@pytest.mark.parametrize(("by", "state"), [("hoa", PlanState.REFUSED), ("lan", PlanState.WITHDRAWN)])
def test_a_proposal_is_refused_by_another_and_withdrawn_by_its_own(
    database: Database, by: str, state: PlanState
) -> None:
    certified(database)
    plan_id = planned(database)

    assert refused(database, plan_id, by=by) is state

    found = the_plan(database, plan_id)
    assert (found.state, found.finished_at, found.approved_by) == (state, LATER, None)
    assert found.stopped == {"vi": "nhầm đơn vị", "en": "nhầm đơn vị", "by": by}
    (event,) = trail(database, f"revocations.{state.value}")
    assert (event.actor, event.after) == (by, {"reason": "nhầm đơn vị"})
    for again in (approved, refused):
        with pytest.raises(Conflict) as too_late:
            again(database, plan_id)
        assert too_late.value.code == "plan-state"
    assert (carried_out(database), revoked(database)) == (0, 0)


def test_a_refusal_has_a_reason_and_comes_before_the_approval(database: Database) -> None:
    certified(database)
    plan_id = planned(database)

    for reason in (" ", "a" * 501):
        with pytest.raises(Invalid):
            refused(database, plan_id, reason=reason)
    approved(database, plan_id)
    with pytest.raises(Conflict):
        refused(database, plan_id)


def test_only_so_many_go_within_an_hour_and_the_rest_later(database: Database) -> None:
    certified(database, *many_officials(5))
    plan_id = planned(database)
    approved(database, plan_id)

    assert carried_out(database, per_hour=2) == 2
    assert carried_out(database, per_hour=2, now=LATER + HOUR / 2) == 0
    assert bells(database, LATER + HOUR / 2) == 0
    assert the_plan(database, plan_id).due_at == LATER + HOUR
    assert bells(database, LATER + HOUR) == 1
    assert carried_out(database, per_hour=2, now=LATER + HOUR) == 2
    assert carried_out(database, per_hour=2, now=LATER + 2 * HOUR) == 1

    assert revoked(database) == 5
    assert the_plan(database, plan_id).state is PlanState.DONE


def test_a_cap_holds_for_all_plans_together(database: Database) -> None:
    certified(database, *many_officials(4))
    rows = every_certificate(database)
    for pair in (rows[:2], rows[2:]):
        with database.transaction() as session:
            wanted = {row.id: Reason.superseded for row in pair}
            plan_id = revoking_many.plan(session, wanted, note="x", by="lan", now=LATER)
        approved(database, plan_id)

    assert carried_out(database, per_hour=3) == 3
    assert revoked(database) == 3


def test_one_that_cannot_be_revoked_does_not_hold_up_the_others(database: Database) -> None:
    certified(database, *many_officials(3))
    first, second = planned(database, 1), planned(database)
    approved(database, first)
    with database.transaction() as session:
        session.execute(
            update(RevocationItem).where(RevocationItem.plan_id == first).values(reason="superseded")
        )
    carried_out(database)
    approved(database, second)

    assert carried_out(database) == 2

    with database.reading() as session:
        items = session.query(RevocationItem).filter_by(plan_id=second).order_by(RevocationItem.id).all()
    assert [item.refusal for item in items] == ["revoked-already", None, None]
    assert the_plan(database, second).state is PlanState.DONE


def test_a_plan_says_why_and_names_allowed_reasons(database: Database) -> None:
    certified(database)
    one = every_certificate(database)[0].id

    for wanted, note in (
        ({}, "x"),
        ({one: Reason.superseded}, " "),
        ({one: Reason.ca_compromise}, "x"),
    ):
        with pytest.raises(Invalid), database.transaction() as session:
            revoking_many.plan(session, wanted, note=note, by="lan", now=LATER)
    with pytest.raises(NotFound):
        the_plan(database, 99)


def bells(database: Database, now: datetime) -> int:
    with database.reading() as session:
        return bells_due(session, now=now).count("revocations")
