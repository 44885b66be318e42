"""Timers: mailboxes nobody uses and mailboxes of those who left are locked, and deleted later, after notice.

    unused for long      notice -> locked -> notice -> deleted
    the owner left                 locked -> notice -> deleted
    disabled by a person                     notice -> deleted

Nothing happens without a notice some working days before, and a mailbox that is used, or whose owner holds a post again,
or that was enabled, is due no longer. Mailboxes of units end by being disabled only, also when their agency ended, and
what a person locked is left alone: it is held for somebody. A run that would reach more than a
set share of all mailboxes at once tells nobody, changes nothing and waits for a person (`mail.stopping`): a feed of
sign-ins that broke, or a roster of another province, looks just like that.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from provisioner.audit import Who
from provisioner.days import Calendar, day_of
from provisioner.db import Database
from provisioner.mail.stopping import ask_leave
from provisioner.mailboxes.lifecycle import delete, lock
from provisioner.mailboxes.models import Kind, LockedBy, Mailbox, Status
from provisioner.notices.addressing import Reader, readers
from provisioner.notices.queueing import Matter, queue, told_at
from provisioner.notices.wording import Reason
from provisioner.people.models import Post

UNUSED: Final = "không sử dụng / not in use"
LEFT: Final = "chủ hộp thư đã thôi giữ chức vụ / its owner left office"
DISABLED: Final = "hộp thư đã ngừng sử dụng / it was disabled"
_WHY: Final = MappingProxyType({LockedBy.UNUSED: UNUSED, LockedBy.LEFT: LEFT, LockedBy.PERSON: DISABLED})
"""For people, in the books and in letters, which are in both languages; nothing is decided by these words."""

_ANNOUNCED: Final = (Reason.MAILBOX_LOCKS, Reason.MAILBOX_ENDS)
_TIMERS: Final = Who("timers")
BLIND: Final = timedelta(days=7)
"""Nobody at all signed in for so long: then sign-ins are not brought in, and nobody is idle for all we know."""


@dataclass(frozen=True, slots=True)
class TimerPolicy:
    """After how long, with how much notice, and how many at once. None: never."""

    idle_days: int | None
    """Days without a sign-in after which a mailbox that was used is locked."""
    notice_days: int
    """Working days between a notice and what it announces."""
    idle_deleted_after: int | None
    """Working days that a mailbox stays locked, as `left_deleted_after` of those whose owner left."""
    left_deleted_after: int | None
    disabled_deleted_after: int | None
    """Working days that a mailbox stays disabled, of a person or of a unit."""
    most_share: float
    """The part of all open mailboxes of people that one run may reach, by a letter or a deed, but always `most_few`."""
    most_few: int


@dataclass(frozen=True, slots=True)
class Timer:
    """A mailbox that is to be locked or deleted, and since when that is so."""

    mailbox_id: int
    then: Status
    why: LockedBy
    since: date

    @property
    def reason(self) -> Reason | None:
        """What its owner is told before; who left is locked without."""
        if self.then is Status.DELETED:
            return Reason.MAILBOX_ENDS
        return Reason.MAILBOX_LOCKS if self.why is LockedBy.UNUSED else None

    @property
    def about(self) -> str:
        """Names this occasion: whoever comes back and goes again is told again."""
        return f"mailbox:{self.mailbox_id}:{self.since}"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run did. `waits_for` is the stop that a person has to confirm."""

    told: int = 0
    locked: int = 0
    deleted: int = 0
    waits_for: int | None = None


def run_timers(
    database: Database,
    policy: TimerPolicy,
    *,
    calendar: Calendar,
    postmaster: str,
    clock: Callable[[], datetime],
) -> Ran:
    """Tell whoever has to be told, and lock and delete what was announced long enough ago, both within the fuse.

    The postmaster is told of stops, of disabled mailboxes, and of those whose owner and agency cannot be reached.
    """
    now = clock()
    with database.transaction() as session:
        running = list(timers(session, policy, calendar=calendar, now=now))
        ripe, unannounced = _sorted_out(session, running, policy, calendar=calendar, today=day_of(now))
        reached = [*ripe, *unannounced]
        leave = ask_leave(
            session,
            [timer.mailbox_id for timer in reached if timer.then is Status.LOCKED],
            [timer.mailbox_id for timer in reached if timer.then is Status.DELETED],
            most=max(policy.most_few, int(policy.most_share * _open_mailboxes(session))),
            postmaster=postmaster,
            now=now,
        )
        allowed = [timer for timer in unannounced if timer.mailbox_id in leave.lock | leave.delete]
        told = _tell(session, allowed, policy, calendar=calendar, postmaster=postmaster, now=now)
        locked = deleted = 0
        for why, words in _WHY.items():
            whose = {timer.mailbox_id for timer in ripe if timer.why is why}
            locked += len(lock(session, whose & leave.lock, reason=words, who=_TIMERS, now=now, by=why))
            deleted += len(delete(session, whose & leave.delete, reason=words, who=_TIMERS, now=now))
    return Ran(told, locked, deleted, leave.waits_for)


def timers(session: Session, policy: TimerPolicy, *, calendar: Calendar, now: datetime) -> Iterator[Timer]:
    """Every mailbox that is to be locked or deleted now, announced or not."""
    today = day_of(now)
    ends = (
        select(Post.person_id, func.max(Post.until).label("left"), func.count().label("posts"))
        .group_by(Post.person_id)
        .having(func.count() == func.count(Post.until))
        .subquery()
    )
    idle_before = (
        now - timedelta(days=policy.idle_days) if policy.idle_days and not _blind(session, now) else None
    )
    for row in session.execute(
        select(
            Mailbox.id,
            Mailbox.status,
            Mailbox.status_since,
            Mailbox.locked_by,
            Mailbox.last_used_at,
            ends.c.left,
        )
        .outerjoin(ends, ends.c.person_id == Mailbox.person_id)
        .where(
            or_(Mailbox.kind == Kind.PERSONAL, Mailbox.status == Status.DISABLED), Mailbox.closed_at.is_(None)
        )
        .order_by(Mailbox.id)
    ):
        has_left = row.left is not None and row.left <= today
        if row.status == Status.ACTIVE:
            if has_left:
                yield Timer(row.id, Status.LOCKED, LockedBy.LEFT, row.left)
            elif idle_before and row.last_used_at is not None:
                # Who was let in again has the whole time anew: the last sign-in was held against them once.
                idle_since = max(row.last_used_at, row.status_since or row.last_used_at)
                if idle_since <= idle_before:
                    yield Timer(row.id, Status.LOCKED, LockedBy.UNUSED, day_of(idle_since))
            continue
        why, wait = _end(row.status, row.locked_by, policy, has_left=has_left)
        since = day_of(row.status_since) if row.status_since else today
        if why is LockedBy.LEFT:
            since = max(since, row.left)
        # The notice is part of the waiting, so that it ends on the day it should.
        if wait is not None and calendar.due(since, days=max(wait - policy.notice_days, 0)) <= today:
            yield Timer(row.id, Status.DELETED, why, since)


def _end(
    status: Status, locked_by: LockedBy | None, policy: TimerPolicy, *, has_left: bool
) -> tuple[LockedBy, int | None]:
    """Why a mailbox that is locked or disabled is deleted, and after how many working days; None: a person holds it."""
    if status is Status.DISABLED:
        return LockedBy.PERSON, policy.disabled_deleted_after
    if locked_by not in {LockedBy.UNUSED, LockedBy.LEFT}:
        return LockedBy.PERSON, None
    if has_left:
        return LockedBy.LEFT, policy.left_deleted_after
    # Whose owner came back is due no longer.
    return LockedBy.UNUSED, policy.idle_deleted_after if locked_by is LockedBy.UNUSED else None


def disabled_until(policy: TimerPolicy, *, calendar: Calendar, since: datetime) -> date | None:
    """From which day on a mailbox is deleted that is disabled since then; None: it stays."""
    wait = policy.disabled_deleted_after
    return None if wait is None else calendar.due(day_of(since), days=wait)


def _tell(
    session: Session,
    unannounced: Iterable[Timer],
    policy: TimerPolicy,
    *,
    calendar: Calendar,
    postmaster: str,
    now: datetime,
) -> int:
    """Announce these timers; how many letters' worth."""
    day = calendar.due(day_of(now), days=policy.notice_days)
    told = 0
    for reason in _ANNOUNCED:
        due = [timer for timer in unannounced if timer.reason is reason]
        reader = readers(session, [timer.mailbox_id for timer in due])
        told += queue(
            session,
            reason,
            (
                Matter(
                    about=timer.about,
                    recipients=_told(timer, reader[timer.mailbox_id], postmaster),
                    told={
                        "address": reader[timer.mailbox_id].address,
                        "day": f"{day:%d/%m/%Y}",
                        "why": _WHY[timer.why],
                    },
                )
                for timer in due
            ),
            now=now,
        )
    return told


def _told(timer: Timer, reader: Reader, postmaster: str) -> tuple[str, ...]:
    """Who is told. An agency that ended may have nobody left who reads its own mailbox."""
    if timer.why is LockedBy.PERSON:
        return tuple(dict.fromkeys([*reader.with_contact, postmaster]))
    return reader.with_contact or (postmaster,)


def _sorted_out(
    session: Session, running: Iterable[Timer], policy: TimerPolicy, *, calendar: Calendar, today: date
) -> tuple[list[Timer], list[Timer]]:
    """Those that were announced long enough ago, or need not be, and those that were not announced yet."""
    ripe = [timer for timer in running if timer.reason is None]
    unannounced: list[Timer] = []
    for reason in _ANNOUNCED:
        due = [timer for timer in running if timer.reason is reason]
        told = told_at(session, reason, [timer.about for timer in due])
        unannounced += [timer for timer in due if timer.about not in told]
        ripe += [
            timer
            for timer in due
            if timer.about in told
            and calendar.due(day_of(told[timer.about]), days=policy.notice_days) <= today
        ]
    return ripe, unannounced


def _blind(session: Session, now: datetime) -> bool:
    newest = session.scalar(select(func.max(Mailbox.last_used_at)))
    return newest is None or newest <= now - BLIND


def _open_mailboxes(session: Session) -> int:
    wanted = select(func.count()).where(Mailbox.kind == Kind.PERSONAL, Mailbox.closed_at.is_(None))
    return session.scalar(wanted) or 0
