"""`provisioner ca audit`: the background audit in the foreground, and what it found."""

from dataclasses import asdict

import click

from provisioner.certificates.auditing import begin_anew, examine, findings, linter, standing
from provisioner.cli.lint_live import authority
from provisioner.cli.shell import Shell, as_json, pass_shell, print_json, print_table

__all__ = ["authority"]

FOR_EVER = float("inf")


@authority.command()
@click.option("--all", "anew", is_flag=True, help="Examine everything again, from the first certificate.")
@click.option("--status", is_flag=True, help="Only tell how far it has come and what it found.")
@as_json
@pass_shell
@click.pass_context
def audit(context: click.Context, shell: Shell, anew: bool, status: bool, as_json: bool) -> None:
    """Have everything ever signed examined by pkilint, from where that stopped; exit 1 when something was found.

    The workers do so by themselves while nothing else waits. Stopped in the middle, it goes on from there.
    """
    services = shell.services
    if anew and not status:
        with services.database.transaction() as session:
            begin_anew(session)
    if not status:
        examine(services.database, clock=services.clock, seconds=FOR_EVER)
    with services.database.reading() as session:
        series, found = standing(session), findings(session)
    if as_json:
        print_json(
            {
                "linter": linter(),
                "series": [asdict(one) for one in series],
                "findings": [
                    {"subject": one.subject, "finding": one.finding, "found_at": one.found_at}
                    for one in found
                ],
            }
        )
    else:
        print_table(
            ["series", "examined", "left", "last"],
            [[one.name, f"{one.examined:,}", f"{one.left:,}", one.examined_at] for one in series],
            right=(1, 2),
        )
        for one in found:
            click.echo(f"{one.subject}: {one.finding}", err=True)
        click.echo(f"{linter()}: {len(found):,} findings of weight WARNING or worse")
    if found:
        context.exit(1)
