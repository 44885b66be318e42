"""Struck at every named place in the code: killed, failing, or frozen until its lease is over."""

import time
from collections.abc import Callable

from cryptography import x509
from sqlalchemy import select

from ca.crl import Reason, crl_number
from provisioner.audit import Who
from provisioner.certificates.models import Certificate, Issuer, State
from provisioner.certificates.revoking import revoke
from provisioner.private.process import ServerProcess
from provisioner.signing import journal, sign_certificates
from tests.faults.conftest import Books, seed_and_all
from tests.faults.world import LEASE, PATIENCE, World

APPLYING = ("apply.carried-out", "apply.before-commit")
SYNCING = ("sync.claimed", "sync.gathered", "sync.put", "sync.marked")
SIGNING = ("issue.reserved", "issue.signed", "issue.journalled", "issue.recorded")
DELEGATING = ("delegate.reserved", "delegate.journalled")
RECORDING = ("record.placed", "record.written", "record.signed", "record.sealed")
LISTING = ("list.signed", "list.kept", "list.published")

BY_SIGNER = (*SIGNING, *DELEGATING, *RECORDING)
ALL = (*APPLYING, *SYNCING, *BY_SIGNER)

ONCE = (*DELEGATING, *RECORDING)
"""Visited once, it may be, in a small province; at the others the second chunk is struck."""


@seed_and_all(ALL, [("sync.put", "sqlite"), ("issue.signed", "postgres"), ("record.written", "sqlite")])
def test_killed_here_it_goes_on_with_the_next_worker(
    world: Callable[..., World], name: str, books: Books
) -> None:
    province = world(books)

    struck = _worker_that_strikes(province, name, "kill")
    province.struck(struck, name)
    struck.kill()
    _another(province, name)

    province.hold()


@seed_and_all(ALL, [])
def test_failing_here_it_goes_on_with_the_next_job(
    world: Callable[..., World], name: str, books: Books
) -> None:
    province = world(books)

    struck = _worker_that_strikes(province, name, "raise")
    province.struck(struck, name)
    struck.kill()
    _another(province, name)

    province.hold()


@seed_and_all((*SYNCING, *BY_SIGNER), [("sync.claimed", "postgres")])
def test_frozen_here_until_another_is_done_it_adds_nothing(
    world: Callable[..., World], name: str, books: Books
) -> None:
    province = world(books)
    frozen = _worker_that_strikes(province, name, "stop")
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
    frozen = _worker_that_strikes(province, name, "stop")
    horse = province.frozen(frozen)
    _another(province, name)

    time.sleep(2 * LEASE.total_seconds())
    horse.resume()
    horse.wait(timeout=30)

    province.hold()


@seed_and_all(LISTING, [])
def test_killed_over_a_list_the_next_one_has_every_revocation_and_a_higher_number(
    world: Callable[..., World], name: str, books: Books
) -> None:
    province = world(books)
    province.begin()
    province.services.apply_rosters()
    province.services.sync_directory()
    sign_certificates(province.services)
    revoked = _revoke_some(province)
    before = _lists(province)
    province.clock()

    struck = province.signer(f"{name}=kill")
    province.struck(struck, name)
    struck.kill()
    kept = journal(province.services.settings, "mail-g1").newest_list()
    province.signer()
    province.worker()

    province.until(lambda: _lists(province)[1] >= revoked, within=PATIENCE, what="the list lacks revocations")
    after = _lists(province)
    assert after[0] > before[0]
    newest = journal(province.services.settings, "mail-g1").newest_list()
    assert newest is not None
    assert crl_number(x509.load_der_x509_crl(newest)) == after[0]
    assert kept is None or crl_number(x509.load_der_x509_crl(kept)) <= after[0]
    province.hold()


def _revoke_some(province: World) -> set[str]:
    """The serials of a few certificates that are revoked in the books now."""
    services = province.services
    with services.database.transaction() as session:
        issued = select(Certificate).where(Certificate.state == State.ISSUED, Certificate.purpose == "mail")
        rows = session.scalars(issued.limit(5)).all()
        wanted = {row.id: Reason.superseded for row in rows}
        assert not revoke(session, wanted, who=Who("lan"), profiles=services.profiles, now=services.clock())
        return {row.serial or "" for row in rows}


def _lists(province: World) -> tuple[int, set[str]]:
    """The number of the newest list in the books, and the serials on it."""
    with province.services.database.reading() as session:
        issuer = session.scalars(select(Issuer).where(Issuer.label == "mail-g1")).one()
    crl = x509.load_der_x509_crl(issuer.crl or b"")
    return issuer.crl_number, {f"{entry.serial_number:x}" for entry in crl}


def _worker_that_strikes(province: World, name: str, action: str) -> ServerProcess:
    """Set the roster going with a worker, or a signer, that is struck at this place, and no other of its kind."""
    province.begin()
    province.clock()
    strike = f"{name}={action}@{1 if name in ONCE else 2}"
    if name in BY_SIGNER:
        province.worker()
        province.entries_stand()  # so that many certificates wait and a second chunk comes
        return province.signer(strike)
    province.signer()
    return province.worker(strike)


def _another(province: World, name: str) -> None:
    if name in BY_SIGNER:
        province.signer()
    else:
        province.worker()
