"""Whom a row speaks of: the person in the books who has its staff number, or somebody else.

Numbers are mistyped and given anew, so three marks are compared: the name, the birth date and the identity
number. A mailbox never passes to a second person, so doubt is shown to whoever approves.
"""

from provisioner.rosters.facts import RowFacts
from provisioner.rosters.files.columns import Column
from provisioner.rosters.models import Outcome
from provisioner.rosters.standing import Standing
from provisioner.rosters.verdicts import Verdict
from provisioner.vietnamese import same_words


def recognise(verdict: Verdict, found: Standing) -> None:
    """Stop a row whose staff number is somebody else's in the books, and doubt one where nothing tells.

    Two marks that differ are two people; one is a correction, as long as another agrees.
    """
    facts = verdict.facts
    assert facts is not None
    marks = _marks(facts, verdict.identity_index, found)
    if marks.count(False) > 1:
        verdict.stop(
            Outcome.CONFLICT,
            "staff-number-of-another",
            Column.STAFF_NUMBER,
            vi="Mã cán bộ này đã thuộc về người khác trong sổ; hãy kiểm tra mã, họ tên, ngày sinh và số định danh.",
            en="This staff number belongs to somebody else in the register; "
            "check the number, name, date of birth and identity number.",
        )
    elif not any(marks) and found.agency_id is None:
        verdict.stop(
            Outcome.CONFLICT,
            "staff-number-of-a-leaver",
            Column.STAFF_NUMBER,
            vi="Mã cán bộ này là của một người khác tên đã nghỉ, và hộp thư không bao giờ chuyển cho người thứ hai; "
            "người mới cần mã riêng. Nếu vẫn là người đó, hãy ghi ngày sinh hoặc số định danh.",
            en="This staff number is that of somebody of another name who left, and no mailbox passes to a second "
            "person; a newcomer needs a number of their own. If it is the same person, give the birth date or the "
            "identity number.",
        )
    elif not any(marks):
        verdict.doubt(
            "another-name",
            Column.FULL_NAME,
            vi=f"Trong sổ, mã cán bộ này là của {found.full_name}, và không có ngày sinh hay số định danh nào cho biết "
            "vẫn là người đó; hãy kiểm tra trước khi phê duyệt.",
            en=f"In the books this number is that of {found.full_name}, and neither birth date nor identity number "
            "tells that it is the same person; check before approving.",
        )


def _marks(facts: RowFacts, identity_index: str | None, found: Standing) -> list[bool]:
    """Whether name, birth date and identity number agree; what either side lacks tells nothing."""
    pairs = ((facts.birth_date, found.birth_date), (identity_index, found.identity_index))
    return [
        _same_name(facts.full_name or "", found.full_name or ""),
        *(ours == theirs for ours, theirs in pairs if ours and theirs),
    ]


def _same_name(one: str, other: str) -> bool:
    return one == other or same_words(one) == same_words(other)
