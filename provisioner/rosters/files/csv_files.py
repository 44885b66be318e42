"""Text files with separators: which separator, which rows."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from provisioner.rosters.files.columns import Header, find_header
from provisioner.rosters.files.encodings import Encoding, lines
from provisioner.rosters.files.records import records
from provisioner.rosters.files.tables import Rows, Table

SEPARATORS = (",", ";", "\t", "|")

_SAMPLE = 45


def csv_table(source: bytes | Path, encoding: Encoding) -> Table:
    """The table in a text file; each pass decodes it anew."""
    declared = _declared_separator(source, encoding)
    separator = declared or _likely_separator(source, encoding)
    skip = declared is not None
    header = find_header(_records(source, encoding, separator, skip=skip))

    def rows() -> Rows:
        return _records(source, encoding, separator, header, skip=skip)

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


def _records(
    source: bytes | Path, encoding: Encoding, separator: str, header: Header | None = None, *, skip: bool
) -> Rows:
    text: Iterator[str] = lines(source, encoding)
    if skip:
        next(text, None)
    return records(text, separator, header)
