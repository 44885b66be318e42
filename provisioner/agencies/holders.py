"""Who has which code, and who had it: codes are reused with another meaning, so codes and days together name an agency."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from provisioner.agencies.codes import given_up
from provisioner.agencies.models import DATED, Agency, FormerAgency, FormerAgencyCode
from provisioner.errors import Invalid, Text

A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Named:
    """What a row of the list names an agency by."""

    code: str
    former: Sequence[str]
    """Codes that it had before."""
    since: date | None
    until: date | None


class Holders:
    """All agencies by the codes they have and had, while a list is read into the books."""

    def __init__(self, session: Session, listed: Collection[str]) -> None:
        """`listed` are the codes that have a row in the list."""
        self._session, self._listed = session, listed
        self.agencies = {agency.id: agency for agency in session.scalars(select(Agency))}
        self._stored = frozenset(self.agencies)
        self._by_code = {agency.code: agency for agency in self.agencies.values()}
        self._former: dict[str, list[FormerAgencyCode]] = defaultdict(list)
        ordered = select(FormerAgencyCode).order_by(FormerAgencyCode.until.nulls_first(), FormerAgencyCode.id)
        for former in session.scalars(ordered):
            self._former[former.code].append(former)
        was_until = select(FormerAgency.agency_id, func.max(FormerAgency.until))
        self._was_until = dict(session.execute(was_until.group_by(FormerAgency.agency_id)).all())
        self._moves: dict[str, str] = {}
        self._coming: dict[str, Agency] = {}

    def foresee(self, rows: Iterable[Named], *, today: date) -> dict[str, str]:
        """The codes that agencies of the books give up in this list for others, by the former ones.

        One may go to another agency at once: A to B where B goes to C, as long as C is free and A has no row.
        """
        claims: dict[str, str] = {}
        taken: dict[str, bool] = {}
        for named in rows:
            holder = self._by_code.get(named.code)
            taken[named.code] = holder is not None and not _reused(holder, named)
            living = [code for code in named.former if self._living(code, holder, today)]
            if len(living) == 1:
                claims.setdefault(living[0], named.code)
        moves: dict[str, str] = {}
        while free := [old for old, new in claims.items() if not taken[new] or new in moves]:
            moves |= {old: claims.pop(old) for old in free}
        while kept := [old for old in moves if old in self._listed and old not in moves.values()]:
            moves = {old: new for old, new in moves.items() if old not in kept}
        self._moves, self._coming = moves, {new: self._by_code[old] for old, new in moves.items()}
        return moves

    def find(self, code: str) -> Agency | None:
        """The agency that has this code once the list is read, or else the one that had it last."""
        former = self._former.get(code)
        return (
            self._coming.get(code)
            or self._by_code.get(code)
            or (self.agencies[former[-1].agency_id] if former else None)
        )

    def meant(self, named: Named, *, today: date) -> Agency | None:
        """The agency that a row is about; None for one that is new to the books.

        It is the one that has the code, unless that one had closed before the row's days: then the code is reused.
        Or else the one that still has a code which the row calls former: it gets the row's code. Raises `Invalid`
        for a code that was another agency's in those days, and for a former code that another living agency has.
        """
        holder = self._by_code.get(named.code)
        self._refuse_another_time(named, holder)
        if holder is not None and holder.until and _reused(holder, named):
            if holder.until >= today:
                raise _belongs(named.code, holder, holder.until)
            holder = None
        renamed = None
        for code in named.former:
            other = self._living(code, holder, today)
            if other is None:
                continue
            if self._moves.get(code) == named.code:
                if holder is not None:
                    raise _still(named.code, holder)
                renamed = other
            elif _together(other, named.since or (holder.since if holder else None)):
                raise _living(named.code, other)
        return holder or renamed

    def release(self, code: str) -> Agency | None:
        """Take a code from the closed agency that has it, if one does: it is among that one's former codes from now on."""
        closed = self._by_code.get(code)
        if closed is not None:
            assert closed.until is not None, "a code is one agency's at a time"
            self.recode(closed, given_up(code, closed.id), until=closed.until)
        return closed

    def recode(self, agency: Agency, code: str, *, until: date) -> None:
        """Give an agency another code; `until` is the last day of the one it has."""
        self._note(agency, agency.code, since=agency.code_since or agency.since, until=until)
        del self._by_code[agency.code]
        agency.code, agency.code_since = code, until + A_DAY
        self._by_code[code] = agency
        self._session.flush()  # before another agency gets the code

    def last_change(self, agency: Agency) -> date | None:
        """Since when an agency has its code and is what it is; None when it never was anything else."""
        until = self._was_until.get(agency.id)
        return max(filter(None, (agency.code_since, until and until + A_DAY)), default=None)

    def keep(self, agency: Agency, *, until: date) -> None:
        """Keep what an agency is, which it is until this day; not what it was for less than a day."""
        last = self._was_until.get(agency.id)
        if (agency.since is not None and until < agency.since) or (last is not None and until <= last):
            return
        self._session.add(
            FormerAgency(agency_id=agency.id, until=until, **{name: getattr(agency, name) for name in DATED})
        )
        self._was_until[agency.id] = until

    def add(self, agency: Agency) -> None:
        """Take a new agency in, and give it its id."""
        self._session.add(agency)
        self._session.flush()  # the path of an agency and of all below it holds its id
        self.agencies[agency.id] = self._by_code[agency.code] = agency

    def remember(self, agency: Agency, codes: Sequence[str]) -> bool:
        """Keep codes that the agency had before; one that is only the old form of today's needs no row."""
        new = [code for code in codes if code != agency.code and not self._had(agency, code)]
        for code in new:
            self._note(agency, code, since=None, until=agency.since and agency.since - A_DAY)
        return bool(new)

    def _refuse_another_time(self, named: Named, holder: Agency | None) -> None:
        """A row of the days when another agency had the code must not overwrite the one that has it now."""
        first, coming = named.since or named.until, self._coming.get(named.code)
        if coming is not None and (first is None or (coming.since is not None and first <= coming.since)):
            return  # it has the code from today on, like all that a list names no other day for
        if holder is not None and any(self._had(holder, code) for code in named.former):
            return
        for former in self._former.get(named.code, ()):
            is_own = holder is not None and former.agency_id == holder.id
            if is_own or former.until is None or (first is None and holder is not None):
                continue
            if first is None or first <= former.until:
                raise _belongs(named.code, self.agencies[former.agency_id], former.until)

    def _living(self, code: str, holder: Agency | None, today: date) -> Agency | None:
        """The other agency, in the books before this list, that has a code which a row calls former."""
        other = self._by_code.get(code)
        if other is None or other is holder or other.id not in self._stored:
            return None
        if (other.until is not None and other.until < today) or (holder and self._had(holder, code)):
            return None
        return other

    def _had(self, agency: Agency, code: str) -> bool:
        return any(former.agency_id == agency.id for former in self._former.get(code, ()))

    def _note(self, agency: Agency, code: str, *, since: date | None, until: date | None) -> None:
        former = FormerAgencyCode(agency_id=agency.id, code=code, since=since, until=until)
        self._session.add(former)
        self._former[code].append(former)


def _reused(holder: Agency, named: Named) -> bool:
    """Whether the agency that has the code of a row had closed before the row's days."""
    return holder.until is not None and named.since is not None and holder.until < named.since


def _together(other: Agency, since: date | None) -> bool:
    """Whether this agency had its code before a day on which another is said to have given it up."""
    return other.since is None or since is None or other.since < since


def _belongs(code: str, agency: Agency, until: date) -> Invalid:
    return Invalid(
        Text(
            vi=f"{code} là mã của {agency.name} đến hết ngày {until:%d/%m/%Y}. Nếu dòng này nói về cơ quan đó, hãy dùng "
            f"mã hiện nay {agency.code}; nếu là cơ quan mới, hãy ghi hieu_luc_tu sau ngày đó và nhập khi ngày đó đã qua.",
            en=f"{code} is the code of {agency.name} until the end of {until}. If the row is about that agency, use its "
            f"code of today, {agency.code}; if it is a new one, give a hieu_luc_tu after that day, and import it then.",
        ),
        code="agency-code-belongs",
    )


def _still(code: str, holder: Agency) -> Invalid:
    return Invalid(
        Text(
            vi=f"{code} vẫn là mã của {holder.name}, vì dòng cho cơ quan đó mã mới trong danh sách này có lỗi; hãy sửa "
            "dòng đó trước.",
            en=f"{code} is still the code of {holder.name}, because the row of this list that gives it a new one was "
            "refused; correct that row.",
        ),
        code="agency-code-not-given-up",
    )


def _living(code: str, other: Agency) -> Invalid:
    return Invalid(
        Text(
            vi=f"{other.code} là mã của {other.name}, cơ quan đang hoạt động; ma_cu của {code} chỉ nêu mã mà chính cơ quan "
            "này từng mang. Khi sáp nhập, hãy ghi hieu_luc_den cho cơ quan kết thúc; khi hai cơ quan đổi mã cho nhau, hãy nhập hai "
            "tệp: tệp đầu cho một cơ quan mã tạm, tệp sau cho cả hai mã cuối cùng.",
            en=f"{other.code} is the code of {other.name}, a living agency; ma_cu of {code} names codes that this very "
            "agency had. After a merger, give the agency that ends a hieu_luc_den; where two exchange their codes, import two "
            "files: the first gives one of them an interim code, the second both their last ones.",
        ),
        code="agency-code-living",
    )
