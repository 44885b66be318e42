"""The few bytes of DER that we write and read ourselves: the outer shape of signed objects.

Everything inside is encoded and parsed by cryptography. Reading the raw names lets a lint
compare the very bytes that relying parties compare (RFC 5280 7.1).
"""

from typing import Final, NamedTuple

from cryptography import x509

NOT_PARSABLE: Final = (ValueError, x509.InvalidVersion)
"""What cryptography raises for bytes that are not what they should be."""

SEQUENCE: Final = 0x30
BIT_STRING: Final = 0x03
_EXPLICIT_VERSION: Final = 0xA0


def encode(tag: int, content: bytes) -> bytes:
    """One element with a definite length (X.690 10.1)."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def assemble(tbs: bytes, algorithm: bytes, signature: bytes) -> bytes:
    """SEQUENCE { tbs, algorithm, BIT STRING signature }: a certificate, a CRL (RFC 5280 4.1, 5.1)."""
    return encode(SEQUENCE, tbs + algorithm + encode(BIT_STRING, b"\x00" + signature))


class TbsNames(NamedTuple):
    """The DER of the two names in a certificate."""

    issuer: bytes
    subject: bytes


def names_of(tbs: bytes) -> TbsNames:
    """Cut the names out of a TBSCertificate that cryptography has parsed (RFC 5280 4.1)."""
    position, _ = content(tbs, 0)
    fields: list[bytes] = []
    while len(fields) < 5:  # serialNumber, signature, issuer, validity, subject
        _, end = content(tbs, position)
        if tbs[position] != _EXPLICIT_VERSION:
            fields.append(tbs[position:end])
        position = end
    return TbsNames(issuer=fields[2], subject=fields[4])


def content(data: bytes, position: int) -> tuple[int, int]:
    """Where the content of the element at `position` starts and ends."""
    size, start = data[position + 1], position + 2
    if size & 0x80:
        octets = size & 0x7F
        size = int.from_bytes(data[start : start + octets], "big")
        start += octets
    return start, start + size
