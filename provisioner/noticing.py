"""What people have to be told now: looked up in the books, again and again, and queued once.

Nothing else in the product has to remember to tell anybody: a decision, a plan that waits and an end that comes nearer
are rows, and this finds them. What was decided longer ago than `LATEST` is history and is not told any more.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import String, cast, exists, func, literal, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.certificates import renewing
from provisioner.certificates.models import PlanState as RevocationState
from provisioner.certificates.models import RevocationItem, RevocationPlan
from provisioner.days import VIETNAM, day_of
from provisioner.mail.codes import ending
from provisioner.notices.addressing import ReachedOperator, contacts, operators_reached
from provisioner.notices.models import Notice
from provisioner.notices.queueing import Matter, queue
from provisioner.notices.wording import Reason
from provisioner.operators.roles import Right
from provisioner.requests.facts import note_done
from provisioner.requests.models import Request, State
from provisioner.rosters.models import PlanState, RosterPlan, RosterRow

LATEST = timedelta(days=30)
CODES_END_WITHIN = timedelta(days=7)

_REFUSED = RosterRow.refusal.is_not(None)


def note(session: Session, *, now: datetime) -> int:
    """Queue a notice for everything that somebody has to be told and was not; how many."""
    reached = operators_reached(session, now=now)
    note_done(session, now=now)
    return sum(
        (
            _requests_that_wait(session, reached, now=now),
            _requests_returned(session, reached, now=now),
            _requests_done(session, reached, now=now),
            _rosters_that_wait(session, reached, now=now),
            _revocations_that_wait(session, reached, now=now),
            _certificates_that_end(session, now=now),
            _codes_that_end(session, now=now),
        )
    )


def _requests_that_wait(session: Session, reached: Sequence[ReachedOperator], *, now: datetime) -> int:
    """To all who may decide and have not written or sent it themselves."""
    rows = session.execute(
        select(Request, Agency)
        .join(Agency, Agency.id == Request.agency_id)
        .where(Request.state == State.SUBMITTED)
        .order_by(Request.id)
    )
    matters = [
        Matter(
            f"request:{request.id}:{_occasion(request.submitted_at)}",
            [
                one.address
                for one in reached
                if one.powers.reach(Right.APPROVE).holds(agency.path)
                and one.name not in (request.written_by, request.submitted_by)
            ],
            {
                "document": request.document_number,
                "agency": agency.name,
                "by": request.submitted_by or request.written_by,
                "due": _day(request.due_on),
            },
        )
        for request, agency in rows
    ]
    return queue(session, Reason.REQUEST_WAITS, matters, now=now)


def _requests_returned(session: Session, reached: Sequence[ReachedOperator], *, now: datetime) -> int:
    rows = session.execute(
        select(Request, Agency)
        .join(Agency, Agency.id == Request.agency_id)
        .where(Request.state == State.RETURNED, Request.decided_at > now - LATEST)
        .order_by(Request.id)
    ).all()
    matters = [
        Matter(
            f"request:{request.id}:{_occasion(request.decided_at)}",
            _askers(session, request, reached),
            {
                "document": request.document_number,
                "agency": agency.name,
                "by": request.decided_by or "",
                "why": request.reason or "",
            },
        )
        for request, agency in rows
    ]
    return queue(session, Reason.REQUEST_RETURNED, matters, now=now)


def _requests_done(session: Session, reached: Sequence[ReachedOperator], *, now: datetime) -> int:
    """Those whose every row stands in the books, the directory and, where asked for, a certificate, or was refused."""
    told = exists().where(
        Notice.reason == Reason.REQUEST_DONE, Notice.about == literal("request:") + cast(Request.id, String)
    )
    rows = session.execute(
        select(Request, Agency, func.count(RosterRow.id), func.count(RosterRow.id).filter(_REFUSED))
        .join(Agency, Agency.id == Request.agency_id)
        .join(RosterRow, RosterRow.plan_id == Request.plan_id)
        .where(Request.done_at.is_not(None), Request.decided_at > now - LATEST, ~told)
        .group_by(Request.id, Agency.id)
        .order_by(Request.id)
    ).all()
    matters = [
        Matter(
            f"request:{request.id}",
            _askers(session, request, reached),
            {
                "document": request.document_number,
                "agency": agency.name,
                "done": count - refused,
                "refused": refused,
            },
        )
        for request, agency, count, refused in rows
    ]
    return queue(session, Reason.REQUEST_DONE, matters, now=now)


def _rosters_that_wait(session: Session, reached: Sequence[ReachedOperator], *, now: datetime) -> int:
    """To all who may approve for the whole province, except who planned it."""
    plans = session.scalars(
        select(RosterPlan)
        .where(
            RosterPlan.state == PlanState.PLANNED,
            RosterPlan.planned_at > now - LATEST,
            RosterPlan.agency_id.is_(None),
        )
        .order_by(RosterPlan.id)
    )
    matters = [
        Matter(
            f"roster:{plan.id}",
            [
                one.address
                for one in reached
                if one.powers.reach(Right.APPROVE).everything and one.name != plan.planned_by
            ],
            {
                "file": plan.file_name,
                "by": plan.planned_by,
                "rows": plan.counts.get("create", 0) + plan.counts.get("change", 0),
            },
        )
        for plan in plans
    ]
    return queue(session, Reason.ROSTER_WAITS, matters, now=now)


def _revocations_that_wait(session: Session, reached: Sequence[ReachedOperator], *, now: datetime) -> int:
    rows = session.execute(
        select(RevocationPlan, func.count(RevocationItem.id))
        .join(RevocationItem, RevocationItem.plan_id == RevocationPlan.id)
        .where(RevocationPlan.state == RevocationState.PLANNED, RevocationPlan.planned_at > now - LATEST)
        .group_by(RevocationPlan.id)
        .order_by(RevocationPlan.id)
    )
    matters = [
        Matter(
            f"revocations:{plan.id}",
            [
                one.address
                for one in reached
                if one.powers.reach(Right.REVOKE).everything and one.name != plan.planned_by
            ],
            {"plan": plan.id, "by": plan.planned_by, "note": plan.note, "count": count},
        )
        for plan, count in rows
    ]
    return queue(session, Reason.REVOKING_WAITS, matters, now=now)


def _certificates_that_end(session: Session, *, now: datetime) -> int:
    """What `renewing` wrote down, to the owner and to the agency's contact."""
    notices = renewing.notices_due(session, now=now)
    matters = [
        Matter(
            f"certificate:{notice.expiring.certificate_id}:{notice.days}",
            [notice.expiring.address, *([notice.expiring.contact] if notice.expiring.contact else [])],
            {
                "address": notice.expiring.address,
                "serial": notice.expiring.serial,
                "days": (day_of(notice.expiring.not_after) - day_of(now)).days,
                "end": _day(day_of(notice.expiring.not_after)),
            },
        )
        for notice in notices
    ]
    count = queue(session, Reason.CERTIFICATE_ENDS, matters, now=now)
    for notice in notices:
        renewing.mark_sent(session, notice.id, now=now)
    return count


def _codes_that_end(session: Session, *, now: datetime) -> int:
    """To the agency's contact, once a week: who has not used a code has no mailbox to read it in."""
    found = ending(session, within=CODES_END_WITHIN, now=now)
    whom = contacts(session, [one.agency_id for one in found])
    year, week, _ = day_of(now).isocalendar()
    matters = [
        Matter(
            f"agency:{one.agency_id}:codes:{year}-{week}",
            [whom[one.agency_id]],
            {"agency": one.agency_name, "count": one.count, "end": _day(day_of(one.first))},
        )
        for one in found
        if one.agency_id in whom
    ]
    return queue(session, Reason.CODES_END, matters, now=now)


def _askers(session: Session, request: Request, reached: Iterable[ReachedOperator]) -> list[str]:
    """Who wrote and who sent the request; when neither has a mailbox, the agency's contact."""
    names = (request.written_by, request.submitted_by)
    found = [one.address for one in reached if one.name in names]
    return found or list(contacts(session, [request.agency_id]).values())


def _occasion(at: datetime | None) -> str:
    """Tells one sending or decision of a request from the next."""
    return "" if at is None else at.astimezone(VIETNAM).isoformat()


def _day(day: date | None) -> str:
    return "–" if day is None else f"{day:%d/%m/%Y}"
