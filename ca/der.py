"""The few bytes of DER that we write and read ourselves: elements, and the outer shape of signed objects.

Names, keys and what extensions say are encoded and parsed by cryptography.
"""

from datetime import datetime
from typing import Final

from cryptography import x509

from ca.validity import whole_seconds

NOT_PARSABLE: Final = (ValueError, x509.InvalidVersion)
"""What cryptography raises for bytes that are not what they should be."""

INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06
SEQUENCE: Final = 0x30
SET: Final = 0x31
TIMES: Final = (0x17, 0x18)
"""UTCTime until 2049, GeneralizedTime from then on (RFC 5280 4.1.2.5 and 5.1.2.4)."""


def encode(tag: int, content: bytes) -> bytes:
    """One element with a definite length (X.690 10.1)."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def encode_integer(number: int) -> bytes:
    """A number that is not negative."""
    return encode(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def encode_moment(moment: datetime) -> bytes:
    """A moment, to the second; ValueError when it has no time zone."""
    at = whole_seconds(moment)
    kind, form = (TIMES[0], "%y%m%d%H%M%SZ") if at.year < 2050 else (TIMES[1], "%Y%m%d%H%M%SZ")
    return encode(kind, f"{at:{form}}".encode())


def assemble(tbs: bytes, algorithm: bytes, signature: bytes) -> bytes:
    """SEQUENCE { tbs, algorithm, BIT STRING signature }: a certificate, a CRL (RFC 5280 4.1, 5.1)."""
    return encode(SEQUENCE, tbs + algorithm + encode(BIT_STRING, b"\x00" + signature))


def signed_part(signed: bytes) -> bytes:
    """What was signed in a certificate or a CRL in DER: the first thing in it."""
    start, _ = content(signed, 0)
    return signed[start : content(signed, start)[1]]


def content(data: bytes, position: int) -> tuple[int, int]:
    """Where the content of the element at `position` starts and ends."""
    size, start = data[position + 1], position + 2
    if size & 0x80:
        octets = size & 0x7F
        size = int.from_bytes(data[start : start + octets], "big")
        start += octets
    return start, start + size
