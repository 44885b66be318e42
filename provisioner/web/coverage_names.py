"""The list of names behind a figure of the board."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.certificates.models import Certificate
from provisioner.coverage import editions
from provisioner.coverage.counting import cover
from provisioner.coverage.naming import COUNT_HEADS, LISTS, Moment, Of, names
from provisioner.coverage.remembering import Span
from provisioner.coverage.scopes import described
from provisioner.coverage.unnamed import Unnamed, unnamed
from provisioner.mailboxes.models import Mailbox
from provisioner.operators.roles import Right
from provisioner.people.models import Person, Post
from provisioner.web.answering import services
from provisioner.web.coverage import choices
from provisioner.web.coverage_asked import Asked, asked_scope
from provisioner.web.paging import page_of
from provisioner.web.policies import needs
from provisioner.web.speaking import day, gettext, language, spoken
from provisioner.web.visiting import reach, reading
from provisioner.web.wording import mailbox_states

pages = Blueprint("coverage_names", __name__)

_FIRST = "staff-unserved"

MOST_UNNAMED = 50
"""Agencies with declared heads without a name that are shown before somebody asks for all of them."""


@pages.get("/coverage/names")
@needs(Right.REGISTER)
def show() -> ResponseReturnValue:
    """Who stands behind a figure now, by pages."""
    found, wanted = services(), Asked(asked_scope(Right.REGISTER), None)
    name = request.args.get("list", "")
    name = name if name in LISTS else _FIRST
    named, at = LISTS[name], found.clock()
    with reading(Right.REGISTER) as session:
        page = page_of(session, names(session, named, wanted.scope, Moment(at, found.used_within)))
        heads = _unnamed(session, wanted, at) if name in COUNT_HEADS else ()
    return render_template(
        "coverage-names.html",
        asked=wanted,
        at=at,
        name=name,
        title=spoken(named.title),
        scope=described(wanted.scope, found.reference, language=language()),
        lists=[(key, spoken(one.title)) for key, one in LISTS.items()],
        heads=_heads(named.of),
        rows=[_ROWS[named.of](*row) for row in page.rows],
        page=page,
        unnamed=heads if request.args.get("all") else heads[:MOST_UNNAMED],
        unnamed_agencies=len(heads),
        unnamed_people=sum(one.missing for one in heads),
        **choices(),
    )


def _unnamed(session: Session, wanted: Asked, at: datetime) -> Sequence[Unnamed]:
    """Where declared heads have no name, counted once for each edition of the figures, as the board is."""
    found = services()
    key, edition = ("unnamed", reach(Right.REGISTER), wanted.scope), editions.current(session)
    known: Sequence[Unnamed] | None = found.drawn.find(key, edition, at=at)
    if known is None:
        known = unnamed(cover(session, wanted.scope, at=at, used_within=found.used_within))
        until = editions.holds_until(session, at=at, used_within=found.used_within)
        if edition is not None and until is not None:
            found.drawn.keep(key, Span(edition, at, until), known)
    return known


def _heads(of: Of) -> list[str]:
    agency = [gettext("Agency code"), gettext("Agency")]
    return {
        Of.PEOPLE: [
            gettext("Full name"),
            gettext("Staff number"),
            gettext("Position"),
            *agency,
            gettext("Address"),
            gettext("Mailbox"),
            gettext("Last used"),
        ],
        Of.AGENCIES: [gettext("Agency"), gettext("Agency code"), gettext("Contact")],
        Of.MAILBOXES: [gettext("Address"), gettext("Owner"), *agency, gettext("State")],
        Of.CERTIFICATES: [
            gettext("Address"),
            gettext("Owner"),
            *agency,
            gettext("Good until"),
            gettext("Serial number"),
        ],
    }[of]


Cells = list[tuple[str, str | None]]
"""Texts, each with the address it leads to."""


def _of_person(
    person: Person, post: Post, agency: Agency, mailbox: Mailbox | None, address: str | None
) -> Cells:
    return [
        (person.full_name, url_for("people.show", person_id=person.id)),
        (person.staff_number, None),
        (post.title or "–", None),
        *_agency(agency),
        (address or "–", None),
        (mailbox_states()[mailbox.status] if mailbox else gettext("none"), None),
        (day(mailbox.last_used_at) if mailbox else "–", None),
    ]


def _of_agency(agency: Agency) -> Cells:
    contact = " · ".join(filter(None, (agency.contact_name, agency.contact_phone, agency.contact_email)))
    return [*reversed(_agency(agency)), (contact or "–", None)]


def _of_mailbox(mailbox: Mailbox, address: str | None, agency: Agency, person: Person | None) -> Cells:
    return [
        (address or "–", None),
        _owner(mailbox, person),
        *_agency(agency),
        (gettext("Closed") if mailbox.closed_at else mailbox_states()[mailbox.status], None),
    ]


def _of_certificate(
    certificate: Certificate, address: str | None, agency: Agency, person: Person | None
) -> Cells:
    return [
        (address or "–", None),
        _owner(None, person),
        *_agency(agency),
        (day(certificate.not_after), None),
        (certificate.serial or "–", None),
    ]


def _owner(mailbox: Mailbox | None, person: Person | None) -> tuple[str, str | None]:
    if person is None:
        return (mailbox.unit_name if mailbox else None) or gettext("the agency"), None
    return person.full_name, url_for("people.show", person_id=person.id)


def _agency(agency: Agency) -> Cells:
    return [(agency.code, url_for("coverage.show", agency=agency.code)), (agency.name, None)]


_ROWS: Mapping[Of, Callable[..., Cells]] = {
    Of.PEOPLE: _of_person,
    Of.AGENCIES: _of_agency,
    Of.MAILBOXES: _of_mailbox,
    Of.CERTIFICATES: _of_certificate,
}
