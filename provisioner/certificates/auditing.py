"""The background audit: everything ever signed is looked at once more, by a linter of other hands.

Certificates are taken in the order of the record, which has no holes and loses none; lists by their
numbers. How far it has come stands in the books, with what was found, in one transaction: it goes on
where it stopped, and a new version of the linter begins anew. It works in slices of some seconds and while
nothing else waits, so no worker is held by it; where something always waits, a slice each `LATEST` is its own.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from typing import Final

from cryptography import x509
from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.orm import Session

from ca.hierarchy import ROOT
from ca.log import Event
from provisioner.certificates.auditing_models import Audited, AuditFinding
from provisioner.certificates.listing import list_days
from provisioner.certificates.models import Issuer, name_of
from provisioner.certificates.recording_models import Leaf
from provisioner.certificates.recording_replay import stated
from provisioner.db import Database, table_of

CERTIFICATES: Final = "certificates"

BATCH: Final = 25
"""Certificates between two looks at whether something else waits: less than half a second."""

SLICE: Final = 3.0
"""Seconds that one call works."""

LATEST: Final = timedelta(minutes=5)
"""How long it stands back for others: a slice in so many minutes is a hundredth of one worker."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def linter() -> str:
    """Who gives the second opinion: name and version."""
    return f"pkilint {version('pkilint')}"


@dataclass(frozen=True, slots=True)
class Series:
    """How far one series has been examined by the linter as it is now; `left` were not yet."""

    name: str
    examined: int
    left: int
    examined_at: datetime | None


def is_due(session: Session) -> bool:
    """Whether something was not examined yet by the linter as it is now."""
    places = _places(session)
    is_behind = exists().where(Leaf.position >= places.get(CERTIFICATES, 0))
    return bool(session.scalar(select(is_behind))) or any(
        places.get(name, 0) < number for name, number, _made_at in _lists(session)
    )


def is_overdue(session: Session, *, now: datetime) -> bool:
    """Whether nothing was examined for `LATEST`, and something has waited for as long."""
    latest = now - LATEST
    last = session.scalar(select(func.max(Audited.examined_at)).where(Audited.linter == linter()))
    if last is not None and last > latest:
        return False
    places = _places(session)
    first = select(Leaf.leaf).where(Leaf.position >= places.get(CERTIFICATES, 0)).order_by(Leaf.position)
    leaf = session.scalar(first.limit(1))
    return (leaf is not None and datetime.fromisoformat(json.loads(leaf)["at"]) <= latest) or any(
        places.get(name, 0) < number and made_at <= latest for name, number, made_at in _lists(session)
    )


def standing(session: Session) -> list[Series]:
    """Every series, as far as it has come."""
    rows = select(Audited).where(Audited.linter == linter())
    known = {row.series: row for row in session.scalars(rows)}
    place = known[CERTIFICATES].position if CERTIFICATES in known else 0
    # Leaves are canonical: names in order and no spaces.
    is_issuance = Leaf.leaf.contains('"event":"issued"', autoescape=True)
    left = session.scalar(select(func.count()).where(Leaf.position >= place, is_issuance)) or 0
    waiting = {CERTIFICATES: left}
    for name, number, _made_at in _lists(session):
        waiting[name] = int(name not in known or known[name].position < number)
    return [
        Series(name, known[name].examined, left, known[name].examined_at)
        if name in known
        else Series(name, 0, left, None)
        for name, left in waiting.items()
    ]


def findings(session: Session) -> Sequence[AuditFinding]:
    """Everything that was found, the oldest first."""
    return session.scalars(select(AuditFinding).order_by(AuditFinding.id)).all()


def begin_anew(session: Session) -> None:
    """Forget how far it has come and what was found: everything is examined again."""
    session.execute(delete(AuditFinding))
    session.execute(delete(Audited))


def examine(
    database: Database,
    *,
    clock: Callable[[], datetime],
    seconds: float = SLICE,
    is_busy: Callable[[], bool] = lambda: False,
) -> int:
    """Examine what was not yet, for so many seconds or until something else waits; how many were examined."""
    deadline = time.monotonic() + seconds
    count = 0
    while not is_busy():
        with database.reading() as session:
            batch = _waiting_list(session) or _waiting_certificates(session)
        if batch is None:
            break
        found = [(subject, said) for subject, look in batch.subjects for said in _what_is_said(look)]
        _keep(database, batch, found, now=clock())
        count += len(batch.subjects)
        if time.monotonic() >= deadline:
            break
    return count


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is examined at a time: where its series stands, where it will, and each subject with how to look at it."""

    series: str
    start: int
    end: int
    subjects: Sequence[tuple[str, Callable[[], list[str]]]]


def _waiting_certificates(session: Session) -> _Batch | None:
    start = _places(session).get(CERTIFICATES, 0)
    leaves = session.execute(
        select(Leaf.position, Leaf.leaf).where(Leaf.position >= start).order_by(Leaf.position).limit(BATCH)
    ).all()
    if not leaves:
        return None
    records = [json.loads(row.leaf) for row in leaves]
    keys = [(one["issuer"], one["serial"]) for one in records if one["event"] == Event.ISSUED]
    ders = {one.key: one.der for one in stated(session, serials={serial for _, serial in keys})}
    rows = session.execute(select(Issuer.label, Issuer.certificate))
    issuers = {row.label: x509.load_der_x509_certificate(row.certificate) for row in rows}
    subjects = [
        (f"{label} {serial}", partial(_look_at, ders.get((label, serial)), issuers.get(label)))
        for label, serial in keys
    ]
    return _Batch(CERTIFICATES, start, (leaves[-1].position or 0) + 1, subjects)


def _look_at(der: bytes | None, issuer: x509.Certificate | None) -> list[str]:
    from provisioner.certificates.second_opinion import certificate_findings  # noqa: PLC0415 - a second to import

    if der is None:
        return ["ERROR certificate-gone: the record has it and the books do not"]
    return certificate_findings(x509.load_der_x509_certificate(der), issuer)


def _what_is_said(look: Callable[[], list[str]]) -> list[str]:
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - whatever it stumbles over is told, and everything after it is examined
        return [f"ERROR cannot-be-examined: {error!r}"]


def _waiting_list(session: Session) -> _Batch | None:
    places = _places(session)
    for name, number, _made_at in _lists(session):
        if places.get(name, 0) < number:
            kind, _, label = name.partition(" ")
            issuer = session.scalars(select(Issuer).where(Issuer.label == label)).one()
            look = partial(_look_at_list, issuer.delta if kind == "delta" else issuer.crl, label)
            return _Batch(name, places.get(name, 0), number, [(f"{label} {number}", look)])
    return None


def _look_at_list(der: bytes | None, label: str) -> list[str]:
    from provisioner.certificates.second_opinion import list_findings  # noqa: PLC0415 - a second to import

    return list_findings(x509.load_der_x509_crl(der or b""), of_root=name_of(label) == ROOT)


def _lists(session: Session) -> Iterator[tuple[str, int, datetime]]:
    """The series of every authority's lists, with the number of its newest and when that was made."""
    issuers = select(
        Issuer.label,
        Issuer.crl_number,
        Issuer.crl_next_update,
        Issuer.crl.is_not(None),
        Issuer.delta.is_not(None),
    )
    for label, number, until, has_list, has_delta in session.execute(issuers.order_by(Issuer.id)):
        made_at = until - timedelta(days=list_days(label)) if until else _LONG_AGO
        if has_list:
            yield f"list {label}", number, made_at
        if has_delta:
            yield f"delta {label}", number, made_at


def _places(session: Session) -> dict[str, int]:
    """How far each series has come."""
    rows = session.execute(select(Audited.series, Audited.position).where(Audited.linter == linter()))
    return dict(rows.all())


def _keep(database: Database, batch: _Batch, found: Sequence[tuple[str, str]], *, now: datetime) -> None:
    """Write down how far it has come and what was found, unless another worker did so meanwhile."""
    mine = Audited.series == batch.series
    with database.transaction() as session:
        session.execute(delete(Audited).where(mine, Audited.linter != linter()))
        if batch.start == 0 and not session.scalar(select(exists().where(mine))):
            session.execute(delete(AuditFinding).where(AuditFinding.series == batch.series))
            first = {
                "series": batch.series,
                "linter": linter(),
                "position": 0,
                "examined": 0,
                "began_at": now,
            }
            session.execute(insert(table_of(Audited)), first)
        moved = session.connection().execute(
            update(table_of(Audited))
            .where(mine, Audited.position == batch.start)
            .values(position=batch.end, examined=Audited.examined + len(batch.subjects), examined_at=now)
        )
        if found and moved.rowcount:
            rows = [
                {"series": batch.series, "subject": subject, "finding": said[:1000], "found_at": now}
                for subject, said in found
            ]
            session.execute(insert(table_of(AuditFinding)), rows)
