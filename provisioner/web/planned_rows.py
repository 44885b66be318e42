"""Planned rows in words: all that a row would do, as whoever approves it has to see it.

A digest covers every fact of a row, so every fact is drawn, on the page of a request and on that of a roster
alike. Identity numbers are the exception (Law 91/2025/QH15): whether one is given is said, and not which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from provisioner.mailboxes.models import Kind
from provisioner.rosters import standing
from provisioner.rosters.facts import RowFacts
from provisioner.rosters.models import Outcome, RosterRow
from provisioner.rosters.standing import Standing
from provisioner.tenancy import whole
from provisioner.web.answering import services
from provisioner.web.recorded import Changed, Names, agency_names, changed
from provisioner.web.wording import categories, quota


@dataclass(frozen=True, slots=True)
class Planned:
    """One row as pages draw it. Of a refused row only what could be read of it is there."""

    row: RosterRow
    name: str
    known_as: str
    """The name that the books have for this staff number, where the row says another and does not change it."""
    agency: str
    facts: RowFacts | None
    """None for a refused row."""
    category: str
    address: str
    """The address that is given, or that the mailbox has."""
    quota: str
    """The size that the mailbox gets, or is known to have."""
    is_exception: bool
    """Whether that size is another than the policy's."""
    changes: Sequence[Changed]


def in_words(session: Session, rows: Sequence[RosterRow]) -> list[Planned]:
    """These rows, in their order. What the books have of people out of the reader's reach is not told."""
    facts = [RowFacts.from_json(row.facts) if "kind" in row.facts else None for row in rows]
    # Of a row that opens a mailbox the books have nothing to add.
    in_books = [
        fact if row.outcome in (Outcome.CHANGE, Outcome.UNCHANGED) else None
        for row, fact in zip(rows, facts, strict=True)
    ]
    asked = [fact for fact in in_books if fact is not None]
    numbers = [fact.staff_number for fact in asked if fact.staff_number]
    people = standing.people(session, numbers) if numbers else {}
    units = standing.units(session, [fact.unit_id for fact in asked if fact.kind is Kind.UNIT])
    agencies = _agencies(session, rows)
    planned = []
    for row, fact, known in zip(rows, facts, in_books, strict=True):
        found = None
        if known is not None:
            found = people.get(known.staff_number or "") or units.get(known.unit_id)
        planned.append(_planned(row, fact, found, agencies))
    return planned


def _agencies(session: Session, rows: Sequence[RosterRow]) -> Mapping[int, tuple[str, str]]:
    """Code and name of every agency that the rows name, also of those that somebody comes from."""
    ids = {row.facts["agency_id"] for row in rows if "agency_id" in row.facts}
    for row in rows:
        ids.update(filter(None, (row.changes or {}).get("agency_id", ())))
    with whole(session):  # an approval is of the whole row
        return agency_names(session, ids)


def _planned(
    row: RosterRow, fact: RowFacts | None, found: Standing | None, agencies: Mapping[int, tuple[str, str]]
) -> Planned:
    if fact is None:
        name, code = row.facts.get("full_name"), row.facts.get("agency_code")
        return Planned(row, name or "–", "", code or "–", None, "", "", "", False, ())
    changes = row.changes or {}
    names = Names(agencies={one: " ".join(named) for one, named in agencies.items()})
    policy = services().quotas[fact.kind]
    size = fact.quota_bytes or (found.quota_exception if found else None) or policy
    agency = agencies.get(fact.agency_id, (fact.agency_code, ""))
    has_another_name = (
        found is not None
        and fact.kind is Kind.PERSONAL
        and found.full_name != fact.full_name
        and "full_name" not in changes
        and row.applied_at is None
    )
    return Planned(
        row=row,
        name=fact.full_name or (agency[1] if fact.kind is Kind.UNIT else "") or fact.agency_code,
        known_as=(found.full_name or "") if found is not None and has_another_name else "",
        agency=" ".join(filter(None, agency)),
        facts=fact,
        category=categories().get(fact.category, fact.category) if fact.category else "",
        address=row.address or (found.address if found else None) or "",
        quota=quota(size),
        is_exception=size != policy,
        changes=[
            changed("person", field, before, after, names) for field, (before, after) in changes.items()
        ],
    )
