"""Judging rows: what each would do to the books as they stand, and what stands in its way.

A problem never stops the file: the row it belongs to is refused or in conflict, with a stable
code and a sentence, and the others go on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain

from sqlalchemy.orm import Session

from provisioner.agencies.register import AgencyRef, Register
from provisioner.days import written
from provisioner.errors import Invalid
from provisioner.mailboxes.addresses import check_given, normal_form
from provisioner.mailboxes.models import Kind
from provisioner.mailboxes.policy import NamingPolicy
from provisioner.people.names import parse
from provisioner.people.sealing import Sealer
from provisioner.rosters import standing
from provisioner.rosters.certifying import check_person_for_certificate
from provisioner.rosters.facts import RowFacts, differences, unit_key
from provisioner.rosters.files.columns import Column
from provisioner.rosters.files.entries import RosterEntry
from provisioner.rosters.files.problems import Problem
from provisioner.rosters.models import Outcome
from provisioner.rosters.reading import RowKind
from provisioner.rosters.recognising import (
    address_of_another,
    doubt_newcomers,
    identity_of_another,
    recognise,
)
from provisioner.rosters.standing import Known, Owned, Standing
from provisioner.rosters.verdicts import Verdict, contradiction, fingerprint, short

ASSUMED_CATEGORY = "cong_chuc"
"""A newcomer's category when the row tells none: a warning says so, because rates depend on it."""


@dataclass
class Judge:
    """Judges the rows of one file, chunk after chunk; remembers what stood in the rows before."""

    register: Register
    policy: NamingPolicy
    sealer: Sealer
    quotas: Mapping[Kind, int]
    columns: frozenset[Column]
    """The columns the file has: an empty cell of a column that is there says no."""
    today: date
    seen: dict[int, int] = field(default_factory=dict)
    """Of each key its row, and what that row said; keys as `short` numbers, for there may be 200,000."""
    identities: dict[int, int] = field(default_factory=dict)
    """Of each identity number, as the `short` of its index, its row."""
    addresses: dict[str, int] = field(default_factory=dict)
    contradicted: dict[int, Problem] = field(default_factory=dict)
    """Rows that went by before a later one contradicted them, and how: neither may be carried out."""
    above: int = 0
    """How many rows stand above the first one that its writer sees, and counts."""

    def judge(self, session: Session, entries: Sequence[RosterEntry]) -> list[Verdict]:
        """A verdict for each entry, in order; addresses are not chosen yet."""
        verdicts = [self._first_look(entry) for entry in entries]
        going = [v for v in verdicts if v.facts is not None]
        facts = [v.facts for v in going if v.facts is not None]
        people = standing.people(session, [f.staff_number for f in facts if f.staff_number])
        units = standing.units(session, [f.unit_id for f in facts if f.kind is Kind.UNIT])
        holders = standing.identity_owners(session, chain.from_iterable(v.identity_indexes for v in going))
        owners = standing.owned_addresses(session, [normal_form(f.address) for f in facts if f.address])
        for verdict in going:
            facts_ = verdict.facts
            assert facts_ is not None
            if facts_.kind is Kind.PERSONAL:
                found = people.get(facts_.staff_number or "")
            else:
                found = units.get(facts_.unit_id)
            self._against_file(verdict)
            if verdict.outcome is Outcome.CREATE:
                self._against_books(verdict, found, holders, owners)
        opening = [verdict for verdict in going if verdict.outcome is Outcome.CREATE]
        doubt_newcomers(session, opening, having_mailboxes={agency_id for agency_id, _ in units})
        return verdicts

    def _first_look(self, entry: RosterEntry) -> Verdict:
        """What can be said from the row and the register of agencies alone."""
        verdict = Verdict(entry, None, Outcome.CREATE, key="", problems=list(entry.problems))
        agency = self.register.find(entry.agency_code) if entry.agency_code else None
        if entry.agency_code and agency is None:
            verdict.stop(
                Outcome.REFUSED,
                "agency-unknown",
                Column.AGENCY_CODE,
                vi=f"Không có cơ quan nào mang mã {entry.agency_code}; hãy kiểm tra mã hoặc nạp danh sách cơ quan.",
                en=f"There is no agency with the code {entry.agency_code}; check it or import the agency list.",
            )
        elif agency is not None and agency.until and agency.is_closed(self.today) and entry.leaves_on is None:
            verdict.stop(
                Outcome.REFUSED,
                "agency-closed",
                Column.AGENCY_CODE,
                vi=f"{agency.name} đã ngừng hoạt động từ {agency.until:%d/%m/%Y}; hãy dùng mã của cơ quan kế thừa.",
                en=f"{agency.name} was closed on {written(agency.until, 'en')}; use the code of its successor.",
            )
        if entry.refused or agency is None or verdict.outcome is Outcome.REFUSED:
            verdict.outcome = Outcome.REFUSED
            return verdict
        verdict.facts = self._facts(entry, agency)
        verdict.key = (
            f"p:{entry.staff_number}"
            if entry.kind is RowKind.PERSON
            else f"u:{agency.code}:{unit_key(verdict.facts.full_name)}"
        )
        if entry.identity_number:
            verdict.identity_indexes = self.sealer.indexes(entry.identity_number)
        self._check_leaving(verdict)
        self._check_certificate(verdict, agency)
        self._check_given_address(verdict)
        return verdict

    def _facts(self, entry: RosterEntry, agency: AgencyRef) -> RowFacts:
        person = entry.kind is RowKind.PERSON
        own_name = entry.full_name if person or not agency.is_called(entry.full_name or "") else None
        return RowFacts(
            kind=Kind.PERSONAL if person else Kind.UNIT,
            agency_id=agency.id,
            agency_code=agency.code,
            staff_number=entry.staff_number if person else None,
            full_name=own_name,
            birth_date=entry.birth_date if person else None,
            phone=entry.phone if person else None,
            title=entry.position if person else None,
            leader=entry.leader if person and Column.LEADER in self.columns else None,
            category=entry.category if person else None,
            address=entry.address,
            quota_bytes=entry.quota_bytes,
            certificate=entry.certificate,
            leaves_on=entry.leaves_on if person else None,
            decision=entry.decision if person else None,
            decision_date=entry.decision_date if person else None,
        )

    def _check_leaving(self, verdict: Verdict) -> None:
        leaves_on = verdict.entry.leaves_on
        if leaves_on is not None and verdict.entry.kind is not RowKind.PERSON:
            verdict.stop(
                Outcome.REFUSED,
                "unit-leaves",
                Column.LEAVES,
                vi="Chỉ cá nhân mới nghỉ việc; hãy bỏ trống ô này. Hộp thư đơn vị không còn dùng thì được vô hiệu hóa ở trang "
                "của hộp thư.",
                en="Only people leave; keep this cell empty. The mailbox of a unit that is no longer needed is disabled on "
                "its page.",
            )
        elif leaves_on is not None and leaves_on > self.today:
            verdict.stop(
                Outcome.REFUSED,
                "leaves-later",
                Column.LEAVES,
                vi=f"Ngày nghỉ còn ở tương lai; hãy gửi lại từ ngày {leaves_on:%d/%m/%Y}.",
                en=f"The day of leaving is still to come; send it from {written(leaves_on, 'en')} on.",
            )

    def _check_certificate(self, verdict: Verdict, agency: AgencyRef) -> None:
        """What signing would refuse is said before anybody approves it."""
        if not verdict.entry.certificate:
            return
        if len(agency.legal_name) > 64:
            verdict.stop(
                Outcome.REFUSED,
                "agency-name-too-long-for-certificate",
                Column.CERTIFICATE,
                vi="Tên cơ quan dài quá 64 ký tự, chứng thư không chứa được; hãy khai tên ngắn (ten_ngan) của cơ quan.",
                en="The agency's name is longer than the 64 characters a certificate holds; "
                "register its short name (ten_ngan).",
            )
        if verdict.entry.kind is RowKind.PERSON:
            check_person_for_certificate(verdict)

    def _check_given_address(self, verdict: Verdict) -> None:
        facts = verdict.facts
        address = facts.address if facts else None
        if facts is None or address is None or verdict.outcome is Outcome.REFUSED:
            return
        if not self.policy.keep_existing:
            verdict.facts = replace(facts, address=None)
            verdict.warn(
                "address-by-rule",
                Column.ADDRESS,
                vi="Tỉnh cấp lại địa chỉ theo quy tắc chung, nên địa chỉ ghi trong tệp không được dùng.",
                en="The province gives all addresses by its rules, so the one in the file is not used.",
            )
            return
        if problem := check_given(self.policy, address):
            verdict.stop(
                Outcome.REFUSED, problem.code, Column.ADDRESS, vi=problem.text.vi, en=problem.text.en
            )

    def _against_file(self, verdict: Verdict) -> None:
        """Compare with the rows before: one person twice, or one identity number or address for two."""
        if verdict.outcome is not Outcome.CREATE:
            return
        facts = verdict.facts
        assert facts is not None
        whom = verdict.key if facts.kind is Kind.PERSONAL else str(facts.unit_id)
        number, print_ = verdict.entry.number, fingerprint(verdict)
        first, first_print = divmod(self.seen.setdefault(short(whom), (number << 64) + print_), 1 << 64)
        if first != number:
            if print_ == first_print:
                verdict.outcome = Outcome.DUPLICATE
                other = first - self.above
                verdict.warn(
                    "row-twice",
                    None,
                    vi=f"Dòng này trùng với dòng {other}.",
                    en=f"This row repeats row {other}.",
                )
            else:
                is_person = facts.kind is Kind.PERSONAL
                self._contradict(
                    verdict, first, "staff-number-twice-in-file" if is_person else "unit-twice-in-file"
                )
            return
        if verdict.identity_indexes:
            holder = self.identities.setdefault(short(verdict.identity_indexes[0]), number)
            if holder != number:
                self._contradict(verdict, holder, "identity-number-twice-in-file")
        if facts.address:
            owner = self.addresses.setdefault(normal_form(facts.address), number)
            if owner != number:
                self._contradict(verdict, owner, "address-twice-in-file")

    def _contradict(self, verdict: Verdict, first: int, code: str) -> None:
        """Two rows of the file exclude each other."""
        number = verdict.entry.number
        verdict.contradict(contradiction(code, number, other=first - self.above))
        self.contradicted.setdefault(first, contradiction(code, first, other=number - self.above))

    def _against_books(
        self,
        verdict: Verdict,
        found: Standing | None,
        holders: Mapping[str, Known],
        owners: Mapping[str, Owned],
    ) -> None:
        facts = verdict.facts
        assert facts is not None
        holder = standing.holder_of(holders, verdict.identity_indexes)
        if holder is not None and holder.staff_number != facts.staff_number:
            identity_of_another(verdict, holder)
            return
        owned = owners.get(normal_form(facts.address)) if facts.address else None
        if owned is not None and owned.mailbox_id != (found.mailbox_id if found else None):
            address_of_another(verdict, owned, found)
            return
        if owned is not None and owned.address != facts.address:
            verdict.stop(
                Outcome.CONFLICT,
                "address-like-own",
                Column.ADDRESS,
                vi=f"Hộp thư này đã có {owned.address}; địa chỉ chỉ khác dấu chấm hoặc gạch thì không cấp thêm.",
                en=f"This mailbox has {owned.address} already; one that differs only in dots or hyphens is not given.",
            )
            return
        if found is None:
            self._newcomer(verdict, facts)
            return
        if facts.kind is Kind.PERSONAL:
            recognise(verdict, found)
            if verdict.outcome is Outcome.CONFLICT:
                return
        if facts.leaves_on is not None and (hindrance := _hindrance(facts, facts.leaves_on, found)):
            code, vi, en = hindrance
            verdict.stop(Outcome.CONFLICT, code, Column.LEAVES, vi=vi, en=en)
            return
        changes = differences(
            facts,
            verdict.identity_indexes,
            found,
            policy_quota=self.quotas[facts.kind],
            today=self.today,
        )
        verdict.changes = changes or None
        verdict.outcome = Outcome.CHANGE if changes else Outcome.UNCHANGED

    def _newcomer(self, verdict: Verdict, facts: RowFacts) -> None:
        if facts.leaves_on is not None:
            verdict.stop(
                Outcome.CONFLICT,
                "leaver-unknown",
                Column.STAFF_NUMBER,
                vi="Không có ai mang mã này trong sổ, nên không có ai để cho nghỉ; hãy kiểm tra mã cán bộ.",
                en="Nobody in the register has this number, so nobody can leave; check the staff number.",
            )
            return
        if facts.kind is Kind.PERSONAL and facts.category is None:
            verdict.facts = replace(facts, category=ASSUMED_CATEGORY)
            verdict.warn(
                "category-assumed",
                Column.CATEGORY,
                vi="Không ghi phân loại; tạm coi là công chức.",
                en="No category is given; civil servant is assumed.",
            )
        if facts.kind is Kind.PERSONAL and not _surely_parsed(facts.full_name or ""):
            verdict.warn(
                "name-parts-unsure",
                Column.FULL_NAME,
                vi="Không chắc đâu là họ, đâu là tên; hãy kiểm tra địa chỉ được đề xuất.",
                en="It is not certain which word is the family name; check the address that is proposed.",
            )


def _hindrance(facts: RowFacts, leaves_on: date, found: Standing) -> tuple[str, str, str] | None:
    """Why this person cannot leave from this row: a code, and the sentence in both languages."""
    if found.agency_id is not None and found.agency_id != facts.agency_id:
        return (
            "leaver-elsewhere",
            "Người này không công tác tại cơ quan ghi ở dòng này.",
            "This person does not serve in the agency of this row.",
        )
    if found.since is not None and leaves_on < found.since:
        return (
            "leaves-before-coming",
            f"Ngày nghỉ trước ngày bắt đầu chức vụ hiện nay ({found.since:%d/%m/%Y}).",
            f"The day of leaving is before the current post began ({written(found.since, 'en')}).",
        )
    return None


def _surely_parsed(full_name: str) -> bool:
    try:
        return parse(full_name).confirmed
    except Invalid:
        return False
