"""Lints for names and mailboxes: what no encoder notices and every register gets wrong once.

They work on plain attributes, so the same checks run on a subject before anything is
encoded and on the certificate afterwards.
"""

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from cryptography.x509.oid import NameOID, ObjectIdentifier

from ca.findings import Finding
from ca.kinds import Kind
from ca.names import COUNTRY, MAX_COMMON_NAME_BYTES, Attributes, AuthoritySubject, Subject, Subscriber
from ca.profiles import Profile

LABELS: Final[dict[ObjectIdentifier, str]] = {
    NameOID.COUNTRY_NAME: "C",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier",
    NameOID.SURNAME: "SN",
    NameOID.GIVEN_NAME: "GN",
    NameOID.TITLE: "title",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.COMMON_NAME: "CN",
}
_BOUNDS: Final = {NameOID.STATE_OR_PROVINCE_NAME: 128}
"""X.520 upper bounds in characters: 64 for every attribute but ST. (SN and GN: SBR 7.1.4.2.2(e).)"""

_AUTHORITY: Final = (NameOID.COUNTRY_NAME, NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
_ORDER: Final = {
    Kind.ROOT: _AUTHORITY,
    Kind.ISSUING: _AUTHORITY,
    Kind.RESPONDER: _AUTHORITY,
    Kind.PERSON: tuple(LABELS),
    Kind.ORGANIZATION: (
        NameOID.COUNTRY_NAME,
        NameOID.STATE_OR_PROVINCE_NAME,
        NameOID.ORGANIZATION_NAME,
        NameOID.ORGANIZATION_IDENTIFIER,
        NameOID.SERIAL_NUMBER,
        NameOID.COMMON_NAME,
    ),
}
_SUBSCRIBER_NEEDS: Final = frozenset(
    {
        NameOID.COUNTRY_NAME,
        NameOID.ORGANIZATION_NAME,
        NameOID.ORGANIZATION_IDENTIFIER,
        NameOID.SERIAL_NUMBER,
    }
)
_REQUIRED: Final = {
    Kind.ROOT: frozenset(_AUTHORITY),
    Kind.ISSUING: frozenset(_AUTHORITY),
    Kind.RESPONDER: frozenset(_AUTHORITY),
    Kind.PERSON: _SUBSCRIBER_NEEDS,
    Kind.ORGANIZATION: _SUBSCRIBER_NEEDS,
}
_IDENTIFIER: Final = re.compile(r"GOVVN(\+[A-Z0-9]{1,3})?")
_PRINTABLE: Final = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]+")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN: Final = rf"{_LABEL}(?:\.{_LABEL})+"
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_MAILBOX: Final = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>{_DOMAIN})")
_DOMAIN_ALONE: Final = re.compile(rf"\.?{_DOMAIN}")


def lint_subject(subject: Subject) -> Iterator[Finding]:
    """Check what the encoder would choke on or let through, before anything is encoded."""
    yield from lint_values(subject.attributes())
    if isinstance(subject, AuthoritySubject):
        yield from (Finding("constraint.names", value=d) for d in subject.domains if not is_domain(d))
    elif isinstance(subject, Subscriber) and mailbox_domain(subject.email) is None:
        yield Finding("mailbox.form", "email", subject.email)


# A name comes twice: before it is encoded, and in the draft.
@lru_cache(maxsize=64)
def lint_values(attributes: Attributes) -> tuple[Finding, ...]:
    """Check each value by itself."""
    return tuple(finding for oid, value in attributes for finding in _lint_value(oid, value))


# Province and agency come again and again; their findings are the same each time.
@lru_cache(maxsize=4096)
def _lint_value(oid: ObjectIdentifier, value: str) -> tuple[Finding, ...]:
    return tuple(
        Finding(code, LABELS.get(oid, oid.dotted_string), value) for code in _value_codes(oid, value)
    )


def _value_codes(oid: ObjectIdentifier, value: str) -> Iterator[str]:
    if not value:
        yield "name.empty"
        return
    if not unicodedata.is_normalized("NFC", value):
        yield "name.not-nfc"
    # Not printable are control, format, surrogate, private, unassigned; separators other than the space itself.
    if not value.isprintable():
        yield "name.control-character"
    if value != value.strip(" ") or "  " in value:
        yield "name.spaces"
    if not any(map(str.isalnum, value)):
        yield "name.insignificant"
    if html.unescape(value) != value:
        yield "name.html-entity"
    yield from _length_codes(oid, value)
    yield from _form_codes(oid, value)


def _length_codes(oid: ObjectIdentifier, value: str) -> Iterator[str]:
    if oid == NameOID.COMMON_NAME:
        if len(value.encode("utf-8", "surrogatepass")) > MAX_COMMON_NAME_BYTES:
            yield "name.common-name-bytes"
    elif len(value) > _BOUNDS.get(oid, 64):
        yield "name.organization-too-long" if oid == NameOID.ORGANIZATION_NAME else "name.too-long"


def _form_codes(oid: ObjectIdentifier, value: str) -> Iterator[str]:
    if oid == NameOID.SERIAL_NUMBER and not _PRINTABLE.fullmatch(value):
        yield "name.not-printable"
    if oid == NameOID.ORGANIZATION_IDENTIFIER and not _IDENTIFIER.fullmatch(value):
        yield "name.organization-identifier"
    if oid == NameOID.COUNTRY_NAME and value != COUNTRY:
        yield "name.country"


def lint_shape(attributes: Attributes, profile: Profile) -> Iterator[Finding]:
    """Check which attributes there are, once each and in the order of the profile."""
    # A handful of shapes comes again and again: with a title or without, with one name or two.
    oids = tuple(oid for oid, _ in attributes)
    yield from _lint_shape(oids, profile.kind, needs_common_name=profile.is_document)


@lru_cache(maxsize=256)
def _lint_shape(
    oids: tuple[ObjectIdentifier, ...], kind: Kind, *, needs_common_name: bool
) -> tuple[Finding, ...]:
    return tuple(_shape_findings(oids, kind, needs_common_name=needs_common_name))


def _shape_findings(
    oids: tuple[ObjectIdentifier, ...], kind: Kind, *, needs_common_name: bool
) -> Iterator[Finding]:
    present, order = set(oids), _ORDER[kind]
    for oid in oids:
        if oid not in order:
            yield Finding("name.attribute-unexpected", LABELS.get(oid, oid.dotted_string))
    if len(present) != len(oids):
        repeated = {oid for oid in present if oids.count(oid) > 1}
        yield from (
            Finding("name.attribute-repeated", LABELS.get(oid, oid.dotted_string)) for oid in repeated
        )
    elif [oid for oid in order if oid in present] != [oid for oid in oids if oid in order]:
        yield Finding("name.order")
    for oid in order:
        if oid in _REQUIRED[kind] and oid not in present:
            yield Finding("name.attribute-missing", LABELS[oid])
    if needs_common_name and NameOID.COMMON_NAME not in present:
        yield Finding("name.common-name-missing")
    if kind is Kind.PERSON and not present & {NameOID.SURNAME, NameOID.GIVEN_NAME}:
        yield Finding("name.attribute-missing", "SN, GN")
    if NameOID.STATE_OR_PROVINCE_NAME in present and NameOID.COUNTRY_NAME not in present:
        yield Finding("name.state-without-country")


def lint_common_name(attributes: Attributes, profile: Profile, mailboxes: list[str]) -> Iterator[Finding]:
    """Check that the common name is the subject's own name or a mailbox of the certificate."""
    kind = profile.kind
    values = dict(attributes)
    common_name = values.get(NameOID.COMMON_NAME)
    if common_name is None or common_name in mailboxes or not kind.is_subscriber:
        return
    # A document certificate may carry the name an agency is commonly known by (EN 319 412-3 4.2.1).
    is_own = (
        "@" not in common_name
        if kind is Kind.PERSON or profile.is_document
        else common_name == values.get(NameOID.ORGANIZATION_NAME)
    )
    if not is_own:
        yield Finding("name.common-name-source", "CN", common_name)


def mailbox_domain(address: str) -> str | None:
    """The domain of a mailbox that fits a certificate, else None.

    ASCII only, lower-case domain of at least two labels, local part at most 64 and the
    whole at most 254 octets (RFC 5321 4.5.3.1).
    """
    match = _MAILBOX.fullmatch(address)
    if match is None or len(address) > 254 or len(match["local"]) > 64:
        return None
    return match["domain"]


def is_domain(domain: str) -> bool:
    return len(domain) <= 253 and _DOMAIN_ALONE.fullmatch(domain) is not None


def is_permitted(domain: str, subtrees: frozenset[str]) -> bool:
    """Whether a mail domain lies in one of the rfc822Name subtrees (RFC 5280 4.2.1.10)."""
    return domain in subtrees or any(
        subtree.startswith(".") and domain.endswith(subtree) for subtree in subtrees
    )
