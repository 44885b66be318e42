"""How the life of another authority's certificate goes on, day by day (Decree 68/2024 and its forms).

Issued, delivered to the agency, handed over (form 07), waiting for a change, a renewal or a recovery,
revoked or expired; then the device goes back within some working days (form 08) or is lost (form 09).
Every step is a day and a line in the audit trail; the state is read from the days.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.certificates.foreign import get
from provisioner.certificates.models import ForeignCertificate
from provisioner.days import Calendar, day_of
from provisioner.errors import Conflict, Text

_CARRIED: Final = ("token", "sim", "hsm")
"""Devices that somebody has in their hands; a central signature leaves nothing to return."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """What a province sets, with the calendar of its working days."""

    calendar: Calendar
    renewal_left: timedelta
    """What a certificate needs to have left when its renewal is asked for."""
    settled_within: Mapping[str, int]
    """Working days for a change, a renewal and a recovery that was asked for."""
    return_within: int
    """Working days until the device of one that has ended is back."""


class Ending(StrEnum):
    """Why a certificate was revoked, in the cases of Decree 68/2024 art. 17."""

    KEY = "key"
    """The key may be known to others, or the device is broken or lost: the subscriber asks for it."""
    POSITION = "position"
    """A new post that the certificate does not fit."""
    LEFT = "left"
    """Retired, resigned, died."""
    DISSOLVED = "dissolved"
    """The body was dissolved, split or merged."""
    AGENCY = "agency"
    """The managing agency asks for it."""
    PROSECUTION = "prosecution"
    """The police or the procuracy ask for it."""


class Step(StrEnum):
    """What may happen to a certificate after it was issued."""

    DELIVERED = "delivered"
    HANDED_OVER = "handed-over"
    CHANGE_ASKED = "change-asked"
    RENEWAL_ASKED = "renewal-asked"
    LOCKED = "locked"
    SETTLED = "settled"
    """The change, renewal or recovery that was asked for is done, or was refused."""
    REVOKED = "revoked"
    RETURNED = "returned"
    LOST = "lost"


_WAITS: Final = {Step.CHANGE_ASKED: "change", Step.RENEWAL_ASKED: "renewal", Step.LOCKED: "recovery"}
_DAYS: Final = {
    Step.DELIVERED: "delivered_on",
    Step.HANDED_OVER: "handed_over_on",
    Step.REVOKED: "revoked_on",
    Step.RETURNED: "device_returned_on",
    Step.LOST: "device_lost_on",
}
_OF_THE_DEVICE: Final = (Step.RETURNED, Step.LOST)


def note(
    session: Session,
    foreign_id: int,
    step: Step,
    *,
    on: date,
    who: Who,
    now: datetime,
    paper: str = "",
    ending: Ending | None = None,
    device: str | None = None,
) -> None:
    """Record a step, on a day, with the paper that says so, and why when it is a revocation.

    `device` is what the key is on, as a list has it, where the paper tells of it.

    Raises `Conflict` when it cannot be, with the reason.
    """
    row = get(session, foreign_id)
    for hindrance in _hindrances(row, step, on, today=day_of(now)):
        raise Conflict(hindrance, code="step-not-now")
    if step in _DAYS:
        setattr(row, _DAYS[step], on)
    if step in _WAITS:
        row.waits_for, row.waits_since = _WAITS[step], on
    elif step in (Step.SETTLED, Step.REVOKED):
        row.waits_for = row.waits_since = None
    if step is Step.REVOKED:
        row.revoked_for = ending and ending.value
    after = {"step": step.value, "on": on, "paper": paper or None, "ending": ending and ending.value}
    if device is not None:
        row.device = after["device"] = device
    record(session, who, [Change("foreign.step", "foreign", str(row.id), after=after)], now=now)


def state_of(row: ForeignCertificate, *, today: date, deadlines: Deadlines) -> str:
    """Where it stands on this day, in one word."""
    due = device_due_on(row, today=today, deadlines=deadlines)
    states = (
        ("lost", row.device_lost_on is not None),
        ("returned", row.device_returned_on is not None),
        ("device-overdue", due is not None and today > due),
        ("device-due", due is not None),
        ("revoked", row.revoked_on is not None),
        ("expired", today > last_day(row)),
        (f"waits-for-{row.waits_for}", row.waits_for is not None),
        ("handed-over", row.handed_over_on is not None),
        ("delivered", row.delivered_on is not None),
    )
    return next((state for state, holds in states if holds), "issued")


def last_day(row: ForeignCertificate) -> date:
    """The last day on which it is good, by the calendar of Vietnam."""
    return day_of(row.not_after - timedelta(seconds=1))


def device_due_on(row: ForeignCertificate, *, today: date, deadlines: Deadlines) -> date | None:
    """The last day to return the device of a certificate that has ended; None when there is nothing to return."""
    if row.device not in _CARRIED or row.handed_over_on is None:
        return None
    if row.device_returned_on is not None or row.device_lost_on is not None or not _has_ended(row, today):
        return None
    ended_on = min(row.revoked_on or last_day(row), last_day(row))
    return deadlines.calendar.due(ended_on, days=deadlines.return_within)


def _has_ended(row: ForeignCertificate, on: date) -> bool:
    return on > last_day(row) or (row.revoked_on is not None and on >= row.revoked_on)


def _hindrances(row: ForeignCertificate, step: Step, on: date, *, today: date) -> Iterator[Text]:
    """Everything that is against this step on this day."""
    ended, of_device = _has_ended(row, on), step in _OF_THE_DEVICE
    if on > today or on < day_of(row.not_before):
        yield Text(
            vi="Ngày này trước khi chứng thư được cấp hoặc còn ở tương lai.",
            en="That day lies before the certificate was issued, or in the future.",
        )
    if of_device and (row.device_returned_on or row.device_lost_on):
        yield Text(
            vi="Thiết bị đã trả hoặc đã báo mất.", en="The device was returned or reported lost already."
        )
    if step is Step.RETURNED and not ended:
        yield Text(vi="Chứng thư còn hiệu lực.", en="The certificate is still good.")
    if ended and not of_device and step is not Step.SETTLED:
        yield Text(vi="Chứng thư đã hết hạn hoặc đã thu hồi.", en="The certificate has ended.")
    if step is Step.SETTLED and row.waits_for is None:
        yield Text(vi="Không có yêu cầu nào đang chờ.", en="Nothing is asked for.")
    if step in _WAITS and row.waits_for is not None:
        yield Text(vi="Đã có yêu cầu đang chờ.", en="Something is asked for already.")
