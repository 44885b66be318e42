"""The coverage table as CSV, for whatever has no workbooks."""

import csv
import io
from typing import BinaryIO

from provisioner.coverage.figures import Measure, percent
from provisioner.reports.columns import COLUMNS, NAMES, NOTE, SUBTOTAL, TOTAL, Counted
from provisioner.reports.rows import Table, note
from provisioner.rosters.returning import harmless


def write_csv(out: BinaryIO, table: Table, *, language: str = "vi") -> None:
    """Write the table's rows, subtotals and total: UTF-8 with a mark, so that Excel shows the accents.

    Counts are bare digits; rates are written as in print (`62,4%`). No cell can act as a formula.
    """
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="")
    writer = csv.writer(text, lineterminator="\r\n")

    def write(*cells: str) -> None:
        writer.writerow(map(harmless, cells))

    def figures(counted: Counted) -> list[str]:
        return [_written(column.figure(counted), language) for column in COLUMNS]

    write(
        *(head.in_language(language) for head in NAMES),
        *(column.title(language) for column in COLUMNS),
        NOTE.in_language(language),
    )
    for group in table.groups:
        for row in group.rows:
            names = (str(row.number), row.name, row.code or "", group.name, row.level)
            write(*names, *figures(row.counted), note(row.counted, language) if row.code else "")
        subtotal = SUBTOTAL.in_language(language)
        write(group.numeral, subtotal, "", group.name, "", *figures(group.subtotal), "")
    write("", TOTAL.in_language(language), "", "", "", *figures(table.total), "")
    text.flush()
    text.detach()


def _written(figure: int | Measure, language: str) -> str:
    return percent(figure, language) if isinstance(figure, Measure) else str(figure)
