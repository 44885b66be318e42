"""`provisioner mail disable` and `enable`: mailboxes, also of agencies that closed, moved between states by a person."""

import click
from sqlalchemy.orm import Session

from provisioner.audit import Who
from provisioner.cli.shell import Shell, by, pass_shell
from provisioner.errors import NotFound, Text
from provisioner.mail.usage import mailboxes_named
from provisioner.mailboxes import lifecycle

_ADDRESSES = click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
_REASON = click.option("--reason", required=True, help="Kept with the mailbox and in the audit trail.")


@click.command()
@_ADDRESSES
@_REASON
@by
@pass_shell
def disable(shell: Shell, addresses: tuple[str, ...], reason: str, by: str) -> None:
    """No sign-in, and mail is refused; what these mailboxes hold is kept."""
    why, services = lifecycle.a_reason(reason), shell.services
    with services.database.transaction() as session:
        ids = _named(session, addresses)
        moved = lifecycle.disable(session, ids, reason=why, who=Who(by), now=services.clock())
    click.echo(f"{len(moved):,} of {len(ids):,} mailboxes disabled")


@click.command()
@_ADDRESSES
@_REASON
@by
@pass_shell
def enable(shell: Shell, addresses: tuple[str, ...], reason: str, by: str) -> None:
    """Make locked or disabled mailboxes active again; those of people who left stay as they are."""
    why, services = lifecycle.a_reason(reason), shell.services
    with services.database.transaction() as session:
        ids = _named(session, addresses)
        moved = lifecycle.enable(session, ids, reason=why, who=Who(by), now=services.clock())
    click.echo(f"{len(moved):,} of {len(ids):,} mailboxes active again")


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
