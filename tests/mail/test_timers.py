"""Timers: told first, locked and deleted after working days, stopped by the fuse, confirmed by a person."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from provisioner.agencies.models import Agency
from provisioner.audit import Who
from provisioner.days import Calendar, day_of
from provisioner.db import Database
from provisioner.errors import NotFound
from provisioner.mail.models import TimerStop
from provisioner.mail.stopping import confirm, stops
from provisioner.mail.timers import DISABLED, LEFT, UNUSED, Ran, TimerPolicy, run_timers
from provisioner.mail.usage import SignIn, bring_in
from provisioner.mailboxes.lifecycle import disable, enable, lock
from provisioner.mailboxes.models import LockedBy, Mailbox, Status
from provisioner.notices.models import Notice
from provisioner.notices.wording import Reason
from provisioner.people.registering import Leaving, leave
from provisioner.settings import ROOT
from tests.books import NOW
from tests.province import a_province, a_unit, addresses, an_official, provide, the_mailbox, the_person, trail

CALENDAR = Calendar.load(ROOT / "config" / "reference" / "holidays.toml")
POLICY = TimerPolicy(
    idle_days=180,
    notice_days=10,
    idle_deleted_after=30,
    left_deleted_after=60,
    disabled_deleted_after=90,
    most_share=0.0,
    most_few=2,
)
POSTMASTER = "postmaster@lamdong.gov.vn"
SCIENCE = "skhcn@lamdong.gov.vn"
PEOPLE = 6


@pytest.fixture
def people(database: Database) -> list[str]:
    """Six officials who signed in yesterday, and a unit."""
    a_province(database)
    provide(database, *(an_official(f"CB{n}", f"Nguyễn Văn {n * 'A'}n") for n in range(PEOPLE)), a_unit())
    by_number = addresses(database)
    found = [by_number[f"CB{n}"] for n in range(PEOPLE)]
    signed_in(database, found, at=NOW - timedelta(days=1))
    return found


def signed_in(database: Database, people: Iterable[str], *, at: datetime) -> None:
    bring_in(database, [SignIn(address, at) for address in people], now=at)


def last_used(database: Database, *people: str, at: datetime) -> None:
    """As if they had last signed in then."""
    ids = [the_mailbox(database, address).id for address in people]
    with database.transaction() as session:
        session.execute(update(Mailbox).where(Mailbox.id.in_(ids)).values(last_used_at=at))


def left(database: Database, staff_number: str, day: date) -> None:
    person_id = the_person(database, staff_number).id
    with database.transaction() as session:
        leave(session, {person_id: Leaving(day, None)})


def run(database: Database, at: datetime = NOW, **changes: Any) -> Ran:
    policy = replace(POLICY, **changes)
    return run_timers(database, policy, calendar=CALENDAR, postmaster=POSTMASTER, clock=lambda: at)


def state(database: Database, address: str) -> tuple[Status, str | None]:
    mailbox = the_mailbox(database, address)
    return mailbox.status, mailbox.status_reason


def notices(database: Database, reason: Reason) -> list[Notice]:
    with database.reading() as session:
        return list(session.scalars(select(Notice).where(Notice.reason == reason).order_by(Notice.id)))


def working_days_later(days: int, since: datetime = NOW) -> datetime:
    return since + (CALENDAR.due(day_of(since), days=days) - day_of(since))


def day_after_day(database: Database, since: datetime, until: datetime, somebody: str, **changes: Any) -> Ran:
    """Run on each day, while somebody goes on signing in; what was done in all."""
    done, at = Ran(), since
    while at <= until:
        signed_in(database, [somebody], at=at)
        ran = run(database, at, **changes)
        done = Ran(done.told + ran.told, done.locked + ran.locked, done.deleted + ran.deleted, ran.waits_for)
        at += timedelta(days=1)
    return done


def test_nobody_is_locked_without_a_notice_ten_working_days_before(
    database: Database, people: list[str]
) -> None:
    last_used(database, people[0], at=NOW - timedelta(days=200))

    first = run(database)
    told = notices(database, Reason.MAILBOX_LOCKS)
    day = working_days_later(10)
    before = day_after_day(database, NOW, day - timedelta(days=1), people[1])
    on_the_day = day_after_day(database, day, day, people[1])

    assert first == Ran(told=2)
    assert {notice.recipient for notice in told} == {people[0], "skhcn@lamdong.gov.vn"}
    assert {notice.told["day"] for notice in told} == {f"{day_of(day):%d/%m/%Y}"}
    assert (before.locked, on_the_day.locked) == (0, 1)
    assert state(database, people[0]) == (Status.LOCKED, UNUSED)
    assert [(event.actor, event.subject_id) for event in trail(database, "mailbox.locked")] == [
        ("timers", people[0])
    ]
    assert len(notices(database, Reason.MAILBOX_LOCKS)) == 2


def test_tet_is_no_working_time() -> None:
    """The notice of 10 February 2026 ends after the five days of Tết, and after the weekends."""
    assert CALENDAR.due(date(2026, 2, 10), days=5) == date(2026, 2, 24)


def test_who_signs_in_after_the_notice_is_not_locked(database: Database, people: list[str]) -> None:
    last_used(database, people[0], at=NOW - timedelta(days=200))
    run(database)
    signed_in(database, [people[0]], at=NOW + timedelta(days=1))

    day_after_day(database, NOW, working_days_later(12), people[1])

    assert state(database, people[0])[0] is Status.ACTIVE


def let_in(database: Database, address: str, *, at: datetime) -> None:
    with database.transaction() as session:
        ids = [the_mailbox(database, address).id]
        enable(session, ids, reason="chủ hộp thư đã quay lại", who=Who("binh"), now=at)


def test_who_is_let_in_again_has_the_whole_time_and_another_notice(
    database: Database, people: list[str]
) -> None:
    last_used(database, people[0], at=NOW - timedelta(days=200))
    locks = working_days_later(10)
    day_after_day(database, NOW, locks, people[1])
    let_in(database, people[0], at=locks + timedelta(hours=2))

    hour_later = run(database, locks + timedelta(hours=3))
    again = locks + timedelta(days=180, hours=3)
    signed_in(database, people[1:], at=again - timedelta(days=1))
    day_before = run(database, again - timedelta(days=1))
    told = run(database, again)
    noticed = state(database, people[0])[0]
    done = day_after_day(database, again, working_days_later(10, since=again), people[1])

    assert hour_later == day_before == Ran()
    assert (told, noticed) == (Ran(told=2), Status.ACTIVE)
    assert done.locked == 1
    assert state(database, people[0]) == (Status.LOCKED, UNUSED)


def test_who_was_told_and_left_and_comes_back_is_not_locked_by_the_old_notice(
    database: Database, people: list[str]
) -> None:
    last_used(database, people[0], at=NOW - timedelta(days=200))
    run(database)
    left(database, "CB0", day_of(NOW))
    day_after_day(database, NOW, NOW + timedelta(days=1), people[1])
    away = state(database, people[0])
    back = NOW + timedelta(days=60)
    provide(database, an_official("CB0", "Nguyễn Văn n", ma_co_quan="H36.06"), now=back)
    let_in(database, people[0], at=back)

    done = day_after_day(database, back + timedelta(hours=1), back + timedelta(days=2), people[1])

    assert away == (Status.LOCKED, LEFT)
    assert done == Ran()
    assert state(database, people[0])[0] is Status.ACTIVE


def test_idle_mailboxes_are_deleted_after_their_time_and_another_notice(
    database: Database, people: list[str]
) -> None:
    last_used(database, people[0], at=NOW - timedelta(days=200))
    locks = working_days_later(10)
    ends = working_days_later(30, since=locks)

    day_after_day(database, NOW, ends - timedelta(days=1), people[1])
    before = state(database, people[0])
    day_after_day(database, ends, ends, people[1])

    (notice,) = notices(database, Reason.MAILBOX_ENDS)
    assert before == (Status.LOCKED, UNUSED)
    assert state(database, people[0]) == (Status.DELETED, UNUSED)
    assert notice.told["day"] == f"{day_of(ends):%d/%m/%Y}"
    assert the_mailbox(database, people[0]).closed_at == ends


def test_who_left_is_locked_at_once_and_deleted_after_notice(database: Database, people: list[str]) -> None:
    left(database, "CB0", day_of(NOW))

    done = run(database)
    ends = working_days_later(60)
    day_after_day(database, NOW, ends - timedelta(days=1), people[1])
    before = state(database, people[0])
    day_after_day(database, ends, ends, people[1])

    assert done.locked == 1
    assert before == (Status.LOCKED, LEFT)
    assert state(database, people[0]) == (Status.DELETED, LEFT)
    assert [notice.recipient for notice in notices(database, Reason.MAILBOX_ENDS)] == ["skhcn@lamdong.gov.vn"]


def test_a_leaver_who_takes_a_post_again_is_kept(database: Database, people: list[str]) -> None:
    left(database, "CB0", day_of(NOW))
    run(database)
    provide(database, an_official("CB0", "Nguyễn Văn n", ma_co_quan="H36.06"), now=NOW + timedelta(days=1))
    with database.transaction() as session:
        enable(
            session, [the_mailbox(database, people[0]).id], reason="nhận công tác", who=Who("binh"), now=NOW
        )

    day_after_day(database, NOW + timedelta(days=2), working_days_later(80), people[0])

    assert state(database, people[0])[0] is Status.ACTIVE


def test_what_a_person_locked_units_and_the_never_used_are_left_alone(
    database: Database, people: list[str]
) -> None:
    ids = [the_mailbox(database, people[0]).id]
    with database.transaction() as session:
        lock(session, ids, reason="kỷ luật", who=Who("binh"), now=NOW - timedelta(days=400))
        never = the_mailbox(database, people[2]).id
        session.execute(update(Mailbox).where(Mailbox.id == never).values(last_used_at=None))
    last_used(database, "skhcn@lamdong.gov.vn", at=NOW - timedelta(days=900))

    assert run(database) == Ran()
    assert state(database, people[0]) == (Status.LOCKED, "kỷ luật")


@pytest.mark.parametrize("first", ["the lock", "leaving", "the timer", "disabling"])
def test_what_a_person_holds_is_not_deleted_when_its_owner_leaves(
    database: Database, people: list[str], first: str
) -> None:
    """Held for investigators, before or after its owner was retired."""
    ids = [the_mailbox(database, people[0]).id]

    def hold() -> list[int]:
        with database.transaction() as session:
            return lock(session, ids, reason="lưu cho thanh tra", who=Who("binh"), now=NOW)

    if first == "the lock":
        hold()
    left(database, "CB0", day_of(NOW))
    if first == "the timer":
        assert run(database).locked == 1
    if first == "disabling":
        disabled(database, people[0])
    if first != "the lock":
        assert hold() == ids

    done = day_after_day(database, NOW, working_days_later(100), people[1])

    assert (done.locked, done.deleted) == (0, 0)
    assert state(database, people[0]) == (Status.LOCKED, "lưu cho thanh tra")
    assert notices(database, Reason.MAILBOX_ENDS) == []


def disabled(database: Database, *addresses: str) -> None:
    ids = [the_mailbox(database, address).id for address in addresses]
    with database.transaction() as session:
        disable(session, ids, reason="sáp nhập", who=Who("binh"), now=NOW)


def test_what_was_disabled_is_deleted_after_its_time_and_a_notice_also_of_a_unit_that_ended(
    database: Database, people: list[str]
) -> None:
    with database.transaction() as session:
        session.execute(
            update(Agency).where(Agency.code == "H36.05").values(until=day_of(NOW) - timedelta(days=1))
        )
    disabled(database, SCIENCE, people[0])
    left(database, "CB0", day_of(NOW))
    ends = working_days_later(90)

    day_after_day(database, NOW, ends - timedelta(days=1), people[1])
    before = state(database, SCIENCE), state(database, people[0])
    done = day_after_day(database, ends, ends, people[1])

    assert before == 2 * ((Status.DISABLED, "sáp nhập"),)
    assert done.deleted == 2
    assert state(database, SCIENCE) == state(database, people[0]) == (Status.DELETED, DISABLED)
    assert the_mailbox(database, SCIENCE).closed_at == ends
    told = {(notice.recipient, notice.told["address"]) for notice in notices(database, Reason.MAILBOX_ENDS)}
    assert told == {(POSTMASTER, SCIENCE), (POSTMASTER, people[0]), (SCIENCE, people[0])}
    deleted = [(event.actor, event.subject_id) for event in trail(database, "mailbox.deleted")]
    assert sorted(deleted) == sorted([("timers", SCIENCE), ("timers", people[0])])


def test_what_was_disabled_stays_where_the_province_says_so_and_when_it_is_enabled(
    database: Database, people: list[str]
) -> None:
    disabled(database, SCIENCE, people[0])
    day_after_day(database, working_days_later(80), working_days_later(85), people[1])
    let_in(database, SCIENCE, at=working_days_later(86))

    kept = day_after_day(
        database, NOW, working_days_later(100), people[1], idle_days=None, disabled_deleted_after=None
    )
    enabled = day_after_day(
        database, working_days_later(86), working_days_later(100), people[1], idle_days=None
    )

    assert kept == Ran()
    assert enabled.deleted == 1
    assert state(database, SCIENCE)[0] is Status.ACTIVE


def test_who_left_by_a_decision_is_deleted_like_whom_the_timer_locked(
    database: Database, people: list[str]
) -> None:
    provide(database, an_official("CB0", "Nguyễn Văn n", nghi_tu=f"{day_of(NOW):%d/%m/%Y}"))
    assert the_mailbox(database, people[0]).locked_by is LockedBy.LEFT

    done = day_after_day(database, NOW, working_days_later(60), people[1])

    assert (done.locked, done.deleted) == (0, 1)
    assert state(database, people[0]) == (Status.DELETED, LEFT)


def test_nobody_is_idle_when_no_sign_ins_come_in_at_all(database: Database, people: list[str]) -> None:
    last_used(database, *people, at=NOW - timedelta(days=200))

    assert run(database) == Ran()


def test_zero_days_mean_never(database: Database, people: list[str]) -> None:
    last_used(database, people[0], at=NOW - timedelta(days=2000))
    left(database, "CB1", day_of(NOW))

    done = day_after_day(
        database, NOW, working_days_later(100), people[2], idle_days=None, left_deleted_after=None
    )

    assert done == Ran(locked=1)  # who left


def test_too_many_at_once_stop_and_only_those_confirmed_go_on(database: Database, people: list[str]) -> None:
    for number in range(3):
        left(database, f"CB{number}", day_of(NOW))

    stopped = run(database)
    again = run(database, NOW + timedelta(hours=1))
    with database.reading() as session:
        (stop,) = stops(session)
    untouched = {state(database, address)[0] for address in people}
    left(database, "CB3", day_of(NOW))
    left(database, "CB4", day_of(NOW))
    left(database, "CB5", day_of(NOW))
    with database.transaction() as session:
        confirm(session, stop.id, who=Who("binh"), now=NOW)
    after = run(database, NOW + timedelta(hours=2))

    assert stopped == Ran(waits_for=stop.id)
    assert again == stopped
    assert len(stop.lock) == 3
    assert untouched == {Status.ACTIVE}
    assert after.locked == 3
    assert after.waits_for not in {None, stop.id}
    assert [state(database, address)[0] for address in people] == 3 * [Status.LOCKED] + 3 * [Status.ACTIVE]
    assert [event.actor for event in trail(database, "timers.confirmed")] == ["binh"]
    told = [(notice.recipient, notice.told) for notice in notices(database, Reason.TIMERS_STOPPED)]
    assert told == 2 * [(POSTMASTER, {"count": 3, "most": 2})]


def test_too_many_are_not_even_told_before_a_person_confirms(database: Database, people: list[str]) -> None:
    """Sign-ins of five of six no longer come in; whoever confirms is asked again when it comes to locking them."""
    last_used(database, *people[:5], at=NOW - timedelta(days=200))

    stopped = run(database)
    untold = notices(database, Reason.MAILBOX_LOCKS)
    with database.reading() as session:
        (stop,) = stops(session)
    with database.transaction() as session:
        confirm(session, stop.id, who=Who("binh"), now=NOW)
    told = run(database, NOW + timedelta(hours=1))
    ripe = day_after_day(database, NOW, working_days_later(10), people[5])

    assert stopped == Ran(waits_for=stop.id)
    assert untold == []
    assert len(stop.lock) == 5
    assert told == Ran(told=10)
    assert (ripe.locked, ripe.waits_for) == (0, stop.id + 1)
    assert [state(database, address)[0] for address in people] == 6 * [Status.ACTIVE]


def test_a_stop_whose_mailboxes_are_due_no_longer_ends_by_itself(
    database: Database, people: list[str]
) -> None:
    for number in range(3):
        left(database, f"CB{number}", day_of(NOW))
    stopped = run(database)
    with database.transaction() as session:
        ids = [the_mailbox(database, people[0]).id]
        lock(session, ids, reason="đã bàn giao", who=Who("binh"), now=NOW)

    after = run(database, NOW + timedelta(hours=1))

    assert after == Ran(locked=2)
    with database.reading() as session:
        assert session.get_one(TimerStop, stopped.waits_for).ended_at is not None
        assert list(stops(session)) == []
    with database.transaction() as session, pytest.raises(NotFound):
        confirm(session, stopped.waits_for or 0, who=Who("binh"), now=NOW)
    assert state(database, people[0]) == (Status.LOCKED, "đã bàn giao")
