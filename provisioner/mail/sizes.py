"""How much mailboxes hold: sizes brought into the books as Dovecot's quota_clone tells them, and who is nearly full."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import ColumnElement, Float, bindparam, case, cast, func, select, update
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.db import Database, table_of
from provisioner.mail.usage import BroughtIn, mailboxes_named, of_sub_tree, readable
from provisioner.mailboxes.models import Address, Kind, Mailbox

NEARLY = (0.8, 0.95)
"""At these shares of their quota owners are warned (`config/dovecot`), and the lists of the nearly full begin."""

_CHUNK = 5000


class Size(NamedTuple):
    """So many bytes of mail were in the mailbox of this address at this moment."""

    who: str
    bytes: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Filled:
    """A mailbox with what it holds and may hold, in bytes."""

    address: str
    agency_code: str
    size: int
    quota: int
    at: datetime | None

    @property
    def share(self) -> float:
        return self.size / self.quota


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the open mailboxes of a sub-tree hold, as far as it is known."""

    mailboxes: int
    known: int
    bytes: int
    nearly_full: int
    """At 80 per cent or more, with the full ones."""


def cloned_sizes(folder: Path) -> Iterator[Size]:
    """What Dovecot's quota_clone left: `ADDRESS/quota/storage`, each file holding bytes, as new as the file.

    Files that hold no number or are not there are passed over: the server may just be writing them. Raises `Invalid` for a
    folder or a file that we may not read.
    """
    with readable("quota_clone"):
        for owner in sorted(folder.iterdir()):
            file = owner / "quota" / "storage"
            try:
                size = int(file.read_text("ascii"))
                yield Size(owner.name, max(size, 0), datetime.fromtimestamp(file.stat().st_mtime, UTC))
            except (FileNotFoundError, NotADirectoryError, ValueError, OverflowError):
                continue


def bring_in_sizes(database: Database, sizes: Iterable[Size], *, now: datetime) -> BroughtIn:
    """Record these sizes, some thousands to a transaction; the same ones twice change nothing, older ones neither."""
    read = changed = unknown = future = 0
    rest = iter(sizes)
    while chunk := list(islice(rest, _CHUNK)):
        newest: dict[str, Size] = {}
        for one in chunk:
            who = one.who.lower()
            if one.at > now:  # a clock that is ahead must not keep newer sizes out
                future += 1
                one = one._replace(at=now)  # noqa: PLW2901
            newest[who] = max(one, newest.get(who, one), key=lambda size: size.at)
        with database.transaction() as session:
            found = mailboxes_named(session, list(newest))
            changed += _record(session, _newest_of_each(found, newest))
        read += len(chunk)
        unknown += len(newest) - len(found)
    return BroughtIn(read, changed, unknown, future)


def nearly_full(
    session: Session, agency_code: str | None, *, quotas: Mapping[Kind, int], share: float
) -> list[Filled]:
    """Open mailboxes of this agency and below it, or of all, that hold this share of their quota or more; the fullest first.

    Raises `NotFound`.
    """
    quota = quota_column(quotas)
    statement = select(
        Address.address, Agency.code, func.coalesce(Mailbox.size_bytes, 0), quota, Mailbox.size_at
    )
    rows = session.execute(
        of_sub_tree(session, statement, agency_code)
        .join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .where(is_filled(quotas, share))
        .order_by((cast(Mailbox.size_bytes, Float) / quota).desc(), Address.address)
    )
    return [Filled(*row) for row in rows]


def sizes_of(session: Session, agency_code: str | None, *, quotas: Mapping[Kind, int]) -> Sizes:
    """What the open mailboxes of this agency and below it, or of all, hold. Raises `NotFound`."""
    statement = select(
        func.count(),
        func.count(Mailbox.size_bytes),
        func.sum(Mailbox.size_bytes),
        func.count().filter(is_filled(quotas, NEARLY[0])),
    )
    mailboxes, known, total, nearly = session.execute(of_sub_tree(session, statement, agency_code)).one()
    return Sizes(mailboxes, known, int(total or 0), nearly)


def is_filled(quotas: Mapping[Kind, int], share: float) -> ColumnElement[bool]:
    """Whether a mailbox holds this share of its quota or more, as far as its size is known."""
    return Mailbox.size_bytes >= share * cast(quota_column(quotas), Float)


def quota_column(quotas: Mapping[Kind, int]) -> ColumnElement[int]:
    """The quota of a mailbox in bytes: its exception, or the policy's for its kind."""
    of_kind = case({kind.value: size for kind, size in quotas.items()}, value=Mailbox.kind)
    return func.coalesce(Mailbox.quota_exception_bytes, of_kind)


def _newest_of_each(found: Mapping[str, int], newest: Mapping[str, Size]) -> Mapping[int, Size]:
    """Of a mailbox that was renamed the server may still keep what it held under its former address."""
    sizes: dict[int, Size] = {}
    for who, mailbox_id in found.items():
        sizes[mailbox_id] = max(newest[who], sizes.get(mailbox_id, newest[who]), key=lambda size: size.at)
    return sizes


def _record(session: Session, found: Mapping[int, Size]) -> int:
    known = dict(session.execute(select(Mailbox.id, Mailbox.size_at).where(Mailbox.id.in_(found))).all())
    newer = [
        {"which": mailbox_id, "size": size.bytes, "moment": size.at}
        for mailbox_id, size in found.items()
        if (before := known[mailbox_id]) is None or before < size.at
    ]
    if newer:
        table = table_of(Mailbox)
        session.connection().execute(
            update(table)
            .where(table.c.id == bindparam("which"))
            .values(size_bytes=bindparam("size"), size_at=bindparam("moment", type_=table.c.size_at.type)),
            newer,
        )
    return len(newer)
