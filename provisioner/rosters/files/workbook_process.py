"""The process that opens one workbook: on its own, with little memory and little time.

It takes the file on standard input and gives its table on standard output, as compressed lines of
JSON: first the sheet's name or a refusal, then each row that is not blank with its number. The
parser is native code fed by strangers; whatever happens to it happens here. Run by `workbooks`.
"""

import gzip
import io
import json
import resource
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from types import MappingProxyType
from typing import Any

from python_calamine import CalamineError, CalamineSheet, SheetTypeEnum, SheetVisibleEnum, load_workbook

from provisioner.rosters.files.archives import inspect, too_big, unreadable
from provisioner.rosters.files.columns import find_header
from provisioner.rosters.files.limits import LONGEST_CELL, Limits
from provisioner.rosters.files.old_fonts import FONTS
from provisioner.rosters.files.problems import Refused
from provisioner.rosters.files.sheet_marks import marks

_SAMPLE = 45


def main() -> None:
    limits = Limits(**json.loads(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.workbook_seconds, limits.workbook_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (limits.workbook_memory, limits.workbook_memory))
    with gzip.open(sys.stdout.buffer, "wt", compresslevel=1, encoding="utf-8", newline="\n") as out:
        for line in _answer(io.BytesIO(sys.stdin.buffer.read()), limits):
            out.write(json.dumps(line, ensure_ascii=False))
            out.write("\n")


def _answer(file: io.BytesIO, limits: Limits) -> Iterator[Any]:
    try:
        inspect(file, limits)
        file.seek(0)
        workbook = load_workbook(file)
        names = [
            sheet.name
            for sheet in workbook.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
        ]
        name, sheet = _roster_sheet(names, workbook.get_sheet_by_name)
    except Refused as refused:
        yield _refusal(refused)
        return
    except MemoryError:
        yield _refusal(too_big())
        return
    except (CalamineError, ValueError, OSError):
        yield _refusal(unreadable())
        return
    found = marks(file, name)
    yield {"sheet": name, "others": [other for other in names if other != name], "hidden": found.hidden}
    yield from _rows(sheet, found.errors)


def _refusal(refused: Refused) -> dict[str, str]:
    text = refused.refusal.text
    return {"code": refused.refusal.code, "vi": text.vi, "en": text.en}


def _roster_sheet(names: list[str], sheet_named: Callable[[str], CalamineSheet]) -> tuple[str, CalamineSheet]:
    """The first visible sheet with a header we know; the first of all when none has one."""
    if not names:
        raise unreadable()
    for name in names:
        sheet = sheet_named(name)
        if _has_header(sheet):
            return name, sheet
    return names[0], sheet_named(names[0])


def _has_header(sheet: CalamineSheet) -> bool:
    sample = list(islice(_rows(sheet), _SAMPLE))
    return find_header(sample) is not None or any(
        find_header((number, [convert(cell) for cell in cells]) for number, cells in sample)
        for convert in FONTS.values()
    )


def _rows(
    sheet: CalamineSheet, errors: Mapping[int, Sequence[tuple[int, str]]] = MappingProxyType({})
) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank. A cell merged over several rows, as lists have an agency's code, stands in each."""
    _, left = sheet.start or (0, 0)  # rows are given from the first on, columns from the first that is used
    merged: dict[int, list[tuple[int, int]]] = {}
    for (first, column), (last, _) in sheet.merged_cell_ranges or ():
        if column >= left:
            merged.setdefault(first + 1, []).append((column - left, last + 1))
    held: dict[int, tuple[int, str]] = {}
    for number, values in enumerate(sheet.iter_rows(), start=1):
        cells = [value[:LONGEST_CELL] if type(value) is str else _text(value) for value in values]
        for column, text in errors.get(number, ()):
            if left <= column < left + len(cells):
                cells[column - left] = text
        if any(cells):
            for column, (last, text) in held.items():
                if number <= last and not cells[column]:
                    cells[column] = text
            yield number, cells
        held |= {
            column: (last, cells[column]) for column, last in merged.get(number, ()) if column < len(cells)
        }


def _text(value: object) -> str:
    """A number or a date as somebody would type it into a CSV file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


if __name__ == "__main__":
    main()
