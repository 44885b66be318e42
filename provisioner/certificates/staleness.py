"""Certificates that no longer say what the register says, with the reason and the day to revoke them by.

People move, marry and retire; agencies merge and are renamed. SBR 4.9.1.1: a certificate is revoked within
five days of a material change of what it says, and within a day when its mailbox is nobody's any more or its agency
has ended (Nghị định 68/2024/NĐ-CP art. 17). The
clock starts when the difference is first seen, which is what `note` is for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy import ColumnElement, Row, and_, func, select, update
from sqlalchemy.orm import Session

from ca.crl import Reason
from ca.names import Subscriber
from provisioner.certificates.models import Certificate, State
from provisioner.certificates.subjects import Naming, of_somebody, subjects
from provisioner.days import day_of
from provisioner.db import Database
from provisioner.mailboxes.models import Mailbox

DIFFERS, NOBODYS = timedelta(days=5), timedelta(days=1)

CHUNK = 500

_WORDS: Final = {
    NameOID.STATE_OR_PROVINCE_NAME: "province",
    NameOID.ORGANIZATION_NAME: "agency",
    NameOID.ORGANIZATION_IDENTIFIER: "agency identifier",
    NameOID.SURNAME: "family name",
    NameOID.GIVEN_NAME: "given name",
    NameOID.TITLE: "post",
    NameOID.SERIAL_NUMBER: "number",
    NameOID.COMMON_NAME: "name",
}


@dataclass(frozen=True, slots=True)
class Stale:
    """One certificate that differs from the register, and what to do about it.

    `differing` names attributes of the subject, and `mail`; it is empty when there is nobody to certify.
    """

    certificate_id: int
    serial: str
    mailbox_id: int
    differing: tuple[str, ...]
    reason: Reason
    since: datetime
    revoke_by: datetime
    is_replaced: bool
    """Whether a successor is ordered already."""


def stale(session: Session, naming: Naming, *, now: datetime) -> list[Stale]:
    """Every live certificate whose subject no longer equals the register, the most urgent first.

    A difference that `note` has not seen yet counts from now.
    """
    found = [
        Stale(
            certificate_id=row.id,
            serial=row.serial or "",
            mailbox_id=row.mailbox_id or 0,
            differing=differing,
            reason=Reason.affiliation_changed if differing else Reason.cessation_of_operation,
            since=row.stale_since or now,
            revoke_by=(row.stale_since or now) + (DIFFERS if differing else NOBODYS),
            is_replaced=row.replaced_at is not None,
        )
        for row, differing in _compared(session, naming, now)
        if differing is not None
    ]
    return sorted(found, key=lambda each: (each.revoke_by, each.certificate_id))


@dataclass(frozen=True, slots=True)
class Due:
    """How many certificates are to be revoked because they differ from the register, and by when the first of them."""

    count: int
    first: datetime | None


def is_stale(now: datetime) -> ColumnElement[bool]:
    """Good, and differs from the register as `note` last saw it."""
    return and_(
        Certificate.stale_since.is_not(None), Certificate.revoked_at.is_(None), Certificate.not_after > now
    )


def due(session: Session, *, now: datetime) -> Due:
    """What `note` has seen, without a look at any certificate: by the index of those that differ."""
    holder = select(Mailbox.id).where(Mailbox.id == Certificate.mailbox_id, Mailbox.closed_at.is_(None))
    is_somebodys, since = of_somebody(holder, day_of(now)).exists(), func.min(Certificate.stale_since)
    count, differs, nobodys = session.execute(
        select(func.count(), since.filter(is_somebodys), since.filter(~is_somebodys)).where(is_stale(now))
    ).one()
    days = [first + within for first, within in ((differs, DIFFERS), (nobodys, NOBODYS)) if first]
    return Due(count, min(days, default=None))


def note(database: Database, naming: Naming, *, now: datetime) -> int:
    """Start the clock of certificates that differ since the last look, stop it for those that agree; how many differ.

    It looks at every live certificate, which takes a while, and keeps nobody from writing meanwhile.
    """
    begun, ended, count = [], [], 0
    with database.reading() as session:
        for row, differing in _compared(session, naming, now):
            count += differing is not None
            if differing is not None and row.stale_since is None:
                begun.append(row.id)
            elif differing is None and row.stale_since is not None:
                ended.append(row.id)
    for ids, since in ((begun, now), (ended, None)):
        for start in range(0, len(ids), CHUNK):
            with database.transaction() as session:
                session.execute(
                    update(Certificate)
                    .where(Certificate.id.in_(ids[start : start + CHUNK]))
                    .values(stale_since=since)
                    .execution_options(synchronize_session=False)
                )
    return count


def _compared(
    session: Session, naming: Naming, now: datetime
) -> Iterator[tuple[Row[*tuple[Any, ...]], tuple[str, ...] | None]]:
    """Every live certificate with what differs: None when nothing does, empty when it is nobody's."""
    rows = session.execute(
        select(
            Certificate.id,
            Certificate.serial,
            Certificate.mailbox_id,
            Certificate.der,
            Certificate.stale_since,
            Certificate.replaced_at,
        )
        .where(
            Certificate.state == State.ISSUED,
            Certificate.mailbox_id.is_not(None),
            Certificate.revoked_at.is_(None),
            Certificate.not_after > now,
        )
        .order_by(Certificate.id)
        .execution_options(yield_per=CHUNK)
    )
    for chunk in rows.partitions():
        wanted = subjects(session, [row.id for row in chunk], naming, day_of(now))
        for row in chunk:
            subject = wanted.get(row.id)
            if subject is None:
                yield row, ()
            else:
                yield row, _differing(x509.load_der_x509_certificate(row.der or b""), subject) or None


def _differing(certificate: x509.Certificate, subject: Subscriber) -> tuple[str, ...]:
    """The attributes of the name, and `mail`, that are not as the register has them."""
    stands = {attribute.oid: attribute.value for attribute in certificate.subject}
    wanted = dict(subject.attributes())
    differing = {
        _WORDS.get(oid, oid.dotted_string)
        for oid in stands.keys() | wanted.keys()
        if stands.get(oid) != wanted.get(oid)
    }
    # A document certificate names no mailbox.
    named = [
        address
        for extension in certificate.extensions
        if isinstance(extension.value, x509.SubjectAlternativeName)
        for address in extension.value.get_values_for_type(x509.RFC822Name)
    ]
    if named and named != [subject.email]:
        differing.add("mail")
    return tuple(sorted(differing))
