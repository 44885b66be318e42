"""Revocation lists: signed when they are due, compared with those before, kept whole or not at all.

A list is due at once when something was revoked or released since the last, and else every day. With the
full list goes a delta, under the same number and with the same news (RFC 5280 5.2.4): whoever has a full
list of the last days needs only what changed since. The web process serves what stands in the
books; the signer keeps a copy beside its journal.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.authority import Authority, der
from ca.crl import Reason, Revocation, base_number, check_successor, crl_number
from ca.errors import LintFailure
from ca.findings import Finding
from ca.hierarchy import ARL_DAYS, CRL_DAYS, DELTA_DAYS, ROOT
from provisioner.audit import Change, Who, record
from provisioner.certificates.journal import Clock, Journal
from provisioner.certificates.models import Certificate, Issuer
from provisioner.certificates.recording import note_changes
from provisioner.certificates.revoked_authorities import said_by_roots
from provisioner.db import Database
from provisioner.failpoints import failpoint

SIGNER = Who("signer")

DAILY: Final = timedelta(hours=20)
"""A list is that old at most when the next is due: the clock asks every hour, and a delta is good for a day."""

CHUNK: Final = 5_000
"""Serial numbers in one question to the books."""

List = x509.CertificateRevocationList

_REASONS: Final = {reason.value: reason for reason in Reason}


def list_days(label: str) -> int:
    """How many days a full list of this authority is good."""
    return ARL_DAYS if label.startswith(f"{ROOT}-") else CRL_DAYS


def publish_list(
    database: Database, authority: Authority, journal: Journal, *, days: int, clock: Clock
) -> bool:
    """Sign the authority's next list, good for so many days, and put it into the books, when one is due.

    Whether it was. A root's list has no delta: it changes once in years. Raises LintFailure when the new
    list may not follow the last one: an entry has vanished, or the number does not rise. Then nothing is
    published.
    """
    now = journal.now(clock)
    is_root = authority.certificate.issuer == authority.certificate.subject
    with database.transaction() as session:
        issuer = session.scalars(
            select(Issuer).where(Issuer.label == authority.label).with_for_update()
        ).one_or_none()
        if issuer is None or not _is_due(issuer, now, days, is_root=is_root):
            return False
        # RFC 5280 5.2.3: the number rises, also when the books came back from an old backup.
        kept = {data for data in (issuer.crl, journal.newest_list()) if data}
        earlier = sorted(map(x509.load_der_x509_crl, kept), key=crl_number)
        number = max([issuer.crl_number, *map(crl_number, earlier)]) + 1
        _bring_back(session, issuer, now)
        revoked = _revoked(session, issuer, now, days)
        crl = authority.sign_crl(revoked, number=number, now=now, days=days, with_delta=not is_root)
        if findings := tuple(_objections(session, issuer, earlier, crl, now)):
            raise LintFailure(findings)
        delta = None
        if not is_root:
            before = x509.load_der_x509_crl(issuer.delta) if issuer.delta else None
            base = _base(issuer, earlier, before, now=now, days=days)
            if base is not None:
                delta = _delta(
                    session, authority, issuer, revoked, base=base, before=before, number=number, now=now
                )
                issuer.delta, issuer.delta_base = der(delta), der(base)
        failpoint("list.signed")
        content = der(crl)
        journal.keep_list(content)
        failpoint("list.kept")
        issuer.crl, issuer.crl_number, issuer.crl_next_update = content, number, crl.next_update_utc
        issuer.revocations_listed = issuer.revocations
        after: dict[str, int | None] = {"number": number, "entries": len(crl)}
        if delta is not None:
            after |= {"delta_from": base_number(delta), "delta_entries": len(delta)}
        record(session, SIGNER, [Change("crl.signed", "issuer", issuer.label, after=after)], now=now)
    failpoint("list.published")
    return True


def _is_due(issuer: Issuer, now: datetime, days: int, *, is_root: bool) -> bool:
    if issuer.revocations_listed < issuer.revocations or issuer.crl_next_update is None:
        return True
    life = timedelta(days=days)
    age = life - (issuer.crl_next_update - now)
    # The first list, a ceremony's, knows of no deltas: the next one follows at once and says where they are.
    return age >= life / 2 if is_root else age >= DAILY or issuer.delta is None


def _objections(
    session: Session, issuer: Issuer, earlier: Iterable[List], crl: List, now: datetime
) -> Iterator[Finding]:
    """What speaks against publishing this list after those."""
    for previous in earlier:
        yield from check_successor(
            previous, crl, now, not_after=_ends_of(session, issuer, _serials(previous) - _serials(crl))
        )


def _base(
    issuer: Issuer, earlier: Sequence[List], before: List | None, *, now: datetime, days: int
) -> List | None:
    """The full list that the next delta adds to: the same for half of its life, then the last one. None at first."""
    newest = earlier[-1] if earlier else None
    # A delta behind the newest list: one was lost with the books, and what it said of holds is not known.
    is_known = before is None or newest is None or crl_number(before) == crl_number(newest)
    if issuer.delta_base is not None and is_known:
        base = x509.load_der_x509_crl(issuer.delta_base)
        if now - base.last_update_utc < timedelta(days=days) / 2:
            return base
    return newest


def _delta(
    session: Session,
    authority: Authority,
    issuer: Issuer,
    revoked: Sequence[Revocation],
    *,
    base: List,
    before: List | None,
    number: int,
    now: datetime,
) -> List:
    if before is not None and base_number(before) != crl_number(base):
        before = None  # it added to another list
    told = _serials(base) | _serials(before or ())
    return authority.sign_delta(
        revoked,
        base=base,
        before=before,
        number=number,
        now=now,
        days=DELTA_DAYS,
        not_after=_ends_of(session, issuer, told - {revocation.serial for revocation in revoked}),
    )


def _bring_back(session: Session, issuer: Issuer, now: datetime) -> None:
    """Date at this moment what was revoked by a clock that goes ahead: a list says nothing of days to come (X.509 7.10).

    In the books, and noted anew for the record: every later list has to say the same date.
    """
    ahead = session.scalars(
        select(Certificate)
        .where(Certificate.issuer_id == issuer.id, Certificate.revoked_at > now)
        .order_by(Certificate.id)
        .with_for_update()
    ).all()
    changes = []
    for row in ahead:
        said, row.revoked_at = row.revoked_at, now
        changes.append(
            Change(
                "certificate.redated",
                "certificate",
                str(row.id),
                before={"since": said},
                after={"since": now},
            )
        )
    record(session, SIGNER, changes, now=now)
    note_changes(session, ahead, now=now)


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
    of_authorities = [said for (label, _), said in said_by_roots(session).items() if label == issuer.label]
    return of_authorities + [
        Revocation(
            int(row.serial, 16),
            row.revoked_at,
            None if row.revocation_reason is None else _REASONS[row.revocation_reason],
        )
        for row in rows
        if row.serial and row.revoked_at
    ]


def _ends_of(session: Session, issuer: Issuer, serials: Iterable[int]) -> dict[int, datetime]:
    """When the certificates of these serials end."""
    wanted = [f"{serial:x}" for serial in serials]
    ends: dict[int, datetime] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = session.execute(
            select(Certificate.serial, Certificate.not_after).where(
                Certificate.issuer_id == issuer.id, Certificate.serial.in_(wanted[start : start + CHUNK])
            )
        )
        ends |= {int(row.serial, 16): row.not_after for row in rows if row.serial and row.not_after}
    return ends


def _serials(crl: Iterable[x509.RevokedCertificate]) -> set[int]:
    return {entry.serial_number for entry in crl}
