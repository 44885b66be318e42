"""Renewal: a new certificate before the old one ends, and whoever has to be told.

A certificate whose key the service made gets its successor by itself, with a new key, some days before its
end; the old one stays good until the new one is handed over, and until then its owner is told of its end. Where the owner made the key, only the owner
can make the next one: they are told, and enrol again. Notices are rows, each due once; sending them is
another room's work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from provisioner.agencies.contacts import contact_of
from provisioner.agencies.models import Agency
from provisioner.audit import Change, Who, record
from provisioner.certificates.models import Certificate, ExpiryNotice, State, is_live
from provisioner.certificates.ordering import order_again, stand_again
from provisioner.certificates.subjects import fitting, of_somebody
from provisioner.days import day_of
from provisioner.db import table_of
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.people.models import Post

NOTICE_DAYS: Final = (60, 30, 7)

RENEWAL = Who("renewal")


@dataclass(frozen=True, slots=True)
class Expiring:
    """A certificate that ends soon and whose owner has no other yet. `contact` is the agency's, or its own mailbox."""

    certificate_id: int
    serial: str
    address: str
    contact: str | None
    not_after: datetime
    key_by_owner: bool
    is_replaced: bool
    """A successor is ordered, and nobody has fetched it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told: that this certificate ends, so many days before it does."""

    id: int
    days: int
    expiring: Expiring


def expiring(session: Session, *, within: timedelta, now: datetime) -> list[Expiring]:
    """Every good certificate of an open mailbox that ends within this time, the first first.

    It stays among them until its successor is handed over, and is revoked with that. One that is nobody's any more
    is not renewed but to be revoked: `staleness` has it.
    """
    rows = session.execute(_asked(now).where(*_good(now), Certificate.not_after <= now + within))
    return [_expiring(row) for row in rows]


def renew(session: Session, *, before: timedelta, now: datetime, limit: int = 500) -> int:
    """Order successors for the certificates with a key of ours that end within this time; how many.

    Not for those that the signer would refuse: each round would order another.
    """
    _give_places_back(session, now=now)
    wanted = (
        of_somebody(select(Certificate).join(Mailbox, Mailbox.id == Certificate.mailbox_id), day_of(now))
        .where(
            *_good(now),
            is_live(),
            Certificate.not_after <= now + before,
            Certificate.key_by_owner.is_(False),
        )
        .order_by(Certificate.id)
        .limit(limit)
        .with_for_update(of=table_of(Certificate))
    )
    changes: list[Change] = []
    seen = 0
    while not changes and (rows := session.scalars(wanted.where(Certificate.id > seen)).all()):
        fit = fitting(session, [row.id for row in rows], today=day_of(now))
        for row in (each for each in rows if each.id in fit):
            order_again(session, row, by=row.ordered_by, now=now)
            after = {"serial": row.serial}
            changes.append(Change("certificate.renewal-ordered", "certificate", str(row.id), after=after))
        seen = rows[-1].id
    record(session, RENEWAL, changes, now=now)
    return len(changes)


def _give_places_back(session: Session, *, now: datetime) -> None:
    """What ended while an earlier one of the same owner is still good makes room for that one.

    A successor does, that nobody fetched, when its profile became shorter meanwhile.
    """
    earlier = aliased(Certificate)
    is_outlived = exists().where(
        earlier.mailbox_id == Certificate.mailbox_id,
        earlier.purpose == Certificate.purpose,
        earlier.state == State.ISSUED,
        earlier.revoked_at.is_(None),
        earlier.not_after > now,
    )
    ended = session.scalars(
        select(Certificate.id).where(is_live(), Certificate.not_after <= now, is_outlived)
    ).all()
    session.execute(
        update(Certificate)
        .where(Certificate.id.in_(ended))
        .values(replaced_at=now)
        .execution_options(synchronize_session=False)
    )
    stand_again(session, ended, now=now)


def note_expiring(session: Session, *, now: datetime) -> int:
    """Write down the notices that have become due, one for each certificate and threshold; how many.

    A certificate that has passed several thresholds unseen gets the nearest one only.
    """
    due: list[dict[str, object]] = []
    passed = [timedelta(days=days) for days in NOTICE_DAYS]
    rows = session.execute(
        select(ExpiryNotice.certificate_id, ExpiryNotice.days)
        .join(Certificate, Certificate.id == ExpiryNotice.certificate_id)
        .where(Certificate.not_after.between(now, now + max(passed)))
    )
    noted = {(row.certificate_id, row.days) for row in rows}
    for found in expiring(session, within=max(passed), now=now):
        days = min(limit.days for limit in passed if found.not_after <= now + limit)
        if (found.certificate_id, days) not in noted:
            due.append({"certificate_id": found.certificate_id, "days": days, "due_at": now})
    if due:
        session.execute(insert(table_of(ExpiryNotice)), due)
    return len(due)


def notices_due(session: Session, *, now: datetime, limit: int = 500) -> Sequence[Notice]:
    """The notices that nobody has sent yet; those whose certificate was revoked or followed meanwhile fall away."""
    rows = session.execute(
        _asked(now)
        .add_columns(ExpiryNotice.id.label("notice_id"), ExpiryNotice.days)
        .join(ExpiryNotice, ExpiryNotice.certificate_id == Certificate.id)
        .where(*_good(now), ExpiryNotice.sent_at.is_(None))
        .order_by(ExpiryNotice.id)
        .limit(limit)
    )
    return [Notice(row.notice_id, row.days, _expiring(row)) for row in rows]


def mark_sent(session: Session, notice_id: int, *, now: datetime) -> None:
    """This notice has left; it is not due again."""
    session.get_one(ExpiryNotice, notice_id).sent_at = now


def _good(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Certificate.state == State.ISSUED,
        Certificate.revoked_at.is_(None),
        Certificate.not_after > now,
        Mailbox.closed_at.is_(None),
    )


def _asked(
    now: datetime,
) -> Select[int, str | None, datetime | None, bool, datetime | None, str, str | None, str]:
    """Certificates with their owner's address and the agency's own, as `Expiring` wants them."""
    own_box, own_address = aliased(Mailbox), aliased(Address)
    contact = (
        select(own_address.address)
        .join(own_box, own_box.id == own_address.mailbox_id)
        .where(
            own_box.agency_id == func.coalesce(Mailbox.agency_id, Post.agency_id),
            own_box.unit_key == "",
            own_box.closed_at.is_(None),
            own_address.is_primary,
        )
        .correlate(Mailbox, Post)
        .scalar_subquery()
    )
    wanted = (
        select(
            Certificate.id,
            Certificate.serial,
            Certificate.not_after,
            Certificate.key_by_owner,
            Certificate.replaced_at,
            Address.address,
            Agency.contact_email,
            contact.label("own"),
        )
        .join(Mailbox, Mailbox.id == Certificate.mailbox_id)
        .join(Address, and_(Address.mailbox_id == Mailbox.id, Address.is_primary))
        .order_by(Certificate.not_after, Certificate.id)
    )
    return of_somebody(wanted, day_of(now))


def _expiring(row: Any) -> Expiring:
    return Expiring(
        certificate_id=row.id,
        serial=row.serial,
        address=row.address,
        contact=contact_of(row.contact_email, row.own),
        not_after=row.not_after,
        key_by_owner=row.key_by_owner,
        is_replaced=row.replaced_at is not None,
    )
