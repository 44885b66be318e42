"""What is to be done about certificates of other authorities, and by when: for the list that an officer works off.

A renewal has to be asked for while the certificate has days enough left; what was asked for has to be settled;
the device of one that has ended goes back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.certificates.foreign_life import Deadlines, device_due_on, last_day
from provisioner.certificates.models import ForeignCertificate
from provisioner.days import day_of
from provisioner.people.models import Post

TOLD_BEFORE: Final = timedelta(days=30)
"""How long before its last day to be asked for a renewal stands on the list."""


class Duty(StrEnum):
    """What is to be done."""

    RENEW = "ask-for-renewal"
    CHANGE = "settle-change"
    RENEWAL = "settle-renewal"
    RECOVERY = "settle-recovery"
    RETURN = "return-device"


@dataclass(frozen=True, slots=True)
class Due:
    """One thing to be done, by a day; `agency` is the code of the holder's, where the holder is known."""

    foreign_id: int
    name: str
    agency: str | None
    duty: Duty
    by: date
    is_late: bool


def due(session: Session, *, now: datetime, deadlines: Deadlines) -> list[Due]:
    """Everything that is to be done now, the most pressing first."""
    today = day_of(now)
    rows = session.execute(
        select(ForeignCertificate, Agency.code)
        .outerjoin(Post, (Post.person_id == ForeignCertificate.person_id) & Post.until.is_(None))
        .outerjoin(Agency, Agency.id == func.coalesce(ForeignCertificate.agency_id, Post.agency_id))
        .where(
            or_(
                ForeignCertificate.waits_for.is_not(None),
                ForeignCertificate.revoked_on.is_not(None),
                ForeignCertificate.not_after <= now + deadlines.renewal_left + TOLD_BEFORE,
            ),
            ForeignCertificate.device_returned_on.is_(None),
            ForeignCertificate.device_lost_on.is_(None),
        )
        .order_by(ForeignCertificate.id)
    )
    found = [
        Due(row.id, row.name, code, duty, by, is_late=today > by)
        for row, code in rows
        for duty, by in _duties(row, today, deadlines)
    ]
    return sorted(found, key=lambda one: (one.by, one.foreign_id))


def _duties(row: ForeignCertificate, today: date, deadlines: Deadlines) -> Iterator[tuple[Duty, date]]:
    if (by := device_due_on(row, today=today, deadlines=deadlines)) is not None:
        yield Duty.RETURN, by
    if row.revoked_on is not None or today > last_day(row):
        return
    if row.waits_for is not None and row.waits_since is not None:
        within = deadlines.settled_within[row.waits_for]
        yield Duty(f"settle-{row.waits_for}"), deadlines.calendar.due(row.waits_since, days=within)
    ask_by = last_day(row) - deadlines.renewal_left
    if row.waits_for != "renewal" and today >= ask_by - TOLD_BEFORE:
        yield Duty.RENEW, ask_by
