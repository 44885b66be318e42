"""People: the list, each in detail with their history, and the identity number in full for whoever may read it."""

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import BindParameter, Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.audit import Change, Who, record
from provisioner.certificates.models import Certificate
from provisioner.errors import NotFound, Text
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.operators.roles import Right
from provisioner.people.models import Person, Post
from provisioner.people.registering import identity_context
from provisioner.people.searching import indexed_words_begin
from provisioner.tenancy import whole
from provisioner.web.answering import services
from provisioner.web.listing import MOST_FOUND, Cell, asked, has_words, history, listed, the_part, words
from provisioner.web.paging import Page, page_of, page_of_few
from provisioner.web.policies import needs
from provisioner.web.speaking import gettext, spoken
from provisioner.web.visiting import changing, reading, the_visitor
from provisioner.web.wording import certificate_states, mailbox_states

pages = Blueprint("people", __name__, url_prefix="/people")

_PRIMARY = and_(Address.mailbox_id == Mailbox.id, Address.is_primary)
_CURRENT = and_(Post.person_id == Person.id, Post.until.is_(None))

# What stands beside the people of a page: made once, which takes as long as to ask.
_HERE: BindParameter[int] = bindparam("people", expanding=True)
_POSTS = (
    select(Post.person_id, Post.title, Agency.name)
    .join(Agency, Agency.id == Post.agency_id)
    .where(Post.person_id.in_(_HERE), Post.until.is_(None))
)
_ADDRESSES = (
    select(Mailbox.person_id, Address.address)
    .join(Address, _PRIMARY)
    .where(Mailbox.person_id.in_(_HERE), Mailbox.closed_at.is_(None))
)


@pages.get("")
@needs(Right.REGISTER)
def index() -> ResponseReturnValue:
    """By given name, as Vietnamese lists are sorted; any spelling and order of the name finds it."""
    everybody = select(Person.id, Person.sort_key, Person.full_name, Person.staff_number)
    everybody = everybody.order_by(Person.sort_key, Person.id)
    with reading(Right.REGISTER) as session:
        # First who is on the page, then what stands beside them: nothing of the 200,000 others is looked up.
        part = the_part(session)
        if not part.is_whole:
            everybody = everybody.join(Post, _CURRENT).join(Agency, Agency.id == Post.agency_id)
        found = _found(session, part.of(everybody))
        here = [row.id for row in found.rows]
        posts = {row.person_id: (row.title, row.name) for row in session.execute(_POSTS, {"people": here})}
        with whole(session):  # whoever may see a person may see the person's mailbox
            addresses = dict(session.execute(_ADDRESSES, {"people": here}).all())
    has_left = ("–", gettext("has left"))
    rows = [
        [
            Cell(row.full_name, url_for("people.show", person_id=row.id)),
            Cell(row.staff_number),
            *(Cell(text or "–") for text in posts.get(row.id, has_left)),
            Cell(addresses.get(row.id) or "–"),
        ]
        for row in found.rows
    ]
    heads = [
        gettext("Full name"),
        gettext("Staff number"),
        gettext("Position"),
        gettext("Agency"),
        gettext("Address"),
    ]
    return listed(gettext("People"), heads, rows, found, part=part)


def _found(session: Session, everybody: Select[tuple[int, str, str, str]]) -> Page:
    """The page of those who were searched for.

    They are looked for without an order, and then sorted: the database would rather go through everybody in the
    order of the list, and meet who is rare, or late in the alphabet, at the end. Of very many it is right, and
    an index of words is of no use.
    """
    if not asked("q"):
        return page_of(session, everybody)
    by_number = Person.staff_number == asked("q")
    is_indexed = session.connection().dialect.name == "postgresql" and words()
    named = indexed_words_begin(words()) if is_indexed else has_words(Person.search_key)
    some = everybody.where(or_(named, by_number)).order_by(None).limit(MOST_FOUND + 1).subquery()
    page = page_of_few(session, select(some).order_by(some.c.sort_key, some.c.id), most=MOST_FOUND)
    if page is not None:
        return page
    return page_of(
        session, everybody.where(or_(has_words(Person.search_key), by_number)), total=MOST_FOUND, is_cut=True
    )


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
