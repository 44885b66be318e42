"""Bringing the books to the form this version expects, with Alembic."""

import warnings
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from provisioner.coverage import marking
from provisioner.db import Database
from provisioner.tables import metadata

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> str:
    """Run what is missing, in one transaction where the database can; the revision reached."""
    config = _config()
    with database.transaction() as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "head")
        marking.install(session.connection())
    return str(ScriptDirectory.from_config(config).get_current_head())


def revision(database: Database) -> str | None:
    """The revision the books are at; None for an empty database."""
    with database.reading() as session:
        return MigrationContext.configure(session.connection()).get_current_revision()


def is_current(database: Database) -> bool:
    return revision(database) == ScriptDirectory.from_config(_config()).get_current_head()


def differences(connection: Connection) -> list[object]:
    """What the tables in the database and the models say differently."""
    with warnings.catch_warnings():
        # Alembic cannot compare an index of an expression on SQLite; the one there is, is of PostgreSQL alone.
        warnings.filterwarnings("ignore", "autogenerate skipping metadata-specified expression-based index")
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
