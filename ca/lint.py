"""The gate before every signature: what must hold for a certificate, checked on its very bytes.

`lint` does not raise for what it finds, and does not trust the code that built the
certificate: it looks at the parsed bytes, the profile and the issuer. pkilint is the second
opinion, in the tests; this one costs microseconds and knows the rules that are newer or local.
"""

from collections.abc import Generator, Iterator
from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from ca.calendar import dated_findings, facts_of
from ca.errors import KeyRefused
from ca.extensions import Values, values_of
from ca.findings import Finding
from ca.frame import Frame, split
from ca.issuer import Issuer, read_issuer
from ca.keys import PublicKey, public_key_of
from ca.kinds import Kind
from ca.lint_extensions import key_id_in, lint_extensions, lint_key_id, lint_mailboxes, mailboxes_in
from ca.lint_names import LABELS, lint_common_name, lint_shape, lint_values
from ca.names import Attributes, Subject, Subscriber, encode_name
from ca.profiles import Profile
from ca.rulebook import MAX_SERIAL_BITS, MIN_SERIAL_BITS
from ca.signing import algorithm_oid
from ca.tbs import Tbs, cut


def lint(
    certificate: x509.Certificate,
    *,
    profile: Profile,
    issuer: x509.Certificate,
    expected: Subject | None = None,
    tbs: bytes | None = None,
) -> tuple[Finding, ...]:
    """Everything that is wrong with the certificate, or may become so; empty when nothing is.

    A root is its own issuer. With `expected`, name and mailbox must be those of the
    register, attribute by attribute. `tbs` are the certificate's signed bytes, where they are at hand.
    """
    parts = cut(certificate.tbs_certificate_bytes if tbs is None else tbs)
    return tuple(_lint(certificate, parts, profile, read_issuer(issuer), expected))


_FAULTLESS: Final[set[tuple[Frame, ObjectIdentifier, Profile, bytes]]] = set()
"""Frames in which no rule found a fault, with all else that those rules look at: the algorithm of the signature,
the profile and the issuer's certificate."""

_MOST_FRAMES: Final = 1024
"""Each second of issuing has one for each profile, since the validity is in it."""


def _lint(
    certificate: x509.Certificate, parts: Tbs, profile: Profile, issuer: Issuer, expected: Subject | None
) -> Iterator[Finding]:
    frame, key_id, mailbox = split(parts)
    mailboxes = [] if mailbox is None else [mailbox]
    yield from _lint_serial(certificate.serial_number)
    public_key = yield from _lint_key(certificate)
    looked_at = (frame, certificate.signature_algorithm_oid, profile, issuer.fingerprint)
    if looked_at not in _FAULTLESS:
        try:
            values = values_of(certificate)
        except (ValueError, x509.DuplicateExtension):
            yield Finding("extension.unreadable")
            return
        key_id, mailboxes = key_id_in(values), mailboxes_in(values)
        findings = tuple(_lint_frame(certificate, parts, values, public_key, profile, issuer, expected))
        yield from findings
        # What is expected of an authority, and how long its RSA key is, is not in its frame.
        if not findings and public_key is not None and profile.kind.is_subscriber:
            if len(_FAULTLESS) >= _MOST_FRAMES:
                _FAULTLESS.clear()
            _FAULTLESS.add(looked_at)
    if public_key is not None:
        yield from lint_key_id(key_id, parts.public_key)
    if profile.is_mail:
        yield from lint_mailboxes(mailboxes, issuer)
    # The very bytes of the registered name cannot say anything else.
    attributes = None if expected is None else expected.attributes()
    if attributes is None or encode_name(attributes) != parts.subject:
        attributes = tuple((a.oid, str(a.value)) for a in certificate.subject)
    yield from _lint_name(attributes, parts.subject, profile, mailboxes)
    if expected is not None:
        yield from _lint_register(attributes, mailboxes, profile, expected)


def _lint_frame(
    certificate: x509.Certificate,
    parts: Tbs,
    values: Values,
    public_key: PublicKey | None,
    profile: Profile,
    issuer: Issuer,
    expected: Subject | None,
) -> Iterator[Finding]:
    """The rules that look at the frame alone; of the key they ask only which kind it is."""
    yield from _lint_issuer(certificate, parts.issuer, profile, issuer)
    yield from _lint_validity(certificate, profile, issuer)
    yield from lint_extensions(certificate, values, public_key, profile, issuer, expected)
    facts = facts_of(certificate, values, profile.kind, public_key, issuer.public_key)
    yield from dated_findings(facts, certificate.not_valid_before_utc.date())


def _lint_serial(serial: int) -> Iterator[Finding]:
    if serial <= 0:
        yield Finding("serial.not-positive")
    elif serial.bit_length() > MAX_SERIAL_BITS:
        yield Finding("serial.too-large")
    elif serial.bit_length() < MIN_SERIAL_BITS:
        yield Finding("serial.too-short")


def _lint_issuer(
    certificate: x509.Certificate, issuer_name: bytes, profile: Profile, issuer: Issuer
) -> Iterator[Finding]:
    if certificate.version is not x509.Version.v3:
        yield Finding("version.not-3")
    if certificate.signature_algorithm_oid != algorithm_oid(issuer.public_key):
        yield Finding("signature.algorithm")
    if issuer_name != issuer.name:
        yield Finding("issuer.name")
    if not issuer.may_sign:
        yield Finding("issuer.not-authority")
    # The root certifies authorities only; an issuing authority certifies subscribers only.
    if issuer.is_root is not profile.kind.is_authority:
        yield Finding("issuer.path-length")
    day = certificate.not_valid_before_utc.date()
    if profile.issue_until is not None and day > profile.issue_until:
        yield Finding("profile.retired", profile.name, profile.issue_until.isoformat())


def _lint_validity(certificate: x509.Certificate, profile: Profile, issuer: Issuer) -> Iterator[Finding]:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    seconds = (end - start) // timedelta(seconds=1) + 1  # RFC 5280 4.1.2.5: both ends are included
    if seconds <= 1:
        yield Finding("validity.reversed")
    elif seconds > profile.days * 86_400:
        yield Finding("validity.too-long", value=str(seconds))
    if profile.kind is Kind.ROOT:
        return
    if end > issuer.not_after:
        yield Finding("validity.outlives-issuer", value=f"{end:%Y-%m-%d}")
    if start < issuer.not_before:
        yield Finding("validity.before-issuer", value=f"{start:%Y-%m-%d}")


def _lint_key(certificate: x509.Certificate) -> Generator[Finding, None, PublicKey | None]:
    try:
        return public_key_of(certificate)
    except KeyRefused as refused:
        yield Finding(refused.code)
        return None


def _lint_name(
    attributes: Attributes, encoded: bytes, profile: Profile, mailboxes: list[str]
) -> Iterator[Finding]:
    unclean = lint_values(attributes)
    yield from unclean
    yield from lint_shape(attributes, profile)
    yield from lint_common_name(attributes, profile, mailboxes)
    # Bytes, not objects: string types and RDNs with several attributes show only there.
    if not unclean and encoded != encode_name(attributes):
        yield Finding("name.encoding")


def _lint_register(
    attributes: Attributes, mailboxes: list[str], profile: Profile, expected: Subject
) -> Iterator[Finding]:
    registered = expected.attributes()
    if attributes != registered:
        found, wanted = dict(attributes), dict(registered)
        for oid in {**wanted, **found}:
            if found.get(oid) != wanted.get(oid):
                yield Finding("register.mismatch", LABELS.get(oid, oid.dotted_string), found.get(oid, ""))
    if profile.is_mail and isinstance(expected, Subscriber) and mailboxes != [expected.email]:
        yield Finding("register.mismatch", "subjectAltName", " ".join(mailboxes))
