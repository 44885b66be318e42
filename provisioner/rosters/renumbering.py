"""Correcting a staff number: to a list the number is the person, so no row of one can change it.

The directory and later certificates follow; one that names the old number is stale (`certificates.staleness`).
"""

from datetime import datetime
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.days import day_of
from provisioner.db import after_commit
from provisioner.errors import Conflict, Invalid, NotFound, Text
from provisioner.mailboxes.models import Mailbox
from provisioner.mailboxes.opening import touch
from provisioner.people.models import Person
from provisioner.people.registering import revise
from provisioner.rosters.files.cells.codes import staff_number
from provisioner.rosters.files.cells.text import clean
from provisioner.rosters.files.problems import Notes

RENUMBERED: Final = "person.renumbered"
GIVEN_UP: Final = "person.number-given-up"
"""In the audit trail: what a number is from now on, and that it is nobody's."""


def renumber(session: Session, old: str, new: str, *, who: Who, now: datetime) -> str:
    """Give the person with the staff number `old` the number `new`; the number as it is kept.

    Raises `NotFound` when nobody has the old one, `Invalid` for a new one that no list could have, and `Conflict` for
    one that somebody has.
    """
    person = session.scalar(select(Person).where(Person.staff_number == old.strip()).with_for_update())
    if person is None:
        raise NotFound(
            Text(vi=f"Không có ai mang mã cán bộ {old}.", en=f"Nobody has the staff number {old}."),
            code="person-unknown",
        )
    before, number = person.staff_number, _as_in_a_list(new, person, now)
    if session.scalar(select(exists().where(Person.staff_number == number))):
        raise Conflict(
            Text(
                vi=f"Mã cán bộ {number} đã có người mang; mỗi mã chỉ của một người.",
                en=f"Somebody has the staff number {number} already; each is one person's.",
            ),
            code="staff-number-taken",
        )
    revise(session, {person.id: {"staff_number": number}})
    open_ones = select(Mailbox.id).where(Mailbox.person_id == person.id, Mailbox.closed_at.is_(None))
    touch(session, session.scalars(open_ones).all())
    told = {"before": {"staff_number": before}, "after": {"staff_number": number}}
    # Under both numbers, in this order: what somebody else does under the old one later is told apart by the second.
    deeds = [Change(RENUMBERED, "person", number, **told), Change(GIVEN_UP, "person", before, **told)]
    record(session, who, deeds, now=now)
    after_commit(session, "directory")
    return number


def _as_in_a_list(written: str, person: Person, now: datetime) -> str:
    notes = Notes(1)
    number = staff_number(clean(written, notes), notes, born=person.birth_date, today=day_of(now))
    if number is None:
        problem = notes.problems[-1]
        raise Invalid(problem.text, code=problem.code)
    return number
