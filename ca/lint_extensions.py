"""Lints for the extensions of a certificate: exactly those of the profile, with the right contents."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtensionOID, ObjectIdentifier

from ca.extensions import Values, digest_of, key_usage
from ca.findings import Finding
from ca.issuer import Issuer, permitted_mail, policy_oids
from ca.keys import PublicKey
from ca.kinds import Kind
from ca.lint_names import is_permitted, mailbox_domain
from ca.names import AuthoritySubject, Subject, name_constraints
from ca.profiles import Profile
from ca.rulebook import ANY_POLICY, MAIL_ONLY_FROM, MAIL_PURPOSES, PURPOSES, RESERVED_ARCS

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
_RESPONDER: Final = {
    **_ROOT,
    ExtensionOID.EXTENDED_KEY_USAGE: False,
    ExtensionOID.OCSP_NO_CHECK: False,
}


@lru_cache(maxsize=32)
def _expected(profile: Profile) -> dict[ObjectIdentifier, bool]:
    """Exactly these extensions, and whether each is critical (SBR 7.1.2.1 to 7.1.2.3, RFC 6960 4.2.2.2)."""
    match profile.kind:
        case Kind.ROOT:
            return _ROOT
        case Kind.ISSUING:
            return _ISSUING
        case Kind.RESPONDER:
            return _RESPONDER
    expected = dict(_LEAF)
    if not profile.is_mail:
        del expected[ExtensionOID.SUBJECT_ALTERNATIVE_NAME]
    if profile.freshest_crl:
        expected[ExtensionOID.FRESHEST_CRL] = False
    return expected


_MAIL_OIDS: Final = frozenset(PURPOSES[name] for name in MAIL_PURPOSES)


def lint_extensions(
    certificate: x509.Certificate,
    values: Values,
    public_key: PublicKey | None,
    profile: Profile,
    issuer: Issuer,
    expected: Subject | None,
) -> Iterator[Finding]:
    """Check every extension against the profile, the issuer and the rule calendar.

    Which key and which mailbox a certificate names is checked by `lint_key_id` and `lint_mailboxes`.
    `public_key` is None when the key has a finding of its own; only its kind counts here.
    """
    yield from _lint_set(certificate.extensions, profile)
    yield from _lint_usage(values, profile, public_key)
    yield from _lint_purposes(certificate, values, profile, issuer)
    yield from _lint_policies(values, profile, issuer)
    yield from _lint_authority_key_id(values, issuer)
    yield from _lint_addresses(values)
    if not profile.kind.is_subscriber:
        yield from _lint_constraints(values, profile, expected)
    elif profile.is_mail:
        yield from _lint_alternative_names(values)


def key_id_in(values: Values) -> bytes | None:
    """The identifier of the subject's key; None when there is none."""
    identifier = values.get(ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    return identifier.digest if isinstance(identifier, x509.SubjectKeyIdentifier) else None


def mailboxes_in(values: Values) -> list[str]:
    """Every rfc822Name among the alternative names."""
    names = values.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    if not isinstance(names, x509.SubjectAlternativeName):
        return []
    return [str(name.value) for name in names if isinstance(name, x509.RFC822Name)]


def _lint_set(extensions: x509.Extensions, profile: Profile) -> Iterator[Finding]:
    expected = _expected(profile)
    present = set()
    for extension in extensions:
        oid = extension.oid
        present.add(oid)
        if oid not in expected:
            yield Finding("extension.unexpected", _label(oid))
        elif extension.critical is not expected[oid]:
            yield Finding("extension.criticality", _label(oid))
    for oid in expected:
        if oid not in present:
            yield Finding("extension.missing", _label(oid))


def _label(oid: ObjectIdentifier) -> str:
    # The library's own table of names, used for words only.
    return oid.dotted_string if oid._name == "Unknown OID" else oid._name  # noqa: SLF001


def _lint_usage(values: Values, profile: Profile, public_key: PublicKey | None) -> Iterator[Finding]:
    usage = values.get(ExtensionOID.KEY_USAGE)
    if usage is not None and usage != key_usage(profile, is_rsa=isinstance(public_key, rsa.RSAPublicKey)):
        yield Finding("usage.key-usage")


def _lint_purposes(
    certificate: x509.Certificate, values: Values, profile: Profile, issuer: Issuer
) -> Iterator[Finding]:
    purposes = values.get(ExtensionOID.EXTENDED_KEY_USAGE)
    if not isinstance(purposes, x509.ExtendedKeyUsage):
        return
    oids = list(purposes)
    wanted = [PURPOSES[name] for name in profile.extended_key_usages]
    if len(oids) != len(wanted) or set(oids) != set(wanted):
        yield Finding("usage.purposes")
    if profile.kind is Kind.RESPONDER:
        return  # delegated by its issuer whatever the issuer's own purposes are (RFC 6960 4.2.2.2)
    start, end = certificate.not_valid_before_utc.date(), certificate.not_valid_after_utc.date()
    if not profile.is_document and start < MAIL_ONLY_FROM <= end and not _MAIL_OIDS.issuperset(oids):
        yield Finding("usage.purposes-ending")
    if issuer.purposes is not None:
        beyond = (oid for oid in oids if oid not in issuer.purposes)
        yield from (Finding("usage.not-in-issuer", value=_label(oid)) for oid in beyond)


def _lint_policies(values: Values, profile: Profile, issuer: Issuer) -> Iterator[Finding]:
    policies = values.get(ExtensionOID.CERTIFICATE_POLICIES)
    if not isinstance(policies, x509.CertificatePolicies):
        return
    oids = policy_oids(policies)
    if profile.kind.is_subscriber and sum(oid.startswith(RESERVED_ARCS) for oid in oids) != 1:
        yield Finding("policy.reserved-count")
    if sorted(oids) != sorted(profile.all_policies):
        yield Finding("policy.set")
    if issuer.policies is not None and ANY_POLICY not in issuer.policies:
        yield from (Finding("policy.not-in-issuer", value=oid) for oid in oids if oid not in issuer.policies)


def lint_key_id(key_id: bytes | None, spki: bytes) -> Iterator[Finding]:
    """Check that the identifier of the subject's key, where there is one, is that of this key."""
    if key_id is not None and key_id != digest_of(spki):
        yield Finding("identifier.subject")


def _lint_authority_key_id(values: Values, issuer: Issuer) -> Iterator[Finding]:
    authority = values.get(ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    if isinstance(authority, x509.AuthorityKeyIdentifier) and (
        authority.key_identifier != issuer.key_id
        or authority.authority_cert_issuer is not None
        or authority.authority_cert_serial_number is not None
    ):
        yield Finding("identifier.authority")


def _lint_addresses(values: Values) -> Iterator[Finding]:
    """Plain http everywhere: to fetch a list over https one would need a list first (SBR 7.1.2.3 b, c)."""
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


def _lint_alternative_names(values: Values) -> Iterator[Finding]:
    names = values.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    if isinstance(names, x509.SubjectAlternativeName) and [type(name) for name in names] != [x509.RFC822Name]:
        yield Finding("mailbox.count")


def lint_mailboxes(mailboxes: list[str], issuer: Issuer) -> Iterator[Finding]:
    """Check that each of a mail certificate's mailboxes has a form it can have, and a domain its issuer may certify."""
    for address in mailboxes:
        domain = mailbox_domain(address)
        if domain is None:
            yield Finding("mailbox.form", "subjectAltName", address)
        elif issuer.mail_subtrees is not None and not is_permitted(domain, issuer.mail_subtrees):
            yield Finding("mailbox.not-permitted", "subjectAltName", address)


def _lint_constraints(values: Values, profile: Profile, expected: Subject | None) -> Iterator[Finding]:
    basic = values.get(ExtensionOID.BASIC_CONSTRAINTS)
    if isinstance(basic, x509.BasicConstraints) and (
        basic.ca is not profile.kind.is_authority or basic.path_length != profile.path_length
    ):
        yield Finding("constraint.basic")
    if profile.kind is not Kind.ISSUING:
        return
    constraints = values.get(ExtensionOID.NAME_CONSTRAINTS)
    if permitted_mail(constraints) is None:
        yield Finding("constraint.names")  # an issuing authority is technically constrained (SBR 7.1.5)
    elif isinstance(expected, AuthoritySubject) and constraints != name_constraints(expected.domains):
        yield Finding("constraint.names")
