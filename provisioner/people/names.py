"""Names: the full name is authoritative; its parts are a reading of it that a person may correct.

Lists and addresses need the given name, and which word that is depends on whose name it is.
The reading follows the order of the words only; it never says anything about sex or people.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path

from provisioner.errors import Invalid, Text
from provisioner.vietnamese import ascii_letters, collation_key

FAMILIES = Path(__file__).parents[2] / "config" / "reference" / "families.toml"
LONGEST_NAME = 120
LONGEST_PLAIN_NAME = 5
"""Longer names (Công Tằng Tôn Nữ Thị Mai) have families of several words that no rule finds safely."""

_NOT_PRINTED = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_STRANGE = re.compile(r"[^\w\s'’‘ʼ`´′.\-‐‑–\u0300-\u036f]|[\d_]")
_APOSTROPHE = re.compile(r"['’‘ʼ`´′]")
_BEFORE_A_FAMILY = frozenset({"y", "h"})
_MIDDLE_OF_KINH_NAMES = frozenset({"van", "thi"})


class NameOrder(StrEnum):
    """Where the family name stands."""

    FAMILY_FIRST = "family-first"
    """Nguyễn Văn Anh, Giàng A Páo, Ksor Hnao."""
    GIVEN_FIRST = "given-first"
    """Y Blok Êban, H'Hen Niê."""
    GIVEN_ONLY = "given-only"
    """K'Brêu, Ka Mai, A Hùng: there is no family name."""


@dataclass(frozen=True, slots=True)
class ParsedName:
    """A full name in NFC and its parts, each a run of its words; together they are all its words.

    A highland particle belongs to the given name (`Y Blok`, `H'Hen`, `Ka Mai`). `confirmed` is
    false where the reading is a guess that a person should look at.
    """

    full_name: str
    family: str
    middle: str
    given: str
    order: NameOrder
    confirmed: bool


def parse(full_name: str) -> ParsedName:
    """Take a full name apart.

    Raises `Invalid` with `name-empty`, `name-too-long` (more than 120 characters) or
    `name-has-other-signs` (digits, brackets and the like; the sentence shows them).
    """
    name = _clean(full_name)
    words = name.split(" ")
    families = _families()
    if _key(words[0]) in families.kinh_order and len(words) > 1:
        return _in_order(name, words, family=1, confirmed=len(words) <= LONGEST_PLAIN_NAME)
    keys = [ascii_letters(word) for word in words]
    if length := _longest_at_start(keys, families.first):
        return _in_order(name, words, family=length, confirmed=True, particles=families.particles)
    if particle := families.particle_of(words, keys):
        return _given_first(name, words, keys, families, particle)
    if len(words) == 1:
        return ParsedName(name, "", "", name, NameOrder.GIVEN_ONLY, confirmed=False)
    if length := _longest_at_start(keys, families.last):
        return _in_order(name, words, family=length, confirmed=False, particles=families.particles)
    return _in_order(name, words, family=1, confirmed=False)


def readings(full_name: str) -> Iterator[ParsedName]:
    """Every way to take a full name apart: family, middle, given, or given, middle, family, or without a family.

    None of them is confirmed; raises `Invalid` as `parse` does.
    """
    name = _clean(full_name)
    words = name.split(" ")

    def part(start: int, end: int) -> str:
        return " ".join(words[start:end])

    count = len(words)
    for family in range(count):
        for given in range(1, count - family + 1):
            first = NameOrder.FAMILY_FIRST if family else NameOrder.GIVEN_ONLY
            middle = part(family, count - given)
            yield ParsedName(name, part(0, family), middle, part(count - given, count), first, False)
            if family:
                middle, last = part(given, count - family), part(count - family, count)
                yield ParsedName(name, last, middle, part(0, given), NameOrder.GIVEN_FIRST, False)


@dataclass(frozen=True, slots=True)
class NameParts:
    """The parts of a name as a person writes them, and whether that is certain."""

    family: str
    middle: str
    given: str
    confirmed: bool


def read_as(full_name: str, parts: NameParts) -> ParsedName:
    """The full name taken apart as a person says.

    Raises `Invalid` with `name-parts-differ` where the parts are not all words of the full name in their order.
    """
    wanted = tuple(
        " ".join(unicodedata.normalize("NFC", part).split())
        for part in (parts.family, parts.middle, parts.given)
    )
    for one in readings(full_name):
        if (one.family, one.middle, one.given) == wanted:
            return replace(one, confirmed=parts.confirmed)
    raise Invalid(
        Text(
            vi=f"Họ, chữ đệm và tên ghép lại phải đúng là mọi chữ của họ tên, viết như trong sổ: {full_name}",
            en=f"Family, middle and given name together have to be all words of the full name as the books spell it: "
            f"{full_name}",
        ),
        code="name-parts-differ",
    )


def sort_key(parsed: ParsedName) -> str:
    """Text to sort people by: given name, then family, then middle, in the Vietnamese order.

    It holds `0-9a-z` only and compares the same under every collation, so it can be an indexed
    column on SQLite and PostgreSQL. Letters decide, then tones, and capitals last of all, over
    the whole name: NGUYỄN VĂN ANH stands beside Nguyễn Văn Anh.
    """
    parts = (parsed.given, parsed.family, parsed.middle)
    capitals = "".join(_capitals(word) for part in parts for word in part.split())
    return "0".join((*(collation_key(part) for part in parts), capitals))


def _capitals(word: str) -> str:
    """Lower case before capitals, as in ICU."""
    if word.islower():
        return "1"
    return "2" if word.istitle() else "3"


@dataclass(frozen=True, slots=True)
class _Families:
    """The lists of `families.toml`, as comparison keys."""

    last: frozenset[tuple[str, ...]]
    first: frozenset[tuple[str, ...]]
    kinh_order: frozenset[str]
    particles: frozenset[str]

    def particle_of(self, words: Sequence[str], keys: Sequence[str]) -> str | None:
        """The particle a name begins with: of `H'Hen`, `H' Hen`, `Y Blok`, `Ka Mai`.

        `Ha Van Nam` is a Kinh name typed without its marks, and `Hà` is no `Ha`.
        """
        if len(keys) > 2 and keys[1] in _MIDDLE_OF_KINH_NAMES:
            return None
        head, apostrophe, _ = _APOSTROPHE.sub("'", words[0]).partition("'")
        if head.lower() in self.particles and (apostrophe or len(words) > 1):
            return head.lower()
        return None


@cache
def _families() -> _Families:
    lists = tomllib.loads(FAMILIES.read_text("utf-8"))
    return _Families(
        last=frozenset(tuple(map(ascii_letters, family.split())) for family in lists["last"]),
        first=frozenset(tuple(map(ascii_letters, family.split())) for family in lists["first"]),
        kinh_order=frozenset(map(_key, lists["kinh_order"])),
        particles=frozenset(particle.lower() for particle in lists["particles"]),
    )


def _key(word: str) -> str:
    """What spellings of a Kinh family have in common: the tone counts (Hà, Hạ), its place does not."""
    return collation_key(word)


def _clean(full_name: str) -> str:
    name = " ".join(_NOT_PRINTED.sub("", unicodedata.normalize("NFC", full_name)).split())
    if not name:
        raise Invalid(Text(vi="Chưa có họ tên.", en="There is no name."), code="name-empty")
    if len(name) > LONGEST_NAME:
        raise Invalid(
            Text(
                vi=f"Họ tên dài quá {LONGEST_NAME} ký tự.",
                en=f"The name has more than {LONGEST_NAME} characters.",
            ),
            code="name-too-long",
        )
    strange = "".join(dict.fromkeys(_STRANGE.findall(name)))
    if strange or not any(letter.isalpha() for letter in name):
        raise Invalid(
            Text(
                vi=f"Họ tên chỉ gồm chữ cái, dấu nháy, gạch nối và dấu chấm; không được có: {strange or name}",
                en=f"A name has letters, apostrophes, hyphens and full stops only, not: {strange or name}",
            ),
            code="name-has-other-signs",
        )
    return name


def _in_order(
    name: str, words: Sequence[str], *, family: int, confirmed: bool, particles: frozenset[str] = frozenset()
) -> ParsedName:
    """Family, middle, given; a particle before the last word goes with it (Cil Múp Ha Kriêng)."""
    given = len(words) - 1
    if given - 1 >= family and _APOSTROPHE.sub("", words[given - 1]).lower() in particles:
        given -= 1
    return ParsedName(
        name,
        family=" ".join(words[:family]),
        middle=" ".join(words[family:given]),
        given=" ".join(words[given:]),
        order=NameOrder.FAMILY_FIRST,
        confirmed=confirmed,
    )


def _given_first(
    name: str, words: Sequence[str], keys: Sequence[str], families: _Families, particle: str
) -> ParsedName:
    """Given name, then a family name if there is one: certain where the lists know the family.

    Y and H' are the particles of peoples with family names, so an unknown last word is taken for
    one; after the others it is taken for a part of the given name. Both are guesses.
    """
    shortest_given = 2 if keys[0] == particle else 1
    for start in range(shortest_given, len(words)):
        if tuple(keys[start:]) in families.last or tuple(keys[start:]) in families.first:
            return _split_before(name, words, start, confirmed=True)
    if len(words) <= shortest_given:
        return _split_before(name, words, len(words), confirmed=True)
    start = len(words) - 1 if particle in _BEFORE_A_FAMILY else len(words)
    return _split_before(name, words, start, confirmed=False)


def _split_before(name: str, words: Sequence[str], start: int, *, confirmed: bool) -> ParsedName:
    order = NameOrder.GIVEN_FIRST if start < len(words) else NameOrder.GIVEN_ONLY
    return ParsedName(name, " ".join(words[start:]), "", " ".join(words[:start]), order, confirmed)


def _longest_at_start(keys: Sequence[str], families: frozenset[tuple[str, ...]]) -> int:
    """How many words the longest listed family name at the start has, leaving one; 0 for none."""
    return next((n for n in range(len(keys) - 1, 0, -1) if tuple(keys[:n]) in families), 0)
