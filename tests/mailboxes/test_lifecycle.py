"""Moving mailboxes between their states: each move once, told in the audit trail, and the directory follows."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from provisioner.agencies.models import Agency
from provisioner.audit import AuditEvent, Who
from provisioner.days import day_of
from provisioner.db import Database
from provisioner.mailboxes.lifecycle import delete, disable, enable, lock, unlock
from provisioner.mailboxes.models import Address, Mailbox, Status
from provisioner.mailboxes.opening import NewMailbox, open_mailboxes
from provisioner.people.models import Post
from tests.books import LATER, NOW, Rings
from tests.province import a_province, an_official, provide, the_person

WHO = Who("binh")
Move = Callable[..., list[int]]


@pytest.fixture
def ids(database: Database) -> list[int]:
    """Three mailboxes of one agency."""
    a_province(database)
    with database.transaction() as session:
        agency = session.scalars(select(Agency.id).where(Agency.code == "H36.05")).one()
        return open_mailboxes(
            session,
            [
                NewMailbox(f"{name}@lamdong.gov.vn", agency_id=agency, unit_name=name, unit_key=name)
                for name in ("vanthu", "tiepdan", "duongday")
            ],
            now=NOW,
        )


def moved(database: Database, move: Move, ids: list[int], reason: str = "QĐ 12") -> list[int]:
    with database.transaction() as session:
        return move(session, ids, reason=reason, who=WHO, now=LATER)


def states(database: Database, ids: list[int]) -> list[Status]:
    with database.reading() as session:
        return [session.get_one(Mailbox, i).status for i in ids]


def told(database: Database) -> list[tuple[str, str, Any, Any]]:
    with database.reading() as session:
        rows = session.scalars(
            select(AuditEvent).where(AuditEvent.subject_type == "mailbox").order_by(AuditEvent.id)
        )
        return [(e.action, e.subject_id, e.before, e.after) for e in rows]


def test_a_lock_says_since_when_and_why_and_makes_the_mailbox_pending(
    database: Database, ids: list[int], rings: Rings
) -> None:
    rings.clear()

    assert moved(database, lock, ids[:1], reason="nghỉ hưu") == ids[:1]

    with database.reading() as session:
        box = session.get_one(Mailbox, ids[0])
        assert (box.status, box.status_since, box.status_reason) == (Status.LOCKED, LATER, "nghỉ hưu")
        assert (box.revision, box.closed_at) == (2, None)
    assert rings == ["directory"]
    assert told(database) == [
        (
            "mailbox.locked",
            "vanthu@lamdong.gov.vn",
            {"status": "active"},
            {"status": "locked", "reason": "nghỉ hưu"},
        )
    ]


def test_what_is_locked_already_is_left_alone_and_told_once(database: Database, ids: list[int]) -> None:
    moved(database, lock, ids[:2])

    assert moved(database, lock, ids) == ids[2:]
    assert len(told(database)) == 3


@pytest.mark.parametrize(
    ("moves", "end"),
    [
        ([lock, unlock], Status.ACTIVE),
        ([lock, disable], Status.DISABLED),
        ([disable, unlock], Status.DISABLED),
        ([disable, lock], Status.LOCKED),
        ([disable, enable], Status.ACTIVE),
        ([delete, enable], Status.DELETED),
        ([delete, unlock, lock, disable], Status.DELETED),
    ],
)
def test_only_the_moves_of_the_picture_are_made(
    database: Database, ids: list[int], moves: list[Move], end: Status
) -> None:
    for move in moves:
        moved(database, move, ids)

    assert states(database, ids) == [end] * 3


def test_a_deleted_mailbox_is_closed_and_keeps_its_address_for_ever(
    database: Database, ids: list[int]
) -> None:
    moved(database, delete, ids[:1])

    with database.reading() as session:
        assert session.get_one(Mailbox, ids[0]).closed_at == LATER
        assert session.scalars(select(Address.address).where(Address.mailbox_id == ids[0])).all() == [
            "vanthu@lamdong.gov.vn"
        ]


def test_the_place_of_a_deleted_mailbox_is_free_for_another(database: Database, ids: list[int]) -> None:
    moved(database, delete, ids[:1])

    with database.transaction() as session:
        agency = session.get_one(Mailbox, ids[0]).agency_id
        again = NewMailbox("vanthu2@lamdong.gov.vn", agency_id=agency, unit_name="vanthu", unit_key="vanthu")
        (other,) = open_mailboxes(session, [again], now=LATER)

    assert other not in ids


def test_a_mailbox_that_was_stuck_gets_another_chance(database: Database, ids: list[int]) -> None:
    with database.transaction() as session:
        session.get_one(Mailbox, ids[0]).trouble = "refused"

    moved(database, lock, ids[:1])

    with database.reading() as session:
        assert session.get_one(Mailbox, ids[0]).trouble is None


@pytest.mark.parametrize(("out", "back_in"), [(lock, unlock), (lock, enable), (disable, enable)])
def test_who_left_is_not_let_in_again_before_somebody_appoints_them(
    database: Database, out: Move, back_in: Move
) -> None:
    a_province(database)
    provide(database, an_official("CB1"), an_official("CB2", "Trần Văn Bình"))
    with database.reading() as session:
        ids = list(session.scalars(select(Mailbox.id).order_by(Mailbox.id)))
    moved(database, out, ids)
    gone = the_person(database, "CB1").id
    with database.transaction() as session:
        session.execute(update(Post).where(Post.person_id == gone).values(until=day_of(LATER)))

    assert len(moved(database, back_in, ids)) == 1

    held = Status.LOCKED if out is lock else Status.DISABLED
    assert sorted(states(database, ids)) == [Status.ACTIVE, held]
