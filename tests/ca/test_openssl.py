"""OpenSSL, strictly: what we sign is accepted, what we revoke is not."""

import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags

from ca.authority import Authority
from ca.ceremony import hold
from ca.crl import Revocation
from ca.keys import KeyKind, generate_key
from tests.ca.world import MemoryKeyStore, a_person, a_plan, an_agency, profiles

# OpenSSL looks at its own clock, so this hierarchy starts a little before today.
TODAY = datetime.now(UTC) - timedelta(minutes=5)


@pytest.fixture(scope="module")
def hierarchy():
    keystore = MemoryKeyStore()
    ceremony = hold(a_plan(), keystore, profiles=profiles(), now=TODAY)
    return ceremony, ceremony.authority("mail", keystore)


def issue(authority: Authority, profile: str):
    subject = a_person() if profile.startswith("person") else an_agency()
    public_key = generate_key(KeyKind.P256).public_key()
    return authority.sign(authority.prepare(profiles()[profile], subject, public_key, now=TODAY))


def openssl_verify(
    folder, ceremony, certificate, *options: str, crls=None
) -> subprocess.CompletedProcess[str]:
    def pem(name: str, *objects) -> str:
        (folder / name).write_bytes(b"".join(o.public_bytes(Encoding.PEM) for o in objects))
        return str(folder / name)

    lists = crls or ceremony.lists.values()
    return subprocess.run(
        [
            "openssl",
            "verify",
            "-x509_strict",
            "-check_ss_sig",
            "-policy_check",
            "-crl_check_all",
            "-purpose",
            "smimesign",
            *options,
            "-CAfile",
            pem("root.pem", ceremony.root),
            "-untrusted",
            pem("mail.pem", ceremony.certificates["mail-g1"]),
            "-CRLfile",
            pem("crls.pem", *lists),
            pem("leaf.pem", certificate),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "profile", ["person-mail", "person-mail-strict", "organization-mail", "organization-mail-strict"]
)
def test_openssl_accepts_every_profile(tmp_path, hierarchy, profile):
    ceremony, authority = hierarchy

    result = openssl_verify(tmp_path, ceremony, issue(authority, profile))

    assert result.stderr == ""
    assert result.stdout.endswith("leaf.pem: OK\n")


def test_openssl_knows_whose_mailbox_it_is(tmp_path, hierarchy):
    ceremony, authority = hierarchy
    certificate = issue(authority, "person-mail")

    right = openssl_verify(tmp_path, ceremony, certificate, "-verify_email", "anhnt@lamdong.gov.vn")
    wrong = openssl_verify(tmp_path, ceremony, certificate, "-verify_email", "binh@lamdong.gov.vn")

    assert right.returncode == 0
    assert "error 63" in wrong.stderr


def test_openssl_refuses_a_revoked_certificate(tmp_path, hierarchy):
    ceremony, authority = hierarchy
    certificate = issue(authority, "person-mail")
    revocation = Revocation(certificate.serial_number, TODAY, ReasonFlags.key_compromise)
    crl = authority.sign_crl([revocation], number=2, now=TODAY, days=7)

    result = openssl_verify(tmp_path, ceremony, certificate, crls=[crl, ceremony.lists["root-g1"]])

    assert "certificate revoked" in result.stderr


def test_openssl_refuses_a_specimen(tmp_path, hierarchy):
    ceremony, authority = hierarchy
    public_key = generate_key(KeyKind.P256).public_key()
    draft = authority.prepare(profiles()["person-mail"], a_person(), public_key, now=TODAY)

    result = openssl_verify(tmp_path, ceremony, draft.specimen)

    assert "certificate signature failure" in result.stderr
