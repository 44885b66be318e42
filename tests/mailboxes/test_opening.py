"""Opening mailboxes: an address is for ever its mailbox's, and a quota of one's own has a reason."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from provisioner.agencies.models import Agency
from provisioner.db import Database
from provisioner.mailboxes.models import Address, Kind, Mailbox, Status
from provisioner.mailboxes.opening import (
    NewMailbox,
    QuotaException,
    except_quota,
    open_mailboxes,
    readdress,
    touch,
)
from tests.books import LATER, NOW, count
from tests.province import GB, a_province


@pytest.fixture
def agency_id(database: Database) -> int:
    a_province(database)
    with database.reading() as session:
        return session.scalars(select(Agency.id).where(Agency.code == "H36.05")).one()


def opened(database: Database, *mailboxes: NewMailbox) -> list[int]:
    with database.transaction() as session:
        return open_mailboxes(session, mailboxes, now=NOW)


def a_mailbox(agency_id: int, name: str = "vanthu", **more: Any) -> NewMailbox:
    usual = NewMailbox(f"{name}@lamdong.gov.vn", agency_id=agency_id, unit_name=name, unit_key=name)
    return replace(usual, **more)


def stored(database: Database, mailbox_id: int) -> Mailbox:
    with database.reading() as session:
        return session.get_one(Mailbox, mailbox_id)


def all_addresses(database: Database) -> list[tuple[str, int, bool]]:
    with database.reading() as session:
        rows = session.scalars(select(Address).order_by(Address.id))
        return [(row.address.partition("@")[0], row.mailbox_id, row.is_primary) for row in rows]


def test_a_mailbox_opens_active_pending_and_with_an_account_of_its_own(
    database: Database, agency_id: int
) -> None:
    one, other = opened(database, a_mailbox(agency_id), a_mailbox(agency_id, "tiepdan"))

    mailbox = stored(database, one)
    assert (mailbox.kind, mailbox.status, mailbox.opened_at) == (Kind.UNIT, Status.ACTIVE, NOW)
    assert (mailbox.revision, mailbox.synced_revision, mailbox.closed_at) == (1, 0, None)
    assert mailbox.account_id != stored(database, other).account_id
    assert all_addresses(database) == [("vanthu", one, True), ("tiepdan", other, True)]


def test_opening_nothing_opens_nothing(database: Database) -> None:
    assert opened(database) == []


@pytest.mark.parametrize("second", ["vanthu", "van.thu", "van-thu", "VanThu"])
def test_an_address_or_one_that_looks_like_it_is_given_once(
    database: Database, agency_id: int, second: str
) -> None:
    opened(database, a_mailbox(agency_id))
    alike = NewMailbox(address=f"{second}@lamdong.gov.vn", agency_id=agency_id, unit_key="other")

    with pytest.raises(IntegrityError):
        opened(database, alike)

    assert count(database, Mailbox) == 1


def test_the_address_of_a_closed_mailbox_stays_taken(database: Database, agency_id: int) -> None:
    opened(database, a_mailbox(agency_id))
    with database.transaction() as session:
        session.execute(update(Mailbox).values(closed_at=NOW))

    with pytest.raises(IntegrityError):
        opened(database, a_mailbox(agency_id))
    opened(database, a_mailbox(agency_id, address="vanthu2@lamdong.gov.vn"))


def test_an_agency_has_one_open_mailbox_of_a_name(database: Database, agency_id: int) -> None:
    opened(database, a_mailbox(agency_id))

    with pytest.raises(IntegrityError):
        opened(database, NewMailbox("other@lamdong.gov.vn", agency_id=agency_id, unit_key="vanthu"))


def test_a_new_address_leaves_the_old_one_as_an_alias(database: Database, agency_id: int) -> None:
    one, other = opened(database, a_mailbox(agency_id), a_mailbox(agency_id, "tiepdan"))

    with database.transaction() as session:
        readdress(session, {one: "vp@lamdong.gov.vn"}, now=LATER)

    assert all_addresses(database) == [("vanthu", one, False), ("tiepdan", other, True), ("vp", one, True)]


def test_an_alias_may_become_the_address_again(database: Database, agency_id: int) -> None:
    (one,) = opened(database, a_mailbox(agency_id))
    with database.transaction() as session:
        readdress(session, {one: "vp@lamdong.gov.vn"}, now=LATER)

    with database.transaction() as session:
        readdress(session, {one: "vanthu@lamdong.gov.vn"}, now=LATER)

    assert all_addresses(database) == [("vanthu", one, True), ("vp", one, False)]


def test_the_alias_of_another_mailbox_is_not_taken_from_it(database: Database, agency_id: int) -> None:
    one, other = opened(database, a_mailbox(agency_id), a_mailbox(agency_id, "tiepdan"))
    with database.transaction() as session:
        readdress(session, {one: "vp@lamdong.gov.vn"}, now=LATER)

    with pytest.raises(IntegrityError), database.transaction() as session:
        readdress(session, {other: "vanthu@lamdong.gov.vn"}, now=LATER)

    assert ("tiepdan", other, True) in all_addresses(database)


def test_two_mailboxes_do_not_exchange_addresses(database: Database, agency_id: int) -> None:
    one, other = opened(database, a_mailbox(agency_id), a_mailbox(agency_id, "tiepdan"))

    with pytest.raises(IntegrityError), database.transaction() as session:
        readdress(session, {one: "tiepdan@lamdong.gov.vn", other: "vanthu@lamdong.gov.vn"}, now=LATER)


def test_a_quota_of_ones_own_carries_reason_granter_and_moment(database: Database, agency_id: int) -> None:
    exception = QuotaException(20 * GB, reason="quyết định 12/QĐ-UBND", granted_by="binh")
    (one,) = opened(database, a_mailbox(agency_id, quota=exception))
    mailbox = stored(database, one)
    assert (mailbox.quota_exception_bytes, mailbox.quota_exception_reason) == (20 * GB, exception.reason)
    assert (mailbox.quota_exception_by, mailbox.quota_exception_at) == ("binh", NOW)

    with database.transaction() as session:
        except_quota(session, {one: None}, now=LATER)

    mailbox = stored(database, one)
    assert (mailbox.quota_exception_bytes, mailbox.quota_exception_reason) == (None, None)
    assert (mailbox.quota_exception_by, mailbox.quota_exception_at) == (None, None)


@pytest.mark.parametrize("size", [0, -1])
def test_the_database_itself_refuses_a_quota_that_would_be_unlimited(
    database: Database, agency_id: int, size: int
) -> None:
    with pytest.raises(IntegrityError):
        opened(database, a_mailbox(agency_id, quota=QuotaException(size, reason="", granted_by="")))


def test_touching_makes_pending_and_gives_a_stuck_mailbox_another_chance(
    database: Database, agency_id: int
) -> None:
    one, other = opened(database, a_mailbox(agency_id), a_mailbox(agency_id, "tiepdan"))
    with database.transaction() as session:
        session.execute(
            update(Mailbox).values(synced_revision=1, trouble="refused", trouble_detail="x", due_at=LATER)
        )

    with database.transaction() as session:
        touch(session, [one, one])
        touch(session, [])

    touched, left = stored(database, one), stored(database, other)
    assert touched.revision > touched.synced_revision
    assert (touched.trouble, touched.trouble_detail, touched.due_at) == (None, None, None)
    assert (left.revision, left.trouble) == (1, "refused")
