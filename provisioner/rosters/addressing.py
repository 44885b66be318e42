"""Choosing addresses for the newcomers of a plan.

They are asked in the order of their keys, not of the file's rows, and after every address
that the file itself gives: the same people get the same addresses however the file is sorted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from provisioner.agencies.abbreviations import abbreviation, commune_of, commune_slugs
from provisioner.agencies.register import Register
from provisioner.db import Database
from provisioner.errors import Invalid
from provisioner.mailboxes.addresses import NameFacts, UnitFacts, choose, normal_form
from provisioner.mailboxes.models import Address, Kind
from provisioner.mailboxes.policy import NamingPolicy
from provisioner.people.names import parse
from provisioner.people.sealing import Sealer
from provisioner.rosters.facts import RowFacts
from provisioner.rosters.files.columns import Column
from provisioner.rosters.files.problems import Problem, Severity, as_json
from provisioner.rosters.models import Outcome, RosterRow, identity_context

CHUNK = 1000

_COLUMNS = (
    RosterRow.id,
    RosterRow.number,
    RosterRow.outcome,
    RosterRow.facts,
    RosterRow.identity_sealed,
    RosterRow.problems,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a plan is made by, besides the file and the books."""

    policy: NamingPolicy
    quotas: Mapping[Kind, int]
    sealer: Sealer


Hold = Callable[[Session], None]
"""Called first in each transaction of a long work: renews a lease, or raises when it is lost."""


def address_newcomers(
    database: Database, plan_id: int, given: set[str], rules: Rules, hold: Hold = lambda _session: None
) -> None:
    """Choose an address for every row that wants one.

    `given` are the normal forms of the addresses that the file gives. A row whose name makes no
    address is refused and says so.
    """
    with database.reading() as reading:
        register = Register.read(reading)
        communes = commune_slugs({place for a in register if (place := commune_of(a.name))})
        taken = given | set(reading.scalars(select(Address.normal_form)))
        # Sorted without their contents: the books sort in memory.
        wanting = reading.scalars(
            select(RosterRow.id)
            .where(RosterRow.plan_id == plan_id, RosterRow.wants_address)
            .order_by(RosterRow.key)
        ).all()
        for start in range(0, len(wanting), CHUNK):
            ids = wanting[start : start + CHUNK]
            found = {row.id: row for row in reading.execute(select(*_COLUMNS).where(RosterRow.id.in_(ids)))}
            rows = [found[row_id] for row_id in ids]
            chosen: list[dict[str, Any]] = []
            for row in rows:
                values: dict[str, Any] = {"id": row.id, "outcome": row.outcome, "problems": row.problems}
                try:
                    tail = _identity_tail(row, plan_id, rules)
                    facts = naming_facts(RowFacts.from_json(row.facts), register, communes, tail)
                    values["address"] = choose(rules.policy, facts, taken).address
                    taken.add(normal_form(values["address"]))
                except Invalid as error:
                    problem = Problem(
                        error.code, Severity.REFUSED, row.number, Column.FULL_NAME, None, error.text
                    )
                    values |= {
                        "address": None,
                        "outcome": Outcome.REFUSED,
                        "problems": [*row.problems, as_json(problem)],
                    }
                chosen.append(values)
            with database.transaction() as session:
                hold(session)
                session.execute(update(RosterRow), chosen)


def naming_facts(
    facts: RowFacts, register: Register, communes: Mapping[str, str], identity_tail: str | None
) -> NameFacts | UnitFacts:
    """What the address of this row may be made of; `communes` are slugs that are unique in the province."""
    agency = register.by_id[facts.agency_id]
    parent = register.parent(agency)
    parent_abbreviation = parent.abbreviation if parent else None
    commune = communes.get(commune_of(agency.name) or "")
    if facts.kind is Kind.UNIT:
        # What has a name of its own is a unit inside the agency, in whose abbreviation its address ends.
        unit = facts.full_name and abbreviation(facts.full_name, inside=agency.name)
        return UnitFacts(
            name=facts.full_name or agency.name,
            abbreviation=unit or agency.abbreviation,
            level=agency.level,
            bloc=agency.bloc,
            kind=agency.kind,
            sub_unit=bool(unit) or not agency.seal,
            parent_abbreviation=agency.abbreviation if unit else parent_abbreviation,
            commune=commune,
        )
    return NameFacts(
        parsed=parse(facts.full_name or ""),
        agency_abbreviation=agency.abbreviation,
        parent_abbreviation=parent_abbreviation,
        commune=commune,
        birth_date=facts.birth_date,
        identity_tail=identity_tail,
    )


def _identity_tail(row: Any, plan_id: int, rules: Rules) -> str | None:
    """The last four digits, unsealed only for a policy that puts them into addresses."""
    if not rules.policy.uses_identity or row.identity_sealed is None:
        return None
    number = rules.sealer.unseal(row.identity_sealed, context=identity_context(plan_id, row.number))
    return number.reveal()[-4:]
