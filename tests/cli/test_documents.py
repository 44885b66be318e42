"""Document certificates at work: the province's seal on a report, proved years later from the file alone."""

import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko_certvalidator.registry import SimpleCertificateStore

from provisioner.adapters.ldap import LdapDirectory
from tests.ca import second_opinion
from tests.cli.console import Provisioner, told
from tests.cli.test_certificates import ANH, shown
from tests.cli.test_work import ONCE, set_going


class TimeStamping:
    """Somebody else's time-stamping authority under a root of its own, answering over HTTP (RFC 3161)."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 3072)
        self.root_key = rsa.generate_private_key(65537, 3072)
        self.server = HTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.now = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(minutes=5)
        self.root = self._certificate("Gốc", self.root_key.public_key(), "Gốc", is_root=True)
        self.certificate = self._certificate("Dấu thời gian", self.key.public_key(), "Gốc", is_root=False)
        self.asked: list[str] = []
        self.stamper = DummyTimeStamper(
            tsa_cert=self._asn1(self.certificate),
            tsa_key=asn1_keys.PrivateKeyInfo.load(
                self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
            ),
            certs_to_embed=SimpleCertificateStore.from_certs([self._asn1(self.root)]),
        )
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _certificate(
        self, name: str, key: rsa.RSAPublicKey, issuer: str, *, is_root: bool
    ) -> x509.Certificate:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        builder = (
            x509.CertificateBuilder(named(issuer), named(name), key, x509.random_serial_number())
            .not_valid_before(self.now)
            .not_valid_after(self.now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root_key.public_key()), critical=False
            )
        )
        if not is_root:
            point = x509.DistributionPoint(
                [x509.UniformResourceIdentifier(f"{self.url}tsa.crl")], None, None, None
            )
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
            ).add_extension(x509.CRLDistributionPoints([point]), critical=False)
        return builder.sign(self.root_key, hashes.SHA256())

    def crl(self) -> bytes:
        builder = (
            x509.CertificateRevocationListBuilder(self.root.subject)
            .last_update(self.now)
            .next_update(self.now + timedelta(days=7))
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root_key.public_key()), critical=False
            )
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        return builder.sign(self.root_key, hashes.SHA256()).public_bytes(Encoding.DER)

    @staticmethod
    def _asn1(certificate: x509.Certificate) -> Any:
        return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = tsp.TimeStampReq.load(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(
                    authority.stamper.request_tsa_response(asked).dump(), "application/timestamp-reply"
                )

            def do_GET(self) -> None:
                self._answer(authority.crl(), "application/pkix-crl")

            def _answer(self, content: bytes, kind: str) -> None:
                authority.asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Tests say what matters."""

        return Handler


@pytest.fixture(scope="module")
def time_stamping() -> Iterator[TimeStamping]:
    authority = TimeStamping()
    yield authority
    authority.server.shutdown()
    authority.server.server_close()


@pytest.fixture
def sealed(installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory) -> str:
    """A province at work whose first agency has its seal; the address of the agency."""
    provisioner("ca", "init")
    set_going(provisioner, installation)
    provisioner("work", "--until-idle")
    (unit,) = [
        each
        for entry in with_slapd.scan("ou=units," + with_slapd.dit.suffix)
        for each in entry.attributes["mail"]
    ]
    provisioner("ca", "seal", unit.decode())
    provisioner("work", "--until-idle")
    return unit.decode()


def report(provisioner: Provisioner, folder: Path) -> bytes:
    out = folder / "report.pdf"
    provisioner("report", "coverage", "--out", out, "--sign", "--detail", "level")
    return out.read_bytes()


@ONCE
def test_a_sealed_report_proves_itself_from_the_file_alone(
    installation: Path,
    provisioner: Provisioner,
    sealed: str,
    time_stamping: TimeStamping,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (installation / "tsa.pem").write_bytes(time_stamping.root.public_bytes(Encoding.PEM))
    monkeypatch.setenv("PROVISIONER_SIGNATURES__TIMESTAMPS", time_stamping.url)
    monkeypatch.setenv("PROVISIONER_SIGNATURES__TIMESTAMPS_CA_FILE", str(installation / "tsa.pem"))

    document = report(provisioner, installation)

    provisioner("ca", "export", "--out", installation / "out")
    root = (installation / "out" / "root-g1.cer").read_bytes()
    reader = PdfFileReader(io.BytesIO(document))
    kept = DocumentSecurityStore.read_dss(reader)
    alone = kept.as_validation_context(
        {
            "trust_roots": [asn1_x509.Certificate.load(root), TimeStamping._asn1(time_stamping.root)],
            "allow_fetching": False,
            "revocation_mode": "hard-fail",
        }
    )
    (signature,) = reader.embedded_signatures
    status = validate_pdf_signature(signature, alone)
    assert status.bottom_line, status.summary()
    assert status.timestamp_validity.trusted
    assert "/tsa.crl" in time_stamping.asked
    (sealing,) = [each for each in shown(provisioner, sealed) if each["purpose"] == "document"]
    assert f"{signature.signer_cert.serial_number:x}" == sealing["serial"]
    assert sealing["profile"] == "organization-document"
    issued = x509.load_der_x509_certificate(
        (installation / "out" / "issued" / f"{sealing['serial']}.cer").read_bytes()
    )
    assert second_opinion.etsi_findings(issued, legal_person=True) == []


@ONCE
def test_without_a_time_stamp_the_lists_of_the_day_are_in_the_file(
    installation: Path, provisioner: Provisioner, sealed: str
) -> None:
    reader = PdfFileReader(io.BytesIO(report(provisioner, installation)))

    provisioner("ca", "export", "--out", installation / "out")
    root = asn1_x509.Certificate.load((installation / "out" / "root-g1.cer").read_bytes())
    kept = DocumentSecurityStore.read_dss(reader)
    context = kept.as_validation_context(
        {"trust_roots": [root], "allow_fetching": False, "revocation_mode": "hard-fail"}
    )
    status = validate_pdf_signature(reader.embedded_signatures[0], context)
    assert status.bottom_line, status.summary()
    assert status.timestamp_validity is None


@ONCE
def test_a_seal_stands_in_no_directory_and_its_key_is_nobodys_to_hand_over(
    installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory, sealed: str
) -> None:
    published = {
        value
        for entry in with_slapd.scan("ou=units," + with_slapd.dit.suffix)
        for value in entry.attributes.get("userCertificate;binary", ())
    }
    mail, document = (
        next(each for each in shown(provisioner, sealed) if each["purpose"] == purpose)
        for purpose in ("mail", "document")
    )
    assert {f"{x509.load_der_x509_certificate(value).serial_number:x}" for value in published} == {
        mail["serial"]
    }

    provisioner(
        "certificates", "hand-over", sealed, "--purpose", "document", "--out", installation / "seal.pem"
    )
    content = (installation / "seal.pem").read_bytes()
    assert b"PRIVATE KEY" not in content
    assert f"{x509.load_pem_x509_certificates(content)[0].serial_number:x}" == document["serial"]


@ONCE
def test_without_a_seal_a_report_is_not_sealed_and_a_person_has_none(
    installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory
) -> None:
    provisioner("ca", "init")
    set_going(provisioner, installation)
    provisioner("work", "--until-idle")
    out = installation / "report.pdf"

    refused = provisioner("report", "coverage", "--out", out, "--sign", "--detail", "level", status=1)
    assert "[no-seal]" in refused.stderr
    assert not out.exists()
    assert "[seal-of-a-person]" in provisioner("ca", "seal", ANH, status=1).stderr


@ONCE
def test_a_person_has_one_certificate_for_mail_and_one_for_documents(
    installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory
) -> None:
    provisioner("ca", "init")
    set_going(provisioner, installation)
    provisioner("work", "--until-idle")

    assert "1 ordered" in provisioner("certificates", "order", ANH, "--purpose", "document").stdout
    assert (
        "0 ordered, 1 have one" in provisioner("certificates", "order", ANH, "--purpose", "document").stdout
    )
    provisioner("work", "--until-idle")

    document, mail = shown(provisioner, ANH)
    assert (document["profile"], mail["profile"]) == ("person-document", "person-mail")
    assert (document["revoked_at"], mail["revoked_at"]) == (None, None)
    assert {each["label"]: each["issued"] for each in told(provisioner("ca", "show", "--json"))} == {
        "root-g1": 0,
        "mail-g1": 2,
        "document-g1": 1,
    }
    provisioner("certificates", "hand-over", ANH, "--purpose", "document", "--out", installation / "a.p12")
    provisioner("certificates", "reissue", ANH, "--purpose", "document", "--reason", "superseded")
    provisioner("work", "--until-idle")
    again, before, still = shown(provisioner, ANH)
    assert (again["purpose"], before["revocation_reason"], still["revoked_at"]) == (
        "document",
        "superseded",
        None,
    )
    assert told(provisioner("revocations", "stale", "--json")) == []
    assert "3 certificates; OpenSSL refused 0" in provisioner("ca", "verify").stdout
