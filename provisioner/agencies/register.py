"""Looking agencies up: all of them at once, by any code they have or had."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from provisioner.agencies.codes import canonical_code
from provisioner.agencies.models import Agency, FormerAgencyCode, legal_name
from provisioner.errors import Invalid, NotFound, Text
from provisioner.vietnamese import same_words

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AgencyRef:
    """An agency as other rooms need it."""

    id: int
    code: str
    name: str
    short_name: str | None
    legal_name: str
    abbreviation: str
    parent_id: int | None
    path: str
    bloc: str
    level: str
    kind: str
    seal: bool
    until: date | None
    """The last day."""

    def is_called(self, name: str) -> bool:
        """Whether this is the agency's own name, in full or short, however it is spelt."""
        return same_words(name) in {same_words(own) for own in (self.name, self.short_name) if own}

    def is_closed(self, today: date) -> bool:
        """Nobody comes to it any more; who is still there can leave it."""
        return self.until is not None and self.until < today


class Register:
    """The agencies at one moment; some thousand at most, so they are read whole."""

    def __init__(self, agencies: list[AgencyRef], former: dict[str, int]) -> None:
        self.by_id = {agency.id: agency for agency in agencies}
        self._by_code = {agency.code: agency for agency in agencies}
        self._former = former

    @classmethod
    def read(cls, session: Session) -> "Register":
        agencies = [
            AgencyRef(
                id=row.id,
                code=row.code,
                name=row.name,
                short_name=row.short_name,
                legal_name=legal_name(row.name, row.short_name),
                abbreviation=row.abbreviation,
                parent_id=row.parent_id,
                path=row.path,
                bloc=row.bloc,
                level=row.level,
                kind=row.kind,
                seal=row.seal,
                until=row.until,
            )
            for row in session.execute(
                select(
                    Agency.id,
                    Agency.code,
                    Agency.name,
                    Agency.short_name,
                    Agency.abbreviation,
                    Agency.parent_id,
                    Agency.path,
                    Agency.bloc,
                    Agency.level,
                    Agency.kind,
                    Agency.seal,
                    Agency.until,
                ).order_by(Agency.path)
            )
        ]
        former = session.execute(
            select(FormerAgencyCode.code, FormerAgencyCode.agency_id).order_by(
                FormerAgencyCode.until.nulls_first(), FormerAgencyCode.id
            )
        )
        return cls(agencies, {row.code: row.agency_id for row in former})

    def find(self, code: str) -> AgencyRef | None:
        """The agency with this code, in either form; a current code goes before a former one."""
        canonical = as_kept(code)
        found = self._by_code.get(canonical)
        if found is None and canonical in self._former:
            found = self.by_id[self._former[canonical]]
        return found

    def get(self, code: str) -> AgencyRef:
        """The agency with this code. Raises `NotFound`."""
        found = self.find(code)
        if found is None:
            raise _unknown(code)
        return found

    def parent(self, agency: AgencyRef) -> AgencyRef | None:
        return self.by_id.get(agency.parent_id) if agency.parent_id else None

    def __iter__(self) -> Iterator[AgencyRef]:
        return iter(self.by_id.values())

    def __len__(self) -> int:
        return len(self.by_id)


def path_of(session: Session, code: str) -> str:
    """The path of the agency with this code, as `Register.find` takes it: its sub-tree is whatever begins with it.

    Raises `NotFound`.
    """
    path = session.scalar(_first(Agency.path, as_kept(code)))
    if path is None:
        raise _unknown(code)
    return path


def id_of(session: Session, code: str) -> int | None:
    """The id of the agency with this code, as `Register.find` takes it; None when nobody has or had it."""
    return session.scalar(_first(Agency.id, as_kept(code)))


def as_kept(code: str) -> str:
    """A code in the form of today, whichever form was typed; anything else as it is."""
    try:
        return canonical_code(code)
    except Invalid:
        return code


def _first(wanted: InstrumentedAttribute[T], code: str) -> Select[T]:
    """Of the agency that has this code, or else of the one that had it last."""
    return (
        select(wanted)
        .outerjoin(FormerAgencyCode, FormerAgencyCode.agency_id == Agency.id)
        .where(or_(Agency.code == code, FormerAgencyCode.code == code))
        .order_by(
            (Agency.code == code).desc(),
            FormerAgencyCode.until.desc().nulls_last(),
            FormerAgencyCode.id.desc(),
        )
        .limit(1)
    )


def _unknown(code: str) -> NotFound:
    return NotFound(
        Text(vi=f"Không có cơ quan nào mang mã {code}.", en=f"There is no agency with the code {code}."),
        code="agency-unknown",
    )
