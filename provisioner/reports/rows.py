"""The rows of the coverage table: blocs as groups I, II, III, each with its subtotal, then the total."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from provisioner.agencies.reference import Reference
from provisioner.coverage.reporting import Detail
from provisioner.coverage.tallies import Coverage, CoveredAgency, summed
from provisioner.reports.columns import Counted

_ROMAN = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


@dataclass(frozen=True, slots=True)
class Row:
    """One numbered line: an agency, or all agencies of a level."""

    number: int
    """Its STT, which runs through all groups."""
    name: str
    level: str
    counted: Counted
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The lines of one bloc, with their subtotal."""

    numeral: str
    name: str
    rows: Sequence[Row]
    subtotal: Counted


@dataclass(frozen=True, slots=True)
class Table:
    """The whole table."""

    groups: Sequence[Group]
    total: Counted


def lay_out(
    coverage: Coverage,
    reference: Reference,
    expiring: Mapping[int, int],
    *,
    detail: Detail,
    language: str = "vi",
) -> Table:
    """Arrange coverage as a table: blocs and levels in the order of the reference data.

    `expiring` is M9 by agency id. Blocs and levels without an agency in scope are left out; the
    sums of the groups are the total, because every agency belongs to exactly one bloc.
    """
    numbers = count(1)
    groups: list[Group] = []
    for bloc, term in reference.blocs.items():
        members = [row for row in coverage.agencies if row.place.bloc == bloc]
        if not members:
            continue
        by_level = {level: [row for row in members if row.place.level == level] for level in reference.levels}
        names = {level: reference.levels[level].name.in_language(language) for level in by_level}
        if detail is Detail.AGENCY:
            rows = [
                Row(
                    next(numbers),
                    member.place.name,
                    names[member.place.level],
                    _counted([member], expiring),
                    member.place.code,
                )
                for member in members
            ]
        else:
            rows = [
                Row(next(numbers), names[level], names[level], _counted(chosen, expiring))
                for level, chosen in by_level.items()
                if chosen
            ]
        groups.append(
            Group(roman(len(groups) + 1), term.name.in_language(language), rows, _counted(members, expiring))
        )
    return Table(groups, _counted(coverage.agencies, expiring))


def _counted(agencies: Sequence[CoveredAgency], expiring: Mapping[int, int]) -> Counted:
    return Counted(summed(agencies), sum(expiring.get(row.place.id, 0) for row in agencies))


def roman(number: int) -> str:
    """A number as groups are numbered: I, II, III, IV."""
    written = ""
    for value, letters in _ROMAN:
        times, number = divmod(number, value)
        written += letters * times
    return written


def note(counted: Counted, language: str = "vi") -> str:
    """What a reader has to know to understand the figures of one agency; mostly nothing."""
    own, people = counted.sums.own, counted.sums.people
    notes = []
    if own.entitled and not own.holding:
        notes.append(("chưa có hộp thư cơ quan", "no mailbox of its own"))
    if people.locked:
        notes.append((f"tạm khóa {people.locked}", f"{people.locked} locked"))
    spoken = 0 if language == "vi" else 1
    said = "; ".join(pair[spoken] for pair in notes)
    return said[:1].upper() + said[1:]
