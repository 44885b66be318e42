"""PDF: pyHanko signs with a document certificate, and long afterwards verifies with nothing but the file.

PAdES B-LT: certificates, lists and OCSP answers are in the file itself. No network anywhere.
"""

import io
import logging
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import crl as asn1_crl
from asn1crypto import keys as asn1_keys
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ReasonFlags as Reason
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from ca.ceremony import hold
from ca.crl import Revocation
from ca.extensions import distribution_point, key_identifier, key_usage
from ca.keys import KeyKind, generate_key
from ca.ocsp import Question, Responder, delegate
from tests.ca.world import MemoryKeyStore, a_person, a_plan, an_agency, profiles

TODAY = datetime.now(UTC) - timedelta(minutes=5)


def der(one) -> bytes:
    return one.public_bytes(Encoding.DER)


def asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(der(certificate))


def asn1_key(key) -> asn1_keys.PrivateKeyInfo:
    return asn1_keys.PrivateKeyInfo.load(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


class Desk:
    """A hierarchy of today with its responder, and the clock of somebody else that stamps signatures."""

    def __init__(self) -> None:
        self.keystore = MemoryKeyStore()
        self.ceremony = hold(a_plan(), self.keystore, profiles=profiles(), now=TODAY)
        self.authority = self.ceremony.authority("document", self.keystore)
        key = generate_key(KeyKind.P256)
        draft = delegate(self.authority, profiles()["ocsp-responder"], key.public_key(), now=TODAY)
        self.responder = Responder(self.authority.certificate, self.authority.sign(draft), key)
        self.stamper = self._stamper()

    def signer(self, profile: str):
        """A certificate and what pyHanko signs with."""
        subject = a_person() if profile.startswith("person") else an_agency()
        key = generate_key(KeyKind.P256)
        certificate = self.authority.sign(
            self.authority.prepare(profiles()[profile], subject, key.public_key(), now=TODAY)
        )
        others = SimpleCertificateStore.from_certs(
            [asn1(self.ceremony.root), asn1(self.authority.certificate)]
        )
        return certificate, signers.SimpleSigner(
            signing_cert=asn1(certificate), signing_key=asn1_key(key), cert_registry=others
        )

    def knowledge(self, certificate: x509.Certificate, *revocations: Revocation) -> ValidationContext:
        """What our web pages publish about a certificate, handed over as bytes."""
        revocation = next((r for r in revocations if r.serial == certificate.serial_number), None)
        question = Question(certificate.serial_number, "sha1", b"", b"")
        answer = self.responder.answer(question, revocation, now=TODAY)
        crl = self.authority.sign_crl(revocations, number=2, now=TODAY, days=7)
        lists = [crl, self.ceremony.lists["root-g1"]]
        return ValidationContext(
            trust_roots=[asn1(self.ceremony.root)],
            other_certs=[asn1(self.authority.certificate)],
            crls=[asn1_crl.CertificateList.load(der(one)) for one in lists],
            ocsps=[asn1_ocsp.OCSPResponse.load(answer.der)],
            revocation_mode="hard-fail",
            allow_fetching=False,
        )

    def _stamper(self) -> DummyTimeStamper:
        """A time-stamping authority under our root, as another owner would have one (pyHanko's signs RSA only)."""
        key, root = generate_key(KeyKind.RSA3072), self.ceremony.root
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Một nơi khác"),
                x509.NameAttribute(NameOID.COMMON_NAME, "Dấu thời gian"),
            ]
        )
        moment = TODAY.replace(tzinfo=None, microsecond=0)
        certificate = (
            x509.CertificateBuilder(root.subject, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(moment)
            .not_valid_after(moment + timedelta(days=365))
            .add_extension(key_usage(profiles()["ocsp-responder"]), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
            .add_extension(x509.SubjectKeyIdentifier(key_identifier(key.public_key())), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier(key_identifier(root.public_key()), None, None), critical=False
            )
            .add_extension(
                x509.CRLDistributionPoints([distribution_point("http://pki.lamdong.gov.vn/crl/root-g1.crl")]),
                critical=False,
            )
            .sign(self.keystore.load("root-g1"), hashes.SHA384())
        )
        return DummyTimeStamper(
            tsa_cert=asn1(certificate),
            tsa_key=asn1_key(key),
            certs_to_embed=SimpleCertificateStore.from_certs([asn1(root)]),
        )


@pytest.fixture(scope="module")
def desk() -> Desk:
    # pyHanko writes what it distrusts to the log; the assertions say what matters here.
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)
    return Desk()


def a_pdf() -> io.BytesIO:
    writer = PdfFileWriter(stream_xrefs=False)
    contents = writer.add_object(generic.StreamObject(stream_data=b"0 0 m 100 100 l S"))
    writer.insert_page(PageObject(contents=contents, media_box=(0, 0, 595, 842)))
    out = io.BytesIO()
    writer.write(out)
    out.seek(0)
    return out


def signed(desk: Desk, signer, knowledge: ValidationContext | None) -> bytes:
    """A PDF signed at level B-LT, or B-B without knowledge to keep in it."""
    lasting = {"embed_validation_info": True, "validation_context": knowledge} if knowledge else {}
    metadata = signers.PdfSignatureMetadata(
        field_name="ChuKy",
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        location="Lâm Đồng",
        reason="Ký ban hành",
        **lasting,
    )
    stamper = desk.stamper if knowledge else None
    return signers.sign_pdf(
        IncrementalPdfFileWriter(a_pdf()), metadata, signer=signer, timestamper=stamper
    ).getvalue()


@pytest.mark.parametrize("profile", ["person-document", "organization-document"])
def test_a_signed_pdf_proves_itself_for_long_without_any_network(desk, profile):
    certificate, signer = desk.signer(profile)
    document = signed(desk, signer, desk.knowledge(certificate))

    reader = PdfFileReader(io.BytesIO(document))
    kept = DocumentSecurityStore.read_dss(reader)
    alone = kept.as_validation_context(
        {"trust_roots": [asn1(desk.ceremony.root)], "allow_fetching": False, "revocation_mode": "hard-fail"}
    )
    status = validate_pdf_signature(reader.embedded_signatures[0], alone)

    assert status.bottom_line, status.summary()
    assert status.timestamp_validity.trusted
    assert (len(kept.crls) >= 2, len(kept.ocsps)) == (True, 1)


def test_a_changed_pdf_is_not_what_was_signed(desk):
    certificate, signer = desk.signer("person-document")
    document = signed(desk, signer, None)
    spoiled = document.replace(b"0 0 m 100 100 l S", b"0 0 m 100 900 l S")
    assert spoiled != document

    signature = PdfFileReader(io.BytesIO(spoiled)).embedded_signatures[0]
    status = validate_pdf_signature(signature, desk.knowledge(certificate))

    assert not status.intact
    assert not status.bottom_line


def test_a_pdf_of_a_revoked_signer_is_not_believed(desk):
    certificate, signer = desk.signer("person-document")
    document = signed(desk, signer, None)
    revocation = Revocation(certificate.serial_number, TODAY, Reason.key_compromise)

    signature = PdfFileReader(io.BytesIO(document)).embedded_signatures[0]
    before = validate_pdf_signature(signature, desk.knowledge(certificate))
    after = validate_pdf_signature(signature, desk.knowledge(certificate, revocation))

    assert before.bottom_line
    assert after.revoked
    assert not after.bottom_line
