"""Dates, day first as everybody here writes them."""

import re
from datetime import date, timedelta

from provisioner.days import EARLIEST, has_come, written
from provisioner.rosters.files.cells.text import without_decimals
from provisioner.rosters.files.problems import Notes

YOUNGEST = 15
OLDEST = 100

_DAY_FIRST = re.compile(r"(\d{1,2})\s?[/.\-]\s?(\d{1,2})\s?[/.\-]\s?(\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})[/.\-](\d{1,2})[/.\-](\d{1,2})")
_IN_WORDS = re.compile(r"(?:ngày )?(\d{1,2}) tháng (\d{1,2}) năm (\d{4})", re.IGNORECASE)
_TIME = re.compile(r"[ T]0{1,2}:00(?::00)?(?:\.0+)?Z?$")
_YEAR = re.compile(r"(?:18|19|20)\d\d")
_SHORT_YEAR = re.compile(r"\d{1,2}[/.\-]\d{1,2}[/.\-]\d{2}")
_SERIAL = re.compile(r"(\d{4,5})(?:\.0+)?")
_EXCEL_DAY_ZERO = date(1899, 12, 30)
"""Excel counts days from here for every date after February 1900."""

_YEARS = range(1900, 2101)
"""A bare number of these is a year that somebody wrote, not a day of 1905 as Excel counts."""


def birth_date(text: str, notes: Notes, *, today: date) -> date | None:
    """The date, or None with a problem noted.

    A year alone is dropped with a warning: it is common in old lists and no reason to keep
    somebody from a mailbox. An age under 15 or over 100 is only warned about.
    """
    if _YEAR.fullmatch(without_decimals(text)):
        notes.warn(
            "birth-date-year-only",
            vi="Chỉ có năm sinh; ngày sinh được bỏ trống. Hãy ghi đủ ngày/tháng/năm, ví dụ 05/09/1985.",
            en="Only a year of birth; the date was left empty. Write day/month/year, such as 05/09/1985.",
        )
        return None
    born = _read(text, notes, code="birth-date")
    if born is None:
        short = _SHORT_YEAR.fullmatch(text)
        notes.refuse(
            "birth-date-malformed",
            vi="Năm sinh phải ghi đủ bốn chữ số, ví dụ 05/09/1985."
            if short
            else "Ngày sinh không hợp lệ; hãy ghi theo dạng ngày/tháng/năm, ví dụ 05/09/1985.",
            en="Write the year of birth with four digits, such as 05/09/1985."
            if short
            else "This is no date of birth; write day/month/year, such as 05/09/1985.",
        )
        return None
    if born > today:
        notes.refuse(
            "birth-date-in-future",
            vi="Ngày sinh ở tương lai; hãy kiểm tra lại.",
            en="The date of birth lies in the future; check it.",
        )
        return None
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if not YOUNGEST <= age <= OLDEST:
        notes.warn(
            "birth-date-unlikely",
            vi=f"Theo ngày sinh thì người này {age} tuổi; hãy kiểm tra lại.",
            en=f"By this date of birth the person is {age} years old; check it.",
        )
    return born


def day(text: str, notes: Notes) -> date | None:
    """A date of any other kind, or None with a problem noted."""
    found = _read(text, notes, code="date")
    if found is None:
        notes.refuse(
            "date-malformed",
            vi="Ngày không hợp lệ; hãy ghi theo dạng ngày/tháng/năm, ví dụ 01/12/2026.",
            en="This is no date; write day/month/year, such as 01/12/2026.",
        )
    elif found < EARLIEST:
        notes.refuse(
            "date-too-early",
            vi=f"Ngày {found:%d/%m}/{found.year:04} quá xa trong quá khứ; hãy kiểm tra năm.",
            en=f"{found:%d/%m}/{found.year:04} is too long ago; check the year.",
        )
        return None
    return found


def day_gone_by(text: str, notes: Notes, *, today: date) -> date | None:
    """The date of something that was signed, so not a later one than today; None with a problem noted."""
    found = day(text, notes)
    if found is not None and not has_come(found, today=today):
        notes.refuse(
            "date-in-future",
            vi=f"Ngày {found:%d/%m/%Y} ở tương lai; hãy kiểm tra lại.",
            en=f"{written(found, 'en')} lies in the future; check it.",
        )
        return None
    return found


def _read(text: str, notes: Notes, *, code: str) -> date | None:
    text = _TIME.sub("", text)
    try:
        if parts := _DAY_FIRST.fullmatch(text) or _IN_WORDS.fullmatch(text):
            return date(int(parts[3]), int(parts[2]), int(parts[1]))
        if parts := _YEAR_FIRST.fullmatch(text):
            return date(int(parts[1]), int(parts[2]), int(parts[3]))
    except ValueError:
        return None
    if (serial := _SERIAL.fullmatch(text)) and int(serial[1]) not in _YEARS:
        born = _EXCEL_DAY_ZERO + timedelta(days=int(serial[1]))
        notes.warn(
            f"{code}-from-serial",
            vi=f"Ô là số ngày của Excel; đã hiểu là {born:%d/%m/%Y}.",
            en=f"The cell is one of Excel's day numbers; it was read as {born:%d/%m/%Y}.",
        )
        return born
    return None
