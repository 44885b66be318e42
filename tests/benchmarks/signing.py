"""Signing with lint, books and audit, against a shell loop of `openssl x509` and against bare cryptography."""

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select, update

from provisioner.audit import AuditEvent
from provisioner.certificates.issuing import issue
from provisioner.certificates.models import Certificate, State
from provisioner.collecting import set_imports_aside
from provisioner.mailboxes.models import Mailbox
from provisioner.private.process import find_program
from provisioner.rosters import approving
from provisioner.services import Services
from provisioner.signing import open_desk
from tests.benchmarks.results import Result, in_turns, median, ratio
from tests.benchmarks.stage import Province, services_with
from tests.ca.test_speed import bare, roster

LOOP = 100
"""Certificates in one run of the shell loop: it takes some milliseconds each."""


def measure(folder: Path, certified: Province, *, rounds: int = 3, loop: int = LOOP) -> list[Result]:
    """Certificates a second: ours with everything, one process and so one core; the others in turns with it."""
    folder.mkdir()
    orders = ordered_books(certified, folder / "ordered.db")
    # As the signer's process does at its start; the bare way gains as much by it.
    set_imports_aside()
    ours, processor = issuing(certified, folder, orders)
    bare_processor: list[float] = []
    taken = in_turns(
        rounds,
        {
            "ours": ours,
            "openssl": openssl_loop(folder, loop),
            "bare": lambda: bare_signing(loop * 10, bare_processor),
        },
    )
    each = {
        "ours": [seconds / orders for seconds in taken["ours"]],
        "openssl": [seconds / loop for seconds in taken["openssl"]],
    }
    return [
        median(
            "signing with keys, lint, books and audit, a second of one core",
            [orders / seconds for seconds in processor],
            "1/s",
            goal=">= 500",
            note=f"processor time; {orders:,} orders a run",
        ),
        median(
            "the same by the clock on the wall, as busy as this machine is",
            [1 / seconds for seconds in each["ours"]],
            "1/s",
        ),
        ratio("a shell loop of openssl x509 -req by ours", each["openssl"], each["ours"]),
        ratio(
            "building and signing with bare cryptography by ours",
            [seconds / (loop * 10) for seconds in bare_processor],
            [seconds / orders for seconds in processor],
            goal=">= 0.35",
            note="processor time of both",
        ),
    ]


def ordered_books(certified: Province, path: Path) -> int:
    """Books in which every certificate of the roster is ordered and every mailbox stands; how many orders."""
    shutil.copy(certified.folder / "books.db", path)
    services = _services(certified, path)
    with services.database.transaction() as session:
        approving.start(session, certified.plan_id, by="binh", now=services.clock())
    services.apply_rosters()
    with services.database.transaction() as session:
        session.execute(
            update(Mailbox).values(synced_revision=Mailbox.revision, first_synced_at=services.clock())
        )
    with services.database.reading() as session:
        orders = session.scalar(select(func.count()).select_from(Certificate)) or 0
    services.close()
    return orders


def issuing(certified: Province, folder: Path, orders: int) -> tuple[Callable[[], float], list[float]]:
    """Issue all orders on a fresh copy of the books; the processor seconds of each run are noted in the list."""
    processor: list[float] = []

    def once() -> float:
        run = folder / "run"
        run.mkdir()
        shutil.copy(folder / "ordered.db", run / "books.db")
        shutil.copytree(certified.folder / "authority", run / "authority")
        services = _services(certified, run / "books.db", PROVISIONER_AUTHORITY__FOLDER=f"{run}/authority")
        desk = open_desk(services)
        began, spent = time.perf_counter(), time.process_time()
        issued = issue(services.database, desk, chunk=services.settings.authority.chunk)
        taken = time.perf_counter() - began
        processor.append(time.process_time() - spent)
        with services.database.reading() as session:
            held = session.scalar(select(func.count()).where(Certificate.state == State.ISSUED))
            told = session.scalar(select(func.count()).where(AuditEvent.action == "certificate.issued"))
        assert issued == held == told == orders
        services.close()
        shutil.rmtree(run)
        return taken

    return once, processor


def openssl_loop(folder: Path, number: int) -> Callable[[], float]:
    """A shell that signs as many requests, made beforehand, with a P-384 authority."""
    make = """set -e
openssl ecparam -name secp384r1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -sha384 -days 3650 -subj "/CN=CA" -out ca.pem
openssl ecparam -name prime256v1 -genkey -noout -out one.key
i=0; while [ $i -lt "$1" ]; do i=$((i + 1))
openssl req -new -key one.key -subj "/O=Co quan/CN=Can bo $i" -out "$i.csr"; done"""
    sign = """set -e
i=0; while [ $i -lt "$1" ]; do i=$((i + 1))
openssl x509 -req -in "$i.csr" -CA ca.pem -CAkey ca.key -sha384 -days 730 -out "$i.pem"; done"""
    here = folder / "openssl"
    here.mkdir()
    find_program("openssl", package="openssl")

    def shell(script: str) -> None:
        subprocess.run(["sh", "-c", script, "sh", str(number)], cwd=here, check=True, capture_output=True)

    shell(make)

    def once() -> float:
        began = time.perf_counter()
        shell(sign)
        return time.perf_counter() - began

    return once


def bare_signing(number: int, processor: list[float]) -> float:
    """Seconds to build and sign as many certificates with cryptography alone; those of the processor into the list."""
    people = [one for _ in range(number // 200 + 1) for one in roster()][:number]
    began, spent = time.perf_counter(), time.process_time()
    for person, public_key in people:
        bare(person, public_key)
    processor.append(time.process_time() - spent)
    return time.perf_counter() - began


def _services(certified: Province, path: Path, **more: str) -> Services:
    return services_with(certified.environment, PROVISIONER_DATABASE__URL=f"sqlite:///{path}", **more)
