"""`provisioner ca lint-live`: the rules of another day, asked about what is live today."""

from datetime import datetime

import click

from ca.findings import Finding
from provisioner.certificates.lint_live import not_issuable
from provisioner.cli.record import authority
from provisioner.cli.shell import Shell, as_json, pass_shell, print_json, print_table
from provisioner.errors import Text

__all__ = ["authority"]


@authority.command("lint-live")
@click.option(
    "--as-of",
    "on",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    metavar="DATE",
    help="The day whose rules are asked, as 2027-07-01.",
)
@as_json
@pass_shell
@click.pass_context
def lint_live(context: click.Context, shell: Shell, on: datetime, as_json: bool) -> None:
    """Name the live certificates that could no longer be issued on that day; exit 1 when there are any."""
    services = shell.services
    with services.database.reading() as session:
        day = on.date()  # typed without a zone
        found = list(not_issuable(session, services.profiles, on=day, now=services.clock()))
    if as_json:
        print_json(
            [
                {
                    "issuer": one.issuer,
                    "serial": one.serial,
                    "subject": one.subject,
                    "profile": one.profile,
                    "not_after": one.not_after.isoformat(),
                    "findings": [
                        {"code": f.code, "source": f.source, "said": _said(shell, f)} for f in one.findings
                    ],
                }
                for one in found
            ]
        )
    elif found:
        print_table(
            ["serial", "subject", "profile", "until", "why"],
            [
                [
                    one.serial,
                    one.subject,
                    one.profile,
                    f"{one.not_after:%Y-%m-%d}",
                    "; ".join(f"{_said(shell, f)} ({f.source})" for f in one.findings),
                ]
                for one in found
            ],
        )
    if not as_json:
        click.echo(f"{len(found):,} live certificates could not be issued on {on:%Y-%m-%d}")
    if found:
        context.exit(1)


def _said(shell: Shell, finding: Finding) -> str:
    return shell.text(Text(vi=finding.text.vi, en=finding.text.en))
