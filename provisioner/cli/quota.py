"""`provisioner quota`: the proof that every mailbox holds as much as was granted, and none holds without limit."""

import shlex
import subprocess
from dataclasses import asdict

import click

from provisioner.cli.shell import Shell, as_json, pass_shell, print_json, print_table
from provisioner.errors import Text, Unavailable
from provisioner.mail.verifying import read_doveadm, verify
from provisioner.mailboxes.quotas import format_quota

_PATIENCE = 1800
"""Seconds: doveadm opens the mailbox of everybody."""


@click.group()
def quota() -> None:
    """Quotas."""


@quota.command("verify")
@click.option("--agency", metavar="CODE", help="This agency and everything below it.")
@click.option(
    "--doveadm",
    metavar="COMMAND",
    help="How to reach doveadm, such as “doveadm” or “ssh mail doveadm”; without it the mail server is not asked.",
)
@as_json
@pass_shell
@click.pass_context
def verify_(
    context: click.Context, shell: Shell, agency: str | None, doveadm: str | None, as_json: bool
) -> None:
    """Compare books, directory and mail server, mailbox by mailbox; exit 1 when anything differs."""
    services = shell.services
    found = verify(
        services.database,
        services.directory,
        dit=services.dit,
        quotas=services.quotas,
        server=_ask(doveadm) if doveadm else None,
        agency_code=agency,
    )
    if as_json:
        print_json(asdict(found))
    else:
        asked = "books, directory and mail server" if found.asked_server else "books and directory"
        click.echo(
            f"{found.compared:,} mailboxes compared in {asked}, {found.pending:,} pending, "
            f"{len(found.findings):,} differences"
        )

        def size(value: int | None) -> str:
            return "-" if value is None else format_quota(value, shell.language) if value > 0 else "no limit"

        print_table(
            ["trouble", "mailbox", "books", "directory", "server"],
            [
                [one.trouble.value, one.address, size(one.books), size(one.directory), size(one.server)]
                for one in found.findings
            ],
            right=(2, 3, 4),
        )
    if found.findings:
        context.exit(1)


def _ask(doveadm: str) -> dict[str, int]:
    """Everybody's limit, as the mail server enforces it. Raises `Unavailable`."""
    command = [*shlex.split(doveadm), "-f", "tab", "quota", "get", "-A"]
    try:
        answered = subprocess.run(  # noqa: S603 - the operator's own command, no shell reads it
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _silent(str(error)) from error
    if not answered.stdout.strip():
        raise _silent((answered.stderr.strip().splitlines() or [f"exit status {answered.returncode}"])[-1])
    return read_doveadm(
        answered.stdout.splitlines()
    )  # whoever doveadm could not open will be named as missing


def _silent(reason: str) -> Unavailable:
    return Unavailable(
        Text(vi=f"doveadm không trả lời được: {reason}", en=f"doveadm did not answer: {reason}"),
        code="doveadm-unavailable",
    )
