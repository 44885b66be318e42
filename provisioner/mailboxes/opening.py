"""Opening mailboxes and giving them addresses, on sets of mailboxes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from provisioner.db import insert_many, table_of
from provisioner.mailboxes.addresses import normal_form
from provisioner.mailboxes.models import Address, Kind, Mailbox, Status
from provisioner.pending import raised


@dataclass(frozen=True, slots=True)
class QuotaException:
    """A quota other than the policy's, with a reason and who granted it."""

    bytes: int
    reason: str
    granted_by: str


@dataclass(frozen=True, slots=True)
class NewMailbox:
    """A mailbox to be opened: for a person, or for an agency under a name (none for its own)."""

    address: str
    person_id: int | None = None
    agency_id: int | None = None
    unit_name: str | None = None
    unit_key: str = ""
    quota: QuotaException | None = None


def open_mailboxes(session: Session, mailboxes: Sequence[NewMailbox], *, now: datetime) -> list[int]:
    """Open these mailboxes, without a password: the owner sets it at first use. Their ids, in order.

    The addresses were chosen before; a second use of one is refused by the database itself.
    """
    if not mailboxes:
        return []
    ids = insert_many(
        session,
        table_of(Mailbox),
        [
            {
                "account_id": uuid4().hex,
                "kind": Kind.PERSONAL if new.person_id is not None else Kind.UNIT,
                "person_id": new.person_id,
                "agency_id": new.agency_id,
                "unit_name": new.unit_name,
                "unit_key": None if new.person_id is not None else new.unit_key,
                "status": Status.ACTIVE,
                "opened_at": now,
                **_exception_columns(new.quota, now),
            }
            for new in mailboxes
        ],
        key="account_id",
    )
    _give(session, {m: new.address for m, new in zip(ids, mailboxes, strict=True)}, now=now)
    return ids


def readdress(session: Session, addresses: Mapping[int, str], *, now: datetime) -> None:
    """Give mailboxes a new primary address; the old one stays theirs, as an alias, for ever.

    The new one may be an alias they had already.
    """
    if not addresses:
        return
    had = {
        address: mailbox_id
        for address, mailbox_id in session.execute(
            select(Address.address, Address.mailbox_id).where(Address.address.in_(addresses.values()))
        )
        if addresses.get(mailbox_id) == address
    }
    table = table_of(Address)
    session.connection().execute(
        update(table)
        .where(table.c.mailbox_id == bindparam("whose"), table.c.is_primary)
        .values(is_primary=False),
        [{"whose": mailbox_id} for mailbox_id in addresses],
    )
    session.execute(update(Address).where(Address.address.in_(had)).values(is_primary=True))
    _give(session, {m: address for m, address in addresses.items() if address not in had}, now=now)


def except_quota(session: Session, exceptions: Mapping[int, QuotaException | None], *, now: datetime) -> None:
    """Grant these mailboxes a quota of their own; None gives back the policy's."""
    for mailbox_id, exception in exceptions.items():
        session.execute(
            update(Mailbox).where(Mailbox.id == mailbox_id).values(**_exception_columns(exception, now))
        )


def touch(session: Session, mailbox_ids: Iterable[int]) -> None:
    """What the directory shows of these mailboxes has changed: they are pending from now on."""
    ids = [{"which": mailbox_id} for mailbox_id in mailbox_ids]
    if ids:
        table = table_of(Mailbox)
        session.connection().execute(
            update(table).where(table.c.id == bindparam("which")).values(raised(table.c)),
            ids,
        )


def _exception_columns(exception: QuotaException | None, now: datetime) -> dict[str, object]:
    return {
        "quota_exception_bytes": exception.bytes if exception else None,
        "quota_exception_reason": exception.reason if exception else None,
        "quota_exception_by": exception.granted_by if exception else None,
        "quota_exception_at": now if exception else None,
    }


def _give(session: Session, addresses: Mapping[int, str], *, now: datetime) -> None:
    """Add new primary addresses: mailbox id to address."""
    if addresses:
        session.execute(
            insert(table_of(Address)),
            [
                {
                    "address": address,
                    "normal_form": normal_form(address),
                    "mailbox_id": mailbox_id,
                    "is_primary": True,
                    "since": now,
                }
                for mailbox_id, address in addresses.items()
            ],
        )
