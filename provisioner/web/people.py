"""People: the list, each in detail with their history, and the identity number in full for whoever may read it."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import BindParameter, Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.audit import Change, Who, record
from provisioner.certificates.models import Certificate
from provisioner.errors import Invalid, NotFound, Text
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.mailboxes.owners import settle_names
from provisioner.operators.roles import Right
from provisioner.people.models import Person, Post, is_last_post
from provisioner.people.names import LONGEST_NAME, NameParts
from provisioner.people.registering import identity_context
from provisioner.people.searching import named, words_begin
from provisioner.requests.models import Kind
from provisioner.tenancy import whole
from provisioner.web.answering import services
from provisioner.web.listing import Cell, asked, history_of, listed, searched, the_part, words
from provisioner.web.paging import Page, page_of
from provisioner.web.policies import needs
from provisioner.web.speaking import gettext, spoken
from provisioner.web.telling import back_to
from provisioner.web.visiting import changing, reading, the_visitor
from provisioner.web.wording import categories, certificate_state, directory_trouble, mailbox_states

pages = Blueprint("people", __name__, url_prefix="/people")

_PRIMARY = and_(Address.mailbox_id == Mailbox.id, Address.is_primary)
_GUESSED = "guessed"
"""Whose name was taken apart by a guess that nobody has confirmed."""
_LEFT = "left"

# What stands beside the people of a page: made once, which takes as long as to ask.
_HERE: BindParameter[int] = bindparam("people", expanding=True)
_PEOPLE = select(Person.id, Person.full_name, Person.staff_number).where(Person.id.in_(_HERE))
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
    everybody, has_left = select(Person.sort_key, Person.id), asked("state") == _LEFT
    if asked("state") == _GUESSED:
        everybody = everybody.where(~Person.name_confirmed)
    with reading(Right.REGISTER) as session:
        # First who is on the page, then what stands beside them: nothing of the 200,000 others is looked up.
        part = the_part(session)
        if not part.is_whole or has_left:
            meant = and_(Post.until.is_not(None), is_last_post()) if has_left else Post.until.is_(None)
            everybody = everybody.join(Post, and_(Post.person_id == Person.id, meant))
        if not part.is_whole:  # whoever left is still the agency's of the last post
            everybody = everybody.join(Agency, Agency.id == Post.agency_id)
        found = _found(session, part.of(everybody))
        here = [row.id for row in found.rows]
        people = {person.id: person for person in session.execute(_PEOPLE, {"people": here})}
        posts = {row.person_id: (row.title, row.name) for row in session.execute(_POSTS, {"people": here})}
        with whole(session):  # whoever may see a person may see the person's mailbox
            addresses = dict(session.execute(_ADDRESSES, {"people": here}).all())
    nowhere = ("–", gettext("has left"))
    rows = [
        [
            Cell(people[row.id].full_name, url_for("people.show", person_id=row.id)),
            Cell(people[row.id].staff_number),
            *(Cell(text or "–") for text in posts.get(row.id, nowhere)),
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
    states = {_GUESSED: gettext("Parts of the name to be confirmed"), _LEFT: gettext("Has left")}
    return listed(gettext("People"), heads, rows, found, states=states, part=part)


def _found(session: Session, everybody: Select[*tuple[Any, ...]]) -> Page:
    """The page of those who were searched for, by name or staff number."""
    if not asked("q"):
        return page_of(session, everybody.order_by(Person.sort_key, Person.id))
    by_number = Person.staff_number == asked("q")
    if not words():
        return searched(session, everybody, [by_number], lambda rows: rows.where(by_number))
    looked_at = or_(words_begin(Person.search_key, words()), by_number)
    ways = [named(session, words()), by_number]
    return searched(session, everybody, ways, lambda rows: rows.where(looked_at))


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


@pages.post("/<int:person_id>/name")
@needs(Right.NAMES)
def settle_name(person_id: int) -> ResponseReturnValue:
    """Which words of the name are which, as somebody knows who knows the person. Addresses stay as they are."""
    sent = {name: request.form.get(name, "")[:LONGEST_NAME] for name in ("family", "middle", "given")}
    parts = NameParts(**sent, confirmed="confirmed" in request.form)
    try:
        with changing(Right.NAMES) as session:
            _get(session, person_id)
            who, now = Who(the_visitor().name), services().clock()
            settled = settle_names(session, {person_id: parts}, who=who, now=now)
    except Invalid as error:
        return _person(person_id, parts=parts, problem=spoken(error.text)), 422
    said = "name-settled" if settled else "name-as-it-was"
    return back_to(url_for("people.show", person_id=person_id), said)


def _person(
    person_id: int, identity_number: str | None = None, *, parts: NameParts | None = None, problem: str = ""
) -> str:
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
        events = history_of(session, found)
    return render_template(
        "person.html",
        found=found,
        posts=posts,
        boxes=boxes,
        signed=signed,
        events=events,
        identity_number=identity_number,
        parts=parts or NameParts(found.family or "", found.middle or "", found.given, found.name_confirmed),
        problem=problem,
        longest=LONGEST_NAME,
        mailbox_states=mailbox_states(),
        certificate_state=certificate_state,
        directory_trouble=directory_trouble,
        categories=categories(),
        asks=_asks() if any(post.until is None for post, _agency in posts) else {},
    )


def _asks() -> dict[str, str]:
    """What may be asked for somebody in post, as buttons say it."""
    return {
        Kind.CHANGE: gettext("Ask for a change"),
        Kind.CERTIFICATE: gettext("Ask for a certificate"),
        Kind.LEAVE: gettext("Report that they leave"),
    }


def _get(session: Session, person_id: int) -> Person:
    found = session.get(Person, person_id)
    if found is None:
        raise NotFound(Text(vi="Không có người này.", en="There is no such person."), code="person-unknown")
    return found
