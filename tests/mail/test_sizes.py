"""Sizes of mailboxes: brought in from Dovecot's quota_clone again and again, and the list of the nearly full."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provisioner.db import Database
from provisioner.errors import Invalid, NotFound
from provisioner.mail.sizes import Filled, Size, Sizes, bring_in_sizes, cloned_sizes, nearly_full, sizes_of
from provisioner.mail.usage import BroughtIn
from provisioner.mailboxes.opening import readdress
from tests.books import NOW
from tests.fakes.directory import FakeDirectory
from tests.mail.town import Town, until
from tests.province import (
    DIT,
    GB,
    QUOTAS,
    a_province,
    a_unit,
    addresses,
    an_official,
    provide,
    synced,
    the_mailbox,
)

MB = 1024**2
UNIT = "skhcn@lamdong.gov.vn"


@pytest.fixture
def people(database: Database) -> dict[str, str]:
    """Addresses by staff number; CB2 is of another agency and has an exception of 1 GB."""
    a_province(database)
    provide(
        database,
        an_official("CB1", "Nguyễn Thị Ánh"),
        an_official("CB2", "Đỗ Văn Bình", ma_co_quan="H36.06", dung_luong="1GB", ly_do_dung_luong="hồ sơ"),
        a_unit("H36.05"),
    )
    synced(database, FakeDirectory(DIT))
    return addresses(database)


def test_the_newest_size_is_kept_and_the_same_ones_twice_change_nothing(
    database: Database, people: dict[str, str]
) -> None:
    one = people["CB1"]
    sizes = [Size(one.upper(), 7, NOW - timedelta(hours=1)), Size(one, 5, NOW - timedelta(hours=2))]

    first = bring_in_sizes(database, [*sizes, Size("nobody@lamdong.gov.vn", 1, NOW)], now=NOW)
    second = bring_in_sizes(database, sizes, now=NOW)
    older = bring_in_sizes(database, [Size(one, 3, NOW - timedelta(days=1))], now=NOW)
    emptied = bring_in_sizes(database, [Size(one, 0, NOW)], now=NOW)

    assert first == BroughtIn(read=3, changed=1, unknown=1)
    assert (second.changed, older.changed, emptied.changed) == (0, 0, 1)
    mailbox = the_mailbox(database, one)
    assert (mailbox.size_bytes, mailbox.size_at) == (0, NOW)


@pytest.mark.parametrize("name", ["a", "z"])
def test_a_renamed_mailbox_has_the_newest_size_of_all_its_addresses(
    database: Database, people: dict[str, str], name: str
) -> None:
    """Before or after the former one in the alphabet."""
    former, address = people["CB1"], f"{name}.moi@lamdong.gov.vn"
    with database.transaction() as session:
        readdress(session, {the_mailbox(database, former).id: address}, now=NOW)

    for day, size in enumerate((7, 8)):
        at = NOW + timedelta(days=day)
        sizes = [Size(address, size, at), Size(former, 1, NOW - timedelta(days=3))]
        bring_in_sizes(database, sizes, now=at)

        mailbox = the_mailbox(database, address)
        assert (mailbox.size_bytes, mailbox.size_at) == (size, at)


def test_a_file_of_the_future_counts_as_of_now(database: Database, people: dict[str, str]) -> None:
    done = bring_in_sizes(database, [Size(people["CB1"], 7, NOW + timedelta(days=1))], now=NOW)

    assert done == BroughtIn(read=1, changed=1, from_the_future=1)
    assert the_mailbox(database, people["CB1"]).size_at == NOW


def test_the_nearly_full_are_listed_by_their_own_quota_the_fullest_first(
    database: Database, people: dict[str, str]
) -> None:
    one, two = people["CB1"], people["CB2"]
    bring_in_sizes(
        database,
        [Size(one, int(3.3 * GB), NOW), Size(two, int(0.96 * GB), NOW), Size(UNIT, int(7.9 * GB), NOW)],
        now=NOW,
    )

    with database.reading() as session:
        nearly = nearly_full(session, None, quotas=QUOTAS, share=0.8)
        full = nearly_full(session, None, quotas=QUOTAS, share=0.95)
        of_science = nearly_full(session, "H36.05", quotas=QUOTAS, share=0.5)
        sums = sizes_of(session, None, quotas=QUOTAS)
        with pytest.raises(NotFound):
            nearly_full(session, "H36.99", quotas=QUOTAS, share=0.8)

    assert nearly == [
        Filled(two, "H36.06", int(0.96 * GB), GB, NOW),
        Filled(one, "H36.05", int(3.3 * GB), 4 * GB, NOW),
    ]
    assert round(nearly[0].share, 2) == 0.96
    assert [found.address for found in full] == [two]
    assert [found.address for found in of_science] == [one, UNIT]
    assert sums == Sizes(
        mailboxes=3, known=3, bytes=int(3.3 * GB) + int(0.96 * GB) + int(7.9 * GB), nearly_full=2
    )


def test_the_mailbox_of_who_left_is_counted_and_listed_at_the_agency_of_the_last_post(
    database: Database, people: dict[str, str]
) -> None:
    one = people["CB1"]
    provide(database, an_official("CB1", "Nguyễn Thị Ánh", ma_co_quan="H36.06"))
    provide(database, an_official("CB1", "Nguyễn Thị Ánh", ma_co_quan="H36.06", nghi_tu="21/11/2026"))
    bring_in_sizes(database, [Size(one, 4 * GB, NOW)], now=NOW)

    with database.reading() as session:
        assert [found.address for found in nearly_full(session, "H36.06", quotas=QUOTAS, share=0.8)] == [one]
        assert nearly_full(session, "H36.05", quotas=QUOTAS, share=0.8) == []
        assert sizes_of(session, None, quotas=QUOTAS).mailboxes == 3


def test_files_of_quota_clone_are_read_and_rubbish_is_passed_over(tmp_path: Path) -> None:
    for name, content in (("a@lamdong.gov.vn", "4096"), ("b@lamdong.gov.vn", ""), ("c@lamdong.gov.vn", "x")):
        file = tmp_path / name / "quota" / "storage"
        file.parent.mkdir(parents=True)
        file.write_text(content)
        os.utime(file, (NOW.timestamp(), NOW.timestamp()))
    (tmp_path / "d@lamdong.gov.vn").mkdir()

    assert list(cloned_sizes(tmp_path)) == [Size("a@lamdong.gov.vn", 4096, NOW)]
    with pytest.raises(Invalid):
        list(cloned_sizes(tmp_path / "away"))


def test_a_size_that_cannot_be_read_stops_the_feed_with_a_sentence(tmp_path: Path) -> None:
    """As where Dovecot's files are its own; a folder cannot be read as a file by anybody, not even by root."""
    (tmp_path / "a@lamdong.gov.vn" / "quota" / "storage").mkdir(parents=True)

    with pytest.raises(Invalid, match="quota_clone cannot be read"):
        list(cloned_sizes(tmp_path))


def test_dovecot_tells_the_size_of_a_mailbox_as_soon_as_mail_arrives(town: Town) -> None:
    address = town.people[46]
    folder = town.stage.facts.places.sizes

    def size() -> int:
        bring_in_sizes(town.database, cloned_sizes(folder), now=datetime.now(UTC))
        return town.mailbox(address).size_bytes or 0

    before = size()
    town.arrive(address, subject="mot-tep-lon", size=3 * MB)
    grown = until(lambda: size() >= before + 3 * MB, within=60)
    told = town.quota(address)[0]
    known = size()
    again = bring_in_sizes(town.database, cloned_sizes(folder), now=datetime.now(UTC))

    assert grown
    assert -(-known // 1024) == told  # GETQUOTA rounds up
    assert again.changed == 0
