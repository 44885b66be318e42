"""`provisioner db`: the books' own form, and the keys they are sealed with."""

from itertools import groupby
from operator import itemgetter

import click

from provisioner.audit import Who
from provisioner.cli.shell import Shell, as_json, by, pass_shell, print_json
from provisioner.migrating import upgrade
from provisioner.resealing import left, reseal


@click.group("db")
def database() -> None:
    """The database."""


@database.command("upgrade")
@pass_shell
def upgrade_(shell: Shell) -> None:
    """Make the tables, or bring them to the form this version expects. Twice is harmless."""
    click.echo(f"the books are at revision {upgrade(shell.services.database)}")


@database.command("reseal")
@by
@as_json
@pass_shell
@click.pass_context
def reseal_(context: click.Context, shell: Shell, by: str, as_json: bool) -> None:
    """Seal everything anew with the newest key; exit 1 while anything is left under another.

    Once every process was started again with the new key. It may be killed and run again at any moment.
    """
    services = shell.services
    sealer = services.sealer
    sealed: dict[str, int] = {}
    work = reseal(services.database, sealer, who=Who(by), clock=services.clock)
    for place, counts in groupby(work, key=itemgetter(0)):
        sealed[place] = sum(count for _place, count in counts)
        if not as_json:
            click.echo(f"{place:<28} {sealed[place]:>9,} sealed anew")
    with services.database.reading() as session:
        old = left(session, sealer)
    if as_json:
        remains = [{"place": place, "key": key, "count": count} for (place, key), count in old.items()]
        print_json({"key": sealer.current, "sealed": sealed, "left": remains})
    else:
        for (place, key), count in old.items():
            listed = "" if key in sealer.listed else ", which is not listed"
            click.echo(f"{place:<28} {count:>9,} left under key {key}{listed}")
        click.echo(f"{sum(sealed.values()):,} sealed anew with key {sealer.current}, {old.total():,} left")
    if old:
        context.exit(1)
