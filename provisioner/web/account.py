"""My account: one's own roles, sessions, and the two factors, each replaced with the other one proved."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from provisioner.agencies.models import Agency
from provisioner.errors import Invalid, NotFound, Text
from provisioner.operators import administering, sessions
from provisioner.operators.models import Grant, LinkPurpose, Operator
from provisioner.operators.second_factor import needs_code
from provisioner.web.answering import services
from provisioner.web.policies import signed_in
from provisioner.web.telling import back_to
from provisioner.web.visiting import the_visitor
from provisioner.web.wording import role_names, ways_in

pages = Blueprint("account", __name__, url_prefix="/account")


@pages.get("")
@signed_in()
def show() -> ResponseReturnValue:
    """What the books have of whoever is signed in, and nothing of anybody else."""
    me, now = the_visitor(), services().clock()
    with services().database.reading() as session:
        operator = session.get_one(Operator, me.operator_id)
        return render_template(
            "account.html",
            operator=operator,
            grants=session.execute(
                select(Grant, Agency.name)
                .outerjoin(Agency, Agency.id == Grant.agency_id)
                .where(Grant.operator_id == operator.id)
                .order_by(Grant.id)
            ).all(),
            names=role_names(),
            now=now,
            code_needed=needs_code(session, operator, now=now),
            own=sessions.own(session, me, now=now),
            here=me.session_id,
            ways_in=ways_in(),
        )


@pages.post("/renew")
@signed_in(fresh=True)
def renew() -> ResponseReturnValue:
    """On to a page that replaces the password or the second factor."""
    wanted = request.form.get("what", "")
    if wanted not in (LinkPurpose.PASSWORD, LinkPurpose.SECOND_FACTOR):
        raise Invalid(Text(vi="Hãy chọn điều cần thay.", en="Choose what to replace."), code="factor-unknown")
    found = services()
    with found.database.transaction() as session:
        operator = session.get_one(Operator, the_visitor().operator_id)
        token = administering.renew_own(
            session, operator, LinkPurpose(wanted), sealer=found.sealer, now=found.clock()
        )
    return redirect(url_for("links.show", token=token.reveal()), 303)


@pages.post("/sessions/<int:session_id>/end")
@signed_in()
def end_one(session_id: int) -> ResponseReturnValue:
    """End one of one's own sessions. Raises `NotFound` for anybody else's."""
    with services().database.transaction() as session:
        if not sessions.end_own(session, the_visitor(), session_id):
            raise NotFound(
                Text(vi="Không có phiên này.", en="There is no such session."), code="session-unknown"
            )
    return back_to(url_for("account.show"), "session-ended")


@pages.post("/sessions/end")
@signed_in()
def end_others() -> ResponseReturnValue:
    """Sign out everywhere but here."""
    with services().database.transaction() as session:
        sessions.end_others(session, the_visitor())
    return back_to(url_for("account.show"), "sessions-ended")
