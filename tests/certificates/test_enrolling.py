"""A key made by its owner is certified without the service ever having it; nothing else of the request counts."""

import io
import zipfile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ca.crl import Reason
from ca.errors import KeyRefused
from ca.keys import PrivateKey, spki_bytes
from provisioner.audit import Who
from provisioner.certificates import issuing
from provisioner.certificates.enrolling import enrol, enrol_bundle
from provisioner.certificates.finding import refused
from provisioner.certificates.handing_over import hand_over
from provisioner.certificates.issuing import issue
from provisioner.certificates.models import Certificate, State
from provisioner.certificates.refusals import OVERTAKEN
from provisioner.certificates.revoking import revoke
from provisioner.db import Database
from provisioner.errors import Conflict, NotFound
from provisioner.pending import claim
from tests.books import LATER, NOW, Rings
from tests.ca.world import profiles, world
from tests.certificates.holders import (
    address_of,
    all_certificates,
    certified,
    ordered,
    published,
    the_certificate,
)
from tests.province import SEALER, a_desk, issued, synced, trail

CLERK = Who("lan")


def a_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def a_request(
    key: PrivateKey | ed25519.Ed25519PrivateKey, *, name: str = "whoever", greedy: bool = False
) -> bytes:
    builder = x509.CertificateSigningRequestBuilder(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    )
    if greedy:
        wished = x509.SubjectAlternativeName(
            [x509.RFC822Name("chutich@lamdong.gov.vn"), x509.DNSName("x.vn")]
        )
        builder = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(wished, critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        )
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


def enrolled(database: Database, request: bytes, address: str = "") -> Certificate:
    with database.transaction() as session:
        return enrol(session, address or address_of(database), request, who=CLERK, now=LATER)


def test_the_order_gets_the_owners_key_and_the_service_never_has_the_private_one(
    database: Database, rings: Rings
) -> None:
    directory = ordered(database)
    key = a_key()
    rings.clear()

    enrolled(database, a_request(key))

    assert rings == ["signing"]
    assert issued(database, now=LATER) == 2
    mine = the_certificate(database, address_of(database))
    certificate = x509.load_der_x509_certificate(mine.der or b"")
    assert spki_bytes(certificate.public_key()) == spki_bytes(key.public_key())
    assert (mine.key_sealed, mine.key_by_owner) == (None, True)
    assert len(all_certificates(database, address_of(database))) == 1
    synced(database, directory, now=LATER)
    assert mine.der in published(directory)
    (event,) = trail(database, "certificate.enrolled")
    assert (event.actor, event.subject_id) == ("lan", str(mine.id))


def test_of_two_keys_the_later_is_certified_and_the_earlier_order_says_so(database: Database) -> None:
    ordered(database)
    key = a_key()

    earlier = enrolled(database, a_request(a_key()))
    later = enrolled(database, a_request(key))

    assert later.id != earlier.id
    assert issued(database, now=LATER) == 2
    second, first = all_certificates(database, address_of(database))
    assert (first.id, first.state, first.trouble, first.der) == (earlier.id, State.REFUSED, OVERTAKEN, None)
    certificate = x509.load_der_x509_certificate(second.der or b"")
    assert spki_bytes(certificate.public_key()) == spki_bytes(key.public_key())
    assert (second.id, second.replaces_id) == (later.id, None)
    with database.reading() as session:
        assert refused(session) == []  # nobody has to do anything


def test_of_two_successors_the_later_takes_the_place_of_the_live_one(database: Database) -> None:
    certified(database)
    live = the_certificate(database, address_of(database))

    enrolled(database, a_request(a_key()))
    later = enrolled(database, a_request(a_key()))
    issued(database, now=LATER)
    with database.transaction() as session:
        hand_over(session, address_of(database), sealer=SEALER, who=CLERK, now=LATER)

    after, _, before = all_certificates(database, address_of(database))
    assert (before.id, before.revocation_reason) == (live.id, Reason.superseded.value)
    assert (after.id, after.replaces_id, after.revoked_at) == (later.id, live.id, None)


def test_of_a_bundle_each_mailbox_gets_one_key(database: Database) -> None:
    ordered(database)
    first, address = a_key(), address_of(database)
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as file:
        file.writestr(f"a/{address}.csr", a_request(first))
        file.writestr(f"b/{address}.pem", a_request(a_key()))

    with database.transaction() as session:
        (_, taken), (_, second) = enrol_bundle(session, bundle.getvalue(), who=CLERK, now=LATER)

    assert isinstance(taken, Certificate)
    assert isinstance(second, Conflict)
    assert second.code == "mailbox-named-twice"
    mine = the_certificate(database, address)
    assert mine.public_key == spki_bytes(first.public_key())


def test_nothing_but_the_key_is_taken_from_the_request(database: Database) -> None:
    ordered(database)

    enrolled(database, a_request(a_key(), name="Chủ tịch", greedy=True))
    issued(database, now=LATER)

    certificate = x509.load_der_x509_certificate(the_certificate(database, address_of(database)).der or b"")
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "Nguyễn Thị Ánh"
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [each.value for each in alternatives] == [address_of(database)]
    oids = {extension.oid for extension in certificate.extensions}
    assert x509.BasicConstraints.oid not in oids
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert ExtendedKeyUsageOID.CODE_SIGNING not in usages


def test_pem_serves_as_well(database: Database) -> None:
    ordered(database)
    pem = x509.load_der_x509_csr(a_request(a_key())).public_bytes(Encoding.PEM)

    enrolled(database, pem)

    assert issued(database, now=LATER) == 2


def broken(request: bytes) -> bytes:
    return request[:-3] + bytes([request[-3] ^ 1]) + request[-2:]


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        (lambda: b"no request", "csr.unreadable"),
        (lambda: broken(a_request(a_key())), "csr.possession"),
        (lambda: a_request(ec.generate_private_key(ec.SECP521R1())), "key.curve"),
        (lambda: a_request(ed25519.Ed25519PrivateKey.generate()), "key.kind"),
        (lambda: a_request(rsa.generate_private_key(65537, 1024)), "key.rsa-short"),
        (lambda: a_request(world()[1].load("mail-g1")), "key.seen-before"),
    ],
    ids=["garbage", "not its own signature", "P-521", "Ed25519", "RSA-1024", "an authority's"],
)
def test_a_request_that_is_refused_orders_nothing(database: Database, request_of, code: str) -> None:
    certified(database)
    before = len(all_certificates(database, address_of(database)))

    with pytest.raises(KeyRefused) as refused:
        enrolled(database, request_of())

    assert refused.value.code == code
    assert len(all_certificates(database, address_of(database))) == before


def test_a_key_is_certified_once_in_its_life(database: Database) -> None:
    certified(database)
    key = a_key()
    enrolled(database, a_request(key))
    issued(database, now=LATER)
    mine = the_certificate(database, address_of(database))
    with database.transaction() as session:
        revoke(session, {mine.id: Reason.superseded}, who=CLERK, profiles=profiles(), now=LATER)

    for address in ("", "van-thu"):
        with pytest.raises((KeyRefused, NotFound)) as refused:
            enrolled(database, a_request(key), address)
        assert refused.value.code == ("mailbox-unknown" if address else "key.seen-before")


def test_a_live_certificate_stays_good_until_its_successor_is_handed_over(database: Database) -> None:
    directory = certified(database)
    first = the_certificate(database, address_of(database))

    enrolled(database, a_request(a_key()))
    assert issued(database, now=LATER) == 1
    synced(database, directory, now=LATER)

    second = the_certificate(database, address_of(database))
    assert (second.replaces_id, second.state) == (first.id, State.ISSUED)
    assert {first.der, second.der} <= published(directory)

    with database.transaction() as session:
        given = hand_over(session, address_of(database), sealer=SEALER, who=CLERK, now=LATER)
    synced(database, directory, now=LATER)

    assert given.password is None
    leaf, *_authorities = x509.load_pem_x509_certificates(given.content)
    assert f"{leaf.serial_number:x}" == second.serial
    old = all_certificates(database, address_of(database))[1]
    assert (old.revocation_reason, old.key_sealed) == ("superseded", None)
    assert first.der not in published(directory)


def test_a_certificate_of_the_owners_key_is_given_as_often_as_wished(database: Database) -> None:
    ordered(database)
    enrolled(database, a_request(a_key()))
    issued(database, now=LATER)

    for _ in range(2):
        with database.transaction() as session:
            given = hand_over(session, address_of(database), sealer=SEALER, who=CLERK, now=LATER)
        assert given.suffix == ".pem"
        assert given.content.count(b"BEGIN CERTIFICATE") == 3


def test_what_is_just_being_signed_takes_no_other_key(database: Database) -> None:
    ordered(database)
    with database.transaction() as session:
        session.get_one(
            Certificate, the_certificate(database, address_of(database)).id
        ).state = State.RESERVED

    with pytest.raises(Conflict) as refused:
        enrolled(database, a_request(a_key()))

    assert refused.value.code == "being-issued"


def test_a_signer_that_claimed_the_order_before_the_key_came_makes_none_of_its_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(database)
    key, come = a_key(), []

    def claim_and_enrol(*given, **named):
        claims = claim(*given, **named)
        if not come:
            come.append(claims)
        return claims

    subjects = issuing.subjects

    def subjects_late(*given):
        if len(come) == 1:
            come.append(enrolled(database, a_request(key)))
        return subjects(*given)

    monkeypatch.setattr(issuing, "claim", claim_and_enrol)
    monkeypatch.setattr(issuing, "subjects", subjects_late)

    assert issue(database, a_desk(database, now=NOW)) == 2

    mine = the_certificate(database, address_of(database))
    certificate = x509.load_der_x509_certificate(mine.der or b"")
    assert spki_bytes(certificate.public_key()) == spki_bytes(key.public_key())
    assert mine.key_sealed is None
