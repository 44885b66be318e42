"""The body of a table: the rows below its header that say something."""

import re
from collections.abc import Sequence
from itertools import count, takewhile

from provisioner.errors import Text
from provisioner.rosters.files.columns import Header
from provisioner.rosters.files.entries import EntryReader
from provisioner.rosters.files.limits import Limits
from provisioner.rosters.files.problems import Problem, Refused, Severity
from provisioner.rosters.files.tables import Rows, Table

_COLUMN_NUMBER = re.compile(r"\(?(\d{1,2})\)?")
_MOST_NOTICES = 20


class Body:
    """The rows below the header, without blank ones, repeated headers and the row `(1) (2) (3)`."""

    def __init__(self, table: Table, header: Header, reader: EntryReader) -> None:
        self.header = header
        self.reader = reader
        self._table = table
        self._first = min(header.columns)

    def rows(self) -> Rows:
        """Each row with its number and its cells as they are in the file."""
        for number, cells in self._written():
            if not (self._repeats_header(cells) or self._numbers_columns(number, cells)):
                yield number, cells

    def survey(self, limits: Limits) -> tuple[int, list[Problem]]:
        """Go through all rows once: how many there are, and which were passed over.

        Raises Refused for too many rows.
        """
        rows, notices = 0, []
        unread: set[int] = set()
        hidden: list[int] = []
        untitled = self.header.untitled
        for number, cells in self._written():
            if self._repeats_header(cells):
                notices.append(_repeated(number))
            elif not self._numbers_columns(number, cells):
                rows += 1
                if rows > limits.rows:
                    raise _too_many(limits)
                unread.update(at for at in untitled if at < len(cells) and cells[at].strip())
                if number in self._table.hidden:
                    hidden.append(number)
        del notices[_MOST_NOTICES:]
        if unread:
            notices.append(_untitled(unread, self.header))
        if hidden:
            notices.append(_hidden(hidden))
        return rows, notices

    def _written(self) -> Rows:
        start = self.header.row
        for number, cells in self._table.rows():
            if number > start and any(cells) and any(cell.strip() for cell in cells):
                yield number, cells

    def _repeats_header(self, cells: Sequence[str]) -> bool:
        """A list printed over several pages carries its header at the top of each."""
        header = self.header.cells
        return (
            len(cells) > self._first
            and cells[self._first] == header[self._first]
            and all(
                position < len(cells) and cells[position] == header[position]
                for position in self.header.columns
            )
        )

    def _numbers_columns(self, number: int, cells: Sequence[str]) -> bool:
        """Official forms number their columns in the row right below the header."""
        if number > self.header.row + 2:
            return False
        written = [_COLUMN_NUMBER.fullmatch(cell.strip()) for cell in cells if cell.strip()]
        in_order = takewhile(
            lambda pair: pair[0] and int(pair[0][1]) == pair[1], zip(written, count(1), strict=False)
        )
        return len(written) >= len(self.header.columns) > 1 and len(list(in_order)) == len(written)


def _repeated(number: int) -> Problem:
    text = Text(
        vi=f"Dòng {number} lặp lại dòng tiêu đề; đã bỏ qua.",
        en=f"Row {number} repeats the header; it was passed over.",
    )
    return Problem("header-row-repeated", Severity.WARNING, number, None, None, text)


def _untitled(positions: set[int], header: Header) -> Problem:
    places = ", ".join(str(position + 1) for position in sorted(positions))
    text = Text(
        vi=f"Các cột không có tiêu đề, tính từ trái sang, nên không được đọc: {places}.",
        en=f"Columns without a title, counted from the left, were not read: {places}.",
    )
    return Problem("columns-untitled", Severity.WARNING, header.row, None, None, text)


def _hidden(numbers: Sequence[int]) -> Problem:
    first, how_many = numbers[0], len(numbers)
    text = Text(
        vi=f"{how_many} dòng đang bị ẩn trong trang tính (do lọc hoặc do ẩn dòng) cũng được đọc, trước hết là dòng {first}; nếu "
        "không định gửi những dòng này thì hãy xóa chúng.",
        en=f"{how_many} rows that are hidden in the sheet (by a filter or by hand) were read too, the first is row {first}; "
        "delete them if they were not meant.",
    )
    return Problem("rows-hidden", Severity.WARNING, first, None, None, text)


def _too_many(limits: Limits) -> Refused:
    return Refused(
        "too-many-rows",
        vi=f"Danh sách có hơn {limits.rows} dòng; hãy chia thành nhiều tệp.",
        en=f"The list has more than {limits.rows} rows; split it into several files.",
    )
