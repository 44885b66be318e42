"""What figures are of, in words: the one place that says so on pages, in files and on the command line."""

from collections.abc import Sequence

from provisioner.agencies.reference import Reference
from provisioner.coverage.figures import count
from provisioner.coverage.tallies import Scope
from provisioner.errors import Text

MOST_NAMED = 3
"""Agencies of a reach that are named; of more than these the rest is counted."""


def described(scope: Scope, reference: Reference, *, language: str = "vi") -> str:
    """The scope in words: the agency asked about, or all that its reader sees, in these blocs and levels."""
    parts = [
        ", ".join(term.name.in_language(language) for code, term in terms.items() if code in chosen)
        for chosen, terms in ((scope.blocs, reference.blocs), (scope.levels, reference.levels))
        if chosen
    ]
    if (where := scope.agency or _named(scope.within, language)) is not None:
        below = Text(vi="{} và các đơn vị trực thuộc", en="{} and everything below it").in_language(language)
        parts.insert(0, below.format(where))
    return "; ".join(parts) or Text(vi="toàn tỉnh", en="the whole province").in_language(language)


def _named(agencies: Sequence[str], language: str) -> str | None:
    """These agencies in a sentence; None for the whole province."""
    named, rest = ", ".join(agencies[:MOST_NAMED]), len(agencies) - MOST_NAMED
    if rest > 0:
        others = Text(vi="{} và {} cơ quan khác", en="{} and {} other agencies").in_language(language)
        return others.format(named, count(rest, language))
    return named or None
