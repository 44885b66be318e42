"""Mail of deleted mailboxes: whose homes on the mail server may go. Nothing is removed here: the files are not ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.mailboxes.models import Address, Mailbox, Status


@dataclass(frozen=True, slots=True)
class Leftover:
    """A deleted mailbox; its mail lies in a home that has the name of its account id."""

    account_id: str
    address: str
    deleted_at: datetime
    size: int | None
    """In bytes, when the mail server told last."""


def leftovers(session: Session, *, before: datetime) -> Sequence[Leftover]:
    """Mailboxes that were deleted at this moment or before it, the oldest first.

    One that the directory does not show as deleted yet is left out: mail would be delivered into the home again.
    """
    rows = session.execute(
        select(Mailbox.account_id, Address.address, Mailbox.closed_at, Mailbox.size_bytes)
        .join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .where(
            Mailbox.status == Status.DELETED,
            Mailbox.closed_at <= before,
            Mailbox.synced_revision >= Mailbox.revision,
        )
        .order_by(Mailbox.closed_at, Mailbox.id)
    )
    return [Leftover(row.account_id, row.address, row.closed_at, row.size_bytes) for row in rows]
