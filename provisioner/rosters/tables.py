"""A table: numbered rows of text cells, whatever file they came in."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Rows: TypeAlias = Iterator[tuple[int, Sequence[str]]]
"""Each row with its number as a spreadsheet shows it. Blank rows may be left out."""


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of a file, to be gone through as often as needed."""

    rows: Callable[[], Rows]
    format: str
    """`csv` or `xlsx`."""

    encoding: str | None = None
    confidence: float = 1.0
    """How sure the encoding is, from 0 to 1."""

    separator: str | None = None
    sheet: str | None = None
    other_sheets: tuple[str, ...] = ()
    recapitalise: bool = False
    """Whether capitals were lost in conversion, as they are from TCVN3."""
