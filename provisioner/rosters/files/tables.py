"""A table: numbered rows of text cells, whatever file they came in."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Rows: TypeAlias = Iterator[tuple[int, Sequence[str]]]
"""Each row with its number as a spreadsheet shows it. Blank rows may be left out."""


class Unclosed(list[str]):
    """The cells of a row that opens a quotation mark and does not close it."""

    def __init__(self, cells: Iterable[str], *, last: int) -> None:
        super().__init__(cells)
        self.last = last
        """The number of the last row that would have become part of it."""


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of a file, to be gone through as often as needed."""

    rows: Callable[[], Rows]
    format: str
    """`csv` or `xlsx`."""

    encoding: str | None = None
    """As in `encodings`; None for a workbook, unless its text was typed in an old font."""

    confidence: float = 1.0
    """How sure the encoding is, from 0 to 1."""

    separator: str | None = None
    sheet: str | None = None
    other_sheets: tuple[str, ...] = ()
    hidden: frozenset[int] = frozenset()
    """Numbers of rows that whoever opens the sheet does not see."""

    @property
    def loses_capitals(self) -> bool:
        """Whether names must be given their capitals again: TCVN3 has no capital accented vowels."""
        return self.encoding == "tcvn3"
