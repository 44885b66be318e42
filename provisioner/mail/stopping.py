"""The fuse of the timers: too many mailboxes at once wait for a person, who confirms exactly those or none."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.errors import NotFound, Text
from provisioner.mail.models import TimerStop
from provisioner.notices.queueing import Matter, queue
from provisioner.notices.wording import Reason


@dataclass(frozen=True, slots=True)
class Leave:
    """Which mailboxes a run may reach, and the stop that the others wait for."""

    lock: frozenset[int]
    delete: frozenset[int]
    waits_for: int | None = None


def ask_leave(
    session: Session,
    lock: Collection[int],
    delete: Collection[int],
    *,
    most: int,
    postmaster: str,
    now: datetime,
) -> Leave:
    """What a run may do of what is due, be it a deed or the letter before: a few mailboxes always, and those confirmed.

    The others wait for a stop, one at a time, that stays as it was first shown. What is no longer due ends with it.
    """
    waiting = stops(session)
    confirmed = [stop for stop in waiting if stop.confirmed_at is not None]
    may_lock = frozenset(lock) & {one for stop in confirmed for one in stop.lock}
    may_delete = frozenset(delete) & {one for stop in confirmed for one in stop.delete}
    for stop in confirmed:
        stop.ended_at = now
    others = frozenset(lock) - may_lock, frozenset(delete) - may_delete
    count = sum(map(len, others))
    open_stop = next((stop for stop in waiting if stop.confirmed_at is None), None)
    if count <= most:
        if open_stop is not None:
            open_stop.ended_at = now
        return Leave(frozenset(lock), frozenset(delete))
    if open_stop is None:
        open_stop = TimerStop(stopped_at=now, most=most, lock=sorted(others[0]), delete=sorted(others[1]))
        session.add(open_stop)
        session.flush()  # its id is told
        matter = Matter(f"timers:{open_stop.id}", (postmaster,), {"count": count, "most": most})
        queue(session, Reason.TIMERS_STOPPED, [matter], now=now)
    return Leave(may_lock, may_delete, open_stop.id)


def stops(session: Session) -> Sequence[TimerStop]:
    """Stops that wait: for a person, or confirmed and for the next run."""
    return session.scalars(select(TimerStop).where(TimerStop.ended_at.is_(None)).order_by(TimerStop.id)).all()


def confirm(session: Session, stop_id: int, *, who: Who, now: datetime) -> TimerStop:
    """Let the next run lock and delete the mailboxes of this stop. Raises `NotFound` when it does not wait any more."""
    stop = session.scalars(
        select(TimerStop)
        .where(TimerStop.id == stop_id, TimerStop.ended_at.is_(None), TimerStop.confirmed_at.is_(None))
        .with_for_update()
    ).one_or_none()
    if stop is None:
        raise NotFound(
            Text(
                vi=f"Không có lượt dừng số {stop_id} đang chờ xác nhận.",
                en=f"No stop {stop_id} waits for confirmation.",
            ),
            code="stop-unknown",
        )
    stop.confirmed_by, stop.confirmed_at = who.actor, now
    after = {"lock": len(stop.lock), "delete": len(stop.delete), "most": stop.most}
    record(session, who, [Change("timers.confirmed", "timer-stop", str(stop_id), after=after)], now=now)
    return stop
