"""Reconciling: every difference between the books and the directory is told, and nothing else."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from ldap_schema.schema import CERTIFICATE, MANAGED, OBJECT_CLASS
from provisioner.agencies.models import Agency
from provisioner.audit import AuditEvent, Who
from provisioner.certificates.models import Certificate
from provisioner.db import Database
from provisioner.directory.reconciling import (
    PART,
    PARTS,
    Compared,
    Difference,
    reconcile,
    reconcile_part,
    repair,
)
from provisioner.directory.syncing import sync
from provisioner.errors import Unavailable
from provisioner.mailboxes.models import Kind, Mailbox
from tests.books import LATER, NOW
from tests.entries import a_certificate
from tests.fakes.directory import FakeDirectory
from tests.province import (
    AGENCIES,
    DIT,
    GB,
    QUOTAS,
    a_clock,
    a_province,
    a_unit,
    an_official,
    issued,
    provide,
    synced,
    the_mailbox,
)

ANH = "nguyen.anh@lamdong.gov.vn"
UNIT = "skhcn@lamdong.gov.vn"
ENTRIES = len(AGENCIES) + 2


@pytest.fixture
def directory() -> FakeDirectory:
    return FakeDirectory(DIT)


@pytest.fixture
def province(database: Database, directory: FakeDirectory) -> Database:
    """A person with every attribute there is and a unit, in the books and in the directory."""
    everything = {"chuc_vu": "Chuyên viên", "dien_thoai": "0912345678", "chung_thu": "x", "lanh_dao": "x"}
    provide(a_province(database), an_official("CB1", "Nguyễn Thị Ánh", **everything), a_unit("H36.05"))
    provide(database, an_official("CB1", dia_chi_thu=ANH))
    synced(database, directory)
    assert issued(database) == 1
    synced(database, directory)
    return database


def compared(database: Database, directory: FakeDirectory) -> Compared:
    return reconcile(database, directory, dit=DIT, quotas=QUOTAS, now=NOW)


def the_dn(database: Database) -> str:
    return DIT.person(the_mailbox(database, ANH).account_id)


def test_books_and_directory_agree_after_a_sync(province: Database, directory: FakeDirectory) -> None:
    assert compared(province, directory) == Compared(entries=ENTRIES, pending=0, differences=[])


def test_an_entry_that_is_gone_is_missing(province: Database, directory: FakeDirectory) -> None:
    dn = the_dn(province)
    del directory.entries[dn]

    assert compared(province, directory).differences == [Difference(dn, "missing")]


def test_every_managed_attribute_that_differs_is_named(province: Database, directory: FakeDirectory) -> None:
    dn = the_dn(province)
    as_it_should_be = directory.entries[dn]
    of_lists = {"congvuPart", "congvuPartOf", "congvuSenders", "memberURL"}
    assert as_it_should_be.keys() >= MANAGED - of_lists, "the person of this test has every other attribute"

    for attribute in sorted(MANAGED - of_lists - {"congvuId"}):
        told = [Difference(dn, "drifted", (attribute,))]
        directory.entries[dn] = as_it_should_be | {attribute: (b"something else",)}
        assert compared(province, directory).differences == told
        del directory.entries[dn][attribute]
        assert compared(province, directory).differences == told


def test_an_agency_that_differs_is_told_too(province: Database, directory: FakeDirectory) -> None:
    with province.reading() as session:
        dn = DIT.agency(session.scalars(select(Agency.uid).where(Agency.code == "H36.06")).one())
    directory.entries[dn]["cn"] = (b"So Tai chinh",)

    assert compared(province, directory).differences == [Difference(dn, "drifted", ("cn",))]


def test_a_certificate_that_is_not_published_is_a_difference(
    province: Database, directory: FakeDirectory
) -> None:
    dn = the_dn(province)
    directory.entries[dn][CERTIFICATE] = (a_certificate("planted"),)

    assert compared(province, directory).differences == [Difference(dn, "drifted", (CERTIFICATE,))]


def test_certificates_and_classes_of_others_are_no_difference(
    province: Database, directory: FakeDirectory
) -> None:
    entry = directory.entries[the_dn(province)]
    entry[CERTIFICATE] = (a_certificate("planted"), *entry[CERTIFICATE])
    entry[OBJECT_CLASS] = (b"posixAccount", *(value.upper() for value in entry[OBJECT_CLASS]))
    entry["description"] = (b"a note of somebody else",)

    assert compared(province, directory).differences == []


def test_a_revoked_certificate_that_is_still_published_is_a_difference(
    province: Database, directory: FakeDirectory
) -> None:
    with province.transaction() as session:
        session.execute(update(Certificate).values(revoked_at=NOW))

    assert compared(province, directory).differences == [
        Difference(the_dn(province), "drifted", (CERTIFICATE,))
    ]


def test_an_entry_without_our_marker_is_a_stranger_and_one_we_do_not_know_an_orphan(
    province: Database, directory: FakeDirectory
) -> None:
    stranger, orphan = DIT.person("5" * 32), DIT.unit("6" * 32)
    directory.plant(stranger, {"objectClass": (b"inetOrgPerson",), "cn": (b"X",), "sn": (b"X",)})
    directory.plant(orphan, {"objectClass": (b"congvuUnit",), "cn": (b"X",), "congvuId": (b"6" * 32,)})

    assert {(d.dn, d.kind) for d in compared(province, directory).differences} == {
        (stranger, "stranger"),
        (orphan, "orphan"),
    }


def test_an_entry_of_ours_whose_marker_was_taken_away_is_drifted(
    province: Database, directory: FakeDirectory
) -> None:
    dn = the_dn(province)
    del directory.entries[dn]["congvuId"]

    assert compared(province, directory).differences == [Difference(dn, "drifted", ("congvuId",))]


def test_what_is_pending_is_counted_and_not_compared(province: Database, directory: FakeDirectory) -> None:
    provide(province, an_official("CB1", "Nguyễn Thị Ánh Hồng"), an_official("CB2"))

    found = compared(province, directory)

    assert (found.entries, found.pending, found.differences) == (ENTRIES - 1, 2, [])


def test_what_a_worker_writes_while_we_compare_is_pending(
    province: Database, directory: FakeDirectory
) -> None:
    with province.transaction() as session:
        session.execute(update(Mailbox).values(synced_at=NOW + timedelta(seconds=1)))
    directory.entries.pop(the_dn(province))

    found = compared(province, directory)

    assert (found.pending, found.differences) == (2, [])


def test_what_drifted_is_put_right_by_the_next_sync_of_that_row(
    province: Database, directory: FakeDirectory
) -> None:
    directory.entries[the_dn(province)]["congvuQuota"] = (b"1",)
    provide(province, an_official("CB1", chuc_vu="Trưởng phòng"), now=LATER)

    synced(province, directory, now=LATER)

    assert reconcile(province, directory, dit=DIT, quotas=QUOTAS, now=LATER).differences == []


def test_small_chunks_come_to_the_same(
    province: Database, directory: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioner.directory.reconciling.CHUNK", 1)

    assert compared(province, directory).entries == ENTRIES


def test_a_directory_that_is_away_is_no_list_of_differences(
    province: Database, directory: FakeDirectory
) -> None:
    directory.trouble = "down"

    with pytest.raises(Unavailable):
        compared(province, directory)


def repaired(database: Database, directory: FakeDirectory) -> int:
    return repair(database, compared(database, directory).differences, who=Who("quantri"), now=NOW)


def test_what_is_missing_or_drifted_is_put_right_and_strangers_are_left_alone(
    province: Database, directory: FakeDirectory
) -> None:
    stranger, orphan, unit = DIT.person("5" * 32), DIT.unit("6" * 32), the_mailbox(province, UNIT).account_id
    directory.plant(stranger, {"objectClass": (b"inetOrgPerson",), "cn": (b"X",), "sn": (b"X",)})
    directory.plant(orphan, {"objectClass": (b"congvuUnit",), "cn": (b"X",), "congvuId": (b"6" * 32,)})
    as_it_was = directory.entries.pop(the_dn(province))
    directory.entries[DIT.unit(unit)]["congvuStatus"] = (b"locked",)

    assert repaired(province, directory) == 2
    synced(province, directory)

    assert directory.entries[the_dn(province)] == as_it_was
    assert {(d.dn, d.kind) for d in compared(province, directory).differences} == {
        (stranger, "stranger"),
        (orphan, "orphan"),
    }
    assert repaired(province, directory) == 0


def test_agencies_and_lists_that_went_away_come_back(province: Database, directory: FakeDirectory) -> None:
    for dn in [dn for dn in directory.entries if dn.endswith((DIT.agencies, DIT.groups))]:
        del directory.entries[dn]

    assert repaired(province, directory) == len(AGENCIES)
    synced(province, directory)

    assert compared(province, directory) == Compared(entries=ENTRIES, pending=0, differences=[])


def test_the_trail_says_who_had_what_put_right(province: Database, directory: FakeDirectory) -> None:
    dn = the_dn(province)
    directory.entries[dn]["congvuQuota"] = (b"1",)

    repaired(province, directory)

    with province.reading() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "directory.repaired"))
    assert (event.actor, event.subject_id) == ("quantri", "mailboxes")
    assert event.before == {"missing": [], "drifted": [dn], "attributes": ["congvuQuota"]}


def test_a_row_that_changed_since_it_was_compared_is_on_its_way_already(
    province: Database, directory: FakeDirectory
) -> None:
    directory.entries.clear()
    differences = compared(province, directory).differences
    with province.transaction() as session:
        session.execute(update(Mailbox).values(revision=Mailbox.revision + 1))
    with province.transaction() as session:
        session.execute(
            update(Agency).values(revision=Agency.revision + 1, synced_revision=Agency.revision + 1)
        )

    assert repair(province, differences, who=Who("quantri"), now=NOW) == 0


def turns(database: Database, directory: FakeDirectory, quotas: Mapping[Kind, int] = QUOTAS) -> list[int]:
    """What was found at each turn of an hour."""
    return [
        reconcile_part(database, directory, dit=DIT, quotas=quotas, now=LATER + PART * n)
        for n in range(PARTS)
    ]


def test_every_entry_has_its_turn_within_an_hour(province: Database, directory: FakeDirectory) -> None:
    assert timedelta(hours=1) == PART * PARTS
    assert sum(turns(province, directory)) == 0
    directory.entries.clear()

    assert sum(turns(province, directory)) == ENTRIES
    assert sum(turns(province, directory)) == 0, "what is pending is not found again"
    synced(province, directory, now=LATER)

    assert reconcile(province, directory, dit=DIT, quotas=QUOTAS, now=LATER) == Compared(entries=ENTRIES)


def test_another_size_by_the_policy_reaches_the_directory_by_itself(
    province: Database, directory: FakeDirectory
) -> None:
    more = {**QUOTAS, Kind.PERSONAL: 5 * GB}

    assert sum(turns(province, directory, more)) == 1
    sync(province, directory, dit=DIT, quotas=more, clock=a_clock(LATER))

    assert directory.entries[the_dn(province)]["congvuQuota"] == (str(5 * GB).encode(),)


def test_a_directory_that_is_away_is_compared_at_another_turn(
    province: Database, directory: FakeDirectory
) -> None:
    directory.entries.clear()
    directory.trouble = "down"

    assert sum(turns(province, directory)) == 0
