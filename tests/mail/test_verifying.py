"""The proof of quotas: every kind of difference is found and named, and a sound province has none."""

import pytest
from sqlalchemy import update

from provisioner.db import Database
from provisioner.errors import Invalid, NotFound
from provisioner.mail.verifying import Finding, Trouble, read_doveadm, verify
from provisioner.mailboxes.models import Mailbox, Status
from tests.fakes.directory import FakeDirectory
from tests.mail.town import PEOPLE, SCIENCE, Town
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

UNIT = "skhcn@lamdong.gov.vn"


@pytest.fixture
def directory(database: Database) -> FakeDirectory:
    a_province(database)
    provide(
        database,
        an_official("CB1", "Nguyễn Thị Ánh"),
        an_official("CB2", "Đỗ Văn Bình", ma_co_quan="H36.06"),
        a_unit("H36.05"),
    )
    directory = FakeDirectory(DIT)
    synced(database, directory)
    return directory


def right(database: Database) -> dict[str, int]:
    """What a sound mail server answers."""
    by_number = addresses(database)
    return {by_number["CB1"]: 4 * GB, by_number["CB2"]: 4 * GB, UNIT: 10 * GB}


def found(
    database: Database, directory: FakeDirectory, server: dict[str, int] | None, agency: str | None = None
):
    return verify(database, directory, dit=DIT, quotas=QUOTAS, server=server, agency_code=agency)


def in_directory(directory: FakeDirectory, database: Database, address: str, *values: bytes) -> None:
    key = next(dn for dn in directory.entries if the_mailbox(database, address).account_id in dn)
    directory.entries[key]["congvuQuota"] = values


def test_a_sound_province_has_no_differences(database: Database, directory: FakeDirectory) -> None:
    done = found(database, directory, right(database))

    assert (done.compared, done.pending, done.findings) == (3, 0, [])


def test_every_difference_on_the_server_is_named_the_worst_first(
    database: Database, directory: FakeDirectory
) -> None:
    one, two = (addresses(database)[n] for n in ("CB1", "CB2"))

    done = found(database, directory, {one: 5 * GB, UNIT: 0, "old@lamdong.gov.vn": 4 * GB})

    assert done.findings == [
        Finding(UNIT, Trouble.UNLIMITED_ON_SERVER, 10 * GB, 10 * GB, 0),
        Finding("old@lamdong.gov.vn", Trouble.UNKNOWN_TO_BOOKS, server=4 * GB),
        Finding(two, Trouble.MISSING_ON_SERVER, 4 * GB, 4 * GB, None),
        Finding(one, Trouble.DIFFERS_ON_SERVER, 4 * GB, 4 * GB, 5 * GB),
    ]


@pytest.mark.parametrize(
    ("values", "trouble"),
    [
        ((b"0",), Trouble.UNLIMITED_IN_DIRECTORY),
        ((), Trouble.UNLIMITED_IN_DIRECTORY),
        ((b"-1",), Trouble.UNLIMITED_IN_DIRECTORY),
        ((b"much",), Trouble.UNLIMITED_IN_DIRECTORY),
        ((b"5368709120",), Trouble.DIFFERS_IN_DIRECTORY),
    ],
)
def test_a_wrong_quota_in_the_directory_is_named(
    database: Database, directory: FakeDirectory, values: tuple[bytes, ...], trouble: Trouble
) -> None:
    address = addresses(database)["CB1"]
    in_directory(directory, database, address, *values)

    assert [(one.address, one.trouble) for one in found(database, directory, None).findings] == [
        (address, trouble)
    ]


def test_a_missing_entry_is_named(database: Database, directory: FakeDirectory) -> None:
    directory.entries.clear()

    assert {one.trouble for one in found(database, directory, None).findings} == {
        Trouble.MISSING_IN_DIRECTORY
    }


def test_what_is_on_its_way_is_pending_and_not_compared(database: Database, directory: FakeDirectory) -> None:
    with database.transaction() as session:
        session.execute(update(Mailbox).values(revision=Mailbox.revision + 1, quota_exception_bytes=6 * GB))

    done = found(database, directory, right(database))

    assert (done.compared, done.pending, done.findings) == (0, 3, [])


def test_a_disabled_mailbox_need_not_be_on_the_server(database: Database, directory: FakeDirectory) -> None:
    server = right(database)
    address = addresses(database)["CB1"]
    with database.transaction() as session:
        session.get_one(Mailbox, the_mailbox(database, address).id).status = Status.DISABLED
    del server[address]

    assert found(database, directory, server).findings == []


def test_an_agency_is_compared_alone(database: Database, directory: FakeDirectory) -> None:
    done = found(database, directory, {}, "H36.06")

    assert (done.compared, [one.trouble for one in done.findings]) == (1, [Trouble.MISSING_ON_SERVER])
    with pytest.raises(NotFound):
        found(database, directory, {}, "H36.99")


def test_doveadm_s_table_is_read_in_kilobytes_and_anything_else_refused() -> None:
    table = [
        "Username\tQuota name\tType\tValue\tLimit\t%",
        "A@lamdong.gov.vn\tUser quota\tSTORAGE\t1\t4194304\t0",
        "A@lamdong.gov.vn\tUser quota\tMESSAGE\t1\t-\t0",
        "b@lamdong.gov.vn\tUser quota\tSTORAGE\t1\t-\t0",
    ]

    assert read_doveadm(table) == {"a@lamdong.gov.vn": 4 * GB, "b@lamdong.gov.vn": 0}
    for wrong in (["Username\tType", "a\tSTORAGE"], ["Username\tType\tLimit", "a\tSTORAGE\tlots"]):
        with pytest.raises(Invalid):
            read_doveadm(wrong)


def test_the_mailbox_of_who_left_is_compared_with_the_agency_of_the_last_post(
    database: Database, directory: FakeDirectory
) -> None:
    leaving = an_official("CB2", "Đỗ Văn Bình", ma_co_quan="H36.06", nghi_tu="21/11/2026")
    provide(database, leaving)
    synced(database, directory)

    assert found(database, directory, None, "H36.06").compared == 1


def test_the_whole_town_is_proved_on_the_real_servers_and_one_wrong_mailbox_found(town: Town) -> None:
    def now() -> list[Finding]:
        answered = town.stage.dovecot.doveadm("-f", "tab", "quota", "get", "-A")
        server = read_doveadm(answered.stdout.splitlines())
        assert len(server) >= PEOPLE + 1
        return verify(town.database, town.directory, dit=DIT, quotas=QUOTAS, server=server).findings

    assert now() == []
    with town.database.transaction() as session:  # as somebody with a database client and no doorbell would
        session.execute(
            update(Mailbox)
            .where(Mailbox.id == town.mailbox(SCIENCE).id)
            .values(quota_exception_bytes=12 * GB)
        )
    wrong = now()
    town.set_quota(SCIENCE, None)

    assert {(one.address, one.trouble) for one in wrong} == {
        (SCIENCE, Trouble.DIFFERS_IN_DIRECTORY),
        (SCIENCE, Trouble.DIFFERS_ON_SERVER),
    }
    assert now() == []
