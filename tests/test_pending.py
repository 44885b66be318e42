"""Claims, leases and fences: whoever lost its lease writes nothing."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from provisioner.certificates.models import Issuer
from provisioner.db import Base, Database, table_of
from provisioner.pending import LEASE, Claim, claim, held, mark
from provisioner.rosters.models import PlanState, RosterPlan
from tests.books import NOW

TABLE = table_of(RosterPlan)
LAPSED = NOW + LEASE


@pytest.fixture
def work(database: Database) -> Database:
    """Four rows that wait, with the ids 1 to 4."""
    with database.transaction() as session:
        for number in range(4):
            session.add(
                RosterPlan(
                    file_name=f"{number}.csv",
                    file_sha256="0" * 64,
                    file_sealed=b"",
                    understood={},
                    problems=[],
                    counts={},
                    digest="",
                    state=PlanState.APPLYING,
                    planned_by="an",
                    planned_at=NOW,
                )
            )
            session.flush()  # in this order
    return database


def claimed(database: Database, *, limit: int = 10, now: datetime = NOW) -> list[Claim]:
    with database.transaction() as session:
        return claim(session, TABLE, waiting=TABLE.c.state == PlanState.APPLYING, limit=limit, now=now)


def marked(database: Database, claims: Iterable[Claim], name: str = "done") -> int:
    with database.transaction() as session:
        return mark(session, TABLE, [(c, {"file_name": f"{name} {c.id}"}) for c in claims])


def names(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(RosterPlan.file_name).order_by(RosterPlan.id)))


def change(database: Database, id_: int, **values: object) -> None:
    with database.transaction() as session:
        session.execute(update(RosterPlan).where(RosterPlan.id == id_).values(**values))


def test_the_oldest_rows_are_claimed_and_no_more_than_asked_for(work: Database) -> None:
    assert claimed(work, limit=2) == [Claim(1, 1), Claim(2, 1)]
    assert claimed(work, limit=2) == [Claim(3, 1), Claim(4, 1)]
    assert claimed(work, limit=2) == []


def test_a_claim_holds_until_its_lease_ends_and_the_next_one_has_a_higher_fence(work: Database) -> None:
    claimed(work)

    assert claimed(work, now=LAPSED - timedelta(milliseconds=1)) == []
    assert claimed(work, now=LAPSED) == [Claim(n, 2) for n in (1, 2, 3, 4)]


def test_rows_that_do_not_wait_are_in_trouble_or_not_due_are_passed_over(work: Database) -> None:
    change(work, 1, state=PlanState.APPLIED)
    change(work, 2, trouble="refused")
    change(work, 3, due_at=NOW + timedelta(seconds=1))

    assert claimed(work) == [Claim(4, 1)]
    assert claimed(work, now=NOW + timedelta(seconds=1)) == [Claim(3, 1)]


def test_marking_writes_each_rows_values_and_ends_the_claim(work: Database) -> None:
    assert marked(work, claimed(work)) == 4

    assert names(work) == ["done 1", "done 2", "done 3", "done 4"]
    assert len(claimed(work)) == 4  # nothing is leased any more


def test_what_is_the_same_for_all_may_be_an_expression(work: Database) -> None:
    with work.transaction() as session:
        claims = claim(session, TABLE, waiting=TABLE.c.id < 3, limit=10, now=NOW)
        assert mark(session, TABLE, [(c, {}) for c in claims], same={"attempts": TABLE.c.attempts + 1}) == 2

    with work.reading() as session:
        assert list(session.scalars(select(RosterPlan.attempts).order_by(RosterPlan.id))) == [1, 1, 0, 0]


def test_marking_nothing_is_nothing(work: Database) -> None:
    assert marked(work, []) == 0


def test_who_lost_the_lease_writes_nothing(work: Database) -> None:
    frozen = claimed(work)
    with work.transaction() as session:
        taken_over = claim(session, TABLE, waiting=TABLE.c.id.in_([2, 3]), limit=10, now=LAPSED)

    assert marked(work, frozen, "frozen") == 2

    assert names(work) == ["frozen 1", "1.csv", "2.csv", "frozen 4"]
    assert marked(work, taken_over, "new") == 2
    assert names(work) == ["frozen 1", "new 2", "new 3", "frozen 4"]


def test_what_is_still_held_can_be_asked(work: Database) -> None:
    frozen = claimed(work)
    with work.transaction() as session:
        claim(session, TABLE, waiting=TABLE.c.id.in_([2, 3]), limit=10, now=LAPSED)

    with work.transaction() as session:
        assert held(session, TABLE, frozen) == {Claim(1, 1), Claim(4, 1)}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_workers_claim_different_rows_without_waiting(work: Database) -> None:
    waiting = TABLE.c.state == PlanState.APPLYING
    with work.transaction() as one, work.transaction() as other:
        first = claim(one, TABLE, waiting=waiting, limit=2, now=NOW)
        second = claim(other, TABLE, waiting=waiting, limit=3, now=NOW)

    assert [c.id for c in first] == [1, 2]
    assert [c.id for c in second] == [3, 4]


def test_every_row_that_is_worked_on_has_the_columns_of_a_claim() -> None:
    worked_on = {"agencies", "mailboxes", "certificates", "roster_plans"}

    assert {name for name, table in Base.metadata.tables.items() if "fence" in table.c} >= worked_on
    assert "fence" not in table_of(Issuer).c
