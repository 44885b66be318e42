"""The audit trail: who did what."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from provisioner.audit import AuditEvent
from provisioner.operators.roles import Right
from provisioner.web.paging import page_of
from provisioner.web.policies import needs
from provisioner.web.visiting import reading

pages = Blueprint("audit", __name__, url_prefix="/audit")


@pages.get("")
@needs(Right.AUDIT)
def index() -> ResponseReturnValue:
    """Newest first; of one actor, action or subject when the address asks."""
    asked = {
        name: request.args.get(name, "").strip().replace("\x00", "")[:320]
        for name in ("actor", "action", "subject")
    }
    wanted = select(AuditEvent).order_by(AuditEvent.id.desc())
    if asked["actor"]:
        wanted = wanted.where(AuditEvent.actor == asked["actor"])
    if asked["action"]:
        wanted = wanted.where(AuditEvent.action == asked["action"])
    if asked["subject"]:
        wanted = wanted.where(AuditEvent.subject_id == asked["subject"])
    with reading(Right.AUDIT) as session:
        page = page_of(session, wanted)
    return render_template("audit.html", page=page, asked=asked)
