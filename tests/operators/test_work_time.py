"""Rights are asked for again when the work is done (ASVS 8.3.2; T13): who was shut out meanwhile sets nothing going."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from ca.crl import Reason
from provisioner.agencies.models import Agency
from provisioner.certificates import revoking_many
from provisioner.certificates.models import Certificate
from provisioner.certificates.models import PlanState as RevocationState
from provisioner.db import Database
from provisioner.errors import Invalid
from provisioner.mailboxes.models import Mailbox
from provisioner.operators import naming
from provisioner.operators.reach import powers_of
from provisioner.operators.roles import Role
from provisioner.operators.sessions import find
from provisioner.operators.signing_in import sign_in
from provisioner.rosters import applying, approving
from provisioner.rosters.models import PlanState
from provisioner.secret import Secret
from tests.books import LATER, NOW, TODAY, count
from tests.fakes.directory import FakeDirectory
from tests.operators.people import an_account, an_operator
from tests.province import (
    CHIEF,
    DIT,
    HR,
    SEALER,
    a_province,
    an_official,
    approve,
    issued,
    planned,
    profiles,
    provide,
    run,
    start,
    synced,
    the_person,
    the_plan,
    trail,
)
from tests.requests import letters

Change = Callable[[Database], None]


def shut_out(name: str) -> Change:
    def change(database: Database) -> None:
        with database.transaction() as session:
            naming.disable(session, naming.find_operator(session, name), by="test", now=NOW)

    return change


def role_taken(name: str, role: Role, code: str | None = None) -> Change:
    def change(database: Database) -> None:
        with database.transaction() as session:
            agency = session.query(Agency).filter_by(code=code).one() if code else None
            naming.withdraw(session, naming.find_operator(session, name), role, agency, by=None, now=NOW)

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (shut_out(HR), "operator-shut-out"),
        (shut_out(CHIEF), "operator-shut-out"),
        (role_taken(HR, Role.ADMIN), "right-lost"),
        (role_taken(CHIEF, Role.APPROVER), "right-lost"),
    ],
)
def test_a_roster_stops_when_its_planner_or_approver_may_no_longer(
    database: Database, change: Change, code: str
) -> None:
    a_province(database)
    an_operator(database, HR, Role.ADMIN)
    an_operator(database, CHIEF, Role.APPROVER)
    plan_id = planned(database, an_official())
    approve(database, plan_id)
    start(database, plan_id)
    change(database)

    assert run(database) == 0

    found = the_plan(database, plan_id)
    assert (found.state, found.stopped["code"]) == (PlanState.STOPPED, code)
    assert found.stopped["vi"]
    assert found.stopped["en"]
    assert count(database, Mailbox) == 0
    assert [event.after["code"] for event in trail(database, "roster.stopped")] == [code]
    assert run(database) == 0


def test_a_roster_stops_in_the_middle_and_keeps_what_is_applied(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "CHUNK", 2)
    monkeypatch.setattr(applying, "FIRST_CHUNK", 2)
    a_province(database)
    an_operator(database, CHIEF, Role.APPROVER)
    plan_id = planned(database, *(an_official(f"CB{n}", f"Nguyễn Thị {'ABCDE'[n]}nh") for n in range(5)))
    approve(database, plan_id)
    start(database, plan_id)
    chunk = applying._apply_chunk

    def then_shut_out(*arguments: object, **more: object) -> list[int]:
        done = chunk(*arguments, **more)
        if done and not trail(database, "operator.disabled"):
            shut_out(CHIEF)(database)
        return done

    monkeypatch.setattr(applying, "_apply_chunk", then_shut_out)

    assert run(database) == 2

    assert count(database, Mailbox) == 2
    assert the_plan(database, plan_id).state is PlanState.STOPPED
    monkeypatch.setattr(applying, "CHUNK", 500)
    again = planned(database, *(an_official(f"CB{n}", f"Nguyễn Thị {'ABCDE'[n]}nh") for n in range(5)))
    approve(database, again, by="dung")
    start(database, again, by="dung")
    assert run(database) == 3


def test_whoever_still_may_is_not_stopped_and_a_role_that_ended_counts_as_none(database: Database) -> None:
    a_province(database)
    an_operator(database, HR, Role.ADMIN)
    approver = an_operator(database, CHIEF)
    with database.transaction() as session:
        end = NOW + timedelta(days=1)
        naming.grant(session, approver, Role.APPROVER, None, by=None, now=NOW, until=end)
    first, second = planned(database, an_official("CB1")), planned(database, an_official("CB2", "Lê Thị Bốn"))
    for plan_id in (first, second):
        approve(database, plan_id)
    start(database, first)
    assert run(database, now=NOW) == 1

    start(database, second)
    assert run(database, now=end) == 0
    assert the_plan(database, second).stopped["code"] == "right-lost"


@pytest.mark.parametrize(
    ("change", "stops"),
    [
        (shut_out(letters.WRITER), True),
        (role_taken(letters.WRITER, Role.HR, "H36.05"), True),
        (role_taken(letters.DECIDER, Role.APPROVER, "H36.05"), True),
        (lambda _database: None, False),
    ],
)
def test_a_request_stops_when_a_right_over_its_agency_is_lost(
    database: Database, change: Change, stops: bool
) -> None:
    """A role for another agency does not help; the one for this agency is asked for, not that for the province."""
    a_province(database)
    for name, role in ((letters.WRITER, Role.HR), (letters.DECIDER, Role.APPROVER)):
        operator = an_operator(database, name, role, agency="H36.05")
        with database.transaction() as session:
            other = session.query(Agency).filter_by(code="H36.06").one()
            naming.grant(session, operator, role, other, by=None, now=NOW)
    request_id = letters.written(database, letters.a_letter())
    letters.submit(database, request_id)
    letters.approve(database, request_id)
    change(database)

    run(database)

    plan = the_plan(database, letters.the_request(database, request_id).plan_id or 0)
    assert plan.state is (PlanState.STOPPED if stops else PlanState.APPLIED)
    assert count(database, Mailbox) == (0 if stops else 1)


def test_the_rows_of_a_letter_are_not_approved_without_the_letter(database: Database) -> None:
    """Neither before it is sent nor after, by whichever door."""
    a_province(database)
    request_id = letters.written(database, letters.a_letter())
    plan_id = letters.the_request(database, request_id).plan_id or 0
    digest = the_plan(database, plan_id).digest
    for _ in range(2):
        with pytest.raises(Invalid) as refused, database.transaction() as session:
            approving.approve(session, plan_id, digest=digest, by="command.line", now=NOW)
        assert refused.value.code == "plan-of-a-request"
        if letters.the_request(database, request_id).submitted_at is None:
            letters.submit(database, request_id)

    letters.approve(database, request_id)
    assert the_plan(database, plan_id).state is PlanState.APPLYING


@pytest.mark.parametrize(
    ("change", "stops"),
    [
        (shut_out("chau"), True),
        (shut_out("dung"), True),
        (role_taken("chau", Role.CA_OFFICER, "H36.05"), True),
        (lambda _database: None, False),
    ],
)
def test_revocations_stop_when_one_of_the_two_may_no_longer(
    database: Database, change: Change, stops: bool
) -> None:
    a_province(database)
    an_operator(database, "chau", Role.CA_OFFICER, agency="H36.05")
    an_operator(database, "dung", Role.ADMIN)
    provide(database, an_official(chung_thu_so="x"))
    synced(database, FakeDirectory(DIT))
    assert issued(database) == 1
    with database.transaction() as session:
        wanted = {session.query(Certificate).one().id: Reason.superseded}
        plan_id = revoking_many.plan(session, wanted, note="QĐ 9", by="chau", now=NOW)
    with database.transaction() as session:
        digest = revoking_many.get_plan(session, plan_id).digest
        revoking_many.approve(session, plan_id, digest=digest, by="dung", within=timedelta(days=14), now=NOW)
    change(database)

    done = revoking_many.carry_out(database, profiles=profiles(), per_hour=10, clock=lambda: NOW)

    assert done == (0 if stops else 1)
    with database.reading() as session:
        found = revoking_many.get_plan(session, plan_id)
        assert found.state is (RevocationState.STOPPED if stops else RevocationState.DONE)
        assert (session.query(Certificate).one().revoked_at is None) is stops
        assert bool(found.stopped) is stops
    assert len(trail(database, "revocations.stopped")) == stops


def test_an_official_who_left_holds_no_role_until_they_are_in_post_again(database: Database) -> None:
    """Their password and their telephone are as good as before, and so is a session that is open."""
    a_province(database)
    provide(database, an_official("CB1"))
    account = an_account(database, "minh", Role.APPROVER)
    with database.transaction() as session:
        operator = naming.find_operator(session, "minh")
        naming.tie(session, operator, the_person(database, "CB1").id, by="test", now=NOW)
    with database.transaction() as session:
        token = sign_in(session, account.proof(), source="192.0.2.7", sealer=SEALER, now=NOW)
    assert isinstance(token, Secret)

    def roles(*, now: datetime = NOW) -> list[Role]:
        with database.reading() as session:
            return powers_of(session, operator.id, now=now).roles

    def roles_of_the_visitor() -> list[Role]:
        with database.reading() as session:
            visitor = find(session, token, now=NOW)
            assert visitor is not None
            return visitor.powers.roles

    assert roles() == roles_of_the_visitor() == [Role.APPROVER]
    provide(database, an_official("CB1", nghi_tu=f"{TODAY:%d/%m/%Y}", quyet_dinh="12/QĐ-SKHCN"))
    assert roles() == roles_of_the_visitor() == []
    provide(database, an_official("CB1"), now=LATER)
    assert roles(now=LATER) == [Role.APPROVER]
