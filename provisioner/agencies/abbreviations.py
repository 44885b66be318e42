"""Abbreviations of agencies and short names of communes, as they stand in addresses.

A proposal for a list that has none: an abbreviation that the list gives is always preferred.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from provisioner.vietnamese import ascii_letters, same_words

_COMMUNE_TYPES = frozenset({"xã", "phường", "thị trấn", "đặc khu"})
_PROVINCE_TYPES = frozenset({"tỉnh", "thành phố"})
_NO_PLACE_AFTER_TYPE = frozenset({"hội", "ủy", "uỷ"})
"""Xã hội and Tỉnh ủy are no places, though a name in capitals looks so."""

_LEFT_OUT = frozenset({"va", "cua", "cac", "ve", "thuoc"})
_BETWEEN_WORDS = re.compile(r"[\s,;:/()\-‐‑–—]+")
_FRONT = re.compile(r"(Ủy ban )?(Mặt trận Tổ quốc|MTTQ)( Việt Nam)?", re.IGNORECASE)


def abbreviation(name: str, *, inside: str | None = None) -> str:
    """The first letters of an agency's name: `skhcn` for Sở Khoa học và Công nghệ.

    Connecting words are left out, acronyms and numbers kept whole (`tthpts2` for Trường THPT số 2),
    `tỉnh` with what follows dropped, and a commune added after a dot: `ubnd.dateh`. For a unit,
    `inside` is the name of the agency it is part of: that name, the commune and the word Phòng
    fall away, because the unit's address ends in the agency's own abbreviation (`cds.skhcn`).
    Two agencies may come out the same; the ladder of the naming policy keeps their addresses
    apart.
    """
    words = _words(name)
    if inside is not None:
        words = _without_end(words, _words(inside))
    words = words[: _place(words, _PROVINCE_TYPES)]
    start = _place(words, _COMMUNE_TYPES)
    body, commune = words[:start], " ".join(words[start:])
    in_capitals = name.isupper() and " " in name
    if inside is None:
        return ".".join(filter(None, (_first_letters(body, in_capitals), commune_slug(commune))))
    room = len(body) > 1 and body[0].lower() == "phòng"
    return _first_letters(body[1:] if room else body, in_capitals)


def commune_of(name: str) -> str | None:
    """The commune in an agency's name with its type, `xã Đạ Tẻh`; None when there is none."""
    words = _words(name)
    words = words[: _place(words, _PROVINCE_TYPES)]
    return " ".join(words[_place(words, _COMMUNE_TYPES) :]) or None


def commune_slug(name: str) -> str:
    """The commune's full name in one word, without marks and type: `dateh`, `xuanhuongdalat`.

    Decree 224/2026/NĐ-CP art. 11.4. A ward named by a number keeps its type (`phuong1baoloc`),
    because an address should not begin with a digit.
    """
    words = _words(name)
    bare = words[_type_length(words, 0, _COMMUNE_TYPES) :]
    return _one_word(words if bare and bare[0][0].isdigit() else bare)


def commune_slugs(names: Iterable[str]) -> dict[str, str]:
    """A slug of its own for each commune of a province, by every name it goes by, with its type (`Xã Đạ Tẻh`).

    `phường Phú Thuỷ` is Phường Phú Thủy spelt otherwise, and has its slug. Where communes differ in their marks
    only, the type goes before (`phuongmytho`, `xamytho`). Those of one type (xã Sơn Hà, xã Sơn Hạ) are left out: a
    person has to decide.
    """
    communes = {name: same_words(name) for name in names}
    slugs = {name: commune_slug(name) for name in communes}
    for name in _shared(slugs, communes):
        slugs[name] = _one_word(_words(name))
    for name in _shared(slugs, communes):
        del slugs[name]
    return slugs


def _shared(slugs: Mapping[str, str], communes: Mapping[str, str]) -> list[str]:
    """The names whose slug another commune has too."""
    uses = Counter(slug for slug, _ in {(slug, communes[name]) for name, slug in slugs.items()})
    return [name for name, slug in slugs.items() if uses[slug] > 1]


def _words(text: str) -> list[str]:
    return [word for word in _BETWEEN_WORDS.split(unicodedata.normalize("NFC", text)) if word]


def _one_word(words: Sequence[str]) -> str:
    return ascii_letters(" ".join(words)).replace(" ", "")


def _place(words: Sequence[str], types: frozenset[str]) -> int:
    """Where the place of such a type begins that ends the name; the number of words if there is none.

    A place has a capital or a number after its type, or, of a province, nothing: `… tỉnh`.
    """
    for start in range(len(words) - 1, 0, -1):
        length = _type_length(words, start, types)
        after = words[start + length : start + length + 1]
        if not length or (after and (after[0][0].islower() or after[0].lower() in _NO_PLACE_AFTER_TYPE)):
            continue
        if after or types is _PROVINCE_TYPES:
            return start
    return len(words)


def _type_length(words: Sequence[str], start: int, types: frozenset[str]) -> int:
    """How many words of a type stand here: `xã`, `thị trấn`, or none."""
    return next(
        (
            n
            for n in (2, 1)
            if " ".join(words[start : start + n]).lower() in types and start + n <= len(words)
        ),
        0,
    )


def _without_end(words: list[str], end: Sequence[str]) -> list[str]:
    """Văn phòng HĐND và UBND xã X is no Văn phòng HĐND of UBND xã X: after a connecting word nothing falls away."""
    start = len(words) - len(end)
    lower = [word.lower() for word in words]
    if (
        start < 1
        or lower[start:] != [word.lower() for word in end]
        or _one_word([words[start - 1]]) in _LEFT_OUT
    ):
        return words
    return words[:start]


def _first_letters(words: Sequence[str], in_capitals: bool) -> str:
    """Of each word its first letter; numbers whole, and acronyms, which a name in capitals does not show."""
    letters = []
    for word in _FRONT.sub("M T T Q", " ".join(words)).split():
        plain = _one_word([word])
        whole = plain.isdigit() or (word.isupper() and not in_capitals)
        if plain and plain not in _LEFT_OUT:
            letters.append(plain if whole else plain[0])
    return "".join(letters)
