"""The books for tests: new ones on SQLite and on PostgreSQL, and moments to write into them."""

import os
import secrets
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

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
def postgres_template(postgres_server: PrivatePostgres) -> Iterator[str]:
    """The name of a PostgreSQL database with empty tables, to be copied."""
    name = f"template_{os.getpid()}_{secrets.token_hex(4)}"
    _make_tables(postgres_server.start().create_database(name))
    yield name
    postgres_server.start().drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of new books, with all tables and no rows."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "books.db")
        yield f"sqlite:///{tmp_path / 'books.db'}"
        return
    server: PrivatePostgres = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("postgres_template")
    name = f"books_{os.getpid()}_{secrets.token_hex(4)}"
    yield server.start().create_database(name, template=template)
    server.start().drop_database(name)


@pytest.fixture
def rings() -> Rings:
    return Rings()


@pytest.fixture
def database(database_url: str, rings: Rings) -> Iterator[Database]:
    """New books, with all tables and no rows; whoever they ring for stands in `rings`."""
    books = Database(database_url, ring=rings)
    yield books
    books.close()


def on_postgresql(database: Database) -> bool:
    return database.engine.dialect.name == "postgresql"


def count(database: Database, model: type[Base]) -> int:
    """How many rows this table has."""
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


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
