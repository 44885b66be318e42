"""Revocation lists: signed when one is due, compared with the one before, kept whole or not at all.

A list is due at once when something was revoked or released since the last, and else at half of its
life. The web process serves what stands in the books; the signer keeps a copy beside its journal.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.authority import Authority, der
from ca.crl import Reason, Revocation, check_successor, crl_number
from ca.errors import LintFailure
from provisioner.audit import Change, Who, record
from provisioner.certificates.journal import Clock, Journal
from provisioner.certificates.models import Certificate, Issuer
from provisioner.db import Database
from provisioner.failpoints import failpoint

SIGNER = Who("signer")


def publish_list(
    database: Database, authority: Authority, journal: Journal, *, days: int, clock: Clock
) -> bool:
    """Sign the authority's next list and put it into the books, when one is due; whether it was.

    Raises LintFailure when the new list may not follow the last one: an entry has vanished, or the
    number does not rise. Then nothing is published.
    """
    now = journal.now(clock)
    with database.transaction() as session:
        issuer = session.scalars(
            select(Issuer).where(Issuer.label == authority.label).with_for_update()
        ).one_or_none()
        if issuer is None or not _is_due(issuer, now, days):
            return False
        # RFC 5280 5.2.3: the number rises, also when the books came back from an old backup.
        earlier = [x509.load_der_x509_crl(data) for data in (issuer.crl, journal.newest_list()) if data]
        number = max([issuer.crl_number, *map(crl_number, earlier)]) + 1
        crl = authority.sign_crl(_revoked(session, issuer, now, days), number=number, now=now, days=days)
        findings = tuple(
            finding
            for previous in earlier
            for finding in check_successor(
                previous, crl, now, not_after=_ends_of_absent(session, issuer, previous, crl)
            )
        )
        if findings:
            raise LintFailure(findings)
        failpoint("list.signed")
        journal.keep_list(der(crl))
        failpoint("list.kept")
        issuer.crl, issuer.crl_number, issuer.crl_next_update = der(crl), number, crl.next_update_utc
        issuer.revocations_listed = issuer.revocations
        after = {"number": number, "entries": len(crl)}
        record(session, SIGNER, [Change("crl.signed", "issuer", issuer.label, after=after)], now=now)
    failpoint("list.published")
    return True


def _is_due(issuer: Issuer, now: datetime, days: int) -> bool:
    return (
        issuer.revocations_listed < issuer.revocations
        or issuer.crl_next_update is None
        or issuer.crl_next_update - now < timedelta(days=days) / 2
    )


def _revoked(session: Session, issuer: Issuer, now: datetime, days: int) -> list[Revocation]:
    rows = session.execute(
        select(Certificate.serial, Certificate.revoked_at, Certificate.revocation_reason)
        .where(
            Certificate.issuer_id == issuer.id,
            Certificate.revoked_at.is_not(None),
            # SBR 4.10.1: an entry stays until after the certificate's own end.
            Certificate.not_after > now - timedelta(days=days),
        )
        .order_by(Certificate.id)
    )
    return [
        Revocation(int(row.serial, 16), row.revoked_at, Reason(row.revocation_reason))
        for row in rows
        if row.serial and row.revoked_at
    ]


def _ends_of_absent(
    session: Session,
    issuer: Issuer,
    previous: x509.CertificateRevocationList,
    new: x509.CertificateRevocationList,
) -> dict[int, datetime]:
    """When the certificates end that stand in the previous list and not in the new one."""
    absent = _serials(previous) - _serials(new)
    if not absent:
        return {}
    rows = session.execute(
        select(Certificate.serial, Certificate.not_after).where(
            Certificate.issuer_id == issuer.id,
            Certificate.serial.in_([f"{serial:x}" for serial in absent]),
        )
    )
    return {int(row.serial, 16): row.not_after for row in rows if row.serial and row.not_after}


def _serials(crl: Iterable[x509.RevokedCertificate]) -> set[int]:
    return {entry.serial_number for entry in crl}
