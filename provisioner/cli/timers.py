"""`provisioner mail timers`: what is due to be locked or deleted, and the stops that wait for a person."""

from collections import Counter
from dataclasses import asdict
from typing import Final

import click

from provisioner.audit import Who
from provisioner.cli.shell import Shell, as_json, by, pass_shell, print_json, print_table, row_number
from provisioner.mail.stopping import confirm, stops
from provisioner.mail.timers import timers as running_timers
from provisioner.mailboxes.models import LockedBy, Status
from provisioner.notices.addressing import readers
from provisioner.rounds import calendar, run_timers, timer_policy

_WHY: Final = {LockedBy.UNUSED: "unused", LockedBy.LEFT: "left", LockedBy.PERSON: "disabled"}


@click.group(invoke_without_command=True)
@as_json
@pass_shell
@click.pass_context
def timers(context: click.Context, shell: Shell, as_json: bool) -> None:
    """Mailboxes that nobody uses, whose owner left or that were disabled: which are due, and what waits for a person."""
    if context.invoked_subcommand is not None:
        return
    services = shell.services
    with services.database.reading() as session:
        due = list(
            running_timers(session, timer_policy(services), calendar=calendar(services), now=services.clock())
        )
        waiting = list(stops(session))
        reader = readers(session, {timer.mailbox_id for timer in due})
    if as_json:
        print_json(
            {
                "due": [asdict(timer) | {"address": reader[timer.mailbox_id].address} for timer in due],
                "stops": [
                    {"id": stop.id, "lock": stop.lock, "delete": stop.delete, "confirmed": stop.confirmed_by}
                    for stop in waiting
                ],
            }
        )
        return
    count = Counter(timer.then for timer in due)
    click.echo(
        f"{count[Status.LOCKED]:,} to lock, {count[Status.DELETED]:,} to delete, each after its notice"
    )
    print_table(
        ["mailbox", "becomes", "since", "why"],
        [[reader[one.mailbox_id].address, one.then.value, one.since, _WHY[one.why]] for one in due],
    )
    for stop in waiting:
        state = f"confirmed by {stop.confirmed_by}" if stop.confirmed_by else "waits to be confirmed"
        click.echo(
            f"stop {stop.id}: {len(stop.lock):,} to lock and {len(stop.delete):,} to delete, or to be told so, at "
            f"once, more than {stop.most:,}; {state}"
        )


@timers.command("run")
@as_json
@pass_shell
def run_(shell: Shell, as_json: bool) -> None:
    """Run the timers now, as the clock does every hour."""
    done = run_timers(shell.services)
    if as_json:
        print_json(asdict(done))
        return
    click.echo(f"{done.told:,} told, {done.locked:,} locked, {done.deleted:,} deleted")
    if done.waits_for is not None:
        click.echo(f"the rest waits for a person: provisioner mail timers confirm {done.waits_for}")


@timers.command("confirm")
@click.argument("stop", type=row_number)
@by
@pass_shell
def confirm_(shell: Shell, stop: int, by: str) -> None:
    """Let the next run tell, or lock and delete, exactly the mailboxes of this stop."""
    services = shell.services
    with services.database.transaction() as session:
        confirmed = confirm(session, stop, who=Who(by), now=services.clock())
    click.echo(
        f"stop {stop}: {len(confirmed.lock):,} will be locked, {len(confirmed.delete):,} deleted, after their notice"
    )
