"""Keys in files: encrypted, private, never overwritten, and clear about what is wrong."""

import base64
import os
import re
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from ca.errors import KeyExists, KeyMissing, KeyStoreError, KeyStoreLocked
from ca.filestore import FileKeyStore
from ca.keys import KeyKind, generate_key, spki_fingerprint

PASSPHRASE = b"a passphrase of the province"
GUIDE = Path(__file__).parents[2] / "docs" / "production.md"


@pytest.fixture
def keystore(tmp_path):
    return FileKeyStore(tmp_path / "keys", PASSPHRASE)


def code_of(error: type[KeyStoreError], deed) -> str:
    with pytest.raises(error) as caught:
        deed()
    assert type(caught.value) is error
    return caught.value.code


def test_a_key_comes_back_as_it_was_made(tmp_path, keystore):
    made = keystore.generate("mail-g1", KeyKind.P384)

    found = FileKeyStore(tmp_path / "keys", PASSPHRASE).load("mail-g1")

    assert spki_fingerprint(found.public_key()) == spki_fingerprint(made.public_key())
    assert keystore.labels() == ["mail-g1"]


def test_a_new_passphrase_is_given_as_the_guide_says(tmp_path, keystore):
    made = keystore.generate("mail-g1", KeyKind.P384)
    record = keystore.log_key("record")
    loop = re.search(r"^for key in .*?^done$", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    secrets = {"OLD": PASSPHRASE.decode(), "NEW": "another passphrase of it"}
    assert loop

    script = f"set -e; umask 077; mkdir new; {loop.group()}; mv new/*.key ."
    subprocess.run(["sh", "-c", script], cwd=tmp_path / "keys", env={**os.environ, **secrets}, check=True)

    renewed = FileKeyStore(tmp_path / "keys", secrets["NEW"].encode())
    assert renewed.load("mail-g1").public_key() == made.public_key()
    assert renewed.log_key("record").public_key() == record.public_key()
    assert code_of(KeyStoreLocked, lambda: keystore.load("mail-g1")) == "keystore.locked"


def test_nobody_else_may_read_a_key(tmp_path, keystore):
    keystore.generate("mail-g1", KeyKind.P256)

    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "keys" / "mail-g1.key").stat().st_mode) == 0o600


def test_only_encrypted_pkcs8_reaches_the_disk_and_nothing_is_left_over(tmp_path, keystore):
    keystore.generate("mail-g1", KeyKind.P256)

    (path,) = (tmp_path / "keys").iterdir()
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")


def test_a_key_is_never_overwritten(tmp_path, keystore):
    keystore.generate("mail-g1", KeyKind.P256)
    before = (tmp_path / "keys" / "mail-g1.key").read_bytes()

    assert code_of(KeyExists, lambda: keystore.generate("mail-g1", KeyKind.P256)) == "keystore.exists"
    assert (tmp_path / "keys" / "mail-g1.key").read_bytes() == before


def test_of_two_ceremonies_at_once_only_one_makes_the_key(tmp_path):
    made, refused = [], []
    start = threading.Barrier(8)

    def ceremony() -> None:
        keystore = FileKeyStore(tmp_path / "keys", PASSPHRASE)
        start.wait()
        try:
            made.append(keystore.generate("root-g1", KeyKind.P256))
        except KeyExists:
            refused.append(1)

    threads = [threading.Thread(target=ceremony) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(made), len(refused)) == (1, 7)
    stored = FileKeyStore(tmp_path / "keys", PASSPHRASE).load("root-g1")
    assert stored.public_key() == made[0].public_key()
    assert len(list((tmp_path / "keys").iterdir())) == 1


def test_a_wrong_passphrase_says_so(tmp_path, keystore):
    keystore.generate("mail-g1", KeyKind.P256)
    other = FileKeyStore(tmp_path / "keys", b"another passphrase of theirs")

    assert code_of(KeyStoreLocked, lambda: other.load("mail-g1")) == "keystore.locked"


def test_a_short_passphrase_is_refused(tmp_path):
    assert code_of(KeyStoreLocked, lambda: FileKeyStore(tmp_path, b"secret")) == "keystore.passphrase-short"


def test_a_missing_key_says_so(keystore):
    assert code_of(KeyMissing, lambda: keystore.load("mail-g1")) == "keystore.missing"


def write_key(tmp_path, content: bytes) -> None:
    path = tmp_path / "keys" / "mail-g1.key"
    path.write_bytes(content)
    path.chmod(0o600)


def an_ed25519_key(encryption) -> bytes:
    return ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        an_ed25519_key(serialization.NoEncryption()),
        an_ed25519_key(serialization.BestAvailableEncryption(PASSPHRASE)),
    ],
)
def test_a_damaged_clear_or_foreign_file_says_so(tmp_path, keystore, content):
    write_key(tmp_path, content)

    assert code_of(KeyStoreError, lambda: keystore.load("mail-g1")) == "keystore.damaged"


def test_an_unknown_encryption_says_so(tmp_path, keystore):
    keystore.generate("mail-g1", KeyKind.P256)
    pem = (tmp_path / "keys" / "mail-g1.key").read_text().splitlines()
    der = base64.b64decode("".join(pem[1:-1]))
    aes_256_cbc, unknown = bytes.fromhex("060960864801650304012a"), bytes.fromhex("060960864801650304017f")
    body = base64.encodebytes(der.replace(aes_256_cbc, unknown)).decode()
    write_key(tmp_path, f"{pem[0]}\n{body}{pem[-1]}\n".encode())

    assert code_of(KeyStoreError, lambda: keystore.load("mail-g1")) == "keystore.damaged"


def test_the_key_of_the_log_is_made_once_and_signs_nothing_else(tmp_path, keystore):
    made, found = keystore.log_key("log"), keystore.log_key("log")

    assert made.public_key() == found.public_key()
    assert code_of(KeyStoreError, lambda: keystore.load("log")) == "keystore.damaged"
    keystore.generate("mail-g1", KeyKind.P256)
    assert code_of(KeyStoreError, lambda: keystore.log_key("mail-g1")) == "keystore.damaged"


def test_of_two_who_make_the_key_of_the_log_both_get_the_first(keystore, monkeypatch):
    first = keystore.log_key("log")
    monkeypatch.setattr("pathlib.Path.exists", lambda _: False)

    assert keystore.log_key("log").public_key() == first.public_key()


def test_a_key_that_appears_meanwhile_is_not_overwritten(tmp_path, keystore, monkeypatch):
    path = tmp_path / "keys" / "mail-g1.key"

    def slow(kind: KeyKind):
        path.write_bytes(b"somebody else's")
        return generate_key(kind)

    monkeypatch.setattr("ca.filestore.generate_key", slow)

    assert code_of(KeyExists, lambda: keystore.generate("mail-g1", KeyKind.P256)) == "keystore.exists"
    assert path.read_bytes() == b"somebody else's"
    assert list(path.parent.iterdir()) == [path]


def test_a_truncated_file_says_so(tmp_path, keystore):
    keystore.generate("mail-g1", KeyKind.P256)
    write_key(tmp_path, (tmp_path / "keys" / "mail-g1.key").read_bytes()[:150])

    assert code_of(KeyStoreError, lambda: keystore.load("mail-g1")) == "keystore.damaged"


def test_a_key_that_others_may_read_is_not_used(tmp_path, keystore):
    keystore.generate("mail-g1", KeyKind.P256)
    (tmp_path / "keys" / "mail-g1.key").chmod(0o640)

    assert code_of(KeyStoreError, lambda: keystore.load("mail-g1")) == "keystore.open-to-others"


def test_a_directory_that_others_may_enter_is_not_used(tmp_path):
    (tmp_path / "keys").mkdir(mode=0o755)
    (tmp_path / "keys").chmod(0o755)

    deed = lambda: FileKeyStore(tmp_path / "keys", PASSPHRASE)  # noqa: E731
    assert code_of(KeyStoreError, deed) == "keystore.open-to-others"


def test_a_path_that_is_no_directory_says_so(tmp_path):
    (tmp_path / "file").write_text("x")

    assert (
        code_of(KeyStoreError, lambda: FileKeyStore(tmp_path / "file" / "keys", PASSPHRASE))
        == "keystore.unusable"
    )


def test_a_directory_in_the_place_of_a_key_says_so(tmp_path, keystore):
    (tmp_path / "keys" / "mail-g1.key").mkdir()

    assert code_of(KeyStoreError, lambda: keystore.load("mail-g1")) == "keystore.unusable"


def test_a_vanished_directory_says_so_and_makes_no_key(tmp_path, keystore):
    (tmp_path / "keys").rmdir()

    assert code_of(KeyStoreError, lambda: keystore.generate("mail-g1", KeyKind.P256)) == "keystore.unusable"


@pytest.mark.parametrize("label", ["", "../root", "a/b", "A", "mail_g1", "-x", "a" * 64, "a\n"])
def test_a_label_is_never_a_path(keystore, label):
    assert code_of(KeyStoreError, lambda: keystore.generate(label, KeyKind.P256)) == "keystore.label"
    assert code_of(KeyStoreError, lambda: keystore.load(label)) == "keystore.label"


@pytest.mark.slow
def test_an_rsa_key_is_kept_too(keystore):
    made = keystore.generate("rsa", KeyKind.RSA3072)

    assert keystore.load("rsa").private_numbers() == made.private_numbers()
