"""`provisioner people`: what a roster cannot say of somebody in the register."""

import click

from provisioner.audit import Who
from provisioner.cli.shell import Shell, by, pass_shell
from provisioner.rosters.renumbering import renumber


@click.group()
def people() -> None:
    """People in the register."""


@people.command("renumber")
@click.argument("old")
@click.argument("new")
@by
@pass_shell
def renumber_(shell: Shell, old: str, new: str, by: str) -> None:
    """Correct a mistyped staff number, OLD to NEW; the person, the mailbox and its address stay.

    Certificates that name the old number become stale: see `provisioner revocations stale`.
    """
    services = shell.services
    with services.database.transaction() as session:
        number = renumber(session, old, new, who=Who(by), now=services.clock())
    click.echo(
        f"{old} is {number} from now on; certificates with the old number: provisioner revocations stale"
    )
