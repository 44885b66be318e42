"""The books for tests: empty ones on SQLite and on PostgreSQL, and moments to write into them."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from provisioner.db import Base, Database
from provisioner.private.postgres import PrivatePostgres
from provisioner.tables import metadata

NOW = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)
TODAY = NOW.date()
LATER = NOW + timedelta(days=1)


class Rings(list[str]):
    """A doorbell that remembers who was rung for."""

    def __call__(self, queue: str) -> None:
        self.append(queue)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Empty tables on SQLite, to be copied."""
    path = tmp_path_factory.mktemp("books") / "template.db"
    _make_tables(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_books(postgres_server: PrivatePostgres) -> Iterator[str]:
    """The address of a PostgreSQL database with tables, to be emptied for each test: quicker than a new one."""
    name = f"books_{os.getpid()}_{secrets.token_hex(4)}"
    url = postgres_server.start().create_database(name)
    _make_tables(url)
    yield url
    postgres_server.start().drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of books with all tables and no rows."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "books.db")
        return f"sqlite:///{tmp_path / 'books.db'}"
    request.getfixturevalue("postgres_server").start()
    url: str = request.getfixturevalue("postgres_books")
    _empty(url)
    return url


@pytest.fixture
def rings() -> Rings:
    return Rings()


@pytest.fixture
def database(database_url: str, rings: Rings) -> Iterator[Database]:
    """Books with all tables and no rows; whoever they ring for stands in `rings`."""
    books = Database(database_url, ring=rings)
    yield books
    books.close()


def on_postgresql(database: Database) -> bool:
    return database.engine.dialect.name == "postgresql"


def count(database: Database, model: type[Base]) -> int:
    """How many rows this table has."""
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


@contextmanager
def asked(database: Database) -> Iterator[list[str]]:
    """The statements that are asked of the books within this block."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def _empty(url: str) -> None:
    """Take every row away and let every id begin at 1 again."""
    # Whoever is still connected is left over from an earlier test, and might hold a lock.
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    statements = [
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}",
        "SET LOCAL session_replication_role = replica",  # foreign keys do not matter when everything goes
        *(f"DELETE FROM {name}" for name in metadata.tables),
        *(
            f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), 1, false)"
            for name, table in metadata.tables.items()
            if "id" in table.c
        ),
    ]
    books = Database(url)
    with books.engine.begin() as connection:
        connection.exec_driver_sql("; ".join(statements))
    books.close()


def _make_tables(url: str) -> None:
    books = Database(url)
    metadata.create_all(books.engine)
    if not on_postgresql(books):
        with books.engine.connect() as connection:
            # One file is easier to copy than a file and its log.
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
            connection.exec_driver_sql("BEGIN")
    books.close()
