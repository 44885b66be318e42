"""Sending a request, and saying yes or no to it: two people see every request before it becomes real."""

from datetime import datetime

from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.days import Calendar, day_of
from provisioner.errors import Conflict, Forbidden, Invalid, NotFound, Text
from provisioner.requests.models import Request, State
from provisioner.requests.writing import discard_plan, plan_outcomes
from provisioner.rosters import approving
from provisioner.rosters.models import Outcome


def submit(
    session: Session,
    request: Request,
    *,
    digest: str,
    by: str,
    within: int,
    calendar: Calendar,
    now: datetime,
) -> None:
    """Send a draft with exactly the rows of this digest for approval; from now on the deadline of working days runs.

    Raises `Conflict` when it was sent already or was changed since, `Invalid` while rows cannot be carried out
    or none would change anything.
    """
    _is(session, request, State.DRAFT)
    plan_id = _plan_of(request)
    outcomes = plan_outcomes(session, plan_id)
    if outcomes & {Outcome.REFUSED, Outcome.CONFLICT}:
        raise Invalid(
            Text(
                vi="Còn dòng chưa thực hiện được; hãy sửa các dòng có lỗi rồi gửi lại.",
                en="Some rows cannot be carried out; correct what is marked and send it again.",
            ),
            code="request-rows-stopped",
        )
    if not any(outcome.is_work for outcome in outcomes):
        raise Invalid(
            Text(
                vi="Mọi dòng đều đúng như trong sổ, không có gì để phê duyệt; hãy sửa hoặc bỏ đề nghị này.",
                en="The books say all of this already, so there is nothing to approve; change the request or leave it.",
            ),
            code="request-changes-nothing",
        )
    if digest != approving.get_plan(session, plan_id).digest:
        raise Conflict(
            Text(
                vi="Đề nghị đã được sửa từ khi trang này mở ra; hãy xem lại rồi gửi.",
                en="The request was changed since this page was opened; look at it again, then send it.",
            ),
            code="digest-differs",
        )
    request.state, request.submitted_by, request.submitted_at = State.SUBMITTED, by, now
    request.due_on, request.reason = calendar.due(day_of(now), days=within), None
    _told(session, "request.submitted", request, by, now=now)


def approve(session: Session, request: Request, *, digest: str, by: str, now: datetime) -> None:
    """Say yes to exactly the rows with this digest, and set them going.

    Raises `Forbidden` for whoever wrote or sent it, `Conflict` when it is not waiting or was changed.
    """
    _is(session, request, State.SUBMITTED)
    _by_another(request, by)
    plan_id = _plan_of(request)
    approving.approve(session, plan_id, digest=digest, by=by, now=now, with_letter=True)
    approving.start(session, plan_id, by=by, now=now)
    request.state, request.decided_by, request.decided_at = State.APPROVED, by, now
    _told(session, "request.approved", request, by, now=now)


def send_back(session: Session, request: Request, *, reason: str, by: str, now: datetime) -> None:
    """Return it with a reason; its plan goes, and another is made when it is written again."""
    _is(session, request, State.SUBMITTED)
    _by_another(request, by)
    if not 1 <= len(reason.strip()) <= 500:
        raise Invalid(
            Text(vi="Hãy ghi lý do trả lại, tối đa 500 ký tự.", en="Give a reason, 500 characters at most."),
            code="request-reason",
        )
    plan_id, request.plan_id = request.plan_id, None
    request.state, request.decided_by, request.decided_at = State.RETURNED, by, now
    request.reason = reason.strip()
    session.flush()  # the plan goes only when nothing names it any more
    if plan_id is not None:
        discard_plan(session, plan_id)
    _told(session, "request.returned", request, by, now=now)


def _plan_of(request: Request) -> int:
    if request.plan_id is None:
        raise NotFound(
            Text(vi="Đề nghị không có kế hoạch.", en="The request has no plan."), code="plan-unknown"
        )
    return request.plan_id


def _is(session: Session, request: Request, state: State) -> None:
    """Read under a lock, so that of two who decide at once the second sees what the first did. Raises `Conflict`."""
    session.refresh(request, with_for_update=True)
    if request.state is not state:
        raise Conflict(
            Text(
                vi="Đề nghị không còn ở trạng thái cho phép việc này; hãy tải lại trang.",
                en="The request is not in a state that allows this any more; load the page again.",
            ),
            code="request-state",
        )


def _by_another(request: Request, by: str) -> None:
    if by in (request.written_by, request.submitted_by):
        raise Forbidden(
            Text(
                vi="Người lập hoặc gửi đề nghị không được quyết định đề nghị đó; cần một người khác.",
                en="Whoever wrote or sent a request does not decide on it; a second person must.",
            ),
            code="two-people",
        )


def _told(session: Session, action: str, request: Request, by: str, *, now: datetime) -> None:
    told = {"document": request.document_number, "reason": request.reason}
    record(session, Who(by), [Change(action, "request", str(request.id), after=told)], now=now)
