"""Sending: what waits for one recipient becomes one letter, and each letter leaves once.

A letter's Message-ID and date are committed before it is sent, and that it was sent afterwards. A crash in between sends
the same letter again under the same Message-ID, which is all that SMTP lets anybody promise (RFC 5321, 4.5.3.2.6).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Protocol
from uuid import uuid4

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from provisioner.db import Database, insert_many, table_of
from provisioner.errors import Conflict, Unavailable
from provisioner.failpoints import failpoint
from provisioner.notices.composing import Sender, Told, compose
from provisioner.notices.models import Letter, Notice
from provisioner.notices.wording import Reason
from provisioner.pending import LEASE, Claim, claim, mark

PAUSE = timedelta(minutes=15)
"""Between two letters to one recipient: what is queued meanwhile waits for the next and makes it a digest."""

RETRY = timedelta(minutes=1)
"""Before a mail server that did not answer is asked again; a letter that it puts off waits twice as long each time."""

LONGEST_RETRY = timedelta(hours=1)

_AT_ONCE = 50
"""Letters claimed at a time: they have to be sent before the claim runs out."""

_GATHERED = 5000


class Carrier(Protocol):
    """A conversation with a mail server."""

    def carry(self, message: EmailMessage) -> None:
        """Hand the message over. Raises `Conflict` when it is refused for good, `Unavailable` when it is put off."""
        ...


Post = Callable[[], AbstractContextManager[Carrier]]
"""Begins a conversation. Raises `Unavailable`."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a run did: letters that left, were refused for good or put off, and why it stopped, if it did."""

    letters: int = 0
    refused: int = 0
    later: int = 0
    waiting_for: Unavailable | None = None

    def __add__(self, other: "Sent") -> "Sent":
        return Sent(
            self.letters + other.letters,
            self.refused + other.refused,
            self.later + other.later,
            self.waiting_for or other.waiting_for,
        )


@dataclass(frozen=True, slots=True)
class _Ready:
    claim: Claim
    attempts: int
    message: EmailMessage


def send(database: Database, post: Post, *, sender: Sender, clock: Callable[[], datetime]) -> Sent:
    """Send everything that is due. A mail server that is down is waited for: the clock rings again."""
    while True:
        with database.transaction() as session:
            if not gather(session, now=clock()):
                break
    sent = Sent()
    while ready := _claim(database, sender, now=clock()):
        sent += _carry(database, post, ready, clock=clock)
        if sent.waiting_for is not None:
            break
    return sent


def gather(session: Session, *, now: datetime) -> int:
    """Put what waits into letters, one for each recipient who got none lately; how many letters."""
    recent = exists().where(Letter.recipient == Notice.recipient, Letter.made_at > now - PAUSE)
    rows = session.execute(
        select(Notice.id, Notice.recipient)
        .where(Notice.letter_id.is_(None), ~recent)
        .order_by(Notice.recipient, Notice.id)
        .limit(_GATHERED)
        .with_for_update(skip_locked=True)
    ).all()
    by_recipient: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        by_recipient[row.recipient].append(row.id)
    if not by_recipient:
        return 0
    letters = [{"uid": uuid4().hex, "recipient": recipient, "made_at": now} for recipient in by_recipient]
    ids = insert_many(session, table_of(Letter), letters, key="uid")
    for letter_id, notices in zip(ids, by_recipient.values(), strict=True):
        session.execute(update(Notice).where(Notice.id.in_(notices)).values(letter_id=letter_id))
    return len(letters)


def is_due(session: Session, *, now: datetime) -> bool:
    """Whether there is something to send, for the clock."""
    recent = exists().where(Letter.recipient == Notice.recipient, Letter.made_at > now - PAUSE)
    waits = exists().where(Notice.letter_id.is_(None), ~recent)
    unsent = exists().where(
        Letter.sent_at.is_(None),
        Letter.trouble.is_(None),
        func.coalesce(Letter.due_at, now) <= now,
        func.coalesce(Letter.lease_until, now) <= now,
    )
    return bool(session.scalar(select(waits | unsent)))


def _claim(database: Database, sender: Sender, *, now: datetime) -> list[_Ready]:
    with database.transaction() as session:
        claims = claim(session, table_of(Letter), waiting=Letter.sent_at.is_(None), limit=_AT_ONCE, now=now)
    with database.reading() as session:
        ids = [one.id for one in claims]
        letters = {row.id: row for row in session.scalars(select(Letter).where(Letter.id.in_(ids)))}
        told: Mapping[int, list[Told]] = defaultdict(list)
        for row in session.scalars(select(Notice).where(Notice.letter_id.in_(ids)).order_by(Notice.id)):
            if row.letter_id is not None:
                told[row.letter_id].append(Told(Reason(row.reason), row.told))
    return [
        _Ready(
            one,
            letters[one.id].attempts,
            compose(
                told[one.id],
                uid=letters[one.id].uid,
                recipient=letters[one.id].recipient,
                made_at=letters[one.id].made_at,
                sender=sender,
            ),
        )
        for one in claims
    ]


def _carry(database: Database, post: Post, ready: Sequence[_Ready], *, clock: Callable[[], datetime]) -> Sent:
    """Hand these letters over, one after the other, and write down what became of each."""
    began, sent = clock(), Sent()
    try:
        with post() as carrier:
            for at, one in enumerate(ready):
                if clock() - began > LEASE / 2:  # a slow server: what is left is claimed again
                    _release(database, ready[at:], due_at=None)
                    break
                sent += _carry_one(database, carrier, one, clock=clock)
    except Unavailable as error:  # of the conversation itself: no letter was begun
        _release(database, ready, due_at=clock() + RETRY)
        return Sent(waiting_for=error)
    return sent


def _carry_one(database: Database, carrier: Carrier, one: _Ready, *, clock: Callable[[], datetime]) -> Sent:
    values: dict[str, object] = {"sent_at": None, "due_at": None, "trouble": None, "trouble_detail": None}
    try:
        carrier.carry(one.message)
    except Conflict as error:
        values |= {"trouble": error.code, "trouble_detail": str(error)[:500]}
        outcome = Sent(refused=1)
    except Unavailable as error:
        wait = min(RETRY * 2**one.attempts, LONGEST_RETRY)
        values |= {"due_at": clock() + wait, "trouble_detail": str(error)[:500]}
        outcome = Sent(later=1)
    else:
        failpoint("notice-sent")
        values["sent_at"] = clock()
        outcome = Sent(letters=1)
    with database.transaction() as session:
        mark(
            session, table_of(Letter), [(one.claim, values)], same={"attempts": one.attempts + outcome.later}
        )
    return outcome


def _release(database: Database, ready: Sequence[_Ready], *, due_at: datetime | None) -> None:
    with database.transaction() as session:
        mark(session, table_of(Letter), [(one.claim, {"due_at": due_at}) for one in ready])
