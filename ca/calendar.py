"""The calendar of rules: what may be issued on which day, and what of the living no longer could be.

A rule text changes on a day that is known long before. `lint` asks the calendar about the day of
issue; `lint_as_of` asks it about another day, so that a change shows while there is time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, ObjectIdentifier, SignatureAlgorithmOID

from ca.errors import KeyRefused
from ca.extensions import Values, values_of
from ca.findings import Finding
from ca.issuer import policy_oids
from ca.keys import PublicKey, public_key_of
from ca.kinds import Kind
from ca.profiles import Profile
from ca.rulebook import (
    DECREE_FROM,
    LEGACY_POLICIES,
    LEGACY_UNTIL,
    MAIL_ONLY_FROM,
    MAIL_PURPOSES,
    MAX_AUTHORITY_DAYS,
    MAX_DOCUMENT_DAYS,
    MAX_RENEWED_DAYS,
    PURPOSES,
    RSA_AUTHORITY_4096_FROM,
    RSA_ISSUER_3072_FROM,
    SBR_FROM,
    SBR_MAX_DAYS,
)

_SHA1: Final = {SignatureAlgorithmOID.RSA_WITH_SHA1, SignatureAlgorithmOID.ECDSA_WITH_SHA1}
_MAIL_OIDS: Final = frozenset(PURPOSES[name] for name in MAIL_PURPOSES)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the calendar looks at in a certificate; keys are None when we do not certify their kind."""

    kind: Kind
    days: int
    purposes: frozenset[ObjectIdentifier]
    policies: frozenset[str]
    public_key: PublicKey | None
    issuer_key: PublicKey | None
    is_sha1: bool
    is_renewed: bool = False

    @property
    def is_mail(self) -> bool:
        return ExtendedKeyUsageOID.EMAIL_PROTECTION in self.purposes


@dataclass(frozen=True, slots=True)
class Dated:
    """A rule from its first day on: the code of its finding, and who breaks it."""

    code: str
    since: date
    is_broken: Callable[[Facts], bool]


def _is_short(key: PublicKey | None, bits: int) -> bool:
    return isinstance(key, rsa.RSAPublicKey) and key.key_size < bits


def _most_days(facts: Facts) -> int:
    if facts.kind.is_authority:
        return MAX_AUTHORITY_DAYS
    return MAX_RENEWED_DAYS if facts.is_renewed else MAX_DOCUMENT_DAYS


CALENDAR: Final = (
    Dated("signature.sha1-calendar", SBR_FROM, lambda facts: facts.is_sha1),
    Dated(
        "validity.mail-calendar",
        SBR_FROM,
        lambda facts: facts.kind.is_subscriber and facts.is_mail and facts.days > SBR_MAX_DAYS,
    ),
    Dated("validity.decree-calendar", DECREE_FROM, lambda facts: facts.days > _most_days(facts)),
    Dated("policy.legacy-calendar", LEGACY_UNTIL, lambda facts: bool(facts.policies & LEGACY_POLICIES)),
    Dated(
        "key.authority-calendar",
        RSA_AUTHORITY_4096_FROM,
        lambda facts: facts.kind.is_authority and _is_short(facts.public_key, 4096),
    ),
    Dated(
        "usage.purposes-calendar",
        MAIL_ONLY_FROM,
        lambda facts: facts.is_mail and not facts.purposes <= _MAIL_OIDS,
    ),
    Dated(
        "issuer.rsa-calendar",
        RSA_ISSUER_3072_FROM,
        lambda facts: _is_short(facts.issuer_key, 3072),
    ),
)
"""Every rule that came or comes on a day, the oldest first. Where they are written: `ca.findings.RULES`."""


def dated_findings(facts: Facts, on: date) -> Iterator[Finding]:
    """What the rules that are in force on that day forbid."""
    for rule in CALENDAR:
        if rule.since > on:
            return
        if rule.is_broken(facts):
            yield Finding(rule.code, value=rule.since.isoformat())


def lint_as_of(
    certificate: x509.Certificate,
    profile: Profile,
    on: date,
    *,
    issuer: x509.Certificate | None = None,
    renewed: bool = False,
) -> tuple[Finding, ...]:
    """Why a certificate like this one could not be issued on that day; empty when it could.

    With its `issuer` the issuer's key and end are looked at too. `renewed` says that it would be a
    renewal, which Decree 68/2024 Art. 9 makes shorter than a first certificate.
    """
    return tuple(_lint_as_of(certificate, profile, on, issuer, renewed=renewed))


def _lint_as_of(
    certificate: x509.Certificate,
    profile: Profile,
    on: date,
    issuer: x509.Certificate | None,
    *,
    renewed: bool,
) -> Iterator[Finding]:
    issuer_key = None if issuer is None else _key(issuer)
    facts = facts_of(
        certificate, values_of(certificate), profile.kind, _key(certificate), issuer_key, renewed=renewed
    )
    yield from dated_findings(facts, on)
    if profile.issue_until is not None and on > profile.issue_until:
        yield Finding("profile.retired", profile.name, profile.issue_until.isoformat())
    if issuer is None or profile.shorten:
        return
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    begin = datetime.combine(on, time.min, certificate.not_valid_after_utc.tzinfo)
    if begin > issuer.not_valid_after_utc - lifetime:  # its end may lie beyond all days
        yield Finding("validity.outlives-issuer", value=f"{on.isoformat()} + {lifetime.days} d")


def facts_of(
    certificate: x509.Certificate,
    values: Values,
    kind: Kind,
    public_key: PublicKey | None,
    issuer_key: PublicKey | None,
    *,
    renewed: bool = False,
) -> Facts:
    """The facts of a certificate whose extensions and key were looked at already."""
    purposes = values.get(ExtensionOID.EXTENDED_KEY_USAGE)
    policies = values.get(ExtensionOID.CERTIFICATE_POLICIES)
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc + timedelta(seconds=1)
    return Facts(
        kind=kind,
        days=-(-lifetime // timedelta(days=1)),
        purposes=frozenset(purposes) if isinstance(purposes, x509.ExtendedKeyUsage) else frozenset(),
        policies=(
            frozenset(policy_oids(policies))
            if isinstance(policies, x509.CertificatePolicies)
            else frozenset()
        ),
        public_key=public_key,
        issuer_key=issuer_key,
        is_sha1=certificate.signature_algorithm_oid in _SHA1,
        is_renewed=renewed,
    )


def _key(certificate: x509.Certificate) -> PublicKey | None:
    try:
        return public_key_of(certificate)
    except KeyRefused:
        return None
