"""Lists of the register that can be searched, and the history that stands below each thing in detail."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import render_template, request
from sqlalchemy import ColumnElement, Select, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from provisioner.audit import AuditEvent
from provisioner.operators.roles import Right
from provisioner.people.searching import words_begin
from provisioner.tenancy import whole
from provisioner.vietnamese import ascii_letters
from provisioner.web.paging import Page, page_of
from provisioner.web.visiting import reading

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


def has_words(column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Every word of the search begins a word of the key, whatever its accents and order."""
    return words_begin(column, words())


def words() -> list[str]:
    """The words of the search, in plain letters."""
    return ascii_letters(asked("q")).split()


def in_agency(wanted: Select[*tuple[Any, ...]], code: InstrumentedAttribute[str]) -> Select[*tuple[Any, ...]]:
    """Of one agency and those whose code begins with its own, when the address asks."""
    agency = asked("agency")
    return (
        wanted.where(or_(code == agency, code.startswith(agency + ".", autoescape=True)))
        if agency
        else wanted
    )


def page(wanted: Select[*tuple[Any, ...]]) -> Page:
    """The page of these rows that the address asks for, as far as the visitor's reach goes."""
    with reading(Right.REGISTER) as session:
        return page_of(session, wanted, most=MOST_FOUND if asked("q") else None)


def listed(
    title: str,
    heads: list[str],
    rows: list[list[Cell]],
    page: Page,
    *,
    states: dict[str, str] | None = None,
    by_agency: bool = False,
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
        agency=asked("agency"),
        by_agency=by_agency,
        state=asked("state"),
        states=list((states or {}).items()),
        choosing=choosing if choosing and choosing.deeds else None,
    )


def history(session: Session, *subjects: tuple[str, str]) -> Sequence[AuditEvent]:
    """What the audit trail holds of these subjects (type and id), newest first.

    Whoever may see a thing may see what became of it; the trail as a whole is for auditors.
    """
    if not subjects:
        return []
    with whole(session):
        return session.scalars(
            select(AuditEvent)
            .where(tuple_(AuditEvent.subject_type, AuditEvent.subject_id).in_(subjects))
            .order_by(AuditEvent.id.desc())
            .limit(LONGEST_HISTORY)
        ).all()
