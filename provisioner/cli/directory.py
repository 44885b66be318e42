"""`provisioner directory`: does the world agree with the books, and what is stuck."""

import click

from provisioner.audit import Who
from provisioner.cli.shell import Shell, as_json, by, pass_shell, print_json, print_table
from provisioner.directory.reconciling import reconcile, repair
from provisioner.directory.stuck import release, stuck


@click.group()
def directory() -> None:
    """The directory against the books."""


@directory.command()
@click.option(
    "--repair",
    "is_repair",
    is_flag=True,
    help="Have the workers put right what is ours and missing or different.",
)
@by
@as_json
@pass_shell
@click.pass_context
def check(context: click.Context, shell: Shell, as_json: bool, by: str, is_repair: bool) -> None:
    """Compare books and directory, entry by entry and attribute by attribute.

    Exit 1 when they differ, with --repair only when something differs that is not ours to put right.
    """
    services = shell.services
    now = services.clock()
    found = reconcile(
        services.database, services.directory, dit=services.dit, quotas=services.quotas, now=now
    )
    repaired = repair(services.database, found.differences, who=Who(by), now=now) if is_repair else 0
    if as_json:
        print_json(
            {
                "entries": found.entries,
                "pending": found.pending,
                "differences": [
                    {"dn": d.dn, "kind": d.kind, "attributes": d.attributes} for d in found.differences
                ],
                **({"repaired": repaired} if is_repair else {}),
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
        if is_repair:
            click.echo(f"{repaired:,} entries are being put right by the workers")
    if len(found.differences) > repaired:
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
