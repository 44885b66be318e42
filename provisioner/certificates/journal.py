"""The signer's own journal: what it signed, on its own disk, before anybody else hears of it.

The books can be restored from last night's backup; the journal cannot. It is the witness that no
certificate is unknown and no serial number used twice (reliability C26, C33). Lines are appended and
brought to the disk (fsync) before a signature leaves the signer; nothing in it is ever changed. The
newest revocation list lies beside it, because its number must rise whatever became of the books.

One line for each signature, in JSON: the authority, the serial number, SHA-256 of the bytes signed and
of the signature, the moment, what is needed to find the order again, and the certificate itself.
"""

import fcntl
import hashlib
import json
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from ca.authority import der
from provisioner.errors import Conflict, Text, Unavailable

Clock = Callable[[], datetime]

_TAIL: Final = 64 * 1024
"""Bytes at the end that surely hold the last line."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate just signed, and what the books know of its order."""

    certificate: x509.Certificate
    profile: str
    purpose: str
    ordered_by: str
    key_by_owner: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One signature: over which bytes, when; and the order it fulfils. `certificate` is DER."""

    serial: str
    tbs_sha256: str
    signature_sha256: str
    at: datetime
    profile: str
    purpose: str
    ordered_by: str
    key_by_owner: bool
    certificate: bytes

    @classmethod
    def of(cls, signed: Signed, *, at: datetime) -> "Entry":
        certificate = signed.certificate
        return cls(
            serial=f"{certificate.serial_number:x}",
            tbs_sha256=hashlib.sha256(certificate.tbs_certificate_bytes).hexdigest(),
            signature_sha256=hashlib.sha256(certificate.signature).hexdigest(),
            at=at,
            profile=signed.profile,
            purpose=signed.purpose,
            ordered_by=signed.ordered_by,
            key_by_owner=signed.key_by_owner,
            certificate=der(certificate),
        )

    def line(self) -> bytes:
        told = {
            "serial": self.serial,
            "tbs_sha256": self.tbs_sha256,
            "signature_sha256": self.signature_sha256,
            "at": self.at.isoformat(),
            "profile": self.profile,
            "purpose": self.purpose,
            "ordered_by": self.ordered_by,
            "key_by_owner": self.key_by_owner,
            "certificate": b64encode(self.certificate).decode("ascii"),
        }
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Entry":
        told: dict[str, Any] = json.loads(line)
        return cls(
            **told | {"at": datetime.fromisoformat(told["at"]), "certificate": b64decode(told["certificate"])}
        )


class Journal:
    """The journal of one authority, `<label>.journal` in a folder that only the signer may enter."""

    def __init__(self, folder: Path, label: str) -> None:
        """Use, and make if need be, the folder. Raises `Unavailable` when that fails."""
        self.label = label
        self._folder = folder
        self._path = folder / f"{label}.journal"
        self._list = folder / f"{label}.crl"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    def append(self, signed: Sequence[Signed], *, clock: Clock) -> int:
        """Bring a line for each of these to the disk; the journal's size in bytes after them.

        Raises `Conflict` when the clock stands before the last line, `Unavailable` when the disk refuses.
        """
        with self._locked(fcntl.LOCK_EX) as descriptor:
            self._drop_torn_line(descriptor)
            now = self._moment(descriptor, clock)
            content = memoryview(b"".join(Entry.of(each, at=now).line() for each in signed))
            while content:
                content = content[os.write(descriptor, content) :]
            os.fsync(descriptor)
            return os.lseek(descriptor, 0, os.SEEK_END)

    def now(self, clock: Clock) -> datetime:
        """The time. Raises `Conflict` when it is before the last line: something is wrong with the clock."""
        with self._locked(fcntl.LOCK_SH) as descriptor:
            return self._moment(descriptor, clock)

    def size(self) -> int:
        """How many bytes of whole lines there are."""
        with self._locked(fcntl.LOCK_SH) as descriptor:
            return _whole(descriptor)

    def read(self, start: int = 0) -> Iterator[Entry]:
        """The entries from this byte on. Raises `Conflict` when a line cannot be read or `start` is inside one."""
        with self._locked(fcntl.LOCK_SH) as descriptor:
            content = os.pread(descriptor, max(_whole(descriptor) - start, 0), start)
            within = start > 0 and os.pread(descriptor, 1, start - 1) != b"\n"
        for line in content.splitlines():
            try:
                yield Entry.from_line(b"" if within else line)
            except (ValueError, KeyError, TypeError) as error:
                raise Conflict(
                    Text(
                        vi=f"Nhật ký ký {self._path} bị hỏng: {error}. Đừng sửa; hãy khôi phục tệp này từ bản sao.",
                        en=f"The signing journal {self._path} is damaged: {error}. Do not mend it; restore the file "
                        "from a copy.",
                    ),
                    code="journal-damaged",
                ) from error

    def keep_list(self, crl: bytes) -> None:
        """Put the newest revocation list in the place of the one before: whole, or not at all."""
        temporary = self._list.with_name(f".{self._list.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(crl)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._list)
            self._sync_folder()
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise self._unusable(error) from error

    def newest_list(self) -> bytes | None:
        """The list that was signed last, in DER; None before the first."""
        return self._list.read_bytes() if self._list.exists() else None

    @contextmanager
    def _locked(self, lock: int) -> Iterator[int]:
        """The file, opened and locked: two signers on one machine write one after the other."""
        try:
            is_new = not self._path.exists()
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                if is_new:
                    self._sync_folder()
                fcntl.flock(descriptor, lock)
                yield descriptor
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._unusable(error) from error

    def _last(self, descriptor: int) -> Entry | None:
        end = _whole(descriptor)
        tail = os.pread(descriptor, min(end, _TAIL), max(end - _TAIL, 0))
        return Entry.from_line(tail.splitlines()[-1]) if tail else None

    def _drop_torn_line(self, descriptor: int) -> None:
        """A line without its end was being written when the power went: nobody was answered for it."""
        whole = _whole(descriptor)
        if whole < os.lseek(descriptor, 0, os.SEEK_END):
            os.ftruncate(descriptor, whole)

    def _moment(self, descriptor: int, clock: Clock) -> datetime:
        # The clock is asked under the lock: two signers would else see each other's lines as the future's.
        last, now = self._last(descriptor), clock()
        if last is not None and now < last.at:
            raise Conflict(
                Text(
                    vi=f"Đồng hồ của máy ký chỉ {now.isoformat()}, trước lần ký cuối cùng lúc {last.at.isoformat()}. "
                    "Hãy chỉnh đồng hồ rồi chạy lại.",
                    en=f"The signer's clock says {now.isoformat()}, before the last signature at {last.at.isoformat()}. "
                    "Set the clock, then start again.",
                ),
                code="clock-behind",
            )
        return now

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _unusable(self, error: OSError) -> Unavailable:
        return Unavailable(
            Text(
                vi=f"Không ghi được nhật ký ký tại {self._folder}: {error.strerror}. Không ký gì cho tới khi ghi được.",
                en=f"The signing journal in {self._folder} cannot be used: {error.strerror}. Nothing is signed until "
                "it can.",
            ),
            code="journal-unusable",
        )


def _whole(descriptor: int) -> int:
    """The size up to the end of the last whole line."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    start = max(end - _TAIL, 0)
    return start + os.pread(descriptor, end - start, start).rfind(b"\n") + 1
