"""Programs of other hands: NSS (Firefox, Thunderbird), GnuTLS and OpenSSL's mail take what we make.

All of them look at their own clock, so this hierarchy starts a little before today.
"""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ReasonFlags as Reason

from ca.ceremony import hold
from ca.crl import Revocation
from ca.keys import KeyKind, generate_key
from ca.pkcs12 import new_password, pack
from tests.ca.world import MemoryKeyStore, a_person, a_plan, an_agency, profiles

TODAY = datetime.now(UTC) - timedelta(minutes=5)
LETTER = "Content-Type: text/plain; charset=utf-8\r\n\r\nKính gửi Sở Nội vụ: công văn số 123.\r\n"


class Province:
    """A hierarchy of today, and a folder with its public files as PEM."""

    def __init__(self, folder: Path) -> None:
        self.keystore = MemoryKeyStore()
        self.ceremony = hold(a_plan(), self.keystore, profiles=profiles(), now=TODAY)
        self.folder = folder
        self.root = self.pem("root", self.ceremony.root)
        self.mail = self.pem("mail", self.ceremony.certificates["mail-g1"])

    def issue(self, profile: str, name: str, kind: KeyKind = KeyKind.P256):
        """A certificate with its key, and both as files."""
        authority = self.ceremony.authority(
            "document" if profile.endswith("document") else "mail", self.keystore
        )
        subject = a_person() if profile.startswith("person") else an_agency()
        key = generate_key(kind)
        certificate = authority.sign(
            authority.prepare(profiles()[profile], subject, key.public_key(), now=TODAY)
        )
        self.pem(name, certificate)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / f"{name}.key").write_bytes(private)
        return certificate, key

    def pem(self, name: str, *objects) -> Path:
        path = self.folder / f"{name}.pem"
        path.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in objects))
        return path

    def crl(self, *revocations: Revocation) -> x509.CertificateRevocationList:
        return self.ceremony.authority("mail", self.keystore).sign_crl(
            revocations, number=2, now=TODAY, days=7
        )


@pytest.fixture(scope="module")
def province(tmp_path_factory) -> Province:
    return Province(tmp_path_factory.mktemp("province"))


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    program, *arguments = map(str, command)
    found = shutil.which(program)
    if found is None:
        pytest.fail(f"{program} is not installed: the tests with it are never left out.")
    result = subprocess.run([found, *arguments], cwd=cwd, capture_output=True, check=False)
    return subprocess.CompletedProcess(
        result.args,
        result.returncode,
        result.stdout.decode(errors="replace"),
        result.stderr.decode(errors="replace"),
    )


def nss(folder: Path) -> str:
    """A new database of NSS."""
    database = f"sql:{folder}"
    assert run("certutil", "-N", "-d", database, "--empty-password", cwd=folder).returncode == 0
    return database


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.P384, KeyKind.RSA3072])
def test_nss_opens_our_pkcs12_and_trusts_its_chain(province, tmp_path, kind):
    certificate, key = province.issue("person-mail", "nss", kind)
    mail, root, password = province.ceremony.certificates["mail-g1"], province.ceremony.root, new_password()
    (tmp_path / "anh.p12").write_bytes(pack(key, certificate, [mail, root], password, "Nguyễn Thị Ánh"))
    (tmp_path / "password").write_text(password)
    database = nss(tmp_path)

    imported = run("pk12util", "-i", "anh.p12", "-d", database, "-w", "password", "-K", "", cwd=tmp_path)
    run("certutil", "-A", "-d", database, "-n", "root", "-t", "CT,C,C", "-i", province.root, cwd=tmp_path)
    keys = run("certutil", "-K", "-d", database, cwd=tmp_path)
    as_signer, as_server = (
        run("certutil", "-V", "-d", database, "-n", "Nguyễn Thị Ánh", "-u", usage, "-e", cwd=tmp_path)
        for usage in ("S", "V")
    )

    assert "PKCS12 IMPORT SUCCESSFUL" in imported.stdout
    assert "Nguyễn Thị Ánh" in keys.stdout
    assert "certificate is valid" in as_signer.stdout
    assert "certificate is invalid" in as_server.stdout + as_server.stderr


def test_nss_opens_nothing_with_another_password(province, tmp_path):
    certificate, key = province.issue("person-mail", "nss-wrong")
    mail = province.ceremony.certificates["mail-g1"]
    (tmp_path / "anh.p12").write_bytes(pack(key, certificate, [mail], new_password(), "Ánh"))
    (tmp_path / "password").write_text(new_password())

    refused = run("pk12util", "-i", "anh.p12", "-d", nss(tmp_path), "-w", "password", "-K", "", cwd=tmp_path)

    assert refused.returncode != 0
    assert "Ánh" not in run("certutil", "-K", "-d", f"sql:{tmp_path}", cwd=tmp_path).stdout


def test_nss_refuses_what_our_list_revokes(province, tmp_path):
    certificate, _ = province.issue("person-mail", "nss-revoked")
    database = nss(tmp_path)
    for name, path, trust in (
        ("root", province.root, "CT,C,C"),
        ("mail", province.mail, ",,"),
        ("anh", "", ",,"),
    ):
        file = path or province.folder / "nss-revoked.pem"
        run("certutil", "-A", "-d", database, "-n", name, "-t", trust, "-i", file, cwd=tmp_path)
    crl = province.crl(Revocation(certificate.serial_number, TODAY, Reason.key_compromise))
    (tmp_path / "mail.crl").write_bytes(crl.public_bytes(Encoding.DER))
    valid = run("certutil", "-V", "-d", database, "-n", "anh", "-u", "S", "-e", cwd=tmp_path)

    imported = run("crlutil", "-I", "-d", database, "-i", "mail.crl", cwd=tmp_path)
    revoked = run("certutil", "-V", "-d", database, "-n", "anh", "-u", "S", "-e", cwd=tmp_path)

    assert imported.returncode == 0, imported.stderr
    assert "certificate is valid" in valid.stdout
    assert "revoked" in (revoked.stdout + revoked.stderr).lower()


@pytest.mark.parametrize(
    "profile",
    ["person-mail", "person-mail-strict", "organization-mail", "person-document", "organization-document"],
)
def test_gnutls_verifies_every_profile_up_to_the_root(province, tmp_path, profile):
    certificate, _ = province.issue(profile, f"gnutls-{profile}")
    label = "document-g1" if profile.endswith("document") else "mail-g1"
    chain = province.pem(
        f"chain-{profile}", certificate, province.ceremony.certificates[label], province.ceremony.root
    )

    verified = run(
        "certtool", "--verify", "--load-ca-certificate", province.root, "--infile", chain, cwd=tmp_path
    )

    assert "Chain verification output: Verified. The certificate is trusted." in verified.stdout


def test_gnutls_knows_whose_mailbox_it_is(province, tmp_path):
    certificate, _ = province.issue("person-mail", "gnutls-mail")
    chain = province.pem(
        "chain-mail", certificate, province.ceremony.certificates["mail-g1"], province.ceremony.root
    )

    def verify(email: str) -> str:
        ask = ("--verify", "--verify-email", email, "--load-ca-certificate", province.root)
        return run("certtool", *ask, "--infile", chain, cwd=tmp_path).stdout

    assert "Verified. The certificate is trusted." in verify("anhnt@lamdong.gov.vn")
    assert "Not verified" in verify("binh@lamdong.gov.vn")


def test_gnutls_refuses_a_mailbox_outside_the_permitted_domains(province, tmp_path):
    from tests.ca.world import forge

    honest, _ = province.issue("person-mail", "gnutls-honest")
    outside = x509.SubjectAlternativeName([x509.RFC822Name("anhnt@hanoi.gov.vn")])
    key = province.keystore.load("mail-g1")

    forged = forge(honest, change=lambda e: e.update({outside.oid: (outside, False)}), key=key)
    chain = province.pem(
        "chain-out", forged, province.ceremony.certificates["mail-g1"], province.ceremony.root
    )

    verified = run(
        "certtool", "--verify", "--load-ca-certificate", province.root, "--infile", chain, cwd=tmp_path
    )
    assert "Not verified" in verified.stdout


def test_gnutls_refuses_what_our_list_revokes(province, tmp_path):
    certificate, _ = province.issue("person-mail", "gnutls-revoked")
    chain = province.pem(
        "chain-rev", certificate, province.ceremony.certificates["mail-g1"], province.ceremony.root
    )
    crl = province.pem(
        "crl-rev", province.crl(Revocation(certificate.serial_number, TODAY, Reason.superseded))
    )

    verified = run(
        "certtool",
        "--verify",
        "--load-ca-certificate",
        province.root,
        "--load-crl",
        crl,
        "--infile",
        chain,
        cwd=tmp_path,
    )

    assert "revoked" in verified.stdout


def sign_letter(province: Province, name: str, folder: Path) -> None:
    (folder / "letter").write_bytes(LETTER.encode())
    signer = ("-signer", province.folder / f"{name}.pem", "-inkey", province.folder / f"{name}.key")
    signed = run(
        "openssl", "cms", "-sign", "-in", "letter", *signer, "-certfile", province.mail, "-md", "sha256",
        "-binary", "-out", "letter.p7m", cwd=folder,
    )  # fmt: skip
    assert signed.returncode == 0, signed.stderr


def verify_letter(province: Province, folder: Path, crl) -> subprocess.CompletedProcess[str]:
    # `openssl cms` takes lists only from the file of authorities.
    lists = [crl, province.ceremony.lists["root-g1"]]
    store = province.pem("store", province.ceremony.root, *lists)
    return run(
        "openssl", "cms", "-verify", "-in", "letter.p7m", "-purpose", "smimesign", "-x509_strict", "-crl_check_all",
        "-CAfile", store, "-binary", "-out", "read", cwd=folder,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "kind"), [("person-mail", KeyKind.P256), ("organization-mail", KeyKind.RSA3072)]
)
def test_openssl_signs_and_verifies_a_letter(province, tmp_path, profile, kind):
    province.issue(profile, "letter", kind)
    sign_letter(province, "letter", tmp_path)

    verified = verify_letter(province, tmp_path, province.crl())

    assert "CMS Verification successful" in verified.stderr
    assert (tmp_path / "read").read_bytes() == LETTER.encode()


def test_openssl_refuses_the_letter_of_a_revoked_signer(province, tmp_path):
    certificate, _ = province.issue("person-mail", "revoked-letter")
    sign_letter(province, "revoked-letter", tmp_path)

    verified = verify_letter(
        province, tmp_path, province.crl(Revocation(certificate.serial_number, TODAY, Reason.key_compromise))
    )

    assert verified.returncode != 0
    assert "certificate revoked" in verified.stderr


def test_openssl_refuses_a_document_certificate_for_mail(province, tmp_path):
    province.issue("person-document", "document")
    sign_letter(province, "document", tmp_path)

    verified = verify_letter(province, tmp_path, province.crl())

    assert verified.returncode != 0
