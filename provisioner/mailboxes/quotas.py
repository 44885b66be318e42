"""Quotas: how much a mailbox holds, always in bytes, never absent, zero or unlimited.

Mail servers take a missing quota or a 0 for "no limit" (Dovecot's quota plugin does), so here
both are errors. Units are binary: 1 GB is 1024³ bytes.
"""

import re
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from provisioner.errors import Invalid, Text
from provisioner.vietnamese import ascii_letters

SMALLEST: Final = 1024**2
LARGEST: Final = 1024**4
"""1 TB. More is a slip of the pen: regulations speak of 2 to 10 GB."""

_UNITS: Final = MappingProxyType({"T": 1024**4, "G": 1024**3, "M": 1024**2, "K": 1024, "": 1})
_WRITTEN = re.compile(r"(-?)([0-9]{1,15})(?:([.,])([0-9]{1,3}))?\s*([KMGT]?)(?:I?B|BYTES?)?")
_NO_LIMIT = re.compile(r"khong (gioi han|han che)|vo han|unlimited|no limit|none|infinite")
"""In letters without marks, anywhere in what is written."""


def parse_quota(text: str | None) -> int:
    """The bytes of `4GB`, `4 Gb`, `10G`, `500 MB`, `1,5 GB` or `4294967296 bytes`.

    A bare number is refused, because people mean gigabytes and programs mean bytes. A comma is a
    decimal sign; so is a full stop, unless three digits follow: then it parts thousands, as
    Vietnamese writes them. Raises `Invalid` with `quota-malformed`, `quota-without-unit`, or a
    code of `check_quota`.
    """
    written = " ".join((text or "").split())
    if not written:
        return check_quota(None)
    if written == "-1" or _NO_LIMIT.search(ascii_letters(written)):
        raise _refused(
            "quota-unlimited",
            vi="Mọi hộp thư phải có dung lượng giới hạn, ví dụ 4GB.",
            en="Every mailbox has a limit, for example 4GB.",
        )
    found = _WRITTEN.fullmatch(written.upper())
    if found is None:
        raise _refused(
            "quota-malformed",
            vi="Không hiểu dung lượng này; hãy ghi ví dụ 4GB, 1,5GB hoặc 500MB.",
            en="This is no quota; write for example 4GB, 1.5GB or 500MB.",
        )
    sign, whole, point, decimals, unit = found.groups()
    if written[-1].isdigit() and int(whole):
        raise _refused(
            "quota-without-unit",
            vi="Dung lượng thiếu đơn vị; hãy ghi ví dụ 4GB hoặc 500MB.",
            en="The quota lacks its unit; write for example 4GB or 500MB.",
        )
    if point == "." and len(decimals) == 3:
        whole, decimals = whole + decimals, None
    size = Fraction(f"{sign}{whole}.{decimals or 0}") * _UNITS[unit]
    return check_quota(int(size))


def check_quota(size: int | None) -> int:
    """The same number of bytes, if a mailbox may have it.

    Raises `Invalid` with `quota-absent`, `quota-zero`, `quota-negative`, `quota-too-small` (less
    than 1 MB) or `quota-too-large` (more than 1 TB).
    """
    if size is None:
        raise _refused("quota-absent", vi="Thiếu dung lượng hộp thư.", en="The quota is missing.")
    if size == 0:
        raise _refused(
            "quota-zero",
            vi="Dung lượng 0 không được chấp nhận: máy chủ thư hiểu là không giới hạn.",
            en="A quota of 0 is refused: mail servers take it for no limit.",
        )
    if size < 0:
        raise _refused("quota-negative", vi="Dung lượng không được âm.", en="A quota cannot be negative.")
    if size < SMALLEST:
        raise _refused(
            "quota-too-small",
            vi="Dung lượng nhỏ hơn 1 MB; hãy kiểm tra lại đơn vị.",
            en="The quota is less than 1 MB; check the unit.",
        )
    if size > LARGEST:
        raise _refused(
            "quota-too-large",
            vi="Dung lượng lớn hơn 1 TB; hãy kiểm tra lại đơn vị.",
            en="The quota is more than 1 TB; check the unit.",
        )
    return size


def format_quota(size: int, language: str) -> str:
    """Bytes as people write them, `4 GB`, `1,5 GB` in Vietnamese, exact: `parse_quota` gives the same bytes."""
    letter = next((letter for letter, unit in _UNITS.items() if size >= unit and size * 100 % unit == 0), "")
    whole, hundredths = divmod(size * 100 // _UNITS[letter], 100)
    decimals = f"{hundredths:02}".rstrip("0")
    point = "," if language == "vi" else "."
    return f"{whole}{point + decimals if decimals else ''} {letter}B"


def _refused(code: str, *, vi: str, en: str) -> Invalid:
    return Invalid(Text(vi=vi, en=en), code=code)
