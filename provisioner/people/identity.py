"""Identity numbers: twelve digits with a structure that can be doubted but not checked.

Decree 137/2015/NĐ-CP art. 13 and Circular 07/2016/TT-BCA art. 7: three digits for where the birth
was registered, one for century and sex, two for the year, six at random, and no check digit. A
number outlives corrections of the birth year or the sex, so a mismatch is a doubt, never a
refusal. The nine digits of the old card (CMND) are recognised, and are void since 1 January 2025.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Self

from provisioner.errors import Invalid, Text
from provisioner.secret import Secret

PROVINCES_FILE = Path(__file__).parents[2] / "config" / "reference" / "identity_provinces.toml"

_LAST_PROVINCE = "096"
_SIGNS = re.compile(r"[\s.\-]")


class Form(StrEnum):
    PERSONAL = "personal"
    """Số định danh cá nhân, twelve digits."""
    OLD = "old"
    """CMND, nine digits: it says nothing of birth or place."""


class Sex(StrEnum):
    MALE = "male"
    FEMALE = "female"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something about a number that a person should look at; it keeps nobody from having it."""

    code: str
    text: Text


@cache
def provinces() -> Mapping[str, str]:
    """The 63 provinces of births by code, `068` to Lâm Đồng."""
    return MappingProxyType(tomllib.loads(PROVINCES_FILE.read_text("utf-8"))["provinces"])


@dataclass(frozen=True, slots=True)
class IdentityNumber:
    """A number in its canonical form, digits only, kept so that it is never printed."""

    number: Secret
    form: Form

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a number; spaces, full stops and hyphens between digits are forgiven.

        Raises `Invalid` with `identity-number-malformed` (not twelve or nine digits) or
        `identity-number-unknown-province`; no sentence repeats the number.
        """
        digits = _SIGNS.sub("", text)
        if not re.fullmatch(r"[0-9]{12}|[0-9]{9}", digits):
            raise Invalid(
                Text(
                    vi="Số định danh cá nhân gồm 12 chữ số (CMND cũ: 9 chữ số).",
                    en="An identity number has 12 digits (on the old card: 9).",
                ),
                code="identity-number-malformed",
            )
        if len(digits) == 9:
            return cls(Secret(digits), Form.OLD)
        if digits[:3] <= _LAST_PROVINCE and digits[:3] not in provinces():
            raise Invalid(
                Text(
                    vi="Ba chữ số đầu của số định danh không phải mã tỉnh nào.",
                    en="The first three digits of the identity number are no province's code.",
                ),
                code="identity-number-unknown-province",
            )
        return cls(Secret(digits), Form.PERSONAL)

    @property
    def masked(self) -> str:
        """`068******123`, as pages show it; of an old number the last three digits only."""
        digits = self.number.reveal()
        shown = digits[:3] if self.form is Form.PERSONAL else ""
        return shown + "*" * (len(digits) - len(shown) - 3) + digits[-3:]

    @property
    def tail(self) -> str:
        """The last four digits, for naming policies that ask for them."""
        return self.number.reveal()[-4:]

    @property
    def birth_year(self) -> int | None:
        """The year the number was given for; None for an old number."""
        if self.form is Form.OLD:
            return None
        digits = self.number.reveal()
        return 1900 + 100 * (int(digits[3]) // 2) + int(digits[4:6])

    def doubts(self, *, birth_date: date | None = None, sex: Sex | None = None) -> tuple[Doubt, ...]:
        """What does not fit what else is known of the person.

        Codes: `identity-number-old-form`, `identity-number-birth-year-differs`,
        `identity-number-sex-differs`.
        """
        if self.birth_year is None:
            return (_OLD_FORM,)
        found = []
        if birth_date is not None and birth_date.year != self.birth_year:
            found.append(_BIRTH_YEAR_DIFFERS)
        if sex is not None and (sex is Sex.FEMALE) != bool(int(self.number.reveal()[3]) % 2):
            found.append(_SEX_DIFFERS)
        return tuple(found)


_OLD_FORM = Doubt(
    "identity-number-old-form",
    Text(
        vi="Đây là số CMND 9 chữ số, hết giá trị từ 01/01/2025; hãy bổ sung số định danh cá nhân.",
        en="This is a number of the old card, void since 1 January 2025; ask for the identity number.",
    ),
)
_BIRTH_YEAR_DIFFERS = Doubt(
    "identity-number-birth-year-differs",
    Text(
        vi="Năm sinh trong số định danh khác với ngày sinh; hãy kiểm tra lại.",
        en="The year of birth in the number differs from the date of birth; check both.",
    ),
)
_SEX_DIFFERS = Doubt(
    "identity-number-sex-differs",
    Text(
        vi="Giới tính trong số định danh khác với hồ sơ; hãy kiểm tra lại.",
        en="The sex in the number differs from the record; check both.",
    ),
)
