"""Alembic's entry: runs on the connection that `provisioner.migrating` hands over."""

from typing import Any, Literal

from alembic import context

from provisioner.db import Moment
from provisioner.tables import metadata


def render(kind: str, thing: Any, _context: Any) -> str | Literal[False]:
    """Write a type of ours as what it is in the database: a migration must not change when we do."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(thing, Moment) else False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    # SQLite cannot alter a table: Alembic then copies it (constraints have fixed names for this).
    render_as_batch=True,
    render_item=render,
)
context.run_migrations()
