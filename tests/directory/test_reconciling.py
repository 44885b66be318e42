"""Reconciling: every difference between the books and the directory is told, and nothing else."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from ldap_schema.schema import CERTIFICATE, MANAGED, OBJECT_CLASS
from provisioner.agencies.models import Agency
from provisioner.certificates.models import Certificate
from provisioner.db import Database
from provisioner.directory.reconciling import Compared, Difference, reconcile
from provisioner.errors import Unavailable
from provisioner.mailboxes.models import Mailbox
from tests.books import LATER, NOW
from tests.entries import a_certificate
from tests.fakes.directory import FakeDirectory
from tests.province import (
    AGENCIES,
    DIT,
    QUOTAS,
    a_province,
    a_unit,
    an_official,
    issued,
    provide,
    synced,
    the_mailbox,
)

ANH = "nguyen.anh@lamdong.gov.vn"
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
