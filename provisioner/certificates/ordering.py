"""Ordering certificates for mailboxes, on sets of mailboxes; the signer takes it from there."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from provisioner.certificates.models import Certificate, Purpose, State
from provisioner.db import after_commit, table_of
from provisioner.mailboxes.models import Kind

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
    """Order a certificate of this purpose for each of these mailboxes.

    A second live certificate for one mailbox and purpose is refused by the database itself.
    """
    if not mailboxes:
        return
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
            }
            for mailbox_id, kind in mailboxes.items()
        ],
    )
    after_commit(session, "signing")


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
