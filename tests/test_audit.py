"""The audit trail: in the same transaction as the change, and without anything secret."""

from datetime import date

import pytest
from sqlalchemy import select

from provisioner.audit import AuditEvent, Change, Who, record
from provisioner.db import Database
from provisioner.secret import Secret
from tests.books import NOW, count
from tests.province import trail


def test_an_event_tells_who_what_when_for_whom_before_and_after(database: Database) -> None:
    change = Change("person.changed", "person", "CB1", before={"title": None}, after={"title": "Giám đốc"})

    with database.transaction() as session:
        record(session, Who("binh", on_behalf_of="an"), [change], now=NOW)

    (event,) = trail(database, "person.changed")
    assert (event.actor, event.on_behalf_of, event.at) == ("binh", "an", NOW)
    assert (event.subject_type, event.subject_id) == ("person", "CB1")
    assert (event.before, event.after) == ({"title": None}, {"title": "Giám đốc"})


def test_nothing_before_and_nothing_after_are_null_and_no_json(database: Database) -> None:
    with database.transaction() as session:
        record(session, Who("an"), [Change("made", "thing", "1")], now=NOW)

    with database.reading() as session:
        assert count(database, AuditEvent) == 1
        nulls = select(AuditEvent.id).where(AuditEvent.before.is_(None), AuditEvent.after.is_(None))
        assert session.scalars(nulls).all() != []


def test_days_and_moments_are_written_as_people_sort_them(database: Database) -> None:
    after = {"since": date(2026, 1, 2), "history": [{"at": NOW}]}

    with database.transaction() as session:
        record(session, Who("an"), [Change("made", "thing", "1", after=after)], now=NOW)

    assert trail(database, "made")[0].after == {
        "since": "2026-01-02",
        "history": [{"at": "2026-11-21T02:30:00+00:00"}],
    }


@pytest.mark.parametrize(
    "values",
    [
        {"password": Secret("x")},
        {"deep": {"password": Secret("x")}},
        {"list": [1, (Secret("x"),)]},
    ],
)
def test_a_secret_is_refused_however_deep_it_stands(database: Database, values: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="secret"), database.transaction() as session:
        record(session, Who("an"), [Change("made", "thing", "1", after=values)], now=NOW)

    assert count(database, AuditEvent) == 0


def test_recording_nothing_writes_nothing(database: Database) -> None:
    with database.transaction() as session:
        record(session, Who("an"), [], now=NOW)

    assert count(database, AuditEvent) == 0
