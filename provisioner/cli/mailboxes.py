"""`provisioner mail disable`, `enable` and `purge`: states that a person decides on, and whose mail may go in the end."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta

import click
from sqlalchemy.orm import Session

from provisioner.audit import Who
from provisioner.cli.shell import Shell, as_json, by, pass_shell, print_json, print_table
from provisioner.days import day_of
from provisioner.errors import NotFound, Text
from provisioner.mail.purging import leftovers
from provisioner.mail.timers import disabled_until
from provisioner.mail.usage import mailboxes_named
from provisioner.mailboxes import lifecycle
from provisioner.rounds import calendar, timer_policy
from provisioner.services import Services

_ADDRESSES = click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
_REASON = click.option("--reason", required=True, help="Kept with the mailbox and in the audit trail.")


@click.command()
@_ADDRESSES
@_REASON
@by
@pass_shell
def disable(shell: Shell, addresses: tuple[str, ...], reason: str, by: str) -> None:
    """No sign-in, and mail is refused; what these mailboxes hold is kept for as long as the settings say."""
    services = shell.services
    moved = _moved(lifecycle.disable, services, addresses, reason, by)
    ends = disabled_until(timer_policy(services), calendar=calendar(services), since=services.clock())
    click.echo(f"{moved} mailboxes disabled")
    if ends:
        click.echo(
            f"to be deleted from {ends} on, after a notice; archive the agency's records in them before"
        )


@click.command()
@_ADDRESSES
@_REASON
@by
@pass_shell
def enable(shell: Shell, addresses: tuple[str, ...], reason: str, by: str) -> None:
    """Make locked or disabled mailboxes active again; those of people who left stay as they are."""
    moved = _moved(lifecycle.enable, shell.services, addresses, reason, by)
    click.echo(f"{moved} mailboxes active again")


@click.command()
@click.option(
    "--older-than",
    "days",
    metavar="DAYS",
    type=click.IntRange(1, 36_500),
    required=True,
    help="Deleted so many days ago or earlier.",
)
@as_json
@pass_shell
def purge(shell: Shell, days: int, as_json: bool) -> None:
    """List deleted mailboxes whose mail may go; whoever runs the mail server removes their homes, nothing here does."""
    services = shell.services
    with services.database.reading() as session:
        found = leftovers(session, before=services.clock() - timedelta(days=days))
    if as_json:
        storage = services.settings.mail.storage
        print_json([asdict(one) | {"home": storage / one.account_id} for one in found])
        return
    print_table(
        ["account", "mailbox", "deleted", "holds"],
        [
            [
                one.account_id,
                one.address,
                day_of(one.deleted_at),
                f"{one.size / 2**20:,.1f} MB" if one.size is not None else None,
            ]
            for one in found
        ],
        right=(3,),
    )


def _moved(
    deed: Callable[..., list[int]], services: Services, addresses: tuple[str, ...], reason: str, by: str
) -> str:
    """Do this to the mailboxes of these addresses; how many of how many it moved."""
    why = lifecycle.a_reason(reason)
    with services.database.transaction() as session:
        ids = _named(session, addresses)
        moved = deed(session, ids, reason=why, who=Who(by), now=services.clock())
    return f"{len(moved):,} of {len(ids):,}"


def _named(session: Session, addresses: tuple[str, ...]) -> set[int]:
    """The mailboxes of these addresses. Raises `NotFound` when one is nobody's, so that a slip of the hand moves none."""
    wanted = [address.strip().lower() for address in addresses]
    found = mailboxes_named(session, wanted)
    if strange := ", ".join(address for address in wanted if address not in found):
        raise NotFound(
            Text(
                vi=f"Không có hộp thư nào có địa chỉ {strange}.", en=f"No mailbox has the address {strange}."
            ),
            code="mailbox-unknown",
        )
    return set(found.values())
