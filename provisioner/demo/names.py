"""Names for people who do not exist, drawn from the weighted lists of `names.toml`."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, Literal

Sex = Literal["men", "women"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Things to draw from, each with its weight."""

    things: tuple[str, ...]
    sums: tuple[int, ...]

    @classmethod
    def among(cls, weights: Mapping[str, int]) -> "Choice":
        return cls(tuple(weights), tuple(accumulate(weights.values())))

    def draw(self, random: Random) -> str:
        return random.choices(self.things, cum_weights=self.sums)[0]


@dataclass(frozen=True, slots=True)
class Names:
    """The lists: Kinh names by weight, and now and then a name of another custom."""

    family: Choice
    middle: Mapping[Sex, Choice]
    given: Mapping[Sex, Choice]
    customs: tuple[Mapping[str, Any], ...]
    custom_sums: tuple[int, ...]
    per_thousand: int

    def draw(self, random: Random, sex: Sex) -> str:
        """A full name, written as its bearer would write it."""
        if random.randrange(1000) < self.per_thousand:
            custom = random.choices(self.customs, cum_weights=self.custom_sums)[0]
            family = random.choice(custom["family"]) if "family" in custom else ""
            given = random.choice(custom[f"given_{sex}"])
            return " ".join(custom[sex].format(family=family, given=given).split())
        parts = (self.family.draw(random), self.middle[sex].draw(random), self.given[sex].draw(random))
        return " ".join(part for part in parts if part)


@cache
def names() -> Names:
    """The lists as shipped."""
    lists = tomllib.loads((Path(__file__).parent / "names.toml").read_text("utf-8"))
    customs = lists["custom"]
    return Names(
        family=Choice.among(lists["family"]),
        middle={sex: Choice.among(weights) for sex, weights in lists["middle"].items()},
        given={sex: Choice.among(weights) for sex, weights in lists["given"].items()},
        customs=tuple(customs),
        custom_sums=tuple(accumulate(custom["weight"] for custom in customs)),
        per_thousand=lists["customs"]["per_thousand"],
    )


def full_names(seed: str) -> Iterator[tuple[str, Sex]]:
    """Names without end, the same ones for the same seed; half of them of women."""
    random, lists = Random(seed), names()  # noqa: S311 - nothing secret is drawn
    while True:
        sex: Sex = random.choice(("men", "women"))
        yield lists.draw(random, sex), sex
