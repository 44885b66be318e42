"""`provisioner mail`: the mail servers' configuration, and the groups of commands for those who use mail."""

from pathlib import Path

import click

from provisioner.cli.codes import codes
from provisioner.cli.shell import Shell, pass_shell
from provisioner.mail.configuring import SERVERS, render, write


@click.group()
def mail() -> None:
    """Real mail: servers, first passwords, use."""


@mail.command()
@click.option("--server", type=click.Choice(SERVERS), required=True)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="A folder for the files; those that hold a password are readable to you only.",
)
@pass_shell
def config(shell: Shell, server: str, out: Path) -> None:
    """Write complete, commented configuration for a mail server, from our settings and schema."""
    files = render(server, shell.services.mail_server)
    write(files, out)
    for name in files:
        click.echo(out / name)


mail.add_command(codes)
