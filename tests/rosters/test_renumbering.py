"""A mistyped staff number is corrected: same person, same mailbox; directory and later certificates follow."""

import pytest

from provisioner.audit import Who
from provisioner.certificates.staleness import stale
from provisioner.db import Database
from provisioner.errors import Conflict, Invalid, NotFound, ProvisionerError
from provisioner.rosters.renumbering import renumber
from tests.books import LATER
from tests.certificates.holders import certified
from tests.fakes.directory import FakeDirectory
from tests.province import (
    NAMING,
    addresses,
    an_official,
    plan_rows,
    planned,
    synced,
    the_mailbox,
    the_person,
    trail,
)

OFFICIAL = an_official("CB1", "Nguyễn Thị Ánh", chung_thu="có")
OTHER = an_official("CB2", "Lê Văn Bình", chung_thu="có")


@pytest.fixture
def directory(database: Database) -> FakeDirectory:
    return certified(database, OFFICIAL, OTHER)


def renumbered(database: Database, old: str, new: str) -> str:
    with database.transaction() as session:
        return renumber(session, old, new, who=Who("hoa"), now=LATER)


def test_the_person_keeps_everything_but_the_number(database: Database, directory: FakeDirectory) -> None:
    person, address = the_person(database, "CB1"), addresses(database)["CB1"]

    assert renumbered(database, "CB1", " CB10 ") == "CB10"

    assert the_person(database, "CB10").id == person.id
    assert addresses(database) == {"CB10": address, "CB2": addresses(database)["CB2"]}
    (event,) = trail(database, "person.renumbered")
    assert (event.actor, event.subject_id, event.before, event.after) == (
        "hoa",
        "CB10",
        {"staff_number": "CB1"},
        {"staff_number": "CB10"},
    )
    plan_id = planned(database, OFFICIAL | {"ma_can_bo": "CB10"}, OTHER, now=LATER)
    assert [row.outcome for row in plan_rows(database, plan_id)] == ["unchanged", "unchanged"]


def test_the_directory_follows_and_the_certificate_is_stale(
    database: Database, directory: FakeDirectory
) -> None:
    renumbered(database, "CB1", "CB10")
    synced(database, directory, now=LATER)

    account = the_mailbox(database, addresses(database)["CB10"]).account_id
    (entry,) = [entry for dn, entry in directory.entries.items() if account in dn]
    assert entry["employeeNumber"] == (b"CB10",)
    with database.reading() as session:
        assert [found.differing for found in stale(session, NAMING, now=LATER)] == [("number",)]


@pytest.mark.parametrize(
    ("old", "new", "error", "code"),
    [
        ("CB9", "CB10", NotFound, "person-unknown"),
        ("CB1", "CB2", Conflict, "staff-number-taken"),
        ("CB1", "CB 10", Invalid, "staff-number-malformed"),
        ("CB1", "", Invalid, "staff-number-malformed"),
        ("CB1", "068090000123", Invalid, "identity-number-misplaced"),
    ],
)
def test_a_number_that_no_list_could_give_is_refused(
    database: Database, directory: FakeDirectory, old: str, new: str, error: type[ProvisionerError], code: str
) -> None:
    with pytest.raises(error) as refused:
        renumbered(database, old, new)

    assert refused.value.code == code
    assert sorted(addresses(database)) == ["CB1", "CB2"]
    assert trail(database, "person.renumbered") == []
