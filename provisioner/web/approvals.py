"""Approvals: what waits for a second person, and what is late."""

from collections.abc import Sequence

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from provisioner.agencies.models import Agency
from provisioner.certificates.models import RevocationPlan
from provisioner.days import day_of
from provisioner.operators.roles import Right
from provisioner.requests.facts import overdue
from provisioner.requests.models import Request, State
from provisioner.rosters.models import PlanState, RosterPlan
from provisioner.web.answering import services
from provisioner.web.policies import needs
from provisioner.web.revocations import waiting
from provisioner.web.visiting import reach, reading
from provisioner.web.wording import outcomes, request_kinds, request_states

pages = Blueprint("approvals", __name__, url_prefix="/approvals")


@pages.get("")
@needs(Right.APPROVE)
def index() -> ResponseReturnValue:
    """Requests by their deadline, rosters by their age (of the whole province, for whom they are), and what is late."""
    today = day_of(services().clock())
    with reading(Right.APPROVE) as session:
        requests = session.execute(
            select(Request, Agency.name)
            .join(Agency, Agency.id == Request.agency_id)
            .where(Request.state == State.SUBMITTED)
            .order_by(Request.due_on, Request.id)
            .limit(200)
        ).all()
        late = overdue(session, today=today, limit=200)
        names = dict(
            session.execute(
                select(Agency.id, Agency.name).where(Agency.id.in_({one.agency_id for one in late}))
            ).all()
        )
        rosters = session.scalars(
            select(RosterPlan)
            .where(RosterPlan.state == PlanState.PLANNED, RosterPlan.agency_id.is_(None))
            .order_by(RosterPlan.id)
            .limit(200)
        ).all()
    return render_template(
        "approvals.html",
        proposals=_proposals(),
        requests=requests,
        rosters=rosters,
        kinds=request_kinds(),
        outcomes=outcomes(),
        late=[(one, names[one.agency_id]) for one in late],
        states=request_states(),
        today=today,
    )


def _proposals() -> Sequence[RevocationPlan]:
    """Revocations that wait, for whoever may agree to one."""
    if not reach(Right.REVOKE):
        return ()
    wanted = select(RevocationPlan).where(waiting()).order_by(RevocationPlan.id).limit(200)
    with reading(Right.REVOKE) as session:
        return session.scalars(wanted).all()
