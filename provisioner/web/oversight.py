"""Oversight: the audit trail, and which parts of the system are well."""

from collections.abc import Callable

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from provisioner.audit import AuditEvent
from provisioner.certificates.models import Issuer
from provisioner.certificates.revoked_authorities import revoked_authorities
from provisioner.errors import ProvisionerError
from provisioner.operators.roles import Right
from provisioner.tenancy import whole
from provisioner.web.answering import services
from provisioner.web.paging import page_of
from provisioner.web.policies import needs
from provisioner.web.speaking import gettext, spoken
from provisioner.web.visiting import reading
from provisioner.working import remaining

audit = Blueprint("audit", __name__, url_prefix="/audit")
system = Blueprint("system", __name__, url_prefix="/system")


@audit.get("", endpoint="index")
@needs(Right.AUDIT)
def index() -> ResponseReturnValue:
    """Who did what, newest first; of one actor, action or subject when the address asks."""
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


@system.get("", endpoint="show")
@needs(Right.HEALTH)
def show() -> ResponseReturnValue:
    """Each outside part as it answers now, what waits, and how long the revocation lists are good for."""
    found = services()
    parts = [
        (gettext("Directory"), _trouble(lambda: found.directory.read([found.dit.service("provisioner")]))),
        (gettext("Doorbell (Redis)"), _trouble(found.doorbell.version)),
    ]
    with reading(Right.HEALTH) as session:
        left = remaining(session, totals=True)
        issuers = session.scalars(select(Issuer).order_by(Issuer.id)).all()
        with whole(session):
            revoked = revoked_authorities(session)
    return render_template(
        "system.html", parts=parts, left=left, issuers=issuers, revoked=revoked, now=found.clock()
    )


def _trouble(ask: Callable[[], object]) -> str | None:
    """What stands in the way of an answer, in words; None when there is one."""
    try:
        ask()
    except ProvisionerError as error:
        return spoken(error.text)
    return None
