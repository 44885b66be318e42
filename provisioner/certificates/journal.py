"""The signer's own journal: what it signed, on its own disk, before anybody else hears of it.

The books can be restored from last night's backup; the journal cannot. It is the witness that no
certificate is unknown and no serial number used twice (reliability C26, C33). Lines are appended and
brought to the disk (fsync) before a signature leaves the signer; nothing in it is ever changed. The
newest revocation list lies beside it, because its number must rise whatever became of the books.

One line for each signature, in JSON: the authority, the serial number, SHA-256 of the bytes signed and
of the signature, the moment, what is needed to find the order again, and the certificate itself.
"""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from ca.der import signed_part
from provisioner.certificates.lines import ALONE, SHARED, Lines, make_folder, opened, put_in_place
from provisioner.errors import Conflict, Text

Clock = Callable[[], datetime]

_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate just signed, in DER, and what the books know of its order."""

    certificate: bytes
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
        certificate = x509.load_der_x509_certificate(signed.certificate)
        return cls(
            serial=f"{certificate.serial_number:x}",
            tbs_sha256=hashlib.sha256(signed_part(signed.certificate)).hexdigest(),
            signature_sha256=hashlib.sha256(certificate.signature).hexdigest(),
            at=at,
            profile=signed.profile,
            purpose=signed.purpose,
            ordered_by=signed.ordered_by,
            key_by_owner=signed.key_by_owner,
            certificate=signed.certificate,
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
        return _JSON.encode(told).encode() + b"\n"

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
        self._path = folder / f"{label}.journal"
        self._list = folder / f"{label}.crl"
        make_folder(folder)

    def append(self, signed: Sequence[Signed], *, clock: Clock) -> int:
        """Bring a line for each of these to the disk; the journal's size in bytes after them.

        Raises `Conflict` when the clock stands before the last line, `Unavailable` when the disk refuses.
        """
        with opened(self._path, ALONE) as lines:
            now = self._moment(lines, clock)
            return lines.append(b"".join(Entry.of(each, at=now).line() for each in signed))

    def now(self, clock: Clock) -> datetime:
        """The time. Raises `Conflict` when it is before the last line: something is wrong with the clock."""
        with opened(self._path, SHARED) as lines:
            return self._moment(lines, clock)

    def size(self) -> int:
        """How many bytes of whole lines there are."""
        with opened(self._path, SHARED) as lines:
            return lines.size()

    def read(self, start: int = 0) -> Iterator[Entry]:
        """The entries from this byte on. Raises `Conflict` when a line cannot be read or `start` is inside one."""
        with opened(self._path, SHARED) as lines:
            content, is_whole = lines.read(start), lines.begins_a_line(start)
        for line in content.splitlines():
            try:
                yield Entry.from_line(line if is_whole else b"")
            except (ValueError, KeyError, TypeError) as error:
                raise Conflict(
                    Text(
                        vi=f"Nhật ký ký {self._path} bị hỏng: {error}. Đừng sửa; hãy khôi phục tệp này từ bản sao.",
                        en=f"The signing journal {self._path} is damaged: {error}. Do not mend it; restore the file "
                        "from a copy.",
                    ),
                    code="journal-damaged",
                ) from error

    def by_serial(self, start: int = 0) -> dict[str, Entry]:
        """The same by serial number; of each the first line counts: a token that signs again gives another signature."""
        lines: dict[str, Entry] = {}
        for entry in self.read(start):
            lines.setdefault(entry.serial, entry)
        return lines

    def keep_list(self, crl: bytes) -> None:
        """Put the newest revocation list in the place of the one before: whole, or not at all."""
        put_in_place(self._list, crl)

    def newest_list(self) -> bytes | None:
        """The list that was signed last, in DER; None before the first."""
        return self._list.read_bytes() if self._list.exists() else None

    def _moment(self, lines: Lines, clock: Clock) -> datetime:
        # The clock is asked under the lock: two signers would else see each other's lines as the future's.
        line, now = lines.last(), clock()
        last = None if line is None else Entry.from_line(line)
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
