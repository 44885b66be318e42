"""What is signed in a certificate, put together from its parts and cut into them again (RFC 5280 4.1).

Of thousands of certificates most parts are the same to the byte: cryptography encodes those once, and what
differs is written between them. A property test holds the result to what cryptography's own builder writes.
"""

from datetime import datetime
from functools import cache, lru_cache
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from ca.der import OCTET_STRING, SEQUENCE, content, encode, encode_integer, encode_moment

_VERSION_3: Final = bytes.fromhex("a003020102")
_EXTENSIONS: Final = 0xA3
_TRUE: Final = bytes.fromhex("0101ff")


class Tbs(NamedTuple):
    """The parts of a TBSCertificate in their order, each in DER with its tag."""

    version: bytes
    """Empty in a certificate of version 1."""
    serial: bytes
    algorithm: bytes
    issuer: bytes
    validity: bytes
    subject: bytes
    public_key: bytes
    extensions: bytes
    """Whatever follows the key; empty when nothing does."""

    def __bytes__(self) -> bytes:
        return encode(SEQUENCE, b"".join(self))


def cut(tbs: bytes) -> Tbs:
    """The parts of a TBSCertificate that cryptography has parsed."""
    position, end = content(tbs, 0)
    parts = [b""] if tbs[position] != _VERSION_3[0] else []
    while len(parts) < 7:
        _, following = content(tbs, position)
        parts.append(tbs[position:following])
        position = following
    return Tbs._make([*parts, tbs[position:end]])


def compose(
    *,
    serial: int,
    algorithm: bytes,
    issuer: bytes,
    validity: tuple[datetime, datetime],
    subject: bytes,
    public_key: bytes,
    extensions: bytes,
) -> bytes:
    """A TBSCertificate of version 3: names and key in DER, extensions as `encode_extension` makes them."""
    told = encode(_EXTENSIONS, encode(SEQUENCE, extensions))
    return bytes(
        Tbs(
            _VERSION_3,
            encode_integer(serial),
            algorithm,
            issuer,
            _encode_validity(*validity),
            subject,
            public_key,
            told,
        )
    )


@lru_cache(maxsize=16)
def _encode_validity(not_before: datetime, not_after: datetime) -> bytes:
    return encode(SEQUENCE, encode_moment(not_before) + encode_moment(not_after))


def encode_extension(value: x509.ExtensionType, *, critical: bool) -> bytes:
    """One extension; FALSE is the default and so not written (X.690 11.5)."""
    return extension_of(value.oid, value.public_bytes(), critical=critical)


def extension_of(oid: ObjectIdentifier, value: bytes, *, critical: bool = False) -> bytes:
    """As `encode_extension`, for a value in DER."""
    return encode(SEQUENCE, encode_oid(oid) + (_TRUE if critical else b"") + encode(OCTET_STRING, value))


@cache
def encode_oid(oid: ObjectIdentifier) -> bytes:
    """An object identifier with its tag, as cryptography writes it in a list of one."""
    return x509.ExtendedKeyUsage([oid]).public_bytes()[2:]


def extensions_in(told: bytes) -> list[bytes]:
    """Each extension of a certificate that cryptography has parsed; all in one where they are no list of extensions."""
    if not told or told[0] != _EXTENSIONS:
        return [told]
    position, end = content(told, content(told, 0)[0])
    found = []
    while position < end:
        _, following = content(told, position)
        found.append(told[position:following])
        position = following
    return found
