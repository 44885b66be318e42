"""Agencies as a tree, each in detail: contacts, codes over time in both forms, what hangs below it, and its history."""

from collections.abc import Iterable

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from provisioner.agencies.codes import is_given_up, old_form
from provisioner.agencies.models import Agency, FormerAgencyCode, HeadCount
from provisioner.agencies.past import former_names
from provisioner.agencies.register import as_kept
from provisioner.days import day_of
from provisioner.errors import NotFound, Text
from provisioner.mail import handing_out
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.operators.roles import Right
from provisioner.people.models import Post
from provisioner.people.searching import words_begin
from provisioner.tenancy import whole
from provisioner.web.answering import services
from provisioner.web.listing import Cell, asked, history, listed
from provisioner.web.paging import page_of
from provisioner.web.policies import needs
from provisioner.web.recorded import Recorded
from provisioner.web.speaking import day, gettext, spoken
from provisioner.web.visiting import reach, reading
from provisioner.web.wording import categories, mailbox_states

pages = Blueprint("agencies", __name__, url_prefix="/agencies")


@pages.get("")
@needs(Right.REGISTER)
def index() -> ResponseReturnValue:
    """Agencies in the order of their tree; found by name, or by a code of today or of before in either form."""
    q = asked("q")
    code = as_kept(q)
    former = select(FormerAgencyCode.agency_id).where(FormerAgencyCode.code == code)
    wanted = (
        select(Agency)
        .where(
            or_(
                words_begin(Agency.search_key, services().reference.words(q)),
                Agency.code.startswith(code, autoescape=True),
                Agency.id.in_(former),
            )
        )
        .order_by(Agency.path)
    )
    with reading(Right.REGISTER) as session:
        found = page_of(session, wanted)
    terms = services().reference
    rows = [
        [
            Cell(
                agency.code,
                url_for("agencies.show", agency_id=agency.id),
                depth=min(agency.path.count("/") - 2, 5),
            ),
            Cell(agency.name),
            Cell(spoken(terms.blocs[agency.bloc].name)),
            Cell(spoken(terms.levels[agency.level].name)),
            Cell(_contact(agency) or "–"),
            Cell(gettext("Show"), url_for("coverage.show", agency=agency.code)),
            Cell(_closing(agency)),
        ]
        for (agency,) in found.rows
    ]
    heads = [
        gettext("Agency code"),
        gettext("Agency"),
        gettext("Bloc"),
        gettext("Level"),
        gettext("Contact"),
        gettext("Coverage"),
        gettext("Note"),
    ]
    return listed(gettext("Agencies"), heads, rows, found)


def the_agency(session: Session, agency_id: int) -> Agency:
    """The agency of a page, as far as the session sees. Raises `NotFound`."""
    found = session.get(Agency, agency_id)
    if found is None:
        raise NotFound(Text(vi="Không có cơ quan này.", en="There is no such agency."), code="agency-unknown")
    return found


@pages.get("/<int:agency_id>")
@needs(Right.REGISTER)
def show(agency_id: int) -> ResponseReturnValue:
    """One agency: where it stands in the tree, whom to call, its codes, mailboxes and people, and its history."""
    today = day_of(services().clock())
    with reading(Right.REGISTER) as session:
        found = the_agency(session, agency_id)
        above = session.scalars(
            select(Agency)
            .where(Agency.id.in_([int(step) for step in found.path.strip("/").split("/")[:-1]]))
            .order_by(func.length(Agency.path))
        ).all()
        below = session.scalars(
            select(Agency).where(Agency.parent_id == agency_id).order_by(Agency.code)
        ).all()
        former = session.scalars(
            select(FormerAgencyCode)
            .where(FormerAgencyCode.agency_id == agency_id)
            .order_by(FormerAgencyCode.until.desc().nulls_last(), FormerAgencyCode.id.desc())
        ).all()
        names = former_names(session, found)
        boxes = session.execute(
            select(Mailbox, Address.address)
            .join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
            .where(Mailbox.agency_id == agency_id)
            .order_by(Mailbox.id)
        ).all()
        people = session.scalar(  # as many as the list has that the button opens
            select(func.count())
            .select_from(Post)
            .join(Agency, Agency.id == Post.agency_id)
            .where(Agency.path.startswith(found.path, autoescape=True), Post.until.is_(None))
        )
        declared = session.scalars(
            select(HeadCount)
            .where(HeadCount.agency_id == agency_id, HeadCount.since <= today)
            .order_by(HeadCount.category, HeadCount.since.desc())
        ).all()
        slips = None
        if reach(Right.CODES).holds(found.path):
            with whole(session):
                slips = handing_out.progress(session, found.code, below=False, now=services().clock())
        codes = [found.code, *(one.code for one in former)]
        events = _of_one(history(session, *(("agency", code) for code in dict.fromkeys(codes))), found.code)
    terms = services().reference
    return render_template(
        "agency.html",
        found=found,
        above=above,
        below=below,
        codes=[
            *(
                []
                if is_given_up(found.code)
                else [(found.code, found.code_since or found.since, found.until)]
            ),
            *((one.code, one.since, one.until) for one in former),
        ],
        names=names,
        boxes=boxes,
        people=people,
        declared=declared,
        slips=slips,
        events=events,
        bloc=spoken(terms.blocs[found.bloc].name),
        level=spoken(terms.levels[found.level].name),
        categories=categories(),
        states=mailbox_states(),
        old_form=old_form,
        closing=_closing,
    )


def _of_one(events: Iterable[Recorded], code: str) -> list[Recorded]:
    """Of what was done to agencies with the codes of this one, newest first, what was done to this one.

    A code was another agency's before this one got it, and may be another's after this one gave it up.
    """
    own = []
    for one in events:
        before, after = one.event.before or {}, one.event.after or {}
        if one.event.subject_id != code:
            continue
        own.append(one)
        if after.get("code") == code:
            if "code" not in before:
                break
            code = before["code"]
    return own


def _closing(agency: Agency) -> str:
    """Since when or until when it is, where it has a last day."""
    if agency.until is None:
        return ""
    last = day(agency.until)
    if agency.until < day_of(services().clock()):
        return gettext("closed, last day %(day)s", day=last)
    return gettext("closes, last day %(day)s", day=last)


def _contact(agency: Agency) -> str:
    return " · ".join(filter(None, (agency.contact_name, agency.contact_phone, agency.contact_email)))
