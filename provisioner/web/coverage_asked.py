"""What the address of a coverage page asks for: a part of the province, and a day."""

from dataclasses import dataclass
from datetime import date

from flask import request, url_for
from sqlalchemy import select

from provisioner.agencies.models import Agency
from provisioner.coverage.asking import asked_day, day_wrong
from provisioner.coverage.tallies import Scope
from provisioner.days import day_of
from provisioner.operators.roles import Right
from provisioner.web.answering import services
from provisioner.web.speaking import read_day
from provisioner.web.visiting import reach, reading


@dataclass(frozen=True, slots=True)
class Asked:
    """The part and the day; `day` is None for now."""

    scope: Scope
    day: date | None

    def address(self, endpoint: str, **changes: object) -> str:
        """The address of a page about the same, or with some of it changed; None takes a filter away."""
        kept: dict[str, object] = {
            "bloc": sorted(self.scope.blocs),
            "level": sorted(self.scope.levels),
            "category": sorted(self.scope.categories),
            "agency": self.scope.agency,
            "as_of": self.day and self.day.isoformat(),
        }
        values = {name: value for name, value in {**kept, **changes}.items() if value}
        return url_for(endpoint, **values)  # type: ignore[arg-type]

    def names(self, **changes: object) -> str:
        """The beginning of the addresses of the lists about the same; the name of the list follows."""
        address = self.address("coverage_names.show", **changes)
        return f"{address}{'&' if '?' in address else '?'}list="


def asked(right: Right) -> Asked:
    """As the address says, of what this right lets the reader see. Raises `Invalid` for a day that has no figures."""
    return Asked(asked_scope(right), _day())


def asked_scope(right: Right) -> Scope:
    """The part that the address asks for; what the reference data does not know asks for nothing."""
    found = services()
    return Scope(
        blocs=frozenset(found.reference.blocs).intersection(request.args.getlist("bloc")),
        levels=frozenset(found.reference.levels).intersection(request.args.getlist("level")),
        categories=frozenset(found.reference.categories).intersection(request.args.getlist("category")),
        agency=request.args.get("agency", "").strip().replace("\x00", "")[:40] or None,
        within=_within(right),
    )


def _within(right: Right) -> tuple[str, ...]:
    """The agencies at the top of the reader's reach by name, in the order of the tree; none for the whole province."""
    seen = reach(right)
    if seen.everything:
        return ()
    tops = [
        path
        for path in seen.paths
        if not any(path != other and path.startswith(other) for other in seen.paths)
    ]
    with reading(right) as session:
        return tuple(session.scalars(select(Agency.name).where(Agency.path.in_(tops)).order_by(Agency.path)))


def _day() -> date | None:
    """A day gone by, as a browser's field sends it or as it is written in Vietnam; None for today."""
    text, now = request.args.get("as_of", "").strip(), services().clock()
    if not text:
        return None
    read = read_day(text)
    if read is None:
        raise day_wrong()
    day = asked_day(read, now=now)
    return day if day < day_of(now) else None
