"""Quotas: a number with its unit, in bytes, never unlimited."""

import re
from decimal import Decimal

from provisioner.errors import Invalid
from provisioner.mailboxes.quotas import check_quota
from provisioner.rosters.files.columns import fold
from provisioner.rosters.files.problems import Notes

_QUOTA = re.compile(r"([+-]?\d{1,9}(?:[.,]\d{1,2})?) ?([a-z]*)")
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_NO_LIMIT = ("khong gioi han", "vo han", "unlimited", "no limit", "none", "infinite", "khong han che")


def quota_bytes(text: str, notes: Notes) -> int | None:
    """Bytes, with 1 GB = 1024³; None and a refusal when it is no clear size, or none that a mailbox may have.

    "4GB", "4 G", "500 MB" and "1,5 GB" are read. A bare number is refused: mail systems take
    it for bytes, kilobytes or gigabytes as they please. Zero is refused: half of them take it
    for no limit at all.
    """
    words = fold(text)
    if any(phrase in words for phrase in _NO_LIMIT):
        notes.refuse(
            "quota-unlimited",
            vi="Mọi hộp thư đều phải có dung lượng giới hạn; hãy ghi ví dụ 4GB hoặc để trống.",
            en="Every mailbox has a limit; write for example 4GB, or leave the cell empty.",
        )
        return None
    written = _QUOTA.fullmatch(text.lower())
    if written and not written[2]:
        notes.refuse(
            "quota-unit-missing",
            vi="Dung lượng thiếu đơn vị; hãy ghi ví dụ 4GB hoặc 500MB.",
            en="The quota lacks its unit; write for example 4GB or 500MB.",
        )
        return None
    unit = _UNITS.get(written[2][0]) if written and written[2] in _SPELLINGS else None
    if written is None or unit is None:
        notes.refuse(
            "quota-malformed",
            vi="Không hiểu dung lượng này; hãy ghi ví dụ 4GB, 1,5GB hoặc 500MB.",
            en="This is no quota; write for example 4GB, 1.5GB or 500MB.",
        )
        return None
    size = int(Decimal(written[1].replace(",", ".")) * unit)
    if size <= 0:
        notes.refuse(
            "quota-not-positive",
            vi="Dung lượng phải lớn hơn 0; hãy ghi ví dụ 4GB hoặc để trống.",
            en="A quota is more than zero; write for example 4GB, or leave the cell empty.",
        )
        return None
    try:
        return check_quota(size)
    except Invalid as problem:
        notes.refuse(problem.code, vi=problem.text.vi, en=problem.text.en)
        return None


_SPELLINGS = frozenset(letter + ending for letter in _UNITS for ending in ("", "b", "ib"))
