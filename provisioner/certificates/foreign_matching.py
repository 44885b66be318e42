"""Whose certificate is it? Matching those of other authorities to people and agencies, by mail, code and name.

A match is certain when a mail address or a code of the books says so and the name does not object. Whatever is
less than that is doubtful and waits for a person: leadership's figures count certain and decided ones only.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.agencies.register import id_of
from provisioner.certificates.foreign_reading import Found
from provisioner.certificates.models import Match
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.people.models import Person
from provisioner.vietnamese import search_key

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Holder:
    """A person or an agency of the books."""

    person_id: int | None = None
    agency_id: int | None = None


@dataclass(frozen=True, slots=True)
class Matched:
    """How sure we are, and who it is; when doubtful, the likeliest one, if only one is likely."""

    match: Match
    holder: Holder = field(default_factory=Holder)


def match(session: Session, found: Sequence[Found]) -> list[Matched]:
    """A match for each of these, in their order."""
    return [
        each
        for start in range(0, len(found), CHUNK)
        for each in _match(session, found[start : start + CHUNK])
    ]


def _match(session: Session, found: Sequence[Found]) -> list[Matched]:
    by_mail: dict[str, Holder] = {
        row.address: Holder(row.person_id, row.agency_id)
        for row in session.execute(
            select(Address.address, Mailbox.person_id, Mailbox.agency_id)
            .join(Mailbox, Mailbox.id == Address.mailbox_id)
            .where(Address.address.in_({each.mail for each in found if each.mail}))
        )
    }
    codes = {each.code for each in found if each.code}
    by_code = {
        code: Holder(agency_id=agency_id) for code in codes if (agency_id := id_of(session, code)) is not None
    }
    by_code |= {
        row.staff_number: Holder(person_id=row.id)
        for row in session.execute(
            select(Person.id, Person.staff_number).where(Person.staff_number.in_(codes))
        )
    }
    by_name: dict[str, list[Holder]] = defaultdict(list)
    keys = {search_key(each.name) for each in found if each.name}
    for person in session.execute(select(Person.id, Person.search_key).where(Person.search_key.in_(keys))):
        by_name[person.search_key].append(Holder(person_id=person.id))
    for agency in session.execute(select(Agency.id, Agency.name, Agency.short_name)):
        for key in {search_key(name) for name in (agency.name, agency.short_name) if name} & keys:
            by_name[key].append(Holder(agency_id=agency.id))
    return [
        _judge(
            each,
            [h for h in (by_mail.get(each.mail or ""), by_code.get(each.code or "")) if h],
            by_name.get(search_key(each.name), []),
        )
        for each in found
    ]


def _judge(found: Found, known: list[Holder], named: list[Holder]) -> Matched:
    """`known` are the holders that mail and code name, `named` those of that name."""
    holders = list(dict.fromkeys(known))
    if len(holders) == 1:
        # Somebody else's name on a person's address is either a mistake or a predecessor's certificate.
        agrees = not found.name or holders[0] in named
        return Matched(Match.CERTAIN if agrees else Match.DOUBTFUL, holders[0])
    if holders:
        return Matched(Match.DOUBTFUL)
    if named:
        return Matched(Match.DOUBTFUL, named[0] if len(named) == 1 else Holder())
    return Matched(Match.NOBODY)
