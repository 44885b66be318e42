"""Alembic's entry: runs on the connection that `provisioner.migrating` hands over."""

from alembic import context

from provisioner.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    # SQLite cannot alter a table: Alembic then copies it (constraints have fixed names for this).
    render_as_batch=True,
)
context.run_migrations()
