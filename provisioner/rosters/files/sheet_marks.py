"""What the text of a sheet says and the parser keeps to itself.

Cells whose formula failed, `#N/A` and its like, for which it gives nothing, as for empty ones; and rows that are hidden, by a
filter or by hand.
"""

import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from xml.etree import ElementTree as ET

_CHUNK = 1 << 20
_LONGEST = 1 << 14
"""Bytes of one cell, of which a formula may be 8,192 characters."""

_MARK = re.compile(
    rb'<c r="(?P<column>[A-Z]{1,2})(?P<of>\d{1,6})"[^>]*\bt="e"[^>]*>(?:<f[^>]*/>|<f[^>]*>[^<]*</f>)?<v>(?P<shown>#[^<]{1,20})</v>'
    rb'|<row r="(?P<row>\d{1,6})"(?=[^>]*\bhidden="(?:1|true)")[^>]*>'
)
_HINTS = (b't="e"', b'hidden="1"', b'hidden="true"')
"""Of a hundred megabytes few hold one, and looking for these is quicker than the expression."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What was found in one sheet; rows are counted from 1, columns from 0."""

    errors: Mapping[int, Sequence[tuple[int, str]]]
    """By row: the column and what is shown there."""
    hidden: Sequence[int]


def marks(file: BinaryIO, sheet: str) -> Marks:
    """Of a sheet in an archive that was inspected; none where it is not as usual."""
    errors: dict[int, list[tuple[int, str]]] = defaultdict(list)
    hidden: list[int] = []
    try:
        with zipfile.ZipFile(file) as archive, archive.open(_member(archive, sheet)) as content:
            text = b""
            while chunk := content.read(_CHUNK):
                text += chunk
                end = 0
                for mark in _MARK.finditer(text) if any(hint in text for hint in _HINTS) else ():
                    if mark["row"]:
                        hidden.append(int(mark["row"]))
                    else:
                        shown = mark["shown"].decode("ascii", "replace")
                        errors[int(mark["of"])].append((_column(mark["column"]), shown))
                    end = mark.end()
                text = text[max(end, len(text) - _LONGEST) :]
    except (zipfile.BadZipFile, zlib.error, ET.ParseError, KeyError, EOFError):
        return Marks({}, ())
    return Marks(dict(errors), hidden)


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
