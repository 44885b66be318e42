"""Made-up officials one by one: post, name, birth date, identity number, telephone.

Identity numbers have the shape of Nghị định 137/2015/NĐ-CP art. 13 and agree with sex and birth
year, but their last six digits count up from 000001, as no real ones do. Telephone numbers begin
with 053 or 095, which are assigned to nobody.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

from provisioner.demo.names import Sex, names

CATEGORIES = {
    "can_bo": "Cán bộ",
    "cong_chuc": "Công chức",
    "vien_chuc": "Viên chức",
    "nguoi_lao_dong": "Người lao động",
}
"""Codes and names of the categories of staff, as a roster writes them."""

_PROVINCES_OF_BIRTH = (("068", "060", "067"), (46, 78, 100))  # Lâm Đồng, Bình Thuận, Đắk Nông
_LEADERS_BORN = (date(1967, 1, 1), date(1988, 12, 31))
_STAFF_BORN = (date(1968, 1, 1), date(2003, 12, 31))
_PHONE_STEP = 7_654_321  # shares no factor with ten million: every telephone number comes once


@dataclass(frozen=True, slots=True)
class Official:
    """One person in one post."""

    staff_number: str
    full_name: str
    birth_date: date
    national_id: str
    title: str
    is_leader: bool
    category: str
    phone: str


@dataclass(frozen=True, slots=True)
class Titles:
    """Titles of one category, with weights."""

    titles: tuple[str, ...]
    sums: tuple[int, ...]


class Officials:
    """Makes people, each with a staff number, an identity number and a telephone of their own.

    `after` is how many were made before by others, whose numbers these do not take.
    """

    def __init__(self, seed: str, *, after: int = 0) -> None:
        self._seed = seed
        self._after = self._made = after
        self._serials: Counter[str] = Counter()

    def of(self, code: str, kind: str, heads: Mapping[str, int], count: int) -> Iterator[Official]:
        """The `count` people of an agency: first its leaders, then staff by its declared head counts.

        Names, posts and birth dates are drawn from the agency's own code: they stay the same when
        other agencies grow. Staff numbers, serials and telephones count through the whole roster.
        """
        random = Random(f"{self._seed}/{code}")  # noqa: S311 - nothing secret is drawn
        left = dict(heads)
        for title, category in _leaders(kind, heads, count):
            left[category] -= 1
            count -= 1
            yield self._one(random, title, category, is_leader=True)
        for category in _spread(left if any(left.values()) else heads, count):
            staff = _staff_titles(kind, category)
            title = random.choices(staff.titles, cum_weights=staff.sums)[0]
            yield self._one(random, title, category, is_leader=False)

    def _one(self, random: Random, title: str, category: str, *, is_leader: bool) -> Official:
        self._made += 1
        sex: Sex = "men" if random.random() < (0.62 if is_leader else 0.47) else "women"
        birth_date = _day_between(random, *(_LEADERS_BORN if is_leader else _STAFF_BORN))
        return Official(
            staff_number=f"LD{self._made:06}",
            full_name=names().draw(random, sex),
            birth_date=birth_date,
            national_id=self._national_id(random, sex, birth_date.year),
            title=title,
            is_leader=is_leader,
            category=category,
            phone=self._phone(),
        )

    def _national_id(self, random: Random, sex: Sex, year: int) -> str:
        provinces, sums = _PROVINCES_OF_BIRTH
        century = 2 * ((year - 1900) // 100) + (sex == "women")
        group = f"{random.choices(provinces, cum_weights=sums)[0]}{century}{year % 100:02}"
        self._serials[group] += 1
        return f"{group}{self._after + self._serials[group]:06}"

    def _phone(self) -> str:
        return f"{'053' if self._made % 2 else '095'}{self._made * _PHONE_STEP % 10**7:07}"


def _spread(heads: Mapping[str, int], count: int) -> Iterator[str]:
    """`count` categories in the proportions of `heads`, interleaved so that any beginning has them too."""
    total = sum(heads.values())
    given = dict.fromkeys(heads, 0)
    for number in range(1, count + 1):
        behind = max(heads, key=lambda category: heads[category] * number / total - given[category])
        given[behind] += 1
        yield behind


def _day_between(random: Random, first: date, last: date) -> date:
    return first + timedelta(days=random.randrange((last - first).days))


@cache
def _posts() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "posts.toml").read_text("utf-8"))


def _leaders(kind: str, heads: Mapping[str, int], count: int) -> Iterator[tuple[str, str]]:
    """Posts of leaders: all the elected ones, of the appointed ones a deputy for every six people."""
    posts = _posts()["leaders"]["ubnd" if kind.startswith("ubnd") else kind]
    left, appointed = dict(heads), 1 + count // 6
    for title, category in posts[:count]:
        if not left[category] or (category != "can_bo" and not appointed):
            continue
        left[category] -= 1
        appointed -= category != "can_bo"
        yield title, category


@cache
def _staff_titles(kind: str, category: str) -> Titles:
    staff = _posts()["staff"]
    weighted = staff.get(kind, {}).get(category) or staff["any"][category]
    return Titles(
        titles=tuple(title for title, _weight in weighted),
        sums=tuple(accumulate(weight for _title, weight in weighted)),
    )
