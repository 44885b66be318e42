"""Certificates are renewed before they end, and whoever has to know is told once for each threshold."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from ca.crl import Reason
from provisioner.agencies.models import Agency
from provisioner.audit import Who
from provisioner.certificates import renewing
from provisioner.certificates.handing_over import hand_over
from provisioner.certificates.models import Certificate, Purpose, State
from provisioner.certificates.ordering import order_again, order_for
from provisioner.certificates.renewing import Notice
from provisioner.certificates.revoking import release, revoke
from provisioner.coverage.conditions import ending
from provisioner.days import day_of
from provisioner.db import Database
from provisioner.people.models import Person, Post
from provisioner.services import Services
from provisioner.settings import Settings
from tests.books import NOW, asked
from tests.ca.world import profiles
from tests.certificates.holders import (
    OFFICIAL,
    address_of,
    agency_address,
    all_certificates,
    certified,
    published,
    the_certificate,
)
from tests.province import SEALER, apply, counts, issued, plan_rows, planned, synced, trail

A_DAY = timedelta(days=1)
END = NOW + 730 * A_DAY
BEFORE = 30 * A_DAY


def renewed(database: Database, *, now: datetime) -> int:
    with database.transaction() as session:
        return renewing.renew(session, before=BEFORE, now=now)


def noted(database: Database, *, now: datetime) -> int:
    with database.transaction() as session:
        return renewing.note_expiring(session, now=now)


def due(database: Database, *, now: datetime) -> list[Notice]:
    with database.reading() as session:
        return list(renewing.notices_due(session, now=now))


def test_a_successor_is_ordered_so_many_days_before_the_end_and_once(database: Database) -> None:
    certified(database)

    assert renewed(database, now=END - 31 * A_DAY) == 0
    assert renewed(database, now=END - 30 * A_DAY) == 2
    assert renewed(database, now=END - 29 * A_DAY) == 0

    new, old = all_certificates(database, address_of(database))
    assert (new.state, new.replaces_id, new.ordered_by) == (State.ORDERED, old.id, old.ordered_by)
    assert old.replaced_at == END - 30 * A_DAY
    assert len(trail(database, "certificate.renewal-ordered")) == 2


def test_the_old_one_is_superseded_when_the_new_one_is_handed_over(database: Database) -> None:
    directory = certified(database)
    now = END - 20 * A_DAY
    renewed(database, now=now)
    assert issued(database, now=now) == 2
    synced(database, directory, now=now)
    new, old = all_certificates(database, address_of(database))
    assert {new.der, old.der} <= published(directory)
    assert new.key_fingerprint != old.key_fingerprint

    with database.transaction() as session:
        hand_over(session, address_of(database), sealer=SEALER, who=Who("lan"), now=now)

    synced(database, directory, now=now)
    assert old.der not in published(directory)
    assert all_certificates(database, address_of(database))[1].revocation_reason == "superseded"


def test_handing_over_after_the_old_one_has_ended_revokes_nothing(database: Database) -> None:
    certified(database)
    renewed(database, now=END - A_DAY)
    issued(database, now=END - A_DAY)

    with database.transaction() as session:
        given = hand_over(session, address_of(database), sealer=SEALER, who=Who("lan"), now=END + A_DAY)

    assert given.password
    assert all_certificates(database, address_of(database))[1].revoked_at is None


def test_what_a_refused_successor_was_to_replace_is_its_owners_certificate_again(database: Database) -> None:
    """Its key is still to be fetched, its end still to be told, and the next one ends it."""
    certified(database)
    now = END - 20 * A_DAY
    renewed(database, now=now)
    with database.transaction() as session:
        session.execute(update(Person).values(full_name="Nguyễn\nThị Ánh"))

    assert issued(database, now=now) == 1  # the agency's

    refused, old = all_certificates(database, address_of(database))
    assert (refused.state, old.replaced_at) == (State.REFUSED, None)
    with database.reading() as session:
        left = renewing.expiring(session, within=BEFORE, now=now)
    assert [each.is_replaced for each in left if each.serial == old.serial] == [False]
    with database.transaction() as session:
        given = hand_over(session, address_of(database), sealer=SEALER, who=Who("lan"), now=now)
        session.execute(update(Person).values(full_name="Nguyễn Thị Ánh"))
    assert (given.serial, bool(given.password)) == (old.serial, True)
    renewed(database, now=now)
    assert issued(database, now=now) == 1
    with database.transaction() as session:
        hand_over(session, address_of(database), sealer=SEALER, who=Who("lan"), now=now)
    newest, _, old = all_certificates(database, address_of(database))
    assert (newest.revoked_at, old.revocation_reason) == (None, "superseded")


def with_successor(database: Database, *, now: datetime) -> tuple[Certificate, Certificate]:
    """The person's certificate, and its successor that nobody has fetched yet."""
    certified(database)
    renewed(database, now=now)
    assert issued(database, now=now) == 2
    new, old = all_certificates(database, address_of(database))
    assert old.replaced_at == now
    return new, old


@pytest.mark.parametrize("reason", [Reason.key_compromise, Reason.certificate_hold], ids=lambda r: r.value)
def test_what_a_revoked_successor_was_to_replace_is_its_owners_certificate_again(
    database: Database, reason: Reason
) -> None:
    """Its key is in its owner's hands and nobody revoked it; its end is told, and the next one follows it."""
    now = END - 20 * A_DAY
    new, old = with_successor(database, now=now)

    with database.transaction() as session:
        assert not revoke(session, {new.id: reason}, who=Who("lan"), profiles=profiles(), now=now)

    assert all_certificates(database, address_of(database))[1].replaced_at is None
    with database.reading() as session:
        left = renewing.expiring(session, within=BEFORE, now=now)
    assert [each.is_replaced for each in left if each.serial == old.serial] == [False]
    with database.transaction() as session:
        given = hand_over(session, address_of(database), sealer=SEALER, who=Who("lan"), now=now)
    assert given.serial == old.serial
    assert renewed(database, now=now) == 1
    assert the_certificate(database, address_of(database)).replaces_id == old.id


def test_a_successor_whose_hold_is_taken_back_follows_the_earlier_one_again(database: Database) -> None:
    now = END - 20 * A_DAY
    new, old = with_successor(database, now=now)
    hold = {new.id: Reason.certificate_hold}
    with database.transaction() as session:
        revoke(session, hold, who=Who("lan"), profiles=profiles(), now=now)

    with database.transaction() as session:
        release(session, new.id, who=Who("lan"), now=now + A_DAY)

    rows = all_certificates(database, address_of(database))
    assert [(row.id, row.replaced_at, row.revoked_at) for row in rows] == [
        (new.id, None, None),
        (old.id, now + A_DAY, None),
    ]


def test_of_two_successors_refused_and_revoked_the_last_that_is_good_stands_again(database: Database) -> None:
    now = END - 20 * A_DAY
    new, old = with_successor(database, now=now)
    with database.transaction() as session:
        order_again(session, session.get_one(Certificate, new.id), by="lan", now=now)
        revoke(session, {new.id: Reason.superseded}, who=Who("lan"), profiles=profiles(), now=now)
    assert the_certificate(database, address_of(database)).state is State.ORDERED
    assert all_certificates(database, address_of(database))[2].replaced_at == now

    with database.transaction() as session:
        session.execute(update(Person).values(full_name="Nguyễn\nThị Ánh"))
    assert issued(database, now=now) == 0

    assert [row.replaced_at for row in all_certificates(database, address_of(database))] == [None, now, None]
    assert old.id == all_certificates(database, address_of(database))[2].id


def test_a_successor_that_ended_before_anybody_fetched_it_gives_its_place_back(database: Database) -> None:
    """As one does whose profile became shorter meanwhile: the earlier one is good for longer, and renewed in its time."""
    new, old = with_successor(database, now=END - 25 * A_DAY)
    with database.transaction() as session:
        session.get_one(Certificate, new.id).not_after = END - 21 * A_DAY
    now = END - 20 * A_DAY

    assert renewed(database, now=now) == 1

    rows = all_certificates(database, address_of(database))
    assert [(row.state, row.replaced_at, row.replaces_id) for row in rows] == [
        (State.ORDERED, None, old.id),
        (State.ISSUED, now, old.id),
        (State.ISSUED, now, None),
    ]


@pytest.mark.parametrize("nobody", ["ended", "left"])
def test_what_is_nobodys_any_more_is_neither_renewed_nor_said_to_end(database: Database, nobody: str) -> None:
    """It is to be revoked, and no successor could be issued: each round would order another."""
    certified(database)
    now = END - 20 * A_DAY
    with database.transaction() as session:
        if nobody == "ended":
            session.execute(update(Agency).values(until=day_of(now) - A_DAY))
        else:
            session.execute(update(Post).values(until=day_of(now)))

    mine = [] if nobody == "ended" else [agency_address(database)]
    assert renewed(database, now=now) == len(mine)
    with database.reading() as session:
        assert [each.address for each in renewing.expiring(session, within=BEFORE, now=now)] == mine
    assert noted(database, now=now) == len(mine)
    assert [notice.expiring.address for notice in due(database, now=now)] == mine


def test_what_has_expired_makes_room_and_its_owner_gets_another(database: Database) -> None:
    certified(database)
    now = END + A_DAY
    address, agency = address_of(database), agency_address(database)
    before = planned(database, OFFICIAL, now=END - A_DAY)
    after = planned(database, OFFICIAL, now=now)
    assert counts(database, before) == {"unchanged": 1}
    assert [row.changes for row in plan_rows(database, after)] == [{"certificate": [None, "order"]}]

    apply(database, after, now=now)
    with database.transaction() as session:
        ordered = order_for(session, [address, agency], who=Who("lan"), now=now, purpose=Purpose.MAIL)
    assert ordered == 1  # the agency's; the person's is on order

    assert issued(database, now=now) == 2
    for mailbox in (address, agency):
        new, old = all_certificates(database, mailbox)
        assert (old.replaced_at, new.replaces_id) == (now, old.id)
        with database.transaction() as session:
            assert hand_over(session, mailbox, sealer=SEALER, who=Who("lan"), now=now).serial == new.serial


def test_only_its_owner_renews_a_key_of_their_own(database: Database) -> None:
    certified(database)
    mine = the_certificate(database, address_of(database))
    with database.transaction() as session:
        session.get_one(Certificate, mine.id).key_by_owner = True

    assert renewed(database, now=END - A_DAY) == 1
    with database.reading() as session:
        found = renewing.expiring(session, within=60 * A_DAY, now=END - A_DAY)
    (left,) = (each for each in found if not each.is_replaced)
    assert (left.serial, left.key_by_owner) == (mine.serial, True)


def test_whoever_asks_sees_what_ends_and_whom_to_tell(database: Database) -> None:
    certified(database)

    with database.reading() as session:
        assert renewing.expiring(session, within=60 * A_DAY, now=END - 61 * A_DAY) == []
        found = renewing.expiring(session, within=60 * A_DAY, now=END - 60 * A_DAY)

    agency = agency_address(database)
    assert {(each.address, each.contact) for each in found} == {
        (address_of(database), agency),
        (agency, agency),
    }


def test_an_agency_that_named_a_contact_is_told_there(database: Database) -> None:
    certified(database)
    with database.transaction() as session:
        session.execute(update(Agency).values(contact_email="vanphong@lamdong.gov.vn"))

    with database.reading() as session:
        found = renewing.expiring(session, within=60 * A_DAY, now=END - A_DAY)

    assert {each.contact for each in found} == {"vanphong@lamdong.gov.vn"}


@pytest.mark.parametrize("lose_a_day", [False, True])
def test_each_threshold_is_noted_once(database: Database, lose_a_day: bool) -> None:
    certified(database)
    told: list[int] = []

    for days in range(65, 0, -5 if lose_a_day else -1):
        now = END - days * A_DAY
        noted(database, now=now)
        noted(database, now=now)
        told += [notice.days for notice in due(database, now=now)]
        with database.transaction() as session:
            for notice in renewing.notices_due(session, now=now):
                renewing.mark_sent(session, notice.id, now=now)

    assert told == [60, 60, 30, 30, 7, 7]


def test_a_round_of_renewals_looks_once_at_the_notices_and_at_none_of_the_past(
    database: Database, database_url: str
) -> None:
    certified(database)
    noted(database, now=END - 7 * A_DAY)
    services = Services(
        Settings.load(database={"url": database_url}),
        clock=lambda: END - 7 * A_DAY,
        ring=lambda _bell: None,
    )

    with asked(services.database) as statements:
        assert services.renew_certificates() == 2

    (look,) = [statement for statement in statements if "FROM expiry_notices" in statement]
    assert "certificates.not_after BETWEEN" in look
    services.close()


def test_what_was_not_looked_at_for_long_is_told_the_nearest_only(database: Database) -> None:
    certified(database)

    noted(database, now=END - 3 * A_DAY)

    assert [notice.days for notice in due(database, now=END - 3 * A_DAY)] == [7, 7]


def test_an_end_is_told_until_the_successor_is_handed_over(database: Database) -> None:
    """A new file that nobody fetched helps nobody, and the old one ends."""
    certified(database)
    now = END - 30 * A_DAY
    noted(database, now=now)
    renewed(database, now=now)
    issued(database, now=now)
    noted(database, now=now + 23 * A_DAY)
    assert sorted(notice.days for notice in due(database, now=now)) == [7, 7, 30, 30]
    with database.reading() as session:
        found = renewing.expiring(session, within=BEFORE, now=now)
        assert session.scalar(select(func.count()).where(*ending(now, BEFORE))) == 2
    assert [each.is_replaced for each in found] == [True, True]

    with database.transaction() as session:
        hand_over(session, address_of(database), sealer=SEALER, who=Who("lan"), now=now)

    left = due(database, now=now)
    assert {notice.expiring.address for notice in left} == {agency_address(database)}
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(*ending(now, BEFORE))) == 1
