"""Tidying the text of a cell before anybody looks at its meaning."""

import re
import unicodedata

from provisioner.rosters.files.problems import Notes

LONGEST_CELL = 500

_INVISIBLE = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
)
"""Control characters and characters without width: they make two equal names differ."""

_INVISIBLES = re.compile(f"[{_INVISIBLE}]")
_UNTIDY = re.compile(
    f"[{_INVISIBLE}\\t\\n\\v\\f\\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|  |^[ '=#]| $"
)
_WHOLE_NUMBER = re.compile(r"\d+\.0+")
_FORMULA_ERROR = re.compile(r"#(?:N/A|REF!|DIV/0!|VALUE!|NAME\?|NULL!|NUM!|SPILL!|CALC!)")
_FORMULA_TEXT = re.compile(r'="([^"]*)"')


def clean(text: str, notes: Notes) -> str:
    """Compose to NFC, trim, make every run of white space one space, drop what cannot be seen.

    The two ways in which people save leading zeros from Excel, `'068...` and `="068..."`, are
    undone. A cell longer than 500 characters is refused and cut, one whose formula failed is refused and taken as empty.
    """
    if not _UNTIDY.search(text) and len(text) <= LONGEST_CELL and unicodedata.is_normalized("NFC", text):
        return text
    if len(text) > LONGEST_CELL:
        notes.refuse(
            "cell-too-long",
            vi=f"Ô dài quá {LONGEST_CELL} ký tự; hãy kiểm tra xem có bị dồn nhiều dòng vào một ô không.",
            en=f"The cell is longer than {LONGEST_CELL} characters; check whether several lines ran into it.",
        )
        text = text[:LONGEST_CELL]
    seen = _INVISIBLES.sub("", text)
    if seen != text:
        notes.warn(
            "invisible-characters-removed",
            vi="Đã bỏ các ký tự ẩn hoặc ký tự điều khiển trong ô.",
            en="Invisible or control characters in the cell were removed.",
        )
    tidy = " ".join(unicodedata.normalize("NFC", seen).split())
    if formula := _FORMULA_TEXT.fullmatch(tidy):
        tidy = formula[1].strip()
    if _FORMULA_ERROR.fullmatch(tidy):
        notes.refuse(
            "formula-error",
            vi=f"Ô có công thức lỗi ({tidy}); hãy sửa công thức hoặc ghi thẳng giá trị.",
            en=f"The formula of this cell failed ({tidy}); correct it or write the value itself.",
        )
        return ""
    return tidy[1:].lstrip() if tidy.startswith("'") else tidy


def without_decimals(text: str) -> str:
    """`912345678.0` as `912345678`: what programs make of a code they took for a number."""
    return text.partition(".")[0] if _WHOLE_NUMBER.fullmatch(text) else text
