"""Coverage of all agencies over a province of 200,000 people, on both databases: as it stands, and counted anew."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import case, select, text, update

from provisioner.coverage.counting import cover
from provisioner.coverage.recounting import recount
from provisioner.coverage.tallies import Scope
from provisioner.db import Database
from provisioner.mailboxes.models import Mailbox, Status
from provisioner.private.postgres import PrivatePostgres
from provisioner.tables import metadata
from tests.benchmarks.results import Result, in_turns, median
from tests.coverage.books import Books

AT = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)
AGENCIES = 1100
WINDOW = timedelta(days=90)
TOUCHED = 10
CATEGORIES = ("can_bo", "cong_chuc", "vien_chuc")


def measure(folder: Path, *, people: int = 200_000, rounds: int = 7) -> list[Result]:
    """The median of one question, in turns on both databases, after one that warms up.

    First as nothing stands yet, then from what stands, then right after some agencies changed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    with PrivatePostgres(folder / "postgres") as server, _filled(server, folder, people) as databases:
        anew = {f"{name}, counted anew": _ask(database, people) for name, database in databases.items()}
        for once in anew.values():
            once()
        slow = in_turns(rounds, anew)
        for database in databases.values():
            with database.transaction() as session:
                recount(session, now=AT, used_within=WINDOW)
        standing = {name: _ask(database, people) for name, database in databases.items()}
        touched = {
            f"{name}, {TOUCHED} agencies just changed": _touching(database, people)
            for name, database in databases.items()
        }
        for once in (*standing.values(), *touched.values()):
            once()
        quick = in_turns(rounds, standing | touched)
    return [
        median(
            f"coverage of all agencies over {people:,} people, {name}",
            [seconds * 1000 for seconds in seconds_of],
            "ms",
            goal=None if name in anew else f"<= {300 if name.startswith('SQLite') else 150}",
        )
        for name, seconds_of in (quick | slow).items()
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


def _touching(database: Database, people: int) -> Callable[[], float]:
    """The question right after some agencies changed: they are counted anew."""
    ask = _ask(database, people)

    def once() -> float:
        with database.transaction() as session:
            recount(session, now=AT, used_within=WINDOW)
            changed = select(Mailbox.id).where(Mailbox.agency_id.is_not(None)).limit(TOUCHED)
            status = case((Mailbox.status == Status.ACTIVE, Status.LOCKED), else_=Status.ACTIVE)
            session.execute(update(Mailbox).where(Mailbox.id.in_(changed)).values(status=status))
        return ask()

    return once


def _ask(database: Database, people: int) -> Callable[[], float]:
    def once() -> float:
        began = time.perf_counter()
        with database.reading() as session:
            found = cover(session, Scope(), at=AT, used_within=WINDOW)
        taken = time.perf_counter() - began
        assert found.sums.people.registered == people
        return taken

    return once
