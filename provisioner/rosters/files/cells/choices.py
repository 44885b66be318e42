"""Cells that choose one of a few things: yes or no, the kind of a row, a category of staff."""

from collections.abc import Mapping
from enum import StrEnum

from provisioner.rosters.files.columns import fold
from provisioner.rosters.files.problems import Notes


class RowKind(StrEnum):
    """Whose mailbox a row asks for."""

    PERSON = "ca_nhan"
    UNIT = "don_vi"


_YES = frozenset(("co", "x", "1", "1 0", "yes", "y", "true", "t", "dung", "dong y", "ok", "v", "c"))
_NO = frozenset(("khong", "k", "ko", "0", "0 0", "no", "n", "false", "f", "sai"))
_TICKS = frozenset("✓✔☑✅√☒×●+*")
_CROSSES = frozenset("✗✘☐○-–—")

_KINDS = dict.fromkeys(
    ("ca nhan", "can bo", "nguoi", "cn", "person", "individual", "user"), RowKind.PERSON
) | dict.fromkeys(("don vi", "co quan", "to chuc", "phong ban", "dv", "unit", "organisation"), RowKind.UNIT)

CATEGORIES: Mapping[str, str] = {
    "cán bộ": "can_bo",
    "can_bo": "can_bo",
    "CB": "can_bo",
    "công chức": "cong_chuc",
    "cong_chuc": "cong_chuc",
    "CC": "cong_chuc",
    "viên chức": "vien_chuc",
    "vien_chuc": "vien_chuc",
    "VC": "vien_chuc",
    "người lao động": "nguoi_lao_dong",
    "nguoi_lao_dong": "nguoi_lao_dong",
    "NLĐ": "nguoi_lao_dong",
    "hợp đồng": "nguoi_lao_dong",
    "hợp đồng lao động": "nguoi_lao_dong",
    "nhân viên hợp đồng": "nguoi_lao_dong",
}
"""Accepted spellings of the four categories of staff. Accents and case do not matter."""


def yes_or_no(text: str, notes: Notes) -> bool:
    """True for có, x, 1, yes, ✓ and their like; a cell that is neither is refused."""
    mark = text.strip(" .!")
    word = fold(text)
    if word in _YES or mark in _TICKS:
        return True
    if word in _NO or mark in _CROSSES:
        return False
    notes.refuse(
        "yes-no-unclear",
        vi="Chỉ ghi «có» hoặc «không» (hoặc đánh dấu x, để trống).",
        en="Write “có” (yes) or “không” (no), or mark x, or leave it empty.",
    )
    return False


def row_kind(text: str, notes: Notes) -> RowKind:
    """Person or unit; anything else is refused and taken for a person meanwhile."""
    kind = _KINDS.get(fold(text))
    if kind is None:
        notes.refuse(
            "row-kind-unknown",
            vi="Loại dòng là «cá nhân» hoặc «đơn vị».",
            en="The kind of a row is “cá nhân” (person) or “đơn vị” (unit).",
        )
        return RowKind.PERSON
    return kind


class Categories:
    """A province's categories, found by any of their accepted spellings."""

    def __init__(self, spellings: Mapping[str, str]) -> None:
        self._codes = {fold(spelling): code for spelling, code in spellings.items()}
        self._shown = ", ".join(dict.fromkeys(spellings.values()))

    def __call__(self, text: str, notes: Notes) -> str | None:
        """The category's code; None with a warning for a word that stands for none."""
        code = self._codes.get(fold(text))
        if code is None:
            notes.warn(
                "category-unknown",
                vi=f"Không nhận ra phân loại này; đã bỏ trống. Các phân loại: {self._shown}.",
                en=f"This category is not known and was left empty. Known ones: {self._shown}.",
            )
        return code
