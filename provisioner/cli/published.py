"""The doctor's look at what is published: the books say what must be there, a probe fetches it as a verifier does."""

from datetime import datetime

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.certificates.models import Certificate, Issuer, State
from provisioner.certificates.revoked_authorities import abandoned, said_by_roots
from provisioner.errors import Text, Unavailable
from provisioner.probing import Expected, probe
from provisioner.services import Services


def published(services: Services) -> str:
    """What was probed. Raises `Unavailable` with everything that is wrong."""
    settings, now = services.settings.authority, services.clock()
    url = settings.probe_url or settings.base_url
    with services.database.reading() as session:
        over = abandoned(session)
        everything = [
            _expected(session, issuer, now)
            for issuer in session.scalars(select(Issuer))
            if issuer.label not in over
        ]
    wrong = [text for expected in everything for text in probe(expected, url=url, now=now)]
    if wrong:
        raise Unavailable(
            Text(vi="; ".join(text.vi for text in wrong) + ".", en="; ".join(text.en for text in wrong) + ".")
        )
    told = ", ".join(f"{each.label} (list {each.number})" for each in everything)
    return f"fresh and signed at {url}: {told}" if told else "no authority yet"


def _expected(session: Session, issuer: Issuer, now: datetime) -> Expected:
    issued = (
        Certificate.issuer_id == issuer.id,
        Certificate.state == State.ISSUED,
        Certificate.not_after > now,
    )
    rows = session.execute(
        select(Certificate.serial, Certificate.revoked_at).where(*issued, Certificate.revoked_at.is_not(None))
    )
    revoked = {int(row.serial, 16): row.revoked_at for row in rows if row.serial and row.revoked_at}
    revoked |= {
        said.serial: said.revoked_at
        for (label, _), said in said_by_roots(session).items()
        if label == issuer.label
    }
    live = session.scalar(
        select(Certificate.serial)
        .where(*issued, Certificate.revoked_at.is_(None))
        .order_by(Certificate.id.desc())
        .limit(1)
    )
    return Expected(
        label=issuer.label,
        certificate=x509.load_der_x509_certificate(issuer.certificate),
        number=issuer.crl_number,
        revoked=revoked,
        live=int(live, 16) if live else None,
    )
