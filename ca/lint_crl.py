"""The gate before a list is signed: RFC 5280 5 and SBR 7.2, on its very bytes."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from ca.crl_reading import MAX_NUMBER, Reason, base_number, reason_of
from ca.extensions import key_identifier
from ca.findings import Finding
from ca.keys import public_key_of
from ca.rulebook import MAX_ARL_DAYS, MAX_CRL_DAYS

SUBSCRIBER_REASONS: Final = frozenset(
    {
        Reason.key_compromise,
        Reason.affiliation_changed,
        Reason.superseded,
        Reason.cessation_of_operation,
        Reason.certificate_hold,
        Reason.privilege_withdrawn,
    }
)
AUTHORITY_REASONS: Final = frozenset(
    {Reason.key_compromise, Reason.ca_compromise, Reason.affiliation_changed, Reason.superseded}
    | {Reason.cessation_of_operation, Reason.privilege_withdrawn}
)
"""SBR 7.2.2: an authority is never put on hold."""


_ALWAYS: Final = {ExtensionOID.AUTHORITY_KEY_IDENTIFIER, ExtensionOID.CRL_NUMBER}


def lint_crl(crl: x509.CertificateRevocationList, *, issuer: x509.Certificate) -> tuple[Finding, ...]:
    """Everything that is wrong with a full or delta list; a root's list is stricter (an ARL)."""
    return tuple(_lint_crl(crl, issuer))


def _lint_crl(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> Iterator[Finding]:
    is_root = issuer.subject == issuer.issuer
    if crl.issuer.public_bytes() != issuer.subject.public_bytes():
        yield Finding("crl.issuer")
    if not isinstance(crl.signature_hash_algorithm, hashes.SHA256 | hashes.SHA384):
        yield Finding("signature.algorithm")
    yield from _lint_crl_extensions(crl, issuer)
    start, end = crl.last_update_utc, crl.next_update_utc
    limit = MAX_ARL_DAYS if is_root else MAX_CRL_DAYS
    if end is None or end <= start:
        yield Finding("validity.reversed")
    elif end - start >= timedelta(days=limit):
        yield Finding("crl.window", value=str((end - start).days))
    if start > issuer.not_valid_after_utc:
        yield Finding("crl.outlives-issuer")
    yield from _lint_entries(crl, is_root=is_root)


def _lint_crl_extensions(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> Iterator[Finding]:
    found = {extension.oid: extension for extension in crl.extensions}
    # A delta is marked critical, so that nobody takes it for the full list; it has no delta of its own.
    special = {
        ExtensionOID.FRESHEST_CRL: False,
        ExtensionOID.DELTA_CRL_INDICATOR: True,
    }
    extra = set(found) - _ALWAYS
    if (
        not set(found) >= _ALWAYS
        or len(extra) > 1
        or any(extension.critical is not special.get(oid, False) for oid, extension in found.items())
        or not extra <= set(special)
    ):
        yield Finding("crl.extensions")
    for extension in found.values():
        match extension.value:
            case x509.CRLNumber(crl_number=number) if not 0 < number < MAX_NUMBER:
                yield Finding("crl.number")
            case x509.DeltaCRLIndicator(crl_number=base) if not 0 < base < _number(found):
                yield Finding("crl.delta-base", value=str(base))
            case x509.AuthorityKeyIdentifier() as authority:
                if authority.key_identifier != key_identifier(public_key_of(issuer)):
                    yield Finding("identifier.authority")


def _number(extensions: Mapping[x509.ObjectIdentifier, x509.Extension[x509.ExtensionType]]) -> int:
    value = extensions[ExtensionOID.CRL_NUMBER].value if ExtensionOID.CRL_NUMBER in extensions else None
    return value.crl_number if isinstance(value, x509.CRLNumber) else 0


def _lint_entries(crl: x509.CertificateRevocationList, *, is_root: bool) -> Iterator[Finding]:
    allowed = AUTHORITY_REASONS if is_root else SUBSCRIBER_REASONS
    if base_number(crl) is not None and not is_root:
        allowed |= {Reason.remove_from_crl}  # RFC 5280 5.3.1: in delta lists only
    seen: set[int] = set()
    made = crl.last_update_utc
    for entry in crl:
        serial = entry.serial_number
        if serial in seen:
            yield Finding("crl.repeated-serial", value=f"{serial:x}")
        seen.add(serial)
        if entry.revocation_date_utc > made:
            yield Finding("crl.future-entry", value=f"{serial:x}")
        reason = reason_of(entry)
        if reason is None:
            if is_root:
                yield Finding("crl.reason-missing", value=f"{serial:x}")
        elif reason is Reason.unspecified:
            yield Finding("crl.reason-unspecified", value=f"{serial:x}")
        elif reason not in allowed:
            yield Finding("crl.reason-forbidden", value=f"{serial:x}")
        if any(e.oid != CRLEntryExtensionOID.CRL_REASON or e.critical for e in entry.extensions):
            yield Finding("crl.entry-extension", value=f"{serial:x}")
