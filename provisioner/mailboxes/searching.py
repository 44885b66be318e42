"""Finding mailboxes by what people remember: words of the owner's name, in any order, or a part of any address."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Select, false, or_, select
from sqlalchemy.orm import Session, aliased

from provisioner.agencies.models import Agency
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.people.models import Person
from provisioner.people.searching import has_words, named, words_begin
from provisioner.vietnamese import ascii_letters

Spelling = Callable[[str], list[str]]
"""How the words to find an agency by are spelt (`agencies.reference.Reference.words`)."""


def ways(session: Session, asked: str, spell: Spelling) -> list[ColumnElement[bool]]:
    """What finds a mailbox, as conditions on it: its person's name, its agency's or unit's, an address it has or had.

    One suffices. Each begins in another table, so among very many rows they are better asked one by one.
    """
    words = ascii_letters(asked).split()
    if not words:
        return [false()]
    people = Mailbox.person_id.in_(select(Person.id).where(named(session, words)))
    return [people, *_of_agencies(session, asked, spell), *_at_addresses(asked)]


def row_by_row(
    session: Session, wanted: Select[*tuple[Any, ...]], asked: str, spell: Spelling
) -> Select[*tuple[Any, ...]]:
    """These rows of mailboxes as far as they are found, each looked at: quick where most of them are."""
    words = ascii_letters(asked).split()
    if not words:
        return wanted.where(false())
    owner = aliased(Person)
    ways_besides = (*_of_agencies(session, asked, spell), *_at_addresses(asked))
    is_meant = or_(words_begin(owner.search_key, words), *ways_besides)
    return wanted.outerjoin(owner, owner.id == Mailbox.person_id).where(is_meant)


def _of_agencies(session: Session, asked: str, spell: Spelling) -> list[ColumnElement[bool]]:
    """Mailboxes of agencies with this name, and of units whose own name has it together with their agency's.

    Units inside agencies have no key to search by; there are few, and their names are read.
    """
    words = spell(asked)
    units = session.execute(
        select(Mailbox.id, Mailbox.unit_name, Agency.search_key)
        .join(Agency, Agency.id == Mailbox.agency_id)
        .where(Mailbox.unit_name.is_not(None))
    )
    found = [
        unit for unit, name, agency in units if has_words(f"{name and ' '.join(spell(name))} {agency}", words)
    ]
    agencies = Mailbox.agency_id.in_(select(Agency.id).where(words_begin(Agency.search_key, words)))
    return [agencies, Mailbox.id.in_(found)] if found else [agencies]


def _at_addresses(asked: str) -> list[ColumnElement[bool]]:
    """Mailboxes with this in an address of now or of before; no address has a space in it."""
    if " " in asked:
        return []
    addresses = select(Address.mailbox_id).where(Address.address.contains(asked.lower(), autoescape=True))
    return [Mailbox.id.in_(addresses)]
