"""People in post at an agency that closes: somebody has to move them, or let them leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.people.models import Post


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """An agency with a last day, passed or to come, and how many people still hold posts there."""

    code: str
    name: str
    until: date
    people: int


def left_behind(session: Session) -> Sequence[LeftBehind]:
    """Every such agency, by its code. Coverage no longer counts a closed agency, whoever is left there."""
    found = session.execute(
        select(Agency.code, Agency.name, Agency.until, func.count(Post.id))
        .join(Post, Post.agency_id == Agency.id)
        .where(Agency.until.is_not(None), Post.until.is_(None))
        .group_by(Agency.id)
        .order_by(Agency.code)
    )
    return [LeftBehind(code, name, until, people) for code, name, until, people in found if until is not None]
