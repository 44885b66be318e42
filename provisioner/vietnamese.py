"""Vietnamese text: letters without marks, words to search by, the order of the alphabet.

Below every room that has names in it, because people, agencies and communes all do.
"""

import re
import unicodedata
from functools import lru_cache

from anyascii import anyascii

_APOSTROPHES = "'’‘ʼ`´′"
_SYLLABLE_AND_APOSTROPHE = re.compile(r"\b([a-z])'\s+")
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_SIGNS = re.compile(r"[^\w\u0300-\u036f]+|[_ʼ]")


def ascii_letters(text: str) -> str:
    """The words of a text in `a-z0-9`, lower case, one space between them.

    `Đặng Thị Thúy` and its decomposed spelling give `dang thi thuy`. An apostrophe joins
    (`H'Hen`, `H’Hen` and `H' Hen` give `hhen`), every other sign parts (`Xuân Hương – Đà Lạt`).
    Text of other scripts is transliterated by sound; what has no sound gives nothing.
    """
    plain = anyascii(unicodedata.normalize("NFC", text)).lower().replace("`", "'")
    if "'" in plain:
        plain = _SYLLABLE_AND_APOSTROPHE.sub(r"\1", plain).replace("'", "")
    return _NOT_A_WORD.sub(" ", plain).strip()


def search_key(text: str) -> str:
    """The same for all spellings a reader would take for the same words in any order.

    Marks, the place of the tone (`hòa`, `hoà`), case, đ and the order of words make no
    difference. To search, ask that every word of `ascii_letters(query)` occurs in the column.
    """
    return " ".join(sorted(ascii_letters(text).split()))


def same_words(text: str) -> str:
    """The same for all spellings of the same words in the same order; it is compared and never shown.

    Case, the place of the tone (`hòa`, `hoà`), spaces and signs make no difference; tones and marks do.
    """
    words = _SIGNS.sub(" ", unicodedata.normalize("NFC", text)).split()
    return " ".join(collation_key(word) for word in words)


_BREVE, _CIRCUMFLEX, _HORN = "\u0306", "\u0302", "\u031b"
_TONES = {"\u0300": "2", "\u0309": "3", "\u0303": "4", "\u0301": "5", "\u0323": "6"}
"""Huyền, hỏi, ngã, sắc, nặng: the order of ICU's `vi`. No tone comes before all of them."""

_OTHER_MARK = "7"
_END = "1"
"""Closes the marks of a word; lower than any mark, so that a word without a tone comes first."""

_ALPHABET = ("a", "ă", "â", "b", "c", "d", "đ", "e", "ê", "f", "g", "h", "i", "j", "k", "l", "m", "n",
             "o", "ô", "ơ", "p", "q", "r", "s", "t", "u", "ư", "v", "w", "x", "y", "z")  # fmt: skip
_SYMBOLS = "3456789abcdefghijklmnopqrstuvwxyz"
_LETTERS = dict(zip(_ALPHABET, _SYMBOLS, strict=True))
_LETTER_OF = {symbol: letter for letter, symbol in _LETTERS.items()}
_SPACE, _SIGN = "1", "2"
_SHAPED = {("a", _BREVE): "ă", ("a", _CIRCUMFLEX): "â", ("e", _CIRCUMFLEX): "ê",
           ("o", _CIRCUMFLEX): "ô", ("o", _HORN): "ơ", ("u", _HORN): "ư"}  # fmt: skip
_ALIKE = str.maketrans({"ð": "đ", "ɖ": "đ", "ƀ": "b\u0335"})
"""The Icelandic eth stands for đ in old files; the barred b of Bahnaric names is a b with a mark."""


@lru_cache(maxsize=4096)  # a province has some hundred family and given names
def collation_key(text: str) -> str:
    """Text that compares byte by byte as ICU's Vietnamese collation would compare the words.

    The letters decide first (a ă â b c d đ ...), then the tones word by word. Only `0-9a-z` is
    used, where every collation of every database agrees, so that a plain indexed column sorts
    right on SQLite and PostgreSQL. `0` is left to join keys: it is lower than anything inside one.
    """
    letters: list[str] = []
    marks: list[str] = []
    for word in unicodedata.normalize("NFC", text).lower().translate(_ALIKE).split():
        if letters:
            letters.append(_SPACE)
        marks_of_word: list[str] = []
        for written in unicodedata.normalize("NFD", word):
            _weigh(written, letters, marks_of_word)
        marks.extend((*sorted(marks_of_word), _END))
    return "".join(letters) + "0" + "".join(marks)


def _weigh(written: str, letters: list[str], marks: list[str]) -> None:
    """Add one letter or mark of a decomposed word to the key under way."""
    if written in _LETTERS:
        letters.append(_LETTERS[written])
    elif unicodedata.combining(written):
        before = _LETTER_OF.get(letters[-1]) if letters else None
        if before and (before, written) in _SHAPED:
            letters[-1] = _LETTERS[_SHAPED[before, written]]
        else:
            marks.append(_TONES.get(written, _OTHER_MARK))
    elif written in _APOSTROPHES:
        letters.append(_SIGN + "0")
    elif written.isdecimal():
        letters.append(_SIGN + _SYMBOLS[unicodedata.decimal(written)])
    else:
        letters.extend(_LETTERS[sound] for sound in ascii_letters(written) if sound in _LETTERS)
