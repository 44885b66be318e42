"""Names of owners as a person reads them: the directory and later certificates follow, addresses never do."""

from typing import Any

import pytest
from sqlalchemy import select

from provisioner.audit import Who
from provisioner.certificates.staleness import stale
from provisioner.certificates.subjects import subjects
from provisioner.days import day_of
from provisioner.db import Database
from provisioner.errors import Invalid
from provisioner.mailboxes.owners import settle_names
from provisioner.people.models import Person
from provisioner.people.names import NameParts
from provisioner.vietnamese import search_key
from tests.books import LATER, Rings
from tests.certificates.holders import certified, the_certificate
from tests.fakes.directory import FakeDirectory
from tests.province import (
    NAMING,
    addresses,
    an_official,
    codes,
    plan_rows,
    planned,
    provide,
    synced,
    the_person,
    trail,
)

AS_A_PERSON_SAYS = NameParts("Êban", "", "Y-Blok", confirmed=True)
OFFICIAL = an_official("CB1", "Y-Blok Êban", chung_thu="có", ngay_sinh="05/03/1990")


@pytest.fixture
def directory(database: Database) -> FakeDirectory:
    """Where somebody stands whose name was guessed wrong, with a certificate."""
    return certified(database, OFFICIAL)


def settled(database: Database, parts: NameParts = AS_A_PERSON_SAYS, staff_number: str = "CB1") -> list[int]:
    person = the_person(database, staff_number)
    with database.transaction() as session:
        return settle_names(session, {person.id: parts}, who=Who("hoa"), now=LATER)


def parts_of(database: Database) -> tuple[Any, ...]:
    person = the_person(database, "CB1")
    return person.family, person.middle, person.given, person.name_order, person.name_confirmed


def test_the_books_hold_the_parts_and_the_trail_says_what_they_were(
    database: Database, directory: FakeDirectory
) -> None:
    person = the_person(database, "CB1")
    assert parts_of(database) == ("Y-Blok", "", "Êban", "family-first", False)

    assert settled(database) == [person.id]

    assert parts_of(database) == ("Êban", "", "Y-Blok", "given-first", True)
    after = the_person(database, "CB1")
    assert (after.full_name, after.search_key) == ("Y-Blok Êban", search_key("Y-Blok Êban"))
    assert after.sort_key != person.sort_key
    (event,) = trail(database, "person.name-settled")
    assert (event.actor, event.subject_type, event.subject_id) == ("hoa", "person", "CB1")
    assert event.before == {"family": "Y-Blok", "given": "Êban", "name_confirmed": False}
    assert event.after == {"family": "Êban", "given": "Y-Blok", "name_confirmed": True}


def test_the_directory_follows_and_the_address_stays(
    database: Database, directory: FakeDirectory, rings: Rings
) -> None:
    before = addresses(database)
    rings.clear()

    settled(database)
    assert rings == ["directory"]
    synced(database, directory, now=LATER)

    (entry,) = [one for one in directory.entries.values() if one.get("employeeNumber") == (b"CB1",)]
    assert (entry["sn"], entry["givenName"]) == (("Êban".encode(),), (b"Y-Blok",))
    assert entry["cn"] == ("Y-Blok Êban".encode(),)
    assert addresses(database) == before


def test_later_certificates_follow_and_that_of_today_differs(
    database: Database, directory: FakeDirectory
) -> None:
    settled(database)

    certificate = the_certificate(database, addresses(database)["CB1"])
    with database.reading() as session:
        subject = subjects(session, [certificate.id], NAMING, day_of(LATER))[certificate.id]
        (found,) = stale(session, NAMING, now=LATER)
    assert (subject.surname, subject.given_name, subject.common_name) == ("Êban", "Y-Blok", "Y-Blok Êban")
    assert found.differing == ("family name", "given name")


def test_what_is_so_already_changes_nothing(
    database: Database, directory: FakeDirectory, rings: Rings
) -> None:
    settled(database)
    rings.clear()

    assert settled(database) == []

    assert rings == []
    assert len(trail(database, "person.name-settled")) == 1


def test_a_guess_that_is_right_is_only_confirmed(database: Database, directory: FakeDirectory) -> None:
    settled(database, NameParts("Y-Blok", "", "Êban", confirmed=True))

    assert parts_of(database) == ("Y-Blok", "", "Êban", "family-first", True)
    (event,) = trail(database, "person.name-settled")
    assert (event.before, event.after) == ({"name_confirmed": False}, {"name_confirmed": True})


def test_parts_of_another_name_are_refused_and_nothing_changes(
    database: Database, directory: FakeDirectory
) -> None:
    with pytest.raises(Invalid) as refused:
        settled(database, NameParts("Êban", "", "Y-Blôk", confirmed=True))

    assert refused.value.code == "name-parts-differ"
    assert parts_of(database)[-1] is False


def test_the_parts_survive_a_roster_with_the_same_name_and_are_read_anew_with_another(
    database: Database, directory: FakeDirectory
) -> None:
    settled(database)

    provide(database, OFFICIAL | {"chuc_vu": "Trưởng phòng", "dien_thoai": "0912345678"}, now=LATER)
    assert the_person(database, "CB1").phone is not None
    assert parts_of(database) == ("Êban", "", "Y-Blok", "given-first", True)

    provide(database, OFFICIAL | {"ho_va_ten": "Y-Blôk Êban"}, now=LATER)
    assert parts_of(database) == ("Y-Blôk", "", "Êban", "family-first", False)


@pytest.mark.parametrize("name", ["Y-Blok Êban", "Y-BLOK ÊBAN"])
def test_whose_name_was_corrected_is_found_by_it_under_another_number(
    database: Database, directory: FakeDirectory, name: str
) -> None:
    settled(database)

    (row,) = plan_rows(
        database, planned(database, an_official("CB77", name, ngay_sinh="05/03/1990"), now=LATER)
    )

    assert "namesake-born-the-same-day" in codes(row)


def test_names_are_settled_in_sets(database: Database, directory: FakeDirectory) -> None:
    provide(database, an_official("CB2", "Thị Hồng"), now=LATER)
    with database.transaction() as session:
        ids = dict(session.execute(select(Person.staff_number, Person.id)).all())
        said = {
            ids["CB1"]: AS_A_PERSON_SAYS,
            ids["CB2"]: NameParts("", "Thị", "Hồng", confirmed=True),
        }
        assert settle_names(session, said, who=Who("hoa"), now=LATER) == sorted(ids.values())

    person = the_person(database, "CB2")
    assert (person.family, person.middle, person.given, person.name_order) == (
        "",
        "Thị",
        "Hồng",
        "given-only",
    )
