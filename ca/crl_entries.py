"""The entries of a list as the bytes that they are: lists of a hundred thousand are written and compared by them.

Objects for every entry and its extensions would cost ten times as much. cryptography reads back all that is
written here, and every list is linted by what it read.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from cryptography import x509

from ca.crl_reading import Reason
from ca.der import (
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    TIMES,
    content,
    encode,
    encode_integer,
    encode_moment,
)

_ENUMERATED: Final = 0x0A

_CODES: Final = {
    Reason.key_compromise: 1,
    Reason.ca_compromise: 2,
    Reason.affiliation_changed: 3,
    Reason.superseded: 4,
    Reason.cessation_of_operation: 5,
    Reason.certificate_hold: 6,
    Reason.remove_from_crl: 8,
    Reason.privilege_withdrawn: 9,
    Reason.aa_compromise: 10,
}
"""RFC 5280 5.3.1."""


def _reason_extension(code: int) -> bytes:
    """The entry's extensions: reasonCode (2.5.29.21), not critical, and no other."""
    value = encode(OCTET_STRING, encode(_ENUMERATED, bytes((code,))))
    return encode(SEQUENCE, encode(SEQUENCE, encode(OBJECT_IDENTIFIER, b"\x55\x1d\x15") + value))


_EXTENSIONS: Final = {None: b""} | {reason: _reason_extension(code) for reason, code in _CODES.items()}


def encode_entry(serial: int, moment: datetime, reason: Reason | None) -> bytes:
    """One entry, to the second; without a reason when none is stated (RFC 5280 5.1.2.6)."""
    return encode(SEQUENCE, encode_integer(serial) + encode_moment(moment) + _EXTENSIONS[reason])


def with_entries(tbs: bytes, entries: Iterable[bytes]) -> bytes:
    """A TBSCertList without entries, with these put where they belong (RFC 5280 5.1); none makes no difference."""
    told = b"".join(entries)
    start, end = content(tbs, 0)
    at, _ = _place(tbs, start, end)
    return encode(SEQUENCE, tbs[start:at] + encode(SEQUENCE, told) + tbs[at:end]) if told else tbs


def entries_of(crl: x509.CertificateRevocationList) -> dict[int, bytes]:
    """The bytes of every entry by its serial, in the order of the list."""
    tbs = crl.tbs_certlist_bytes
    position, end = _place(tbs, *content(tbs, 0))
    found: dict[int, bytes] = {}
    while position < end:
        start, following = content(tbs, position)
        number, after = content(tbs, start)
        found[int.from_bytes(tbs[number:after], "big")] = tbs[position:following]
        position = following
    return found


def differing(
    previous: x509.CertificateRevocationList, new: x509.CertificateRevocationList
) -> Iterator[tuple[x509.RevokedCertificate, x509.RevokedCertificate | None]]:
    """Entries of the previous list that do not stand in the new one to the byte, with what stands there instead."""
    stand = entries_of(new)
    serials = {serial for serial, told in entries_of(previous).items() if stand.get(serial) != told}
    if serials:
        others = {entry.serial_number: entry for entry in new if entry.serial_number in serials}
        for entry in previous:
            if entry.serial_number in serials:
                yield entry, others.get(entry.serial_number)


def _place(tbs: bytes, position: int, end: int) -> tuple[int, int]:
    """Where the entries start and end; the same place twice when there are none."""
    # version (a list with extensions has one, RFC 5280 5.1.2.1), signature, issuer, thisUpdate, nextUpdate.
    for _ in range(4):
        _, position = content(tbs, position)
    if position < end and tbs[position] in TIMES:
        _, position = content(tbs, position)
    if position < end and tbs[position] == SEQUENCE:
        return content(tbs, position)
    return position, position
