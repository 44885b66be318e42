"""Standing: whether somebody may still do, when the work is done, what they set going (ASVS 8.3.2, 8.4.1).

Between an approval and the last row lie minutes or days. Whoever was shut out or lost the role
meanwhile sets nothing going any more: the job asks again before each batch.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.operators.models import Operator
from provisioner.operators.reach import powers_of
from provisioner.operators.roles import Right


@dataclass(frozen=True, slots=True)
class Part:
    """What somebody did, by which right, and for which agencies; None among them is the whole province."""

    name: str
    right: Right
    agencies: frozenset[int | None] = frozenset({None})


def lost_standing(session: Session, parts: Iterable[Part], *, now: datetime) -> dict[str, str] | None:
    """Why this must not go on, as a row keeps it (`code`, `vi`, `en`); None when everybody still may.

    A name that no operator has is that of the command line, where whoever holds the server is not
    asked: operators are never deleted, so theirs do not become such names.
    """
    for part in parts:
        operator = session.scalars(select(Operator).where(Operator.name == part.name)).one_or_none()
        if operator is None:
            continue
        if operator.disabled_at is not None:
            return _fact(
                "operator-shut-out",
                f"{part.name} đã bị khóa trước khi việc này xong.",
                f"{part.name} was shut out before this was done.",
            )
        if not _holds(session, operator, part, now=now):
            return _fact(
                "right-lost",
                f"{part.name} không còn quyền làm việc này khi việc được thực hiện.",
                f"{part.name} had lost the right to this when it was to be done.",
            )
    return None


def _holds(session: Session, operator: Operator, part: Part, *, now: datetime) -> bool:
    reach = powers_of(session, operator.id, now=now).reach(part.right)
    if reach.everything or None in part.agencies:
        return reach.everything
    paths = session.scalars(select(Agency.path).where(Agency.id.in_(part.agencies)))
    return all(reach.holds(path) for path in paths)


def _fact(code: str, vi: str, en: str) -> dict[str, str]:
    return {"code": code, "vi": vi, "en": en}
