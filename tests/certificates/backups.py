"""Taking the whole of the books aside, and putting them back as a restore from an old backup does."""

from typing import Any

from sqlalchemy import Select, Table, insert, select

from provisioner.db import Database
from provisioner.tables import metadata

Backup = dict[str, list[dict[str, Any]]]


def backup(database: Database) -> Backup:
    """Every row of every table."""
    with database.reading() as session:
        return {
            table.name: [dict(row) for row in session.execute(_in_order(table)).mappings()]
            for table in metadata.sorted_tables
        }


def _in_order(table: Table) -> Select[Any]:
    """By key, so that an agency comes before those below it: PostgreSQL gives rows as they lie."""
    return select(table).order_by(*table.primary_key)


def restore(database: Database, kept: Backup) -> None:
    """The books as they were; whatever came later is gone."""
    with database.transaction() as session:
        for table in reversed(metadata.sorted_tables):
            session.execute(table.delete())
        for table in metadata.sorted_tables:
            if kept[table.name]:
                session.execute(insert(table), kept[table.name])
