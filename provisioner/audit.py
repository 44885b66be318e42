"""Who did what, when, on whose behalf, before and after: in the same transaction as the change.

Secrets and identity numbers never stand in an audit row: a caller passes only what may be
read by an auditor, and values of the type `Secret` are refused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from provisioner.db import Base, Moment, table_of
from provisioner.secret import Secret


class AuditEvent(Base):
    """One change, as an auditor reads it. Rows are added and never changed."""

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_events_subject", "subject_type", "subject_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    actor: Mapped[str] = mapped_column(String(120))
    on_behalf_of: Mapped[str | None] = mapped_column(String(120))
    action: Mapped[str] = mapped_column(String(64))
    subject_type: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(String(320))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts, and for whom: an operator's name, a program's, or a controller's."""

    actor: str
    on_behalf_of: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change to record. `before` is None for something new, `after` for something gone."""

    action: str
    subject_type: str
    subject_id: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


def record(session: Session, who: Who, changes: Iterable[Change], *, now: datetime) -> None:
    """Write the changes into the trail, in this transaction. Raises TypeError for a secret."""
    rows = [
        {
            "at": now,
            "actor": who.actor,
            "on_behalf_of": who.on_behalf_of,
            "action": change.action,
            "subject_type": change.subject_type,
            "subject_id": change.subject_id,
            "before": _readable(change.before),
            "after": _readable(change.after),
        }
        for change in changes
    ]
    if rows:
        session.execute(insert(table_of(AuditEvent)), rows)


def count_deeds(session: Session, actor: str, action: str, *, since: datetime) -> int:
    """How often somebody has done this after that moment, also in this transaction."""
    # No index holds moments: the newest rows are read backwards by their id, as far as that moment and no further.
    earlier = (
        select(AuditEvent.id).where(AuditEvent.at <= since).order_by(AuditEvent.id.desc()).limit(1)
    ).scalar_subquery()
    return session.scalars(
        select(func.count()).where(
            AuditEvent.id > func.coalesce(earlier, 0), AuditEvent.actor == actor, AuditEvent.action == action
        )
    ).one()


_PLAIN = {str, int, bool, float}


def _readable(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    """A value as JSON holds it, however deep it stands."""
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, Secret):
        raise TypeError("a secret does not belong in the audit trail")
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
