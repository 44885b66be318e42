"""Giving a roster back: the same rows, with what became of each beside it."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import xlsxwriter

from provisioner.rosters.files.columns import Column, fold, recognise
from provisioner.rosters.files.limits import LONGEST_CELL

RESULT_HEADERS = ("trang_thai", "dia_chi_cap", "ly_do")
"""The columns we add: what became of the row, the address it was given, and the reasons."""

_FORMULA_STARTS = frozenset("=+-@\t\r\n\x00＝＋－＠")
"""ASVS 5.0 1.2.10, and the full-width forms that an East Asian Excel takes for the plain ones."""

_NOT_XML = re.compile("[\ufffe\uffff\ud800-\udfff]")
_WIDTHS = {Column.FULL_NAME: 28, Column.POSITION: 28, Column.ADDRESS: 32, Column.NATIONAL_ID: 16}
_RESULT_WIDTHS = (16, 34, 60)


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A row as it came in, and what became of it."""

    cells: Sequence[str]
    status: str
    address: str | None = None
    reasons: Sequence[str] = ()
    refused: bool = False
    """Whether to colour the row: somebody has to correct it."""


def write_result(
    out: Path | BinaryIO,
    *,
    format: Literal["csv", "xlsx"],  # noqa: A002 - the word that people use for it
    headers: Sequence[str],
    rows: Iterable[ResultRow],
    summary: Sequence[tuple[str, int | str]] = (),
    separator: str = ",",
) -> None:
    """Write the rows with three more columns, one row in memory at a time.

    CSV is UTF-8 with a mark, so that Excel shows the accents, and separated as the sender's file
    was. XLSX opens on a sheet with the `summary`, label and figure. A result can be corrected and
    sent in again: its own three columns are then replaced and not doubled. In both formats no
    cell of the sender's can act as a formula.
    """
    kept = [position for position, header in enumerate(headers) if header.strip() not in RESULT_HEADERS]
    width = len(headers)

    def lines() -> Iterator[tuple[list[str], bool]]:
        for row in rows:
            cells = [row.cells[position] if position < len(row.cells) else "" for position in kept]
            surplus = list(row.cells[width:])
            yield [*cells, row.status, row.address or "", "; ".join(row.reasons), *surplus], row.refused

    all_headers = [*(headers[position] for position in kept), *RESULT_HEADERS]
    if format == "xlsx":
        _write_xlsx(out, all_headers, lines(), summary)
    elif isinstance(out, Path):
        with out.open("wb") as file:
            _write_csv(file, all_headers, lines(), separator)
    else:
        _write_csv(out, all_headers, lines(), separator)


def harmless(cell: str) -> str:
    """The cell with a quote before anything a spreadsheet would take for a formula."""
    return f"'{cell}" if cell.lstrip(" ")[:1] in _FORMULA_STARTS else cell


def _write_csv(
    out: BinaryIO, headers: Sequence[str], lines: Iterable[tuple[list[str], bool]], separator: str
) -> None:
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", errors="replace")
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n")
    writer.writerow(map(harmless, headers))
    writer.writerows(map(harmless, cells) for cells, _ in lines)
    text.flush()
    text.detach()


def _write_xlsx(
    out: Path | BinaryIO,
    headers: Sequence[str],
    lines: Iterable[tuple[list[str], bool]],
    summary: Sequence[tuple[str, int | str]],
) -> None:
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(str(out) if isinstance(out, Path) else out, options) as book:
        _write_summary(book, summary)
        sheet = book.add_worksheet("Kết quả")
        title = book.add_format({"bold": True, "bg_color": "#DCE6F1", "text_wrap": True, "valign": "top"})
        # Text format: a code that somebody types over keeps its leading zeros.
        plain = book.add_format({"num_format": "@"})
        refused = book.add_format({"num_format": "@", "bg_color": "#FBE0DD"})
        for position, width in enumerate(_widths(headers)):
            sheet.set_column(position, position, width, plain)
        sheet.freeze_panes(1, 0)
        _write_row(sheet, 0, headers, title)
        number = 0
        for number, (cells, is_refused) in enumerate(lines, start=1):
            _write_row(sheet, number, cells, refused if is_refused else plain)
        sheet.autofilter(0, 0, number, len(headers) - 1)


def _write_summary(book: Any, summary: Sequence[tuple[str, int | str]]) -> None:
    sheet = book.add_worksheet("Tổng hợp")
    sheet.set_column(0, 0, 40)
    sheet.set_column(1, 1, 24)
    sheet.write_string(0, 0, "Kết quả xử lý danh sách", book.add_format({"bold": True, "font_size": 14}))
    figure = book.add_format({"num_format": "#,##0", "align": "right"})
    for number, (label, value) in enumerate(summary, start=2):
        sheet.write_string(number, 0, _fit(label))
        if isinstance(value, int):
            sheet.write_number(number, 1, value, figure)
        else:
            sheet.write_string(number, 1, _fit(value))


def _write_row(sheet: Any, number: int, cells: Sequence[str], look: Any) -> None:
    for position, cell in enumerate(cells):
        if cell:
            sheet.write_string(number, position, _fit(cell), look)
        else:
            sheet.write_blank(number, position, None, look)


def _fit(cell: str) -> str:
    """The cell within the limits of the format; a string is never a formula there."""
    return _NOT_XML.sub("\ufffd", cell[:LONGEST_CELL])


def _widths(headers: Sequence[str]) -> Iterator[int]:
    own = len(headers) - len(RESULT_HEADERS)
    for header in headers[:own]:
        column = recognise(header)
        yield _WIDTHS.get(column, 14) if column else min(30, max(10, len(fold(header)) + 2))
    yield from _RESULT_WIDTHS
