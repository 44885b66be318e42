"""`provisioner directory`: does the world agree with the books, and what is stuck."""

import click

from provisioner.cli.shell import Shell, as_json, by, pass_shell, print_json, print_table
from provisioner.directory.reconciling import reconcile, release, stuck


@click.group()
def directory() -> None:
    """The directory against the books."""


@directory.command()
@as_json
@pass_shell
@click.pass_context
def check(context: click.Context, shell: Shell, as_json: bool) -> None:
    """Compare books and directory, entry by entry and attribute by attribute; exit 1 when they differ."""
    services = shell.services
    found = reconcile(
        services.database, services.directory, dit=services.dit, quotas=services.quotas, now=services.clock()
    )
    if as_json:
        print_json(
            {
                "entries": found.entries,
                "pending": found.pending,
                "differences": [
                    {"dn": d.dn, "kind": d.kind, "attributes": d.attributes} for d in found.differences
                ],
            }
        )
    else:
        click.echo(
            f"{found.entries:,} entries compared, {found.pending:,} pending, {len(found.differences):,} differences"
        )
        print_table(
            ["kind", "entry", "attributes"],
            [[d.kind, d.dn, ", ".join(d.attributes)] for d in found.differences[:50]],
        )
    if found.differences:
        context.exit(1)


@directory.command("stuck")
@as_json
@pass_shell
def stuck_(shell: Shell, as_json: bool) -> None:
    """Entries that wait for a person: somebody else's entry stands there, or the directory refused it."""
    with shell.services.database.reading() as session:
        rows = stuck(session)
    if as_json:
        print_json([{"what": r.what, "id": r.id, "trouble": r.trouble, "detail": r.detail} for r in rows])
    else:
        print_table(["what", "trouble", "detail"], [[r.what, r.trouble, r.detail] for r in rows])


@directory.command()
@by
@pass_shell
def retry(shell: Shell, by: str) -> None:
    """Give every stuck entry another try, after a person has cleared the way."""
    with shell.services.database.transaction() as session:
        count = release(session, by=by, now=shell.services.clock())
    click.echo(f"{count:,} entries will be tried again")
