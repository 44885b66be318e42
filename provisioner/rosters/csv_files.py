"""Text files with separators: which separator, which rows."""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from provisioner.rosters.columns import find_header
from provisioner.rosters.encodings import Encoding, lines
from provisioner.rosters.problems import Refused
from provisioner.rosters.tables import Rows, Table

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
        recapitalise=encoding.loses_capitals,
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
                raise _unclosed_quote(number)
            line = reader.line_num
            yield number, cells
    except csv.Error:
        raise _unclosed_quote(number + 1) from None


def _unclosed_quote(number: int) -> Refused:
    return Refused(
        "quote-unclosed",
        vi=f"Dòng {number}: một dấu ngoặc kép mở ra mà không đóng lại, nên các dòng sau bị dồn vào một ô. "
        "Hãy sửa ô đó hoặc lưu tệp dạng .xlsx.",
        en=f"Row {number}: a quotation mark is opened and never closed, so the rows after it run into "
        "one cell. Correct that cell, or save the file as .xlsx.",
    )
