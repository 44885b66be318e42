"""The result of a roster as a file: a small one at once, a large one written by a worker while its page waits."""

import tempfile
from pathlib import Path

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from provisioner.errors import Invalid, Text
from provisioner.operators.roles import Right
from provisioner.rosters import results_asked
from provisioner.rosters.models import RosterPlan
from provisioner.rosters.results import planned_plan, write_plan_result
from provisioner.web.answering import a_file, services
from provisioner.web.policies import needs
from provisioner.web.speaking import language
from provisioner.web.telling import back_to
from provisioner.web.visiting import changing, reading, the_visitor

pages = Blueprint("rosters_results", __name__, url_prefix="/rosters")

DIRECT = 5_000
"""Rows that are written while the browser waits: a second or two."""

ENDINGS = ("xlsx", "csv")


def is_large(plan: RosterPlan) -> bool:
    """Whether the result takes too long to be written within a request."""
    return sum(plan.counts.values()) > DIRECT


@pages.get("/<int:plan_id>/result")
@needs(Right.RESULTS)
def show(plan_id: int) -> ResponseReturnValue:
    """What the reader has had written, how far it is, and how long it is kept."""
    found = services()
    with reading(Right.RESULTS) as session:
        plan = planned_plan(session, plan_id)
        asked = results_asked.asked(session, plan_id, by=the_visitor().name, now=found.clock())
    return render_template(
        "roster-results.html",
        plan=plan,
        rows=sum(plan.counts.values()),
        asked=asked,
        endings=ENDINGS,
        large=is_large(plan),
        kept=results_asked.KEPT,
        moving=any(one.made_at is None and one.trouble is None for one in asked.values()),
    )


@pages.post("/<int:plan_id>/result")
@needs(Right.RESULTS)
def order(plan_id: int) -> ResponseReturnValue:
    """Have it written; a worker does."""
    ending = request.form.get("ending", "")
    if ending not in ENDINGS:
        raise Invalid(
            Text(vi="Chỉ có XLSX và CSV.", en="There are XLSX and CSV only."), code="ending-unknown"
        )
    with changing(Right.RESULTS) as session:
        results_asked.ask(
            session,
            plan_id,
            ending=ending,
            language=language(),
            by=the_visitor().name,
            now=services().clock(),
        )
    return back_to(url_for("rosters_results.show", plan_id=plan_id), "result-asked")


@pages.get("/<int:plan_id>/result.<any(xlsx, csv):ending>")
@needs(Right.RESULTS, fresh=True)
def download(plan_id: int, ending: str) -> ResponseReturnValue:
    """The same rows with status, address and reasons. Identity numbers stand in it as they came."""
    found, me, now = services(), the_visitor().name, services().clock()
    with reading(Right.RESULTS) as session:
        plan = planned_plan(session, plan_id)
    name = f"roster-{plan_id}.{ending}"
    if is_large(plan):
        with changing(Right.RESULTS) as session:
            content = results_asked.give(session, plan_id, ending=ending, sealer=found.sealer, by=me, now=now)
        return a_file(content, name)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / name
        write_plan_result(
            found.database, plan_id, out, sealer=found.sealer, language=language(), by=me, now=now
        )
        return a_file(out.read_bytes(), name)
