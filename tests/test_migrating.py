"""Migrations make exactly the tables that the models describe, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.db import Database
from provisioner.migrating import differences, is_current, revision, upgrade


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any tables."""
    if request.param == "sqlite":
        books = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    else:
        books = Database(request.getfixturevalue("postgres_database"))
    yield books
    books.close()


def test_an_empty_database_has_no_revision(empty: Database) -> None:
    assert revision(empty) is None
    assert not is_current(empty)


def test_an_upgrade_gives_exactly_the_models(empty: Database) -> None:
    reached = upgrade(empty)

    assert revision(empty) == reached
    assert is_current(empty)
    with empty.engine.connect() as connection:
        assert differences(connection) == []


def test_upgrading_twice_is_harmless(empty: Database) -> None:
    assert upgrade(empty) == upgrade(empty)


def test_a_table_that_was_altered_by_hand_is_a_difference(empty: Database) -> None:
    upgrade(empty)

    with empty.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE people ADD COLUMN nickname VARCHAR(10)")

    with empty.engine.connect() as connection:
        assert "nickname" in repr(differences(connection))
