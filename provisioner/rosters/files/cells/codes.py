"""Codes and addresses: short strings that must be exact."""

import re
from datetime import date
from functools import lru_cache

from provisioner.agencies.codes import canonical_code
from provisioner.errors import Invalid
from provisioner.rosters.files.cells.identity import refuse_identity_number
from provisioner.rosters.files.cells.text import without_decimals
from provisioner.rosters.files.problems import Notes

LONGEST_STAFF_NUMBER = 32

_STAFF_NUMBER = re.compile(rf"[^\W_][\w./\-]{{0,{LONGEST_STAFF_NUMBER - 1}}}")
_LOCAL_PART = re.compile(r"[a-z0-9_+\-]+(?:\.[a-z0-9_+\-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?")
_LONGEST_LOCAL_PART = 64
_LONGEST_ADDRESS = 254
"""RFC 5321 section 4.5.3.1: 64 octets before the @, and 256 for a path with its brackets."""


def agency_code(text: str, notes: Notes) -> str | None:
    """The code in the form of today, `H36.12`, also from the older `000.00.12.H36`."""
    code = _canonical(text)
    if code is None:
        notes.refuse(
            "agency-code-malformed",
            vi="Mã cơ quan không hợp lệ; mã có dạng H36.12 hoặc dạng cũ 000.00.12.H36.",
            en="This is no agency code; a code looks like H36.12, or 000.00.12.H36 in the old form.",
        )
    return code


@lru_cache(maxsize=8192)  # some hundred agencies in a hundred thousand rows
def _canonical(text: str) -> str | None:
    try:
        return canonical_code(text)
    except Invalid:  # its sentence quotes the text, which may be an identity number in the wrong column
        return None


def staff_number(text: str, notes: Notes, *, born: date | None, today: date) -> str | None:
    """The number an agency knows somebody by; letters and digits, taken as written.

    It stands in certificates and in the directory, so an identity number is refused.
    """
    number = without_decimals(text)
    if not _STAFF_NUMBER.fullmatch(number):
        notes.refuse(
            "staff-number-malformed",
            vi=f"Mã cán bộ gồm chữ, số, dấu chấm, gạch; dài không quá {LONGEST_STAFF_NUMBER} ký tự.",
            en="A staff number has letters, digits, full stops, dashes and slashes, "
            f"at most {LONGEST_STAFF_NUMBER} characters.",
        )
        return None
    return None if refuse_identity_number(number, notes, born=born, today=today) else number


def mail_address(text: str, notes: Notes, *, born: date | None, today: date) -> str | None:
    """The address in lower case, in the plain ASCII form of RFC 5321; None and a refusal otherwise."""
    address = text.lower()
    local, at, domain = address.rpartition("@")
    labels = domain.split(".")
    if (
        not at
        or len(address) > _LONGEST_ADDRESS
        or len(local) > _LONGEST_LOCAL_PART
        or not _LOCAL_PART.fullmatch(local)
        or len(labels) < 2
        or not all(_LABEL.fullmatch(label) for label in labels)
    ):
        notes.refuse(
            "address-malformed",
            vi="Địa chỉ thư không hợp lệ; chỉ dùng chữ không dấu, ví dụ anhnt@lamdong.gov.vn.",
            en="This is no mail address; plain letters only, such as anhnt@lamdong.gov.vn.",
        )
        return None
    return None if refuse_identity_number(local, notes, born=born, today=today) else address
