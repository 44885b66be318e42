"""The extensions of every certificate we make, from its profile and its issuer (RFC 5280 4.2, SBR 7.1.2)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ObjectIdentifier

from ca.keys import PublicKey
from ca.kinds import Kind
from ca.names import (
    AuthoritySubject,
    OrganizationSubject,
    PersonSubject,
    Subject,
    alternative_name,
    name_constraints,
)
from ca.profiles import Profile
from ca.rulebook import PURPOSES

Extension = x509.Extension[x509.ExtensionType]
Values = Mapping[ObjectIdentifier, x509.ExtensionType]


def values_of(certificate: x509.Certificate) -> Values:
    """What the extensions say, by their types; ValueError or DuplicateExtension when they cannot be read."""
    return {extension.oid: extension.value for extension in certificate.extensions}


@dataclass(frozen=True, slots=True)
class Address:
    """Where an authority publishes: its base URL and its label in every path below it."""

    base_url: str
    label: str

    @property
    def crl(self) -> str:
        return f"{self.base_url}/crl/{self.label}.crl"

    @property
    def delta_crl(self) -> str:
        return f"{self.base_url}/crl/{self.label}-delta.crl"

    @property
    def certificate(self) -> str:
        return f"{self.base_url}/ca/{self.label}.cer"

    @property
    def ocsp(self) -> str:
        return f"{self.base_url}/ocsp/{self.label}"

    @property
    def practice_statement(self) -> str:
        return f"{self.base_url}/cps"


def constant_extensions(profile: Profile, issuer_key_id: bytes, address: Address) -> tuple[Extension, ...]:
    """What every certificate of this profile from this issuer has in common."""
    kind = profile.kind
    common: list[tuple[x509.ExtensionType, bool]] = []
    if kind.is_authority:
        common.append((x509.BasicConstraints(ca=True, path_length=profile.path_length), True))
    if kind is Kind.RESPONDER:
        # Nobody asks about the responder's own certificate: it is short-lived instead (RFC 6960 4.2.2.2.1).
        common += [(x509.BasicConstraints(ca=False, path_length=None), True), (x509.OCSPNoCheck(), False)]
    if not profile.encrypts:
        common.append((key_usage(profile), True))
    if profile.all_policies:
        common.append((_policies(profile, address), False))
    if profile.extended_key_usages:
        purposes = [PURPOSES[name] for name in profile.extended_key_usages]
        common.append((x509.ExtendedKeyUsage(purposes), False))
    authority = x509.AuthorityKeyIdentifier(issuer_key_id, None, None)
    common.append((authority, False))
    if kind not in {Kind.ROOT, Kind.RESPONDER}:
        points = x509.CRLDistributionPoints([distribution_point(address.crl)])
        common += [(points, False), (_information_access(profile, address), False)]
    if profile.freshest_crl:
        common.append((x509.FreshestCRL([distribution_point(address.delta_crl)]), False))
    # Encoded once: the same bytes stand in thousands of certificates, and the lint reads them in each.
    return tuple(
        x509.Extension(value.oid, critical, x509.UnrecognizedExtension(value.oid, value.public_bytes()))
        for value, critical in common
    )


def own_extensions(profile: Profile, subject: Subject, public_key: PublicKey) -> tuple[Extension, ...]:
    """What belongs to this subject and this key alone."""
    own = [_extension(x509.SubjectKeyIdentifier(key_identifier(public_key)), critical=False)]
    if profile.encrypts:
        own.append(_extension(key_usage(profile, public_key), critical=True))
    # A document outlives its signer's mailbox, so a document certificate names none.
    if profile.is_mail and isinstance(subject, PersonSubject | OrganizationSubject):
        own.append(_extension(alternative_name(subject), critical=False))
    elif profile.kind is Kind.ISSUING and isinstance(subject, AuthoritySubject):
        own.append(_extension(name_constraints(subject.domains), critical=True))
    return tuple(own)


def _extension(value: x509.ExtensionType, *, critical: bool) -> Extension:
    return x509.Extension(value.oid, critical, value)


def key_identifier(public_key: PublicKey) -> bytes:
    """The first 160 bits of SHA-256 over the key's bit string (RFC 7093 method 1)."""
    return hashlib.sha256(public_key_bits(public_key)).digest()[:20]


def public_key_bits(public_key: PublicKey) -> bytes:
    """What stands in the BIT STRING of the key: the point, or modulus and exponent."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return public_key.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)


def key_usage(profile: Profile, public_key: PublicKey | None = None) -> x509.KeyUsage:
    """What the key is for; where it is for encryption too, how that is done depends on the kind of key.

    An elliptic curve agrees on a key (RFC 8551 2.3), RSA enciphers one (RFC 3279 2.3.1, SBR 7.1.2.3 e).
    """
    usages = profile.key_usages
    is_rsa = isinstance(public_key, rsa.RSAPublicKey)
    return x509.KeyUsage(
        digital_signature="digitalSignature" in usages,
        content_commitment="nonRepudiation" in usages,
        key_encipherment=profile.encrypts and is_rsa,
        data_encipherment=False,
        key_agreement=profile.encrypts and not is_rsa,
        key_cert_sign="keyCertSign" in usages,
        crl_sign="cRLSign" in usages,
        encipher_only=False,
        decipher_only=False,
    )


def _policies(profile: Profile, address: Address) -> x509.CertificatePolicies:
    statement = None if profile.kind.is_authority else [address.practice_statement]
    reserved = [x509.PolicyInformation(ObjectIdentifier(oid), None) for oid in profile.policies]
    own = [x509.PolicyInformation(ObjectIdentifier(oid), statement) for oid in profile.own_policies]
    return x509.CertificatePolicies(reserved + own)


def distribution_point(url: str) -> x509.DistributionPoint:
    """A list under this address, of all reasons (RFC 5280 4.2.1.13)."""
    return x509.DistributionPoint(
        full_name=[x509.UniformResourceIdentifier(url)], relative_name=None, reasons=None, crl_issuer=None
    )


def _information_access(profile: Profile, address: Address) -> x509.AuthorityInformationAccess:
    method = AuthorityInformationAccessOID
    places = [(method.OCSP, address.ocsp)] if profile.ocsp else []
    places.append((method.CA_ISSUERS, address.certificate))
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(oid, x509.UniformResourceIdentifier(url)) for oid, url in places]
    )
