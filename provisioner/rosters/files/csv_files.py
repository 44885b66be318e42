"""Text files with separators: which separator, which rows."""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from provisioner.rosters.files.columns import find_header
from provisioner.rosters.files.encodings import Encoding, lines
from provisioner.rosters.files.problems import Refused
from provisioner.rosters.files.tables import Rows, Table

SEPARATORS = (",", ";", "\t", "|")

_LONGEST_RECORD = 40
"""Lines a row may run over before a quote must be taken for one that was never closed."""

_SAMPLE = 45


def csv_table(source: bytes | Path, encoding: Encoding) -> Table:
    """The table in a text file; each pass decodes it anew."""
    declared = _declared_separator(source, encoding)
    separator = declared or _likely_separator(source, encoding)

    def rows() -> Rows:
        return _records(source, encoding, separator, skip=declared is not None)

    return Table(
        rows=rows,
        format="csv",
        encoding=encoding.name,
        confidence=encoding.confidence,
        separator=separator,
    )


def _declared_separator(source: bytes | Path, encoding: Encoding) -> str | None:
    """The separator in Excel's own first line `sep=;`, which no spreadsheet shows as a row."""
    first = next(lines(source, encoding), "").strip().strip('"').lower()
    if first.startswith("sep=") and len(first) <= 5:
        return first[4:] or "\t"
    return None


def _likely_separator(source: bytes | Path, encoding: Encoding) -> str:
    """The separator under which most header names are recognised, else the most frequent one."""

    def columns_found(separator: str) -> tuple[int, int]:
        sample = list(islice(_records(source, encoding, separator, skip=False), _SAMPLE))
        header = find_header(sample)
        return (
            len(set(header.columns.values())) if header else 0,
            sum(len(cells) - 1 for _, cells in sample),
        )

    return max(SEPARATORS, key=columns_found)


def _records(source: bytes | Path, encoding: Encoding, separator: str, *, skip: bool) -> Rows:
    text: Iterator[str] = lines(source, encoding)
    if skip:
        next(text, None)
    reader = csv.reader(text, delimiter=separator)
    line, number = 0, 0
    try:
        for number, cells in enumerate(reader, start=1):
            if reader.line_num - line > _LONGEST_RECORD:
                raise _runaway_cell(number)
            line = reader.line_num
            yield number, cells
    except csv.Error:  # the one thing it still objects to: a cell of more than 131,072 characters
        raise _runaway_cell(number + 1) from None


def _runaway_cell(number: int) -> Refused:
    return Refused(
        "quote-unclosed",
        vi=f"Dòng {number}: một ô quá dài, thường do dấu ngoặc kép mở ra mà không đóng lại. "
        "Hãy sửa ô đó hoặc lưu tệp dạng .xlsx.",
        en=f"Row {number}: a cell runs on too long, most often from a quotation mark that is never closed. "
        "Correct that cell, or save the file as .xlsx.",
    )
