"""Which live certificates could no longer be issued on another day: a change of the rules, while there is time.

The calendar of the rules is `ca.calendar`; here it is asked about every certificate that is good now,
authorities and responders too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.calendar import lint_as_of
from ca.findings import Finding
from ca.lint_names import LABELS
from ca.profiles import Profile
from provisioner.certificates.models import Certificate, Issuer, ResponderKey, State, name_of
from provisioner.certificates.recording_replay import by_subject


@dataclass(frozen=True, slots=True)
class NotIssuable:
    """A live certificate, and the rules that would forbid one like it on that day."""

    issuer: str
    serial: str
    subject: str
    profile: str
    not_after: datetime
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Live:
    certificate: x509.Certificate
    issuer: str
    profile: str
    is_renewed: bool = False


def not_issuable(
    session: Session, profiles: Mapping[str, Profile], *, on: date, now: datetime
) -> Iterator[NotIssuable]:
    """Every certificate that is live now and could not be issued on that day, with the reasons."""
    issuers = {
        issuer.label: x509.load_der_x509_certificate(issuer.certificate)
        for issuer in session.scalars(select(Issuer).order_by(Issuer.id))
    }
    for live in _live(session, issuers, now):
        profile = profiles.get(live.profile)
        if profile is None:
            findings: tuple[Finding, ...] = (Finding("profile.retired", live.profile, on.isoformat()),)
        else:
            issuer = issuers.get(live.issuer)
            above = None if issuer == live.certificate else issuer  # a root is made with an end of its own
            findings = lint_as_of(live.certificate, profile, on, issuer=above, renewed=live.is_renewed)
        if findings:
            yield NotIssuable(
                issuer=live.issuer,
                serial=f"{live.certificate.serial_number:x}",
                subject=live.certificate.subject.rfc4514_string(LABELS),
                profile=live.profile,
                not_after=live.certificate.not_valid_after_utc,
                findings=findings,
            )


def _live(session: Session, issuers: Mapping[str, x509.Certificate], now: datetime) -> Iterator[_Live]:
    above = by_subject(issuers)
    for label, certificate in issuers.items():
        if certificate.not_valid_after_utc > now:
            name = name_of(label)
            profile = "root" if name == "root" else f"{name}-issuing"
            yield _Live(certificate, above.get(certificate.issuer.public_bytes(), ""), profile)
    responders = (
        select(ResponderKey.certificate, Issuer.label)
        .join(Issuer, Issuer.id == ResponderKey.issuer_id)
        .where(ResponderKey.certificate.is_not(None), ResponderKey.not_after > now)
    )
    for row in session.execute(responders.order_by(ResponderKey.id)):
        yield _Live(x509.load_der_x509_certificate(row.certificate or b""), row.label, "ocsp-responder")
    subscribers = (
        select(Certificate.der, Certificate.profile, Certificate.replaces_id, Issuer.label)
        .join(Issuer, Issuer.id == Certificate.issuer_id)
        .where(
            Certificate.state == State.ISSUED,
            Certificate.revoked_at.is_(None),
            Certificate.not_after > now,
        )
    )
    for one in session.execute(subscribers.order_by(Certificate.id).execution_options(yield_per=2000)):
        certificate = x509.load_der_x509_certificate(one.der or b"")
        yield _Live(certificate, one.label, one.profile, one.replaces_id is not None)
