"""The extensions of every certificate we make, from its profile and its issuer (RFC 5280 4.2, SBR 7.1.2)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID, ObjectIdentifier

from ca.der import OCTET_STRING, SEQUENCE, content, encode
from ca.keys import PublicKey, spki_bytes
from ca.kinds import Kind
from ca.names import (
    AuthoritySubject,
    OrganizationSubject,
    PersonSubject,
    Subject,
    name_constraints,
)
from ca.profiles import Profile
from ca.rulebook import PURPOSES
from ca.tbs import encode_extension, extension_of

_RFC822_NAME: Final = 0x81
"""The choice of a GeneralName that is a mailbox (RFC 5280 4.2.1.6)."""

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


def constant_extensions(profile: Profile, issuer_key_id: bytes, address: Address) -> bytes:
    """What every certificate of this profile from this issuer has in common, in DER."""
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
    return b"".join(encode_extension(value, critical=critical) for value, critical in common)


def own_extensions(profile: Profile, subject: Subject, public_key: PublicKey, spki: bytes) -> bytes:
    """What belongs to this subject and this key alone, in DER; `spki` is the key as it stands in the certificate."""
    own = encode_key_id(digest_of(spki))
    if profile.encrypts:
        own += _encode_usage(profile, is_rsa=isinstance(public_key, rsa.RSAPublicKey))
    # A document outlives its signer's mailbox, so a document certificate names none.
    if profile.is_mail and isinstance(subject, PersonSubject | OrganizationSubject):
        own += encode_mailbox(subject.email)
    elif profile.kind is Kind.ISSUING and isinstance(subject, AuthoritySubject):
        own += encode_extension(name_constraints(subject.domains), critical=True)
    return own


def encode_key_id(digest: bytes) -> bytes:
    """The extension that identifies the subject's key."""
    return extension_of(ExtensionOID.SUBJECT_KEY_IDENTIFIER, encode(OCTET_STRING, digest))


def encode_mailbox(address: str) -> bytes:
    """The mailbox as rfc822Name, the one alternative name we certify; ValueError when it is not ASCII."""
    names = encode(SEQUENCE, encode(_RFC822_NAME, address.encode("ascii")))
    return extension_of(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, names)


@lru_cache(maxsize=32)
def _encode_usage(profile: Profile, *, is_rsa: bool) -> bytes:
    return encode_extension(key_usage(profile, is_rsa=is_rsa), critical=True)


def key_identifier(public_key: PublicKey) -> bytes:
    """The first 160 bits of SHA-256 over the key's bit string (RFC 7093 method 1)."""
    return digest_of(spki_bytes(public_key))


def digest_of(spki: bytes) -> bytes:
    """As `key_identifier`, for a key as it stands in a certificate."""
    _, bits = content(spki, content(spki, 0)[0])
    start, end = content(spki, bits)
    return hashlib.sha256(spki[start + 1 : end]).digest()[:20]  # the first octet counts unused bits


def public_key_bits(public_key: PublicKey) -> bytes:
    """What stands in the BIT STRING of the key: the point, or modulus and exponent."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return public_key.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)


def key_usage(profile: Profile, *, is_rsa: bool = False) -> x509.KeyUsage:
    """What the key is for; where it is for encryption too, how that is done depends on the kind of key.

    An elliptic curve agrees on a key (RFC 8551 2.3), RSA enciphers one (RFC 3279 2.3.1, SBR 7.1.2.3 e).
    """
    usages = profile.key_usages
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
