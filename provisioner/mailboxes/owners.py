"""What a person says of the names of mailboxes' owners: which words are the family, middle and given name.

Names in lists, in the directory and in later certificates follow; addresses stay as they are for ever. The parts
hold until the full name changes (`rosters.carrying`), which is then read anew.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.db import after_commit
from provisioner.mailboxes.models import Mailbox
from provisioner.mailboxes.opening import touch
from provisioner.people.models import Person
from provisioner.people.names import NameParts, read_as
from provisioner.people.registering import name_columns, revise


def settle_names(session: Session, parts: Mapping[int, NameParts], *, who: Who, now: datetime) -> list[int]:
    """Write the parts of these people's names: person id to parts. Ids of those for whom that changes something.

    Raises `Invalid` with `name-parts-differ`, see `read_as`; nothing may be kept then.
    """
    people = session.scalars(
        select(Person).where(Person.id.in_(parts)).order_by(Person.id).with_for_update()
    ).all()
    columns, told = {}, []
    for person in people:
        new = name_columns(read_as(person.full_name, parts[person.id]))
        before = {name: getattr(person, name) for name in _TOLD if (getattr(person, name) or "") != new[name]}
        if before:
            columns[person.id] = new
            after = {name: new[name] for name in before}
            told.append(
                Change("person.name-settled", "person", person.staff_number, before=before, after=after)
            )
    revise(session, columns)
    touch(
        session,
        session.scalars(
            select(Mailbox.id).where(Mailbox.person_id.in_(columns), Mailbox.closed_at.is_(None))
        ).all(),
    )
    record(session, who, told, now=now)
    if columns:
        after_commit(session, "directory")
    return list(columns)


_TOLD = ("family", "middle", "given", "name_confirmed")
