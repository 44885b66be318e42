"""Whom to write to: owners of mailboxes, agencies' contacts, and operators.

An owner who has not set a password reads no mail there, and a locked or closed mailbox has no reader either: the agency's
contact is written to in their place, so that people without a mailbox are reached, too. The agency of who left is that
of their last post.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ScalarSelect, and_, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from provisioner.agencies.contacts import contact_of
from provisioner.agencies.models import Agency
from provisioner.mailboxes.models import Address, Mailbox, Status
from provisioner.operators.models import Operator
from provisioner.operators.reach import Powers, powers_of_all
from provisioner.people.models import Post, is_last_post

_CHUNK = 5000


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads what concerns a mailbox. `contact` is the agency's, or the agency's own mailbox."""

    address: str
    """The mailbox's primary address, whether or not somebody reads there."""
    reads: bool
    """Whether it is active and was handed over."""
    contact: str | None

    @property
    def recipients(self) -> tuple[str, ...]:
        """The owner; in the place of one who reads no mail, the agency's contact."""
        if self.reads:
            return (self.address,)
        return (self.contact,) if self.contact else ()

    @property
    def with_contact(self) -> tuple[str, ...]:
        """The owner, if they read, and the agency's contact."""
        return tuple(dict.fromkeys([*self.recipients, *([self.contact] if self.contact else [])]))


def readers(session: Session, mailbox_ids: Collection[int]) -> Mapping[int, Reader]:
    """For each of these mailboxes, who reads what concerns it."""
    found: dict[int, Reader] = {}
    wanted = sorted(mailbox_ids)
    for at in range(0, len(wanted), _CHUNK):
        rows = session.execute(
            select(
                Mailbox.id,
                Address.address,
                Mailbox.status,
                Mailbox.handed_over_at,
                Agency.contact_email,
                _own_mailbox(Agency.id).label("own"),
            )
            .join(Address, and_(Address.mailbox_id == Mailbox.id, Address.is_primary))
            .outerjoin(Post, and_(Post.person_id == Mailbox.person_id, is_last_post()))
            .outerjoin(Agency, Agency.id == func.coalesce(Mailbox.agency_id, Post.agency_id))
            .where(Mailbox.id.in_(wanted[at : at + _CHUNK]))
        )
        for row in rows:
            reads = row.status is Status.ACTIVE and row.handed_over_at is not None
            contact = contact_of(row.contact_email, row.own)
            found[row.id] = Reader(row.address, reads, None if contact == row.address else contact)
    return found


def contacts(session: Session, agency_ids: Collection[int]) -> Mapping[int, str]:
    """The contact of each of these agencies that has one: who is named, or the agency's own mailbox."""
    rows = session.execute(
        select(Agency.id, Agency.contact_email, _own_mailbox(Agency.id).label("own")).where(
            Agency.id.in_(sorted(agency_ids))
        )
    )
    found = {row.id: contact_of(row.contact_email, row.own) for row in rows}
    return {agency_id: contact for agency_id, contact in found.items() if contact}


@dataclass(frozen=True, slots=True)
class ReachedOperator:
    """An operator who can be written to: in the mailbox of the official they are, or at another address."""

    name: str
    address: str
    powers: Powers


def operators_reached(session: Session, *, now: datetime) -> list[ReachedOperator]:
    """Every operator who is let in and has an active mailbox or, without one, another address."""
    is_theirs = and_(
        Mailbox.person_id == Operator.person_id, Mailbox.closed_at.is_(None), Mailbox.status == Status.ACTIVE
    )
    address = func.coalesce(Address.address, Operator.contact_email)
    rows = session.execute(
        select(Operator.id, Operator.name, address.label("address"))
        .outerjoin(Mailbox, is_theirs)
        .outerjoin(Address, and_(Address.mailbox_id == Mailbox.id, Address.is_primary))
        .where(Operator.disabled_at.is_(None), address.is_not(None))
        .order_by(Operator.name)
    )
    powers = powers_of_all(session, now=now)
    return [ReachedOperator(row.name, row.address, powers.get(row.id, Powers())) for row in rows]


def _own_mailbox(agency_id: InstrumentedAttribute[int]) -> ScalarSelect[str]:
    """The primary address of the agency's own mailbox, while it is open."""
    box, address = aliased(Mailbox), aliased(Address)
    return (
        select(address.address)
        .join(box, box.id == address.mailbox_id)
        .where(box.agency_id == agency_id, box.unit_key == "", box.closed_at.is_(None), address.is_primary)
        .scalar_subquery()
    )
