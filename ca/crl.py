"""Lists of revoked certificates: building, reading, and comparing one with the one before.

RFC 5280 5, SBR 7.2. A list passes its lints under a throw-away signature before the real
key is used, like a certificate.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from ca.errors import LintFailure, Text, Unreadable
from ca.extensions import key_identifier
from ca.findings import Finding, errors
from ca.keys import PrivateKey, public_key_of
from ca.rulebook import MAX_ARL_DAYS, MAX_CRL_DAYS
from ca.signing import Signer
from ca.validity import whole_seconds, window

Reason = x509.ReasonFlags

MAX_NUMBER: Final = 2**159
"""RFC 5280 5.2.3: at most 20 octets."""

_SUBSCRIBER_REASONS: Final = frozenset(
    {
        Reason.key_compromise,
        Reason.affiliation_changed,
        Reason.superseded,
        Reason.cessation_of_operation,
        Reason.certificate_hold,
        Reason.privilege_withdrawn,
    }
)
_AUTHORITY_REASONS: Final = frozenset(
    {Reason.key_compromise, Reason.ca_compromise, Reason.affiliation_changed, Reason.superseded}
    | {Reason.cessation_of_operation, Reason.privilege_withdrawn}
)
"""SBR 7.2.2: an authority is never put on hold."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """One revoked certificate; `reason` None means that none is given."""

    serial: int
    revoked_at: datetime
    reason: Reason | None = None

    def entry(self) -> x509.RevokedCertificate:
        builder = x509.RevokedCertificateBuilder(
            self.serial, whole_seconds(self.revoked_at).replace(tzinfo=None)
        )
        reason = stated_reason(self.reason)
        if reason is not None:
            builder = builder.add_extension(x509.CRLReason(reason), critical=False)
        return builder.build()


def stated_reason(reason: Reason | None) -> Reason | None:
    """The reason as a list or an answer states it: reason 0 is said by saying nothing (RFC 5280 5.3.1)."""
    return None if reason is Reason.unspecified else reason


def build_crl(
    authority_certificate: x509.Certificate,
    key: PrivateKey,
    revoked: Iterable[Revocation],
    *,
    number: int,
    now: datetime,
    days: int,
) -> x509.CertificateRevocationList:
    """Make and sign the full list with this number, valid for `days` days from `now`.

    The caller gives every revoked certificate that has not expired and a number above
    the last one, committed before. Raises LintFailure before the real key is used.
    """
    signer = Signer(key)
    signer.require(authority_certificate)
    return sign_crl(authority_certificate, signer, revoked, number=number, now=now, days=days)


def sign_crl(
    authority_certificate: x509.Certificate,
    signer: Signer,
    revoked: Iterable[Revocation],
    *,
    number: int,
    now: datetime,
    days: int,
) -> x509.CertificateRevocationList:
    """What `build_crl` does, for an authority whose key is open already."""
    if not 0 < number < MAX_NUMBER:
        raise LintFailure((Finding("crl.number"),))
    issued, until = window(now, days)
    key_id = key_identifier(signer.public_key)
    extensions: list[x509.Extension[x509.ExtensionType]] = [
        _extension(x509.AuthorityKeyIdentifier(key_id, None, None)),
        _extension(x509.CRLNumber(number)),
    ]
    # The list goes to the constructor: add_revoked_certificate copies everything on each call.
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=authority_certificate.subject,
        last_update=issued.replace(tzinfo=None),
        next_update=until.replace(tzinfo=None),
        extensions=extensions,
        revoked_certificates=[revocation.entry() for revocation in revoked],
    )
    specimen = builder.sign(signer.throw_away, signer.hash)
    if stopping := errors(lint_crl(specimen, issuer=authority_certificate)):
        raise LintFailure(stopping)
    return x509.load_der_x509_crl(signer.seal(specimen.tbs_certlist_bytes))


def _extension(value: x509.ExtensionType) -> x509.Extension[x509.ExtensionType]:
    return x509.Extension(value.oid, critical=False, value=value)


def read_crl(data: bytes, *, issuer: x509.Certificate) -> x509.CertificateRevocationList:
    """Read a list (DER or PEM) and check that this authority signed it; Unreadable otherwise."""
    try:
        is_pem = data.lstrip().startswith(b"-----BEGIN")
        crl = x509.load_pem_x509_crl(data) if is_pem else x509.load_der_x509_crl(data)
    except ValueError as error:
        raise Unreadable(
            "crl.unreadable",
            Text(vi="Không đọc được danh sách thu hồi.", en="This is not a readable CRL."),
        ) from error
    if crl.issuer != issuer.subject or not crl.is_signature_valid(public_key_of(issuer)):
        raise Unreadable(
            "crl.not-ours",
            Text(vi="Danh sách thu hồi không do CA này ký.", en="The CRL was not signed by this authority."),
        )
    return crl


def lint_crl(crl: x509.CertificateRevocationList, *, issuer: x509.Certificate) -> tuple[Finding, ...]:
    """Everything that is wrong with a list of this authority; a root's list is stricter (an ARL)."""
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
    wanted = {ExtensionOID.AUTHORITY_KEY_IDENTIFIER, ExtensionOID.CRL_NUMBER}
    if set(found) != wanted or any(extension.critical for extension in found.values()):
        yield Finding("crl.extensions")
    for extension in found.values():
        match extension.value:
            case x509.CRLNumber(crl_number=number) if not 0 < number < MAX_NUMBER:
                yield Finding("crl.number")
            case x509.AuthorityKeyIdentifier() as authority:
                if authority.key_identifier != key_identifier(public_key_of(issuer)):
                    yield Finding("identifier.authority")


def _lint_entries(crl: x509.CertificateRevocationList, *, is_root: bool) -> Iterator[Finding]:
    allowed = _AUTHORITY_REASONS if is_root else _SUBSCRIBER_REASONS
    seen: set[int] = set()
    made = crl.last_update_utc
    for entry in crl:
        serial = entry.serial_number
        if serial in seen:
            yield Finding("crl.repeated-serial", value=f"{serial:x}")
        seen.add(serial)
        if entry.revocation_date_utc > made:
            yield Finding("crl.future-entry", value=f"{serial:x}")
        reason = _reason(entry)
        if reason is None:
            if is_root:
                yield Finding("crl.reason-missing", value=f"{serial:x}")
        elif reason is Reason.unspecified:
            yield Finding("crl.reason-unspecified", value=f"{serial:x}")
        elif reason not in allowed:
            yield Finding("crl.reason-forbidden", value=f"{serial:x}")
        if any(e.oid != CRLEntryExtensionOID.CRL_REASON or e.critical for e in entry.extensions):
            yield Finding("crl.entry-extension", value=f"{serial:x}")


def _reason(entry: x509.RevokedCertificate) -> Reason | None:
    for extension in entry.extensions:
        if isinstance(extension.value, x509.CRLReason):
            return extension.value.reason
    return None


def crl_number(crl: x509.CertificateRevocationList) -> int:
    """The list's number."""
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


_NOTHING: Final[Mapping[int, datetime]] = MappingProxyType({})


def check_successor(
    previous: x509.CertificateRevocationList,
    new: x509.CertificateRevocationList,
    now: datetime,
    *,
    not_after: Mapping[int, datetime] = _NOTHING,
) -> tuple[Finding, ...]:
    """What is wrong with publishing the new list after the previous one; empty when nothing is.

    The number and the time rise; an entry leaves the list only once its certificate has
    expired (SBR 4.10.1) or was on hold. A list does not know when certificates expire:
    `not_after` says it for the serials that left, and one it does not know counts as live.
    """
    return tuple(_compare(previous, new, now, not_after))


def _compare(
    previous: x509.CertificateRevocationList,
    new: x509.CertificateRevocationList,
    now: datetime,
    not_after: Mapping[int, datetime],
) -> Iterator[Finding]:
    if new.issuer != previous.issuer:
        yield Finding("crl.issuer")
    if crl_number(new) <= crl_number(previous):
        yield Finding("crl.number-not-rising")
    if new.last_update_utc < previous.last_update_utc:
        yield Finding("crl.time-not-rising")
    dates = {entry.serial_number: entry.revocation_date_utc for entry in new}
    for entry in previous:
        serial = entry.serial_number
        was_on_hold = _reason(entry) is Reason.certificate_hold
        if serial not in dates:
            has_expired = serial in not_after and not_after[serial] < now
            if not has_expired and not was_on_hold:
                yield Finding("crl.entry-vanished", value=f"{serial:x}")
        elif dates[serial] != entry.revocation_date_utc and not was_on_hold:
            yield Finding("crl.entry-changed", value=f"{serial:x}")
