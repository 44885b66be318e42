"""Judging the rows of a letter: as those of a file, but no row does more than its letter asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.errors import Text
from provisioner.mailboxes.models import Kind as MailboxKind
from provisioner.operators.reach import Reach
from provisioner.people.models import Post, is_last_post
from provisioner.requests.models import Kind
from provisioner.rosters import standing
from provisioner.rosters.facts import RowFacts
from provisioner.rosters.files.columns import Column
from provisioner.rosters.files.problems import Problem, Severity
from provisioner.rosters.judging import Judge
from provisioner.rosters.models import Outcome
from provisioner.rosters.reading import RosterEntry
from provisioner.rosters.standing import Standing
from provisioner.rosters.verdicts import Verdict


@dataclass(kw_only=True)
class LetterJudge(Judge):
    """Judges the rows of one letter.

    Where it names people in post, what a row leaves out stays as the books have it, their agency too. Nobody
    changes, or sees in a preview, who serves in an agency out of their reach (T28).
    """

    asks: Kind
    agency_id: int
    """Whose letter it is."""
    within: Reach
    """What its writer may ask for."""
    above: int = 1
    """The header, which a form does not have."""

    def judge(self, session: Session, entries: Sequence[RosterEntry]) -> list[Verdict]:
        known = standing.people(session, [entry.staff_number for entry in entries if entry.staff_number])
        if self.asks.is_of_people_in_post:
            entries = [self._completed(entry, known.get(entry.staff_number or "")) for entry in entries]
        verdicts = super().judge(session, entries)
        for verdict in verdicts:
            facts = verdict.facts
            if facts is None or facts.kind is not MailboxKind.PERSONAL or verdict.outcome in _TOLD:
                continue
            problem = self._hindrance(session, facts, known.get(facts.staff_number or ""))
            if problem is not None:
                # What the books said of the row may be of somebody out of reach.
                verdict.problems, verdict.changes = list(verdict.entry.problems), None
                verdict.contradict(replace(problem, row=verdict.entry.number))
        return verdicts

    def _completed(self, entry: RosterEntry, found: Standing | None) -> RosterEntry:
        """The row with what it leaves out, as the books have it."""
        here = found if found is not None and self._serves_here(found) else None
        if here is not None and Column.LEADER not in entry.given:
            entry = replace(entry, leader=here.leader)
        if Column.AGENCY_CODE in entry.given:
            return entry
        agency_id = (here.agency_id if here is not None else None) or self.agency_id
        problems = tuple(problem for problem in entry.problems if problem.column is not Column.AGENCY_CODE)
        return replace(entry, agency_code=self.register.by_id[agency_id].code, problems=problems)

    def _hindrance(self, session: Session, facts: RowFacts, found: Standing | None) -> Problem | None:
        """Why the letter cannot ask this for this person, if it cannot."""
        if self.asks.is_of_people_in_post:
            return self._hindrance_in_post(facts, found)
        if found is None:
            return None
        agency_id = found.agency_id or _left(session, found)
        return _STRANGER if agency_id is not None and not self._reaches(agency_id) else None

    def _hindrance_in_post(self, facts: RowFacts, found: Standing | None) -> Problem | None:
        if found is None or found.agency_id is None:
            return _NOBODY
        if not self._serves_here(found):
            return _STRANGER
        if not self._reaches(facts.agency_id):
            return _MOVES_AWAY
        if found.mailbox_id is None:
            return _NO_MAILBOX
        if self.asks is Kind.CERTIFICATE and facts.full_name != found.full_name:
            return _problem(
                "name-of-another",
                Column.FULL_NAME,
                vi=f"Trong sổ, mã cán bộ này là của {found.full_name}; hãy kiểm tra mã và họ tên.",
                en=f"In the books this number is that of {found.full_name}; check the number and the name.",
            )
        return None

    def _serves_here(self, found: Standing) -> bool:
        """In the agency of the letter, or below it."""
        by_id = self.register.by_id
        return found.agency_id is not None and by_id[found.agency_id].path.startswith(
            by_id[self.agency_id].path
        )

    def _reaches(self, agency_id: int) -> bool:
        return self.within.holds(self.register.by_id[agency_id].path)


_TOLD = (Outcome.REFUSED, Outcome.DUPLICATE)
"""Rows that were stopped, or repeat another one, before the books were asked."""


def _problem(code: str, column: Column = Column.STAFF_NUMBER, *, vi: str, en: str) -> Problem:
    return Problem(code, Severity.REFUSED, None, column, None, Text(vi=vi, en=en))


_NOBODY = _problem(
    "nobody-in-post",
    vi="Không có ai đang công tác mang mã này; hãy kiểm tra mã cán bộ. Người mới thì lập đề nghị cấp hộp thư.",
    en="Nobody in post has this number; check the staff number. For somebody new ask for a mailbox.",
)
_STRANGER = _problem(
    "person-of-another-agency",
    vi="Mã cán bộ này thuộc cơ quan khác; việc điều động giữa các cơ quan do quản trị hệ thống thực hiện.",
    en="This staff number belongs to another agency; moves between agencies are made by administrators.",
)
_MOVES_AWAY = _problem(
    "move-out-of-reach",
    Column.AGENCY_CODE,
    vi="Không điều động được đến cơ quan này; việc điều động giữa các cơ quan do quản trị hệ thống thực hiện.",
    en="Nobody is moved to this agency by a request; moves between agencies are made by administrators.",
)
_NO_MAILBOX = _problem(
    "no-mailbox",
    vi="Người này không có hộp thư; hãy lập đề nghị cấp hộp thư trước.",
    en="This person has no mailbox; ask for one first.",
)


def _left(session: Session, found: Standing) -> int | None:
    """The agency of the last post of somebody who holds none now."""
    return session.scalar(select(Post.agency_id).where(Post.person_id == found.person_id, is_last_post()))
