"""Queueing notices: said once in the transaction of what they tell of, however often it is said."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from provisioner.agencies.contacts import is_address
from provisioner.db import after_commit, table_of
from provisioner.notices.models import Notice
from provisioner.notices.wording import WORDINGS, Reason

_CHUNK = 1000
"""Rows of one statement; PostgreSQL takes 65,535 values."""


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing to be told: what it is about, to whom, and what stands in the sentence.

    `about` names the row and, where it can happen to it again, the occasion: `mailbox:17:2027-03-01`.
    """

    about: str
    recipients: Iterable[str]
    told: Mapping[str, str | int] = field(default_factory=dict)


def queue(session: Session, reason: Reason, matters: Iterable[Matter], *, now: datetime) -> int:
    """Queue notices, one for each matter and recipient; how many are new.

    What was queued before, sent or not, is not queued again, and what is no address is nobody's. Raises ValueError when what is told does not fit the
    sentence, and TypeError for a value that is neither text nor a number, such as a `Secret`.
    """
    wanted = WORDINGS[reason].fields
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for matter in matters:
        if set(matter.told) != wanted:
            raise ValueError(f"{reason} tells {sorted(wanted)}, not {sorted(matter.told)}")
        if not all(isinstance(value, str | int) for value in matter.told.values()):
            raise TypeError("a notice tells text and numbers")
        for recipient in filter(is_address, matter.recipients):
            rows[matter.about, recipient] = {
                "reason": reason,
                "about": matter.about,
                "recipient": recipient,
                "told": dict(matter.told),
                "queued_at": now,
            }
    queued = list(rows.values())
    count = sum(_insert(session, queued[at : at + _CHUNK]) for at in range(0, len(queued), _CHUNK))
    if count:
        after_commit(session, "notices")
    return count


def _insert(session: Session, rows: list[dict[str, object]]) -> int:
    """Two workers may look at the same thing at once: the database keeps one row."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table_of(Notice)).values(rows).on_conflict_do_nothing()
    return len(session.execute(statement.returning(Notice.id)).all())


def told_at(session: Session, reason: Reason, abouts: Sequence[str]) -> dict[str, datetime]:
    """When each of these was first queued for anybody; a timer asks before it acts. What nobody was told is left out."""
    found: dict[str, datetime] = {}
    for at in range(0, len(abouts), _CHUNK):
        rows = session.execute(
            select(Notice.about, func.min(Notice.queued_at).label("at"))
            .where(Notice.reason == reason, Notice.about.in_(abouts[at : at + _CHUNK]))
            .group_by(Notice.about)
        )
        found |= {row.about: row.at for row in rows}
    return found
