"""Heads without a name: where agencies declared more staff than the books know people of.

The rate of staff served counts them as missing (M3), and no list of people can show them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.coverage.tallies import Coverage, Place


@dataclass(frozen=True, slots=True)
class Unnamed:
    """An agency some of whose declared heads have no name in the books."""

    place: Place
    entitled: int
    """As M3 counts them: declared heads, or people in post where they are more, by category."""
    known: int
    """People in post."""

    @property
    def missing(self) -> int:
        return self.entitled - self.known


def unnamed(coverage: Coverage) -> Sequence[Unnamed]:
    """Every such agency in scope, those that miss most first. Together they miss `unnamed_in_all`."""
    found = [
        Unnamed(row.place, row.sums.people.entitled, row.sums.people.registered) for row in coverage.agencies
    ]
    return sorted((one for one in found if one.missing), key=lambda one: (-one.missing, one.place.code))


def unnamed_in_all(coverage: Coverage) -> int:
    """How many heads of the whole scope have no name."""
    people = coverage.sums.people
    return people.entitled - people.registered
