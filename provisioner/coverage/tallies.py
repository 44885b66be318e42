"""What was counted, and of which part of the province: the values that the other modules pass around."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from operator import add, sub
from typing import NamedTuple

from provisioner.days import day_of


class Tally(NamedTuple):
    """What was counted of one agency itself, or of its people of one staff category.

    The figures of one question to the books stand side by side.
    """

    entitled: int = 0
    """Who ought to have a mailbox: 1 for an agency with `unit_mailbox`; of people the declared head
    count, or the people in post where they are more."""
    registered: int = 0
    """People in post."""
    leaders: int = 0
    issued: int = 0
    """Mailboxes that stood in the directory and are not closed."""
    active: int = 0
    locked: int = 0
    handed_over: int = 0
    used: int = 0
    revoked: int = 0
    """Mailboxes that were issued and closed."""
    certificates: int = 0
    """Certificates ever issued, renewed ones counted again."""
    certificates_valid: int = 0
    certificates_revoked: int = 0
    signing: int = 0
    """People, or sealed agencies, with a valid certificate."""
    leaders_signing: int = 0
    sealed: int = 0
    """1 for an agency with legal personality and a seal of its own."""
    holding: int = 0
    """1 for an entitled agency that has an issued mailbox."""
    served: int = 0
    """1 for an entitled agency that has an active one."""

    def plus(self, other: "Tally") -> "Tally":
        return Tally(*map(add, self, other))

    def minus(self, other: "Tally") -> "Tally":
        return Tally(*map(sub, self, other))


def total(tallies: Iterable[Tally]) -> Tally:
    rows = list(tallies)
    return Tally(*map(sum, zip(*rows, strict=True))) if rows else Tally()


@dataclass(frozen=True, slots=True)
class Place:
    """An agency as reports need it."""

    id: int
    code: str
    name: str
    bloc: str
    level: str
    parent_id: int | None
    path: str
    entitled: bool
    sealed: bool
    until: date | None
    """Its last day."""

    def ended(self, on: date) -> bool:
        """Whether it existed no more on this day."""
        return self.until is not None and self.until < on


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of the province is asked about; an empty set means all of them."""

    blocs: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    """Staff categories. They choose people; an agency and its own mailboxes have none."""
    agency: str | None = None
    """A code in either form: this agency and everything below it."""
    within: tuple[str, ...] = ()
    """Names of the agencies where the reader's reach ends, each with everything below it; none for the province.

    It says what the figures are of and chooses nothing: a reader's session shows nothing else (`tenancy`).
    """

    def in_blocs(self, place: Place) -> bool:
        return not self.blocs or place.bloc in self.blocs

    def holds(self, place: Place) -> bool:
        """Whether an agency of the sub-tree is meant, by its bloc and level."""
        return self.in_blocs(place) and (not self.levels or place.level in self.levels)

    def counts(self, category: str) -> bool:
        """Whether people of a staff category are meant."""
        return not self.categories or category in self.categories


@dataclass(frozen=True, slots=True)
class Sums:
    """What a metric is computed from: agencies themselves, their people of the categories in scope, and who is gone."""

    own: Tally
    people: Tally
    left: Tally = field(default_factory=Tally)
    """Open mailboxes and all certificates of people in no post, at the agency and in the category of their last one,
    and of all people of agencies that ended."""
    ended: Tally = field(default_factory=Tally)
    """Mailboxes and certificates of agencies that ended, of their own."""

    @property
    def all(self) -> Tally:
        """Everything, for figures that are no part of a rate."""
        return self.own.plus(self.people).plus(self.left).plus(self.ended)


@dataclass(frozen=True, slots=True)
class CoveredAgency:
    """An agency that existed on the day, with what was counted of it."""

    place: Place
    sums: Sums


@dataclass(frozen=True, slots=True)
class Coverage:
    """An answer: the agencies in scope, and beside them those below them of any level."""

    at: datetime
    used_within: timedelta
    """How long ago a mailbox may have been used last to count as in use."""
    scope: Scope
    agencies: list[CoveredAgency]
    below: list[CoveredAgency]
    """All of the sub-tree in the blocs in scope, whatever their level: a roll-out goes downwards."""
    ended: list[CoveredAgency]
    """Agencies in scope that had ended by then and left something behind: part of `sums`, and of no rate."""
    categories: Mapping[str, Tally]
    """The people in scope by staff category; together they are the people of `sums`."""

    @property
    def sums(self) -> Sums:
        return summed([*self.agencies, *self.ended])


def summed(agencies: Iterable[CoveredAgency]) -> Sums:
    """The sums of several agencies together."""
    rows = list(agencies)
    return Sums(
        total(row.sums.own for row in rows),
        total(row.sums.people for row in rows),
        total(row.sums.left for row in rows),
        total(row.sums.ended for row in rows),
    )


ITSELF = "*"
"""Stands where a staff category stands, for an agency's own mailboxes and certificates."""

LEFT = "-"
"""Stands before the staff category of a last post: who left is counted beside those who are in post."""

ENDED = LEFT + ITSELF
"""Stands for the mailboxes and certificates of an agency's own once it has ended."""

Counts = Mapping[tuple[int, str], Tally]
"""Tallies by agency id and staff category (or `ITSELF`, or after `LEFT`); some people have no category: an empty one."""


def part(category: str) -> str:
    """The field of `Sums` that tallies of this category belong to."""
    if category in (ITSELF, ENDED):
        return "own" if category == ITSELF else "ended"
    return "left" if category.startswith(LEFT) else "people"


def is_asked(scope: Scope, category: str) -> bool:
    """Whether tallies of this category are in scope; those of agencies themselves always are."""
    return category in (ITSELF, ENDED) or scope.counts(category.removeprefix(LEFT))


def arrange(
    places: Iterable[Place], counts: Counts, scope: Scope, *, at: datetime, used_within: timedelta
) -> Coverage:
    """Put tallies to the agencies of a sub-tree and choose what is in scope."""
    on, (people, left) = day_of(at), _people(counts, scope)
    below, ended = [], []
    for place in filter(scope.in_blocs, places):
        own, behind = (counts.get((place.id, category), Tally()) for category in (ITSELF, ENDED))
        staff, gone = total(people.get(place.id, {}).values()), total(left.get(place.id, ()))
        if not place.ended(on):
            below.append(CoveredAgency(place, Sums(own, staff, gone)))
        elif scope.holds(place) and any(map(any, (own, behind, staff, gone))):
            # A picture may be older than the word that the agency had ended by its day.
            ended.append(CoveredAgency(place, Sums(Tally(), Tally(), gone.plus(staff), behind.plus(own))))
    chosen = [row for row in below if scope.holds(row.place)]
    by_category: dict[str, list[Tally]] = {}
    for row in chosen:
        for category, tally in people.get(row.place.id, {}).items():
            if any(tally):
                by_category.setdefault(category, []).append(tally)
    categories = {category: total(tallies) for category, tallies in sorted(by_category.items())}
    return Coverage(at, used_within, scope, chosen, below, ended, categories)


def _people(counts: Counts, scope: Scope) -> tuple[dict[int, dict[str, Tally]], dict[int, list[Tally]]]:
    """People of the categories in scope by agency: those in post by category, and who left."""
    people: dict[int, dict[str, Tally]] = {}
    left: dict[int, list[Tally]] = {}
    for (agency_id, category), tally in counts.items():
        if category in (ITSELF, ENDED) or not is_asked(scope, category):
            continue
        if category.startswith(LEFT):
            left.setdefault(agency_id, []).append(tally)
        else:
            people.setdefault(agency_id, {})[category] = tally
    return people, left
