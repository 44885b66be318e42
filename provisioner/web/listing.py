"""Lists of the register that can be searched, and the history that stands below each thing in detail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from flask import render_template, request
from sqlalchemy import ColumnElement, Select, false, select, tuple_, union
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.agencies.register import path_of
from provisioner.audit import AuditEvent
from provisioner.errors import NotFound
from provisioner.mailboxes import searching as mailboxes
from provisioner.people.models import Person
from provisioner.rosters.renumbering import GIVEN_UP, RENUMBERED
from provisioner.tenancy import whole
from provisioner.vietnamese import ascii_letters
from provisioner.web.answering import services
from provisioner.web.paging import Page, page_of, page_of_few
from provisioner.web.recorded import Recorded, in_words
from provisioner.web.speaking import spoken

LONGEST_HISTORY = 200

MOST_FOUND = 5000
"""What a search finds is counted and shown up to here; to read it all there are reports."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a list; with an address it leads somewhere."""

    text: str
    to: str | None = None
    depth: int = 0
    """How far below the first level it stands in a tree."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What may be done with the chosen rows: the button's text, where it goes, and whether it weighs more."""

    text: str
    to: str
    is_grave: bool = False


@dataclass(frozen=True, slots=True)
class Choosing:
    """Rows that may be chosen: their ids in the order of the rows, and what may be done with them."""

    ids: Sequence[int]
    deeds: Sequence[Deed]
    reasons: Sequence[tuple[str, str]] = field(default_factory=tuple)
    """Reasons to choose from; free text where there are none."""


def asked(name: str) -> str:
    """What the address asks for under this name, in bounds."""
    return request.args.get(name, "").strip().replace("\x00", "")[:120]


def words() -> list[str]:
    """The words of the search, in plain letters."""
    return ascii_letters(asked("q")).split()


def searched(
    session: Session,
    wanted: Select[*tuple[Any, ...]],
    ways: Sequence[ColumnElement[bool]],
    row_by_row: Callable[[Select[*tuple[Any, ...]]], Select[*tuple[Any, ...]]],
) -> Page:
    """The page of those who were searched for, in the order of the columns of `wanted`.

    They are looked for without an order, each way from its own end, and then sorted: the database would rather
    go through all rows in the order of the list, and meet who is rare, or late in the alphabet, at the end. Of
    very many that is right, and indices are of no use: `row_by_row` says how the same are found on the way.
    """
    each = (select(wanted.where(way).limit(MOST_FOUND + 1).subquery()) for way in ways)
    some = union(*each).subquery()
    page = page_of_few(session, select(some).order_by(*some.c), most=MOST_FOUND)
    if page is not None:
        return page
    ordered = row_by_row(wanted).order_by(*wanted.selected_columns)
    return page_of(session, ordered, total=MOST_FOUND, is_cut=True)


def of_mailboxes(session: Session, wanted: Select[*tuple[Any, ...]], *besides: ColumnElement[bool]) -> Page:
    """The page of rows that know their mailbox, as it is searched for, or `besides` by something of their own."""
    q = asked("q")
    if not q:
        return page_of(session, wanted.order_by(*wanted.selected_columns))
    spell = services().reference.words
    ways = [*mailboxes.ways(session, q, spell), *besides]
    return searched(session, wanted, ways, lambda rows: mailboxes.row_by_row(session, rows, q, spell))


@dataclass(frozen=True, slots=True)
class Part:
    """The part of the province that a list is of: an agency and everything below it in the tree, or all of it."""

    code: str = ""
    """As it was typed; empty for the whole province."""
    path: str | None = None
    problem: str = ""
    """Why no agency is meant by what was typed."""

    @property
    def is_whole(self) -> bool:
        return not self.code

    def of(self, wanted: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        """The rows whose agency lies in it; the question has to know the agency of each, unless this is all."""
        if self.is_whole:
            return wanted
        within = false() if self.path is None else Agency.path.startswith(self.path, autoescape=True)
        return wanted.where(within)


def the_part(session: Session) -> Part:
    """The part that the address asks for, by any code its agency has or had, as far as the visitor sees agencies."""
    code = asked("agency")
    if not code:
        return Part()
    try:
        return Part(code, path_of(session, code))
    except NotFound as error:
        return Part(code, problem=spoken(error.text))


def listed(
    title: str,
    heads: list[str],
    rows: list[list[Cell]],
    page: Page,
    *,
    states: dict[str, str] | None = None,
    part: Part | None = None,
    choosing: Choosing | None = None,
) -> str:
    """The list as a page, with its search and filters."""
    return render_template(
        "list.html",
        title=title,
        heads=heads,
        rows=rows,
        page=page,
        q=asked("q"),
        part=part,
        state=asked("state"),
        states=list((states or {}).items()),
        choosing=choosing if choosing and choosing.deeds else None,
    )


def history_of(session: Session, person: Person) -> Sequence[Recorded]:
    """What the trail holds of a person, also under the staff numbers that they had before this one was corrected."""
    found: list[Recorded] = []
    numbers, until = [person.staff_number], inf
    for number in numbers:
        for one in history(session, ("person", number)):
            if one.event.id >= until:
                continue
            if one.event.action == GIVEN_UP:
                break  # older entries are of somebody else who had this number
            found.append(one)
            if one.event.action == RENUMBERED and one.event.before:
                numbers.append(one.event.before["staff_number"])
                until = one.event.id
                break
    return found


def history(session: Session, *subjects: tuple[str, str]) -> Sequence[Recorded]:
    """What the audit trail holds of these subjects (type and id), in words, newest first.

    Whoever may see a thing may see what became of it; the trail as a whole is for auditors.
    """
    if not subjects:
        return []
    with whole(session):
        events = session.scalars(
            select(AuditEvent)
            .where(tuple_(AuditEvent.subject_type, AuditEvent.subject_id).in_(subjects))
            .order_by(AuditEvent.id.desc())
            .limit(LONGEST_HISTORY)
        ).all()
        return in_words(session, events)
