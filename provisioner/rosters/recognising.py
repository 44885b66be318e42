"""Whom a row speaks of: the person in the books who has its staff number, or somebody else; the agency, or a unit.

Numbers are mistyped and given anew, so three marks are compared: the name, the birth date and the identity
number. A mailbox never passes to a second person and nobody needs two, so doubt is shown to whoever approves.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import chain

from sqlalchemy.orm import Session

from provisioner.errors import Invalid
from provisioner.mailboxes.models import Kind
from provisioner.people.names import LONGEST_PLAIN_NAME, ParsedName, parse, readings, sort_key
from provisioner.rosters import standing
from provisioner.rosters.facts import RowFacts
from provisioner.rosters.files.columns import Column
from provisioner.rosters.models import Outcome
from provisioner.rosters.standing import Known, Owned, Standing
from provisioner.rosters.verdicts import Verdict
from provisioner.vietnamese import same_words


def recognise(verdict: Verdict, found: Standing) -> None:
    """Stop a row whose staff number is somebody else's in the books, and doubt one where nothing tells.

    Two marks that differ are two people; one is a correction, as long as another agrees.
    """
    facts = verdict.facts
    assert facts is not None
    marks = _marks(facts, verdict.identity_indexes, found)
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


def identity_of_another(verdict: Verdict, holder: Known) -> None:
    """Stop a row whose identity number the books have under another staff number."""
    assert verdict.facts is not None
    if _same_name(verdict.facts.full_name or "", holder.full_name):
        verdict.stop(
            Outcome.CONFLICT,
            "known-by-another-number",
            Column.STAFF_NUMBER,
            vi="Người này (cùng họ tên và số định danh) đã có trong sổ với mã cán bộ khác, và danh sách không đổi được "
            "mã cán bộ; hãy dùng mã đã có, hoặc nếu mã đó sai thì đề nghị quản trị hệ thống sửa (people renumber).",
            en="This person, by name and identity number, is in the register under another staff number, and a roster "
            "does not change staff numbers; use the one that is there or, if that one is wrong, have an administrator "
            "correct it (people renumber).",
        )
    else:
        verdict.stop(
            Outcome.CONFLICT,
            "identity-number-of-another",
            Column.NATIONAL_ID,
            vi="Số định danh này trong sổ là của người mang họ tên và mã cán bộ khác; hãy kiểm tra lại số.",
            en="In the register this identity number is that of somebody of another name and staff number; check it.",
        )


def address_of_another(verdict: Verdict, owned: Owned, found: Standing | None) -> None:
    """Stop a row whose address is another mailbox's, be it a former one of this very person."""
    if found is not None and found.person_id is not None and owned.person_id == found.person_id:
        verdict.stop(
            Outcome.CONFLICT,
            "address-of-own-deleted",
            Column.ADDRESS,
            vi="Địa chỉ này là của hộp thư cũ, đã xóa, của chính người này, và hộp thư đã xóa giữ mãi địa chỉ của nó; hãy "
            "để trống ô này để được đặt địa chỉ mới.",
            en="This address is that of this person's own former mailbox, which was deleted and keeps its address for "
            "ever; leave the cell empty, and a new one is made.",
        )
    else:
        verdict.stop(
            Outcome.CONFLICT,
            "address-of-another",
            Column.ADDRESS,
            vi="Địa chỉ này thuộc về hộp thư khác; địa chỉ không bao giờ cấp lại cho người khác.",
            en="This address belongs to another mailbox; an address is never given to a second owner.",
        )


def doubt_newcomers(
    session: Session, opening: Sequence[Verdict], *, having_mailboxes: Collection[int]
) -> None:
    """Doubt those who seem to be in the books already, and further mailboxes of agencies that have one."""
    people = [verdict for verdict in opening if verdict.facts and verdict.facts.kind is Kind.PERSONAL]
    for verdict, known in _known_already(session, people):
        if _bare(known.staff_number) == _bare(verdict.entry.staff_number or ""):
            verdict.doubt(
                "number-like-another",
                Column.STAFF_NUMBER,
                vi="Trong sổ đã có người cùng họ tên với mã cán bộ chỉ khác số 0 hoặc chữ hoa; nếu là một người, hãy dùng "
                "mã đã có để không mở hộp thư thứ hai.",
                en="Somebody of this name is in the register under a number that differs only in zeros or capitals; if "
                "it is the same person, use that number, or a second mailbox is opened.",
            )
        else:
            verdict.doubt(
                "namesake-born-the-same-day",
                Column.STAFF_NUMBER,
                vi="Trong sổ đã có người cùng họ tên, cùng ngày sinh với mã cán bộ khác; nếu là một người, hãy dùng mã đã "
                "có để không mở hộp thư thứ hai.",
                en="Somebody of this name and birth date is in the register under another number; if it is the same "
                "person, use that number, or a second mailbox is opened.",
            )
    for verdict in opening:
        facts = verdict.facts
        if facts and facts.kind is Kind.UNIT and facts.agency_id in having_mailboxes:
            verdict.doubt(
                "unit-name-new",
                Column.FULL_NAME,
                vi="Cơ quan này đã có hộp thư; dòng này mở thêm một hộp thư mang tên khác. Nếu là hộp thư của chính cơ "
                "quan, hãy bỏ trống ô tên.",
                en="This agency has a mailbox; this row opens a further one with another name. For the agency's own "
                "leave the name empty.",
            )


def _known_already(session: Session, newcomers: Sequence[Verdict]) -> list[tuple[Verdict, Known]]:
    """Newcomers, each with the first of the same name who was born that day or has nearly the same number."""
    names = {verdict.entry.full_name or "" for verdict in newcomers}
    if not names:
        return []
    by_name = defaultdict(list)
    for one in standing.namesakes(
        session,
        set(chain.from_iterable(map(_sort_keys, names))),
        born={verdict.entry.birth_date for verdict in newcomers if verdict.entry.birth_date},
        numbers={verdict.entry.staff_number or "" for verdict in newcomers},
    ):
        by_name[same_words(one.full_name)].append(one)
    found = []
    for verdict in newcomers if by_name else ():
        number, born = _bare(verdict.entry.staff_number or ""), verdict.entry.birth_date
        for one in by_name.get(same_words(verdict.entry.full_name or ""), ()):
            if (born and one.birth_date == born) or _bare(one.staff_number) == number:
                found.append((verdict, one))
                break
    return found


def _sort_keys(name: str) -> set[str]:
    """By which the books find people of this name; capitals make another key, and so may who corrected a guess."""
    try:
        return {sort_key(one) for spelling in (name, name.title()) for one in _readings(spelling)}
    except Invalid:
        return set()


def _readings(name: str) -> Iterable[ParsedName]:
    parsed = parse(name)
    is_plain = parsed.confirmed or len(name.split()) > LONGEST_PLAIN_NAME  # of long names there are hundreds
    return [parsed] if is_plain else readings(name)


def _bare(number: str) -> str:
    """A staff number without what spreadsheets and typists lose: leading zeros and capitals."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", number.lower())


def _marks(facts: RowFacts, identity_indexes: Collection[str], found: Standing) -> list[bool]:
    """Whether name, birth date and identity number agree; what either side lacks tells nothing."""
    marks = [_same_name(facts.full_name or "", found.full_name or "")]
    if facts.birth_date and found.birth_date:
        marks.append(facts.birth_date == found.birth_date)
    if identity_indexes and found.identity_index:
        marks.append(found.identity_index in identity_indexes)
    return marks


def _same_name(one: str, other: str) -> bool:
    return one == other or same_words(one) == same_words(other)
