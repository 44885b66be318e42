"""Ordering certificates for mailboxes, on sets of mailboxes; the signer takes it from there."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from provisioner.audit import Change, Who, record
from provisioner.certificates.finding import open_mailbox_of
from provisioner.certificates.models import Certificate, Purpose, State, is_current, is_live
from provisioner.certificates.subjects import require_certifiable
from provisioner.days import day_of
from provisioner.db import after_commit, table_of
from provisioner.mailboxes.models import Address, Kind, Mailbox

PROFILES = {
    (Purpose.MAIL, Kind.PERSONAL): "person-mail",
    (Purpose.MAIL, Kind.UNIT): "organization-mail",
    (Purpose.DOCUMENT, Kind.PERSONAL): "person-document",
    (Purpose.DOCUMENT, Kind.UNIT): "organization-document",
}
"""The profile of config/profiles.toml that a mailbox's owner gets for a purpose."""


def order(
    session: Session,
    mailboxes: Mapping[int, Kind],
    *,
    by: str,
    now: datetime,
    purpose: Purpose = Purpose.MAIL,
) -> None:
    """Order a certificate of this purpose for each of these mailboxes; one past its end makes room.

    A second live certificate for one mailbox and purpose is refused by the database itself.
    """
    if not mailboxes:
        return
    ended = _make_room(session, mailboxes, purpose, now)
    session.execute(
        insert(table_of(Certificate)),
        [
            {
                "mailbox_id": mailbox_id,
                "purpose": purpose,
                "profile": PROFILES[purpose, kind],
                "state": State.ORDERED,
                "ordered_at": now,
                "ordered_by": by,
                "replaces_id": ended.get(mailbox_id),
            }
            for mailbox_id, kind in mailboxes.items()
        ],
    )
    after_commit(session, "signing")


def _make_room(
    session: Session, mailbox_ids: Collection[int], purpose: Purpose, now: datetime
) -> dict[int | None, int]:
    """The certificates of these mailboxes that are past their end give their places away; by mailbox."""
    rows = session.execute(
        select(Certificate.mailbox_id, Certificate.id).where(
            Certificate.mailbox_id.in_(mailbox_ids),
            Certificate.purpose == purpose,
            is_live(),
            Certificate.not_after <= now,
        )
    )
    ended = {row.mailbox_id: row.id for row in rows}
    session.execute(
        update(Certificate)
        .where(Certificate.id.in_(ended.values()))
        .values(replaced_at=now)
        .execution_options(synchronize_session=False)
    )
    return ended


def order_for(
    session: Session, addresses: Sequence[str], *, who: Who, now: datetime, purpose: Purpose
) -> int:
    """Order a certificate of this purpose for the mailboxes of these addresses that have none; how many.

    Raises `NotFound` for an address that nobody has, `Conflict` for a closed mailbox and as `require_certifiable`:
    then none is ordered.
    """
    ids = [open_mailbox_of(session, each).id for each in addresses]
    return order_missing(session, ids, who=who, now=now, purpose=purpose)


def order_missing(
    session: Session,
    mailbox_ids: Collection[int],
    *,
    who: Who,
    now: datetime,
    purpose: Purpose = Purpose.MAIL,
) -> int:
    """Order a certificate of this purpose for those of these mailboxes that have none, and write down who did.

    Raises `Conflict` as `require_certifiable`: then none is ordered.
    """
    has_one = exists().where(
        Certificate.mailbox_id == Mailbox.id, Certificate.purpose == purpose, is_current(now)
    )
    wanted = session.execute(
        select(Mailbox.id, Mailbox.kind, Address.address)
        .join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .where(Mailbox.id.in_(mailbox_ids), ~has_one)
        .order_by(Mailbox.id)
    ).all()
    require_certifiable(session, [row.id for row in wanted], purpose, today=day_of(now))
    order(session, {row.id: row.kind for row in wanted}, by=who.actor, now=now, purpose=purpose)
    record(session, who, [ordered(row.address, purpose) for row in wanted], now=now)
    return len(wanted)


def ordered(address: str, purpose: Purpose) -> Change:
    """That a certificate was ordered for the mailbox of this address, as its history has it."""
    return Change("certificate.ordered", "mailbox", address, after={"purpose": purpose.value})


def order_again(session: Session, certificate: Certificate, *, by: str, now: datetime) -> Certificate:
    """Order another certificate of the same kind for the same mailbox, with a new key; the order.

    The earlier one, if it is not revoked, stays good until its successor is handed over.
    """
    if certificate.revoked_at is None:
        certificate.replaced_at = now
    session.flush()  # the earlier one has to make room first
    another = Certificate(
        mailbox_id=certificate.mailbox_id,
        purpose=certificate.purpose,
        profile=certificate.profile,
        ordered_at=now,
        ordered_by=by,
        replaces_id=certificate.id,
    )
    session.add(another)
    after_commit(session, "signing")
    return another


def stand_again(session: Session, ended: Collection[int], *, now: datetime) -> None:
    """These came to nothing: the newest good certificate of the same owner and purpose has their place again.

    Not where another is on order or live already.
    """
    lost, other = aliased(Certificate), aliased(Certificate)
    is_taken = exists().where(
        other.mailbox_id == Certificate.mailbox_id, other.purpose == Certificate.purpose, is_live(other)
    )
    newest = (
        select(func.max(Certificate.id))
        .join(lost, (lost.mailbox_id == Certificate.mailbox_id) & (lost.purpose == Certificate.purpose))
        .where(
            lost.id.in_(ended),
            Certificate.state == State.ISSUED,
            Certificate.revoked_at.is_(None),
            Certificate.not_after > now,
            ~is_taken,
        )
        .group_by(Certificate.mailbox_id, Certificate.purpose)
    )
    session.execute(
        update(Certificate)
        .where(Certificate.id.in_(newest))
        .values(replaced_at=None)
        .execution_options(synchronize_session=False)
    )
