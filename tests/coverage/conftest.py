"""Empty books, on both databases."""

import os
from collections.abc import Iterator

import pytest

from provisioner.agencies.reference import Reference
from provisioner.coverage.models import CoverageDay
from provisioner.db import Base, Database
from provisioner.demo.province import REFERENCE
from tests.servers import PrivatePostgres

assert CoverageDay.metadata is Base.metadata


@pytest.fixture(scope="session")
def sqlite_books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    yield from _with_tables(f"sqlite:///{tmp_path_factory.mktemp('coverage')}/books.db")


@pytest.fixture(scope="session")
def postgres_books(postgres_server: PrivatePostgres) -> Iterator[Database]:
    name = f"coverage_{os.getpid()}"
    yield from _with_tables(postgres_server.start().create_database(name))
    postgres_server.start().drop_database(name)


def _with_tables(url: str) -> Iterator[Database]:
    database = Database(url)
    Base.metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """One database for all these tests: they take it empty and leave it empty."""
    database: Database = request.getfixturevalue(f"{request.param}_books")
    yield database
    with database.transaction() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())


@pytest.fixture(scope="session")
def reference() -> Reference:
    return Reference.load(REFERENCE)
