"""Revoking many: one person proposes, a second one agrees, and so many go within an hour.

A mass revocation is a weapon in the wrong hands (reliability T30), so it has the shape of a roster: a
stored plan with a digest, approved by somebody else, carried out by a worker that can be killed. The cap
leaves time to stop what should not go on, and before each batch it is asked whether both still may.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import CursorResult, func, insert, select, update
from sqlalchemy.orm import Session

from ca.crl import Reason
from ca.profiles import Profile
from provisioner.audit import Change, Who, record
from provisioner.certificates.models import Certificate, PlanState, RevocationItem, RevocationPlan
from provisioner.certificates.revoking import HOUR, REASONS, revoke
from provisioner.db import Database, after_commit, table_of
from provisioner.errors import Conflict, Forbidden, Invalid, NotFound, Text
from provisioner.mailboxes.models import Mailbox
from provisioner.operators.roles import Right
from provisioner.operators.standing import Part, lost_standing
from provisioner.people.models import Post

CHUNK = 200
"""Revocations in one transaction."""


def plan(session: Session, wanted: Mapping[int, Reason], *, note: str, by: str, now: datetime) -> int:
    """Store what shall be revoked: certificate id to reason. The plan's id. Raises `Invalid`."""
    if not wanted or not note.strip() or not set(wanted.values()) <= set(REASONS):
        raise Invalid(
            Text(
                vi="Kế hoạch thu hồi cần ít nhất một chứng thư, lý do hợp lệ và căn cứ.",
                en="A plan of revocations needs a certificate at least, allowed reasons, and a note that says why.",
            ),
            code="plan-empty",
        )
    proposed = RevocationPlan(note=note.strip(), digest="", planned_by=by, planned_at=now)
    session.add(proposed)
    session.flush()  # its items need its id
    session.execute(
        insert(table_of(RevocationItem)),
        [
            {"plan_id": proposed.id, "certificate_id": certificate_id, "reason": reason.value}
            for certificate_id, reason in sorted(wanted.items())
        ],
    )
    proposed.digest = _digest(session, proposed)
    after = {"certificates": len(wanted), "digest": proposed.digest}
    record(
        session,
        Who(by),
        [Change("revocations.planned", "revocations", str(proposed.id), after=after)],
        now=now,
    )
    return proposed.id


def get_plan(session: Session, plan_id: int) -> RevocationPlan:
    """The plan with this number. Raises `NotFound`."""
    found = session.get(RevocationPlan, plan_id)
    if found is None:
        raise NotFound(
            Text(
                vi=f"Không có kế hoạch thu hồi số {plan_id}.",
                en=f"There is no plan of revocations {plan_id}.",
            ),
            code="plan-unknown",
        )
    return found


def has_lapsed(found: RevocationPlan, *, within: timedelta, now: datetime) -> bool:
    """Whether nobody decided of this plan for so long: what it says was true then, and is to be proposed anew."""
    return found.state is PlanState.PLANNED and found.planned_at + within <= now


def approve(
    session: Session, plan_id: int, *, digest: str, by: str, within: timedelta, now: datetime
) -> None:
    """Agree to exactly the plan with this digest, so long after it was proposed at most; it is carried out from now on.

    Raises `Forbidden` for whoever proposed it, `Conflict` for another digest or a plan that is not waiting any more.
    """
    found = get_plan(session, plan_id)
    if has_lapsed(found, within=within, now=now):
        raise Conflict(
            Text(
                vi=f"Đề nghị thu hồi {plan_id} đã quá {within.days} ngày không ai phê duyệt nên hết hiệu lực; những gì "
                "vẫn cần thu hồi thì hãy đề nghị lại.",
                en=f"Nobody approved the revocations {plan_id} within {within.days} days, so they have lapsed; propose "
                "again what still has to be revoked.",
            ),
            code="plan-lapsed",
        )
    if by == found.planned_by:
        raise Forbidden(
            Text(
                vi="Người lập kế hoạch thu hồi không được tự phê duyệt; cần một người khác.",
                en="Whoever proposed these revocations cannot agree to them; a second person must.",
            ),
            code="two-people",
        )
    if digest != found.digest or _digest(session, found) != found.digest:
        raise Conflict(
            Text(
                vi=f"Mã tóm lược không khớp với kế hoạch {plan_id}; hãy xem lại kế hoạch rồi phê duyệt.",
                en=f"The digest is not the one of plan {plan_id}; look at it again and approve what you saw.",
            ),
            code="digest-differs",
        )
    _decide(session, plan_id, state=PlanState.APPROVED, approved_by=by, approved_at=now)
    record(
        session,
        Who(by),
        [Change("revocations.approved", "revocations", str(plan_id), after={"digest": digest})],
        now=now,
    )
    after_commit(session, "revocations")


def refuse(session: Session, plan_id: int, *, reason: str, by: str, now: datetime) -> PlanState:
    """Say no to a plan that waits, for a reason; whoever proposed it withdraws it. What it became.

    Raises `Invalid` without a reason (1 to 500 characters), `Conflict` for a plan that is not waiting.
    """
    found = get_plan(session, plan_id)
    why = reason.strip()
    if not 1 <= len(why) <= 500:
        raise Invalid(
            Text(vi="Hãy ghi lý do, tối đa 500 ký tự.", en="Give a reason, 500 characters at most."),
            code="reason-missing",
        )
    state = PlanState.WITHDRAWN if by == found.planned_by else PlanState.REFUSED
    _decide(session, plan_id, state=state, stopped={"vi": why, "en": why, "by": by}, finished_at=now)
    action = "revocations.withdrawn" if state is PlanState.WITHDRAWN else "revocations.refused"
    record(session, Who(by), [Change(action, "revocations", str(plan_id), after={"reason": why})], now=now)
    return state


def _decide(session: Session, plan_id: int, **values: object) -> None:
    """Write what one person decided of a plan that waits. Raises `Conflict` when it does not, or not any more."""
    moved = session.execute(
        update(RevocationPlan)
        .where(RevocationPlan.id == plan_id, RevocationPlan.state == PlanState.PLANNED)
        .values(**values)
    )
    if not isinstance(moved, CursorResult) or moved.rowcount != 1:
        raise Conflict(
            Text(
                vi=f"Kế hoạch thu hồi {plan_id} không còn chờ phê duyệt.",
                en=f"The plan of revocations {plan_id} is not waiting for approval any more.",
            ),
            code="plan-state",
        )


def carry_out(
    database: Database, *, profiles: Mapping[str, Profile], per_hour: int, clock: Callable[[], datetime]
) -> int:
    """Revoke what the approved plans say, up to the cap; how many were revoked now. The rest is due later."""
    count = 0
    while (done := _some(database, profiles=profiles, per_hour=per_hour, now=clock())) is not None:
        count += done
    return count


def _some(database: Database, *, profiles: Mapping[str, Profile], per_hour: int, now: datetime) -> int | None:
    """One transaction's worth; None when nothing may be done now."""
    with database.transaction() as session:
        # The oldest plan goes first, and its lock makes two workers count one after the other.
        found = session.scalars(
            select(RevocationPlan)
            .where(
                RevocationPlan.state == PlanState.APPROVED,
                (RevocationPlan.due_at.is_(None)) | (RevocationPlan.due_at <= now),
            )
            .order_by(RevocationPlan.id)
            .limit(1)
            .with_for_update()
        ).one_or_none()
        if found is None:
            return None
        this_hour, oldest = session.execute(
            select(func.count(), func.min(RevocationItem.done_at)).where(
                RevocationItem.done_at > now - HOUR, RevocationItem.refusal.is_(None)
            )
        ).one()
        if this_hour >= per_hour and oldest is not None:
            found.due_at = oldest + HOUR
            return None
        items = session.scalars(
            select(RevocationItem)
            .where(RevocationItem.plan_id == found.id, RevocationItem.done_at.is_(None))
            .order_by(RevocationItem.id)
            .limit(min(CHUNK, per_hour - this_hour))
        ).all()
        parts = [Part(name, Right.REVOKE, _agencies(session, found)) for name in _people(found)]
        if (why := lost_standing(session, parts, now=now)) is not None:
            found.state, found.stopped, found.finished_at = PlanState.STOPPED, why, now
            change = Change("revocations.stopped", "revocations", str(found.id), after=why)
            record(session, _who(found), [change], now=now)
            return 0
        if not items:
            found.state, found.finished_at = PlanState.DONE, now
            record(session, _who(found), [Change("revocations.done", "revocations", str(found.id))], now=now)
            return 0
        refused = revoke(
            session,
            {item.certificate_id: Reason(item.reason) for item in items},
            who=_who(found),
            profiles=profiles,
            now=now,
        )
        for item in items:
            item.done_at = now
            if item.certificate_id in refused:
                item.refusal = refused[item.certificate_id].code
        return len(items) - len(refused)


def _who(found: RevocationPlan) -> Who:
    # Not the planner's own name: what two people agreed to does not count against what one may do alone.
    return Who(f"revocations:{found.id}", on_behalf_of=found.planned_by)


def _people(found: RevocationPlan) -> list[str]:
    return [name for name in (found.planned_by, found.approved_by) if name is not None]


def _agencies(session: Session, found: RevocationPlan) -> frozenset[int | None]:
    """Whose certificates the plan is about; who serves nowhere any more is the province's own matter (None)."""
    wanted = (
        select(func.coalesce(Mailbox.agency_id, Post.agency_id))
        .select_from(RevocationItem)
        .join(Certificate, Certificate.id == RevocationItem.certificate_id)
        .outerjoin(Mailbox, Mailbox.id == Certificate.mailbox_id)
        .outerjoin(Post, (Post.person_id == Mailbox.person_id) & Post.until.is_(None))
        .where(RevocationItem.plan_id == found.id)
        .distinct()
    )
    return frozenset(session.scalars(wanted))


def _digest(session: Session, found: RevocationPlan) -> str:
    items = session.execute(
        select(Certificate.serial, RevocationItem.certificate_id, RevocationItem.reason)
        .join(Certificate, Certificate.id == RevocationItem.certificate_id)
        .where(RevocationItem.plan_id == found.id)
        .order_by(RevocationItem.certificate_id)
    )
    told = {"note": found.note, "items": [list(item) for item in items]}
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()
