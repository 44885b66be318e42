"""Servers that die, forget, freeze, fill up or take no writes while a roster is on its way."""

import random
import time
from collections.abc import Callable

import psutil
import pytest
from ldap3 import ALL_ATTRIBUTES, ALL_OPERATIONAL_ATTRIBUTES, BASE
from sqlalchemy import func, select

from provisioner.mailboxes.models import Kind, Mailbox
from tests.faults.conftest import Books
from tests.faults.world import World
from tests.ldap_server import raw

slow = pytest.mark.slow


def a_moment(seed: int, server: str) -> float:
    """A share of the work, the same for the same seed."""
    return random.Random(f"{server} {seed}").uniform(0.02, 0.95)


@slow
@pytest.mark.parametrize("books", ["sqlite", "postgres"])
def test_slapd_is_killed_and_comes_back(world: Callable[..., World], books: Books, seed: int) -> None:
    province = world(books)
    province.staff()
    province.begin()
    province.reach(a_moment(seed, "slapd"))

    province.kill_slapd(away=seed % 3)

    province.hold()


@slow
def test_postgres_is_killed_and_comes_back(world: Callable[..., World], seed: int) -> None:
    province = world("postgres")
    province.staff()
    province.begin()
    province.reach(a_moment(seed, "postgres"))

    province.kill_postgres(away=seed % 3)

    province.hold()


@slow
def test_redis_is_killed_and_comes_back_with_nothing(world: Callable[..., World], seed: int) -> None:
    province = world()
    staff = province.staff()
    province.begin()
    province.reach(a_moment(seed, "redis"))

    province.kill_redis(away=4 * (seed % 3))

    province.hold()
    assert all(process.pid for process in staff)


@slow
@pytest.mark.parametrize("books", ["sqlite", "postgres"])
def test_redis_is_flushed(world: Callable[..., World], books: Books, seed: int) -> None:
    province = world(books)
    staff = province.staff()
    province.begin()
    province.reach(a_moment(seed, "flush"))

    province.flush()

    province.hold()
    assert all(process.pid for process in staff)


def test_everything_dies_once_and_nothing_is_lost(world: Callable[..., World]) -> None:
    province = world("postgres")
    staff = province.staff()
    province.begin()

    province.reach(0.05)
    province.kill_postgres()
    province.reach(0.2)
    province.kill_slapd()
    province.reach(0.4)
    province.kill_redis()

    province.hold()
    assert all(process.pid for process in staff)


def test_a_directory_that_takes_no_writes_costs_no_row_anything(world: Callable[..., World]) -> None:
    province = world()
    province.staff()
    province.begin()
    province.reach(0.3)

    province.configure_slapd("olcReadOnly", "TRUE")
    province.faults += 1
    time.sleep(3)
    province.configure_slapd("olcReadOnly", "FALSE")

    assert province.hold().done == province.province.rows


@slow
def test_a_full_directory_costs_no_row_anything(world: Callable[..., World], rows: int) -> None:
    # Full only once every attribute has been written: slapd 2.5 forgets to take back the number of one that it first met
    # in a transaction that failed, and reads nothing with it until it is started again.
    province = world(max_bytes=rows * 3000)
    province.staff()
    province.begin()

    def rows_rest() -> bool:
        with province.services.database.reading() as session:
            return bool(session.scalar(select(func.count(Mailbox.due_at))))

    province.until(rows_rest, within=60, what="the directory is not full")
    province.faults += 1
    province.configure_slapd("olcDbMaxSize", str(1 << 30))

    assert province.hold().done == province.province.rows


@slow
def test_a_silent_directory_costs_no_row_anything(world: Callable[..., World]) -> None:
    province = world()
    province.staff()
    province.begin()
    province.reach(0.3)
    slapd = psutil.Process(province.slapd.pid)

    slapd.suspend()
    province.faults += 1
    time.sleep(7)
    slapd.resume()

    assert province.hold().done == province.province.rows


def test_entries_of_others_are_left_to_a_person(world: Callable[..., World]) -> None:
    province = world()
    dit = province.services.dit
    province.begin()
    province.services.apply_rosters()
    with province.services.database.reading() as session:
        accounts = session.scalars(select(Mailbox.account_id).where(Mailbox.kind == Kind.PERSONAL)).all()
    planted = [dit.person(account) for account in accounts[::10]]
    before = _plant(province, planted)
    province.faults += len(planted)

    province.staff()

    judged = province.hold()
    assert judged.needs_person == len(planted)
    assert _read(province, planted) == before


def _plant(province: World, dns: list[str]) -> list[object]:
    with raw(province.slapd, password=province.password) as connection:
        for dn in dns:
            connection.add(dn, ["inetOrgPerson"], {"cn": "Somebody Else", "sn": "Else"})  # type: ignore[no-untyped-call]
    return _read(province, dns)


def _read(province: World, dns: list[str]) -> list[object]:
    with raw(province.slapd, password=province.password) as connection:
        return [
            connection.search(
                dn, "(objectClass=*)", BASE, attributes=[ALL_ATTRIBUTES, ALL_OPERATIONAL_ATTRIBUTES]
            )[2][0]["raw_attributes"]
            for dn in dns
        ]
