"""Comparing a list with the one before: numbers rise, and nothing disappears that must stay."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from cryptography import x509

from ca.crl_entries import differing
from ca.crl_reading import Reason, base_number, crl_number, reason_of
from ca.findings import Finding

_NOTHING: Final[Mapping[int, datetime]] = MappingProxyType({})


def check_successor(
    previous: x509.CertificateRevocationList,
    new: x509.CertificateRevocationList,
    now: datetime,
    *,
    not_after: Mapping[int, datetime] = _NOTHING,
) -> tuple[Finding, ...]:
    """What is wrong with publishing the new list after the previous one; empty when nothing is.

    Both may be full or delta lists, numbered in one row. The number and the time rise; an entry
    leaves the list only once its certificate has expired (SBR 4.10.1) or was on hold. A list does
    not know when certificates expire: `not_after` says it for the serials that left, and one it
    does not know counts as live.
    """
    expired = frozenset(serial for serial, end in not_after.items() if end < now)
    return tuple(_compare(previous, new, expired))


def _compare(
    previous: x509.CertificateRevocationList, new: x509.CertificateRevocationList, expired: frozenset[int]
) -> Iterator[Finding]:
    if new.issuer != previous.issuer:
        yield Finding("crl.issuer")
    if crl_number(new) <= crl_number(previous):
        yield Finding("crl.number-not-rising")
    if new.last_update_utc < previous.last_update_utc:
        yield Finding("crl.time-not-rising")
    match base_number(previous), base_number(new):
        case None, None:
            yield from _compare_entries(previous, new, expired)
        case None, base:
            yield from _compare_with_base(previous, new, base or 0)
        case _, None:
            yield from _compare_entries(previous, new, expired)
        case earlier, base if earlier == base:
            yield from _compare_entries(previous, new, expired, released_are_named=True)
        case earlier, base if (base or 0) < (earlier or 0):
            yield Finding("crl.delta-base", value=str(base))


def _compare_entries(
    previous: x509.CertificateRevocationList,
    new: x509.CertificateRevocationList,
    expired: frozenset[int],
    *,
    released_are_named: bool = False,
) -> Iterator[Finding]:
    """Look for every entry of the previous list; who reads deltas must be told of releases by name."""
    for entry, successor in differing(previous, new):
        serial, reason = entry.serial_number, reason_of(entry)
        may_leave = reason in {Reason.certificate_hold, Reason.remove_from_crl}
        if successor is None:
            if serial not in expired and (released_are_named or not may_leave):
                yield Finding("crl.entry-vanished", value=f"{serial:x}")
        elif may_leave:
            continue
        elif reason_of(successor) is Reason.remove_from_crl:
            yield Finding("crl.entry-vanished", value=f"{serial:x}")
        elif successor.revocation_date_utc != entry.revocation_date_utc:
            yield Finding("crl.entry-changed", value=f"{serial:x}")


def _compare_with_base(
    full: x509.CertificateRevocationList, delta: x509.CertificateRevocationList, base: int
) -> Iterator[Finding]:
    """A first delta: it adds to this full list or to an older one, and releases only what was on hold."""
    if base > crl_number(full):
        yield Finding("crl.delta-base", value=str(base))
    if base != crl_number(full):
        return
    named = {entry.serial_number for entry in delta}
    known = {entry.serial_number: entry for entry in full if entry.serial_number in named}
    for entry in delta:
        earlier = known.get(entry.serial_number)
        if earlier is None or reason_of(earlier) is Reason.certificate_hold:
            continue
        if reason_of(entry) is Reason.remove_from_crl:
            yield Finding("crl.entry-vanished", value=f"{entry.serial_number:x}")
        elif entry.revocation_date_utc != earlier.revocation_date_utc:
            yield Finding("crl.entry-changed", value=f"{entry.serial_number:x}")
