"""PKCS#12: one file, one strong password, opened by others' software."""

import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from ca.errors import AuthorityMismatch
from ca.keys import KeyKind, generate_key
from ca.pkcs12 import ALPHABET, PasswordWeak, new_password, pack
from tests.ca.world import NOW, a_certificate, a_person, mail_authority, profiles, world


def a_file(password: str) -> tuple[bytes, object, object]:
    key = generate_key(KeyKind.P256)
    authority = mail_authority()
    certificate = authority.sign(
        authority.prepare(profiles()["person-mail"], a_person(), key.public_key(), now=NOW)
    )
    chain = [authority.certificate, world()[0].root]
    return pack(key, certificate, chain, password, "Nguyễn Thị Ánh"), key, certificate


def test_what_was_packed_comes_out():
    password = new_password()
    data, key, certificate = a_file(password)

    found = pkcs12.load_pkcs12(data, password.encode())

    assert found.key.private_numbers() == key.private_numbers()
    assert found.cert.certificate == certificate
    assert found.cert.friendly_name.decode() == "Nguyễn Thị Ánh"
    assert {c.certificate for c in found.additional_certs} == {mail_authority().certificate, world()[0].root}


def test_another_password_does_not_open_it():
    data, _, _ = a_file(new_password())

    with pytest.raises(ValueError, match="password"):
        pkcs12.load_pkcs12(data, new_password().encode())


def test_openssl_opens_it_and_finds_strong_encryption(tmp_path):
    password = new_password()
    (tmp_path / "a.p12").write_bytes(a_file(password)[0])

    result = subprocess.run(
        ["openssl", "pkcs12", "-in", tmp_path / "a.p12", "-info", "-noout", "-passin", f"pass:{password}"],
        capture_output=True,
        check=True,
    )

    assert result.stderr.count(b"PBES2, PBKDF2, AES-256-CBC") == 2
    assert b"MAC: sha256" in result.stderr


def test_a_password_has_twenty_unambiguous_characters_of_every_kind():
    passwords = [new_password() for _ in range(500)]

    assert len(set(passwords)) == 500
    for password in passwords:
        assert [len(group) for group in password.split("-")] == [5, 5, 5, 5]
        assert set(password) - {"-"} <= set(ALPHABET)
        assert any(map(str.isupper, password))
        assert any(map(str.islower, password))
        assert any(map(str.isdigit, password))


def test_the_alphabet_has_fifty_six_characters_that_nobody_confuses():
    assert len(set(ALPHABET)) == len(ALPHABET) == 56
    assert not set("0Oo1lI") & set(ALPHABET)


@pytest.mark.parametrize("password", ["", "short", "sixteen-chars-ab", "mật khẩu của người dùng"])
def test_a_password_that_protects_nothing_is_refused(password):
    with pytest.raises(PasswordWeak) as refused:
        a_file(password)

    assert refused.value.code == "pkcs12.password"


def test_a_key_that_is_not_the_certificates_is_refused():
    with pytest.raises(AuthorityMismatch) as refused:
        pack(generate_key(KeyKind.P256), a_certificate(), [], new_password(), "x")

    assert refused.value.code == "pkcs12.key"
