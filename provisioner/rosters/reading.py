"""Reading a roster: bytes in; rows, what was understood, and every problem out.

Bad content never raises. A file that is no roster at all is refused with one sentence and its
remedy; everything else is an entry for each row, with its problems beside it. Rows are read
again at each pass and never kept, so that a hundred thousand of them fit in little memory.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from provisioner.rosters.cells.choices import CATEGORIES, RowKind
from provisioner.rosters.columns import TITLES, Column, Header, find_header
from provisioner.rosters.csv_files import csv_table
from provisioner.rosters.encodings import detect, open_source
from provisioner.rosters.entries import EntryReader, RosterEntry
from provisioner.rosters.limits import MIB, Limits
from provisioner.rosters.problems import Problem, Refusal, Refused, Severity
from provisioner.rosters.tables import Rows, Table

__all__ = ["Problem", "Reading", "Refusal", "RosterEntry", "RowKind", "Severity", "Understood", "read_roster"]

DEFAULT_LIMITS = Limits()

_COLUMN_NUMBER = re.compile(r"\(?(\d{1,2})\)?")


@dataclass(frozen=True, slots=True)
class Understood:
    """How the file was read, for its sender to confirm."""

    format: str
    """`csv` or `xlsx`."""

    encoding: str | None
    confidence: float
    separator: str | None
    sheet: str | None
    header_row: int
    columns: Mapping[str, Column]
    """Header as written, and the column it was taken for, in the order of the file."""

    ignored: tuple[str, ...]
    """Headers that were not recognised, as written."""

    row_count: int
    """Rows below the header; blank rows and repeated headers do not count."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that was read, or the reason why it was not.

    `entries()` and `rows()` start afresh at each call and hold one row at a time.
    """

    sha256: str
    """Of the file's bytes, in hexadecimal."""

    problems: tuple[Problem, ...]
    """What concerns the file as a whole; the problems of a row are with its entry."""

    understood: Understood | None
    """None for a refused file."""

    refusal: Refusal | None
    _body: "_Body | None"

    @property
    def headers(self) -> tuple[str, ...]:
        """The header cells as written."""
        return self._body.header.cells if self._body else ()

    def rows(self) -> Rows:
        """Each row with its number, its cells as written and as many as the header has or more."""
        return self._body.rows() if self._body else iter(())

    def entries(self) -> Iterator[RosterEntry]:
        """Each row as it was understood, in the order of the file."""
        if self._body:
            read = self._body.reader.entry
            for number, cells in self._body.rows():
                yield read(number, cells)


def read_roster(
    source: bytes | Path,
    *,
    filename: str,
    today: date,
    encoding: str | None = None,
    categories: Mapping[str, str] = CATEGORIES,
    limits: Limits = DEFAULT_LIMITS,
) -> Reading:
    """Read a CSV file or an XLSX workbook.

    `source` is the file's bytes, or a path that must stay in place while the reading is used.
    `encoding` is what the sender chose by hand: utf-8, utf-16, windows-1258, tcvn3 or vni.
    `categories` gives the code of each accepted spelling of a category of staff. Nothing is
    raised about the content; an unreadable path raises OSError.
    """
    sha256, size = _fingerprint(source)
    try:
        if size > limits.file_bytes:
            raise _too_large(limits)
        table = csv_table(source, detect(source, encoding))
        header = _header_of(table)
        body = _Body(
            table,
            header,
            EntryReader(header, today=today, categories=categories, recapitalise=table.recapitalise),
        )
        row_count, problems = body.survey(limits)
    except Refused as refused:
        return Reading(sha256, (), None, refused.refusal, None)
    understood = Understood(
        format=table.format,
        encoding=table.encoding,
        confidence=table.confidence,
        separator=table.separator,
        sheet=table.sheet,
        header_row=header.row,
        columns={header.cells[position]: column for position, column in header.columns.items()},
        ignored=header.ignored,
        row_count=row_count,
    )
    return Reading(sha256, tuple(problems), understood, None, body)


class _Body:
    """The rows below the header."""

    def __init__(self, table: Table, header: Header, reader: EntryReader) -> None:
        self.table = table
        self.header = header
        self.reader = reader

    def rows(self) -> Rows:
        for number, cells in self.table.rows():
            if number > self.header.row and _is_data(cells):
                yield number, cells

    def survey(self, limits: Limits) -> tuple[int, list[Problem]]:
        return sum(1 for _ in self.rows()), []


def _is_data(cells: Sequence[str]) -> bool:
    return any(cells) and any(cell.strip() for cell in cells)


def _fingerprint(source: bytes | Path) -> tuple[str, int]:
    with open_source(source) as file:
        digest = hashlib.file_digest(file, "sha256")
        return digest.hexdigest(), file.tell()


def _header_of(table: Table) -> Header:
    header = find_header(table.rows())
    if header is None:
        raise Refused(
            "header-not-found",
            vi="Không tìm thấy dòng tiêu đề. Tệp phải có một dòng ghi tên cột, "
            "ít nhất là «Mã cơ quan» và «Họ và tên»; hãy tải tệp mẫu.",
            en="No header row was found. The file needs a row with the names of its columns, "
            "at least “Mã cơ quan” and “Họ và tên”; take the example file.",
        )
    if header.repeated:
        column = header.repeated[0]
        written = ", ".join(f"«{name}»" for name in header.named(column))
        raise Refused(
            "column-repeated",
            vi=f"Nhiều cột cùng là «{TITLES[column]}»: {written}. Hãy chỉ giữ lại một cột.",
            en=f"Several columns stand for “{TITLES[column]}”: {written}. Keep one of them.",
        )
    if header.missing:
        names = ", ".join(f"«{TITLES[column]}» ({column})" for column in header.missing)
        raise Refused(
            "column-missing",
            vi=f"Dòng tiêu đề (dòng {header.row}) thiếu cột bắt buộc: {names}.",
            en=f"The header (row {header.row}) lacks a required column: {names}.",
        )
    return header


def _too_large(limits: Limits) -> Refused:
    size = limits.file_bytes // MIB
    return Refused(
        "file-too-large",
        vi=f"Tệp lớn hơn {size} MB; hãy chia danh sách thành nhiều tệp.",
        en=f"The file is larger than {size} MB; split the list into several files.",
    )
