"""Full names: kept as written, but for names typed in one case.

Nothing is inferred from a name: not the sex, not which word is the family name (people of
the Ê Đê, K'ho or Ba Na order theirs differently, and some have no family name at all).
"""

import re

from provisioner.rosters.files.problems import Notes

LONGEST_NAME = 120
LONGEST_UNIT_NAME = 255

_NAME = re.compile(r"[A-Za-zÀ-ÖØ-öø-\u024f\u1e00-\u1eff\u0300-\u036f '’.\-]+")
_NOT_NAME = re.compile(r"[^A-Za-zÀ-ÖØ-öø-\u024f\u1e00-\u1eff\u0300-\u036f '’.\-]")
_APOSTROPHES = re.compile(r"[`´ʼ‘′]")
_FOREIGN = re.compile("[ÞþßÆæØøÅåÄäËëÏïÖöÜüÇçÎîÛû]")
"""Letters of no Vietnamese name, and the usual trace of a text in an old font."""

_LETTER_AFTER_BREAK = re.compile(r"(?:^|(?<=[ '’.\-]))[^\W\d_]")
_ETH = str.maketrans("ÐƉðɖ", "ĐĐđđ")


def full_name(text: str, notes: Notes, *, recapitalise: bool = False) -> str | None:
    """The name with its spelling untouched; None, and a refusal, when it cannot be a name.

    `recapitalise` is for text converted from TCVN3, which has no capital accented vowels
    ("Nguyễn Thị ánh"): every word is then given its capital.
    """
    name = _APOSTROPHES.sub("'", text.translate(_ETH))
    if name != text:
        notes.warn(
            "full-name-letters-replaced",
            vi="Họ tên có ký tự trông giống chữ Đ hoặc dấu nháy; đã thay bằng ký tự đúng.",
            en="The name had look-alikes of Đ or of the apostrophe; they were replaced by the right ones.",
        )
    if not _NAME.fullmatch(name):
        strange = " ".join(sorted(set(_NOT_NAME.findall(name)))[:5])
        notes.refuse(
            "full-name-malformed",
            vi=f"Họ tên chỉ gồm chữ cái, dấu cách, dấu nháy, gạch nối và dấu chấm; có ký tự lạ: {strange}",
            en="A name has letters, spaces, apostrophes, hyphens and full stops only; "
            f"it contains: {strange}",
        )
        return None
    if _FOREIGN.search(name):
        notes.warn(
            "full-name-unlikely-letters",
            vi="Họ tên có chữ cái không dùng trong tiếng Việt; "
            "hãy kiểm tra xem tệp có dùng phông chữ cũ (TCVN3, VNI) không.",
            en="The name has letters that Vietnamese does not use; "
            "check whether the file was typed in an old font (TCVN3, VNI).",
        )
    name = _capitalised(name, notes, always=recapitalise)  # some letters become two by it
    if len(name) > LONGEST_NAME or not name[0].isalpha():
        notes.refuse(
            "full-name-malformed",
            vi=f"Họ tên phải bắt đầu bằng chữ cái và không dài quá {LONGEST_NAME} ký tự.",
            en=f"A name begins with a letter and has at most {LONGEST_NAME} characters.",
        )
        return None
    return name


def unit_name(text: str, notes: Notes) -> str | None:
    """What a unit calls its mailbox; numbers and capitals are its own affair ("UBND xã 2")."""
    if len(text) > LONGEST_UNIT_NAME or not any(letter.isalpha() for letter in text):
        notes.refuse(
            "unit-name-malformed",
            vi=f"Tên đơn vị phải có chữ cái và không dài quá {LONGEST_UNIT_NAME} ký tự.",
            en=f"A unit's name needs letters and has at most {LONGEST_UNIT_NAME} characters.",
        )
        return None
    return text


def _capitalised(name: str, notes: Notes, *, always: bool) -> str:
    one_case = len(name) > 1 and (name.isupper() or name.islower())
    if not (one_case or always):
        return name
    capitalised = _LETTER_AFTER_BREAK.sub(lambda letter: letter[0].upper(), name.lower())
    if capitalised != name:
        notes.warn(
            "full-name-recapitalised",
            vi=f"Đã viết hoa lại họ tên thành «{capitalised}».",
            en=f"The capitals of the name were put right: “{capitalised}”.",
        )
    return capitalised
