"""Subjects in our words, and the only code that builds an X.509 name or alternative name from them.

The order of attributes is that of the profiles that passed every linter; the sources
are SBR 7.1.4.2 (subscribers) and 7.1.4.3 (authorities). One attribute per RDN. Nothing
here changes a value: a name that is not clean is refused by `ca.lint`, never repaired,
because the register and the certificate must say the same.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from ca.der import SEQUENCE, SET, encode
from ca.errors import SubjectInvalid, Text
from ca.tbs import encode_oid

COUNTRY = "VN"
MAX_COMMON_NAME_BYTES = 64
"""X.520 ub-common-name is 64 characters; cryptography and several readers count UTF-8 bytes."""

_UTF8_STRING: Final = 0x0C
_PRINTABLE_STRING: Final = 0x13
_PRINTABLE: Final = frozenset({NameOID.COUNTRY_NAME, NameOID.SERIAL_NUMBER})
"""SBR 7.1.4.1: these two are PrintableString, the others UTF8String."""

Attributes = tuple[tuple[ObjectIdentifier, str], ...]
"""Attribute types and values in the order in which they stand in the name."""


def _fits_common_name(value: str) -> bool:
    return len(value.encode("utf-8", "surrogatepass")) <= MAX_COMMON_NAME_BYTES


@dataclass(frozen=True, slots=True)
class PersonSubject:
    """A person in an agency, as the registers know them (S/MIME sponsor-validated).

    `serial_number` is the staff identifier of the registration authority, never the
    number of an identity card. A person with a one-word name has only one of
    `surname` and `given_name`.
    """

    organization: str
    organization_identifier: str
    surname: str | None
    given_name: str | None
    common_name: str
    serial_number: str
    email: str
    title: str | None = None
    state: str | None = None

    def __post_init__(self) -> None:
        if self.surname is None and self.given_name is None:
            raise SubjectInvalid(
                "subject.nameless",
                Text(vi="Người này không có họ và cũng không có tên.", en="This person has no name at all."),
            )

    def attributes(self) -> Attributes:
        """The name, in order; where the common name is too long the mailbox stands in for it.

        SBR 7.1.4.2.2(a): the common name is the personal name or a mailbox of the certificate.
        """
        stand_in = self.email if _fits_common_name(self.email) else None
        return _present(
            (NameOID.COUNTRY_NAME, COUNTRY),
            (NameOID.STATE_OR_PROVINCE_NAME, self.state),
            (NameOID.ORGANIZATION_NAME, self.organization),
            (NameOID.ORGANIZATION_IDENTIFIER, self.organization_identifier),
            (NameOID.SURNAME, self.surname),
            (NameOID.GIVEN_NAME, self.given_name),
            (NameOID.TITLE, self.title),
            (NameOID.SERIAL_NUMBER, self.serial_number),
            (NameOID.COMMON_NAME, self.common_name if _fits_common_name(self.common_name) else stand_in),
        )


@dataclass(frozen=True, slots=True)
class OrganizationSubject:
    """An agency with its shared mailbox (S/MIME organization-validated), or with its seal.

    `serial_number` is the agency code of Decision 20/2020/QĐ-TTg, for example `H36.12`.
    `short_name` is a documented short name for a document certificate, which must have a common
    name (EN 319 412-3 4.2.1); a mail certificate may not carry one (SBR 7.1.4.2.2(a)).
    """

    organization: str
    organization_identifier: str
    serial_number: str
    email: str
    state: str | None = None
    short_name: str | None = None

    def attributes(self) -> Attributes:
        """The name, in order; the common name is the short name, else the organisation unless too long."""
        whole = self.organization if _fits_common_name(self.organization) else None
        return _present(
            (NameOID.COUNTRY_NAME, COUNTRY),
            (NameOID.STATE_OR_PROVINCE_NAME, self.state),
            (NameOID.ORGANIZATION_NAME, self.organization),
            (NameOID.ORGANIZATION_IDENTIFIER, self.organization_identifier),
            (NameOID.SERIAL_NUMBER, self.serial_number),
            (NameOID.COMMON_NAME, self.short_name or whole),
        )


@dataclass(frozen=True, slots=True)
class AuthoritySubject:
    """A certificate authority: its owner, its own name, and the mail domains it may certify.

    A root has no domains. For an issuing authority each domain permits its own mailboxes
    and those of every domain below it.
    """

    organization: str
    common_name: str
    domains: tuple[str, ...] = ()

    def attributes(self) -> Attributes:
        return (
            (NameOID.COUNTRY_NAME, COUNTRY),
            (NameOID.ORGANIZATION_NAME, self.organization),
            (NameOID.COMMON_NAME, self.common_name),
        )


@dataclass(frozen=True, slots=True)
class ResponderSubject:
    """An OCSP responder of one authority: the authority's owner and a name with the month of its key."""

    organization: str
    common_name: str

    def attributes(self) -> Attributes:
        return (
            (NameOID.COUNTRY_NAME, COUNTRY),
            (NameOID.ORGANIZATION_NAME, self.organization),
            (NameOID.COMMON_NAME, self.common_name),
        )


Subscriber = PersonSubject | OrganizationSubject
Subject = PersonSubject | OrganizationSubject | AuthoritySubject | ResponderSubject


def _present(*attributes: tuple[ObjectIdentifier, str | None]) -> Attributes:
    return tuple((oid, value) for oid, value in attributes if value is not None)


def x509_name(attributes: Attributes) -> x509.Name:
    """The name with the string types of SBR 7.1.4.1, one attribute per RDN.

    UTF8String, except PrintableString for country and serial number. The values must
    have passed `ca.lint_names.lint_subject`: what cannot be encoded raises ValueError here.
    """
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


@lru_cache(maxsize=64)
def encode_name(attributes: Attributes) -> bytes:
    """What `x509_name` gives, in DER; values that no lint lets through are written as they are."""
    return encode(SEQUENCE, b"".join([_encode_rdn(oid, value) for oid, value in attributes]))


# Province, agency, surname and title repeat through a whole roster.
@lru_cache(maxsize=4096)
def _encode_rdn(oid: ObjectIdentifier, value: str) -> bytes:
    string = _PRINTABLE_STRING if oid in _PRINTABLE else _UTF8_STRING
    told = encode(string, value.encode("utf-8", "surrogatepass"))
    return encode(SET, encode(SEQUENCE, encode_oid(oid) + told))


def name_constraints(domains: tuple[str, ...]) -> x509.NameConstraints:
    """Permit mailboxes of these domains and below, and names in Vietnam (RFC 5280 4.2.1.10).

    `a.gov.vn` permits only that very host and `.a.gov.vn` only hosts below it, so both stand here.
    A domain written with a leading dot permits only what is below it.
    """
    permitted: list[x509.GeneralName] = []
    for domain in domains:
        below = domain if domain.startswith(".") else f".{domain}"
        permitted += [x509.RFC822Name(form) for form in dict.fromkeys((domain, below))]
    permitted.append(x509.DirectoryName(x509_name(((NameOID.COUNTRY_NAME, COUNTRY),))))
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)
