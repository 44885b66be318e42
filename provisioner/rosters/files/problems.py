"""What can be wrong with a roster, told by row and column.

Nothing here raises. A refused row, a warning and a refused file are values, so that one bad
cell never costs the reader of the file the other ten thousand.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from provisioner.errors import Text
from provisioner.rosters.files.columns import Column

_EXCERPT_LENGTH = 60
_LONG_DIGITS = re.compile(r"(?:\d[ .\-]?){8,}\d")


class Severity(StrEnum):
    REFUSED = "refused"
    """The row cannot be carried out as it stands."""

    WARNING = "warning"
    """The row goes on; something was repaired, dropped or looks odd."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about a cell, a row (`column` is None) or the whole file (`row` is None too)."""

    code: str
    severity: Severity
    row: int | None
    """The row's number as the spreadsheet shows it, counted from 1 with the header."""

    column: Column | None
    value: str | None
    """A short excerpt of what stood there, with every long number covered."""

    text: Text


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file as a whole cannot be read, and what to do about it."""

    code: str
    text: Text


class Refused(Exception):
    """The file is refused. Raised and caught inside this room only."""

    def __init__(self, code: str, *, vi: str, en: str) -> None:
        super().__init__(en)
        self.refusal = Refusal(code, Text(vi=vi, en=en))


def excerpt(value: str) -> str:
    """Shorten a cell for a message and cover anything as long as an identity or phone number."""
    covered = _LONG_DIGITS.sub("***", value[: 4 * _EXCERPT_LENGTH])
    return covered if len(covered) <= _EXCERPT_LENGTH else covered[: _EXCERPT_LENGTH - 1] + "…"


class Notes:
    """Collects the problems of one row while its cells are read, one after the other."""

    __slots__ = ("column", "problems", "row", "value")

    def __init__(self, row: int) -> None:
        self.row = row
        self.problems: list[Problem] = []
        self.column: Column | None = None
        self.value: str | None = None

    def at(self, column: Column | None, value: str | None) -> None:
        """Turn to the next cell; what is noted from here on is about it. No column: the row as a whole."""
        self.column = column
        self.value = value

    def refuse(self, code: str, *, vi: str, en: str) -> None:
        self._add(code, Severity.REFUSED, Text(vi=vi, en=en))

    def warn(self, code: str, *, vi: str, en: str) -> None:
        self._add(code, Severity.WARNING, Text(vi=vi, en=en))

    def _add(self, code: str, severity: Severity, text: Text) -> None:
        # Law 91/2025/QH15: an identity number has no business in a message, a log or a plan's page.
        hidden = self.value is None or self.column is Column.NATIONAL_ID
        shown = None if hidden else excerpt(self.value or "")
        self.problems.append(Problem(code, severity, self.row, self.column, shown, text))


def as_json(problem: Problem) -> dict[str, str | int | None]:
    """A problem as the plan stores it."""
    return {
        "code": problem.code,
        "severity": problem.severity.value,
        "row": problem.row,
        "column": problem.column.value if problem.column else None,
        "value": problem.value,
        "vi": problem.text.vi,
        "en": problem.text.en,
    }
