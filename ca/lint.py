"""The gate before every signature: what must hold for a certificate, checked on its very bytes.

`lint` never raises for what it finds, and never trusts the code that built the certificate:
it looks at the parsed bytes, the profile and the issuer. pkilint is the second opinion, in
the tests; this one costs microseconds and knows the rules that are newer or local.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtensionOID, ObjectIdentifier

from ca.errors import KeyRefused
from ca.extensions import key_identifier, key_usage
from ca.findings import Finding
from ca.keys import PublicKey, accept
from ca.lint_names import (
    LABELS,
    is_permitted,
    lint_common_name,
    lint_shape,
    lint_values,
    mailbox_domain,
)
from ca.names import Attributes, AuthoritySubject, Subject, name_constraints, x509_name
from ca.profiles import Kind, Profile
from ca.rulebook import (
    ANY_POLICY,
    MAIL_ONLY_FROM,
    MAIL_PURPOSES,
    MAX_SERIAL_BITS,
    MIN_SERIAL_BITS,
    PURPOSES,
    RSA_AUTHORITY_4096_FROM,
    RSA_ISSUER_3072_FROM,
    SMIME_POLICY_ARC,
)
from ca.signing import signature_hash

_LEAF: Final = {
    ExtensionOID.KEY_USAGE: True,
    ExtensionOID.CERTIFICATE_POLICIES: False,
    ExtensionOID.EXTENDED_KEY_USAGE: False,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER: False,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER: False,
    ExtensionOID.CRL_DISTRIBUTION_POINTS: False,
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS: False,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME: False,
}
_ROOT: Final = {
    ExtensionOID.BASIC_CONSTRAINTS: True,
    ExtensionOID.KEY_USAGE: True,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER: False,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER: False,
}
_ISSUING: Final = {
    **_ROOT,
    ExtensionOID.CERTIFICATE_POLICIES: False,
    ExtensionOID.EXTENDED_KEY_USAGE: False,
    ExtensionOID.NAME_CONSTRAINTS: True,
    ExtensionOID.CRL_DISTRIBUTION_POINTS: False,
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS: False,
}
_EXTENSIONS: Final = {Kind.ROOT: _ROOT, Kind.ISSUING: _ISSUING, Kind.PERSON: _LEAF, Kind.ORGANIZATION: _LEAF}
"""Exactly these extensions, and whether each is critical (SBR 7.1.2.1 to 7.1.2.3)."""

_MAIL_OIDS: Final = frozenset(PURPOSES[name] for name in MAIL_PURPOSES)


@dataclass(frozen=True, slots=True)
class _Issuer:
    """What an issuer's certificate allows; read once for thousands of certificates."""

    subject: bytes
    public_key: PublicKey
    key_id: bytes
    not_before: datetime
    not_after: datetime
    is_authority: bool
    path_length: int | None
    is_root: bool
    purposes: frozenset[ObjectIdentifier] | None
    policies: frozenset[str] | None
    mail_subtrees: frozenset[str] | None


def lint(
    certificate: x509.Certificate,
    *,
    profile: Profile,
    issuer: x509.Certificate,
    expected: Subject | None = None,
) -> tuple[Finding, ...]:
    """Everything that is wrong with the certificate, or may become so; empty when nothing is.

    A root is its own issuer. With `expected`, name and mailbox must be those of the
    register, attribute by attribute.
    """
    return tuple(_lint(certificate, profile, issuer, expected))


def _lint(
    certificate: x509.Certificate, profile: Profile, issuer: x509.Certificate, expected: Subject | None
) -> Iterator[Finding]:
    try:
        extensions = {extension.oid: extension for extension in certificate.extensions}
    except (ValueError, x509.DuplicateExtension):
        yield Finding("extension.unreadable")
        return
    allowed = _read_issuer(issuer)
    yield from _lint_frame(certificate, profile, allowed)
    yield from _lint_validity(certificate, profile, allowed)
    yield from _lint_key(certificate, profile)
    yield from _lint_extension_set(extensions, profile)
    values = {oid: extension.value for oid, extension in extensions.items()}
    yield from _lint_usage(certificate, values, profile, allowed)
    yield from _lint_policies(values, profile, allowed)
    yield from _lint_identifiers(certificate, values, allowed)
    yield from _lint_addresses(values)
    mailboxes: list[str] = []
    if profile.kind.is_authority:
        yield from _lint_authority(values, profile, expected)
    else:
        mailboxes = _mailboxes(values)
        yield from _lint_mailboxes(values, mailboxes, allowed)
    yield from _lint_name(certificate, profile, mailboxes, expected)


@lru_cache(maxsize=16)
def _read_issuer(certificate: x509.Certificate) -> _Issuer:
    extensions = {extension.oid: extension.value for extension in certificate.extensions}
    basic = extensions.get(ExtensionOID.BASIC_CONSTRAINTS)
    usage = extensions.get(ExtensionOID.KEY_USAGE)
    purposes = extensions.get(ExtensionOID.EXTENDED_KEY_USAGE)
    policies = extensions.get(ExtensionOID.CERTIFICATE_POLICIES)
    public_key = accept(certificate.public_key())
    subject = certificate.subject.public_bytes()
    return _Issuer(
        subject=subject,
        public_key=public_key,
        key_id=key_identifier(public_key),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        is_authority=isinstance(basic, x509.BasicConstraints)
        and basic.ca
        and isinstance(usage, x509.KeyUsage)
        and usage.key_cert_sign,
        path_length=basic.path_length if isinstance(basic, x509.BasicConstraints) else None,
        is_root=subject == certificate.issuer.public_bytes(),
        purposes=frozenset(purposes) if isinstance(purposes, x509.ExtendedKeyUsage) else None,
        policies=_policy_oids(policies) if isinstance(policies, x509.CertificatePolicies) else None,
        mail_subtrees=permitted_mail(extensions.get(ExtensionOID.NAME_CONSTRAINTS)),
    )


def permitted_mail(constraints: x509.ExtensionType | None) -> frozenset[str] | None:
    """The permitted rfc822Name subtrees; None when mail names are not constrained."""
    if not isinstance(constraints, x509.NameConstraints) or constraints.permitted_subtrees is None:
        return None
    trees = frozenset(n.value for n in constraints.permitted_subtrees if isinstance(n, x509.RFC822Name))
    return trees or None


def _policy_oids(policies: Iterable[x509.PolicyInformation]) -> frozenset[str]:
    return frozenset(policy.policy_identifier.dotted_string for policy in policies)


def _lint_frame(certificate: x509.Certificate, profile: Profile, issuer: _Issuer) -> Iterator[Finding]:
    if certificate.version is not x509.Version.v3:
        yield Finding("version.not-3")
    serial = certificate.serial_number
    if serial <= 0:
        yield Finding("serial.not-positive")
    elif serial.bit_length() > MAX_SERIAL_BITS:
        yield Finding("serial.too-large")
    elif serial.bit_length() < MIN_SERIAL_BITS:
        yield Finding("serial.too-short")
    algorithm = certificate.signature_hash_algorithm
    kind = "RSA" if isinstance(issuer.public_key, rsa.RSAPublicKey) else "ECDSA"
    expected = f"{kind}-{signature_hash(issuer.public_key).name}"
    if algorithm is None or f"{_signature_kind(certificate)}-{algorithm.name}" != expected:
        yield Finding("signature.algorithm")
    if certificate.issuer.public_bytes() != issuer.subject:
        yield Finding("issuer.name")
    if not issuer.is_authority:
        yield Finding("issuer.not-authority")
    # The root certifies authorities only; an issuing authority certifies subscribers only.
    if profile.kind is not Kind.ROOT and issuer.is_root is not profile.kind.is_authority:
        yield Finding("issuer.path-length")
    day = certificate.not_valid_before_utc.date()
    if day >= RSA_ISSUER_3072_FROM and _is_short_rsa(issuer.public_key, 3072):
        yield Finding("issuer.rsa-calendar")
    if profile.issue_until is not None and day > profile.issue_until:
        yield Finding("profile.retired", profile.name, profile.issue_until.isoformat())


def _signature_kind(certificate: x509.Certificate) -> str:
    # ecdsa-with-SHA2 (RFC 5758 3.2), and PKCS #1 v1.5 (RFC 4055 5).
    oid = certificate.signature_algorithm_oid.dotted_string
    return "ECDSA" if oid.startswith("1.2.840.10045.4.3.") else "RSA" if oid in _PKCS1_V15 else "?"


_PKCS1_V15: Final = {"1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12"}


def _is_short_rsa(public_key: object, bits: int) -> bool:
    return isinstance(public_key, rsa.RSAPublicKey) and public_key.key_size < bits


def _lint_validity(certificate: x509.Certificate, profile: Profile, issuer: _Issuer) -> Iterator[Finding]:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    seconds = (end - start) // timedelta(seconds=1) + 1  # RFC 5280 4.1.2.5: both ends are included
    if seconds <= 1:
        yield Finding("validity.reversed")
    elif seconds > profile.days * 86_400:
        yield Finding("validity.too-long", value=str(seconds))
    if profile.kind is Kind.ROOT:
        return
    if end > issuer.not_after:
        yield Finding("validity.outlives-issuer", value=f"{end:%Y-%m-%d}")
    if start < issuer.not_before:
        yield Finding("validity.before-issuer", value=f"{start:%Y-%m-%d}")


def _lint_key(certificate: x509.Certificate, profile: Profile) -> Iterator[Finding]:
    try:
        public_key = accept(certificate.public_key())
    except KeyRefused as refused:
        yield Finding(refused.code)
        return
    except ValueError:
        yield Finding("key.kind")
        return
    day = certificate.not_valid_before_utc.date()
    if profile.kind.is_authority and day >= RSA_AUTHORITY_4096_FROM and _is_short_rsa(public_key, 4096):
        yield Finding("key.authority-calendar")


def _lint_extension_set(
    extensions: dict[ObjectIdentifier, x509.Extension[x509.ExtensionType]], profile: Profile
) -> Iterator[Finding]:
    expected = _EXTENSIONS[profile.kind]
    for oid, extension in extensions.items():
        if oid not in expected:
            yield Finding("extension.unexpected", _label(oid))
        elif extension.critical is not expected[oid]:
            yield Finding("extension.criticality", _label(oid))
    for oid in expected:
        if oid not in extensions:
            yield Finding("extension.missing", _label(oid))


def _label(oid: ObjectIdentifier) -> str:
    return oid._name if oid._name != "Unknown OID" else oid.dotted_string  # noqa: SLF001


Values = dict[ObjectIdentifier, x509.ExtensionType]


def _lint_usage(
    certificate: x509.Certificate, values: Values, profile: Profile, issuer: _Issuer
) -> Iterator[Finding]:
    usage = values.get(ExtensionOID.KEY_USAGE)
    if usage is not None and usage != key_usage(profile):
        yield Finding("usage.key-usage")
    purposes = values.get(ExtensionOID.EXTENDED_KEY_USAGE)
    if not isinstance(purposes, x509.ExtendedKeyUsage):
        return
    oids = list(purposes)
    if sorted(oid.dotted_string for oid in oids) != sorted(
        PURPOSES[name].dotted_string for name in profile.extended_key_usages
    ):
        yield Finding("usage.purposes")
    if not set(oids) <= _MAIL_OIDS:
        if certificate.not_valid_before_utc.date() >= MAIL_ONLY_FROM:
            yield Finding("usage.purposes-calendar")
        elif certificate.not_valid_after_utc.date() >= MAIL_ONLY_FROM:
            yield Finding("usage.purposes-ending")
    if issuer.purposes is not None:
        for oid in oids:
            if oid not in issuer.purposes:
                yield Finding("usage.not-in-issuer", value=_label(oid))


def _lint_policies(values: Values, profile: Profile, issuer: _Issuer) -> Iterator[Finding]:
    policies = values.get(ExtensionOID.CERTIFICATE_POLICIES)
    if not isinstance(policies, x509.CertificatePolicies):
        return
    oids = [policy.policy_identifier.dotted_string for policy in policies]
    if not profile.kind.is_authority and sum(oid.startswith(SMIME_POLICY_ARC) for oid in oids) != 1:
        yield Finding("policy.reserved-count")
    if sorted(oids) != sorted(profile.all_policies):
        yield Finding("policy.set")
    if issuer.policies is not None and ANY_POLICY not in issuer.policies:
        yield from (Finding("policy.not-in-issuer", value=oid) for oid in oids if oid not in issuer.policies)


def _lint_identifiers(certificate: x509.Certificate, values: Values, issuer: _Issuer) -> Iterator[Finding]:
    subject = values.get(ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    if isinstance(subject, x509.SubjectKeyIdentifier):
        try:
            right = subject.digest == key_identifier(accept(certificate.public_key()))
        except (KeyRefused, ValueError):
            right = False  # the key has its own finding
        if not right:
            yield Finding("identifier.subject")
    authority = values.get(ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    if isinstance(authority, x509.AuthorityKeyIdentifier) and (
        authority.key_identifier != issuer.key_id
        or authority.authority_cert_issuer is not None
        or authority.authority_cert_serial_number is not None
    ):
        yield Finding("identifier.authority")


def _lint_addresses(values: Values) -> Iterator[Finding]:
    """Plain http everywhere: fetching a list over https would need a list first (SBR 7.1.2.3 b, c)."""
    for where, url in _addresses(values):
        if not url.startswith("http://") or not url.isascii() or not url.isprintable() or " " in url:
            yield Finding("url.not-http", where, url)


def _addresses(values: Values) -> Iterator[tuple[str, str]]:
    points = values.get(ExtensionOID.CRL_DISTRIBUTION_POINTS)
    if isinstance(points, x509.CRLDistributionPoints):
        yield from (("CDP", str(name.value)) for point in points for name in point.full_name or ())
    access = values.get(ExtensionOID.AUTHORITY_INFORMATION_ACCESS)
    if isinstance(access, x509.AuthorityInformationAccess):
        yield from (("AIA", str(place.access_location.value)) for place in access)


def _mailboxes(values: Values) -> list[str]:
    names = values.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    if not isinstance(names, x509.SubjectAlternativeName):
        return []
    return [str(name.value) for name in names if isinstance(name, x509.RFC822Name)]


def _lint_mailboxes(values: Values, mailboxes: list[str], issuer: _Issuer) -> Iterator[Finding]:
    names = values.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    if not isinstance(names, x509.SubjectAlternativeName) or len(list(names)) != 1 or len(mailboxes) != 1:
        yield Finding("mailbox.count")
    for address in mailboxes:
        domain = mailbox_domain(address)
        if domain is None:
            yield Finding("mailbox.form", "subjectAltName", address)
        elif issuer.mail_subtrees is not None and not is_permitted(domain, issuer.mail_subtrees):
            yield Finding("mailbox.not-permitted", "subjectAltName", address)


def _lint_authority(values: Values, profile: Profile, expected: Subject | None) -> Iterator[Finding]:
    basic = values.get(ExtensionOID.BASIC_CONSTRAINTS)
    if isinstance(basic, x509.BasicConstraints) and (
        not basic.ca or basic.path_length != profile.path_length
    ):
        yield Finding("constraint.basic")
    if profile.kind is Kind.ROOT:
        return
    constraints = values.get(ExtensionOID.NAME_CONSTRAINTS)
    if permitted_mail(constraints) is None:
        yield Finding("constraint.names")  # an issuing authority is technically constrained (SBR 7.1.5)
    elif isinstance(expected, AuthoritySubject) and constraints != name_constraints(expected.domains):
        yield Finding("constraint.names")


def _lint_name(
    certificate: x509.Certificate, profile: Profile, mailboxes: list[str], expected: Subject | None
) -> Iterator[Finding]:
    name = certificate.subject
    attributes: Attributes = tuple((a.oid, str(a.value)) for a in name)
    clean = True
    for finding in lint_values(attributes):
        clean = False
        yield finding
    yield from lint_shape(attributes, profile.kind)
    yield from lint_common_name(attributes, profile.kind, mailboxes)
    if clean and name.public_bytes() != x509_name(attributes).public_bytes():
        yield Finding("name.encoding")
    if expected is not None:
        yield from _lint_register(attributes, mailboxes, expected)


def _lint_register(attributes: Attributes, mailboxes: list[str], expected: Subject) -> Iterator[Finding]:
    right = expected.attributes()
    if attributes != right:
        found, wanted = dict(attributes), dict(right)
        for oid in {**wanted, **found}:
            if found.get(oid) != wanted.get(oid):
                yield Finding("register.mismatch", LABELS.get(oid, oid.dotted_string), found.get(oid, ""))
    if not isinstance(expected, AuthoritySubject) and mailboxes != [expected.email]:
        yield Finding("register.mismatch", "subjectAltName", " ".join(mailboxes))
