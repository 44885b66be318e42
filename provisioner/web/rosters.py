"""Rosters: upload, check, approval by another person, progress, and the same file back."""

from operator import itemgetter
from pathlib import PurePath
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from provisioner.days import day_of
from provisioner.errors import Invalid, Text
from provisioner.operators.roles import Right
from provisioner.requests.models import Request
from provisioner.rosters import approving
from provisioner.rosters.examples import agencies_to_list, example_roster
from provisioner.rosters.models import Outcome, PlanState, RosterPlan, RosterRow
from provisioner.rosters.planning import Upload
from provisioner.rosters.receiving import receive
from provisioner.web.answering import a_file, services
from provisioner.web.paging import page_of
from provisioner.web.planned_rows import in_words
from provisioner.web.policies import needs
from provisioner.web.rosters_results import is_large
from provisioner.web.telling import back_to
from provisioner.web.visiting import changing, reach, reading, the_visitor
from provisioner.web.wording import columns, headers, outcomes, plan_states

pages = Blueprint("rosters", __name__, url_prefix="/rosters")

GRAVE = 100
"""Rows from which on an approval asks for a fresh proof of who approves."""

STANDING_OUT = "standing-out"
"""Among the outcomes that rows can be picked by: those of `RosterRow.stands_out`."""

ENCODINGS = ("utf-8", "utf-16", "windows-1258", "tcvn3", "vni")


def _first_of(outcome: Outcome) -> Select[int, list[Any]]:
    return (
        select(RosterRow.number, RosterRow.problems)
        .where(RosterRow.plan_id == bindparam("plan_id"), RosterRow.outcome == outcome)
        .order_by(RosterRow.number)
        .limit(10)
    )


_FIRST_PROBLEMS = [_first_of(Outcome.REFUSED), _first_of(Outcome.CONFLICT)]
"""Numbers and problems of the first rows that are not carried out; each kind by the index of its own."""


@pages.get("")
@needs(Right.ROSTERS)
def index() -> ResponseReturnValue:
    """Rosters, newest first. What stands behind a request is shown there."""
    wanted = (
        select(RosterPlan)
        .where(RosterPlan.state != PlanState.DRAFT, RosterPlan.agency_id.is_(None))
        .order_by(RosterPlan.id.desc())
    )
    with reading(Right.ROSTERS) as session:
        page = page_of(session, wanted)
    return render_template("rosters.html", page=page, states=plan_states(), encodings=ENCODINGS, problem=None)


@pages.post("")
@needs(Right.PLAN)
def take_in() -> ResponseReturnValue:
    """Take the file in; a worker reads and plans it, and its page shows how far that has come."""
    found, sent = services(), request.files.get("file")
    encoding = request.form.get("encoding") or None
    if sent is None or not sent.filename:
        raise Invalid(
            Text(vi="Hãy chọn một tệp CSV hoặc XLSX.", en="Choose a CSV or XLSX file."), code="no-file"
        )
    if encoding not in (None, *ENCODINGS):
        raise Invalid(Text(vi="Không có bảng mã này.", en="There is no such encoding."), code="encoding")
    upload = Upload(
        name=PurePath(sent.filename.replace("\\", "/")).name[:255],
        content=sent.read(),
        encoding=encoding,
        by=the_visitor().name,
    )
    with changing(Right.PLAN) as session:
        plan_id = receive(session, upload, sealer=found.sealer, now=found.clock())
    return redirect(url_for("rosters.show", plan_id=plan_id), 303)


@pages.get("/template.xlsx")
@needs(Right.PLAN)
def template() -> ResponseReturnValue:
    """The example file to type over, with the codes of the agencies that the reader may load for."""
    with reading(Right.PLAN) as session:
        agencies = agencies_to_list(session, today=day_of(services().clock()))
    return a_file(example_roster(agencies, services().quotas), "danh-sach-mau.xlsx")


@pages.get("/<int:plan_id>")
@needs(Right.ROSTERS)
def show(plan_id: int) -> ResponseReturnValue:
    """What was understood, what each row will do or did, and how far it has come; only the last to a page that asks again."""
    shown = request.args.get("outcome", "")
    rows = select(RosterRow).where(RosterRow.plan_id == plan_id).order_by(RosterRow.number)
    if shown in set(Outcome):
        rows = rows.where(RosterRow.outcome == Outcome(shown))
    elif shown == STANDING_OUT:
        rows = rows.where(RosterRow.stands_out)
    with reading(Right.ROSTERS) as session:
        found = approving.get_plan(session, plan_id)
        if found.state in (PlanState.READING, PlanState.REFUSED):
            return _being_read(found)
        moved = _progress(session, found)
        if "X-Part" in request.headers:
            return render_template("roster-progress.html", found=found, states=plan_states(), **moved)
        total = {**dict.fromkeys(Outcome, 0), **found.counts, STANDING_OUT: found.standing_out}
        page = page_of(session, rows, total=total.get(shown, sum(found.counts.values())))
        planned = in_words(session, [row for (row,) in page.rows])
        problems = [row for first in _FIRST_PROBLEMS for row in session.execute(first, {"plan_id": plan_id})]
        of_a_request = session.scalar(select(Request.id).where(Request.plan_id == plan_id))
    return render_template(
        "roster.html",
        found=found,
        page=page,
        planned=planned,
        shown=shown,
        outcomes=outcomes(),
        columns=columns(),
        headers=headers(found.understood["columns"]),
        first_problems=sorted(problems, key=itemgetter(0))[:10],
        states=plan_states(),
        waits=found.state is PlanState.PLANNED and of_a_request is None and moved["done"]["work"] > 0,
        mine=found.planned_by == the_visitor().name,
        approves=reach(Right.APPROVE).everything,
        of_a_request=of_a_request,
        above=1 if of_a_request else 0,  # the header, which the form of a request does not have
        large=is_large(found),
        **moved,
    )


@pages.post("/<int:plan_id>/approve")
@needs(Right.APPROVE)
def approve(plan_id: int) -> ResponseReturnValue:
    """Approve exactly the plan that was seen, and set it going."""
    me, now = the_visitor(), services().clock()
    with changing(Right.APPROVE) as session:
        if _work(session, plan_id) > GRAVE and not me.proved_lately(now):
            return redirect(url_for("signing_in.again", next=url_for("rosters.show", plan_id=plan_id)), 303)
        approving.approve(session, plan_id, digest=request.form.get("digest", ""), by=me.name, now=now)
        approving.start(session, plan_id, by=me.name, now=now)
    return back_to(url_for("rosters.show", plan_id=plan_id), "roster-approved")


def _progress(session: Session, found: RosterPlan) -> dict[str, Any]:
    """How far a roster is, how quickly it goes, and whether it still moves."""
    done = services().watched.progress(session, found)
    left = services().watched.remaining(session, found)
    seconds = (services().clock() - found.started_at).total_seconds() if found.started_at else 0.0
    applied = done["applied"] + done["refused_since"]
    speed = applied / seconds if seconds > 1 and found.state is PlanState.APPLYING else 0.0
    return {
        "done": done,
        "applied": applied,
        "left": left,
        "speed": round(speed),
        "seconds_left": round((done["work"] - applied) / speed) if speed else None,
        "moving": found.state in (PlanState.APPROVED, PlanState.APPLYING)
        or (found.state is PlanState.APPLIED and bool(left.entries or left.certificates)),
    }


def _being_read(found: RosterPlan) -> str:
    """A file that is still read and judged, or that is no roster at all."""
    judged, rows = sum(found.counts.values()), found.understood.get("row_count", 0)
    seconds = (services().clock() - found.planned_at).total_seconds()
    speed = judged / seconds if judged and seconds > 1 else 0.0
    return render_template(
        "roster-reading.html",
        found=found,
        judged=judged,
        rows=rows,
        speed=round(speed),
        seconds_left=round((rows - judged) / speed) if speed else None,
        moving=found.state is PlanState.READING,
    )


def _work(session: Session, plan_id: int) -> int:
    work = (RosterRow.plan_id == plan_id) & RosterRow.outcome.in_((Outcome.CREATE, Outcome.CHANGE))
    return session.scalar(select(func.count()).select_from(RosterRow).where(work)) or 0
