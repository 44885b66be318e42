"""Telephone numbers, as they are dialled inside the country since 2018."""

import re

from provisioner.rosters.files.cells.text import without_decimals
from provisioner.rosters.files.problems import Notes

_PUNCTUATION = re.compile(r"[ .\-()–]")
_SEPARATORS = re.compile(r"[/;,\n]| - | – ")
_COUNTRY = re.compile(r"^(?:\+84|0084|84(?=[2-9]\d{8,9}$))0?")
_DIALLED = re.compile(r"0[35789]\d{8}|02\d{8,9}")

ELEVEN_DIGIT_PREFIXES = {
    "0120": "070", "0121": "079", "0122": "077", "0126": "076", "0128": "078",
    "0123": "083", "0124": "084", "0125": "085", "0127": "081", "0129": "082",
    "0162": "032", "0163": "033", "0164": "034", "0165": "035", "0166": "036", "0167": "037", "0168": "038",
    "0169": "039", "0186": "056", "0188": "058", "0199": "059",
}  # fmt: skip
"""Mobile prefixes before and after the change of September 2018."""


def phone(text: str, notes: Notes) -> str | None:
    """Ten digits of a mobile or ten to eleven of a landline, from 0 on; None with a warning."""
    several = [part for part in _SEPARATORS.split(text) if part.strip()]
    number = _COUNTRY.sub("0", _PUNCTUATION.sub("", without_decimals(several[0] if several else text)))
    if number.isascii() and number.isdigit():
        number = _repaired(number, notes)
    if not _DIALLED.fullmatch(number):
        notes.warn(
            "phone-malformed",
            vi="Số điện thoại không hợp lệ; đã bỏ trống. Ví dụ đúng: 0912 345 678.",
            en="This is no telephone number; it was left empty. A right one: 0912 345 678.",
        )
        return None
    if len(several) > 1:
        notes.warn(
            "phone-several",
            vi="Ô có nhiều số điện thoại; chỉ lấy số đầu tiên.",
            en="The cell has several numbers; only the first was taken.",
        )
    return number


def _repaired(number: str, notes: Notes) -> str:
    if len(number) == 9 + (number[0] == "2") and number[0] in "235789":
        number = "0" + number
        notes.warn(
            "phone-zero-restored",
            vi="Số điện thoại bị mất số 0 ở đầu (do Excel); đã thêm lại.",
            en="The number had lost its leading zero (Excel does that); it was put back.",
        )
    if number[0] == "1" and len(number) == 10 and f"0{number[:3]}" in ELEVEN_DIGIT_PREFIXES:
        number = "0" + number
    if len(number) == 11 and number[:4] in ELEVEN_DIGIT_PREFIXES:
        number = ELEVEN_DIGIT_PREFIXES[number[:4]] + number[4:]
        notes.warn(
            "phone-prefix-updated",
            vi="Số di động 11 số (trước 9/2018) đã được đổi sang đầu số mới.",
            en="An 11-digit mobile number from before September 2018 was given its new prefix.",
        )
    return number
