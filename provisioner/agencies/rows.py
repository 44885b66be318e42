"""From a row of the agency list to the columns of an agency.

A column that the file does not have is left as it is; an empty cell of one that it has says no.
"""

import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import String

from provisioner.agencies.codes import canonical_code
from provisioner.agencies.contacts import is_address
from provisioner.agencies.holders import Holders, Named
from provisioner.agencies.models import Agency
from provisioner.agencies.reading import NEEDED
from provisioner.agencies.reference import Reference
from provisioner.db import table_of
from provisioner.errors import Invalid, Text
from provisioner.vietnamese import ascii_letters, search_key

_NO = {"", "0", "không", "khong", "k", "no", "n", "false"}


def named_by(row: Mapping[str, str]) -> Named:
    """The codes and days by which a row names its agency. Raises `Invalid` for what is none."""
    written = filter(None, (part.strip() for part in row.get("ma_cu", "").split(";")))
    return Named(
        canonical_code(row["ma_co_quan"]),
        list(dict.fromkeys(canonical_code(text) for text in written)),
        _day(row.get("hieu_luc_tu", "")),
        _day(row.get("hieu_luc_den", "")),
    )


def columns_of(
    row: Mapping[str, str], reference: Reference, agency: Agency | None, holders: Holders, today: date
) -> dict[str, Any]:
    """The columns of an agency that a row tells; None for a new one. Raises `Invalid` with what is wrong."""
    for name in NEEDED:
        if not row.get(name):
            raise Invalid(Text(vi=f"Thiếu {name}.", en=f"{name} is empty."), code="cell-missing")
    _check_characters(row)
    columns: dict[str, Any] = {
        column: read(row[name]) for name, (column, read) in _OPTIONAL.items() if name in row
    }
    since = columns.get("since", agency.since if agency else None)
    _check_terms(row, reference, since or today)
    if "ma_cha" in row:
        columns["parent_id"] = _parent_id(row["ma_cha"], agency, holders)
    short_name = columns.get("short_name", agency.short_name if agency else None)
    columns |= {
        "code": canonical_code(row["ma_co_quan"]),
        "name": row["ten"],
        "abbreviation": row["viet_tat"].lower(),
        "search_key": _search_key(row["ten"], short_name, row["viet_tat"], reference),
        "bloc": row["khoi"],
        "level": row["cap"],
        "kind": row["loai"],
    }
    _check_lengths(columns)
    return columns


def _search_key(name: str, short_name: str | None, abbreviation: str, reference: Reference) -> str:
    """As it is written and spelt out, for those who search for the beginning of either."""
    written = f"{name} {short_name or ''} {abbreviation}"
    return search_key(" ".join({*ascii_letters(written).split(), *reference.words(written)}))[:400]


def _check_characters(row: Mapping[str, str]) -> None:
    """Characters that nobody sees would make two equal names differ, and stand in certificates."""
    for name, text in row.items():
        if any(unicodedata.category(letter) in ("Cc", "Cf") for letter in text):
            raise Invalid(
                Text(
                    vi=f"{name} có ký tự ẩn hoặc ký tự điều khiển; hãy xóa ô và gõ lại.",
                    en=f"{name} holds invisible or control characters; clear the cell and type it again.",
                ),
                code="invisible-characters",
            )


def _check_terms(row: Mapping[str, str], reference: Reference, day: date) -> None:
    for name, terms in (("khoi", reference.blocs), ("cap", reference.levels), ("loai", reference.kinds)):
        term = terms.get(row[name])
        if term is None or not term.valid_on(day):
            allowed = ", ".join(code for code, t in terms.items() if t.valid_on(day))
            raise Invalid(
                Text(
                    vi=f"{name} «{row[name]}» không có trong danh mục; dùng một trong: {allowed}.",
                    en=f"{name} “{row[name]}” is not in the reference data; use one of: {allowed}.",
                ),
                code=f"{name.replace('_', '-')}-unknown",
            )


def _parent_id(written: str, agency: Agency | None, holders: Holders) -> int | None:
    if not written:
        return None
    parent = holders.find(canonical_code(written))
    if parent is None:
        raise Invalid(
            Text(vi=f"Không có cơ quan cấp trên {written}.", en=f"There is no parent agency {written}."),
            code="parent-unknown",
        )
    if agency is not None and parent.path.startswith(agency.path):
        raise Invalid(
            Text(
                vi=f"{written} là chính cơ quan này hoặc nằm dưới nó, không thể là cấp trên.",
                en=f"{written} is this agency itself or below it, and cannot be above it.",
            ),
            code="parent-below",
        )
    return parent.id


def _check_lengths(columns: Mapping[str, Any]) -> None:
    for name, value in columns.items():
        type_ = table_of(Agency).c[name].type
        if isinstance(type_, String) and type_.length and len(str(value or "")) > type_.length:
            raise Invalid(
                Text(
                    vi=f"«{value}» dài quá {type_.length} ký tự.",
                    en=f"“{value}” is longer than {type_.length} characters.",
                ),
                code=f"{name.replace('_', '-')}-too-long",
            )


def _yes(text: str) -> bool:
    """Whether a cell is marked: with anything but a dash and the usual words for no."""
    return text.strip(" -–—.").casefold() not in _NO


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            Text(
                vi=f"«{text}» không phải ngày dạng năm-tháng-ngày.",
                en=f"“{text}” is not a date like 2025-07-01.",
            ),
            code="date-malformed",
        ) from error


def _text(text: str) -> str | None:
    return text or None


def _address(text: str) -> str | None:
    if text and not is_address(text):
        raise Invalid(
            Text(
                vi=f"«{text}» không phải một địa chỉ thư; hãy ghi đúng một địa chỉ, như vanthu@skhcn.example, không kèm tên.",
                en=f"“{text}” is no mail address; give exactly one, such as vanthu@skhcn.example, without a name.",
            ),
            code="contact-email-malformed",
        )
    return text or None


_OPTIONAL: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "ten_ngan": ("short_name", _text),
    "tu_cach_phap_nhan": ("legal_personality", _yes),
    "con_dau": ("seal", _yes),
    "hop_thu_don_vi": ("unit_mailbox", _yes),
    "nguoi_lien_he": ("contact_name", _text),
    "email_lien_he": ("contact_email", _address),
    "dien_thoai_lien_he": ("contact_phone", _text),
    "hieu_luc_tu": ("since", _day),
    "hieu_luc_den": ("until", _day),
}
"""The other columns of a list: the agency's own for each, and how a cell is read."""
