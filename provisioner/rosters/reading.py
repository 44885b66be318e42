"""Reading a roster: bytes in; rows, what was understood, and every problem out.

Bad content never raises. A file that is no roster at all is refused with one sentence and its
remedy; everything else is an entry for each row, with its problems beside it. Rows are read
again at each pass and never kept, so that a hundred thousand of them fit in little memory.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from provisioner.errors import Text
from provisioner.rosters.files.bodies import Body
from provisioner.rosters.files.cells.choices import CATEGORIES, RowKind
from provisioner.rosters.files.columns import TITLES, Column, Header, find_header
from provisioner.rosters.files.csv_files import csv_table
from provisioner.rosters.files.encodings import TITLES as ENCODING_TITLES
from provisioner.rosters.files.encodings import detect, open_source
from provisioner.rosters.files.entries import EntryReader, RosterEntry
from provisioner.rosters.files.filetypes import file_type
from provisioner.rosters.files.limits import MIB, Limits
from provisioner.rosters.files.problems import Problem, Refusal, Refused, Severity, excerpt
from provisioner.rosters.files.tables import Rows, Table
from provisioner.rosters.files.workbooks import workbook_table

__all__ = ["Problem", "Reading", "Refusal", "RosterEntry", "RowKind", "Severity", "Understood", "read_roster"]

DEFAULT_LIMITS = Limits()

_SUFFIXES = {".csv": ("csv",), ".txt": ("csv",), ".tsv": ("csv",), ".xlsx": ("xlsx",), ".xlsm": ("xlsx",)}


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
    _body: Body | None

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
    sha256 = _sha256(source)
    try:
        table = _table(source, filename, encoding, limits)
        header = _header_of(table, limits)
        reader = EntryReader(header, today=today, categories=categories, recapitalise=table.loses_capitals)
        body = Body(table, header, reader)
        row_count, skipped = body.survey(limits)
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
    notices = (*_notices(table, header, filename), *skipped)
    return Reading(sha256, notices, understood, None, body)


def _sha256(source: bytes | Path) -> str:
    with open_source(source) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _table(source: bytes | Path, filename: str, encoding: str | None, limits: Limits) -> Table:
    with open_source(source) as file:
        size = file.seek(0, 2)
        file.seek(0)
        start = file.read(4096)
    if size > limits.file_bytes:
        raise Refused(
            "file-too-large",
            vi=f"Tệp lớn hơn {limits.file_bytes // MIB} MB; hãy chia danh sách thành nhiều tệp.",
            en=f"The file is larger than {limits.file_bytes // MIB} MB; split the list into several files.",
        )
    if file_type(start, filename) == "xlsx":
        return workbook_table(source, encoding, limits)
    return csv_table(source, detect(source, encoding))


def _header_of(table: Table, limits: Limits) -> Header:
    header = find_header(table.rows())
    if header is None:
        raise Refused(
            "header-not-found",
            vi="Không tìm thấy dòng tiêu đề. Tệp phải có một dòng ghi tên cột, "
            "ít nhất là «Mã cơ quan» và «Họ và tên»; hãy tải tệp mẫu.",
            en="No header row was found. The file needs a row with the names of its columns, "
            "at least “Mã cơ quan” and “Họ và tên”; take the example file.",
        )
    if len(header.cells) > limits.columns:
        raise Refused(
            "too-many-columns",
            vi=f"Bảng có hơn {limits.columns} cột; hãy chỉ giữ các cột cần thiết.",
            en=f"The table has more than {limits.columns} columns; keep the ones that are needed.",
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


def _notices(table: Table, header: Header, filename: str) -> Iterator[Problem]:
    """What the sender should know about how the file was taken."""
    if table.confidence < 1:
        title = ENCODING_TITLES[table.encoding or ""]
        yield _notice(
            "encoding-guessed",
            vi=f"Tệp có vẻ dùng bảng mã {title}. Hãy xem kỹ họ tên; nếu sai, hãy chọn bảng mã khác.",
            en=f"The file seems to be in {title}. Look at the names; if they are wrong, choose another.",
        )
    if header.ignored:
        names = ", ".join(f"«{excerpt(name)}»" for name in header.ignored)
        yield _notice(
            "columns-ignored",
            vi=f"Các cột không dùng đến: {names}.",
            en=f"Columns that are not used: {names}.",
            row=header.row,
        )
    if table.other_sheets:
        names = ", ".join(f"«{excerpt(name)}»" for name in table.other_sheets)
        yield _notice(
            "sheets-ignored",
            vi=f"Chỉ đọc trang tính «{table.sheet}»; không đọc: {names}.",
            en=f"Only the sheet “{table.sheet}” was read; not read: {names}.",
        )
    suffix = Path(filename).suffix.lower()
    if suffix in _SUFFIXES and table.format not in _SUFFIXES[suffix]:
        yield _notice(
            "filename-misleading",
            vi=f"Tên tệp có đuôi {suffix} nhưng nội dung là {table.format.upper()}; đã đọc theo nội dung.",
            en=f"The file's name ends in {suffix} but it is {table.format.upper()}; it was read as that.",
        )


def _notice(code: str, *, vi: str, en: str, row: int | None = None) -> Problem:
    return Problem(code, Severity.WARNING, row, None, None, Text(vi=vi, en=en))
