"""Struck at every named place in the code: killed, failing, or frozen until its lease is over."""

import time
from collections.abc import Callable

from provisioner.private.process import ServerProcess
from tests.faults.conftest import Books, seed_and_all
from tests.faults.world import LEASE, World

APPLYING = ("apply.carried-out", "apply.before-commit")
SYNCING = ("sync.claimed", "sync.gathered", "sync.put", "sync.marked")
SIGNING = ("issue.reserved", "issue.signed", "issue.recorded")

ALL = (*APPLYING, *SYNCING, *SIGNING)


@seed_and_all(ALL, [("sync.put", "sqlite"), ("issue.signed", "postgres")])
def test_killed_here_it_goes_on_with_the_next_worker(
    world: Callable[..., World], name: str, books: Books
) -> None:
    province = world(books)

    struck = _worker_that_strikes(province, name, "kill@2")
    province.struck(struck, name)
    struck.kill()
    _another(province, name)

    province.hold()


@seed_and_all(ALL, [])
def test_failing_here_it_goes_on_with_the_next_job(
    world: Callable[..., World], name: str, books: Books
) -> None:
    province = world(books)

    struck = _worker_that_strikes(province, name, "raise@2")
    province.struck(struck, name)
    struck.kill()
    _another(province, name)

    province.hold()


@seed_and_all((*SYNCING, *SIGNING), [("sync.claimed", "postgres")])
def test_frozen_here_until_another_is_done_it_adds_nothing(
    world: Callable[..., World], name: str, books: Books
) -> None:
    province = world(books)
    frozen = _worker_that_strikes(province, name, "stop@2")
    horse = province.frozen(frozen)
    _another(province, name)
    province.rest()
    done = province.progress()

    horse.resume()
    horse.wait(timeout=30)

    province.rest()
    assert province.progress() >= done
    province.hold()


@seed_and_all(APPLYING, [])
def test_frozen_in_a_transaction_it_delays_the_roster_and_spoils_nothing(
    world: Callable[..., World], name: str, books: Books
) -> None:
    """The database itself keeps others away until the worker goes on, or dies, or the server ends its session."""
    province = world(books)
    frozen = _worker_that_strikes(province, name, "stop@2")
    horse = province.frozen(frozen)
    _another(province, name)

    time.sleep(2 * LEASE.total_seconds())
    horse.resume()
    horse.wait(timeout=30)

    province.hold()


def _worker_that_strikes(province: World, name: str, action: str) -> ServerProcess:
    """Set the roster going with a worker, or a signer, that is struck at this place, and no other of its kind."""
    province.begin()
    province.clock()
    if name in SIGNING:
        province.worker()
        province.entries_stand()  # so that many certificates wait and a second chunk comes
        return province.signer(f"{name}={action}")
    province.signer()
    return province.worker(f"{name}={action}")


def _another(province: World, name: str) -> None:
    if name in SIGNING:
        province.signer()
    else:
        province.worker()
