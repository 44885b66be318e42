"""What an issuer's certificate allows, read once for the thousands of certificates below it."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtensionOID, ObjectIdentifier

from ca.extensions import key_identifier, values_of
from ca.keys import PublicKey, public_key_of
from ca.tbs import cut


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer as its own certificate describes it.

    `purposes`, `policies` and `mail_subtrees` are None where the certificate does not
    restrict them; `mail_subtrees` are the permitted rfc822Name values (RFC 5280 4.2.1.10).
    """

    fingerprint: bytes
    """SHA-256 of the certificate."""
    name: bytes
    public_key: PublicKey
    key_id: bytes
    not_before: datetime
    not_after: datetime
    may_sign: bool
    is_root: bool
    purposes: frozenset[ObjectIdentifier] | None
    policies: frozenset[str] | None
    mail_subtrees: frozenset[str] | None


@lru_cache(maxsize=16)
def read_issuer(certificate: x509.Certificate) -> Issuer:
    """Read an issuer's certificate; it must be a parsed one with a key that we accept."""
    extensions = values_of(certificate)
    basic = extensions.get(ExtensionOID.BASIC_CONSTRAINTS)
    usage = extensions.get(ExtensionOID.KEY_USAGE)
    purposes = extensions.get(ExtensionOID.EXTENDED_KEY_USAGE)
    policies = extensions.get(ExtensionOID.CERTIFICATE_POLICIES)
    public_key = public_key_of(certificate)
    parts = cut(certificate.tbs_certificate_bytes)
    return Issuer(
        fingerprint=certificate.fingerprint(hashes.SHA256()),
        name=parts.subject,
        public_key=public_key,
        key_id=key_identifier(public_key),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        may_sign=isinstance(basic, x509.BasicConstraints)
        and basic.ca
        and isinstance(usage, x509.KeyUsage)
        and usage.key_cert_sign,
        is_root=parts.subject == parts.issuer,
        purposes=frozenset(purposes) if isinstance(purposes, x509.ExtendedKeyUsage) else None,
        policies=frozenset(policy_oids(policies)) if isinstance(policies, x509.CertificatePolicies) else None,
        mail_subtrees=permitted_mail(extensions.get(ExtensionOID.NAME_CONSTRAINTS)),
    )


def policy_oids(policies: x509.CertificatePolicies) -> list[str]:
    return [policy.policy_identifier.dotted_string for policy in policies]


def permitted_mail(constraints: x509.ExtensionType | None) -> frozenset[str] | None:
    """The permitted rfc822Name subtrees; None when mail names are not constrained."""
    if not isinstance(constraints, x509.NameConstraints):
        return None
    permitted = constraints.permitted_subtrees or ()
    return frozenset(name.value for name in permitted if isinstance(name, x509.RFC822Name)) or None
