"""Private keys as encrypted PKCS#8 files in one directory that only its owner can read."""

import os
import re
import secrets
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ca.errors import KeyExists, KeyMissing, KeyStoreError, KeyStoreLocked, Text
from ca.keys import KeyKind, PrivateKey, generate_key

MIN_PASSPHRASE_BYTES: Final = 16
"""PKCS#8 as cryptography writes it stretches a passphrase 2,048 times only: it must be strong itself."""

_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SUFFIX: Final = ".key"


class FileKeyStore:
    """A KeyStore in files `<label>.key`; every key is closed with the same passphrase."""

    def __init__(self, directory: Path, passphrase: bytes) -> None:
        """Use, and make if need be, a directory with mode 0700.

        Raises KeyStoreLocked for a short passphrase and KeyStoreError when others may
        enter the directory.
        """
        if len(passphrase) < MIN_PASSPHRASE_BYTES:
            raise KeyStoreLocked(
                "keystore.passphrase-short",
                Text(
                    vi=f"Mật khẩu kho khóa phải có ít nhất {MIN_PASSPHRASE_BYTES} byte.",
                    en=f"The key store's passphrase needs at least {MIN_PASSPHRASE_BYTES} bytes.",
                ),
            )
        self._directory = directory
        self._passphrase = passphrase
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(directory, error) from error
        _require_private(directory)

    def generate(self, label: str, kind: KeyKind) -> PrivateKey:
        """Make a key and write it safely to disk before anybody can use it.

        Raises KeyExists when the label is taken: the new key is dropped, the old one stays.
        """
        if self._path(label).exists():
            raise key_exists(label)
        key = generate_key(kind)
        self._keep(label, key)
        return key

    def load(self, label: str) -> PrivateKey:
        """Open a key.

        Raises KeyMissing, KeyStoreLocked when the passphrase is wrong, and KeyStoreError
        when the file is open to others, damaged, or of a kind we do not use.
        """
        key = self._open(label)
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise _damaged(label)
        return key

    def log_key(self, label: str) -> Ed25519PrivateKey:
        """The key that signs the log's checkpoints and nothing else, made when it is first asked for.

        Raises what `load` raises.
        """
        if not self._path(label).exists():
            with suppress(KeyExists):  # another process was first; its key is the log's
                self._keep(label, Ed25519PrivateKey.generate())
        key = self._open(label)
        if not isinstance(key, Ed25519PrivateKey):
            raise _damaged(label)
        return key

    def labels(self) -> Collection[str]:
        """The labels that have a key, in order."""
        return sorted(path.stem for path in self._directory.glob(f"*{_SUFFIX}"))

    def _keep(self, label: str, key: PrivateKey | Ed25519PrivateKey) -> None:
        path = self._path(label)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(self._passphrase),
        )
        try:
            self._write(path, pem)
        except FileExistsError as error:
            raise key_exists(label) from error
        except OSError as error:
            raise _unusable(path, error) from error

    def _open(self, label: str) -> object:
        path = self._path(label)
        try:
            pem = path.read_bytes()
        except FileNotFoundError as error:
            raise KeyMissing(
                "keystore.missing",
                Text(
                    vi=f"Không có khóa {label} trong {self._directory}. Nếu khóa được cất ở nơi khác, hãy mang {path.name} về.",
                    en=f"There is no key {label} in {self._directory}. If it is kept elsewhere, bring {path.name} back.",
                ),
            ) from error
        except OSError as error:
            raise _unusable(path, error) from error
        _require_private(path)
        if (
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----" not in pem
            or b"-----END ENCRYPTED PRIVATE KEY-----" not in pem
        ):
            raise _damaged(label)
        try:
            return serialization.load_pem_private_key(pem, self._passphrase)
        except (ValueError, UnsupportedAlgorithm) as error:
            if "password" in str(error).lower():
                raise KeyStoreLocked(
                    "keystore.locked",
                    Text(
                        vi=f"Mật khẩu không mở được khóa {label}.",
                        en=f"The passphrase does not open the key {label}.",
                    ),
                ) from error
            raise _damaged(label) from error

    def _write(self, path: Path, content: bytes) -> None:
        # Linking, unlike renaming, fails when the name exists: two ceremonies cannot overwrite each other.
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, path)
        finally:
            temporary.unlink()
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _path(self, label: str) -> Path:
        require_label(label)
        return self._directory / f"{label}{_SUFFIX}"


def require_label(label: str) -> None:
    """Raise KeyStoreError unless the label may name a key: it becomes a part of files and addresses."""
    if not _LABEL.fullmatch(label):
        raise KeyStoreError(
            "keystore.label",
            Text(
                vi=f"Nhãn khóa {label!r} chỉ được có a-z, 0-9 và gạch nối.",
                en=f"The key label {label!r} may only have a-z, 0-9 and hyphens.",
            ),
        )


def _require_private(path: Path) -> None:
    if path.stat().st_mode & 0o077:
        raise KeyStoreError(
            "keystore.open-to-others",
            Text(
                vi=f"{path} cho phép người khác truy cập: hãy dùng chmod go-rwx.",
                en=f"{path} is open to others: take their rights away with chmod go-rwx.",
            ),
        )


def key_exists(label: str) -> KeyExists:
    """What a key store says when the label is taken."""
    return KeyExists(
        "keystore.exists",
        Text(
            vi=f"Đã có khóa {label}; khóa không bao giờ bị ghi đè.",
            en=f"There is a key {label} already; keys are never overwritten.",
        ),
    )


def _damaged(label: str) -> KeyStoreError:
    return KeyStoreError(
        "keystore.damaged",
        Text(
            vi=f"Tệp của khóa {label} bị hỏng hoặc không phải PKCS#8 đã mã hóa.",
            en=f"The file of the key {label} is damaged or not an encrypted PKCS#8 key.",
        ),
    )


def _unusable(path: Path, error: OSError) -> KeyStoreError:
    return KeyStoreError(
        "keystore.unusable",
        Text(vi=f"Không dùng được {path}: {error.strerror}.", en=f"Cannot use {path}: {error.strerror}."),
    )
