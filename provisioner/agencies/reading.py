"""Reading the agency list: its rows with their numbers, in an order in which they can be used.

The file is CSV in UTF-8 with the columns of `NEEDED` and those that `importing` knows besides.
"""

import csv
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.agencies.codes import canonical_code
from provisioner.errors import Invalid, Text

NEEDED = ("ma_co_quan", "ten", "viet_tat", "khoi", "cap", "loai")
Row = tuple[int, dict[str, str]]
"""The number of a row as a spreadsheet shows it, and its cells by column."""


@dataclass(frozen=True, slots=True)
class RowProblem:
    row: int
    code: str
    text: Text


def read_rows(content: bytes) -> list[Row]:
    """The rows with their numbers in the file, blank ones left out. Raises `Invalid`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(
            Text(
                vi="Danh sách cơ quan phải là CSV mã hóa UTF-8; hãy lưu lại dạng «CSV UTF-8».",
                en="The agency list must be CSV in UTF-8; save it again as “CSV UTF-8”.",
            ),
            code="not-utf-8",
        ) from error
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise Invalid(
            Text(
                vi=f"Danh sách cơ quan thiếu cột {', '.join(missing)}.",
                en=f"The agency list lacks the columns {', '.join(missing)}.",
            ),
            code="columns-missing",
        )
    return [
        (
            number,
            {
                # The names end up in certificates, which are in NFC.
                name: unicodedata.normalize("NFC", value or "").strip()
                for name, value in row.items()
                if name
            },
        )
        for number, row in enumerate(reader, start=2)
        if any(value for name, value in row.items() if name)
    ]


def parents_first(rows: Sequence[Row], problems: list[RowProblem]) -> list[Row]:
    """Order the rows so that each parent comes before its children; the rest are problems."""
    by_code: dict[str, Row] = {}
    for number, row in rows:
        try:
            code = canonical_code(row["ma_co_quan"])
        except Invalid as problem:
            problems.append(RowProblem(number, problem.code, problem.text))
            continue
        if code in by_code:
            text = Text(
                vi=f"Mã {code} đã có ở dòng {by_code[code][0]}.",
                en=f"The code {code} stands in row {by_code[code][0]} already.",
            )
            problems.append(RowProblem(number, "agency-twice", text))
            continue
        by_code[code] = (number, row)
    ordered: list[Row] = []
    placed: set[str] = set()

    def place(code: str, above: tuple[str, ...]) -> None:
        if code in placed or code not in by_code or code in above:
            return
        parent = _code(by_code[code][1].get("ma_cha", ""))
        if parent:
            place(parent, (*above, code))
        placed.add(code)
        ordered.append(by_code[code])

    for code in by_code:
        place(code, ())
    return ordered


def _code(text: str) -> str | None:
    try:
        return canonical_code(text)
    except Invalid:
        return None
