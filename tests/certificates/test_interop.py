"""Programs of other hands take what the product makes: OpenSSL, NSS (Firefox, Thunderbird), GnuTLS and pkilint.

They look at their own clocks, so this province begins a little before now.
"""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPCertStatus
from sqlalchemy import select

from ca.crl import Reason
from provisioner.audit import Who
from provisioner.ceremonies import hold_ceremony
from provisioner.certificates.handing_over import hand_over
from provisioner.certificates.models import Certificate, Issuer, Purpose
from provisioner.certificates.ordering import order
from provisioner.certificates.published import Kind
from provisioner.certificates.revoking import revoke
from provisioner.db import Database
from provisioner.mailboxes.models import Kind as Box
from provisioner.mailboxes.models import Mailbox
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.signing import delegate_answers, renew_lists, sign_certificates
from tests.ca import second_opinion
from tests.fakes.directory import FakeDirectory
from tests.province import DIT, SEALER, a_province, addresses, an_official, provide, synced

NAMES = {"anh": ("CB1", "Nguyễn Thị Ánh"), "binh": ("CB2", "Trần Văn Bình")}
LETTER = "Content-Type: text/plain; charset=utf-8\r\n\r\nKính gửi Sở Nội vụ: công văn số 123.\r\n"


class Province:
    """Two people with certificates for mail, handed over; the second one's is revoked since the first list.

    Their files lie in a folder, under their names and under the labels of the authorities.
    """

    def __init__(self, books: Path, folder: Path) -> None:
        self.folder, self.now = folder, datetime.now(UTC) - timedelta(minutes=5)
        database = Database(f"sqlite:///{books}")
        settings = Settings.load(
            authority={"folder": str(folder / "authority"), "passphrase": "a long passphrase"}
        )
        self.services = Services(settings, clock=lambda: self.now, ring=lambda _bell: None)
        self.services.__dict__ |= {"database": database, "sealer": SEALER}
        hold_ceremony(self.services, by="quantri")
        a_province(database)
        officials = [an_official(number, name, chung_thu="có") for number, name in NAMES.values()]
        provide(database, *officials, now=self.now)
        synced(database, FakeDirectory(DIT), now=self.now)
        with database.transaction() as session:
            first = session.scalars(select(Mailbox.id).order_by(Mailbox.id)).first() or 0
            order(session, {first: Box.PERSONAL}, by="an", now=self.now, purpose=Purpose.DOCUMENT)
        assert sign_certificates(self.services) == 3
        for name, (number, _) in NAMES.items():
            self._hand_over(name, addresses(database)[number])
        self.base = self.services.published.find("mail-g1", Kind.FULL)
        with database.transaction() as session:
            wanted = {self.row("binh").id: Reason.key_compromise}
            assert not revoke(session, wanted, who=Who("lan"), profiles=self.services.profiles, now=self.now)
        assert renew_lists(self.services) == 1
        assert delegate_answers(self.services) == 2
        assert self.services.ocsp.sign_ahead() == 3
        self._write_authorities()

    def row(self, name: str, purpose: Purpose = Purpose.MAIL) -> Certificate:
        with self.services.database.reading() as session:
            rows = session.scalars(
                select(Certificate).where(Certificate.purpose == purpose).order_by(Certificate.mailbox_id)
            ).all()
        return rows[list(NAMES).index(name)]

    def certificate(self, name: str, purpose: Purpose = Purpose.MAIL) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.row(name, purpose).der or b"")

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def _hand_over(self, name: str, address: str) -> None:
        with self.services.database.transaction() as session:
            given = hand_over(session, address, sealer=SEALER, who=Who("lan"), now=self.now)
        assert given.password
        password = given.password.reveal()
        (self.folder / f"{name}.p12").write_bytes(given.content)
        (self.folder / f"{name}.password").write_text(password)
        key, certificate, _ = pkcs12.load_key_and_certificates(given.content, password.encode())
        assert key is not None
        assert certificate is not None
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / f"{name}.key").write_bytes(private)
        (self.folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))

    def _write_authorities(self) -> None:
        with self.services.database.reading() as session:
            for label in session.scalars(select(Issuer.label)):
                certificate = self.services.published.find(label, Kind.CERTIFICATE)
                assert certificate
                self._write(f"{label}.pem", x509.load_der_x509_certificate(certificate.content))
                for kind, suffix in ((Kind.FULL, ""), (Kind.DELTA, "-delta")):
                    if found := self.services.published.find(label, kind):
                        (self.folder / f"{label}{suffix}.crl").write_bytes(found.content)
                        self._write(f"{label}{suffix}.crl.pem", x509.load_der_x509_crl(found.content))
        assert self.base
        self._write("mail-g1-base.crl.pem", x509.load_der_x509_crl(self.base.content))

    def _write(self, name: str, made: x509.Certificate | x509.CertificateRevocationList) -> None:
        (self.folder / name).write_bytes(made.public_bytes(Encoding.PEM))

    def bundle(self, name: str, *parts: str) -> str:
        """Several files in one."""
        (self.folder / name).write_bytes(b"".join((self.folder / part).read_bytes() for part in parts))
        return self.path(name)


@pytest.fixture(scope="module")
def province(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    folder = tmp_path_factory.mktemp("interop")
    shutil.copy(sqlite_template, folder / "books.db")
    made = Province(folder / "books.db", folder)
    yield made
    made.services.close()


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which(command[0])
    if program is None:
        pytest.fail(f"{command[0]} is not installed: the tests with it are never left out.")
    result = subprocess.run([program, *command[1:]], cwd=cwd, capture_output=True, check=False, timeout=60)
    output, errors = (part.decode(errors="replace") for part in (result.stdout, result.stderr))
    return subprocess.CompletedProcess(result.args, result.returncode, output, errors)


def openssl_verify(province: Province, name: str, *options: str, crl: str = "mail-g1.crl.pem") -> str:
    trusted = province.bundle(f"trusted-{name}.pem", "root-g1.pem", "mail-g1.pem")
    lists = province.bundle(f"lists-{name}.pem", "root-g1.crl.pem", crl)
    strict = ("-x509_strict", "-check_ss_sig", "-policy_check", "-crl_check_all", "-purpose", "smimesign")
    arguments = (*strict, *options, "-CAfile", trusted, "-CRLfile", lists, province.path(f"{name}.pem"))
    ran = run("openssl", "verify", "-no-CApath", "-no-CAstore", *arguments, cwd=province.folder)
    return ran.stdout + ran.stderr


def test_openssl_accepts_the_live_and_refuses_the_revoked(province: Province) -> None:
    assert openssl_verify(province, "anh").strip().endswith("OK")
    assert "certificate revoked" in openssl_verify(province, "binh")


def test_openssl_hears_of_a_revocation_by_a_delta_to_the_list_before(province: Province) -> None:
    with_delta = province.bundle("with-delta.pem", "mail-g1-base.crl.pem", "mail-g1-delta.crl.pem")
    options = ("-extended_crl", "-use_deltas")

    assert openssl_verify(province, "binh", crl="mail-g1-base.crl.pem").strip().endswith("OK")
    assert "certificate revoked" in openssl_verify(province, "binh", *options, crl=with_delta)
    assert openssl_verify(province, "anh", *options, crl=with_delta).strip().endswith("OK")


def letter_of(province: Province, name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What OpenSSL makes of a letter that this person signed."""
    (folder / "letter").write_bytes(LETTER.encode())
    signer = ("-signer", province.path(f"{name}.pem"), "-inkey", province.path(f"{name}.key"))
    sign = ("-sign", "-in", "letter", *signer, "-certfile", province.path("mail-g1.pem"), "-md", "sha256")
    signed = run("openssl", "cms", *sign, "-binary", "-out", "letter.p7m", cwd=folder)
    assert signed.returncode == 0, signed.stderr
    # `openssl cms` takes lists only from the file of authorities.
    store = province.bundle("store.pem", "root-g1.pem", "root-g1.crl.pem", "mail-g1.crl.pem")
    checks = ("-purpose", "smimesign", "-x509_strict", "-crl_check_all", "-CAfile", store)
    verify = ("-verify", "-in", "letter.p7m", *checks, "-binary", "-out", "read")
    return run("openssl", "cms", *verify, cwd=folder)


def test_openssl_reads_a_signed_letter_and_refuses_that_of_a_revoked_signer(
    province: Province, tmp_path: Path
) -> None:
    good = letter_of(province, "anh", tmp_path)
    assert "CMS Verification successful" in good.stderr
    assert (tmp_path / "read").read_bytes() == LETTER.encode()

    refused = letter_of(province, "binh", tmp_path)
    assert refused.returncode != 0
    assert "certificate revoked" in refused.stderr


def test_nss_opens_the_file_that_was_handed_over_and_refuses_what_our_list_revokes(
    province: Province, tmp_path: Path
) -> None:
    database = f"sql:{tmp_path}"
    run("certutil", "-N", "-d", database, "--empty-password", cwd=tmp_path)
    nicknames = {}
    for name in NAMES:
        secret = ("-w", province.path(f"{name}.password"), "-K", "")
        opened = run("pk12util", "-i", province.path(f"{name}.p12"), "-d", database, *secret, cwd=tmp_path)
        assert "PKCS12 IMPORT SUCCESSFUL" in opened.stdout, opened.stderr
        (nicknames[name],) = (
            province.certificate(name)
            .extensions.get_extension_for_class(x509.SubjectAlternativeName)
            .value.get_values_for_type(x509.RFC822Name)
        )
    root = ("-n", "root", "-t", "CT,C,C", "-i", province.path("root-g1.pem"))
    run("certutil", "-A", "-d", database, *root, cwd=tmp_path)

    def verdict(name: str) -> str:
        ran = run("certutil", "-V", "-d", database, "-n", nicknames[name], "-u", "S", "-e", cwd=tmp_path)
        return (ran.stdout + ran.stderr).lower()

    assert [verdict(name).strip() for name in NAMES] == ["certutil: certificate is valid"] * 2
    imported = run("crlutil", "-I", "-d", database, "-i", province.path("mail-g1.crl"), cwd=tmp_path)

    assert imported.returncode == 0, imported.stderr
    assert "is valid" in verdict("anh")
    assert "revoked" in verdict("binh")


@pytest.mark.parametrize(("name", "verdict"), [("anh", "Verified."), ("binh", "Not verified.")])
def test_gnutls_verifies_the_chain_against_our_lists(province: Province, name: str, verdict: str) -> None:
    chain = province.bundle(f"chain-{name}.pem", f"{name}.pem", "mail-g1.pem", "root-g1.pem")
    lists = ("--load-crl", province.path("mail-g1.crl.pem"), "--load-ca-certificate")

    ran = run(
        "certtool", "--verify", *lists, province.path("root-g1.pem"), "--infile", chain, cwd=province.folder
    )

    assert f"Chain verification output: {verdict}" in ran.stdout
    assert ("revoked" in ran.stdout) is (name == "binh")


def answer_for(
    province: Province, certificate: x509.Certificate, label: str, *, nonce: bool = False
) -> ocsp.OCSPResponse:
    issuer = province.services.published.find(label, Kind.CERTIFICATE)
    assert issuer
    authority = x509.load_der_x509_certificate(issuer.content)
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, authority, hashes.SHA1())
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(b"0123456789abcdef"), critical=False)
    request = builder.build().public_bytes(Encoding.DER)
    return ocsp.load_der_ocsp_response(province.services.ocsp.reply(label, request).der)


@pytest.mark.parametrize("nonce", [False, True])
def test_every_authority_answers_for_its_own(province: Province, nonce: bool) -> None:
    document = province.certificate("anh", Purpose.DOCUMENT)
    answers = [
        (answer_for(province, province.certificate("anh"), "mail-g1", nonce=nonce), OCSPCertStatus.GOOD),
        (answer_for(province, province.certificate("binh"), "mail-g1", nonce=nonce), OCSPCertStatus.REVOKED),
        (answer_for(province, document, "document-g1", nonce=nonce), OCSPCertStatus.GOOD),
    ]

    for answer, status in answers:
        assert answer.certificate_status is status
        assert second_opinion.ocsp_findings(answer) == []
    foreign = answer_for(province, document, "mail-g1", nonce=nonce)
    assert foreign.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED


def test_pkilint_finds_nothing_in_any_list_that_is_published(province: Province) -> None:
    found = {}
    for path in sorted(province.folder.glob("*.crl")):
        kind = "ARL" if path.stem == "root-g1" else "CRL"
        found[path.stem] = second_opinion.crl_findings(
            x509.load_der_x509_crl(path.read_bytes()), kind, baseline=kind == "ARL"
        )

    assert found == {
        key: [] for key in ["document-g1", "document-g1-delta", "mail-g1", "mail-g1-delta", "root-g1"]
    }


def test_pkilint_finds_nothing_in_what_was_handed_over(province: Province) -> None:
    document = province.certificate("anh", Purpose.DOCUMENT)

    assert second_opinion.smime_findings(province.certificate("anh"), "person-mail") == []
    assert second_opinion.etsi_findings(document) == []
    for certificate, label in ((province.certificate("anh"), "mail-g1"), (document, "document-g1")):
        issuer = x509.load_pem_x509_certificate((province.folder / f"{label}.pem").read_bytes())
        assert second_opinion.chain_findings(certificate, issuer) == []


def test_openssl_reads_the_bytes_of_an_answer_by_get(province: Province, tmp_path: Path) -> None:
    answer = answer_for(province, province.certificate("binh"), "mail-g1")
    (tmp_path / "answer").write_bytes(answer.public_bytes(Encoding.DER))
    names = ("-issuer", province.path("mail-g1.pem"), "-cert", province.path("binh.pem"))

    ran = run(
        "openssl", "ocsp", "-respin", "answer", "-CAfile", province.path("root-g1.pem"), *names, cwd=tmp_path
    )

    assert "Response verify OK" in ran.stderr
    assert "binh.pem: revoked" in ran.stdout
