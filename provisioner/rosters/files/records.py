"""The records of a text with separators; a quotation mark that is never closed costs its own line and no other.

To a CSV reader such a mark makes one cell of everything up to the next mark, so that people vanish without
a word. Here the line that opens it is a row by itself, marked as `Unclosed`, and the lines after it are read
again as the rows they are.
"""

import csv
from collections.abc import Iterator, Sequence
from itertools import count

from provisioner.rosters.files.columns import REQUIRED, Header
from provisioner.rosters.files.tables import Rows, Unclosed

_LONGEST_RECORD = 40
"""Lines a row may run over before a quote must be taken for one that was never closed."""


def records(lines: Iterator[str], separator: str, header: Header | None) -> Rows:
    """Each record with its number. Without the header it is not known what looks like a row."""
    feed = _Lines(lines)
    reader = csv.reader(feed, delimiter=separator)
    for number in count(1):
        feed.taken.clear()
        try:
            cells = next(reader, None)
        except csv.Error:  # the one thing it still objects to: a cell of more than 131,072 characters
            cells = []
            runs_on = True
        else:
            runs_on = len(feed.taken) > 1 and _swallows_rows(feed.taken, cells or (), separator, header)
        if cells is None:
            return
        if runs_on:
            cells = Unclosed(_alone(feed.taken[0], separator), last=number + len(feed.taken) - 1)
            feed.put_back()
        yield number, cells


class _Lines:
    """Gives the reader the lines of one record, and takes back those that it should not have had."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.taken: list[str] = []
        self._lines = lines
        self._again: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) > _LONGEST_RECORD:
            raise StopIteration
        line = self._again.pop() if self._again else next(self._lines)
        self.taken.append(line)
        return line

    def put_back(self) -> None:
        """All lines of this record but the first."""
        self._again += self.taken[:0:-1]


def _swallows_rows(lines: Sequence[str], cells: Sequence[str], separator: str, header: Header | None) -> bool:
    """Whether a record of several lines holds others, and not just a cell with line breaks.

    Where every mark is closed in good order, as Excel writes them, a line inside a cell has to be as wide as
    the header to be taken for a row; where not, it is enough that it reaches the columns that each row needs.
    """
    if len(lines) > _LONGEST_RECORD:
        return True
    if header is None:
        return False
    if _in_good_order(lines, separator):
        inside = [line for cell in cells for line in cell.splitlines()[1:]]
        width = len(header.cells)
    else:
        inside = list(lines[1:])
        width = 1 + max((at for at, column in header.columns.items() if column in REQUIRED), default=0)
    return any(len(_alone(line, separator)) >= width for line in inside)


def _in_good_order(lines: Sequence[str], separator: str) -> bool:
    try:
        list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error:
        return False
    return True


def _alone(line: str, separator: str) -> list[str]:
    """The cells of one line, of as much of it as the reader takes."""
    return next(csv.reader([line[: csv.field_size_limit()]], delimiter=separator), [])
