"""Requests: the list, the form, one request with its facts, and what may be done with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.agencies.register import id_of
from provisioner.audit import AuditEvent, Change, Who, record
from provisioner.days import day_of
from provisioner.errors import Invalid, NotFound, Text
from provisioner.operators.roles import Right
from provisioner.requests import deciding
from provisioner.requests.facts import RowFact, is_over, is_overdue, row_facts
from provisioner.requests.models import Kind, Request, State
from provisioner.requests.previewing import preview
from provisioner.requests.writing import FIELDS, MOST_ROWS, letter_context, rows_of, unsent, write
from provisioner.rosters.approving import get_plan
from provisioner.rosters.files.columns import Column
from provisioner.rosters.models import Outcome, RosterRow
from provisioner.rounds import calendar
from provisioner.tenancy import whole
from provisioner.web.answering import a_file, services
from provisioner.web.paging import page_of
from provisioner.web.planned_rows import in_words
from provisioner.web.policies import needs
from provisioner.web.request_forms import Form, attach, detach, letter_of, new_form, read_form
from provisioner.web.speaking import gettext, spoken
from provisioner.web.telling import back_to
from provisioner.web.trail_words import deed
from provisioner.web.visiting import changing, reach, reading, the_visitor
from provisioner.web.wording import columns, outcomes, quota, request_kinds, request_states

pages = Blueprint("requests", __name__, url_prefix="/requests")


@pages.get("")
@needs(Right.REQUESTS)
def index() -> ResponseReturnValue:
    """Requests within reach, newest first; by state when the address asks."""
    state = request.args.get("state", "")
    refused = exists().where(RosterRow.plan_id == Request.plan_id, RosterRow.refusal.is_not(None))
    wanted = (
        select(Request, Agency.name, Request.done_at.is_not(None) & ~refused)
        .join(Agency, Agency.id == Request.agency_id)
        .order_by(Request.id.desc())
    )
    if state in set(State):
        wanted = wanted.where(Request.state == State(state))
    with reading(Right.REQUESTS) as session:
        page = page_of(session, wanted)
    return render_template(
        "requests.html",
        page=page,
        state=state,
        states=list(request_states().items()),
        state_names=request_states(),
        kinds=request_kinds(),
        today=day_of(services().clock()),
    )


@pages.get("/new")
@needs(Right.ASK)
def new() -> ResponseReturnValue:
    """An empty form for one kind of request, or the choice of kinds."""
    kind = request.args.get("kind", "")
    if kind not in set(Kind):
        return render_template("request-kinds.html", kinds=request_kinds())
    return _form(new_form(Kind(kind)))


@pages.post("/new")
@needs(Right.ASK)
def create() -> ResponseReturnValue:
    return _keep(None)


@pages.post("/preview")
@needs(Right.ASK)
def preview_rows() -> ResponseReturnValue:
    """The addresses and quotas that the form as it stands would give. Nothing is kept."""
    found, form = services(), read_form()
    rows = []
    try:
        agency = _agency(form.values["agency"])
    except Invalid:
        agency = None
    if agency is not None and form.rows:
        with (
            reading(Right.ASK) as session,
            whole(session),
        ):  # whether an address is free is the province's matter
            rows = preview(
                session,
                form.kind,
                form.rows,
                agency,
                found.rules,
                within=reach(Right.ASK),
                today=day_of(found.clock()),
            )
    return render_template("request-preview.html", rows=rows, quota=quota)


@pages.get("/<int:request_id>/edit")
@needs(Right.ASK)
def edit(request_id: int) -> ResponseReturnValue:
    """The form as it was filled in, with identity numbers, for as long as it can be changed."""
    with reading(Right.ASK) as session:
        found = unsent(_get(session, request_id))
        agency = session.get_one(Agency, found.agency_id)
    values = {
        "agency": agency.code,
        "document_number": found.document_number,
        "document_date": found.document_date.isoformat(),
        "signer": found.signer,
        "decision": found.decision or "",
        "decision_date": found.decision_date.isoformat() if found.decision_date else "",
    }
    return _form(Form(found.kind, values, rows_of(found, services().sealer)), request_id)


@pages.post("/<int:request_id>/edit")
@needs(Right.ASK)
def change(request_id: int) -> ResponseReturnValue:
    with reading(Right.ASK) as session:
        _get(session, request_id)
    return _keep(request_id)


@pages.get("/<int:request_id>")
@needs(Right.REQUESTS)
def show(request_id: int) -> ResponseReturnValue:
    """The letter, its rows with what they will do or did, and what happened when."""
    found_services = services()
    with reading(Right.REQUESTS) as session:
        found = _get(session, request_id)
        agency = session.get_one(Agency, found.agency_id)
        rows = row_facts(session, found.plan_id) if found.plan_id else []
        planned = in_words(session, [fact.row for fact in rows])
        plan = get_plan(session, found.plan_id) if found.plan_id else None
        with whole(session):
            events = session.scalars(
                select(AuditEvent)
                .where(AuditEvent.subject_type == "request", AuditEvent.subject_id == str(request_id))
                .order_by(AuditEvent.id)
            ).all()
    me = the_visitor()
    mine = me.name in (found.written_by, found.submitted_by)
    can_ask = reach(Right.ASK).holds(agency.path)
    stopped = any(row.outcome in (Outcome.REFUSED, Outcome.CONFLICT) for row in rows)
    works = any(row.outcome.is_work for row in rows)
    over = found.state is State.APPROVED and is_over(found, rows)
    return render_template(
        "request.html",
        found=found,
        agency=agency,
        planned=planned,
        followed={fact.number: fact for fact in rows},
        above=1,  # the header, which a form does not have
        outcomes=outcomes(),
        digest=plan.digest if plan else "",
        stop=plan.stopped if plan else None,
        kinds=request_kinds(),
        states=request_states(),
        columns=columns(),
        stopped=stopped,
        works=works,
        can_edit=can_ask and found.state in (State.DRAFT, State.RETURNED),
        can_send=can_ask and found.state is State.DRAFT and works and not stopped,
        waits=found.state is State.SUBMITTED and reach(Right.APPROVE).holds(agency.path),
        mine=mine,
        overdue=is_overdue(found, rows, today=day_of(found_services.clock())),
        done=over and bool(rows) and not any(row.refusal for row in rows),
        moving=found.state is State.APPROVED and not over,
        timeline=_timeline(events, rows),
    )


@pages.post("/<int:request_id>/submit")
@needs(Right.ASK)
def submit(request_id: int) -> ResponseReturnValue:
    found_services = services()
    with changing(Right.ASK) as session:
        found = _get(session, request_id)
        with whole(session):
            deciding.submit(
                session,
                found,
                digest=request.form.get("digest", ""),
                by=the_visitor().name,
                within=found_services.settings.deadlines.request,
                calendar=calendar(found_services),
                now=found_services.clock(),
            )
    return back_to(url_for("requests.show", request_id=request_id), "request-sent")


@pages.post("/<int:request_id>/approve")
@needs(Right.APPROVE)
def approve(request_id: int) -> ResponseReturnValue:
    with changing(Right.APPROVE) as session:
        found = _get(session, request_id)
        digest = request.form.get("digest", "")
        with whole(session):
            deciding.approve(session, found, digest=digest, by=the_visitor().name, now=services().clock())
    return back_to(url_for("requests.show", request_id=request_id), "request-approved")


@pages.post("/<int:request_id>/return")
@needs(Right.APPROVE)
def send_back(request_id: int) -> ResponseReturnValue:
    with changing(Right.APPROVE) as session:
        found = _get(session, request_id)
        reason = request.form.get("reason", "")
        with whole(session):
            deciding.send_back(session, found, reason=reason, by=the_visitor().name, now=services().clock())
    return back_to(url_for("requests.show", request_id=request_id), "request-returned")


@pages.get("/<int:request_id>/letter")
@needs(Right.REQUESTS)
def letter(request_id: int) -> ResponseReturnValue:
    """The scanned letter. It holds personal data, so that giving it out stands in the audit trail."""
    with changing(Right.REQUESTS) as session:
        found = _get(session, request_id)
        if found.letter_sealed is None:
            raise _unknown()
        given = Change("request.letter-given", "request", str(request_id))
        record(session, Who(the_visitor().name), [given], now=services().clock())
    content = services().sealer.unseal_bytes(found.letter_sealed, context=letter_context(found.uid))
    return a_file(content, f"request-{request_id}.pdf")


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of the timeline: what somebody did, or what the books and the directory show since when."""

    at: datetime
    what: str
    who: str = ""


def _timeline(events: Sequence[AuditEvent], rows: Sequence[RowFact]) -> list[Happening]:
    """What people did and what became true, in the order of time."""
    told = [Happening(event.at, deed(event.action), event.actor) for event in events]
    for row in rows:
        whose = row.address or row.name
        if row.applied_at and row.leaves_on:
            told.append(Happening(row.applied_at, gettext("%(name)s has left", name=row.name)))
        if row.applied_at and row.in_directory_since and row.leaves_on:
            shown = gettext("%(name)s: mailbox locked in the directory", name=whose)
            told.append(Happening(row.in_directory_since, shown))
        elif row.applied_at and row.in_directory_since:
            shown = gettext("%(name)s: in the directory", name=whose)
            told.append(Happening(row.in_directory_since, shown))
        if row.applied_at and row.wants_certificate and row.certificate_since:
            signed = gettext("%(name)s: certificate issued", name=whose)
            told.append(Happening(row.certificate_since, signed))
    return sorted(told, key=lambda each: each.at)


def _keep(request_id: int | None) -> ResponseReturnValue:
    """Keep what the form says as a draft with its plan, or show the form again with what is not right."""
    found = services()
    form = read_form()
    try:
        attach(form, by=the_visitor().name)
        if request.form.get("more") and len(form.rows) < MOST_ROWS:
            form.rows.append({})
            form.has_new_row = True
            return _form(form, request_id)
        agency = _agency(form.values["agency"])
        kept = write(
            found.database,
            letter_of(form),
            agency,
            found.rules,
            within=reach(Right.ASK),
            request_id=request_id,
            by=the_visitor().name,
            now=found.clock(),
        )
    except Invalid as error:
        form.problem, form.wrong = error.text, error.code.removeprefix("request-").replace("-", "_")
        return _form(form, request_id), 422
    detach(form, by=the_visitor().name)
    return redirect(url_for("requests.show", request_id=kept), 303)


def _agency(code: str) -> Agency:
    """The agency of this code, when the writer may ask for it. Raises `Invalid`."""
    with reading(Right.ASK) as session:
        found = session.get(Agency, id_of(session, code) or 0)
    if found is None:
        raise Invalid(
            Text(vi="Hãy chọn cơ quan trong danh sách.", en="Choose an agency of the list."),
            code="request-agency",
        )
    return found


def _form(form: Form, request_id: int | None = None) -> str:
    today = day_of(services().clock())
    with reading(Right.ASK) as session:
        wanted = select(Agency.code, Agency.name).order_by(Agency.path)
        if form.kind is not Kind.LEAVE:  # who is left in a closed agency can still leave it
            chosen = form.values.get("agency")  # a draft's stays: saving it must not move its rows elsewhere
            wanted = wanted.where(or_(Agency.until.is_(None), Agency.until >= today, Agency.code == chosen))
        rows = session.execute(wanted)
        agencies = [(row.code, f"{row.code}  {row.name}") for row in rows]
        letter_name = _get(session, request_id).letter_name if request_id is not None else None
    if form.kept and form.scan is not None:
        letter_name = form.scan[0]
    return render_template(
        "request-form.html",
        form=form,
        letter_name=letter_name,
        request_id=request_id,
        agencies=agencies,
        fields=FIELDS[form.kind],
        # Of people in post an empty box would not say whether they are no leaders or stay what they are.
        ticked=(Column.CERTIFICATE,) if form.kind is Kind.CHANGE else (Column.LEADER, Column.CERTIFICATE),
        columns=columns(),
        categories=[
            (spoken(term.name), spoken(term.name)) for term in services().reference.categories.values()
        ],
        kinds=request_kinds(),
        most=MOST_ROWS,
    )


def _get(session: Session, request_id: int) -> Request:
    found = session.get(Request, request_id)
    if found is None:
        raise _unknown()
    return found


def _unknown() -> NotFound:
    return NotFound(Text(vi="Không có đề nghị này.", en="There is no such request."), code="request-unknown")
