"""Reading the agency list: its rows with their numbers, in an order in which they can be used.

The file is CSV in UTF-8, whatever its separator, with the columns of `NEEDED` and those that `rows` and
`importing` know besides.
"""

import csv
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.agencies.codes import canonical_code
from provisioner.errors import Invalid, Text

NEEDED = ("ma_co_quan", "ten", "viet_tat", "khoi", "cap", "loai")
SEPARATORS = (",", ";", "\t", "|")
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
    try:
        return _rows(io.StringIO(text, newline=""))
    except csv.Error as error:
        raise Invalid(
            Text(
                vi="Danh sách cơ quan có dấu ngoặc kép đặt sai chỗ hoặc không đóng lại, hoặc có ô dài quá mức; "
                "hãy mở bằng Excel, sửa ô đó và lưu lại dạng «CSV UTF-8».",
                en="The agency list has a quotation mark in the wrong place or one that is never closed, or a cell "
                f"that is far too long ({error}); correct that cell and save it again as “CSV UTF-8”.",
            ),
            code="list-malformed",
        ) from error


def _rows(file: io.StringIO) -> list[Row]:
    separator = max(SEPARATORS, key=file.readline().count)
    file.seek(0)
    # Strictly: a mark that is never closed would make the agencies below it vanish into a cell.
    reader = csv.DictReader(file, delimiter=separator, strict=True)
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
        (number, {name: _tidy(value or "") for name, value in row.items() if name})
        for number, row in enumerate(reader, start=2)
        if any(value for name, value in row.items() if name)
    ]


def _tidy(text: str) -> str:
    """Composed, as certificates have names, and with single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


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
