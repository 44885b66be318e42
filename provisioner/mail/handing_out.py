"""From paper to owners: slips that were handed out, how far first passwords have come, and codes that end unused."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.audit import Change, Who, record
from provisioner.db import MOST_VALUES
from provisioner.mail.codes import has_code, holders_where, lies_in, served, unused
from provisioner.mail.models import ActivationCode
from provisioner.mailboxes.models import Mailbox


@dataclass(frozen=True, slots=True)
class Progress:
    """How far first passwords have come in a sub-tree: counts of mailboxes that exist in the directory."""

    mailboxes: int
    coded: int
    """Have or had a code."""
    delivered: int
    activated: int
    expired: int
    """Have a code that ran out unused, and no other."""


def deliver(session: Session, agency_code: str, *, who: Who, now: datetime, below: bool = True) -> int:
    """Record that the slips of this agency, and `below` it, reached their owners; how many mailboxes that newly says.

    Raises `NotFound` for an agency that is not in the books.
    """
    holders = holders_where(
        session,
        [lies_in(session, agency_code, below=below), has_code(*unused()), Mailbox.handed_over_at.is_(None)],
    )
    for at in range(0, len(holders), MOST_VALUES):
        session.execute(
            update(Mailbox)
            .where(Mailbox.id.in_([holder.mailbox_id for holder in holders[at : at + MOST_VALUES]]))
            .values(handed_over_at=now)
            .execution_options(synchronize_session=False)
        )
    record(session, who, [Change("code.delivered", "mailbox", holder.address) for holder in holders], now=now)
    return len(holders)


def progress(session: Session, agency_code: str, *, now: datetime, below: bool = True) -> Progress:
    """How far first passwords have come in this agency, and `below` it. Raises `NotFound`."""
    used = has_code(ActivationCode.used_at.is_not(None))
    good = has_code(*unused(), ActivationCode.expires_at > now)
    row = session.execute(
        served(
            select(
                func.count(),
                func.count().filter(has_code()),
                func.count().filter(Mailbox.handed_over_at.is_not(None)),
                func.count().filter(used),
                func.count().filter(has_code(), ~used, ~good),
            )
        ).where(lies_in(session, agency_code, below=below))
    ).one()
    return Progress(*row)


@dataclass(frozen=True, slots=True)
class EndingCodes:
    """Codes of one agency that nobody has used and that run out soon."""

    agency_id: int
    agency_name: str
    count: int
    first: datetime


def ending(session: Session, *, within: timedelta, now: datetime) -> list[EndingCodes]:
    """Agency by agency, how many good codes run out within this time."""
    rows = session.execute(
        served(select(Agency.id, Agency.name, func.count(), func.min(ActivationCode.expires_at)))
        .join(ActivationCode, ActivationCode.mailbox_id == Mailbox.id)
        .where(*unused(), ActivationCode.expires_at > now, ActivationCode.expires_at <= now + within)
        .group_by(Agency.id, Agency.name)
        .order_by(Agency.id)
    )
    return [EndingCodes(*row) for row in rows]
