"""What mail servers tell us of mailboxes, sign-ins and sizes: brought in every hour, and how old the newest of it is."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from provisioner.mail.timers import BLIND
from provisioner.mailboxes.models import Mailbox


@dataclass(frozen=True, slots=True)
class Newest:
    """When the newest sign-in and the newest size were seen by the mail server; None: never."""

    sign_in: datetime | None
    size: datetime | None


def newest(session: Session) -> Newest:
    """How new what was brought in is, whoever brought it in."""
    row = session.execute(select(func.max(Mailbox.last_used_at), func.max(Mailbox.size_at))).one()
    return Newest(*row)


def is_silent(at: datetime | None, *, now: datetime) -> bool:
    """Whether nothing came for so long that the timers believe nobody is idle. What never came was not set up."""
    return at is not None and at <= now - BLIND
