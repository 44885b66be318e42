"""A journal whose newest lines went with the machine they lay on: what the books know is written into it again.

On a person's word only. What was signed and reached neither the books nor a copy of the journal stays unknown: no
witness of it is left.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.certificates.delegating import PROFILE, RESPONDER
from provisioner.certificates.journal import Journal, Signed
from provisioner.certificates.models import Certificate, Issuer, ResponderKey
from provisioner.certificates.pausing import SIGNER
from provisioner.db import Database


def write_again(database: Database, journal: Journal, *, who: Who, now: datetime) -> int:
    """Append what the books know as signed and the journal does not; how many lines. Twice is harmless.

    Raises what `Journal.append` raises.
    """
    with database.transaction() as session:
        issuer = session.scalars(select(Issuer).where(Issuer.label == journal.label).with_for_update()).one()
        known = journal.by_serial()
        lost = [signed for serial, signed in _signed(session, issuer) if serial not in known]
        issuer.journal_size = journal.append(lost, clock=lambda: now) if lost else journal.size()
        if lost:
            told = {"journal_lines": len(lost)}
            record(session, who, [Change("authority.recovered", "issuer", issuer.label, after=told)], now=now)
    return len(lost)


def _signed(session: Session, issuer: Issuer) -> Iterator[tuple[str | None, Signed]]:
    """Every certificate of this authority, with its serial number, as it was when it was journalled."""
    responders = select(ResponderKey).where(
        ResponderKey.issuer_id == issuer.id, ResponderKey.certificate.is_not(None)
    )
    for key in session.scalars(responders.order_by(ResponderKey.id)):
        assert key.certificate is not None  # asked for
        yield key.serial, Signed(key.certificate, PROFILE, RESPONDER, SIGNER.actor, key_by_owner=False)
    certificates = select(Certificate).where(Certificate.issuer_id == issuer.id, Certificate.der.is_not(None))
    for row in session.scalars(certificates.order_by(Certificate.id)):
        assert row.der is not None  # asked for
        yield row.serial, Signed(row.der, row.profile, row.purpose, row.ordered_by, row.key_by_owner)
