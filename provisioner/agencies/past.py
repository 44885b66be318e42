"""The agencies as they were on a day: a report of a day gone by has the codes, the names and the tree of that day."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency, FormerAgency, FormerAgencyCode
from provisioner.db import table_of

_AGENCIES, _FORMER, _CODES = table_of(Agency), table_of(FormerAgency), table_of(FormerAgencyCode)


def as_they_were(session: Session, day: date) -> dict[int, dict[str, Any]]:
    """What differed on a day: `code`, `name`, `bloc`, `level`, `parent_id` and `path` by the id of the agency.

    Empty for today, at the cost of two questions that find nothing. Where an agency stood does not depend on who asks.
    """
    connection = session.connection()
    former = {  # of several the last is kept, which is the earliest
        row.agency_id: row
        for row in connection.execute(
            select(_FORMER).where(_FORMER.c.until >= day).order_by(_FORMER.c.until.desc())
        )
    }
    codes: dict[int, str] = {
        row.agency_id: row.code
        for row in connection.execute(
            select(_CODES.c.agency_id, _CODES.c.code)
            .where(_CODES.c.until >= day, or_(_CODES.c.since.is_(None), _CODES.c.since <= day))
            .order_by(_CODES.c.until.desc(), _CODES.c.id)
        )
    }
    if not former and not codes:
        return {}
    columns = (_AGENCIES.c[name] for name in ("id", "code", "name", "bloc", "level", "parent_id", "path"))
    today = {row.id: row for row in connection.execute(select(*columns))}
    then = {agency_id: former.get(agency_id, row) for agency_id, row in today.items()}
    parents = {agency_id: row.parent_id for agency_id, row in then.items()}
    found = {}
    for agency_id, row in today.items():
        path = _path(agency_id, parents)
        if agency_id in former or agency_id in codes or path != row.path:
            was = then[agency_id]
            found[agency_id] = {
                "code": codes.get(agency_id, row.code),
                "path": path,
                **{name: getattr(was, name) for name in ("name", "bloc", "level", "parent_id")},
            }
    return found


def former_names(session: Session, agency: Agency) -> list[tuple[str, date | None, date]]:
    """The names it had before, the newest first, each with its first day, where that is known, and its last."""
    kept = session.execute(
        select(FormerAgency.name, FormerAgency.until)
        .where(FormerAgency.agency_id == agency.id)
        .order_by(FormerAgency.until)
    ).all()
    found, since = [], agency.since
    names = [*(row.name for row in kept), agency.name]
    for (name, until), then in zip(kept, names[1:], strict=True):
        if name != then:  # otherwise it changed its place, its bloc or its level
            found.append((name, since, until))
            since = until + timedelta(days=1)
    return found[::-1]


def _path(agency_id: int, parents: Mapping[int, int | None]) -> str:
    """The line of ids down to an agency; changes that were told with wrong days may make it a ring, which is cut."""
    line = [agency_id]
    while (above := parents[line[-1]]) is not None and above not in line:
        line.append(above)
    return f"/{'/'.join(map(str, reversed(line)))}/"
