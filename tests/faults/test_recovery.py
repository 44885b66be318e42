"""How soon work goes on after a fault, with the leases and pauses of production."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.faults.conftest import Books
from tests.faults.world import World, children

pytestmark = pytest.mark.slow

LEASE = timedelta(seconds=20)

Tell = Callable[[str, object], None]

BOTH = pytest.mark.parametrize("books", ["sqlite", "postgres"])


def goes_on(province: World, *, within: float, tell: Tell, what: str) -> None:
    """Assert that something new is done within so many seconds from now."""
    before = province.progress()
    took = province.until(lambda: province.progress() > before, within=within, what="nothing new was done")
    tell(f"recovery: {what}", round(took, 1))


@BOTH
def test_rows_of_a_killed_worker_are_resumed_within_30_seconds(
    world: Callable[..., World], books: Books, record_property: Tell
) -> None:
    """Measured until the last of its rows is done."""
    province = world(books, lease=LEASE, chunk=500)
    worker, _, _ = province.staff()
    province.begin()
    province.until(lambda: province.progress() > 0, within=60, what="nothing is applied")
    province.until(lambda: bool(children(worker)), within=60, what="nobody works")
    province.strike(worker)
    province.worker()

    took = province.until(lambda: province.applied() == province.province.rows, within=30, what="not resumed")
    took += province.rest(within=30 - took)
    record_property(f"recovery: all rows of a killed worker ({books})", round(took, 1))
    province.hold()


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_postgres_back_means_success_within_10_seconds(
    world: Callable[..., World], share: float, record_property: Tell
) -> None:
    province = world("postgres", lease=LEASE)
    province.staff()
    province.begin()
    if share:
        province.reach(share)
    else:
        province.until(lambda: province.applied() > 0, within=60, what="nothing is applied")

    province.kill_postgres(away=3)

    goes_on(province, within=10, tell=record_property, what=f"PostgreSQL back at {share:.0%}")
    province.hold()


def test_a_chunk_cut_off_by_postgres_is_carried_out_within_10_seconds(
    world: Callable[..., World], record_property: Tell
) -> None:
    """Nothing else is pending then, so nothing but the worker that was cut off can go on before its lease ends."""
    province = world("postgres", lease=LEASE)
    worker = province.worker("apply.before-commit=stop")
    province.signer()
    province.clock()
    province.begin()
    horse = province.frozen(worker)

    province.kill_postgres()
    horse.resume()

    goes_on(province, within=10, tell=record_property, what="a chunk cut off by PostgreSQL")
    province.hold()


@BOTH
def test_slapd_back_means_success_within_10_seconds(
    world: Callable[..., World], books: Books, record_property: Tell
) -> None:
    province = world(books, lease=LEASE)
    province.staff()
    province.begin()
    province.reach(0.5)

    province.kill_slapd(away=8)

    goes_on(province, within=10, tell=record_property, what=f"slapd back ({books})")
    province.hold()


@pytest.mark.parametrize("away", [0, 15])
def test_redis_wiped_means_success_within_20_seconds(
    world: Callable[..., World], away: int, record_property: Tell
) -> None:
    province = world(lease=LEASE)
    province.staff()
    province.kill_redis(away=away)

    province.begin()

    goes_on(province, within=20, tell=record_property, what=f"Redis wiped, {away} s away")
    province.hold()
