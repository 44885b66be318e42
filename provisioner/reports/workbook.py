"""The coverage table as a workbook: figures as numbers, ready to filter, to chart and to print."""

from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import xlsxwriter

from provisioner.agencies.reference import Reference
from provisioner.coverage.figures import Measure
from provisioner.coverage.scopes import described
from provisioner.coverage.tallies import Coverage
from provisioner.days import VIETNAM
from provisioner.errors import Text
from provisioner.reports.columns import BY_KEY, COLUMNS, NAMES, NOTE, SUBTOTAL, TOTAL, Counted
from provisioner.reports.definitions import definitions
from provisioner.reports.rows import Group, Row, Table, note

TITLE = Text(
    vi="Tỷ lệ cấp hộp thư công vụ, chứng thư số theo cơ quan",
    en="Official mailboxes and signing certificates by agency",
)
_WIDTHS = (5, 40, 12, 19, 9)
"""Of the columns of `NAMES`, in characters."""
_FIRST = len(NAMES)
_LAST = _FIRST + len(COLUMNS)
_TOP = 3
"""The row of the upper heads, below title, moment and scope."""
_CHARTED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("staff_rate", {"fill": {"color": "#1F4E79"}}),
    (
        "use_rate",
        {"pattern": {"pattern": "wide_upward_diagonal", "fg_color": "#1F4E79", "bg_color": "#FFFFFF"}},
    ),
    ("leaders_rate", {"fill": {"color": "#FFFFFF"}}),
)
"""Told apart without colour: full, hatched, empty."""
_COUNT, _RATE = "#,##0", "0.0%"
_MARGIN_INCHES = 0.4
_LINE = 15.5
"""The height of a line of text, in points."""


def write_workbook(
    out: Path | BinaryIO, coverage: Coverage, table: Table, reference: Reference, *, language: str = "vi"
) -> None:
    """Write three sheets: the table, what each metric counts, and the blocs as a chart.

    Rates are numbers rounded as they are printed everywhere, so that a sheet never shows 100 %
    where somebody is missing. No cell is a formula: the sums are those of the books.
    """
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "in_memory": not isinstance(out, Path),
    }
    with xlsxwriter.Workbook(str(out) if isinstance(out, Path) else out, options) as book:
        book.set_properties({"title": TITLE.in_language(language), "created": _naive(coverage.at)})
        sheets = _Sheets(book, coverage, reference, language)
        sheets.write_table(table)
        sheets.write_definitions()
        sheets.write_chart(table)


def _naive(moment: datetime) -> datetime:
    """The hour in Vietnam; workbooks know no time zones."""
    return moment.astimezone(VIETNAM).replace(tzinfo=None)


def _height(*cells: tuple[str, int]) -> float:
    """The height of a row, in points, from its texts and the widths of their columns in characters."""
    return _LINE * max(1 + len(words) // width for words, width in cells)


class _Sheets:
    """One workbook being written."""

    def __init__(self, book: Any, coverage: Coverage, reference: Reference, language: str) -> None:
        self._book = book
        self._coverage = coverage
        self._reference = reference
        self._language = language
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    def write_table(self, table: Table) -> None:
        sheet = self._book.add_worksheet(self._said(Text(vi="Theo cơ quan", en="By agency")))
        self._write_heads(sheet)
        line = _TOP + 2
        for group in table.groups:
            self._write_group(sheet, line, group)
            for row in group.rows:
                line += 1
                self._write_row(sheet, line, row, group)
            line += 1
            self._write_sums(sheet, line, self._said(SUBTOTAL), group.name, group.subtotal, "#F2F2F2")
            line += 1
        sheet.autofilter(_TOP + 1, 0, max(line - 1, _TOP + 2), _LAST)
        self._write_sums(sheet, line, self._said(TOTAL), "", table.total, "#D9E2EC")
        sheet.freeze_panes(_TOP + 2, 2)
        self._set_up_printing(sheet, line)

    def _write_heads(self, sheet: Any) -> None:
        moment = _naive(self._coverage.at).strftime("%d/%m/%Y %H:%M")
        scope = described(self._coverage.scope, self._reference, language=self._language)
        as_of = self._said(Text(vi="Tính đến", en="As of"))
        sheet.write_string(0, 0, self._said(TITLE).upper(), self._format(bold=True, font_size=14))
        sheet.write_string(1, 0, f"{as_of} {moment}; {scope}", self._format(italic=True))
        head = self._format(
            bold=True, text_wrap=True, align="center", valign="vcenter", border=1, bg_color="#D9E2EC"
        )
        for position, (name, width) in enumerate(zip(NAMES, _WIDTHS, strict=True)):
            sheet.merge_range(_TOP, position, _TOP + 1, position, self._said(name), head)
            sheet.set_column(position, position, width)
        begun = _FIRST
        for position, column in enumerate(COLUMNS, start=_FIRST):
            over = COLUMNS[position - _FIRST].over
            following = COLUMNS[position - _FIRST + 1].over if position + 1 < _LAST else None
            if over is None:
                sheet.merge_range(_TOP, position, _TOP + 1, position, self._said(column.head), head)
            else:
                sheet.write_string(_TOP + 1, position, self._said(column.head), head)
            if over is not None and over is not following:
                sheet.merge_range(_TOP, begun, _TOP, position, self._said(over), head)
            if over is not following:
                begun = position + 1
        sheet.set_column(_FIRST, _LAST - 1, 8)
        sheet.merge_range(_TOP, _LAST, _TOP + 1, _LAST, self._said(NOTE), head)
        sheet.set_column(_LAST, _LAST, 20)
        sheet.set_row(_TOP, 2 * _LINE)
        sheet.set_row(_TOP + 1, 3 * _LINE)

    def _write_group(self, sheet: Any, line: int, group: Group) -> None:
        look: dict[str, Any] = {"bold": True, "border": 1, "bg_color": "#EAF0F6"}
        sheet.write_string(line, 0, group.numeral, self._format(align="center", **look))
        sheet.write_string(line, 1, group.name, self._format(**look))
        for position in range(2, _LAST + 1):
            sheet.write_blank(line, position, None, self._format(**look))
        sheet.write_string(line, 3, group.name, self._format(**look))

    def _write_row(self, sheet: Any, line: int, row: Row, group: Group) -> None:
        sheet.write_number(line, 0, row.number, self._format(border=1, align="center", valign="top"))
        text = self._format(border=1, valign="top")
        wrapped = self._format(border=1, valign="top", text_wrap=True)
        said = note(row.counted, self._language) if row.code else ""
        sheet.write_string(line, 1, row.name, wrapped)
        for position, words in enumerate((row.code or "", group.name, row.level), start=2):
            sheet.write_string(line, position, words, text)
        self._write_figures(sheet, line, row.counted)
        sheet.write_string(line, _LAST, said, wrapped)
        sheet.set_row(line, _height((row.name, 40), (said, 20)))

    def _write_sums(
        self, sheet: Any, line: int, name: str, bloc: str, counted: Counted, background: str
    ) -> None:
        look: dict[str, Any] = {"bold": True, "border": 1, "bg_color": background}
        for position, words in enumerate(("", name, "", bloc, "")):
            sheet.write_string(line, position, words, self._format(**look))
        self._write_figures(sheet, line, counted, **look)
        sheet.write_blank(line, _LAST, None, self._format(**look))

    def _write_figures(self, sheet: Any, line: int, counted: Counted, **look: Any) -> None:
        for position, column in enumerate(COLUMNS, start=_FIRST):
            self._write_figure(sheet, line, position, column.figure(counted), **{"border": 1, **look})

    def _write_figure(self, sheet: Any, line: int, position: int, figure: int | Measure, **look: Any) -> None:
        if isinstance(figure, int):
            sheet.write_number(line, position, figure, self._format(num_format=_COUNT, valign="top", **look))
        elif figure.tenths is None:
            sheet.write_string(line, position, "–", self._format(align="right", valign="top", **look))
        else:
            rate = self._format(num_format=_RATE, valign="top", **look)
            sheet.write_number(line, position, figure.tenths / 1000, rate)

    def _set_up_printing(self, sheet: Any, last: int) -> None:
        """A4 landscape, one page wide, with the heads on every page and pages numbered."""
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(_TOP, _TOP + 1)
        sheet.print_area(0, 0, last, _LAST)
        sheet.set_margins(left=_MARGIN_INCHES, right=_MARGIN_INCHES, top=_MARGIN_INCHES, bottom=0.7)
        sheet.set_footer("&C&P/&N")

    def write_definitions(self) -> None:
        sheet = self._book.add_worksheet(self._said(Text(vi="Chỉ tiêu", en="Metrics")))
        heads = (
            (Text(vi="Mã", en="Code"), 7),
            (Text(vi="Chỉ tiêu", en="Metric"), 30),
            (Text(vi="Tử số, hoặc số đếm", en="Numerator, or what is counted"), 58),
            (Text(vi="Mẫu số", en="Denominator"), 52),
            (Text(vi="n", en="n"), 10),
            (Text(vi="N", en="N"), 10),
            (Text(vi="Tỷ lệ (%)", en="Rate (%)"), 11),
        )
        head = self._format(bold=True, border=1, bg_color="#D9E2EC", align="center")
        for position, (name, width) in enumerate(heads):
            sheet.write_string(0, position, self._said(name), head)
            sheet.set_column(position, position, width)
        text = self._format(text_wrap=True, valign="top", border=1)
        for line, definition in enumerate(definitions(self._coverage), start=1):
            words = (
                definition.code,
                *map(self._said, (definition.name, definition.counted, definition.of)),
            )
            for position, word in enumerate(words):
                sheet.write_string(line, position, word, text)
            sheet.set_row(line, _height(*((word, heads[column][1]) for column, word in enumerate(words))))
            figure, none = definition.figure, Measure(0, 0)
            cells: tuple[int | Measure, ...] = (
                (figure, none, none) if isinstance(figure, int) else (figure.n, figure.of, figure)
            )
            for position, cell in enumerate(cells, start=len(words)):
                self._write_figure(sheet, line, position, cell, border=1)
        sheet.freeze_panes(1, 0)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)

    def write_chart(self, table: Table) -> None:
        """The rates of the blocs and of the whole, as a small table with a bar chart below it."""
        name = self._said(Text(vi="Biểu đồ", en="Chart"))
        sheet = self._book.add_worksheet(name)
        head = self._format(
            bold=True, border=1, bg_color="#D9E2EC", align="center", valign="vcenter", text_wrap=True
        )
        columns = [BY_KEY[key] for key, _look in _CHARTED]
        sheet.write_string(0, 0, self._said(NAMES[3]), head)
        sheet.set_column(0, 0, 50)
        sheet.set_column(1, len(columns), 26)
        sheet.set_row(0, 2 * _LINE)
        for position, column in enumerate(columns, start=1):
            sheet.write_string(0, position, column.title(self._language), head)
        lines = [(group.name, group.subtotal) for group in table.groups]
        lines.append((self._said(TOTAL), table.total))
        for line, (words, counted) in enumerate(lines, start=1):
            sheet.write_string(line, 0, words, self._format(border=1))
            for position, column in enumerate(columns, start=1):
                self._write_figure(sheet, line, position, column.figure(counted), border=1)
        chart = self._book.add_chart({"type": "bar"})
        for position, (_key, look) in enumerate(_CHARTED, start=1):
            chart.add_series(
                {
                    "name": [name, 0, position],
                    "categories": [name, 1, 0, len(lines), 0],
                    "values": [name, 1, position, len(lines), position],
                    "border": {"color": "#1F4E79"},
                    "data_labels": {"value": True, "num_format": _RATE},
                    "gap": 60,
                    **look,
                }
            )
        chart.set_title({"name": self._said(TITLE), "name_font": {"size": 13}})
        chart.set_x_axis({"min": 0, "max": 1, "num_format": "0%", "major_gridlines": {"visible": True}})
        chart.set_y_axis({"reverse": True})
        chart.set_legend({"position": "bottom"})
        chart.set_plotarea({"layout": {"x": 0.24, "y": 0.14, "width": 0.68, "height": 0.74}})
        chart.set_size({"width": 980, "height": 160 + 70 * len(lines)})
        sheet.insert_chart(len(lines) + 2, 0, chart, {"description": self._said(TITLE), "object_position": 3})
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 1)

    def _said(self, text: Text) -> str:
        return text.in_language(self._language)

    def _format(self, **look: Any) -> Any:
        """A format of the workbook, made once."""
        key = tuple(sorted(look.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format({"font_name": "Times New Roman", **look})
        return self._formats[key]
