"""Checking a planned row again, in the transaction that applies it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.errors import Text
from provisioner.mailboxes.addresses import normal_form
from provisioner.mailboxes.models import Kind
from provisioner.people.sealing import Sealer
from provisioner.rosters import standing
from provisioner.rosters.facts import Changes, RowFacts, differences, standings
from provisioner.rosters.models import Outcome, RosterRow, identity_context
from provisioner.rosters.standing import Known, Owned, Standing
from provisioner.secret import Secret


class PlannedRow(NamedTuple):
    """What applying needs of a planned row: the columns of `RosterRow` of these names."""

    id: int
    plan_id: int
    number: int
    outcome: Outcome
    facts: dict[str, Any]
    changes: dict[str, Any] | None
    identity_sealed: bytes | None
    address: str | None


COLUMNS = tuple(getattr(RosterRow, name) for name in PlannedRow._fields)


@dataclass(slots=True)
class Checked:
    """A row that may be carried out, or the reason why it may not any more."""

    row: PlannedRow
    facts: RowFacts
    standing: Standing | None
    identity_number: Secret | None
    identity_indexes: tuple[str, ...] = ()
    """Under which the books may have the number; see `Sealer.indexes`."""
    refusal: dict[str, Any] | None = None
    mailbox_id: int | None = None

    @property
    def changes(self) -> Changes:
        return self.row.changes or {}


_CHANGED = Text(
    vi="Dữ liệu đã thay đổi từ khi lập kế hoạch; hãy lập lại kế hoạch cho tệp này.",
    en="The books have changed since the plan was made; plan this file again.",
)
_ADDRESS = Text(
    vi="Địa chỉ đã được cấp cho hộp thư khác từ khi lập kế hoạch; hãy lập lại kế hoạch.",
    en="The address has been given to another mailbox since the plan was made; plan this file again.",
)
_IDENTITY = Text(
    vi="Số định danh đã thuộc về người khác từ khi lập kế hoạch; hãy kiểm tra số định danh.",
    en="The identity number has come to belong to another person since the plan was made; check the number.",
)
_AGENCY = Text(
    vi="Cơ quan không còn hoạt động từ khi lập kế hoạch.",
    en="The agency has been closed since the plan was made.",
)


def check(
    session: Session, rows: Sequence[PlannedRow], sealer: Sealer, *, quotas: Mapping[Kind, int], today: date
) -> list[Checked]:
    """Compare each row's plan with the books as they are now."""
    facts = [RowFacts.from_json(row.facts) for row in rows]
    owners = standing.owned_addresses(session, [normal_form(row.address) for row in rows if row.address])
    closed = set(
        session.scalars(
            select(Agency.id).where(Agency.id.in_({f.agency_id for f in facts}), Agency.until < today)
        )
    )
    checked = [
        _opened(row, fact, found, sealer)
        for row, fact, found in zip(rows, facts, standings(session, facts), strict=True)
    ]
    holders = standing.identity_owners(
        session, chain.from_iterable(item.identity_indexes for item in checked)
    )
    for item in checked:
        problem = _problem(item, quotas[item.facts.kind], owners, holders, closed, today)
        if problem:
            code, text = problem
            item.refusal = {"code": code, "vi": text.vi, "en": text.en}
    return checked


def _opened(row: PlannedRow, facts: RowFacts, found: Standing | None, sealer: Sealer) -> Checked:
    if row.identity_sealed is None:
        return Checked(row, facts, found, None)
    number = sealer.unseal(row.identity_sealed, context=identity_context(row.plan_id, row.number))
    return Checked(row, facts, found, number, sealer.indexes(number))


def _problem(
    item: Checked,
    quota: int,
    owners: Mapping[str, Owned],
    holders: Mapping[str, Known],
    closed: set[int],
    today: date,
) -> tuple[str, Text] | None:
    row, facts, found = item.row, item.facts, item.standing
    if facts.agency_id in closed and facts.leaves_on is None:
        return "agency-closed-since", _AGENCY
    if row.outcome is Outcome.CREATE and found is not None:
        return "changed-since-planned", _CHANGED
    if row.outcome is Outcome.CHANGE and (
        found is None
        or differences(facts, item.identity_indexes, found, policy_quota=quota, today=today) != row.changes
    ):
        return "changed-since-planned", _CHANGED
    owned = owners.get(normal_form(row.address)) if row.address else None
    if owned is not None and owned[:2] != (row.address, found.mailbox_id if found else None):
        return "address-taken-since", _ADDRESS
    holder = standing.holder_of(holders, item.identity_indexes)
    if holder is not None and holder.staff_number != facts.staff_number:
        return "identity-number-taken-since", _IDENTITY
    return None
