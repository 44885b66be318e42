"""One row as the plan stores it, and how it differs from the books."""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from sqlalchemy.orm import Session

from provisioner.mailboxes.models import Kind, Status
from provisioner.rosters.files.cells.names import LONGEST_UNIT_NAME
from provisioner.rosters.standing import Standing, UnitId, people, unit_id, units

Changes = dict[str, list[Any]]
"""Field to [before, after]; identity numbers stand as `***` on both sides."""


@dataclass(frozen=True, slots=True)
class RowFacts:
    """A row as it was understood, without the identity number. None means: the row says nothing of it."""

    kind: Kind
    agency_id: int
    agency_code: str
    staff_number: str | None
    full_name: str | None
    """A person's name, or a unit mailbox's when it is not the agency's own."""
    birth_date: date | None
    phone: str | None
    title: str | None
    leader: bool | None
    category: str | None
    address: str | None
    """The address the row itself gives, if any."""
    quota_bytes: int | None
    certificate: bool
    leaves_on: date | None = None
    """The first day of no longer serving; the row then says nothing else."""
    decision: str | None = None
    decision_date: date | None = None

    @property
    def unit_id(self) -> UnitId:
        return unit_id(self.agency_id, self.full_name)

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        for name in _DAYS:
            values[name] = values[name].isoformat() if values[name] else None
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        known: dict[str, Any] = {name: values.get(name) for name in cls.__dataclass_fields__}
        for name in _DAYS:
            known[name] = date.fromisoformat(known[name]) if known[name] else None
        return cls(**known | {"kind": Kind(values["kind"])})


_DAYS = ("birth_date", "leaves_on", "decision_date")


def unit_key(name: str | None) -> str:
    """Under which the books keep the mailboxes of one agency apart; empty for its own. See `standing.unit_id`."""
    return " ".join(unicodedata.normalize("NFC", name).lower().split())[:LONGEST_UNIT_NAME] if name else ""


def standings(session: Session, facts: Sequence[RowFacts]) -> list[Standing | None]:
    """How the books have the person or the unit mailbox that each of these rows is about."""
    known = people(session, [fact.staff_number for fact in facts if fact.staff_number])
    opened = units(session, [fact.unit_id for fact in facts if fact.kind is Kind.UNIT])
    return [
        known.get(fact.staff_number or "") if fact.kind is Kind.PERSONAL else opened.get(fact.unit_id)
        for fact in facts
    ]


def differences(
    facts: RowFacts,
    identity_indexes: Collection[str],
    standing: Standing,
    *,
    policy_quota: int,
    today: date,
) -> Changes:
    """What the row would change. A cell that says nothing changes nothing.

    `identity_indexes` are those of `Sealer.indexes`; none where the row gives no identity number.

    Who leaves loses the post, and the mailbox is locked: it still receives, until it is deleted in time. Who
    comes back gets it back.
    """
    if facts.leaves_on is not None:
        return _leaving(facts.leaves_on, standing)
    changes: Changes = {}

    def compare(field: str, before: Any, after: Any) -> None:
        if after is not None and after != before:
            changes[field] = [_plain(before), _plain(after)]

    if facts.kind is Kind.PERSONAL:
        compare("full_name", standing.full_name, facts.full_name)
        compare("birth_date", standing.birth_date, facts.birth_date)
        compare("phone", standing.phone, facts.phone)
        if identity_indexes and standing.identity_index not in identity_indexes:
            changes["identity_number"] = ["***" if standing.identity_index else None, "***"]
        compare("agency_id", standing.agency_id, facts.agency_id)
        compare("title", standing.title, facts.title)
        compare("leader", standing.leader, facts.leader)
        compare("category", standing.category, facts.category)
    if standing.mailbox_id is None:
        changes["mailbox"] = [None, "open"]
    else:
        if facts.kind is Kind.PERSONAL and standing.agency_id is None:
            compare("status", standing.status, Status.ACTIVE)
        compare("address", standing.address, facts.address)
        compare("quota_bytes", standing.quota_exception or policy_quota, facts.quota_bytes)
    if facts.certificate and not standing.is_certified(today):
        changes["certificate"] = [None, "order"]
    return changes


def _leaving(on: date, standing: Standing) -> Changes:
    if standing.agency_id is None:
        return {}
    changes: Changes = {"leaves_on": [None, _plain(on)], "agency_id": [standing.agency_id, None]}
    if standing.status is Status.ACTIVE:
        changes["status"] = [Status.ACTIVE, Status.LOCKED]
    return changes


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
