"""Requests made to harm: whatever stands in them, nothing but the public key comes near a certificate."""

import random
import shutil
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AttributeOID, AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from ca.errors import KeyRefused
from ca.keys import spki_bytes
from provisioner.audit import Who
from provisioner.certificates.enrolling import enrol
from provisioner.certificates.models import Certificate
from provisioner.db import Database
from tests.books import LATER, count
from tests.certificates.holders import address_of, certified, the_certificate
from tests.province import issued, trail

CLERK = Who("lan")
CANARY = "ke-gia-mao"
URL = x509.UniformResourceIdentifier(f"http://{CANARY}.vn/")
NOBODY = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, CANARY)])

WISHES: dict[str, x509.ExtensionType] = {
    "an authority": x509.BasicConstraints(ca=True, path_length=None),
    "certSign and cRLSign": x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    ),
    "any purpose": x509.ExtendedKeyUsage(
        [
            ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
            ExtendedKeyUsageOID.SERVER_AUTH,
            ExtendedKeyUsageOID.CODE_SIGNING,
            ExtendedKeyUsageOID.OCSP_SIGNING,
        ]
    ),
    "other names": x509.SubjectAlternativeName(
        [
            x509.RFC822Name(f"{CANARY}@lamdong.gov.vn"),
            x509.DNSName(f"{CANARY}.vn"),
            URL,
            x509.IPAddress(ip_address("10.0.0.1")),
            x509.DirectoryName(NOBODY),
            x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x0a" + CANARY.encode()),
        ]
    ),
    "policies": x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.5.1.1"), [f"http://{CANARY}.vn/cps"])]
    ),
    "another list": x509.CRLDistributionPoints([x509.DistributionPoint([URL], None, None, None)]),
    "another responder": x509.AuthorityInformationAccess(
        [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, URL)]
    ),
    "no check of its state": x509.OCSPNoCheck(),
    "constraints of its own": x509.NameConstraints([x509.DNSName(f"{CANARY}.vn")], None),
    "what nobody knows": x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x0c\x0a" + CANARY.encode()
    ),
}


@pytest.fixture
def books(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """An official and an agency with certificates."""
    shutil.copy(sqlite_template, tmp_path / "books.db")
    database = Database(f"sqlite:///{tmp_path / 'books.db'}")
    certified(database)
    yield database
    database.close()


def a_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def a_request(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    *wishes: x509.ExtensionType,
    subject: x509.Name = NOBODY,
    password: str = "",
) -> bytes:
    builder = x509.CertificateSigningRequestBuilder(subject)
    for wish in wishes:
        builder = builder.add_extension(wish, critical=True)
    if password:
        builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, password.encode())
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def certificate_for(books: Database, request: bytes, *, minutes: int) -> x509.Certificate:
    """What its sender gets for this request."""
    now = LATER + timedelta(minutes=minutes)
    with books.transaction() as session:
        enrol(session, address_of(books), request, who=CLERK, now=now)
    assert issued(books, now=now) == 1
    return x509.load_der_x509_certificate(the_certificate(books, address_of(books)).der or b"")


def apart_from_its_key(certificate: x509.Certificate) -> tuple[object, ...]:
    """Everything that must be the same for one person, whatever was asked for."""
    extensions = [
        (one.oid, one.critical, one.value)
        for one in certificate.extensions
        if not isinstance(one.value, x509.SubjectKeyIdentifier)
    ]
    return certificate.subject, certificate.issuer, extensions


def test_whatever_is_wished_for_the_certificate_is_the_one_of_the_register(books: Database) -> None:
    modest = certificate_for(books, a_request(a_key()), minutes=0)
    huge = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"{CANARY} " * 200)])
    nothing = x509.Name([])
    hostile = {name: a_request(a_key(), wish) for name, wish in WISHES.items()}
    hostile["all at once"] = a_request(a_key(), *WISHES.values(), password=CANARY)
    hostile |= {
        "a long name": a_request(a_key(), subject=huge),
        "no name": a_request(a_key(), subject=nothing),
    }
    hostile["another's name"] = a_request(a_key(), subject=modest.issuer)

    for minutes, (name, request) in enumerate(hostile.items(), start=1):
        made = certificate_for(books, request, minutes=minutes)

        assert apart_from_its_key(made) == apart_from_its_key(modest), name
        assert CANARY.encode() not in made.public_bytes(Encoding.DER), name
        asked = x509.load_der_x509_csr(request)
        assert spki_bytes(made.public_key()) == spki_bytes(asked.public_key()), name
    written = " ".join(str(event.after) for event in trail(books, "certificate.enrolled"))
    assert CANARY not in written


def mutated(request: bytes, source: random.Random) -> bytes:
    """The request with some of its bytes changed, left out, put in, doubled or cut off."""
    data = bytearray(request)
    for _ in range(source.choice((1, 1, 1, 2, 4, 16))):
        at = source.randrange(len(data))
        match source.randrange(6):
            case 0:
                data[at] ^= 1 << source.randrange(8)
            case 1:
                data[at] = source.choice((0x00, 0x01, 0x30, 0x31, 0x7F, 0x80, 0x84, 0xA0, 0xFF))
            case 2:
                del data[at : at + source.randrange(1, 9)]
            case 3:
                data[at:at] = source.randbytes(source.randrange(1, 9))
            case 4:
                data[at:at] = data[at : at + source.randrange(1, 64)]
            case _:
                del data[max(at, 1) :]
        if not data:
            break
    return bytes(data)


def beset(books: Database, number: int, *, seed: int) -> tuple[int, int]:
    """Hand in so many broken requests; how many were taken after all, and how many refused."""
    source = random.Random(seed)
    key = rsa.generate_private_key(65537, 2048)
    seeds = [a_request(a_key()), a_request(a_key(), *WISHES.values(), password=CANARY), a_request(key)]
    keys = {spki_bytes(x509.load_der_x509_csr(one).public_key()) for one in seeds}
    address, taken, refused = address_of(books), 0, 0
    orders, told = count(books, Certificate), len(trail(books, "certificate.enrolled"))
    with books.transaction() as session:
        for _ in range(number):
            request = mutated(source.choice(seeds), source)
            attempt = session.begin_nested()
            try:
                order = enrol(session, address, request, who=CLERK, now=LATER)
            except KeyRefused:
                refused += 1
            else:
                # Bytes outside of what is signed may differ; the key is one whose owner signed the request.
                assert order.public_key in keys
                taken += 1
            attempt.rollback()
    assert (count(books, Certificate), len(trail(books, "certificate.enrolled"))) == (orders, told)
    return taken, refused


def test_broken_requests_are_refused_and_change_nothing(books: Database) -> None:
    taken, refused = beset(books, 3_000, seed=2026)

    assert taken + refused == 3_000
    assert refused > 2_900


@pytest.mark.slow
def test_two_hundred_thousand_broken_requests_are_refused_and_change_nothing(books: Database) -> None:
    taken, refused = beset(books, 200_000, seed=1)

    print(f"\n{taken} taken, {refused} refused")

    assert taken + refused == 200_000
    assert refused > 190_000
