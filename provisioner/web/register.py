"""The register as lists that can be searched: people, mailboxes, certificates, agencies, and each in detail."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from provisioner.agencies.models import Agency, FormerAgencyCode
from provisioner.certificates.models import Certificate
from provisioner.certificates.models import State as Signing
from provisioner.errors import NotFound, Text
from provisioner.mailboxes.models import Address, Mailbox, Status
from provisioner.operators.roles import Right
from provisioner.people.models import Person, Post
from provisioner.vietnamese import ascii_letters
from provisioner.web.answering import services
from provisioner.web.paging import Page, page_of
from provisioner.web.policies import needs
from provisioner.web.speaking import day, gettext, moment, spoken
from provisioner.web.visiting import reading
from provisioner.web.wording import certificate_states, mailbox_states

people = Blueprint("people", __name__, url_prefix="/people")
mailboxes = Blueprint("mailboxes", __name__, url_prefix="/mailboxes")
certificates = Blueprint("certificates", __name__, url_prefix="/certificates")
agencies = Blueprint("agencies", __name__, url_prefix="/agencies")

_PRIMARY = and_(Address.mailbox_id == Mailbox.id, Address.is_primary)
_CURRENT = and_(Post.person_id == Person.id, Post.until.is_(None))


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a list; with an address it leads somewhere."""

    text: str
    to: str | None = None


@people.get("", endpoint="index")
@needs(Right.REGISTER)
def index_people() -> ResponseReturnValue:
    """By given name, as Vietnamese lists are sorted; any spelling and order of the name finds it."""
    wanted = (
        select(Person, Post.title, Agency.name, Address.address)
        .outerjoin(Post, _CURRENT)
        .outerjoin(Agency, Agency.id == Post.agency_id)
        .outerjoin(Mailbox, and_(Mailbox.person_id == Person.id, Mailbox.closed_at.is_(None)))
        .outerjoin(Address, _PRIMARY)
        .where(or_(_has_words(Person.search_key), Person.staff_number == _asked("q")))
        .order_by(Person.sort_key, Person.id)
    )
    page = _page(_in_agency(wanted, Agency.code))
    rows = [
        [
            Cell(person.full_name, url_for("people.show", person_id=person.id)),
            Cell(person.staff_number),
            Cell(title or "–"),
            Cell(agency or "–"),
            Cell(address or "–"),
        ]
        for person, title, agency, address in page.rows
    ]
    heads = [
        gettext("Full name"),
        gettext("Staff number"),
        gettext("Position"),
        gettext("Agency"),
        gettext("Address"),
    ]
    return _list(gettext("People"), heads, rows, page)


@people.get("/<int:person_id>")
@needs(Right.REGISTER)
def show(person_id: int) -> ResponseReturnValue:
    """One person: posts over time, mailboxes, addresses and certificates. The identity number stays sealed."""
    with reading(Right.REGISTER) as session:
        found = session.get(Person, person_id)
        if found is None:
            raise NotFound(
                Text(vi="Không có người này.", en="There is no such person."), code="person-unknown"
            )
        posts = session.execute(
            select(Post, Agency.name)
            .join(Agency, Agency.id == Post.agency_id)
            .where(Post.person_id == person_id)
            .order_by(Post.since.desc())
        ).all()
        boxes = session.execute(
            select(Mailbox, Address.address).join(Address, _PRIMARY).where(Mailbox.person_id == person_id)
        ).all()
        signed = session.scalars(
            select(Certificate)
            .where(Certificate.mailbox_id.in_([box.id for box, _address in boxes]))
            .order_by(Certificate.id.desc())
        ).all()
    return render_template(
        "person.html",
        found=found,
        posts=posts,
        boxes=boxes,
        signed=signed,
        mailbox_states=mailbox_states(),
        certificate_states=certificate_states(),
        categories={code: spoken(term.name) for code, term in services().reference.categories.items()},
    )


@mailboxes.get("", endpoint="index")
@needs(Right.REGISTER)
def index_mailboxes() -> ResponseReturnValue:
    """Mailboxes by address, and those whose entry needs a person first when that is asked for."""
    state = _asked("state")
    owner = or_(Agency.id == Mailbox.agency_id, Agency.id == Post.agency_id)
    wanted = (
        select(Mailbox, Address.address, Person.full_name, Agency.name)
        .join(Address, _PRIMARY)
        .outerjoin(Person, Person.id == Mailbox.person_id)
        .outerjoin(Post, _CURRENT)
        .outerjoin(Agency, owner)
        .where(
            or_(Address.address.contains(_asked("q").lower(), autoescape=True), _has_words(Person.search_key))
        )
        .order_by(Address.address)
    )
    if state in set(Status):
        wanted = wanted.where(Mailbox.status == Status(state))
    page = _page(_in_agency(wanted, Agency.code))
    names = mailbox_states()
    rows = [
        [
            Cell(address, url_for("people.show", person_id=box.person_id) if box.person_id else None),
            Cell(person or box.unit_name or "–"),
            Cell(agency or "–"),
            Cell(names[box.status]),
            Cell(moment(box.first_synced_at)),
            Cell(box.trouble_detail or ""),
        ]
        for box, address, person, agency in page.rows
    ]
    heads = [
        gettext("Address"),
        gettext("Owner"),
        gettext("Agency"),
        gettext("State"),
        gettext("In the directory since"),
        gettext("Trouble"),
    ]
    return _list(gettext("Mailboxes"), heads, rows, page, states=names)


@certificates.get("", endpoint="index")
@needs(Right.REGISTER)
def index_certificates() -> ResponseReturnValue:
    """Certificates, those that end first above."""
    state = _asked("state")
    wanted = (
        select(Certificate, Address.address)
        .join(Mailbox, Mailbox.id == Certificate.mailbox_id)
        .join(Address, _PRIMARY)
        .where(
            or_(
                Address.address.contains(_asked("q").lower(), autoescape=True),
                Certificate.serial == _asked("q").lower(),
            )
        )
        .order_by(Certificate.not_after.is_(None), Certificate.not_after, Certificate.id)
    )
    if state in set(Signing):
        wanted = wanted.where(Certificate.state == Signing(state))
    page = _page(wanted)
    names = certificate_states()
    rows = [
        [
            Cell(address),
            Cell(gettext("Revoked") if signed.revoked_at else names[signed.state]),
            Cell(day(signed.not_before)),
            Cell(day(signed.not_after)),
            Cell(signed.serial or "–"),
        ]
        for signed, address in page.rows
    ]
    heads = [
        gettext("Address"),
        gettext("State"),
        gettext("Good from"),
        gettext("Good until"),
        gettext("Serial number"),
    ]
    return _list(gettext("Certificates"), heads, rows, page, states=names)


@agencies.get("", endpoint="index")
@needs(Right.REGISTER)
def index_agencies() -> ResponseReturnValue:
    """Agencies in the order of their tree."""
    asked = _asked("q")
    former = select(FormerAgencyCode.agency_id).where(FormerAgencyCode.code == asked)
    wanted = (
        select(Agency)
        .where(
            or_(
                _has_words(Agency.search_key),
                Agency.code.startswith(asked, autoescape=True),
                Agency.id.in_(former),
            )
        )
        .order_by(Agency.path)
    )
    page = _page(wanted)
    terms = services().reference
    rows = [
        [
            Cell(agency.code, url_for("coverage.show", agency=agency.code, detail="agency")),
            Cell(agency.name),
            Cell(spoken(terms.blocs[agency.bloc].name)),
            Cell(spoken(terms.levels[agency.level].name)),
            Cell(
                " · ".join(filter(None, (agency.contact_name, agency.contact_phone, agency.contact_email)))
                or "–"
            ),
            Cell(gettext("closed on %(day)s", day=day(agency.until)) if agency.until else ""),
        ]
        for (agency,) in page.rows
    ]
    heads = [
        gettext("Agency code"),
        gettext("Agency"),
        gettext("Bloc"),
        gettext("Level"),
        gettext("Contact"),
        gettext("Note"),
    ]
    return _list(gettext("Agencies"), heads, rows, page)


def _asked(name: str) -> str:
    return request.args.get(name, "").strip().replace("\x00", "")[:120]


def _has_words(column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Every word of the search stands in the key, whatever its accents and order."""
    return and_(
        True, *(column.contains(word, autoescape=True) for word in ascii_letters(_asked("q")).split())
    )


def _in_agency(
    wanted: Select[*tuple[Any, ...]], code: InstrumentedAttribute[str]
) -> Select[*tuple[Any, ...]]:
    """Of one agency and those whose code begins with its own, when the address asks."""
    agency = _asked("agency")
    return (
        wanted.where(or_(code == agency, code.startswith(agency + ".", autoescape=True)))
        if agency
        else wanted
    )


def _page(wanted: Select[*tuple[Any, ...]]) -> Page:
    with reading(Right.REGISTER) as session:
        return page_of(session, wanted)


def _list(
    title: str, heads: list[str], rows: list[list[Cell]], page: Page, states: dict[str, str] | None = None
) -> str:
    return render_template(
        "list.html",
        title=title,
        heads=heads,
        rows=rows,
        page=page,
        q=_asked("q"),
        agency=_asked("agency") if request.endpoint != "agencies.index" else None,
        by_agency=request.endpoint in ("people.index", "mailboxes.index"),
        state=_asked("state"),
        states=list((states or {}).items()),
    )
