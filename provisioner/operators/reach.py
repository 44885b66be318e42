"""Reach: of which agencies somebody may see or change what, as the books say at this moment."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from sqlalchemy import BindParameter, ColumnElement, SQLColumnExpression, and_, exists, or_, select, true
from sqlalchemy.orm import Session, aliased

from provisioner.agencies.models import Agency
from provisioner.operators.models import Grant, Operator
from provisioner.operators.roles import GREATER, RIGHTS, WHOLE_PROVINCE_ONLY, Right, Role
from provisioner.people.models import Post


@dataclass(frozen=True, slots=True)
class Reach:
    """The sub-trees of agencies that one right covers, as paths. Nothing at all unless told otherwise."""

    paths: frozenset[str] = frozenset()
    everything: bool = False

    @classmethod
    def nothing(cls) -> Self:
        return cls()

    @classmethod
    def province(cls) -> Self:
        return cls(everything=True)

    def holds(self, path: str) -> bool:
        """Whether the agency with this path is in it."""
        return self.everything or any(path.startswith(root) for root in self.paths)

    def covers(self, other: "Reach") -> bool:
        """Whether all of the other lies in it."""
        return self.everything or (not other.everything and all(map(self.holds, other.paths)))

    def __bool__(self) -> bool:
        return self.everything or bool(self.paths)


@dataclass(frozen=True, slots=True)
class Held:
    """A role as it is held: for the sub-tree at `path`, or for the whole province (None)."""

    role: Role
    path: str | None

    @classmethod
    def of(cls, role: Role, agency_id: int | None, path: str | None) -> Self:
        """From a grant and the path of its agency; without an agency it is for the whole province."""
        return cls(role, None if agency_id is None else path)


@dataclass(frozen=True, slots=True)
class Powers:
    """Everything somebody may do, by right."""

    held: frozenset[Held] = frozenset()
    by_right: Mapping[Right, Reach] = field(default_factory=dict)

    @classmethod
    def of(cls, held: Iterable[Held]) -> Self:
        roles = frozenset(held)
        by_right: dict[Right, Reach] = {}
        for right in Right:
            giving = [one for one in roles if right in RIGHTS[one.role]]
            if any(one.path is None for one in giving):
                by_right[right] = Reach.province()
            elif giving and right not in WHOLE_PROVINCE_ONLY:
                by_right[right] = Reach(frozenset(one.path for one in giving if one.path is not None))
        return cls(roles, by_right)

    def reach(self, right: Right) -> Reach:
        return self.by_right.get(right, Reach.nothing())

    def covers(self, other: "Powers") -> bool:
        """Whether whoever has these may give the other: nobody gives what they do not hold themselves."""
        return all(
            self.reach(right).covers(reach) or self.reach(GREATER.get(right, right)).covers(reach)
            for right, reach in other.by_right.items()
        )

    @property
    def roles(self) -> list[Role]:
        """In the order of the table of roles."""
        return [role for role in Role if any(one.role is role for one in self.held)]


def powers_of(session: Session, operator_id: int, *, now: datetime) -> Powers:
    """What this operator may do at this moment: read at every request, never remembered."""
    return _powers(session, Grant.operator_id == operator_id, now=now).get(operator_id, Powers())


def powers_of_all(session: Session, *, now: datetime) -> Mapping[int, Powers]:
    """The same of every operator who may do anything, by id."""
    return _powers(session, true(), now=now)


def _powers(session: Session, chosen: ColumnElement[bool], *, now: datetime) -> Mapping[int, Powers]:
    held: dict[int, list[Held]] = defaultdict(list)
    for operator_id, role, agency_id, path in session.execute(
        select(Grant.operator_id, Grant.role, Grant.agency_id, Agency.path)
        .outerjoin(Agency, Agency.id == Grant.agency_id)
        .where(chosen, in_force(now))
    ):
        held[operator_id].append(Held.of(role, agency_id, path))
    return {operator_id: Powers.of(grants) for operator_id, grants in held.items()}


def in_force(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Which grants hold at this moment: before their end, and of an official while they are in post."""
    return and_(or_(Grant.until.is_(None), Grant.until > now), ~has_left(Grant.operator_id))


def has_left(operator_id: SQLColumnExpression[int] | int) -> ColumnElement[bool]:
    """Whether this operator is an official who holds no post any more."""
    operator = aliased(Operator)  # the question around it may be about operators, too
    in_post = exists().where(Post.person_id == operator.person_id, Post.until.is_(None))
    return exists().where(operator.id == operator_id, operator.person_id.is_not(None), ~in_post)
