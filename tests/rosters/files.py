"""Files as people send them: the same rows in every format and encoding."""

import csv
import io
import unicodedata
from collections.abc import Sequence

import xlsxwriter
from viparse.normalize.tcvn3 import TCVN3
from viparse.normalize.vni import VNI

TONES = "\u0300\u0301\u0303\u0309\u0323"

_TO_TCVN3 = {letter: surface for surface, letter in TCVN3.pairs}
_TO_VNI = {letter: surface for surface, letter in VNI.pairs}


def csv_text(rows: Sequence[Sequence[str]], *, separator: str = ",", end: str = "\r\n") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=end).writerows(rows)
    return out.getvalue()


def xlsx(rows: Sequence[Sequence[object]], *, sheet: str = "Danh sách") -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "dd/mm/yyyy"}) as book:
        page = book.add_worksheet(sheet)
        for number, cells in enumerate(rows):
            for position, cell in enumerate(cells):
                page.write_string(number, position, cell) if isinstance(cell, str) else page.write(
                    number, position, cell
                )
    return out.getvalue()


def in_tcvn3(text: str) -> str:
    """As typed with a TCVN3 font: accented capitals have no place and become small."""
    return "".join(_TO_TCVN3.get(letter) or _TO_TCVN3.get(letter.lower()) or letter for letter in text)


def in_vni(text: str) -> str:
    return "".join(_TO_VNI.get(letter, letter) for letter in text)


def in_windows_1258(text: str) -> bytes:
    """Base letters with their tones as marks of their own: Python's codec does not split them."""
    out = []
    for letter in unicodedata.normalize("NFC", text):
        marks = unicodedata.normalize("NFD", letter)
        base = unicodedata.normalize("NFC", "".join(mark for mark in marks if mark not in TONES))
        out.append(base + "".join(mark for mark in marks if mark in TONES))
    return "".join(out).encode("cp1258")
