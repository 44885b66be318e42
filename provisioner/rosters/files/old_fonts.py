"""Text typed in the fonts from before Unicode: TCVN3 (ABC, `.VnTime`) and VNI (`VNI-Times`).

Such text is made of Western letters that the font drew as Vietnamese ones ("NguyÔn ThÞ ¸nh").
It comes as single bytes, and just as well inside a UTF-8 file or a workbook that was typed with
such a font. The tables are those of viparse; four letters of VNI that its corpus lacked are added.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence

from viparse.normalize.tcvn3 import TCVN3
from viparse.normalize.vni import VNI

from provisioner.rosters.files.syllables import vietnamese

_TCVN3 = str.maketrans(dict(TCVN3.pairs))

_VNI = dict(VNI.pairs) | {"aú": "ẳ", "AÚ": "Ẳ", "î": "ỵ", "Î": "Ỵ"}
# A typist who lets go of the shift key after the vowel writes a small mark: "Aùnh" for "AÙnh".
_VNI |= {
    pair[0] + pair[1].lower(): letter for pair, letter in _VNI.items() if len(pair) == 2 and pair.isupper()
}
_VNI_PAIR = re.compile("|".join(sorted(map(re.escape, _VNI), key=len, reverse=True)))

MOST_OF_A_GUESS = 0.99
"""How sure a guess may be: what was found by likelihood is always shown to its sender."""

_LIKELY = 0.7
_CLEARLY = 0.3


def tcvn3(text: str) -> str:
    """Text typed in TCVN3, in Unicode. Capital accented vowels come out small: the font made them big."""
    return text.translate(_TCVN3)


def vni(text: str) -> str:
    """Text typed in VNI, in Unicode."""
    return _VNI_PAIR.sub(lambda pair: _VNI[pair[0]], unicodedata.normalize("NFC", text))


FONTS: dict[str, Callable[[str], str]] = {"tcvn3": tcvn3, "vni": vni}


def likely_font(words: Sequence[str]) -> tuple[str, float] | None:
    """The old font these accented words were typed in, and the share of them it explains.

    None unless one font makes most of them Vietnamese, and clearly more of them than the other
    font does and than there are without any conversion.
    """
    shares = {name: vietnamese(words, convert) for name, convert in FONTS.items()}
    best = max(shares, key=shares.__getitem__)
    others = [vietnamese(words, str), *(share for name, share in shares.items() if name != best)]
    if shares[best] < _LIKELY or shares[best] - max(others) < _CLEARLY:
        return None
    return best, min(shares[best], MOST_OF_A_GUESS)
