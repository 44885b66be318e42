"""Moving mailboxes between their states, on sets of mailboxes; the directory follows.

    active <-> locked <-> disabled <-> active; all of them -> deleted, which is the end

Each function moves those that are in a state to be moved and leaves the others as they are, so that it
can run twice. Locked and disabled mailboxes keep their mail and their owner; a deleted one is closed, its
addresses stay its own for ever, and its certificates are nobody's from then on (`certificates.staleness`).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.db import after_commit
from provisioner.errors import Invalid, Text
from provisioner.mailboxes.models import Address, LockedBy, Mailbox, Status
from provisioner.pending import raised
from provisioner.people.models import Post

_CHUNK = 500
LONGEST_REASON: Final = 255


def a_reason(written: str) -> str:
    """Why a person moves mailboxes, as it is kept with them. Raises `Invalid` for none and for one that is too long."""
    reason = written.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise Invalid(
            Text(
                vi="Hãy ghi lý do, tối đa 255 ký tự: lý do được lưu cùng hộp thư và trong nhật ký.",
                en="Give a reason, 255 characters at most: it is kept with the mailbox and in the trail.",
            ),
            code="reason-missing",
        )
    return reason


def lock(
    session: Session,
    ids: Iterable[int],
    *,
    reason: str,
    who: Who,
    now: datetime,
    by: LockedBy = LockedBy.PERSON,
) -> list[int]:
    """No sign-in from now on, mail still comes in. Those that were active; their ids.

    A person also holds what was locked because nobody used it or its owner left, and what was disabled, which then takes
    mail again: no timer deletes it any more.
    """
    before = Mailbox.status == Status.ACTIVE
    if by is LockedBy.PERSON:
        before |= (Mailbox.status == Status.LOCKED) & (Mailbox.locked_by != LockedBy.PERSON)
        before |= Mailbox.status == Status.DISABLED
    return _move(session, ids, before, Status.LOCKED, reason=reason, who=who, now=now, by=by)


def unlock(session: Session, ids: Iterable[int], *, reason: str, who: Who, now: datetime) -> list[int]:
    """Let the owners in again; who left stays out until somebody appoints them. Those that were locked; their ids."""
    before = _is({Status.LOCKED}) & _has_owner()
    return _move(session, ids, before, Status.ACTIVE, reason=reason, who=who, now=now)


def disable(session: Session, ids: Iterable[int], *, reason: str, who: Who, now: datetime) -> list[int]:
    """Mail bounces from now on; what is there is kept for as long as the timers say. Those that were active or locked; their ids."""
    before = {Status.ACTIVE, Status.LOCKED}
    return _move(session, ids, _is(before), Status.DISABLED, reason=reason, who=who, now=now)


def enable(session: Session, ids: Iterable[int], *, reason: str, who: Who, now: datetime) -> list[int]:
    """Make them active again; who left stays out, as in `unlock`. Those that were locked or disabled; their ids."""
    before = _is({Status.LOCKED, Status.DISABLED}) & _has_owner()
    return _move(session, ids, before, Status.ACTIVE, reason=reason, who=who, now=now)


def delete(session: Session, ids: Iterable[int], *, reason: str, who: Who, now: datetime) -> list[int]:
    """Close them for good. Those that were not deleted yet; their ids."""
    before = {Status.ACTIVE, Status.LOCKED, Status.DISABLED}
    return _move(session, ids, _is(before), Status.DELETED, reason=reason, who=who, now=now)


_ACTIONS: Final = {
    Status.ACTIVE: "mailbox.enabled",
    Status.LOCKED: "mailbox.locked",
    Status.DISABLED: "mailbox.disabled",
    Status.DELETED: "mailbox.deleted",
}


def _move(
    session: Session,
    ids: Iterable[int],
    before: ColumnElement[bool],
    after: Status,
    *,
    reason: str,
    who: Who,
    now: datetime,
    by: LockedBy | None = None,
) -> list[int]:
    wanted, moved = sorted(set(ids)), list[int]()
    for start in range(0, len(wanted), _CHUNK):
        rows = session.execute(
            select(Mailbox.id, Mailbox.status, Address.address)
            .join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
            .where(Mailbox.id.in_(wanted[start : start + _CHUNK]), before)
            .order_by(Mailbox.id)
            .with_for_update(of=Mailbox)
        ).all()
        _write(session, [row.id for row in rows], after, reason=reason, by=by, now=now)
        record(
            session,
            who,
            [
                Change(
                    _ACTIONS[after],
                    "mailbox",
                    row.address,
                    before={"status": row.status},
                    after={"status": after, "reason": reason},
                )
                for row in rows
            ],
            now=now,
        )
        moved += [row.id for row in rows]
    if moved:
        after_commit(session, "directory")
    return moved


def _has_owner() -> ColumnElement[bool]:
    """An agency, also one that closed, or whoever holds a post."""
    serves = exists().where(Post.person_id == Mailbox.person_id, Post.until.is_(None))
    return Mailbox.person_id.is_(None) | serves


def _is(states: set[Status]) -> ColumnElement[bool]:
    return Mailbox.status.in_(states)


def _write(
    session: Session, ids: list[int], after: Status, *, reason: str, by: LockedBy | None, now: datetime
) -> None:
    if not ids:
        return
    session.execute(
        update(Mailbox)
        .where(Mailbox.id.in_(ids))
        .values(
            status=after,
            status_since=now,
            status_reason=reason[:LONGEST_REASON],
            locked_by=by,
            closed_at=now if after is Status.DELETED else Mailbox.closed_at,
            **raised(Mailbox),
        )
    )
