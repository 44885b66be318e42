"""Revoking on the command line: one by one below `provisioner certificates`, many by `provisioner revocations`."""

from dataclasses import asdict
from typing import TextIO

import click

from ca.crl import Reason
from provisioner.audit import Who
from provisioner.certificates import reissuing, revoking_many
from provisioner.certificates.finding import by_serial
from provisioner.certificates.models import Purpose
from provisioner.certificates.revoking import REASONS, release, revoke_one
from provisioner.certificates.staleness import stale
from provisioner.cli.certificates import certificates, purpose_option
from provisioner.cli.shell import Shell, as_json, by, pass_shell, print_json, print_table, row_number
from provisioner.days import VIETNAM

reason_option = click.option(
    "--reason", type=click.Choice([reason.value for reason in REASONS]), required=True, help="By the rules."
)


@certificates.command()
@click.argument("serial")
@reason_option
@by
@pass_shell
def revoke(shell: Shell, serial: str, reason: str, by: str) -> None:
    """Revoke one certificate, by its serial number. It is on the list within a minute.

    A person may revoke only so many within an hour; more takes two people: provisioner revocations plan.
    """
    services = shell.services
    with services.database.transaction() as session:
        revoke_one(
            session,
            by_serial(session, serial).id,
            reason=Reason(reason),
            who=Who(by),
            profiles=services.profiles,
            per_hour=services.settings.authority.single_revocations_per_hour,
            now=services.clock(),
        )
    click.echo(f"{serial}: revoked, {reason}")


@certificates.command("release")
@click.argument("serial")
@by
@pass_shell
def release_command(shell: Shell, serial: str, by: str) -> None:
    """Take a hold (certificateHold) back."""
    services = shell.services
    with services.database.transaction() as session:
        found = by_serial(session, serial)
        release(session, found.id, who=Who(by), now=services.clock())
    click.echo(f"{serial}: good again")


@certificates.command()
@click.argument("address")
@purpose_option
@reason_option
@by
@pass_shell
def reissue(shell: Shell, address: str, purpose: str, reason: str, by: str) -> None:
    """Revoke what a mailbox has and order another: when its file or its password is lost.

    A key is never recovered. If somebody else may have it, the reason is keyCompromise.
    """
    services = shell.services
    with services.database.transaction() as session:
        serials = reissuing.reissue(
            session,
            address,
            purpose=Purpose(purpose),
            reason=Reason(reason),
            who=Who(by),
            profiles=services.profiles,
            per_hour=services.settings.authority.single_revocations_per_hour,
            now=services.clock(),
        )
    for serial in serials:
        click.echo(f"{serial}: revoked, {reason}")
    click.echo("another one is ordered")


@click.group()
def revocations() -> None:
    """Many revocations: one person plans them, another approves; and what should be revoked."""


@revocations.command("stale")
@as_json
@pass_shell
def stale_command(shell: Shell, as_json: bool) -> None:
    """Certificates that no longer say what the register says: why, for which reason to revoke, and by when."""
    services = shell.services
    services.note_stale()
    with services.database.reading() as session:
        found = stale(session, services.certificate_naming, now=services.clock())
    if as_json:
        print_json([asdict(each) | {"reason": each.reason.value} for each in found])
        return
    click.echo(f"{len(found):,} certificates differ from the register")
    print_table(
        ["serial", "differs in", "reason", "revoke by"],
        [
            [
                each.serial,
                ", ".join(each.differing) or "nobody holds it",
                each.reason.value,
                f"{each.revoke_by.astimezone(VIETNAM):%Y-%m-%d %H:%M}",
            ]
            for each in found
        ],
    )


@revocations.command("plan")
@click.option(
    "--stale", "of_stale", is_flag=True, help="All that differ from the register, each for its reason."
)
@click.option(
    "--serials",
    type=click.File("r", encoding="utf-8-sig", errors="replace"),  # what is no text is no serial number
    help="A file with one serial number a line.",
)
@click.option("--reason", type=click.Choice([reason.value for reason in REASONS]), help="For --serials.")
@click.option("--note", "why", required=True, help="The document that asks for it, for whoever approves.")
@by
@pass_shell
def plan_command(
    shell: Shell, of_stale: bool, serials: TextIO | None, reason: str | None, why: str, by: str
) -> None:
    """Propose revocations. Nothing happens before somebody else approves the digest; unapproved, they lapse after days."""
    services = shell.services
    if of_stale == (serials is not None) or (serials is not None and reason is None):
        raise click.UsageError("say either --stale, or --serials FILE with --reason")
    now = services.clock()
    with services.database.reading() as session:
        if serials is None:
            found = stale(session, services.certificate_naming, now=now)
            wanted = {each.certificate_id: each.reason for each in found}
        else:
            lines = [line.strip() for line in serials if line.strip()]
            wanted = {by_serial(session, line).id: Reason(reason) for line in lines}
    with services.database.transaction() as session:
        plan_id = revoking_many.plan(session, wanted, note=why, by=by, now=now)
        planned = revoking_many.get_plan(session, plan_id)
        click.echo(f"plan {plan_id}: {len(wanted):,} revocations; digest {planned.digest}")


@revocations.command("approve")
@click.argument("plan_id", type=row_number)
@click.option("--digest", required=True)
@by
@pass_shell
def approve_command(shell: Shell, plan_id: int, digest: str, by: str) -> None:
    """Agree to exactly what this digest stands for; it begins at once."""
    services = shell.services
    with services.database.transaction() as session:
        revoking_many.approve(
            session, plan_id, digest=digest, by=by, within=services.proposals_last, now=services.clock()
        )
    click.echo(f"plan {plan_id}: approved")


@revocations.command("refuse")
@click.argument("plan_id", type=row_number)
@click.option("--reason", required=True, help="Why not, for whoever proposed it and for the trail.")
@by
@pass_shell
def refuse_command(shell: Shell, plan_id: int, reason: str, by: str) -> None:
    """Say no to a plan that waits for approval; whoever proposed it withdraws it so."""
    services = shell.services
    with services.database.transaction() as session:
        state = revoking_many.refuse(session, plan_id, reason=reason, by=by, now=services.clock())
    click.echo(f"plan {plan_id}: {state.value}")
