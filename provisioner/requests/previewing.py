"""What a form would give, while somebody is still typing: address and quota for each row; nothing is kept.

It tells of people within the writer's reach only, and of others no more than the address that would be
given: whether a wished address, a staff number or an identity number is known is not answered here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.agencies.abbreviations import commune_of, commune_slugs
from provisioner.agencies.models import Agency
from provisioner.agencies.register import Register
from provisioner.errors import Invalid, Text
from provisioner.mailboxes.addresses import check_given, choose, normal_form
from provisioner.mailboxes.models import Address
from provisioner.mailboxes.models import Kind as MailboxKind
from provisioner.operators.reach import Reach
from provisioner.requests.models import Kind
from provisioner.requests.writing import Row, as_roster
from provisioner.rosters import standing
from provisioner.rosters.addressing import Rules, naming_facts
from provisioner.rosters.facts import RowFacts
from provisioner.rosters.reading import RosterEntry, RowKind, read_roster
from provisioner.rosters.standing import Standing


@dataclass(frozen=True, slots=True)
class Previewed:
    """One row of the form: what it would give, and what is not right yet."""

    number: int
    name: str | None
    address: str | None
    is_new: bool
    """Whether the address would be given now; otherwise the person has it already."""
    quota_bytes: int
    problems: tuple[Text, ...]


def preview(
    session: Session,
    kind: Kind,
    rows: Sequence[Row],
    agency: Agency,
    rules: Rules,
    *,
    within: Reach,
    today: date,
) -> list[Previewed]:
    """What each of these rows would give, in their order, numbered from 1."""
    reading = read_roster(as_roster(kind, rows, agency), filename="request.csv", today=today)
    entries = list(reading.entries())
    register = Register.read(session)
    known = _within_reach(session, entries, register, within)
    communes = commune_slugs({place for a in register if (place := commune_of(a.name))})
    taken = _Taken(session)
    # Newcomers are addressed in the order of their keys, as a plan does it.
    order = sorted(range(len(entries)), key=lambda n: entries[n].staff_number or "")
    addresses: dict[int, str | Text | None] = {}
    for n in order:
        found = known.get(entries[n].staff_number or "")
        if found is not None and found.address is not None:
            addresses[n] = None
        elif kind in (Kind.PEOPLE, Kind.UNIT):
            addresses[n] = _address(entries[n], agency, register, communes, rules, taken)
    return [
        _previewed(number, entry, known.get(entry.staff_number or ""), addresses.get(number - 1), rules)
        for number, entry in enumerate(entries, start=1)
    ]


class _Taken:
    """The addresses that are given or were just proposed, asked for one by one: 200,000 are too many to read."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._proposed: set[str] = set()

    def add(self, address: str) -> None:
        self._proposed.add(normal_form(address))

    def __contains__(self, form: object) -> bool:
        asked = select(Address.id).where(Address.normal_form == form)
        return form in self._proposed or self._session.scalar(asked) is not None


def _within_reach(
    session: Session, entries: Sequence[RosterEntry], register: Register, within: Reach
) -> dict[str, Standing]:
    found = standing.people(session, [e.staff_number for e in entries if e.staff_number])
    return {
        number: person
        for number, person in found.items()
        if person.agency_id is not None and within.holds(register.by_id[person.agency_id].path)
    }


def _address(
    entry: RosterEntry,
    agency: Agency,
    register: Register,
    communes: Mapping[str, str],
    rules: Rules,
    taken: _Taken,
) -> str | Text | None:
    """The address that would be given, or what is wrong with the name or the wish; None before there is a name."""
    person = entry.kind is RowKind.PERSON
    if entry.address and rules.policy.keep_existing:
        problem = check_given(rules.policy, entry.address)
        return problem.text if problem else entry.address
    if person and not entry.full_name:
        return None
    facts = RowFacts(
        kind=MailboxKind.PERSONAL if person else MailboxKind.UNIT,
        agency_id=agency.id,
        agency_code=agency.code,
        staff_number=entry.staff_number,
        full_name=entry.full_name
        if person or not register.by_id[agency.id].is_called(entry.full_name or "")
        else None,
        birth_date=entry.birth_date,
        phone=None,
        title=None,
        leader=None,
        category=None,
        address=None,
        quota_bytes=None,
        certificate=False,
    )
    number = entry.identity_number if rules.policy.uses_identity else None
    tail = number.reveal()[-4:] if number else None
    try:
        address = choose(rules.policy, naming_facts(facts, register, communes, tail), taken).address
    except Invalid as error:
        return error.text
    taken.add(address)
    return address


def _previewed(
    number: int, entry: RosterEntry, found: Standing | None, proposed: str | Text | None, rules: Rules
) -> Previewed:
    has = found.address if found else None
    kind = MailboxKind.PERSONAL if entry.kind is RowKind.PERSON else MailboxKind.UNIT
    return Previewed(
        number=number,
        name=entry.full_name,
        address=has or (proposed if isinstance(proposed, str) else None),
        is_new=has is None and isinstance(proposed, str),
        quota_bytes=(found.quota_exception if found else None) or rules.quotas[kind],
        problems=(*_problems(entry), *((proposed,) if isinstance(proposed, Text) else ())),
    )


def _problems(entry: RosterEntry) -> Iterator[Text]:
    """What is wrong with what was typed; what is still empty is said when the form is kept."""
    return (problem.text for problem in entry.problems if problem.code != "cell-missing")
