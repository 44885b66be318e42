"""Revocations: one person proposes them, another agrees to exactly that list, and both prove who they are first."""

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from ca.crl import Reason
from provisioner.certificates import revoking_many
from provisioner.certificates.models import Certificate, PlanState, RevocationItem, RevocationPlan
from provisioner.certificates.revoking import REASONS
from provisioner.errors import Invalid, NotFound, Text
from provisioner.mailboxes.models import Address
from provisioner.operators.roles import Right
from provisioner.web.answering import services
from provisioner.web.mailboxes import MOST
from provisioner.web.paging import page_of
from provisioner.web.policies import needs
from provisioner.web.telling import back_to
from provisioner.web.visiting import changing, reading, the_visitor
from provisioner.web.wording import revocation_reasons, revocation_refusals, revocation_state

pages = Blueprint("revocations", __name__, url_prefix="/revocations")


@pages.get("")
@needs(Right.REVOKE)
def index() -> ResponseReturnValue:
    """Proposals whose certificates are all within reach, those that wait first."""
    items = select(func.count()).where(RevocationItem.plan_id == RevocationPlan.id)
    refused = items.where(RevocationItem.refusal.is_not(None))
    wanted = select(RevocationPlan, items.scalar_subquery(), refused.scalar_subquery()).order_by(
        ~waiting(), RevocationPlan.id.desc()
    )
    with reading(Right.REVOKE) as session:
        page = page_of(session, wanted)
    return render_template("revocations.html", page=page, revocation_state=revocation_state)


def waiting() -> ColumnElement[bool]:
    """Whether somebody has yet to agree to a proposal, and it has not lapsed."""
    lapsed_by = services().clock() - services().proposals_last
    return and_(RevocationPlan.state == PlanState.PLANNED, RevocationPlan.planned_at > lapsed_by)


@pages.post("")
@needs(Right.REVOKE, fresh=True)
def propose() -> ResponseReturnValue:
    """Propose to revoke the chosen certificates, all for one reason, with a note for whoever agrees."""
    chosen = [int(i) for i in request.form.getlist("chosen") if i.isascii() and i.isdigit() and len(i) < 10]
    reason = request.form.get("reason", "")
    if reason not in {each.value for each in REASONS}:
        raise Invalid(
            Text(vi="Hãy chọn lý do thu hồi.", en="Choose why they are to be revoked."), code="reason-missing"
        )
    with changing(Right.REVOKE) as session:
        live = session.scalars(
            select(Certificate.id).where(
                Certificate.id.in_(chosen[:MOST]),
                Certificate.der.is_not(None),
                Certificate.revoked_at.is_(None),
            )
        ).all()
        plan_id = revoking_many.plan(
            session,
            dict.fromkeys(live, Reason(reason)),
            note=request.form.get("note", "")[:500],
            by=the_visitor().name,
            now=services().clock(),
        )
    return back_to(url_for("revocations.show", revocation_id=plan_id), "revocation-proposed")


@pages.get("/<int:revocation_id>")
@needs(Right.REVOKE)
def show(revocation_id: int) -> ResponseReturnValue:
    """One proposal: why, which certificates for which reason, and what became of each."""
    with reading(Right.REVOKE) as session:
        found = _get(session, revocation_id)
        rows = session.execute(
            select(RevocationItem, Certificate, Address.address)
            .join(Certificate, Certificate.id == RevocationItem.certificate_id)
            .outerjoin(Address, (Address.mailbox_id == Certificate.mailbox_id) & Address.is_primary)
            .where(RevocationItem.plan_id == revocation_id)
            .order_by(RevocationItem.id)
        ).all()
    lapsed = revoking_many.has_lapsed(found, within=services().proposals_last, now=services().clock())
    return render_template(
        "revocation.html",
        found=found,
        rows=rows,
        state=revocation_state(found, all_refused=all(item.refusal for item, *_ in rows)),
        reason_names=revocation_reasons(),
        refusals=revocation_refusals(),
        only_holds={item.reason for item, *_ in rows} == {Reason.certificate_hold.value},
        waits=found.state is PlanState.PLANNED and not lapsed,
        lapsed=services().proposals_last.days if lapsed else None,
        mine=found.planned_by == the_visitor().name,
    )


@pages.post("/<int:revocation_id>/approve")
@needs(Right.REVOKE, fresh=True)
def approve(revocation_id: int) -> ResponseReturnValue:
    """Agree to exactly the list that was seen; it is carried out from now on, as many as the hour allows."""
    with changing(Right.REVOKE) as session:
        _get(session, revocation_id)
        revoking_many.approve(
            session,
            revocation_id,
            digest=request.form.get("digest", ""),
            by=the_visitor().name,
            within=services().proposals_last,
            now=services().clock(),
        )
    return back_to(url_for("revocations.show", revocation_id=revocation_id), "revocation-approved")


@pages.post("/<int:revocation_id>/refuse")
@needs(Right.REVOKE)
def refuse(revocation_id: int) -> ResponseReturnValue:
    """Say no to a proposal, for a reason; one's own is withdrawn."""
    with changing(Right.REVOKE) as session:
        _get(session, revocation_id)
        revoking_many.refuse(
            session,
            revocation_id,
            reason=request.form.get("reason", ""),
            by=the_visitor().name,
            now=services().clock(),
        )
    return back_to(url_for("revocations.show", revocation_id=revocation_id), "revocation-refused")


def _get(session: Session, plan_id: int) -> RevocationPlan:
    """The proposal, when every certificate of it lies within reach. Raises `NotFound`."""
    found = session.get(RevocationPlan, plan_id)
    if found is None:
        raise NotFound(
            Text(vi="Không có đề nghị thu hồi này.", en="There is no such proposal."),
            code="revocations-unknown",
        )
    return found
