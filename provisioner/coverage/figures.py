"""How a figure is written: always how many of how many, then the rate."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """`n` of `of`: the numerator and the denominator stay together, so that a rate can be checked."""

    n: int
    of: int

    @property
    def tenths(self) -> int | None:
        """The rate in tenths of a percent, half up; None where there is nothing to have a rate of.

        1000 (100 %) is said only when nothing is missing: 9,999 of 10,000 is 99.9 %.
        """
        if self.of == 0:
            return None
        rounded = (2000 * self.n + self.of) // (2 * self.of)
        return min(rounded, 999) if self.n < self.of else rounded


def count(number: int, language: str = "vi") -> str:
    """`6.041` in Vietnamese, `6,041` in English."""
    grouped = f"{number:,}"
    return grouped.replace(",", ".") if language == "vi" else grouped


def percent(measure: Measure, language: str = "vi") -> str:
    """`97%` or `62,4%` (`62.4%`); a dash where there is nothing to have a rate of."""
    if measure.tenths is None:
        return "–"
    whole, tenth = divmod(measure.tenths, 10)
    decimals = f"{',' if language == 'vi' else '.'}{tenth}" if tenth else ""
    return f"{count(whole, language)}{decimals}%"


def ratio(measure: Measure, language: str = "vi") -> str:
    """`9/12 (75%)`."""
    return f"{count(measure.n, language)}/{count(measure.of, language)} ({percent(measure, language)})"
