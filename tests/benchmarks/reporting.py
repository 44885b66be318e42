"""Coverage of all agencies over a province of 200,000 people, on both databases."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from provisioner.coverage.counting import cover
from provisioner.coverage.tallies import Scope
from provisioner.db import Database
from provisioner.private.postgres import PrivatePostgres
from provisioner.tables import metadata
from tests.benchmarks.results import Result, in_turns, median
from tests.coverage.books import Books

AT = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)
AGENCIES = 1100
CATEGORIES = ("can_bo", "cong_chuc", "vien_chuc")


def measure(folder: Path, *, people: int = 200_000, rounds: int = 7) -> list[Result]:
    """The median of one question, in turns on both databases, after one that warms up."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    with PrivatePostgres(folder / "postgres") as server, _filled(server, folder, people) as databases:
        for database in databases.values():
            _ask(database, people)()
        taken = in_turns(rounds, {name: _ask(database, people) for name, database in databases.items()})
    return [
        median(
            f"coverage of all agencies over {people:,} people, {name}",
            [seconds * 1000 for seconds in taken[name]],
            "ms",
            goal=f"<= {limit}",
        )
        for name, limit in (("SQLite", 300), ("PostgreSQL", 150))
    ]


@contextmanager
def _filled(server: PrivatePostgres, folder: Path, people: int) -> Iterator[dict[str, Database]]:
    databases = {
        "SQLite": Database(f"sqlite:///{folder}/books.db"),
        "PostgreSQL": Database(server.create_database("coverage")),
    }
    books = a_province(people)
    for name, database in databases.items():
        metadata.create_all(database.engine)
        with database.transaction() as session:
            books.write(session)
        # As a database that has been running for a while: PostgreSQL does this by itself, within minutes.
        command = "VACUUM ANALYZE" if name == "PostgreSQL" else "ANALYZE"
        with database.engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            alone.execute(text(command))
    del books  # a million rows in memory, which the collector would look through in the middle of a question
    yield databases
    for database in databases.values():
        database.close()


def a_province(people: int) -> Books:
    """Agencies of three levels; nearly everybody has a mailbox, two in five a certificate."""
    books = Books(at=AT)
    agencies = min(AGENCIES, people // 10)
    parents: list[int] = []
    for number in range(agencies):
        parent = parents[number // 30] if number >= 30 else None
        parents.append(
            books.agency(f"H36.{number}", parent=parent, level=("tinh", "xa")[number > 200], certificates=1)
        )
    for number, agency in enumerate(parents):
        for index, category in enumerate(CATEGORIES):
            place = number * len(CATEGORIES) + index
            places = agencies * len(CATEGORIES)
            size = people * (place + 1) // places - people * place // places
            books.people(
                agency,
                size,
                category=category,
                leaders=size // 20,
                mailboxes=size * 19 // 20,
                handed_over=size * 9 // 10,
                used=size * 3 // 4,
                certificates=size * 2 // 5,
            )
    return books


def _ask(database: Database, people: int) -> Callable[[], float]:
    def once() -> float:
        began = time.perf_counter()
        with database.reading() as session:
            found = cover(session, Scope(), at=AT, used_within=timedelta(days=90))
        taken = time.perf_counter() - began
        assert found.sums.people.registered == people
        return taken

    return once
