"""A file to try the site with: people whom the demo's roster left out, and what goes wrong in real files.

They serve where the lists are most behind, so loading the file moves the board. Some cells are wrong on purpose; one
newcomer is called like somebody in the books, and one official of the books moves to another agency.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from provisioner.demo.officials import (
    HEADERS,
    SAMPLE_ROWS,
    SEED,
    Establishment,
    Row,
    establishments,
    person_row,
    roster,
    write_workbook,
)
from provisioner.demo.people import Officials

FILE_NAME = "new-officials.xlsx"

NEWCOMERS = 60

WRONG = {
    9: ("ma_co_quan", "H36.999"),
    18: ("ho_va_ten", ""),
    27: ("ngay_sinh", "31/02/1990"),
    45: ("dung_luong", "8GB"),
}
"""By row of the sheet: no such agency, no name, no such day, and a quota that makes an exception."""

TWICE = (35, 36)
"""Rows of two people with one staff number."""

NAMESAKE, MOVED = 2, NEWCOMERS + 2
"""Rows of the newcomer who is called like somebody in the books, and of the official who moves."""

_Cells = dict[str, str]


def write_newcomers(path: Path) -> None:
    """Write the file as XLSX; the same bytes every time."""
    places = establishments()
    known = [_cells(row) for row in roster(places, rows=SAMPLE_ROWS, seed=SEED)]
    first, *_, last = (person for person in known if person["ma_can_bo"] and not person["lanh_dao"])
    table = list(islice(_newcomers(places, known), NEWCOMERS))
    table[NAMESAKE - 2]["ho_va_ten"] = first["ho_va_ten"]
    table[TWICE[1] - 2]["ma_can_bo"] = table[TWICE[0] - 2]["ma_can_bo"]
    for number, (column, cell) in WRONG.items():
        table[number - 2][column] = cell
    table.append({**last, "ma_co_quan": table[0]["ma_co_quan"], "quyet_dinh": "215/QĐ-SNV"})
    columns = (*HEADERS, "quyet_dinh")
    write_workbook(path, [columns, *(tuple(row.get(column, "") for column in columns) for row in table)])


def _newcomers(places: Sequence[Establishment], known: Sequence[_Cells]) -> Iterator[_Cells]:
    """People for the posts that are not listed, where most are missing first; leaders are listed everywhere.

    The first one of each agency asks for a certificate.
    """
    missing = {place.code: place.declared for place in places}
    for person in known:
        missing[person["ma_co_quan"]] -= bool(person["ma_can_bo"])
    behind: dict[str, int] = defaultdict(int)
    for place in places:
        behind[place.place] += missing[place.code]
    officials = Officials("newcomers", after=900_000)
    for place in sorted(places, key=lambda place: (-behind[place.place], place.code)):
        made = officials.of(place.code, place.kind, place.heads, place.declared)
        staff = [official for official in made if not official.is_leader]
        for number, official in enumerate(staff[: missing[place.code]]):
            yield _cells(person_row(place, official)) | {"chung_thu": "" if number else "x"}


def _cells(row: Row) -> _Cells:
    return dict(zip(HEADERS, row, strict=True))
