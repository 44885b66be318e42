"""Results of large rosters: asked for, written by a worker whatever happens to one, given to who asked, gone in a day."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from provisioner.db import Database
from provisioner.errors import Conflict, NotFound
from provisioner.rosters import results_asked
from provisioner.rosters.models import RosterResult
from provisioner.rosters.receiving import READING_LEASE
from provisioner.rosters.results import write_plan_result
from provisioner.rosters.results_asked import KEPT, TRIES, ask, asked, give, write_asked
from provisioner.working import bells_due
from tests.books import NOW, Rings
from tests.province import SEALER, a_clock, a_province, an_official, planned, trail

PEOPLE = [an_official(f"CB{n}", "Nguyễn Thị Ánh", so_dinh_danh=f"06819000000{n}") for n in range(5)]


@pytest.fixture
def plan_id(database: Database) -> int:
    return planned(a_province(database), *PEOPLE)


def asks(
    database: Database, plan_id: int, *, ending: str = "csv", by: str = "an", now: datetime = NOW
) -> None:
    with database.transaction() as session:
        ask(session, plan_id, ending=ending, language="en", by=by, now=now)


def work(database: Database, *, now: datetime = NOW) -> int:
    return write_asked(database, SEALER, clock=a_clock(now))


def given(
    database: Database, plan_id: int, *, ending: str = "csv", by: str = "an", now: datetime = NOW
) -> bytes:
    with database.transaction() as session:
        return give(session, plan_id, ending=ending, sealer=SEALER, by=by, now=now)


def the_result(database: Database) -> RosterResult:
    with database.reading() as session:
        return session.scalars(select(RosterResult)).one()


def is_rung_for(database: Database, now: datetime = NOW) -> bool:
    with database.reading() as session:
        return "results" in bells_due(session, now=now)


def test_a_worker_writes_what_would_have_been_given_at_once(
    database: Database, plan_id: int, rings: Rings, tmp_path: Path
) -> None:
    write_plan_result(database, plan_id, tmp_path / "r.csv", sealer=SEALER, language="en", by="an", now=NOW)
    asks(database, plan_id)
    assert rings[-1] == "results"
    assert is_rung_for(database)

    assert work(database) == 1

    assert not is_rung_for(database)
    assert given(database, plan_id) == (tmp_path / "r.csv").read_bytes()
    result = the_result(database)
    assert (result.rows_written, result.made_at, result.lease_until) == (len(PEOPLE), NOW, None)


def test_the_file_lies_sealed_and_each_giving_out_is_noted(database: Database, plan_id: int) -> None:
    asks(database, plan_id, ending="xlsx")
    work(database)

    for _ in range(2):
        assert given(database, plan_id, ending="xlsx").startswith(b"PK")

    with database.reading() as session:
        sealed = session.scalars(select(RosterResult.content_sealed)).one()
    assert sealed is not None
    assert b"PK" not in sealed[:64]
    assert [(event.actor, event.subject_id) for event in trail(database, "roster.result-given")] == [
        ("an", str(plan_id))
    ] * 2


def test_it_is_given_to_nobody_but_who_asked_and_not_before_it_is_written(
    database: Database, plan_id: int
) -> None:
    asks(database, plan_id)
    with pytest.raises(Conflict, match="not written yet"):
        given(database, plan_id)
    work(database)

    with pytest.raises(NotFound):
        given(database, plan_id, by="binh")
    with pytest.raises(NotFound):
        given(database, plan_id, ending="xlsx")
    assert trail(database, "roster.result-given") == []


def test_what_is_being_written_is_waited_for_and_what_was_written_is_replaced(
    database: Database, plan_id: int
) -> None:
    asks(database, plan_id)
    asks(database, plan_id)
    first = the_result(database).id
    work(database)

    asks(database, plan_id)

    again = the_result(database)
    assert (again.id != first, again.made_at) == (True, None)


def test_a_killed_worker_is_followed_by_another(
    database: Database, plan_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks(database, plan_id)
    with monkeypatch.context() as struck:
        struck.setattr(results_asked, "failpoint", dies)
        with pytest.raises(RuntimeError):
            work(database)
    assert work(database) == 0  # the lease of the one that was killed still holds
    assert is_rung_for(database)

    assert work(database, now=NOW + READING_LEASE) == 1

    assert given(database, plan_id)


def test_a_worker_that_lost_its_lease_writes_nothing_more(
    database: Database, plan_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks(database, plan_id)

    def taken_over(_name: str) -> None:
        with database.transaction() as session:
            session.execute(update(RosterResult).values(fence=RosterResult.fence + 1))

    monkeypatch.setattr(results_asked, "failpoint", taken_over)

    assert work(database) == 0
    assert the_result(database).made_at is None


def test_what_cannot_be_written_is_given_up_and_may_be_asked_for_again(
    database: Database, plan_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks(database, plan_id)
    moment = NOW
    with monkeypatch.context() as struck:
        struck.setattr(results_asked, "failpoint", dies)
        for _ in range(TRIES):
            with pytest.raises(RuntimeError):
                work(database, now=moment)
            moment += READING_LEASE
        work(database, now=moment)
    assert the_result(database).trouble == "result-given-up"
    assert not is_rung_for(database, moment)

    asks(database, plan_id, now=moment)
    work(database, now=moment)

    assert given(database, plan_id, now=moment)


def test_while_it_is_written_its_row_says_how_far_it_is(
    database: Database, plan_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results_asked, "STEP", 2)
    seen = []
    note = results_asked._note

    def look(*arguments: object) -> None:
        note(*arguments)  # type: ignore[arg-type]
        seen.append(the_result(database).rows_written)

    monkeypatch.setattr(results_asked, "_note", look)
    asks(database, plan_id)
    work(database)

    assert seen == [2, 4, 5, 5]


def test_a_file_is_gone_after_its_day(database: Database, plan_id: int) -> None:
    asks(database, plan_id)
    work(database)
    last = NOW + KEPT - timedelta(seconds=1)
    assert given(database, plan_id, now=last)
    assert not is_rung_for(database, last)

    over = NOW + KEPT
    with pytest.raises(NotFound):
        given(database, plan_id, now=over)
    assert is_rung_for(database, over)
    work(database, now=over)

    assert not is_rung_for(database, over)
    with database.reading() as session:
        assert session.scalars(select(RosterResult)).all() == []


def test_what_waits_longer_than_a_day_is_written_all_the_same(database: Database, plan_id: int) -> None:
    asks(database, plan_id)

    assert work(database, now=NOW + 2 * KEPT) == 1

    with database.reading() as session:
        assert "csv" in asked(session, plan_id, by="an", now=NOW + 2 * KEPT)


def dies(_name: str) -> None:
    raise RuntimeError("killed")
