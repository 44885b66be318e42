"""Sessions of owners on their own page: rows in the books, found by the hash of a token that only the browser has."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from provisioner.mail.accounts import Account, account_where
from provisioner.mail.models import OwnerFactor, OwnerSession
from provisioner.mailboxes.models import Mailbox
from provisioner.secret import Secret

IDLE = timedelta(minutes=20)
LONGEST = timedelta(hours=2)
"""What an owner does here takes minutes."""
_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class OwnerVisit:
    """The owner behind a request."""

    session_id: int
    account: Account
    has_factor: bool
    is_to_be_noted: bool
    """Whether it is time to write down that the session is in use: once a minute and not at every page."""


def begin(session: Session, mailbox_id: int, *, now: datetime) -> Secret:
    """Begin a session; the token for the browser. Sessions that ran out go."""
    session.execute(
        delete(OwnerSession).where(
            (OwnerSession.seen_at <= now - IDLE) | (OwnerSession.began_at <= now - LONGEST)
        )
    )
    token = Secret(secrets.token_urlsafe(32))
    session.add(OwnerSession(token_hash=_hash(token), mailbox_id=mailbox_id, began_at=now, seen_at=now))
    return token


def find(session: Session, token: Secret, *, now: datetime) -> OwnerVisit | None:
    """Whose token this is, when the session is alive and the mailbox active."""
    row = session.execute(
        select(OwnerSession.id, OwnerSession.mailbox_id, OwnerSession.seen_at, OwnerFactor.since)
        .outerjoin(OwnerFactor, OwnerFactor.mailbox_id == OwnerSession.mailbox_id)
        .where(
            OwnerSession.token_hash == _hash(token),
            OwnerSession.seen_at > now - IDLE,
            OwnerSession.began_at > now - LONGEST,
        )
    ).one_or_none()
    account = None if row is None else account_where(session, Mailbox.id == row.mailbox_id)
    if row is None or account is None:
        return None
    return OwnerVisit(row.id, account, row.since is not None, now - row.seen_at >= _NOTED_EVERY)


def note(session: Session, visit: OwnerVisit, *, now: datetime) -> None:
    """The session is in use."""
    session.execute(update(OwnerSession).where(OwnerSession.id == visit.session_id).values(seen_at=now))


def end(session: Session, visit: OwnerVisit) -> None:
    """Sign out, on the server."""
    session.execute(delete(OwnerSession).where(OwnerSession.id == visit.session_id))


def _hash(token: Secret) -> str:
    return hashlib.sha256(token.reveal().encode()).hexdigest()
