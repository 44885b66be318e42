"""Lists of revoked certificates: the full list, and the delta that adds to it.

RFC 5280 5, SBR 7.2. A list passes its lints under a throw-away signature before the real
key is used, like a certificate. Full and delta lists are numbered in one row, each above
the one before (RFC 5280 5.2.3).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from cryptography import x509

from ca.crl_entries import encode_entry, entries_of, with_entries
from ca.crl_reading import (
    MAX_NUMBER,
    Reason,
    base_number,
    crl_number,
    read_crl,
    reason_of,
    stated_reason,
)
from ca.crl_succession import check_successor
from ca.errors import LintFailure
from ca.extensions import distribution_point, key_identifier
from ca.findings import Finding, errors
from ca.keys import PrivateKey
from ca.lint_crl import lint_crl
from ca.signing import Signer
from ca.validity import window

__all__ = [
    "Reason",
    "Revocation",
    "base_number",
    "build_crl",
    "build_delta",
    "check_successor",
    "crl_number",
    "lint_crl",
    "read_crl",
    "sign_crl",
    "sign_delta",
    "stated_reason",
]

_NOTHING: Final[Mapping[int, datetime]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Revocation:
    """One revoked certificate; `reason` None means that none is given."""

    serial: int
    revoked_at: datetime
    reason: Reason | None = None

    def entry(self) -> bytes:
        """What stands in the list."""
        return encode_entry(self.serial, self.revoked_at, stated_reason(self.reason))


def build_crl(
    authority_certificate: x509.Certificate,
    key: PrivateKey,
    revoked: Iterable[Revocation],
    *,
    number: int,
    now: datetime,
    days: int,
    delta_url: str | None = None,
) -> x509.CertificateRevocationList:
    """Make and sign the full list with this number, valid for `days` days from `now`.

    The caller gives every revoked certificate that has not expired and a number above
    the last one, committed before. With `delta_url` the list says where its deltas are
    (RFC 5280 5.2.6). Raises LintFailure before the real key is used.
    """
    signer = Signer(key)
    signer.require(authority_certificate)
    return sign_crl(
        authority_certificate, signer, revoked, number=number, now=now, days=days, delta_url=delta_url
    )


def build_delta(
    authority_certificate: x509.Certificate,
    key: PrivateKey,
    revoked: Iterable[Revocation],
    *,
    base: x509.CertificateRevocationList,
    before: x509.CertificateRevocationList | None = None,
    number: int,
    now: datetime,
    days: int,
    not_after: Mapping[int, datetime] = _NOTHING,
) -> x509.CertificateRevocationList:
    """Make and sign the list of what changed since the full list `base`.

    The caller gives every revoked certificate that has not expired, as for a full list, and
    the delta published `before` on the same base: a hold that came and went since then is named
    in it. Raises LintFailure when an entry of the base is gone though it was not on hold and
    `not_after` does not say that its certificate has expired.
    """
    signer = Signer(key)
    signer.require(authority_certificate)
    return sign_delta(
        authority_certificate,
        signer,
        revoked,
        base=base,
        before=before,
        number=number,
        now=now,
        days=days,
        not_after=not_after,
    )


def sign_crl(
    authority_certificate: x509.Certificate,
    signer: Signer,
    revoked: Iterable[Revocation],
    *,
    number: int,
    now: datetime,
    days: int,
    delta_url: str | None = None,
) -> x509.CertificateRevocationList:
    """What `build_crl` does, for an authority whose key is open already."""
    special = []
    if delta_url is not None:
        special.append(_extension(x509.FreshestCRL([distribution_point(delta_url)])))
    return _sign(authority_certificate, signer, revoked, special, number=number, now=now, days=days)


def sign_delta(
    authority_certificate: x509.Certificate,
    signer: Signer,
    revoked: Iterable[Revocation],
    *,
    base: x509.CertificateRevocationList,
    before: x509.CertificateRevocationList | None = None,
    number: int,
    now: datetime,
    days: int,
    not_after: Mapping[int, datetime] = _NOTHING,
) -> x509.CertificateRevocationList:
    """What `build_delta` does, for an authority whose key is open already."""
    changed = list(_changes(list(revoked), base, before, now=now, not_after=not_after))
    indicator = _extension(x509.DeltaCRLIndicator(crl_number(base)), critical=True)
    return _sign(
        authority_certificate,
        signer,
        changed,
        [indicator],
        number=number,
        now=now,
        days=days,
        check=lambda delta: check_successor(
            base if before is None else before, delta, now, not_after=not_after
        ),
    )


def _changes(
    revoked: list[Revocation],
    base: x509.CertificateRevocationList,
    before: x509.CertificateRevocationList | None,
    *,
    now: datetime,
    not_after: Mapping[int, datetime],
) -> Iterator[Revocation]:
    """What a reader of the base, or of the base and the delta before, has to be told."""
    told = entries_of(base)
    current = {revocation.serial for revocation in revoked}
    gone = told.keys() - current
    on_hold = {
        entry.serial_number
        for entry in (base if gone else ())
        if entry.serial_number in gone and reason_of(entry) is Reason.certificate_hold
    }
    vanished = [
        Finding("crl.entry-vanished", value=f"{serial:x}")
        for serial in told
        if serial in gone and serial not in on_hold and not not_after.get(serial, now) < now
    ]
    if vanished:
        raise LintFailure(tuple(vanished))
    # Whoever added the delta before to the base believes it: all that it names is named again (RFC 5280 5.2.4).
    named = {} if before is None else {entry.serial_number: reason_of(entry) for entry in before}
    for revocation in revoked:
        if revocation.serial in named or told.get(revocation.serial) != revocation.entry():
            yield revocation
    temporary = {Reason.certificate_hold, Reason.remove_from_crl}
    held = on_hold | ({serial for serial, reason in named.items() if reason in temporary} - current)
    for serial in sorted(held):
        yield Revocation(serial, now, Reason.remove_from_crl)


def _sign(
    authority_certificate: x509.Certificate,
    signer: Signer,
    revoked: Iterable[Revocation],
    special: list[x509.Extension[x509.ExtensionType]],
    *,
    number: int,
    now: datetime,
    days: int,
    check: Callable[[x509.CertificateRevocationList], tuple[Finding, ...]] = lambda _: (),
) -> x509.CertificateRevocationList:
    if not 0 < number < MAX_NUMBER:
        raise LintFailure((Finding("crl.number"),))
    issued, until = window(now, days)
    key_id = key_identifier(signer.public_key)
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=authority_certificate.subject,
        last_update=issued.replace(tzinfo=None),
        next_update=until.replace(tzinfo=None),
        extensions=[
            _extension(x509.AuthorityKeyIdentifier(key_id, None, None)),
            _extension(x509.CRLNumber(number)),
            *special,
        ],
    )
    empty = builder.sign(signer.throw_away, signer.hash).tbs_certlist_bytes
    tbs = with_entries(empty, (revocation.entry() for revocation in revoked))
    specimen = x509.load_der_x509_crl(signer.specimen(tbs))
    if stopping := errors(lint_crl(specimen, issuer=authority_certificate)) + check(specimen):
        raise LintFailure(stopping)
    return x509.load_der_x509_crl(signer.seal(tbs))


def _extension(value: x509.ExtensionType, *, critical: bool = False) -> x509.Extension[x509.ExtensionType]:
    return x509.Extension(value.oid, critical=critical, value=value)
