"""Questions by OCSP through the web process: a real gunicorn with one worker, on one core, on loopback."""

import base64
import os
import random
import selectors
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Final
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from provisioner.certificates.answering import Answers
from provisioner.certificates.delegating import delegate_answers
from provisioner.db import Database
from provisioner.private.process import ServerProcess, free_port
from provisioner.tables import metadata
from tests.benchmarks.results import Result, median
from tests.benchmarks.ticks import processor
from tests.ca.world import mail_authority
from tests.certificates.holders import certified, every_certificate, many_officials
from tests.province import SEALER, a_desk

CONNECTIONS: Final = 8
"""As many questions are under way at once; each connection asks again when it was answered."""

PATIENCE: Final = 60.0
"""Seconds after which a run has failed."""

Requests = Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a number of questions took: seconds by the clock, and of the processor in the web process."""

    wall: float
    processor: float


@dataclass(frozen=True, slots=True)
class Served:
    """A web process, and what to ask it: by POST, by GET, and by POST with a nonce."""

    port: int
    worker: int
    post: Requests
    get: Requests
    nonce: Requests

    def ask(self, requests: Requests, number: int, *, keep_alive: bool = True) -> Taken:
        """Ask so many questions; every one of them has to be answered "good"."""
        began, spent = time.perf_counter(), processor(self.worker)
        _ask(self.port, requests, number, keep_alive=keep_alive)
        return Taken(time.perf_counter() - began, processor(self.worker) - spent)


def measure(folder: Path, *, certificates: int = 1_000, number: int = 5_000, rounds: int = 5) -> list[Result]:
    """Answers a second of the one core that the web process has, each way in turns with the others."""
    with served(folder, certificates) as site:
        ways: dict[str, Callable[[], Taken]] = {
            "POST": lambda: site.ask(site.post, number),
            "GET": lambda: site.ask(site.get, number),
            "POST, a connection for each": lambda: site.ask(site.post, number // 4, keep_alive=False),
            "POST with a nonce": lambda: site.ask(site.nonce, number // 4),
        }
        counts = {name: number if name in ("POST", "GET") else number // 4 for name in ways}
        for way in ways.values():  # what is measured is the process at work, not its first breath
            way()
        taken: dict[str, list[Taken]] = {name: [] for name in ways}
        for turn in range(rounds):
            for name in list(ways)[:: -1 if turn % 2 else 1]:
                taken[name].append(ways[name]())
                print(f"  round {turn + 1}, {name}: {taken[name][-1].wall:.2f} s", file=sys.stderr)
    results = []
    for name, runs in taken.items():
        ahead = name in ("POST", "GET")
        results.append(
            median(
                f"OCSP through the web process, {name}, a second of one core",
                [counts[name] / run.processor for run in runs],
                "1/s",
                goal=">= 1000" if ahead else None,
                note=f"processor time; {certificates:,} certificates, {CONNECTIONS} connections",
            )
        )
        results.append(
            median(
                f"the same, {name}, by the clock on the wall, as busy as this machine is",
                [counts[name] / run.wall for run in runs],
                "1/s",
            )
        )
    return results


@contextmanager
def served(folder: Path, certificates: int) -> Iterator[Served]:
    """The web process as the Procfile has it, with one worker that stays on one core, on books with so many certificates."""
    folder.mkdir()
    url = f"sqlite:///{folder / 'books.db'}"
    database, now = Database(url), datetime.now(UTC)
    metadata.create_all(database.engine)
    certified(database, *many_officials(certificates), now=now)
    delegate_answers(database, a_desk(database, now=now))
    assert Answers(database, SEALER, clock=lambda: datetime.now(UTC)).sign_ahead() == certificates
    issued = [row.der or b"" for row in every_certificate(database)]
    database.close()
    port = free_port()
    process = ServerProcess("web", folder)
    gunicorn = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--no-control-socket"]
    process.start(
        [
            *gunicorn,
            "--worker-class",
            "gthread",
            "--workers",
            "1",
            "--threads",
            "16",
            "provisioner.app:create_app()",
        ],
        environment={
            "PROVISIONER_DATABASE__URL": url,
            "PROVISIONER_IDENTITY__KEYS": f"1:{bytes(range(32)).hex()}",
            "PROVISIONER_DIRECTORY__BIND_PASSWORD": "unused",
        },
    )
    cores = sorted(os.sched_getaffinity(0))
    try:
        post, get, nonce = _requests(issued, port)
        assert process.answers_within(30, lambda: _listens(port))
        (worker,) = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
        for thread in Path(f"/proc/{worker}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {cores[0]})
        os.sched_setaffinity(0, cores[1:] or cores)
        yield Served(port, worker, post, get, nonce)
    finally:
        os.sched_setaffinity(0, cores)
        process.stop()
        shutil.rmtree(folder)


def _requests(certificates: Sequence[bytes], port: int) -> tuple[Requests, Requests, Requests]:
    issuer, path = mail_authority().certificate, f"/ocsp/{mail_authority().label}"
    host = f"Host: 127.0.0.1:{port}\r\n".encode()
    post, get, nonce = [], [], []
    for der in certificates:
        builder = ocsp.OCSPRequestBuilder().add_certificate(
            x509.load_der_x509_certificate(der), issuer, hashes.SHA1()
        )
        plain = builder.build().public_bytes(Encoding.DER)
        once = builder.add_extension(x509.OCSPNonce(random.randbytes(16)), critical=False)
        for into, body in ((post, plain), (nonce, once.build().public_bytes(Encoding.DER))):
            head = f"POST {path} HTTP/1.1\r\nContent-Type: application/ocsp-request\r\nContent-Length: {len(body)}\r\n"
            into.append(head.encode() + host + b"\r\n" + body)
        encoded = quote(base64.b64encode(plain).decode(), safe="")
        get.append(f"GET {path}/{encoded} HTTP/1.1\r\n".encode() + host + b"\r\n")
    return post, get, nonce


def _ask(port: int, requests: Requests, number: int, *, keep_alive: bool) -> None:
    """Keep every connection busy until so many answers are in."""
    pending = cycle(requests)
    deadline = time.monotonic() + PATIENCE
    with selectors.DefaultSelector() as selector:
        sent = answered = 0

        def send(connection: socket.socket | None) -> None:
            nonlocal sent
            if sent == number:
                if connection is not None:
                    connection.close()
                return
            connection = connection or socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
            request = next(pending)
            connection.sendall(
                request if keep_alive else request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
            )
            selector.register(connection, selectors.EVENT_READ)
            sent += 1

        for _ in range(CONNECTIONS):
            send(None)
        while answered < number:
            assert time.monotonic() < deadline, f"{answered} of {number} answers within {PATIENCE} s"
            for key, _ in selector.select(1.0):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                selector.unregister(connection)
                body = _read_answer(connection)
                if answered < 2 * CONNECTIONS:
                    status = ocsp.load_der_ocsp_response(body).certificate_status
                    assert status is ocsp.OCSPCertStatus.GOOD
                answered += 1
                if not keep_alive:
                    connection.close()
                send(connection if keep_alive else None)


def _read_answer(connection: socket.socket) -> bytes:
    """The body of one answer that has begun to arrive."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    while len(body) < length:
        body += connection.recv(65536)
    return body


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True
