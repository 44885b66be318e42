"""The parts that every administrative document has, checked when they are made (Decree 30/2020/NĐ-CP)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from provisioner.errors import Invalid, Text

_MARKS = ("TM.", "KT.", "TL.", "TUQ.")
"""Signing for a body, for one's head, by order, by authority; `Q.` (acting) is no mark of this kind."""
_ROOM = "\u00a0" * 8
"""Where the clerk's office writes the number by hand."""
_NUMBER = re.compile(r"(?P<number>\d+)/(?P<symbol>[A-ZĐ][0-9A-ZĐ]*(-[0-9A-ZĐ.]+)*)")


@dataclass(frozen=True, slots=True)
class Signature:
    """In what capacity somebody signs, line by line, and their name.

    `("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC")`: every line but the last begins with a mark, and the last is
    the signer's own position. Raises `Invalid` where that is not so.
    """

    capacity: tuple[str, ...]
    name: str

    def __post_init__(self) -> None:
        marked = [line.strip().upper().startswith(_MARKS) for line in self.capacity]
        if not marked or marked[-1] or not all(marked[:-1]):
            raise Invalid(
                Text(
                    vi="Quyền hạn người ký phải là các dòng bắt đầu bằng TM., KT., TL. hoặc TUQ. rồi đến chức vụ "
                    "của chính người ký, ví dụ «KT. GIÁM ĐỐC» và «PHÓ GIÁM ĐỐC».",
                    en="The signer's capacity has to be lines that begin with TM., KT., TL. or TUQ., and then the "
                    "signer's own position, for example “KT. GIÁM ĐỐC” and “PHÓ GIÁM ĐỐC”.",
                ),
                code="capacity-wrong",
            )


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who issues a document, with its number and its place and date.

    `number` is "15/BC-SKHCN", or "/BC-SKHCN" while the clerk's office has not given one. Raises
    `Invalid` for anything else.
    """

    agency: str
    place: str
    day: date
    number: str
    signature: Signature
    superior: str = ""
    recipients: tuple[str, ...] = ("Lưu: VT",)

    def __post_init__(self) -> None:
        if not _NUMBER.fullmatch(self.number.strip()) and not _NUMBER.fullmatch(f"1{self.number.strip()}"):
            raise Invalid(
                Text(
                    vi=f"Số, ký hiệu «{self.number}» không đúng thể thức; ví dụ đúng: 15/BC-SKHCN.",
                    en=f"“{self.number}” is not a document number; a right one is 15/BC-SKHCN.",
                ),
                code="document-number-wrong",
            )

    @property
    def written_number(self) -> str:
        """The number with a 0 before 1 to 9, or with room for it."""
        number, _, symbol = self.number.strip().partition("/")
        return f"{int(number):02}/{symbol}" if number else _ROOM + f"/{symbol}"

    @property
    def place_and_date(self) -> str:
        """`Lâm Đồng, ngày 05 tháng 02 năm 2026`: a 0 before days below 10 and before January and February."""
        month = f"{self.day.month:02}" if self.day.month <= 2 else str(self.day.month)
        return f"{self.place}, ngày {self.day.day:02} tháng {month} năm {self.day.year}"

    def as_data(self) -> Mapping[str, object]:
        """The parts as the template expects them."""
        return {
            "letterhead": {
                "superior": self.superior,
                "agency": self.agency,
                "number": self.written_number,
                "place_and_date": self.place_and_date,
            },
            "signature": {"capacity": list(self.signature.capacity), "name": self.signature.name},
            "recipients": list(self.recipients),
        }
