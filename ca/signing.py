"""The one place where an authority's private key is used: bytes to be signed become a signed object.

Certificates and lists of revoked certificates have the same outer shape (RFC 5280 4.1
and 5.1): a sequence of the bytes to be signed, the algorithm and the signature. Signatures
with a key in memory are deterministic (RFC 6979), so that signing stored bytes again after a
crash gives the same certificate and not a second one. A hardware module signs elliptic curves
with a random number: there the certificate that was recorded first is the one.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ObjectIdentifier, SignatureAlgorithmOID

from ca.der import assemble
from ca.errors import AuthorityMismatch, Text
from ca.keys import PrivateKey, PublicKey, accept, public_key_of, spki_bytes

_Oid = SignatureAlgorithmOID
_IDENTIFIERS: Final = {
    # RFC 5758 3.2: no parameters. RFC 4055 5: parameters NULL.
    _Oid.ECDSA_WITH_SHA256: bytes.fromhex("300a06082a8648ce3d040302"),
    _Oid.ECDSA_WITH_SHA384: bytes.fromhex("300a06082a8648ce3d040303"),
    _Oid.RSA_WITH_SHA256: bytes.fromhex("300d06092a864886f70d01010b0500"),
    _Oid.RSA_WITH_SHA384: bytes.fromhex("300d06092a864886f70d01010c0500"),
}
"""The whole AlgorithmIdentifier, in DER."""

_SHA384: Final = {_Oid.ECDSA_WITH_SHA384, _Oid.RSA_WITH_SHA384}


def algorithm_oid(public_key: PublicKey) -> ObjectIdentifier:
    """The signature algorithm whose hash is as strong as the key (SBR 7.1.3.2)."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return _Oid.ECDSA_WITH_SHA384 if public_key.key_size > 256 else _Oid.ECDSA_WITH_SHA256
    return _Oid.RSA_WITH_SHA384 if public_key.key_size > 3072 else _Oid.RSA_WITH_SHA256


def signature_hash(public_key: PublicKey) -> hashes.SHA256 | hashes.SHA384:
    """The hash that goes with the key's signature algorithm."""
    return hashes.SHA384() if algorithm_oid(public_key) in _SHA384 else hashes.SHA256()


class Signer:
    """An authority's private key, with a throw-away one of the same algorithm for specimens.

    `deterministic` says whether signing the same bytes again gives the same signature.
    """

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.public_key: PublicKey = accept(key.public_key())
        self.hash = signature_hash(self.public_key)
        self.deterministic: bool = getattr(key, "deterministic", True)
        self.algorithm = _IDENTIFIERS[algorithm_oid(self.public_key)]

    @cached_property
    def throw_away(self) -> PrivateKey:
        """A key nobody keeps. The algorithm identifier names the hash but no curve: P-256 is the fastest."""
        if isinstance(self.public_key, ec.EllipticCurvePublicKey):
            return ec.generate_private_key(ec.SECP256R1())
        return rsa.generate_private_key(65537, 2048)

    def seal(self, tbs: bytes) -> bytes:
        """Sign with the real key and give the whole DER. Raises as `seal_all` does."""
        return self.seal_all([tbs])[0]

    def seal_all(self, to_be_signed: Sequence[bytes]) -> list[bytes]:
        """Sign each with the real key and give the whole DER of all; none leaves before all are checked.

        A faulty module or memory must not give a signature away that betrays the key: two ECDSA
        signatures over the same bytes of which one went wrong do. Verifying costs more than twice as
        much as signing, so where signing is deterministic each is made twice and compared, which finds
        what goes wrong once; the last is verified, which finds what stays wrong. All others are verified.
        Raises AuthorityMismatch when one does not stand the check, and what the key store raises.
        """
        is_repeatable = self.deterministic and isinstance(self.public_key, ec.EllipticCurvePublicKey)
        signatures = [self._signature(tbs) for tbs in to_be_signed]
        last = len(signatures) - 1
        for number, (tbs, signature) in enumerate(zip(to_be_signed, signatures, strict=True)):
            if is_repeatable and number < last:
                if self._signature(tbs) != signature:
                    raise _faulty()
                continue
            try:
                verify(self.public_key, signature, tbs, self.hash)
            except InvalidSignature as error:
                raise _faulty() from error
        return [
            assemble(tbs, self.algorithm, signature)
            for tbs, signature in zip(to_be_signed, signatures, strict=True)
        ]

    def _signature(self, tbs: bytes) -> bytes:
        return _sign(self._key, tbs, self.hash, deterministic=self.deterministic)

    def specimen(self, tbs: bytes) -> bytes:
        """The same DER under a signature of nothing by the throw-away key: to be looked at, never to be trusted."""
        return assemble(tbs, self.algorithm, self._signature_of_nothing)

    @cached_property
    def _signature_of_nothing(self) -> bytes:
        return _sign(self.throw_away, b"", self.hash, deterministic=False)

    def has_signed(self, certificate: x509.Certificate) -> bool:
        """Whether the certificate bears a signature of this key."""
        try:
            verify(self.public_key, certificate.signature, certificate.tbs_certificate_bytes, self.hash)
        except InvalidSignature:
            return False
        return certificate.signature_algorithm_oid == algorithm_oid(self.public_key)

    def require(self, certificate: x509.Certificate) -> None:
        """Raise AuthorityMismatch unless this key is the one in the certificate."""
        if spki_bytes(self.public_key) != spki_bytes(public_key_of(certificate)):
            raise AuthorityMismatch(
                "authority.key",
                Text(
                    vi="Khóa không khớp với chứng thư của CA.",
                    en="The key is not the one in the authority's certificate.",
                ),
            )


def _faulty() -> AuthorityMismatch:
    return AuthorityMismatch(
        "signature.self-check",
        Text(
            vi="Chữ ký vừa tạo không khớp với khóa công khai của CA.",
            en="The signature just made does not verify with the authority's public key.",
        ),
    )


def _sign(key: PrivateKey, tbs: bytes, algorithm: hashes.HashAlgorithm, *, deterministic: bool) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(tbs, ec.ECDSA(algorithm, deterministic_signing=deterministic))
    return key.sign(tbs, padding.PKCS1v15(), algorithm)


def verify(public_key: PublicKey, signature: bytes, tbs: bytes, algorithm: hashes.HashAlgorithm) -> None:
    """Raise InvalidSignature unless this key signed these bytes."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        public_key.verify(signature, tbs, ec.ECDSA(algorithm))
    else:
        public_key.verify(signature, tbs, padding.PKCS1v15(), algorithm)
