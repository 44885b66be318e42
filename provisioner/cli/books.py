"""`provisioner db`: the books' own form."""

import click

from provisioner.cli.shell import Shell, pass_shell
from provisioner.migrating import upgrade


@click.group("db")
def database() -> None:
    """The database."""


@database.command("upgrade")
@pass_shell
def upgrade_(shell: Shell) -> None:
    """Make the tables, or bring them to the form this version expects. Twice is harmless."""
    click.echo(f"the books are at revision {upgrade(shell.services.database)}")
