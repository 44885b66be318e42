"""The audit trail: who did what."""

from datetime import timedelta

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from provisioner.audit import AuditEvent
from provisioner.days import end_of
from provisioner.operators.roles import Right
from provisioner.vietnamese import collation_key
from provisioner.web.paging import page_of
from provisioner.web.policies import needs
from provisioner.web.recorded import in_words
from provisioner.web.speaking import read_day
from provisioner.web.trail_words import deeds, in_full
from provisioner.web.visiting import reading

pages = Blueprint("audit", __name__, url_prefix="/audit")


@pages.get("")
@needs(Right.AUDIT)
def index() -> ResponseReturnValue:
    """Newest first; of one actor, action, subject or some days when the address asks."""
    asked = {
        name: request.args.get(name, "").strip().replace("\x00", "")[:320]
        for name in ("actor", "action", "subject", "from", "until")
    }
    wanted = select(AuditEvent).order_by(AuditEvent.id.desc())
    if asked["actor"]:
        wanted = wanted.where(AuditEvent.actor == asked["actor"])
    if asked["action"]:
        wanted = wanted.where(AuditEvent.action == asked["action"])
    if asked["subject"]:
        wanted = wanted.where(AuditEvent.subject_id == asked["subject"])
    if first := read_day(asked["from"]):
        wanted = wanted.where(AuditEvent.at >= end_of(first - timedelta(days=1)))
    if last := read_day(asked["until"]):
        wanted = wanted.where(AuditEvent.at < end_of(last))
    with reading(Right.AUDIT) as session:
        page = page_of(session, wanted)
        events = in_words(session, [event for (event,) in page.rows])
    actions = sorted(((action, in_full(action)) for action in deeds()), key=lambda one: collation_key(one[1]))
    return render_template("audit.html", page=page, events=events, asked=asked, actions=actions)
