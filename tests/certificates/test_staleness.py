"""What no longer says what the register says is found, with the right reason and a clock that runs."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from ca.crl import Reason
from provisioner.agencies.models import Agency
from provisioner.audit import Who
from provisioner.certificates import staleness
from provisioner.certificates.revoking import revoke
from provisioner.certificates.staleness import Due, Stale
from provisioner.days import day_of
from provisioner.db import Database
from provisioner.mailboxes.models import Mailbox
from provisioner.mailboxes.opening import readdress
from provisioner.people.models import Person, Post
from tests.books import LATER, NOW
from tests.ca.world import profiles
from tests.certificates.holders import address_of, agency_address, certified, the_certificate
from tests.province import NAMING, the_mailbox

A_DAY = timedelta(days=1)


def stale(database: Database, *, now: datetime = LATER) -> list[Stale]:
    with database.reading() as session:
        return staleness.stale(session, NAMING, now=now)


def noted(database: Database, *, now: datetime = LATER) -> int:
    return staleness.note(database, NAMING, now=now)


def changed(database: Database, model: type, **values: object) -> None:
    with database.transaction() as session:
        session.execute(update(model).values(**values))


def moved(database: Database) -> None:
    with database.transaction() as session:
        session.execute(
            update(Post).values(agency_id=select(Agency.id).where(Agency.code == "H36.06").scalar_subquery())
        )


def test_how_many_are_due_and_when_the_first_is_told_without_comparing_any(database: Database) -> None:
    certified(database)
    with database.reading() as session:
        assert staleness.due(session, now=LATER) == Due(0, None)
    changed(database, Person, full_name="Nguyễn Thị Ánh Nga", given="Ánh Nga")
    noted(database)
    with database.transaction() as session:
        session.execute(update(Mailbox).where(Mailbox.person_id.is_(None)).values(closed_at=LATER))
    noted(database, now=LATER + A_DAY)

    with database.reading() as session:
        found = staleness.due(session, now=LATER + A_DAY)
        assert found == Due(2, min(each.revoke_by for each in stale(database, now=LATER + A_DAY)))
        assert found.first == LATER + 2 * A_DAY

    changed(database, Mailbox, closed_at=LATER)
    with database.reading() as session:
        assert staleness.due(session, now=LATER + A_DAY).first == LATER + A_DAY
        assert staleness.due(session, now=LATER + 800 * A_DAY) == Due(0, None)


def test_nothing_differs_right_after_issuing(database: Database) -> None:
    certified(database)

    assert stale(database) == []
    assert noted(database) == 0


@pytest.mark.parametrize(
    ("model", "values", "differing"),
    [
        (Post, {"title": "Trưởng phòng"}, ("post",)),
        (Person, {"full_name": "Nguyễn Thị Ánh Nga", "given": "Ánh Nga"}, ("given name", "name")),
        (Agency, {"name": "Sở Khoa học"}, ("agency",)),
    ],
    ids=["promoted", "renamed", "agency renamed"],
)
def test_what_changed_in_the_register_changes_the_affiliation(
    database: Database, model: type, values: dict[str, str], differing: tuple[str, ...]
) -> None:
    certified(database)

    changed(database, model, **values)

    mine = next(each for each in stale(database) if each.serial == the_serial(database))
    assert (mine.differing, mine.reason) == (differing, Reason.affiliation_changed)
    assert mine.revoke_by == LATER + 5 * A_DAY


def test_whoever_moves_differs_in_the_agency(database: Database) -> None:
    certified(database)

    moved(database)

    (found,) = stale(database)
    assert (found.serial, found.differing) == (the_serial(database), ("agency",))


def test_a_new_address_differs_in_the_mail(database: Database) -> None:
    certified(database)
    serial = the_serial(database)
    mailbox = the_mailbox(database, address_of(database))

    with database.transaction() as session:
        readdress(session, {mailbox.id: "anh.moi@lamdong.gov.vn"}, now=LATER)

    (found,) = stale(database)
    assert (found.serial, found.differing, found.reason) == (serial, ("mail",), Reason.affiliation_changed)


@pytest.mark.parametrize("how", ["left", "mailbox closed"])
def test_whoever_left_has_ceased_and_a_day_is_left(database: Database, how: str) -> None:
    certified(database)
    mailbox = the_mailbox(database, address_of(database))
    serial = the_serial(database)

    with database.transaction() as session:
        if how == "left":
            session.execute(update(Post).values(until=LATER.date()))
        else:
            session.execute(update(Mailbox).where(Mailbox.id == mailbox.id).values(closed_at=LATER))

    (found,) = stale(database)
    assert (found.serial, found.differing) == (serial, ())
    assert (found.reason, found.revoke_by) == (Reason.cessation_of_operation, LATER + A_DAY)


def test_an_agency_that_ended_has_ceased_with_everybody_in_it(database: Database) -> None:
    certified(database)
    today = day_of(LATER)

    changed(database, Agency, until=today)
    assert stale(database) == [], "its last day"

    changed(database, Agency, until=today - A_DAY)
    found = stale(database)
    serials = {the_serial(database), the_certificate(database, agency_address(database)).serial}
    assert {each.serial for each in found} == serials
    assert {(each.differing, each.reason, each.revoke_by) for each in found} == {
        ((), Reason.cessation_of_operation, LATER + A_DAY)
    }


def test_the_clock_runs_from_the_first_look_and_stops_when_they_agree_again(database: Database) -> None:
    certified(database)
    changed(database, Post, title="Trưởng phòng")

    assert noted(database, now=LATER) == 1
    assert noted(database, now=LATER + A_DAY) == 1
    (found,) = stale(database, now=LATER + 2 * A_DAY)
    assert (found.since, found.revoke_by) == (LATER, LATER + 5 * A_DAY)

    changed(database, Post, title=None)
    assert noted(database, now=LATER + 3 * A_DAY) == 0
    assert the_certificate(database, address_of(database)).stale_since is None


def test_whoever_writes_meanwhile_is_not_waited_for(database: Database) -> None:
    certified(database)

    with database.transaction() as session:
        session.execute(update(Post).values(title="Trưởng phòng"))
        assert noted(database) == 0
    assert noted(database) == 1


def test_a_few_at_a_time_come_to_the_same(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    certified(database)
    changed(database, Agency, name="Sở Khoa học")
    monkeypatch.setattr(staleness, "CHUNK", 1)

    assert noted(database) == 2
    assert [found.since for found in stale(database, now=LATER + A_DAY)] == [LATER, LATER]


def test_the_revoked_and_the_expired_are_not_asked_about(database: Database) -> None:
    certified(database)
    changed(database, Agency, name="Sở Khoa học")
    assert len(stale(database)) == 2
    theirs = the_certificate(database, agency_address(database))
    with database.transaction() as session:
        revoke(
            session,
            {theirs.id: Reason.affiliation_changed},
            who=Who("lan"),
            profiles=profiles(),
            now=LATER,
        )

    assert [found.serial for found in stale(database)] == [the_serial(database)]
    assert stale(database, now=NOW + 800 * A_DAY) == []


def the_serial(database: Database) -> str:
    return the_certificate(database, address_of(database)).serial or ""
