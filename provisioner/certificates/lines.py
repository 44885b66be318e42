"""Files on the signer's own disk: lines that are only ever added, and files that are whole or not there.

Whatever these functions answer is on the disk (fsync). A last line without its end was being written when
the power went: nobody was answered for it, so it does not count and the next line takes its place.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from provisioner.errors import Text, Unavailable

SHARED, ALONE = fcntl.LOCK_SH, fcntl.LOCK_EX

_TAIL: Final = 64 * 1024
"""Bytes at the end that surely hold the last line."""


class Lines:
    """One open, locked file of lines; what `opened` gives."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def size(self) -> int:
        """How many bytes the whole lines are."""
        end = os.lseek(self._descriptor, 0, os.SEEK_END)
        start = max(end - _TAIL, 0)
        return start + os.pread(self._descriptor, end - start, start).rfind(b"\n") + 1

    def read(self, start: int = 0) -> bytes:
        """The whole lines from this byte on."""
        return os.pread(self._descriptor, max(self.size() - start, 0), start)

    def begins_a_line(self, start: int) -> bool:
        return start == 0 or os.pread(self._descriptor, 1, start - 1) in {b"\n", b""}

    def last(self) -> bytes | None:
        """The last whole line; None when there is none."""
        end = self.size()
        tail = os.pread(self._descriptor, min(end, _TAIL), max(end - _TAIL, 0))
        return tail.splitlines()[-1] if tail else None

    def append(self, content: bytes) -> int:
        """Bring these lines to the disk; the size after them."""
        whole = self.size()
        if whole < os.lseek(self._descriptor, 0, os.SEEK_END):
            os.ftruncate(self._descriptor, whole)
        left = memoryview(content)
        while left:
            left = left[os.write(self._descriptor, left) :]
        os.fsync(self._descriptor)
        return os.lseek(self._descriptor, 0, os.SEEK_END)


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter. Raises `Unavailable` when that fails."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error


@contextmanager
def opened(path: Path, lock: int) -> Iterator[Lines]:
    """The file, made if need be and locked: two signers on one machine write one after the other.

    Raises `Unavailable` when the disk refuses.
    """
    try:
        is_new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if is_new:
                _sync_folder(path.parent)
            fcntl.flock(descriptor, lock)
            yield Lines(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unusable(path.parent, error) from error


def put_in_place(path: Path, content: bytes) -> None:
    """Put a file in the place of the one before: whole, or not at all. Raises `Unavailable`."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unusable(path.parent, error) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(
        Text(
            vi=f"Không ghi được nhật ký ký tại {folder}: {error.strerror}. Không ký gì cho tới khi ghi được.",
            en=f"The signing journal in {folder} cannot be used: {error.strerror}. Nothing is signed until "
            "it can.",
        ),
        code="journal-unusable",
    )
