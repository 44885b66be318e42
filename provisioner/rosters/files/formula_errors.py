"""Cells of a sheet whose formula failed, `#N/A` and its like: the parser gives nothing for them, as for empty ones."""

import re
import zipfile
import zlib
from collections import defaultdict
from typing import BinaryIO
from xml.etree import ElementTree as ET

_CHUNK = 1 << 20
_LONGEST = 1 << 14
"""Bytes of one cell, of which a formula may be 8,192 characters."""

_ERROR = re.compile(
    rb'<c r="([A-Z]{1,2})(\d{1,6})"[^>]*\bt="e"[^>]*>(?:<f[^>]*/>|<f[^>]*>[^<]*</f>)?<v>(#[^<]{1,20})</v>'
)


def formula_errors(file: BinaryIO, sheet: str) -> dict[int, list[tuple[int, str]]]:
    """By row from 1: column from 0 and what is shown, of an archive that was inspected; none where it is not as usual."""
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    try:
        with zipfile.ZipFile(file) as archive, archive.open(_member(archive, sheet)) as content:
            text = b""
            while chunk := content.read(_CHUNK):
                text += chunk
                end = 0
                # Of a hundred megabytes few hold one, and looking for two words is quicker than the expression.
                for cell in _ERROR.finditer(text) if b't="e"' in text else ():
                    found[int(cell[2])].append((_column(cell[1]), cell[3].decode("ascii", "replace")))
                    end = cell.end()
                text = text[max(end, len(text) - _LONGEST) :]
    except (zipfile.BadZipFile, zlib.error, ET.ParseError, KeyError, EOFError):
        return {}
    return dict(found)


def _member(archive: zipfile.ZipFile, sheet: str) -> str:
    """Where a sheet of this name stands in the archive. Raises KeyError."""
    ids = {
        element.get("name"): value
        for element in _elements(archive, "xl/workbook.xml")
        for key, value in element.items()
        if element.tag.endswith("}sheet") and key.endswith("}id")
    }
    targets = {
        element.get("Id"): element.get("Target", "")
        for element in _elements(archive, "xl/_rels/workbook.xml.rels")
    }
    target = targets[ids[sheet]]
    return target[1:] if target.startswith("/") else f"xl/{target}"


def _elements(archive: zipfile.ZipFile, member: str) -> list[ET.Element]:
    return list(ET.fromstring(archive.read(member)).iter())  # noqa: S314 - entities were refused before


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number - 1
