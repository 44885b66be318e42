"""How notices stand: what waits, what left, and what no mail server would take."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.db import after_commit
from provisioner.notices.models import Letter, Notice


@dataclass(frozen=True, slots=True)
class Standing:
    """Counts of notices and letters."""

    queued: int
    """Notices that are in no letter yet."""
    unsent: int
    """Letters that wait for the mail server."""
    refused: int
    """Letters that no mail server takes, until somebody has them tried again."""
    sent: int
    oldest: datetime | None
    """Since when the oldest of the notices and letters that wait has been there."""


def standing(session: Session) -> Standing:
    """Count what waits, what left and what was refused."""
    unsent = Letter.sent_at.is_(None)
    letters = session.execute(
        select(
            func.count().filter(unsent, Letter.trouble.is_(None)),
            func.count().filter(Letter.trouble.is_not(None)),
            func.count().filter(~unsent),
            func.min(Letter.made_at).filter(unsent, Letter.trouble.is_(None)),
        ).select_from(Letter)
    ).one()
    notices = session.execute(
        select(func.count(), func.min(Notice.queued_at)).where(Notice.letter_id.is_(None))
    ).one()
    waiting = [at for at in (letters[3], notices[1]) if at is not None]
    return Standing(notices[0], letters[0], letters[1], letters[2], min(waiting, default=None))


def refused(session: Session, *, limit: int = 1000) -> Sequence[Letter]:
    """The letters that no mail server takes, with what it said, the latest first."""
    return session.scalars(
        select(Letter).where(Letter.trouble.is_not(None)).order_by(Letter.id.desc()).limit(limit)
    ).all()


def try_again(session: Session, *, who: Who, now: datetime) -> int:
    """Have every refused letter tried again; how many."""
    ids = session.scalars(
        update(Letter)
        .where(Letter.trouble.is_not(None))
        .values(trouble=None, trouble_detail=None, due_at=None, attempts=0)
        .returning(Letter.id)
    ).all()
    record(session, who, [Change("letter.tried-again", "letter", str(id_)) for id_ in ids], now=now)
    if ids:
        after_commit(session, "notices")
    return len(ids)
