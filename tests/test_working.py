"""What is still to do: what waits for a person is not pending, so that waiting for the rest ends."""

import pytest
from sqlalchemy import select, update

from provisioner.certificates import delegating
from provisioner.certificates.finding import refused
from provisioner.certificates.models import Certificate, State
from provisioner.db import Database
from provisioner.mailboxes.models import Mailbox
from provisioner.working import Remaining, bells_due, remaining, stuck_of
from tests.books import NOW
from tests.certificates.records import sealed
from tests.fakes.directory import FakeDirectory
from tests.province import (
    AGENCIES,
    DIT,
    a_desk,
    a_province,
    a_unit,
    an_official,
    approve,
    issued,
    planned,
    provide,
    run,
    start,
    synced,
)

ROWS = (an_official(chung_thu="x"), a_unit("H36.05", chung_thu="x"))
ALL = len(AGENCIES) + len(ROWS)


def left(database: Database) -> Remaining:
    with database.reading() as session:
        return remaining(session, totals=True)


def bells(database: Database) -> list[str]:
    with database.reading() as session:
        return bells_due(session, now=NOW)


def test_each_bell_is_due_while_its_work_waits_and_no_longer(database: Database) -> None:
    assert bells(database) == []
    a_province(database)
    assert bells(database) == ["directory"]
    directory = FakeDirectory(DIT)
    synced(database, directory)
    assert bells(database) == []

    plan_id = planned(database, *ROWS)
    approve(database, plan_id)
    assert bells(database) == []
    start(database, plan_id)
    assert bells(database) == ["rosters"]
    run(database)
    assert bells(database) == ["directory"]  # a certificate waits for its mailbox
    synced(database, directory)
    assert bells(database) == ["signing"]
    issued(database)
    assert bells(database) == ["directory", "record"]
    synced(database, directory)
    assert sealed(database) == len(ROWS)
    assert bells(database) == []


def test_what_is_pending_is_counted_against_all_there_is(database: Database) -> None:
    provide(a_province(database), *ROWS)
    assert left(database) == Remaining(ALL, ALL, 2, 2, 0)

    synced(database, FakeDirectory(DIT))
    assert left(database) == Remaining(0, ALL, 2, 2, 0)

    issued(database)
    assert left(database) == Remaining(2, ALL, 0, 2, 0)


def test_a_certificate_of_a_stuck_mailbox_waits_for_the_same_person(database: Database) -> None:
    directory = FakeDirectory(DIT)
    synced(a_province(database), directory)
    provide(database, *ROWS)
    with database.transaction() as session:
        session.execute(update(Mailbox).where(Mailbox.person_id.is_not(None)).values(trouble="refused"))
    synced(database, directory)
    issued(database)
    synced(database, directory)

    assert left(database) == Remaining(0, ALL, 0, 2, 1)
    assert bells(database) == ["record"]


def test_a_refused_certificate_needs_a_person(database: Database) -> None:
    provide(a_province(database), *ROWS)
    synced(database, FakeDirectory(DIT), now=NOW)
    with database.transaction() as session:
        session.execute(update(Certificate).values(state=State.REFUSED, trouble="name.control-character"))

    assert left(database) == Remaining(0, ALL, 0, 2, 2)


def test_what_is_stuck_is_told_of_the_roster_that_it_came_with(database: Database) -> None:
    synced(a_province(database), FakeDirectory(DIT))
    first = provide(database, *ROWS)
    second = provide(database, an_official("CB2", "Lê Văn Bình"))
    with database.transaction() as session:
        of_a_unit = select(Mailbox.id).where(Mailbox.person_id.is_(None))
        session.execute(update(Mailbox).where(Mailbox.id.in_(of_a_unit)).values(trouble="refused"))
        session.execute(
            update(Certificate)
            .where(Certificate.mailbox_id.not_in(of_a_unit))
            .values(state=State.REFUSED, trouble="name.control-character")
        )

    with database.reading() as session:
        assert [stuck_of(session, plan) for plan in (first, second)] == [2, 0]


def test_a_refused_certificate_needs_nobody_once_another_is_ordered(database: Database) -> None:
    provide(a_province(database), *ROWS)
    synced(database, FakeDirectory(DIT))
    with database.transaction() as session:
        session.execute(update(Certificate).values(state=State.REFUSED, trouble="name.control-character"))

    provide(database, ROWS[0])

    assert left(database).stuck == 1
    with database.reading() as session:
        assert [address for address, _ in refused(session)] == ["skhcn@lamdong.gov.vn"]


def test_a_responder_that_was_reserved_and_never_signed_is_due_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    def strike(name: str) -> None:
        if name == "delegate.reserved":
            raise Killed

    desk = a_desk(database)
    assert "responders" not in bells(database)
    with monkeypatch.context() as patch:
        patch.setattr(delegating, "failpoint", strike)
        with pytest.raises(Killed):
            delegating.delegate_answers(database, desk)

    assert "responders" in bells(database)
    assert delegating.delegate_answers(database, desk)
    assert "responders" not in bells(database)
