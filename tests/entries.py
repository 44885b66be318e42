"""Entries and certificates to put into a directory."""

import secrets
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ldap_schema.dit import Dit
from ldap_schema.schema import AGENCY_CLASSES, MARKER, OBJECT_CLASS, PERSON_CLASSES, UNIT_CLASSES
from provisioner.directory.port import Attributes, Entry

Given = str | bytes | tuple[str | bytes, ...]


def a_person(dit: Dit, account_id: str | None = None, **given: Given) -> Entry:
    """A person's entry; a given attribute replaces the usual one, an empty tuple leaves it out."""
    account_id = account_id or secrets.token_hex(16)
    usual: dict[str, Given] = {
        OBJECT_CLASS: PERSON_CLASSES,
        MARKER: account_id,
        "uid": account_id,
        "cn": "Nguyễn Thị Ánh",
        "sn": "Nguyễn",
        "givenName": "Ánh",
        "displayName": "Nguyễn Thị Ánh",
        "mail": f"{account_id}@lamdong.gov.vn",
        "title": "Chuyên viên",
        "employeeNumber": account_id[:8],
        "congvuQuota": "4294967296",
        "congvuStatus": "active",
        "congvuKind": "personal",
        "congvuAgencyCode": "H36.12",
        "congvuAgencyPath": "H36/H36.12/",
        "congvuWithin": ("H36", "H36.12"),
    }
    return Entry(dit.person(account_id), account_id, as_values({**usual, **given}))


def a_unit(dit: Dit, account_id: str | None = None, **given: Given) -> Entry:
    account_id = account_id or secrets.token_hex(16)
    usual: dict[str, Given] = {
        OBJECT_CLASS: UNIT_CLASSES,
        MARKER: account_id,
        "uid": account_id,
        "cn": "Sở Khoa học và Công nghệ",
        "mail": f"{account_id}@lamdong.gov.vn",
        "congvuQuota": "10737418240",
        "congvuStatus": "active",
        "congvuKind": "unit",
        "congvuAgencyCode": "H36.12",
        "congvuAgencyPath": "H36/H36.12/",
        "congvuWithin": ("H36", "H36.12"),
    }
    return Entry(dit.unit(account_id), account_id, as_values({**usual, **given}))


def an_agency(dit: Dit, agency_uid: str | None = None, **given: Given) -> Entry:
    agency_uid = agency_uid or secrets.token_hex(16)
    usual: dict[str, Given] = {
        OBJECT_CLASS: AGENCY_CLASSES,
        MARKER: f"agency:{agency_uid}",
        "uid": agency_uid,
        "cn": "Sở Khoa học và Công nghệ",
        "congvuAgencyCode": "H36.12",
        "congvuAgencyPath": "H36/H36.12/",
        "congvuBloc": "government",
        "congvuLevel": "province",
    }
    return Entry(dit.agency(agency_uid), f"agency:{agency_uid}", as_values({**usual, **given}))


def as_values(given: dict[str, Given]) -> Attributes:
    """Attributes as the port wants them: bytes, never empty."""
    listed = {name: (value,) if isinstance(value, str | bytes) else value for name, value in given.items()}
    return {
        name: tuple(value.encode() if isinstance(value, str) else value for value in values)
        for name, values in listed.items()
        if values
    }


@cache
def a_certificate(name: str = "Nguyễn Thị Ánh") -> bytes:
    """A certificate in DER, the same one for the same name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )
