"""Mail of deleted mailboxes: listed once it is old enough and the directory takes no mail for it any more."""

from datetime import datetime, timedelta

import pytest

from provisioner.audit import Who
from provisioner.db import Database
from provisioner.mail.purging import leftovers
from provisioner.mailboxes.lifecycle import delete, disable
from tests.books import NOW
from tests.fakes.directory import FakeDirectory
from tests.province import DIT, a_province, a_unit, addresses, an_official, provide, synced, the_mailbox

DAY = timedelta(days=1)
UNIT = "skhcn@lamdong.gov.vn"


@pytest.fixture
def boxes(database: Database) -> tuple[str, str]:
    """The addresses of an official and of a unit, which stand in the directory."""
    a_province(database)
    provide(database, an_official("CB1"), a_unit("H36.05"))
    synced(database, FakeDirectory(DIT))
    return addresses(database)["CB1"], UNIT


def ended(database: Database, address: str, at: datetime) -> None:
    with database.transaction() as session:
        delete(session, [the_mailbox(database, address).id], reason="giải thể", who=Who("binh"), now=at)


def listed(database: Database, before: datetime) -> list[str]:
    with database.reading() as session:
        return [one.address for one in leftovers(session, before=before)]


def test_whoever_was_deleted_by_then_is_listed_the_oldest_first(
    database: Database, boxes: tuple[str, str]
) -> None:
    person, unit = boxes
    ended(database, unit, NOW)
    ended(database, person, NOW + DAY)
    synced(database, FakeDirectory(DIT), now=NOW + DAY)

    assert listed(database, NOW - DAY) == []
    assert listed(database, NOW) == [unit]
    assert listed(database, NOW + DAY) == [unit, person]


def test_mail_is_left_while_the_directory_still_takes_some_in(
    database: Database, boxes: tuple[str, str]
) -> None:
    ended(database, boxes[0], NOW)

    assert listed(database, NOW + DAY) == []


def test_a_disabled_mailbox_keeps_its_mail(database: Database, boxes: tuple[str, str]) -> None:
    with database.transaction() as session:
        disable(session, [the_mailbox(database, boxes[0]).id], reason="x", who=Who("binh"), now=NOW)
    synced(database, FakeDirectory(DIT), now=NOW)

    assert listed(database, NOW + DAY) == []
