"""What people have to be told now: looked up in the books, again and again, and queued once.

Nothing else in the product has to remember to tell anybody: a decision, a plan that waits and an end that comes nearer
are rows, and this finds them. What was decided longer ago than `LATEST` is history and is not told any more.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import String, cast, exists, func, literal, select
from sqlalchemy.orm import Session, aliased

from provisioner.agencies.contacts import is_address
from provisioner.agencies.models import Agency
from provisioner.certificates import renewing
from provisioner.certificates.models import PlanState as RevocationState
from provisioner.certificates.models import RevocationItem, RevocationPlan
from provisioner.days import VIETNAM, day_of
from provisioner.db import Database
from provisioner.errors import Text
from provisioner.mail.handing_out import ending
from provisioner.notices.addressing import ReachedOperator, contacts, operators_reached
from provisioner.notices.models import Notice
from provisioner.notices.queueing import Matter, queue, told_at
from provisioner.notices.wording import WORDINGS, Reason
from provisioner.operators.models import LinkPurpose, OneTimeLink, Operator
from provisioner.operators.roles import Right
from provisioner.requests.facts import newly_done, note_done
from provisioner.requests.models import Request, State
from provisioner.rosters.models import PlanState, RosterPlan, RosterRow

LATEST = timedelta(days=30)
CODES_END_WITHIN = timedelta(days=7)

_REFUSED = RosterRow.refusal.is_not(None)


def note(database: Database, *, proposals_last: timedelta, now: datetime) -> int:
    """Queue a notice for everything that somebody has to be told and was not; how many.

    `proposals_last` is how long a proposal to revoke waits before it lapses, and there is nothing to be told of it.
    First it asks and then it writes what it found: on SQLite everybody waits for whoever has begun to write.
    """
    with database.reading() as session:
        done = newly_done(session)
    if done:
        with database.transaction() as session:
            note_done(session, done, now=now)
    with database.reading() as session:
        matters = _matters(session, proposals_last, now=now)
        notices = renewing.notices_due(session, now=now)
    matters[Reason.CERTIFICATE_ENDS] = _certificates_that_end(notices, now=now)
    if not any(matters.values()):
        return 0
    with database.transaction() as session:
        for notice in notices:
            renewing.mark_sent(session, notice.id, now=now)
        return sum(queue(session, reason, found, now=now) for reason, found in matters.items())


def unread(session: Session, *, proposals_last: timedelta, now: datetime) -> list[Text]:
    """What nobody is told, since whoever should be has neither a mailbox nor an address: the subjects of the letters."""
    lost = []
    for reason, matters in _matters(session, proposals_last, now=now).items():
        to_nobody = [one for one in matters if not any(map(is_address, one.recipients))]
        told = told_at(session, reason, [one.about for one in to_nobody])
        subject = WORDINGS[reason].subject
        lost += [
            Text(vi=subject.vi.format_map(one.told), en=subject.en.format_map(one.told))
            for one in to_nobody
            if one.about not in told
        ]
    return lost


def _matters(session: Session, proposals_last: timedelta, *, now: datetime) -> dict[Reason, list[Matter]]:
    """What there is to be told, also if it was told before, and to whom."""
    reached = operators_reached(session, now=now)
    return {
        Reason.REQUEST_WAITS: _requests_that_wait(session, reached),
        Reason.REQUEST_RETURNED: _requests_returned(session, reached, now=now),
        Reason.REQUEST_DONE: _requests_done(session, reached, now=now),
        Reason.ROSTER_WAITS: _rosters_that_wait(session, reached, now=now),
        Reason.REVOKING_WAITS: _revocations_that_wait(
            session, reached, since=now - min(LATEST, proposals_last)
        ),
        Reason.CODES_END: _codes_that_end(session, now=now),
        Reason.LINK_MADE: _links_made_by_others(session, reached, now=now),
    }


def _requests_that_wait(session: Session, reached: Sequence[ReachedOperator]) -> list[Matter]:
    """To all who may decide and have not written or sent it themselves."""
    rows = session.execute(
        select(Request, Agency)
        .join(Agency, Agency.id == Request.agency_id)
        .where(Request.state == State.SUBMITTED)
        .order_by(Request.id)
    )
    return [
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


def _requests_returned(
    session: Session, reached: Sequence[ReachedOperator], *, now: datetime
) -> list[Matter]:
    rows = session.execute(
        select(Request, Agency)
        .join(Agency, Agency.id == Request.agency_id)
        .where(Request.state == State.RETURNED, Request.decided_at > now - LATEST)
        .order_by(Request.id)
    ).all()
    return [
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


def _requests_done(session: Session, reached: Sequence[ReachedOperator], *, now: datetime) -> list[Matter]:
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
    return [
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


def _rosters_that_wait(
    session: Session, reached: Sequence[ReachedOperator], *, now: datetime
) -> list[Matter]:
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
    return [
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


def _revocations_that_wait(
    session: Session, reached: Sequence[ReachedOperator], *, since: datetime
) -> list[Matter]:
    rows = session.execute(
        select(RevocationPlan, func.count(RevocationItem.id))
        .join(RevocationItem, RevocationItem.plan_id == RevocationPlan.id)
        .where(RevocationPlan.state == RevocationState.PLANNED, RevocationPlan.planned_at > since)
        .group_by(RevocationPlan.id)
        .order_by(RevocationPlan.id)
    )
    return [
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


def _certificates_that_end(notices: Sequence[renewing.Notice], *, now: datetime) -> list[Matter]:
    """What `renewing` wrote down, to the owner and to the agency's contact."""
    return [
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


def _codes_that_end(session: Session, *, now: datetime) -> list[Matter]:
    """To the agency's contact, once a week: who has not used a code has no mailbox to read it in."""
    found = ending(session, within=CODES_END_WITHIN, now=now)
    whom = contacts(session, [one.agency_id for one in found])
    year, week, _ = day_of(now).isocalendar()
    return [
        Matter(
            f"agency:{one.agency_id}:codes:{year}-{week}",
            [whom[one.agency_id]] if one.agency_id in whom else [],
            {"agency": one.agency_name, "count": one.count, "end": _day(day_of(one.first))},
        )
        for one in found
    ]


def _links_made_by_others(
    session: Session, reached: Sequence[ReachedOperator], *, now: datetime
) -> list[Matter]:
    """To whose account it is: where there is no second factor, whoever makes a link for the password can come in by it."""
    addresses, maker = {one.name: one.address for one in reached}, aliased(Operator)
    rows = session.execute(
        select(Operator.id, Operator.name, maker.name.label("by"), OneTimeLink.made_at)
        .join(OneTimeLink, OneTimeLink.operator_id == Operator.id)
        .join(maker, maker.id == OneTimeLink.made_by_id)
        .where(OneTimeLink.purpose != LinkPurpose.SET_UP, OneTimeLink.made_at > now - LATEST)
        .order_by(OneTimeLink.id)
    )
    return [
        Matter(
            f"link:{row.id}:{_occasion(row.made_at)}",
            [addresses[row.name]],
            {"name": row.name, "by": row.by},
        )
        for row in rows
        if row.name in addresses
    ]


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
