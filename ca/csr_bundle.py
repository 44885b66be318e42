"""Many certificate requests in one file: a ZIP, or a single request.

Only public keys come out. What is wrong with one request never stops the others, and a file
that was made to eat memory or time is refused before it is unpacked (ASVS 5.2.3).
"""

import io
import struct
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import Final

from ca.errors import KeyRefused
from ca.keys import MAX_REQUEST_BYTES, PublicKey, read_csr, refusal
from ca.weak_keys import DebianKeys

MAX_BUNDLE_BYTES: Final = 64 * 1024 * 1024
MAX_REQUESTS: Final = 10_000
_ENCRYPTED: Final = 0x1
_END: Final = b"PK\5\6"
_DIRECTORY_ENTRY_BYTES: Final = 512
"""Of one file: 46, its name, and what some programs add."""

NamedKey = tuple[str, PublicKey | KeyRefused]
"""The name of a file in the bundle, and its key or the reason why there is none."""


def read_csr_bundle(data: bytes, *, debian: DebianKeys | None = None) -> list[NamedKey]:
    """The key or the refusal of every request in a ZIP, in its order; of one request alone, named “”.

    Names are the last part of the path, without control characters; folders and what macOS adds are
    passed over. No more than 16 KiB of any file are ever unpacked, whatever the ZIP says of its
    size. Raises KeyRefused for the whole: `csr.bundle-too-large`, `csr.bundle-unreadable`.
    """
    if len(data) > MAX_BUNDLE_BYTES:
        raise refusal("csr.bundle-too-large")
    if not data.startswith(b"PK"):
        return [("", _key(data, debian))]
    _require_short_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            members = [member for member in bundle.infolist() if _is_request(member)]
            if len(members) > MAX_REQUESTS:
                raise refusal("csr.bundle-too-large")
            return [(_name(member), _member_key(bundle, member, debian)) for member in members]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise refusal("csr.bundle-unreadable") from error


def _require_short_directory(data: bytes) -> None:
    """Refuse a directory of millions of files before the library makes an object of each."""
    end = data.rfind(_END, max(0, len(data) - 65_557))  # its comment has at most 65,535 bytes
    if end < 0 or len(data) < end + 22:
        raise refusal("csr.bundle-unreadable")
    (size,) = struct.unpack_from("<L", data, end + 12)
    if size > MAX_REQUESTS * _DIRECTORY_ENTRY_BYTES:
        raise refusal("csr.bundle-too-large")


def _is_request(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    return not member.is_dir() and "__MACOSX" not in path.parts and not path.name.startswith(".")


def _name(member: zipfile.ZipInfo) -> str:
    name = PurePosixPath(member.filename.replace("\\", "/")).name
    return "".join(c for c in name if c.isprintable())[:255]


def _member_key(
    bundle: zipfile.ZipFile, member: zipfile.ZipInfo, debian: DebianKeys | None
) -> PublicKey | KeyRefused:
    if member.flag_bits & _ENCRYPTED:
        return refusal("csr.unreadable")
    try:
        with bundle.open(member) as file:
            return _key(file.read(MAX_REQUEST_BYTES + 1), debian)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        ValueError,
        OSError,
        RuntimeError,
        NotImplementedError,
    ):
        return refusal("csr.unreadable")


def _key(data: bytes, debian: DebianKeys | None) -> PublicKey | KeyRefused:
    try:
        return read_csr(data, debian=debian)
    except KeyRefused as refused:
        return refused
