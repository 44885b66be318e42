"""Identity numbers: twelve digits, province, century and sex, year, six more.

The structure is that of Decree 137/2015/NĐ-CP art. 13 and Circular 07/2016/TT-BCA art. 7. There
is no check digit, and a number survives corrections of the birth year or sex, so a mismatch
with the date of birth is a warning and no more. No message repeats the number.
"""

import re
import tomllib
from datetime import date
from functools import cache
from pathlib import Path

from provisioner.rosters.files.cells.dates import OLDEST, YOUNGEST
from provisioner.rosters.files.cells.text import without_decimals
from provisioner.rosters.files.problems import Notes
from provisioner.secret import Secret

PROVINCES_FILE = Path(__file__).parents[4] / "config" / "reference" / "identity_provinces.toml"

_LAST_PROVINCE = 96
"""Codes above it stand for countries of birth."""

_GROUPS = re.compile(r"\d{2,}(?:[ .\-]\d{2,})*")
_TWELVE_DIGITS = re.compile(r"(?<!\d)[0-9]{12}(?!\d)")


@cache
def provinces() -> frozenset[str]:
    """The codes of the 63 provinces before July 2025, which the cards keep."""
    return frozenset(tomllib.loads(PROVINCES_FILE.read_text("utf-8"))["provinces"])


def identity_number(text: str, notes: Notes, *, born: date | None) -> Secret | None:
    """The twelve digits, sealed; None with a problem noted.

    Excel eats leading zeros: ten or eleven digits are padded when that gives a real province.
    The nine digits of the old card (CMND, void since 1 January 2025) are dropped with a warning.
    """
    number = without_decimals(text)
    digits = "".join(filter(str.isdigit, number))
    if not (number.isascii() and _GROUPS.fullmatch(number)):
        notes.refuse(
            "identity-number-malformed",
            vi="Số định danh phải gồm 12 chữ số. Nếu Excel hiện dạng 6,8E+10, "
            "hãy định dạng cột là Văn bản rồi nhập lại.",
            en="An identity number has 12 digits. If Excel shows it like 6.8E+10, "
            "format the column as Text and type it again.",
        )
        return None
    if len(digits) == 9:
        notes.warn(
            "identity-number-old-form",
            vi="Đây là số CMND 9 chữ số, hết giá trị từ 01/01/2025; đã bỏ qua. Hãy bổ sung số định danh.",
            en="This is a nine-digit number of the old card, void since 1 January 2025; it was left out.",
        )
        return None
    if len(digits) in (10, 11) and digits[0] != "0" and digits.zfill(12)[:3] in provinces():
        notes.warn(
            "identity-number-zero-restored",
            vi="Số định danh bị mất số 0 ở đầu (do Excel); đã thêm lại cho đủ 12 chữ số.",
            en="The number had lost its leading zero (Excel does that); it was padded to 12 digits.",
        )
        digits = digits.zfill(12)
    if len(digits) != 12:
        notes.refuse(
            "identity-number-malformed",
            vi=f"Số định danh phải gồm 12 chữ số; ô này có {len(digits)} chữ số.",
            en=f"An identity number has 12 digits; this cell has {len(digits)}.",
        )
        return None
    _look_closer(digits, notes, born)
    return Secret(digits)


def _look_closer(digits: str, notes: Notes, born: date | None) -> None:
    if int(digits[:3]) <= _LAST_PROVINCE and digits[:3] not in provinces():
        notes.warn(
            "identity-number-unknown-province",
            vi="Ba chữ số đầu không phải mã tỉnh nào; hãy kiểm tra lại số định danh.",
            en="The first three digits are no province's code; check the number.",
        )
    if born is not None and _birth_year(digits) != born.year:
        notes.warn(
            "identity-number-birth-year-differs",
            vi="Năm sinh trong số định danh khác với ngày sinh; hãy kiểm tra lại.",
            en="The year of birth in the number differs from the date of birth; check both.",
        )


def refuse_identity_number(text: str, notes: Notes, *, born: date | None, today: date) -> bool:
    """Refuse a text that anybody may read, a staff number or an address, when an identity number stands in it.

    Twelve digits are taken for one (Law 91/2025/QH15) when their province is real and their year is that of the
    birth date; without a birth date, when it is that of anybody who may serve. Other twelve digits are let pass.
    """
    youngest, oldest = today.year - YOUNGEST, today.year - OLDEST
    fitting = (born.year, born.year) if born else (oldest, youngest)
    found = any(
        digits[:3] in provinces() and fitting[0] <= _birth_year(digits) <= fitting[1]
        for digits in _TWELVE_DIGITS.findall(text)
    )
    if found:
        notes.refuse(
            "identity-number-misplaced",
            vi="Ô này chứa số định danh cá nhân, mà mã cán bộ và địa chỉ thư thì ai cũng đọc được; hãy chuyển số đó "
            "sang cột «Số định danh» (so_dinh_danh)."
            + ("" if born else " Nếu đó không phải số định danh, hãy ghi ngày sinh."),
            en="There is an identity number in this cell, and anybody may read staff numbers and addresses; move it to "
            "the column “Số định danh” (so_dinh_danh)."
            + ("" if born else " If it is none, give the date of birth."),
        )
    return found


def _birth_year(digits: str) -> int:
    return 1900 + 100 * (int(digits[3]) // 2) + int(digits[4:6])
