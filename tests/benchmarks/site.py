"""The site as the Procfile starts it, with a province of 200,000 people behind it, and readers who do not wait."""

import json
import shlex
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import text

from provisioner.db import Database
from provisioner.operators.roles import Role
from provisioner.private.postgres import PrivatePostgres
from provisioner.private.process import ServerProcess, free_port
from provisioner.settings import ROOT
from provisioner.tables import metadata
from tests.benchmarks import site_client
from tests.benchmarks.results import Result
from tests.benchmarks.site_books import a_roster_under_way, fill, sign_in
from tests.benchmarks.ticks import children, of_children, processor

GOAL = "<= 100"
SEARCHES = (
    "nguyễn văn an",
    "tran thi hoa",
    "Hoà",
    "lê",
    "an nguyen",
    "CB4711",
    "đặng thị thủy",
    "phương",
    "khong co ai",
)
"""Words as people type them: rare and frequent ones, with and without accents, in any order, and a staff number."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page with the addresses that are asked of it, and the session of whoever asks."""

    name: str
    paths: Sequence[str]
    token: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request; the status is an error's name where there was none."""

    page: str
    status: str
    seconds: float
    """From the planned moment to the last byte."""


def measure(
    folder: Path, *, people: int = 200_000, a_second: int = 50, seconds: int = 60, alone: int = 100
) -> list[Result]:
    """Latency of each page under a steady load, then the processor time of each page asked alone."""
    folder.mkdir(parents=True)
    folder.chmod(0o711)
    with PrivatePostgres(folder / "postgres") as server:
        url = server.create_database("site")
        pages = _prepare(url, people)
        with _served(folder, url) as site:
            _ask(
                site.port, [page for page in pages for _ in range(40)], 10
            )  # what is measured is the site at work
            mixed = list(islice(cycle(pages), a_second * seconds))
            spent = site.spent()
            answers = _ask(site.port, mixed, a_second)
            busy = (site.spent() - spent) / seconds
            apart = {page.name: _alone(site, server, page, alone) for page in pages}
    load = f"{a_second} requests/s for {seconds} s, {people:,} people, PostgreSQL"
    results = []
    for page in pages:
        taken = sorted(answer.seconds * 1000 for answer in answers if answer.page == page.name)
        steps = statistics.quantiles(taken, n=100)
        note = f"p50 {steps[49]:.0f}, p99 {steps[98]:.0f}, longest {taken[-1]:.0f} ms; {load}"
        results.append(Result(f"site, {page.name}, p95", steps[94], "ms", GOAL, note))
    failed = [answer.status for answer in answers if answer.status != "200"]
    results.append(
        Result("site, answers that are errors", len(failed), "", "<= 0", ", ".join(sorted(set(failed))))
    )
    results.append(Result("site, processor seconds of the web process a second", busy, "s", None, load))
    for name, (web, database) in apart.items():
        results.append(
            Result(
                f"site, {name}, processor time of the web process",
                web,
                "ms",
                None,
                f"PostgreSQL {database:.1f} ms",
            )
        )
    return results


def _prepare(url: str, people: int) -> list[Page]:
    """Fill the books and sign somebody in for each page."""
    database, now = Database(url), datetime.now(UTC)
    metadata.create_all(database.engine)
    fill(database, people, at=now)
    roster = a_roster_under_way(database, people, at=now)
    admin, leader = sign_in(database, Role.ADMIN, at=now), sign_in(database, Role.LEADER, at=now)
    hr = sign_in(database, Role.HR, "H36.1", at=now)
    with database.engine.connect() as connection:  # PostgreSQL does this by itself, within minutes
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))
    database.close()
    found = [f"/people?q={quote(words)}" for words in SEARCHES]
    return [
        Page("the coverage board", ["/coverage"], leader),
        Page("a search in people", found, admin),
        Page("a search in the people of a sub-tree", found, hr),
        Page("the request form", ["/requests/new?kind=people"], hr),
        Page("the progress page of a roster", [f"/rosters/{roster}"], admin),
    ]


@dataclass(frozen=True, slots=True)
class Site:
    """A web process that listens."""

    port: int
    pids: Sequence[int]

    def spent(self) -> float:
        """Processor seconds of its workers so far."""
        return sum(map(processor, self.pids))


@contextmanager
def _served(folder: Path, url: str) -> Iterator[Site]:
    port, process = free_port(), ServerProcess("web", folder)
    line = next(line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith("web: "))
    program, *arguments = shlex.split(line.removeprefix("web: "))
    process.start(
        [sys.executable, "-m", program, "--bind", f"127.0.0.1:{port}", "--no-control-socket", *arguments],
        environment={
            "PROVISIONER_DATABASE__URL": url,
            "PROVISIONER_IDENTITY__KEYS": f"1:{bytes(range(32)).hex()}",
            "PROVISIONER_DIRECTORY__BIND_PASSWORD": "unused",
        },
    )
    workers = arguments[arguments.index("--workers") + 1]
    try:
        assert process.answers_within(60, lambda: _listens(port))
        deadline = time.monotonic() + 60
        while len(pids := children(process.pid or 0)) < int(workers) and time.monotonic() < deadline:
            time.sleep(0.1)
        yield Site(port, pids)
    finally:
        process.stop()


def _ask(port: int, pages: Sequence[Page], a_second: float) -> list[Answer]:
    """Have these pages asked for by a program of its own."""
    paths = {page.name: cycle(page.paths) for page in pages}
    requests = [{"page": page.name, "path": next(paths[page.name]), "token": page.token} for page in pages]
    ran = subprocess.run(
        [sys.executable, "-m", site_client.__name__],
        input=json.dumps({"port": port, "requests": requests, "every": 1 / a_second}),
        capture_output=True,
        text=True,
        check=True,
    )
    return [Answer(**answer) for answer in json.loads(ran.stdout)]


def _alone(site: Site, server: PrivatePostgres, page: Page, number: int) -> tuple[float, float]:
    """Milliseconds of processor time that one such page costs the web process, and the database."""
    backends = server.pid or 0
    web, database = site.spent(), of_children(backends)
    _ask(site.port, [page] * number, 8)
    return (site.spent() - web) / number * 1000, (of_children(backends) - database) / number * 1000


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True
