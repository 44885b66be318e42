"""Mailboxes: the list, each in detail with its history, and what a role may do with those that were chosen."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency, FormerAgencyCode
from provisioner.audit import Who
from provisioner.certificates.models import Certificate
from provisioner.certificates.ordering import order_missing
from provisioner.errors import NotFound, Text
from provisioner.mail.timers import disabled_until
from provisioner.mailboxes import lifecycle
from provisioner.mailboxes.models import Address, Mailbox, Status
from provisioner.operators.roles import Right
from provisioner.people.models import Person, Post, is_last_post
from provisioner.rounds import calendar, timer_policy
from provisioner.web.answering import services
from provisioner.web.listing import (
    Cell,
    Choosing,
    Deed,
    asked,
    history,
    history_of,
    listed,
    of_mailboxes,
    the_part,
)
from provisioner.web.policies import needs
from provisioner.web.recorded import Recorded
from provisioner.web.speaking import gettext, moment
from provisioner.web.telling import back_to
from provisioner.web.visiting import changing, reach, reading, the_visitor
from provisioner.web.wording import certificate_state, directory_trouble, mailbox_states, quota

pages = Blueprint("mailboxes", __name__, url_prefix="/mailboxes")

MOST = 50
"""Mailboxes of one deed: as many as one page of the list shows."""

_PRIMARY = and_(Address.mailbox_id == Mailbox.id, Address.is_primary)


@pages.get("")
@needs(Right.REGISTER)
def index() -> ResponseReturnValue:
    """Mailboxes by address; found by their owner's name and by every address they have or had."""
    state = asked("state")
    wanted = select(Address.address, Mailbox.id).join(Mailbox, _PRIMARY)
    if state in set(Status):
        wanted = wanted.where(Mailbox.status == Status(state))
    with reading(Right.REGISTER) as session:
        part = the_part(session)
        if not part.is_whole:  # whoever left is still the agency's of the last post
            wanted = _with_agency(wanted, is_last_post())
        found = of_mailboxes(session, part.of(wanted))
        beside = _with_agency(
            select(Mailbox, Person.full_name, Agency.name)
            .select_from(Mailbox)
            .outerjoin(Person, Person.id == Mailbox.person_id),
            Post.until.is_(None),
        )
        here = beside.where(Mailbox.id.in_([row.id for row in found.rows]))
        boxes = {box.id: (box, person, agency) for box, person, agency in session.execute(here)}
    names = mailbox_states()
    rows = [
        [
            Cell(row.address, url_for("mailboxes.show", mailbox_id=row.id)),
            Cell(person or box.unit_name or gettext("the agency")),
            Cell(agency or gettext("has left")),
            Cell(names[box.status]),
            Cell(moment(box.first_synced_at)),
            Cell(directory_trouble(box)),
        ]
        for row in found.rows
        for box, person, agency in [boxes[row.id]]
    ]
    heads = [
        gettext("Address"),
        gettext("Owner"),
        gettext("Agency"),
        gettext("State"),
        gettext("In the directory since"),
        gettext("Trouble"),
    ]
    choosing = Choosing([row.id for row in found.rows], _deeds())
    return listed(gettext("Mailboxes"), heads, rows, found, states=names, part=part, choosing=choosing)


def _with_agency(rows: Select[*tuple[Any, ...]], is_meant: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Mailboxes with the agency of their owner: that of the post which is meant, if they have such a one."""
    return rows.outerjoin(Post, and_(Post.person_id == Mailbox.person_id, is_meant)).outerjoin(
        Agency, Agency.id == func.coalesce(Mailbox.agency_id, Post.agency_id)
    )


@pages.get("/<int:mailbox_id>")
@needs(Right.REGISTER)
def show(mailbox_id: int) -> ResponseReturnValue:
    """One mailbox: whose it is, its state since when and why, addresses, quota, dates, certificates, history."""
    with reading(Right.REGISTER) as session:
        found = session.get(Mailbox, mailbox_id)
        if found is None:
            raise NotFound(
                Text(vi="Không có hộp thư này.", en="There is no such mailbox."), code="mailbox-unknown"
            )
        person = session.get(Person, found.person_id) if found.person_id else None
        agency = session.scalar(
            select(Agency).where(Agency.id == found.agency_id)
            if found.agency_id
            else select(Agency)
            .join(Post, Post.agency_id == Agency.id)
            .where(Post.person_id == found.person_id, is_last_post())
        )
        addresses = session.scalars(
            select(Address).where(Address.mailbox_id == mailbox_id).order_by(Address.is_primary.desc())
        ).all()
        signed = session.scalars(
            select(Certificate).where(Certificate.mailbox_id == mailbox_id).order_by(Certificate.id.desc())
        ).all()
        events = _history(session, found, person, addresses)
    return render_template(
        "mailbox.html",
        found=found,
        person=person,
        agency=agency,
        deleted_on=_deleted_on(found),
        addresses=addresses,
        signed=signed,
        events=events,
        quota=quota(found.quota_exception_bytes or services().quotas[found.kind]),
        states=mailbox_states(),
        certificate_state=certificate_state,
        directory_trouble=directory_trouble,
        deeds=_deeds([Status(found.status)]),
    )


def _history(
    session: Session, found: Mailbox, person: Person | None, addresses: Sequence[Address]
) -> list[Recorded]:
    """What was done to a mailbox under its addresses, and by rows of rosters under its owner's numbers or as a unit.

    Only what names this mailbox: another agency may have had a code before or have it now, and a closed mailbox has a
    successor of its owner or name.
    """
    subjects = [("mailbox", one.address) for one in addresses]
    if found.agency_id is not None:
        codes = session.scalars(
            select(Agency.code)
            .where(Agency.id == found.agency_id)
            .union(select(FormerAgencyCode.code).where(FormerAgencyCode.agency_id == found.agency_id))
        )
        subjects += [("unit", f"{code}/{found.unit_key}") for code in codes]
    events = [*history(session, *subjects), *(history_of(session, person) if person else ())]
    return [
        one
        for one in sorted(events, key=lambda each: each.event.id, reverse=True)
        if one.event.subject_type == "mailbox" or (one.event.after or {}).get("mailbox_id") == found.id
    ]


@pages.post("/lock")
@needs(Right.LOCK)
def lock() -> ResponseReturnValue:
    """Lock the chosen ones for a while: no sign-in, mail still comes in."""
    reason = _reason()
    with changing(Right.LOCK) as session:
        moved = lifecycle.lock(session, chosen(), reason=reason, who=_me(), now=services().clock())
    return _back("mailboxes-locked" if moved else "nothing-changed")


@pages.post("/unlock")
@needs(Right.LOCK)
def unlock() -> ResponseReturnValue:
    """Let the owners of the chosen ones in again."""
    reason = _reason()
    with changing(Right.LOCK) as session:
        moved = lifecycle.unlock(session, chosen(), reason=reason, who=_me(), now=services().clock())
    return _back("mailboxes-unlocked" if moved else "nothing-changed")


@pages.post("/disable")
@needs(Right.LOCK)
def disable() -> ResponseReturnValue:
    """Disable the chosen ones: no sign-in, and their mail is refused; what they hold is kept."""
    reason = _reason()
    with changing(Right.LOCK) as session:
        moved = lifecycle.disable(session, chosen(), reason=reason, who=_me(), now=services().clock())
    return _back("mailboxes-disabled" if moved else "nothing-changed")


@pages.post("/enable")
@needs(Right.LOCK)
def enable() -> ResponseReturnValue:
    """Make the chosen ones active again."""
    reason = _reason()
    with changing(Right.LOCK) as session:
        moved = lifecycle.enable(session, chosen(), reason=reason, who=_me(), now=services().clock())
    return _back("mailboxes-enabled" if moved else "nothing-changed")


@pages.post("/certificates")
@needs(Right.ORDER, fresh=True)
def order_certificates() -> ResponseReturnValue:
    """Order a signing certificate for those of the chosen ones that are active and have none."""
    active = select(Mailbox.id).where(Mailbox.id.in_(chosen()), Mailbox.status == Status.ACTIVE)
    with changing(Right.ORDER) as session:
        count = order_missing(session, session.scalars(active).all(), who=_me(), now=services().clock())
    return _back("certificates-ordered" if count else "nothing-changed")


def _deeds(states: Collection[Status] = tuple(Status)) -> list[Deed]:
    """What the visitor's roles may do with chosen mailboxes that are in one of these states."""
    active, locked, disabled = Status.ACTIVE, Status.LOCKED, Status.DISABLED
    all_of_them = [
        # A person also holds what a timer would delete.
        (Right.LOCK, gettext("Lock"), "mailboxes.lock", True, {active, locked, disabled}),
        (Right.LOCK, gettext("Unlock"), "mailboxes.unlock", False, {locked}),
        (Right.LOCK, gettext("Disable: refuse mail"), "mailboxes.disable", True, {active, locked}),
        (Right.LOCK, gettext("Make active again"), "mailboxes.enable", False, {disabled}),
        (Right.CODES, gettext("New one-time codes (PDF)"), "slips.of_chosen", False, {active}),
        (Right.ORDER, gettext("Order certificates"), "mailboxes.order_certificates", False, {active}),
    ]
    return [
        Deed(text, url_for(to), is_grave)
        for right, text, to, is_grave, before in all_of_them
        if reach(right) and before & set(states)
    ]


def _deleted_on(mailbox: Mailbox) -> date | None:
    """From when on a disabled mailbox is deleted, if the province has that done."""
    if mailbox.status is not Status.DISABLED or mailbox.status_since is None:
        return None
    found = services()
    return disabled_until(timer_policy(found), calendar=calendar(found), since=mailbox.status_since)


def chosen() -> list[int]:
    """The ids that were sent, one page of the list at most; what lies out of reach is shown to nobody anyway."""
    return [int(i) for i in request.form.getlist("chosen") if i.isascii() and i.isdigit() and len(i) < 10][
        :MOST
    ]


def _reason() -> str:
    return lifecycle.a_reason(request.form.get("reason", ""))


def _me() -> Who:
    return Who(the_visitor().name)


def _back(said: str) -> ResponseReturnValue:
    ids: Iterable[int] = chosen()
    only = next(iter(ids)) if len(list(ids)) == 1 else None
    to = url_for("mailboxes.show", mailbox_id=only) if only else url_for("mailboxes.index")
    return back_to(to, said)
