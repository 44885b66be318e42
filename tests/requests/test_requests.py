"""A request from the letter to the facts: one path with rosters, and two people."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from provisioner.certificates.models import Certificate
from provisioner.days import Calendar
from provisioner.db import Database
from provisioner.errors import Conflict, Forbidden, Invalid
from provisioner.mailboxes.models import Mailbox
from provisioner.people.models import Post
from provisioner.requests import deciding, writing
from provisioner.requests.facts import is_overdue, newly_done, note_done, overdue, row_facts
from provisioner.requests.models import Kind, Request, State
from provisioner.requests.writing import MOST_ROWS, Letter, letter_context, rows_of
from provisioner.rosters.files.columns import Column
from provisioner.rosters.models import PlanState, RosterPlan, RosterRow
from provisioner.rosters.planning import draft
from tests.books import NOW, TODAY, count, on_postgresql
from tests.fakes.directory import FakeDirectory
from tests.province import (
    DIT,
    SEALER,
    a_province,
    addresses,
    an_official,
    issued,
    plan_rows,
    provide,
    run,
    synced,
    the_mailbox,
    trail,
)
from tests.requests.letters import (
    CALENDAR,
    DECIDER,
    WRITER,
    a_letter,
    a_person,
    approve,
    digest_of,
    send_back,
    submit,
    the_request,
    written,
)


@pytest.fixture
def books(database: Database) -> Database:
    return a_province(database)


def facts(database: Database, request_id: int):
    with database.reading() as session:
        return row_facts(session, the_request(database, request_id).plan_id or 0)


def test_a_request_ends_as_a_mailbox_in_the_directory_and_a_certificate(books: Database) -> None:
    request_id = written(books, a_letter(a_person(chung_thu="x"), a_person("CB2", "Trần Văn Bình")))
    submit(books, request_id)
    approve(books, request_id)
    assert [row.is_done for row in facts(books, request_id)] == [False, False]

    run(books)
    synced(books, FakeDirectory(DIT))
    issued(books)

    rows = facts(books, request_id)
    assert [row.is_done for row in rows] == [True, True]
    assert [row.certificate_since for row in rows] == [NOW, None]
    assert sorted(addresses(books)) == ["CB1", "CB2"]
    (event,) = trail(books, "person.created")[:1]
    assert (event.actor, event.on_behalf_of) == (DECIDER, WRITER)


def test_a_request_and_a_roster_row_give_the_same_books(books: Database) -> None:
    provide(books, an_official("CB1", "Nguyễn Thị Ánh"))

    unchanged = written(books, a_letter(a_person("CB1", "Nguyễn Thị Ánh")))

    assert [row.outcome for row in facts(books, unchanged)] == ["unchanged"]


def test_the_draft_shows_the_address_before_anybody_says_yes(books: Database) -> None:
    request_id = written(books, a_letter(a_person()))

    (row,) = facts(books, request_id)

    assert row.address is not None
    assert row.address.endswith("@lamdong.gov.vn")
    assert addresses(books) == {}


@pytest.mark.parametrize("by", [WRITER, "lan"])
def test_nobody_approves_or_returns_their_own_request(books: Database, by: str) -> None:
    """Neither whoever wrote it nor whoever sent it."""
    request_id = written(books, a_letter(), by=WRITER)
    submit(books, request_id, by="lan")

    with pytest.raises(Forbidden):
        approve(books, request_id, by=by)
    with pytest.raises(Forbidden):
        send_back(books, request_id, "no", by=by)
    assert the_request(books, request_id).state is State.SUBMITTED


@pytest.mark.parametrize("column", ["submitted_by", "written_by"])
def test_the_books_refuse_one_person_in_both_parts(books: Database, column: str) -> None:
    request_id = written(books, a_letter())
    submit(books, request_id)
    approve(books, request_id)

    with pytest.raises(IntegrityError), books.transaction() as session:
        session.execute(update(Request).where(Request.id == request_id).values({column: DECIDER}))


def test_an_approval_is_of_what_was_seen(books: Database) -> None:
    request_id = written(books, a_letter())
    submit(books, request_id)

    with books.transaction() as session, pytest.raises(Conflict):
        deciding.approve(session, session.get_one(Request, request_id), digest="0" * 64, by=DECIDER, now=NOW)


def test_a_row_that_cannot_be_carried_out_is_not_sent(books: Database) -> None:
    request_id = written(books, a_letter(a_person("", "")))

    with pytest.raises(Invalid):
        submit(books, request_id)


def test_what_is_sent_is_what_was_seen(books: Database) -> None:
    """Two tabs: one shows a name, the other saves another one."""
    request_id = written(books, a_letter(a_person("CB1", "Lê Văn An")))
    seen = digest_of(books, request_id)
    written(books, a_letter(a_person("CB1", "Lê Văn Ba")), request_id=request_id)

    with pytest.raises(Conflict) as refused:
        submit(books, request_id, digest=seen)

    assert refused.value.code == "digest-differs"
    assert the_request(books, request_id).state is State.DRAFT
    submit(books, request_id)


def test_a_request_that_changes_nothing_is_not_sent(books: Database) -> None:
    provide(books, an_official("CB1"))
    request_id = written(books, a_letter(a_person("CB1"), a_person("CB1")))

    with pytest.raises(Invalid) as refused:
        submit(books, request_id)

    assert refused.value.code == "request-changes-nothing"


def test_a_returned_request_is_written_again_and_sent_again(books: Database) -> None:
    request_id = written(books, a_letter())
    submit(books, request_id)

    send_back(books, request_id, "Thiếu quyết định tiếp nhận")
    returned = the_request(books, request_id)
    assert (returned.state, returned.reason, returned.plan_id) == (
        State.RETURNED,
        "Thiếu quyết định tiếp nhận",
        None,
    )
    assert (count(books, RosterPlan), count(books, RosterRow)) == (0, 0)

    assert written(books, a_letter(a_person("CB9", "Lê Văn Chín")), request_id=request_id) == request_id
    submit(books, request_id)
    approve(books, request_id)
    assert the_request(books, request_id).state is State.APPROVED
    assert count(books, RosterPlan) == 1


def test_returning_needs_a_reason(books: Database) -> None:
    request_id = written(books, a_letter())
    submit(books, request_id)

    with pytest.raises(Invalid):
        send_back(books, request_id, "  ")


def test_what_was_sent_is_not_changed_and_not_decided_twice(books: Database) -> None:
    request_id = written(books, a_letter())
    submit(books, request_id)

    with pytest.raises(Conflict):
        written(books, a_letter(), request_id=request_id)
    with pytest.raises(Conflict):
        submit(books, request_id)
    approve(books, request_id)
    for again in (lambda: approve(books, request_id), lambda: send_back(books, request_id, "no")):
        with pytest.raises(Conflict):
            again()


def test_of_two_who_decide_at_once_the_second_decides_nothing(books: Database) -> None:
    """Both pages were open; the slower one had looked the request up before the quicker one approved it."""
    request_id = written(books, a_letter())
    submit(books, request_id)
    if not on_postgresql(books):
        return  # SQLite lets in one writer at a time, who sees what the one before wrote

    with books.transaction() as session:
        waiting = session.get_one(Request, request_id)
        approve(books, request_id)
        with pytest.raises(Conflict) as refused:
            deciding.send_back(session, waiting, reason="no", by="minh", now=NOW)

    assert refused.value.code == "request-state"
    assert the_request(books, request_id).state is State.APPROVED
    assert len(plan_rows(books, the_request(books, request_id).plan_id or 0)) == 1


def test_saving_what_was_sent_meanwhile_leaves_no_plan_that_waits(
    books: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two tabs: one sends the request while the rows of the other are judged."""
    request_id = written(books, a_letter())
    planned = the_request(books, request_id).plan_id

    def sent_meanwhile(*given: Any, **more: Any) -> int:
        submit(books, request_id)
        return draft(*given, **more)

    monkeypatch.setattr(writing, "draft", sent_meanwhile)

    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            written(books, a_letter(a_person("CB9", "Lê Văn Chín")), request_id=request_id)
        assert refused.value.code == "request-sent"

    with books.reading() as session:
        plans = dict(session.execute(select(RosterPlan.id, RosterPlan.state)).all())
    assert plans.pop(planned) is PlanState.PLANNED
    assert list(plans.values()) == [PlanState.DRAFT]  # the second time nothing was planned at all
    assert len(trail(books, "roster.planned")) == 1


def test_a_person_of_another_agency_is_neither_changed_nor_shown(books: Database) -> None:
    provide(books, an_official("CB7", "Trần Văn Bình", ma_co_quan="H36.06", dien_thoai="0912345678"))

    request_id = written(
        books, a_letter(a_person("CB7", "Trần Văn Bình", dien_thoai="0987654321"), kind=Kind.CHANGE)
    )

    with books.reading() as session:
        (row,) = session.query(RosterRow).filter_by(plan_id=the_request(books, request_id).plan_id)
        assert (row.outcome, row.changes) == ("conflict", None)
        assert "0912345678" not in repr((row.problems, row.facts, row.address))
        assert row.problems[-1]["code"] == "person-of-another-agency"
    with pytest.raises(Invalid):
        submit(books, request_id)


def test_what_is_sealed_stands_nowhere_in_the_clear(books: Database) -> None:
    scan = ("cong-van.pdf", b"%PDF-1.7 confidential words")
    person = a_person(so_dinh_danh="068090000123", ngay_sinh="01/02/1990")
    request = the_request(books, written(books, a_letter(person, scan=scan)))

    assert b"068090000123" not in request.rows_sealed
    assert b"confidential" not in (request.letter_sealed or b"")
    assert rows_of(request, SEALER)[0][Column.NATIONAL_ID] == "068090000123"
    opened = SEALER.unseal_bytes(request.letter_sealed or b"", context=letter_context(request.uid))
    assert opened == scan[1]
    assert not [event for event in trail(books, "request.written") if "068090000123" in repr(vars(event))]


@pytest.mark.parametrize(
    "bad",
    [
        {"document_number": ""},
        {"signer": ""},
        {"rows": ()},
        {"rows": [a_person()] * (MOST_ROWS + 1)},
        {"scan": ("evil.pdf", b"<html>")},
        {"scan": ("big.pdf", b"%PDF-" + b"x" * (10 * 1024 * 1024))},
        {"decision": "x" * 256},
    ],
)
def test_a_letter_is_whole_or_refused(bad: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        a_letter(a_person(), **bad)


@pytest.mark.parametrize(
    ("kind", "row", "key", "outcome"),
    [
        (Kind.UNIT, {}, "u:H36.05:", "create"),
        (Kind.CERTIFICATE, a_person(), "p:CB1", "change"),
    ],
)
def test_each_kind_becomes_rows_of_a_plan(
    books: Database, kind: Kind, row: dict, key: str, outcome: str
) -> None:
    provide(books, an_official("CB1"))

    request_id = written(books, a_letter(row, kind=kind))

    with books.reading() as session:
        (planned,) = session.query(RosterRow).filter_by(plan_id=the_request(books, request_id).plan_id)
    assert planned.key == key
    assert planned.outcome == outcome
    assert bool(planned.facts.get("certificate")) == (kind is Kind.CERTIFICATE)


def test_a_field_that_its_form_does_not_have_is_not_read(books: Database) -> None:
    row = {Column.QUOTA: "900GB", Column.AGENCY_CODE: "H36.06", Column.ROW_KIND: "đơn vị"} | a_person()

    request_id = written(books, a_letter(row))

    with books.reading() as session:
        (planned,) = session.query(RosterRow).filter_by(plan_id=the_request(books, request_id).plan_id)
    assert (planned.facts.get("quota_bytes"), planned.facts["agency_code"], planned.key) == (
        None,
        "H36.05",
        "p:CB1",
    )


@pytest.mark.parametrize(
    ("since", "due"),
    [
        (date(2026, 11, 20), date(2026, 11, 25)),  # Friday: the weekend does not count
        (
            date(2026, 4, 24),
            date(2026, 5, 4),
        ),  # Hùng Kings' day on a Sunday moved to Monday the 27th of April
        (date(2026, 4, 28), date(2026, 5, 5)),  # 30/4 and 1/5, then a weekend
        (date(2026, 2, 13), date(2026, 2, 25)),  # the whole of Tết
        (date(2026, 8, 20), date(2026, 8, 24)),  # Saturday the 22nd is worked in exchange
    ],
)
def test_deadlines_are_counted_in_working_days(since: date, due: date) -> None:
    assert CALENDAR.due(since, days=3) == due


def test_every_deadline_is_a_working_day_with_as_many_before_it() -> None:
    calendar = Calendar(off={date(2026, 1, 1)}, worked={date(2026, 1, 3)})
    for n in range(400):
        day = date(2025, 12, 1) + timedelta(days=n)
        due = calendar.due(day, days=3)
        between = [day + timedelta(days=k) for k in range(1, (due - day).days + 1)]
        assert sum(calendar.is_working_day(d) for d in between) == 3
        assert calendar.is_working_day(due)


def test_a_request_is_due_within_the_working_days_of_the_province(books: Database) -> None:
    request_id = written(books, a_letter())

    submit(books, request_id, now=datetime(2026, 11, 20, 8, tzinfo=UTC), within=5)

    assert the_request(books, request_id).due_on == date(2026, 11, 27)


def test_a_request_is_overdue_as_long_as_something_is_missing(books: Database) -> None:
    request_id = written(books, a_letter())
    submit(books, request_id)
    request = the_request(books, request_id)
    assert request.due_on is not None
    late = request.due_on + timedelta(days=1)
    assert not is_overdue(request, facts(books, request_id), today=request.due_on)
    assert is_overdue(request, facts(books, request_id), today=late)

    approve(books, request_id)
    run(books)
    assert is_overdue(the_request(books, request_id), facts(books, request_id), today=late)
    synced(books, FakeDirectory(DIT))
    assert not is_overdue(the_request(books, request_id), facts(books, request_id), today=late)


LEAVING = {Column.LEAVES: f"{TODAY:%d/%m/%Y}"}


def a_leave(*rows: dict[Column, str], **more: object) -> Letter:
    usual = a_person("CB1") | LEAVING
    return a_letter(*(rows or (usual,)), kind=Kind.LEAVE, decision_date=TODAY, **more)


def test_a_request_for_leave_ends_as_a_locked_mailbox_and_a_decision_kept(books: Database) -> None:
    provide(books, an_official("CB1"))
    directory = FakeDirectory(DIT)
    synced(books, directory)
    request_id = written(books, a_leave())
    submit(books, request_id)
    approve(books, request_id)
    run(books)

    (before,) = facts(books, request_id)
    assert (before.is_done, before.leaves_on) == (False, TODAY)
    synced(books, directory)

    (fact,) = facts(books, request_id)
    assert fact.is_done
    assert the_mailbox(books, "anhnt@lamdong.gov.vn").status == "locked"
    with books.reading() as session:
        post = session.scalars(select(Post)).one()
        assert (post.until, post.ended_by, post.ended_by_date) == (TODAY, "QĐ 45/QĐ-SKHCN", TODAY)


@pytest.mark.parametrize(
    "letter", [{"decision": None}, {"rows": (a_person("CB1"),)}], ids=["no decision", "no day"]
)
def test_nobody_leaves_without_a_decision_and_a_day(letter: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        a_leave(**letter)


def test_who_left_another_agency_is_not_taken_in_by_a_letter(books: Database) -> None:
    provide(books, an_official("CB1", ma_co_quan="H36.06", dien_thoai="0912345678"))
    leaving = an_official("CB1", ma_co_quan="H36.06", nghi_tu=f"{TODAY:%d/%m/%Y}")
    provide(books, leaving)

    request_id = written(books, a_letter(a_person("CB1")))

    (fact,) = facts(books, request_id)
    assert [problem["code"] for problem in fact.row.problems][-1] == "person-of-another-agency"
    assert "0912345678" not in str(fact)


def late_ones(database: Database, today: date) -> list[int]:
    with database.reading() as session:
        return [request.id for request in overdue(session, today=today, limit=10)]


def seen(database: Database, *, now: datetime = NOW) -> int:
    """What the clock sees to be done for the first time."""
    with database.transaction() as session:
        done = newly_done(session)
        note_done(session, done, now=now)
        return len(done)


def done_ones(database: Database) -> list[int]:
    with database.reading() as session:
        return list(
            session.scalars(select(Request.id).where(Request.done_at.is_not(None)).order_by(Request.id))
        )


def test_the_lists_of_late_and_of_done_requests_say_what_each_request_says(books: Database) -> None:
    with_certificate, leave = (
        a_letter(a_person("CB1", chung_thu="x")),
        a_leave(a_person("CB2", "Lê Văn Hai") | LEAVING),
    )
    provide(books, an_official("CB2", "Lê Văn Hai"))
    synced(books, FakeDirectory(DIT))
    ids = [written(books, with_certificate), written(books, leave), written(books, a_letter(a_person("CB3")))]
    for request_id in ids:
        submit(books, request_id)
    for request_id in ids[:2]:
        approve(books, request_id)
    due = the_request(books, ids[0]).due_on
    assert due is not None
    late = due + timedelta(days=1)

    def agree() -> None:
        seen(books)
        for request_id in ids:
            found, rows = the_request(books, request_id), facts(books, request_id)
            assert (request_id in late_ones(books, late)) == is_overdue(found, rows, today=late)
            assert (request_id in done_ones(books)) == all(row.is_done for row in rows)

    directory = FakeDirectory(DIT)
    steps = (
        lambda: run(books),
        lambda: synced(books, directory),
        lambda: issued(books),
        lambda: synced(books, directory),
    )
    agree()
    for step in steps:
        step()
        agree()
    assert late_ones(books, due) == []
    assert (late_ones(books, late), done_ones(books)) == (ids[2:], ids[:2])


def test_a_certificate_that_had_ended_is_not_the_one_that_was_asked_for(books: Database) -> None:
    directory = FakeDirectory(DIT)
    provide(books, an_official("CB1", chung_thu_so="x"))
    synced(books, directory)
    issued(books)
    with books.transaction() as session:
        session.execute(update(Certificate).values(not_after=NOW + timedelta(hours=1)))
    after = NOW + timedelta(days=1)
    request_id = written(books, a_letter(a_person("CB1"), kind=Kind.CERTIFICATE), now=after)
    submit(books, request_id, now=after)
    approve(books, request_id, now=after)

    run(books, now=after)
    synced(books, directory, now=after)
    before = seen(books, now=after)
    issued(books, now=after)
    synced(books, directory, now=after)

    assert (before, seen(books, now=after)) == (0, 1)


def test_what_was_done_once_is_never_late_again(books: Database) -> None:
    """Done in November; in spring its certificate is revoked, and its mailbox changes once more."""
    directory = FakeDirectory(DIT)
    provide(books, an_official("CB1"))
    synced(books, directory)
    certificate = written(books, a_letter(a_person("CB1"), kind=Kind.CERTIFICATE))
    submit(books, certificate)
    approve(books, certificate)
    run(books)
    issued(books)
    assert seen(books) == 0  # the directory does not show it yet
    synced(books, directory)
    assert (seen(books), seen(books, now=NOW + timedelta(days=1))) == (1, 0)
    assert the_request(books, certificate).done_at == NOW

    spring = NOW + timedelta(days=120)
    with books.transaction() as session:
        session.execute(update(Certificate).values(revoked_at=spring))
        session.execute(update(Mailbox).values(revision=Mailbox.revision + 1))

    (fact,) = facts(books, certificate)
    assert (fact.is_done, fact.certificate_since) == (False, None)
    assert late_ones(books, spring.date()) == []
    assert not is_overdue(the_request(books, certificate), [fact], today=spring.date())
