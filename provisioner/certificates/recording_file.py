"""The record on the signer's own disk: its leaves, line by line, and the newest checkpoint beside them.

The books can be restored from last night's backup; what was signed and handed out cannot. So the
leaves are here before a checkpoint over them is signed, and a record that went back in time is noticed.
`ca/verify_log.py` reads both files as they are.
"""

from pathlib import Path
from typing import ClassVar

from provisioner.certificates.lines import ALONE, SHARED, Lines, make_folder, opened, put_in_place
from provisioner.errors import Conflict, Text


class RecordFile:
    """`record.leaves` and `record.checkpoint` in the folder of the signer's journals."""

    LEAVES: ClassVar = "record.leaves"

    def __init__(self, folder: Path) -> None:
        """Use, and make if need be, the folder. Raises `Unavailable` when that fails."""
        self.leaves = folder / self.LEAVES
        self._checkpoint = folder / "record.checkpoint"
        make_folder(folder)

    def read(self, start: int = 0) -> bytes:
        """The whole lines from this byte on. Raises `Conflict` when the file ends before it."""
        with opened(self.leaves, SHARED) as lines:
            return self._from(lines, start)

    def append(self, start: int, content: bytes) -> None:
        """Bring to the disk what is missing of these lines, which begin at this byte.

        Raises `Conflict` when other lines stand there, `Unavailable` when the disk refuses.
        """
        with opened(self.leaves, ALONE) as lines:
            here = self._from(lines, start)
            if not here.startswith(content):  # else another signer has written them, and more
                self.require(here, content)
                lines.append(content[len(here) :])

    def require(self, here: bytes, content: bytes) -> None:
        """Raise `Conflict` unless what is here is the beginning of what the books say, or all of it."""
        if not content.startswith(here):
            raise Conflict(
                Text(
                    vi=f"Bản ghi cấp phát {self.leaves} có những dòng mà cơ sở dữ liệu không biết: cơ sở dữ liệu đã "
                    "được khôi phục từ bản cũ. Hãy chạy «provisioner ca recover»; không ký gì vào bản ghi cho tới "
                    "lúc đó.",
                    en=f"The record in {self.leaves} has lines that the books do not know: the books came back from "
                    "an old backup. Run “provisioner ca recover”; nothing is signed into the record before.",
                ),
                code="recovery-needed",
            )

    def keep_checkpoint(self, checkpoint: str) -> None:
        """Put the newest checkpoint in the place of the one before; an older one changes nothing."""
        with opened(self.leaves, ALONE):  # no other signer looks and writes between our look and our writing
            newest = self.newest_checkpoint()
            if newest is None or size_of(newest) < size_of(checkpoint):
                put_in_place(self._checkpoint, checkpoint.encode())

    def newest_checkpoint(self) -> str | None:
        """What was signed last; None before the first."""
        return self._checkpoint.read_text("utf-8") if self._checkpoint.exists() else None

    def _from(self, lines: Lines, start: int) -> bytes:
        if lines.size() < start:
            raise Conflict(
                Text(
                    vi=f"Bản ghi cấp phát {self.leaves} ngắn hơn những gì cơ sở dữ liệu đã ký nhận. Hãy lấy lại tệp "
                    "này từ bản sao, hoặc viết lại bằng «provisioner ca export-log»; không ký gì vào bản ghi cho "
                    "tới lúc đó.",
                    en=f"The record in {self.leaves} is shorter than what the books know as signed. Bring the file "
                    "back from a copy, or write it anew with “provisioner ca export-log”; nothing is signed into "
                    "the record before.",
                ),
                code="record-short",
            )
        return lines.read(start)


def size_of(checkpoint: str) -> int:
    """How many leaves a checkpoint is over (C2SP tlog-checkpoint, second line)."""
    return int(checkpoint.split("\n", 2)[1])
