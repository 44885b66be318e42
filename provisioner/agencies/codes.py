"""Agency codes (mã định danh điện tử): the form of today, and the older one that files still bring.

Decision 20/2020/QĐ-TTg art. 4-8: groups of digits and capitals joined by dots, from level 1 on
the left down, at most 35 characters: `H36.12`. Others than state bodies hang under a scheme
code, `Z01` to `Z99`. QCVN 102:2016/BTTTT had 13 characters to be read from right to left, with
zeros for unused levels: `000.00.12.H36`. The books hold the form of today only.
"""

import re
import unicodedata

from provisioner.errors import Invalid, Text

LONGEST_CODE = 35

_LEVEL_1 = re.compile(r"[A-Y][0-9]{2}")
_STATE = re.compile(r"[A-Y][0-9]{2}(\.[A-Z0-9]+)*")
_OTHER = re.compile(r"Z(?!00)[0-9]{2}[A-Z0-9.]{1,32}")
_OLD = re.compile(r"([0-9A-Z]{3})\.([0-9A-Z]{2})\.([0-9A-Z]{2})\.([A-Y][0-9]{2})")
_OLD_WIDTHS = (2, 2, 3)


def canonical_code(text: str) -> str:
    """The code in the form of Decision 20/2020, from either form.

    Spaces and lower case are forgiven. Zero groups at the unused end of an old code go; one
    between two used levels stays, so that the code can be written in the old form again. Raises
    `Invalid` with `agency-code-malformed`.
    """
    code = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if _STATE.fullmatch(code) and len(code) <= LONGEST_CODE:
        return code
    if old := _OLD.fullmatch(code):
        groups = [old[4], old[3], old[2], old[1]]
        while not groups[-1].strip("0"):
            groups.pop()
        return ".".join(groups)
    if _OTHER.fullmatch(code):
        return code
    raise Invalid(
        Text(
            vi=f"“{text}” không phải mã định danh cơ quan; mã có dạng H36.12 hoặc dạng cũ 000.00.12.H36.",
            en=f"“{text}” is no agency code; a code looks like H36.12, or 000.00.12.H36 in the old form.",
        ),
        code="agency-code-malformed",
    )


def given_up(code: str, agency_id: int) -> str:
    """What stands for the code of a closed agency once another has it: `H36.12-230`, which nobody can be given."""
    mark = f"-{agency_id}"
    return code[: LONGEST_CODE - len(mark)] + mark


def is_given_up(code: str) -> bool:
    """Whether this stands for the code of a closed agency and is none itself."""
    return "-" in code


def old_form(code: str) -> str | None:
    """The code as QCVN 102:2016 wrote it, `000.00.12.H36`; None when it does not fit that form."""
    first, *below = code.split(".")
    fits = (
        _LEVEL_1.fullmatch(first)
        and len(below) <= len(_OLD_WIDTHS)
        and all(len(group) == width for group, width in zip(below, _OLD_WIDTHS, strict=False))
        and not (below and not below[-1].strip("0"))
    )
    if not fits:
        return None
    unused = ["0" * width for width in _OLD_WIDTHS[len(below) :]]
    old = ".".join(reversed([first, *below, *unused]))
    return old if canonical_code(old) == code else None
