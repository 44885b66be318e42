"""LDAP requests written and responses read in BER (RFC 4511; X.690), for the pipeline only.

ldap3 builds every request as a tree of pyasn1 objects, at 1.3 ms of processor time an entry; these
few lines take a twentieth of that. Everything has a definite length, as RFC 4511, 5.1 demands.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from ldap_schema.difference import Change

INTEGER, OCTET_STRING, ENUMERATED, SEQUENCE, SET = 0x02, 0x04, 0x0A, 0x30, 0x31
MODIFY_REQUEST, ADD_REQUEST, DELETE_REQUEST = 0x66, 0x68, 0x4A
MODIFY_RESPONSE, ADD_RESPONSE, DELETE_RESPONSE, EXTENDED_RESPONSE = 0x67, 0x69, 0x6B, 0x78
CONTROLS, EQUALITY_MATCH = 0xA0, 0xA3

_TRUE = b"\x01\x01\xff"
_ASSERTION = b"1.3.6.1.1.12"
_LONGEST_RESPONSE = 1 << 20
"""Bytes; a longer answer to an update is no LDAP server's."""


class MalformedError(ConnectionError):
    """What came is not an LDAP response: nothing on this connection can be trusted any more."""


class Response(NamedTuple):
    """An LDAPResult (RFC 4511, 4.1.9) with the tag of its operation."""

    message_id: int
    tag: int
    code: int
    matched_dn: str
    diagnostic: str


def add(dn: str, attributes: Mapping[str, tuple[bytes, ...]]) -> bytes:
    """An AddRequest (RFC 4511, 4.7)."""
    content = b"".join([_attribute(name, values) for name, values in attributes.items()])
    return _tlv(ADD_REQUEST, _octets(dn.encode()) + _tlv(SEQUENCE, content))


def modify(dn: str, changes: Iterable[Change]) -> bytes:
    """A ModifyRequest (RFC 4511, 4.6): all of the changes, in this order, or none."""
    content = b"".join(
        [
            _tlv(
                SEQUENCE,
                bytes((ENUMERATED, 1, change.operation)) + _attribute(change.attribute, change.values),
            )
            for change in changes
        ]
    )
    return _tlv(MODIFY_REQUEST, _octets(dn.encode()) + _tlv(SEQUENCE, content))


def delete(dn: str, *, only_if: tuple[str, bytes]) -> bytes:
    """A DelRequest (RFC 4511, 4.8) that is carried out only on an entry with this attribute value (RFC 4528)."""
    return _tlv(DELETE_REQUEST, dn.encode()) + _assertion(*only_if)


def message(message_id: int, operation: bytes) -> bytes:
    """The envelope: an operation, with its controls, under an id (RFC 4511, 4.1.1)."""
    number = message_id.to_bytes(message_id.bit_length() // 8 + 1, "big")
    return _tlv(SEQUENCE, _tlv(INTEGER, number) + operation)


def take_response(buffer: bytearray) -> Response | None:
    """Take the first whole response off the buffer; None when it is not all there yet.

    Raises `MalformedError` for what is not an LDAP response.
    """
    if len(buffer) < 2:
        return None
    end = _end_of_element(buffer)
    if end is None or len(buffer) < end:
        return None
    whole = bytes(buffer[:end])
    del buffer[:end]
    return _response(whole)


def _end_of_element(buffer: bytearray) -> int | None:
    if buffer[0] != SEQUENCE:
        raise MalformedError(f"an LDAP message starts with 0x30, not 0x{buffer[0]:02x}")
    size = buffer[1]
    if size < 0x80:
        return 2 + size
    octets = size & 0x7F
    if not 1 <= octets <= 4:
        raise MalformedError("an LDAP message has a definite length")
    if len(buffer) < 2 + octets:
        return None
    length = int.from_bytes(buffer[2 : 2 + octets], "big")
    if length > _LONGEST_RESPONSE:
        raise MalformedError(f"a response of {length} bytes")
    return 2 + octets + length


def _response(whole: bytes) -> Response:
    _, content, _ = _element(whole, 0, SEQUENCE)
    _, number, at = _element(content, 0, INTEGER)
    tag, result, _ = _element(content, at)
    _, code, at = _element(result, 0, ENUMERATED)
    _, matched_dn, at = _element(result, at, OCTET_STRING)
    _, diagnostic, _ = _element(result, at, OCTET_STRING)
    return Response(
        int.from_bytes(number, "big", signed=True),
        tag,
        int.from_bytes(code, "big", signed=True),
        matched_dn.decode(errors="replace"),
        diagnostic.decode(errors="replace"),
    )


def _element(content: bytes, at: int, expected: int | None = None) -> tuple[int, bytes, int]:
    """The tag and the content of the element at this place, and where the next one starts."""
    try:
        tag, size = content[at], content[at + 1]
    except IndexError:
        raise MalformedError("a response ends in the middle") from None
    at += 2
    if size >= 0x80:
        octets = size & 0x7F
        size = int.from_bytes(content[at : at + octets], "big")
        at += octets
    if at + size > len(content):
        raise MalformedError("a response ends in the middle")
    if expected is not None and tag != expected:
        raise MalformedError(f"0x{tag:02x} where 0x{expected:02x} was due")
    return tag, content[at : at + size], at + size


def _attribute(name: str, values: tuple[bytes, ...]) -> bytes:
    return _tlv(SEQUENCE, _name(name) + _tlv(SET, b"".join([_octets(value) for value in values])))


def _assertion(name: str, value: bytes) -> bytes:
    """The controls of a request with one in it: the assertion control, critical (RFC 4528, 3)."""
    condition = _tlv(EQUALITY_MATCH, _name(name) + _octets(value))
    return _tlv(CONTROLS, _tlv(SEQUENCE, _octets(_ASSERTION) + _TRUE + _octets(condition)))


@lru_cache(maxsize=256)
def _name(name: str) -> bytes:
    return _octets(name.encode("ascii"))


def _octets(value: bytes) -> bytes:
    return _tlv(OCTET_STRING, value)


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
