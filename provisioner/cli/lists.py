"""`provisioner mail lists`: addresses of groups, who is on them, who may write to them, and the proof of it."""

from dataclasses import asdict

import click

from provisioner.audit import Who
from provisioner.cli.shell import Shell, as_json, by, pass_shell, print_json, print_table
from provisioner.lists.members import lists_of, permit
from provisioner.lists.models import Senders
from provisioner.mail.lists import compare
from provisioner.rounds import directory_lists


@click.group(invoke_without_command=True)
@click.option("--agency", metavar="CODE", help="The lists of this agency and of everything below it.")
@click.option(
    "--check", is_flag=True, help="Ask the directory as a mail server does; exit 1 when a list differs."
)
@as_json
@pass_shell
@click.pass_context
def lists(context: click.Context, shell: Shell, agency: str | None, check: bool, as_json: bool) -> None:
    """Addresses of groups, with their members counted in the books."""
    if context.invoked_subcommand is not None:
        return
    services = shell.services
    with services.database.reading() as session:
        known = list(lists_of(session, agency))
    differing = []
    if check:
        differing = compare(known, directory_lists(services, {one.address for one in known}))
    if as_json:
        rows = [asdict(one) | {"members": len(one.members)} for one in known]
        print_json({"lists": rows, "differing": [asdict(one) for one in differing]})
    elif check:
        click.echo(f"{len(known):,} lists compared in books and directory, {len(differing):,} differ")
        for one in differing:
            said = "not in the directory" if one.is_missing else "differs"
            click.echo(
                f"{one.address}: {said}; lacks {len(one.absent):,}, has {len(one.strange):,} strangers"
            )
            for address in (*one.absent, *one.strange)[:10]:
                click.echo(f"  {'-' if address in one.absent else '+'} {address}")
    else:
        print_table(
            ["list", "of", "members", "may write"],
            [[one.address, one.scope, f"{len(one.members):,}", one.senders.value] for one in known],
            right=(2,),
        )
    if differing:
        context.exit(1)


@lists.command()
@click.argument("address")
@click.argument("who", type=click.Choice([one.value for one in Senders]))
@by
@pass_shell
def senders(shell: Shell, address: str, who: str, by: str) -> None:
    """Decide who may write to a list: leaders (and units), officials who signed in, or anyone."""
    services = shell.services
    with services.database.transaction() as session:
        permit(session, address, Senders(who), who=Who(by), now=services.clock())
    click.echo(f"{address}: {who}")
