"""The branches of a sub-tree: each agency directly below the one in focus, with everything under it."""

from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.coverage.tallies import Coverage, CoveredAgency, Place, Sums, summed


@dataclass(frozen=True, slots=True)
class Branch:
    """An agency and everything below it, as far as it is in scope."""

    place: Place
    sums: Sums
    agencies: int
    """How many agencies of the scope it holds; one that stands alone has no way down."""


def branches(coverage: Coverage) -> list[Branch]:
    """The branches below the agency in focus, in the order of the tree; without a focus, the topmost agencies.

    A lone topmost agency is what the reader has in mind already, so its own branches are shown. The
    agency in focus belongs to none of them, and where nothing is below it there are none.
    """
    if len(coverage.below) <= 1:
        return []
    top = _focus(coverage)
    gathered: dict[int, list[CoveredAgency]] = {}
    places = {row.place.id: row.place for row in coverage.below}
    for row in coverage.agencies:
        steps = [int(step) for step in row.place.path.strip("/").split("/")]
        found = next((step for step in steps[_depth(top, steps) :] if step in places), None)
        if found is not None:
            gathered.setdefault(found, []).append(row)
    return [
        Branch(places[agency_id], summed(rows), len(rows))
        for agency_id in places
        if (rows := gathered.get(agency_id))
    ]


def _focus(coverage: Coverage) -> Place | None:
    """The agency whose branches are meant: the one asked for, or the only one at the top."""
    known = {row.place.id for row in coverage.below}
    roots = [row.place for row in coverage.below if row.place.parent_id not in known]
    return roots[0] if len(roots) == 1 else None


def _depth(top: Place | None, steps: Sequence[int]) -> int:
    """How many steps of a path lead down to the focus, itself included."""
    return steps.index(top.id) + 1 if top is not None and top.id in steps else 0
