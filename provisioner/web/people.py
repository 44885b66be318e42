"""People: the list, each in detail with their history, and the identity number in full for whoever may read it."""

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.audit import Change, Who, record
from provisioner.certificates.models import Certificate
from provisioner.errors import NotFound, Text
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.operators.roles import Right
from provisioner.people.models import Person, Post
from provisioner.people.registering import identity_context
from provisioner.tenancy import whole
from provisioner.web.answering import services
from provisioner.web.listing import MOST_FOUND, Cell, asked, has_words, history, in_agency, listed
from provisioner.web.paging import Page, page_from, page_of
from provisioner.web.policies import needs
from provisioner.web.speaking import gettext, spoken
from provisioner.web.visiting import changing, reading, the_visitor
from provisioner.web.wording import certificate_states, mailbox_states

pages = Blueprint("people", __name__, url_prefix="/people")

_PRIMARY = and_(Address.mailbox_id == Mailbox.id, Address.is_primary)
_CURRENT = and_(Post.person_id == Person.id, Post.until.is_(None))


@pages.get("")
@needs(Right.REGISTER)
def index() -> ResponseReturnValue:
    """By given name, as Vietnamese lists are sorted; any spelling and order of the name finds it."""
    chosen = (
        select(Person.id, Person.sort_key)
        .where(or_(has_words(Person.search_key), Person.staff_number == asked("q")))
        .order_by(Person.sort_key, Person.id)
    )
    if asked("agency"):
        chosen = chosen.join(Post, _CURRENT).join(Agency, Agency.id == Post.agency_id)
    with reading(Right.REGISTER) as session:
        # First who is on the page, then what stands beside them: nothing of the 200,000 others is looked up.
        found = _found(session, in_agency(chosen, Agency.code))
        here = [person_id for person_id, _key in found.rows]
        shown = session.execute(
            select(Person, Post.title, Agency.name)
            .outerjoin(Post, _CURRENT)
            .outerjoin(Agency, Agency.id == Post.agency_id)
            .where(Person.id.in_(here))
            .order_by(Person.sort_key, Person.id)
        ).all()
        with whole(session):  # whoever may see a person may see the person's mailbox
            live = select(Mailbox.person_id, Address.address).join(Address, _PRIMARY)
            live = live.where(Mailbox.person_id.in_(here), Mailbox.closed_at.is_(None))
            addresses = dict(session.execute(live).all())
    rows = [
        [
            Cell(person.full_name, url_for("people.show", person_id=person.id)),
            Cell(person.staff_number),
            Cell(title or "–"),
            Cell(agency or gettext("has left")),
            Cell(addresses.get(person.id) or "–"),
        ]
        for person, title, agency in shown
    ]
    heads = [
        gettext("Full name"),
        gettext("Staff number"),
        gettext("Position"),
        gettext("Agency"),
        gettext("Address"),
    ]
    return listed(gettext("People"), heads, rows, found, by_agency=True)


def _found(session: Session, chosen: Select[tuple[int, str]]) -> Page:
    """The page of those who were searched for.

    They are looked for without an order and sorted here: the database would rather go through everybody in the
    order of the list, and meet who is rare, or late in the alphabet, at the end. Of very many it is right.
    """
    if asked("q"):
        some = session.execute(chosen.order_by(None).limit(MOST_FOUND + 1)).all()
        if len(some) <= MOST_FOUND:
            return page_from(sorted(some, key=lambda row: (row.sort_key, row.id)))
    return page_of(session, chosen, most=MOST_FOUND if asked("q") else None)


@pages.get("/<int:person_id>")
@needs(Right.REGISTER)
def show(person_id: int) -> ResponseReturnValue:
    """One person: posts over time, mailboxes, addresses, certificates, history. The identity number stays sealed."""
    return _person(person_id)


@pages.get("/<int:person_id>/identity")
@needs(Right.IDENTITY, fresh=True)
def identity(person_id: int) -> ResponseReturnValue:
    """The same with the identity number in full; that it was read stands in the audit trail (Law 91/2025/QH15)."""
    found_services = services()
    with changing(Right.IDENTITY) as session:
        found = _get(session, person_id)
        if found.identity_sealed is None:
            raise NotFound(
                Text(vi="Người này không có số định danh trong sổ.", en="No identity number is registered."),
                code="identity-unknown",
            )
        change = Change("person.identity-read", "person", found.staff_number)
        record(session, Who(the_visitor().name), [change], now=found_services.clock())
    number = found_services.sealer.unseal(found.identity_sealed, context=identity_context(found.uid))
    return _person(person_id, identity_number=number.reveal())


def _person(person_id: int, identity_number: str | None = None) -> str:
    with reading(Right.REGISTER) as session:
        found = _get(session, person_id)
        posts = session.execute(
            select(Post, Agency)
            .join(Agency, Agency.id == Post.agency_id)
            .where(Post.person_id == person_id)
            .order_by(Post.since.desc(), Post.id.desc())
        ).all()
        boxes = session.execute(
            select(Mailbox, Address.address).join(Address, _PRIMARY).where(Mailbox.person_id == person_id)
        ).all()
        signed = session.scalars(
            select(Certificate)
            .where(Certificate.mailbox_id.in_([box.id for box, _address in boxes]))
            .order_by(Certificate.id.desc())
        ).all()
        events = history(session, ("person", found.staff_number))
    return render_template(
        "person.html",
        found=found,
        posts=posts,
        boxes=boxes,
        signed=signed,
        events=events,
        identity_number=identity_number,
        mailbox_states=mailbox_states(),
        certificate_states=certificate_states(),
        categories={code: spoken(term.name) for code, term in services().reference.categories.items()},
    )


def _get(session: Session, person_id: int) -> Person:
    found = session.get(Person, person_id)
    if found is None:
        raise NotFound(Text(vi="Không có người này.", en="There is no such person."), code="person-unknown")
    return found
