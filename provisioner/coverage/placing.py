"""Whom figures are of: the agencies of a sub-tree, now or as they were on a day."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.agencies.past import as_they_were
from provisioner.agencies.register import as_kept, path_of
from provisioner.coverage.conditions import begun
from provisioner.coverage.tallies import Place, Scope


def read_places(session: Session, scope: Scope, *, on: date | None) -> list[Place]:
    """The agencies of the scope's sub-tree on a day, as they were then, those that had ended too (or ever, as they are now).

    Parents come before children.
    """
    was = as_they_were(session, on) if on is not None else {}
    rows = select(
        Agency.id,
        Agency.code,
        Agency.name,
        Agency.bloc,
        Agency.level,
        Agency.parent_id,
        Agency.path,
        Agency.unit_mailbox.label("entitled"),
        and_(Agency.seal, Agency.legal_personality).label("sealed"),
        Agency.until,
    )
    if on is not None:
        rows = rows.where(*begun(on))
    if scope.agency is not None and not was:
        rows = rows.where(Agency.path.startswith(path_of(session, scope.agency), autoescape=True))
    places = [Place(**row) for row in session.execute(rows).mappings()]
    if was:
        places = [replace(place, **was.get(place.id, {})) for place in places]
        top = _top(session, scope.agency, places)
        places = [place for place in places if place.path.startswith(top)]
    return sorted(places, key=lambda place: [int(step) for step in place.path.strip("/").split("/")])


def _top(session: Session, code: str | None, places: Sequence[Place]) -> str:
    """The path of the agency that had this code on the day of these places, or else has it. Raises `NotFound`."""
    if code is None:
        return "/"
    path = path_of(session, code)
    by_code = {place.code: place.path for place in places}
    by_id = {place.id: place.path for place in places}
    return by_code.get(as_kept(code)) or by_id.get(int(path.strip("/").rpartition("/")[2]), path)
