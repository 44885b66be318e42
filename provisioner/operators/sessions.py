"""Sessions: a row in the books for each, found by the hash of a token that only the browser has.

Whoever reads the database cannot take a session over. Deleting the row ends it at once.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, delete, select, update
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.db import Moment
from provisioner.operators.models import Grant, Operator, SignedIn, Way
from provisioner.operators.reach import Held, Powers, in_force
from provisioner.secret import Secret

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=10)
"""A working day: then one signs in again, however busy one was."""
PROOF_HOLDS = timedelta(minutes=10)
"""How long a proof of who one is suffices for what asks for a fresh one."""
_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Visitor:
    """The operator behind a request, with what they may do at this moment."""

    operator_id: int
    name: str
    full_name: str
    session_id: int
    form_token: str
    seen_at: datetime
    proved_at: datetime
    way: Way
    powers: Powers

    def proved_lately(self, now: datetime) -> bool:
        """Whether they proved who they are recently enough for a grave step."""
        return now - self.proved_at <= PROOF_HOLDS


def begin(session: Session, operator: Operator, *, way: Way, source: str, now: datetime) -> Secret:
    """Begin a session; the token for the browser. Sessions that ran out go."""
    session.execute(
        delete(SignedIn).where((SignedIn.seen_at <= now - IDLE) | (SignedIn.began_at <= now - LONGEST))
    )
    token = Secret(secrets.token_urlsafe(32))
    session.add(
        SignedIn(
            token_hash=_hash(token),
            operator_id=operator.id,
            form_token=secrets.token_urlsafe(32),
            began_at=now,
            seen_at=now,
            proved_at=now,
            way=way,
            source=source[:64],
        )
    )
    return token


# One question, made once, because every page begins with it: a row for each role that is held, or one without.
_KNOWN = (
    select(
        *(SignedIn.id, SignedIn.form_token, SignedIn.seen_at, SignedIn.proved_at, SignedIn.way),
        *(Operator.id.label("operator_id"), Operator.name, Operator.full_name),
        *(Grant.role, Grant.agency_id, Agency.path),
    )
    .join(Operator, Operator.id == SignedIn.operator_id)
    .outerjoin(Grant, and_(Grant.operator_id == Operator.id, in_force(bindparam("now", type_=Moment()))))
    .outerjoin(Agency, Agency.id == Grant.agency_id)
    .where(
        SignedIn.token_hash == bindparam("token_hash"),
        SignedIn.seen_at > bindparam("idle_since"),
        SignedIn.began_at > bindparam("began"),
        Operator.disabled_at.is_(None),
    )
)


def find(session: Session, token: Secret, *, now: datetime) -> Visitor | None:
    """Who this token belongs to, when their session is alive and they are not shut out."""
    rows = session.execute(
        _KNOWN,
        {"token_hash": _hash(token), "idle_since": now - IDLE, "began": now - LONGEST, "now": now},
    ).all()
    if not rows:
        return None
    first = rows[0]
    return Visitor(
        operator_id=first.operator_id,
        name=first.name,
        full_name=first.full_name,
        session_id=first.id,
        form_token=first.form_token,
        seen_at=first.seen_at,
        proved_at=first.proved_at,
        way=first.way,
        powers=Powers.of(Held.of(row.role, row.agency_id, row.path) for row in rows if row.role is not None),
    )


def is_to_be_noted(visitor: Visitor, *, now: datetime) -> bool:
    """Whether it is time to write down that the session is in use: once a minute and not at every page."""
    return now - visitor.seen_at >= _NOTED_EVERY


def note(session: Session, visitor: Visitor, *, now: datetime) -> None:
    """The session is in use."""
    session.execute(update(SignedIn).where(SignedIn.id == visitor.session_id).values(seen_at=now))


def renew(session: Session, visitor: Visitor, *, now: datetime) -> Secret:
    """They proved themselves anew: the session goes on under another token (ASVS 7.2.4)."""
    token = Secret(secrets.token_urlsafe(32))
    session.execute(
        update(SignedIn)
        .where(SignedIn.id == visitor.session_id)
        .values(token_hash=_hash(token), form_token=secrets.token_urlsafe(32), seen_at=now, proved_at=now)
    )
    return token


def own(session: Session, visitor: Visitor, *, now: datetime) -> list[SignedIn]:
    """The operator's sessions that are alive, the latest used first."""
    alive = (SignedIn.seen_at > now - IDLE) & (SignedIn.began_at > now - LONGEST)
    return list(
        session.scalars(
            select(SignedIn)
            .where(SignedIn.operator_id == visitor.operator_id, alive)
            .order_by(SignedIn.seen_at.desc(), SignedIn.id)
        )
    )


def end_own(session: Session, visitor: Visitor, session_id: int) -> bool:
    """End one session of the operator; False when it is nobody's, or another's."""
    ended = session.execute(
        delete(SignedIn)
        .where(SignedIn.operator_id == visitor.operator_id, SignedIn.id == session_id)
        .returning(SignedIn.id)
    )
    return ended.one_or_none() is not None


def end_others(session: Session, visitor: Visitor) -> None:
    """End every session of the operator but this one."""
    session.execute(
        delete(SignedIn).where(SignedIn.operator_id == visitor.operator_id, SignedIn.id != visitor.session_id)
    )


def end(session: Session, visitor: Visitor) -> None:
    """Sign out, on the server."""
    session.execute(delete(SignedIn).where(SignedIn.id == visitor.session_id))


def _hash(token: Secret) -> str:
    return hashlib.sha256(token.reveal().encode()).hexdigest()
