"""What is to become of a row: its outcome, its changes and its problems; and how rows contradict each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from provisioner.errors import Text
from provisioner.mailboxes.models import Kind
from provisioner.rosters.facts import Changes, RowFacts
from provisioner.rosters.files.columns import Column
from provisioner.rosters.files.entries import RosterEntry
from provisioner.rosters.files.problems import Problem, Severity, excerpt
from provisioner.rosters.models import Outcome

_WHOM: Final = {
    "full_name": Column.FULL_NAME,
    "agency_code": Column.AGENCY_CODE,
    "staff_number": Column.STAFF_NUMBER,
}
"""Fields of an entry by which people find a row again."""


@dataclass(slots=True)
class Verdict:
    """A row and what is to become of it."""

    entry: RosterEntry
    facts: RowFacts | None
    outcome: Outcome
    key: str
    identity_indexes: tuple[str, ...] = ()
    """Under which the books may have its identity number; see `Sealer.indexes`."""
    changes: Changes | None = None
    problems: list[Problem] = field(default_factory=list)
    is_doubtful: bool = False
    """Whether it may be about somebody else, or another unit, than it seems."""

    def kept(self) -> dict[str, Any]:
        """What the plan keeps of the row: its facts; of a row that could not be understood, whom it seems to be about.

        Without that, nobody finds the row again among three hundred. Whatever is as long as an identity number
        is covered, in whichever cell it was written (Law 91/2025/QH15).
        """
        if self.facts is not None:
            return self.facts.to_json()
        misread = {problem.column: problem.value for problem in self.problems}
        said = {name: getattr(self.entry, name) or misread.get(column) for name, column in _WHOM.items()}
        return {name: excerpt(text) for name, text in said.items() if text}

    @property
    def address_wanted(self) -> bool:
        """Whether an address must be made: a mailbox is to be opened and the row gives none."""
        opens = self.outcome is Outcome.CREATE or "mailbox" in (self.changes or {})
        return opens and self.facts is not None and self.facts.address is None

    def stands_out(self, quotas: Mapping[Kind, int]) -> bool:
        """Whether whoever approves should look at the row itself, and not only at the number of its kind.

        It then asks for something else than the policies give, a size (`quotas` are the policy's, in bytes by kind)
        or an address of its own, or it locks the mailbox of somebody who leaves, or may be about somebody else.
        """
        if self.facts is None or not self.outcome.is_work:
            return False
        changes = self.changes or {}
        opens = self.outcome is Outcome.CREATE or "mailbox" in changes
        return (
            self.is_doubtful
            or self.facts.leaves_on is not None
            or (self.facts.address is not None and (opens or "address" in changes))
            or (self.facts.quota_bytes not in (None, quotas[self.facts.kind]) and opens)
            or "quota_bytes" in changes
        )

    def stop(self, outcome: Outcome, code: str, column: Column | None, *, vi: str, en: str) -> None:
        self.outcome = outcome
        self._note(code, Severity.REFUSED, column, Text(vi=vi, en=en))

    def contradict(self, problem: Problem) -> None:
        self.outcome = Outcome.CONFLICT
        self.problems.append(problem)

    def warn(self, code: str, column: Column | None, *, vi: str, en: str) -> None:
        self._note(code, Severity.WARNING, column, Text(vi=vi, en=en))

    def doubt(self, code: str, column: Column, *, vi: str, en: str) -> None:
        """A warning to which whoever approves is led."""
        self.is_doubtful = True
        self.warn(code, column, vi=vi, en=en)

    def _note(self, code: str, severity: Severity, column: Column | None, text: Text) -> None:
        self.problems.append(Problem(code, severity, self.entry.number, column, None, text))


_CONTRADICTIONS: Final = {
    "staff-number-twice-in-file": (
        Column.STAFF_NUMBER,
        "Mã cán bộ này cũng có ở dòng {} với nội dung khác; mỗi mã là một người.",
        "This staff number stands in row {} too, with other content; a number is one person.",
    ),
    "unit-twice-in-file": (
        Column.AGENCY_CODE,
        "Hộp thư đơn vị này cũng có ở dòng {} với nội dung khác.",
        "This unit mailbox stands in row {} too, with other content.",
    ),
    "identity-number-twice-in-file": (
        Column.NATIONAL_ID,
        "Số định danh này cũng có ở dòng {}; mỗi số là một người.",
        "This identity number stands in row {} too; a number is one person.",
    ),
    "address-twice-in-file": (
        Column.ADDRESS,
        "Địa chỉ này cũng có ở dòng {}, hoặc chỉ khác dấu chấm và gạch.",
        "This address stands in row {} too, or differs only in dots and hyphens.",
    ),
}
"""What two rows may not share: the column, and the sentence in Vietnamese and in English."""


def contradiction(code: str, row: int, *, other: int) -> Problem:
    """The problem of a row that excludes, and is excluded by, another one; `other` as its writer counts."""
    column, vi, en = _CONTRADICTIONS[code]
    return Problem(code, Severity.REFUSED, row, column, None, Text(vi=vi.format(other), en=en.format(other)))


def fingerprint(verdict: Verdict) -> int:
    """The same for rows that say the same of the same person or unit."""
    assert verdict.facts is not None
    return short(repr((verdict.facts, verdict.identity_indexes)))


def short(text: str) -> int:
    """64 bits that stand for a text: among 200,000 texts two agree by chance once in a billion files."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
