"""Sealing: values that stand in the books but that nobody reads there.

Identity numbers, private keys and uploaded files are sealed with AES-256-GCM (NIST SP 800-38D)
for the one place where they stand: a value moved to another row or column does not open. Equal
identity numbers meet through a blind index, a keyed hash that tells nothing without the key.
Every key of the setting gives two keys (HKDF, RFC 5869): one seals, the other makes the index.
What stands under an older key is sealed and indexed anew by `resealing`.
"""

import hmac
import re
from collections.abc import Mapping
from os import urandom
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from provisioner.errors import Misconfigured, ProvisionerError, Text
from provisioner.secret import Secret

_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_INDEX_LENGTH = 64
_KEY = re.compile(r"([0-9]{1,3}):([0-9a-fA-F]{64})")
_CONTEXT = re.compile(r"[a-z_]+\.[a-z_]+:[\x21-\x7e]+")


class SealBroken(ProvisionerError):
    """A sealed value does not open here: altered, or moved from another row. Never repaired by guessing."""

    kind = "internal"


class Sealer:
    """Seals and indexes with the current key, opens and finds with every key that is still listed.

    `keys` maps ids from 1 to 255 to 32 bytes each. `current` may move on at once: each value names
    its key, and so does each index.
    """

    def __init__(self, keys: Mapping[int, bytes], *, current: int) -> None:
        """Raises `Misconfigured` for bad ids, keys of another length, or a current one that is not listed."""
        if not keys or not all(1 <= key_id <= 255 and len(key) == _KEY_BYTES for key_id, key in keys.items()):
            raise _wrong(
                "each key has an id from 1 to 255 and 32 bytes", "mỗi khóa có số từ 1 đến 255 và 32 byte"
            )
        if current not in keys:
            raise _wrong("the current key is not listed", "không có khóa hiện hành trong danh sách")
        self._ciphers = {key_id: AESGCM(_derive(key, b"seal")) for key_id, key in keys.items()}
        self._index_secrets = {
            key_id: _derive(keys[key_id], b"blind index") for key_id in dict.fromkeys((current, *keys))
        }
        self.current = current
        self.listed = frozenset(keys)

    @classmethod
    def from_setting(cls, text: Secret) -> Self:
        """The sealer that a setting describes: `1:<64 hex digits>,2:<64 hex digits>`, newest last.

        The last one seals and makes the index. Raises `Misconfigured`; its sentence holds no part
        of the setting.
        """
        keys: dict[int, bytes] = {}
        for part in text.reveal().split(","):
            written = _KEY.fullmatch(part.strip())
            if not written or int(written[1]) in keys:
                raise _wrong(
                    "write each key once, as a number, a colon and 64 hex digits, with commas between them",
                    "mỗi khóa ghi một lần, gồm số, dấu hai chấm và 64 chữ số hex, cách nhau bằng dấu phẩy",
                )
            keys[int(written[1])] = bytes.fromhex(written[2])
        return cls(keys, current=list(keys)[-1])

    def seal(self, plain: Secret, *, context: str) -> bytes:
        """The value for one place, `table.column:row`: key id, nonce of 96 random bits, ciphertext, tag.

        The result is 29 bytes longer than the text in UTF-8.
        """
        return self.seal_bytes(plain.reveal().encode(), context=context)

    def unseal(self, sealed: bytes, *, context: str) -> Secret:
        """The value again. Raises `SealBroken` for other bytes or another place, `Misconfigured` without its key."""
        return Secret(self.unseal_bytes(sealed, context=context).decode())

    def seal_bytes(self, plain: bytes, *, context: str) -> bytes:
        """As `seal`, for what is no text: an uploaded file, a key in DER."""
        nonce = urandom(_NONCE_BYTES)
        key_id = bytes([self.current])
        sealed = self._ciphers[self.current].encrypt(nonce, plain, key_id + _place(context))
        return key_id + nonce + sealed

    def unseal_bytes(self, sealed: bytes, *, context: str) -> bytes:
        """As `unseal`, for what is no text."""
        if len(sealed) < 1 + _NONCE_BYTES + _TAG_BYTES:
            raise _broken(context)
        key_id, nonce, body = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if key_id[0] not in self._ciphers:
            raise _wrong(
                f"key {key_id[0]} is not listed, but {context} is sealed with it",
                f"thiếu khóa {key_id[0]} đã dùng để niêm phong {context}",
            )
        try:
            return self._ciphers[key_id[0]].decrypt(nonce, body, key_id + _place(context))
        except InvalidTag:
            raise _broken(context) from None

    def needs_resealing(self, sealed: bytes) -> bool:
        """Whether it was sealed with another key than the current one."""
        return sealed[:1] != bytes([self.current])

    def index(self, plain: Secret) -> str:
        """64 hex digits, the same for equal values: the key's id, then HMAC-SHA256 without its last byte.

        Give it the canonical form: twelve digits without spaces.
        """
        return self._index(plain, self.current)

    def indexes(self, plain: Secret) -> tuple[str, ...]:
        """Every index under which the books may have an equal value: by the current key, then by the others."""
        return tuple(self._index(plain, key_id) for key_id in self._index_secrets)

    def needs_reindexing(self, index: str) -> bool:
        """Whether an index was made with another key than the current one."""
        return not index.startswith(f"{self.current:02x}")

    def _index(self, plain: Secret, key_id: int) -> str:
        code = hmac.digest(self._index_secrets[key_id], plain.reveal().encode(), "sha256")
        return f"{key_id:02x}{code.hex()}"[:_INDEX_LENGTH]

    def __repr__(self) -> str:
        return f"Sealer(keys={sorted(self._ciphers)}, current={self.current})"


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), length=32, salt=None, info=b"provisioner " + purpose).derive(key)


def _place(context: str) -> bytes:
    if not _CONTEXT.fullmatch(context):
        raise ValueError(f"a place is named table.column:row, not {context!r}")
    return context.encode()


def _broken(context: str) -> SealBroken:
    return SealBroken(
        Text(
            vi=f"Giá trị niêm phong tại {context} không mở được: đã bị sửa hoặc bị chuyển chỗ.",
            en=f"The sealed value at {context} does not open: it was altered or moved here.",
        ),
        code="seal-broken",
    )


def _wrong(en: str, vi: str) -> Misconfigured:
    return Misconfigured(
        Text(vi=f"identity.keys: {vi}.", en=f"identity.keys: {en}."), code="sealing-keys-wrong"
    )
