"""Officials who do not exist, as a roster for the demo province.

Every agency that is entitled to a mailbox of its own has a row, and the rest of the rows are
people in posts that its head count allows. Some places are behind with their lists, so that the
coverage of the demo looks like a province and not like a promise.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from zlib import crc32

import xlsxwriter

from provisioner.demo.people import CATEGORIES, Official, Officials
from provisioner.demo.province import AGENCIES

HEADERS = (
    "loai_dong",
    "ma_co_quan",
    "ma_can_bo",
    "ho_va_ten",
    "ngay_sinh",
    "so_dinh_danh",
    "chuc_vu",
    "lanh_dao",
    "phan_loai",
    "dien_thoai",
    "dia_chi_thu",
    "dung_luong",
    "chung_thu",
)
"""The canonical columns of a roster, in their order."""

SEED = "lamdong"
SAMPLE_ROWS = 6041
"""What Lâm Đồng reported on 31 October 2017: accounts of organisations and individuals together."""

_BEHIND_PER_THOUSAND = 180
_WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)
"""What a workbook says of itself: the day of writing would make each one different."""

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Establishment:
    """An agency as the roster needs it."""

    code: str
    name: str
    kind: str
    seal: bool
    unit_mailbox: bool
    place: str
    """The commune or agency it belongs to: a place is behind with its lists, not a single room."""
    heads: Mapping[str, int]

    @property
    def declared(self) -> int:
        return sum(self.heads.values())

    @property
    def listed_share(self) -> float:
        """The share of its people that it has put on the list so far; the same every time."""
        draw = crc32(self.place.encode()) % 1000
        return 0.4 + 0.4 * draw / _BEHIND_PER_THOUSAND if draw < _BEHIND_PER_THOUSAND else 1.0


def establishments(path: Path = AGENCIES) -> list[Establishment]:
    """The agencies of an agency list, in its order."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["ma_co_quan"]: row for row in csv.DictReader(file)}
    return [
        Establishment(
            code=code,
            name=row["ten"],
            kind=row["loai"],
            seal=row["con_dau"] == "x",
            unit_mailbox=row["hop_thu_don_vi"] == "x",
            place=(row if row["con_dau"] else rows[row["ma_cha"]])["viet_tat"].rpartition(".")[2],
            heads={category: int(row[f"bien_che_{category}"]) for category in CATEGORIES},
        )
        for code, row in rows.items()
    ]


def write_roster(path: Path, *, rows: int = SAMPLE_ROWS, seed: str = SEED, agencies: Path = AGENCIES) -> None:
    """Write exactly `rows` rows as CSV or XLSX, by the suffix of `path`, in constant memory.

    The same arguments give the same rows. More rows than the province has posts are spread over
    the agencies in proportion to their head counts. Raises ValueError for another suffix.
    """
    table = roster(establishments(agencies), rows=rows, seed=seed)
    if path.suffix == ".csv":
        _write_csv(path, table)
    elif path.suffix == ".xlsx":
        write_workbook(path, chain([HEADERS], table))
    else:
        raise ValueError(f"a roster is a .csv or an .xlsx file, not {path.name}")


def roster(places: Sequence[Establishment], *, rows: int, seed: str) -> Iterator[Row]:
    """The rows, agency by agency: its own mailbox first, then its people."""
    entitled = [place.code for place in places if place.unit_mailbox]
    units = min(len(entitled), rows * len(entitled) // SAMPLE_ROWS)
    with_unit_row = {entitled[index * len(entitled) // units] for index in range(units)}
    staff = staff_by_agency(places, rows - units)
    officials = Officials(seed)
    for place in places:
        if place.code in with_unit_row:
            yield _unit_row(place)
        for official in officials.of(place.code, place.kind, place.heads, staff[place.code]):
            yield person_row(place, official)


def staff_by_agency(places: Sequence[Establishment], total: int) -> dict[str, int]:
    """How many of `total` people are listed in each agency, by largest remainder.

    As long as the province has posts for them all, no agency lists more people than it declared.
    """
    weights = [place.declared * place.listed_share for place in places]
    exact = [weight * total / sum(weights) for weight in weights]
    fits = total <= sum(place.declared for place in places)
    most = [place.declared if fits else total for place in places]
    staff = [min(int(share), limit) for share, limit in zip(exact, most, strict=True)]
    neediest = sorted(range(len(places)), key=lambda index: staff[index] - exact[index])
    left = total - sum(staff)
    while left:
        for index in neediest:
            if left and weights[index] and staff[index] < most[index]:
                staff[index] += 1
                left -= 1
    return {place.code: count for place, count in zip(places, staff, strict=True)}


def _unit_row(place: Establishment) -> Row:
    """An agency with a seal of its own also asks for its certificate (Nghị định 68/2024/NĐ-CP, art. 10)."""
    certificate = "x" if place.seal else ""
    return ("don_vi", place.code, "", place.name, "", "", "", "", "", "", "", "", certificate)


def person_row(place: Establishment, official: Official) -> Row:
    """Leaders ask for a certificate."""
    mark = "x" if official.is_leader else ""
    return (
        "ca_nhan",
        place.code,
        official.staff_number,
        official.full_name,
        official.birth_date.strftime("%d/%m/%Y"),
        official.national_id,
        official.title,
        mark,
        CATEGORIES[official.category],
        official.phone,
        "",
        "",
        mark,
    )


def _write_csv(path: Path, table: Iterable[Row]) -> None:
    # Excel takes a file without a byte order mark for Windows-1258.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADERS)
        writer.writerows(table)


def write_workbook(path: Path, table: Iterable[Row]) -> None:
    """Write these rows, the headers first, as the one sheet of a workbook; the same rows give the same bytes."""
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as workbook:
        workbook.set_properties({"created": _WRITTEN})
        sheet = workbook.add_worksheet("Danh sách")
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(table):
            for column, cell in enumerate(row):
                # As text: a spreadsheet eats the leading zeros of numbers.
                sheet.write_string(number, column, cell)
