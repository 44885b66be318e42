"""Editions: for how long what was drawn of coverage may be shown again, because nothing changed.

A stamp and not a time to live. Whatever changes a figure leaves a mark (`marking`), and whoever takes marks away or
takes a picture gives the figures a new edition, in the same transaction. So within one look at the books no mark, the
edition of before and a moment before anything counts differently by itself mean the answer of before.
"""

from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from provisioner.coverage.models import TOUCHED, CoverageEdition, CoverageStanding
from provisioner.db import table_of

_EDITIONS, _STANDINGS = table_of(CoverageEdition), table_of(CoverageStanding)


def publish(session: Session) -> None:
    """From this transaction on it is another edition.

    Its name is random: books that are restored from an old copy must not come to a name once more.
    """
    name = uuid4().hex
    given = session.connection().execute(update(_EDITIONS).values(name=name))
    if given.rowcount == 0:
        session.connection().execute(insert(_EDITIONS).values(id=1, name=name))


def current(session: Session) -> str | None:
    """The edition that the figures are of; None while an agency was touched since, and before anything was counted."""
    touched = select(TOUCHED.c.agency_id).exists()
    return session.connection().scalar(select(_EDITIONS.c.name).where(~touched))


def holds_until(session: Session, *, at: datetime, used_within: timedelta) -> datetime | None:
    """Before which moment nothing counts differently than at this one unless somebody writes.

    None where that is not known: nothing was counted, or for another moment or window of use.
    """
    columns = _STANDINGS.c
    is_another = columns.used_within_days != used_within.days
    question = select(
        func.min(columns.good_until), func.max(columns.counted_at), func.count().filter(is_another)
    )
    ends, counted, others = session.connection().execute(question).one()
    return ends if ends is not None and counted <= at < ends and not others else None
