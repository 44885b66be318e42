"""A small province with a real hierarchy, and certificates bent out of shape on purpose."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from ca.authority import Authority
from ca.ceremony import Ceremony, Hierarchy, hold
from ca.errors import KeyExists, KeyMissing, Text
from ca.keys import KeyKind, PrivateKey, PublicKey, generate_key
from ca.names import OrganizationSubject, PersonSubject
from ca.profiles import Profile, load_profiles

PROFILES_FILE = Path(__file__).parents[2] / "config" / "profiles.toml"
NOW = datetime(2026, 11, 21, 2, 30, 0, 123456, tzinfo=UTC)
BASE_URL = "http://pki.lamdong.gov.vn"


class MemoryKeyStore:
    """A KeyStore for tests: the same promises, nothing on disk."""

    def __init__(self) -> None:
        self.keys: dict[str, PrivateKey] = {}

    def generate(self, label: str, kind: KeyKind) -> PrivateKey:
        if label in self.keys:
            raise KeyExists("keystore.exists", Text(vi=label, en=label))
        self.keys[label] = generate_key(kind)
        return self.keys[label]

    def load(self, label: str) -> PrivateKey:
        if label not in self.keys:
            raise KeyMissing("keystore.missing", Text(vi=label, en=label))
        return self.keys[label]

    def labels(self) -> list[str]:
        return sorted(self.keys)


@cache
def profiles() -> Mapping[str, Profile]:
    return load_profiles(PROFILES_FILE)


def a_plan(**changes: Any) -> Hierarchy:
    plan = Hierarchy(
        owner="Ủy ban nhân dân tỉnh Lâm Đồng",
        province="tỉnh Lâm Đồng",
        domains=("lamdong.gov.vn",),
        base_url=BASE_URL,
    )
    return replace(plan, **changes)


def rolled_over(plan: Hierarchy, name: str) -> Hierarchy:
    """The plan with the next generation of this authority beside the present one, as its file would name it."""
    last = [issuing for issuing in plan.issuing if issuing.name == name][-1]
    number = int((last.generation or plan.generation)[1:]) + 1
    return replace(plan, issuing=(*plan.issuing, replace(last, generation=f"G{number}")))


@cache
def world() -> tuple[Ceremony, MemoryKeyStore]:
    """One ceremony for all tests; nothing in it is ever changed."""
    keystore = MemoryKeyStore()
    return hold(a_plan(), keystore, profiles=profiles(), now=NOW), keystore


@cache
def mail_authority() -> Authority:
    ceremony, keystore = world()
    return ceremony.authority("mail", keystore)


@cache
def document_authority() -> Authority:
    ceremony, keystore = world()
    return ceremony.authority("document", keystore)


def authority_for(profile: str) -> Authority:
    """The issuing authority that issues under this profile."""
    return document_authority() if profile.endswith("-document") else mail_authority()


@cache
def a_public_key() -> PublicKey:
    return ec.generate_private_key(ec.SECP256R1()).public_key()


def a_person(**changes: Any) -> PersonSubject:
    person = PersonSubject(
        organization="Sở Khoa học và Công nghệ",
        organization_identifier="GOVVN+35",
        surname="Nguyễn",
        given_name="Thị Ánh",
        common_name="Nguyễn Thị Ánh",
        serial_number="CB-2026-000123",
        email="anhnt@lamdong.gov.vn",
        title="Chuyên viên",
        state="Tỉnh Lâm Đồng",
    )
    return replace(person, **changes)


def an_agency(**changes: Any) -> OrganizationSubject:
    agency = OrganizationSubject(
        organization="Sở Khoa học và Công nghệ",
        organization_identifier="GOVVN+35",
        serial_number="H36.12",
        email="vanthu@skhcn.lamdong.gov.vn",
        state="Tỉnh Lâm Đồng",
    )
    return replace(agency, **changes)


def a_certificate(profile: str = "person-mail", *, now: datetime = NOW, **changes: Any) -> x509.Certificate:
    subject = a_person(**changes) if profile.startswith("person") else an_agency(**changes)
    authority = authority_for(profile)
    return authority.sign(authority.prepare(profiles()[profile], subject, a_public_key(), now=now))


Extensions = dict[x509.ObjectIdentifier, tuple[x509.ExtensionType, bool]]


def forge(
    template: x509.Certificate,
    *,
    subject: x509.Name | None = None,
    issuer: x509.Name | None = None,
    public_key: Any = None,
    serial: int | None = None,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    change: Callable[[Extensions], None] = lambda _: None,
    algorithm: hashes.HashAlgorithm | None = None,
    key: Any = None,
) -> x509.Certificate:
    """The certificate again with some things changed, as a broken builder would have made it."""
    extensions: Extensions = {e.oid: (e.value, e.critical) for e in template.extensions}
    change(extensions)
    builder = x509.CertificateBuilder(
        issuer_name=issuer or template.issuer,
        subject_name=subject or template.subject,
        public_key=public_key or template.public_key(),
        serial_number=template.serial_number if serial is None else serial,
        not_valid_before=(not_before or template.not_valid_before_utc).replace(tzinfo=None),
        not_valid_after=(not_after or template.not_valid_after_utc).replace(tzinfo=None),
        extensions=[x509.Extension(oid, critical, value) for oid, (value, critical) in extensions.items()],
    )
    return builder.sign(key or ec.generate_private_key(ec.SECP256R1()), algorithm or hashes.SHA384())


A_DAY = timedelta(days=1)
