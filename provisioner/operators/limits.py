"""How often somebody may fail to sign in: counted in the books, so for all processes together.

A name that does not exist is counted like one that does, and the answer is the same, so that
nothing is learnt from being stopped.
"""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from provisioner.errors import ProvisionerError, Text
from provisioner.operators.models import Attempt

WINDOW = timedelta(minutes=15)
PER_NAME = 8
"""Failures within the window before a name has to wait."""
PER_SOURCE = 40
"""The same for an address: a whole office may share one."""


class TooMany(ProvisionerError):
    """Somebody tries too often."""

    kind = "too-many"


def check_attempts(session: Session, *, name: str, source: str, now: datetime) -> None:
    """Raises `TooMany` when this name, or whoever comes from this address, failed too often lately."""
    for key, most in ((_key("name", name), PER_NAME), (_key("source", source), PER_SOURCE)):
        failed = session.scalar(
            select(func.count()).select_from(Attempt).where(Attempt.key == key, Attempt.at > now - WINDOW)
        )
        if (failed or 0) >= most:
            raise TooMany(
                Text(
                    vi="Đăng nhập sai quá nhiều lần. Hãy chờ 15 phút rồi thử lại.",
                    en="Too many failed sign-ins. Wait 15 minutes and try again.",
                ),
                code="too-many-attempts",
            )


def note_failure(session: Session, *, name: str, source: str, now: datetime) -> None:
    """Count one failure for the name and for the address; what no longer counts goes."""
    session.execute(delete(Attempt).where(Attempt.at <= now - WINDOW))
    session.execute(
        insert(Attempt),
        [{"key": _key("name", name), "at": now}, {"key": _key("source", source), "at": now}],
    )


def forget_failures(session: Session, *, name: str) -> None:
    """A sign-in that succeeded makes the name's failures undone."""
    session.execute(delete(Attempt).where(Attempt.key == _key("name", name)))


def _key(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()
