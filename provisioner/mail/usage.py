"""Who uses their mailbox: sign-ins brought into the books, and what they add up to.

A sign-in is a mail program's, as Dovecot's last_login or the directory saw it; deliveries are none. Bringing in the same
ones twice changes nothing: a mailbox keeps the first sign-in that was seen and the newest.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVarTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.agencies.register import path_of
from provisioner.db import MOST_VALUES, Database, table_of
from provisioner.errors import Invalid, Text
from provisioner.mail.models import ActivationCode
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.people.models import Post, is_last_post

SERVICES = frozenset({"imap", "pop3"})
"""Services by which owners come in. Others of Dovecot (lmtp, lda, doveadm) are nobody's use."""

Columns = TypeVarTuple("Columns")

_AHEAD = timedelta(hours=1)
"""A sign-in may come this much before it happened by our clock: servers' clocks differ. Later ones are mistakes."""


class SignIn(NamedTuple):
    """Somebody came in: `who` is an address, or the account id where the directory saw it."""

    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class BroughtIn:
    """What became of sign-ins: how many were read, how many mailboxes they changed, and how many said nothing."""

    read: int = 0
    changed: int = 0
    unknown: int = 0
    """Of addresses that the books do not know."""
    from_the_future: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """Use of open mailboxes of a sub-tree that stand in the directory. Idle ones were used, but not for so long."""

    issued: int
    activated: int
    """Their owner has set a password."""
    never_used: int
    used: int
    """Within the period of policy."""
    idle_45: int
    idle_90: int
    idle_180: int


def last_logins(folder: Path) -> Iterator[SignIn]:
    """What Dovecot's last_login left: `last-login/SERVICE/ADDRESS`, each file holding seconds since 1970.

    Files that hold no number or are gone are passed over: the server may just be writing them. Raises `Invalid` for a
    folder or a file that we may not read.
    """
    with readable("last_login"):
        for service in sorted((folder / "last-login").iterdir()):
            if service.name in SERVICES:
                for file in service.iterdir():
                    try:
                        yield SignIn(file.name, datetime.fromtimestamp(int(file.read_text("ascii")), UTC))
                    except (FileNotFoundError, ValueError, OverflowError):
                        continue


@contextmanager
def readable(plugin: str) -> Iterator[None]:
    """Read what this plugin of Dovecot's left. Raises `Invalid` where the account we run as may not."""
    try:
        yield
    except OSError as error:
        raise Invalid(
            Text(
                vi=f"Không đọc được thư mục {plugin} của Dovecot: {error}.",
                en=f"The folder of Dovecot's {plugin} cannot be read: {error}.",
            ),
            code="folder-not-readable",
        ) from error


def bring_in(database: Database, sign_ins: Iterable[SignIn], *, now: datetime) -> BroughtIn:
    """Record these sign-ins, some thousands to a transaction. Who signed in has had the mailbox handed over."""
    read = changed = unknown = future = 0
    rest = iter(sign_ins)
    while chunk := list(islice(rest, MOST_VALUES)):
        good = [one for one in chunk if one.at <= now + _AHEAD]
        newest: dict[str, datetime] = {}
        for one in good:
            who = one.who.lower()
            newest[who] = max(one.at, newest.get(who, one.at))
        with database.transaction() as session:
            found = mailboxes_named(session, list(newest))
            changed += _record(session, found, newest)
        read += len(chunk)
        future += len(chunk) - len(good)
        unknown += len(newest) - len(found)
    return BroughtIn(read, changed, unknown, future)


def use_of(session: Session, agency_code: str | None, *, now: datetime, within: timedelta) -> Use:
    """How much the mailboxes of this agency and below it, or all of them, are used; who left need not use theirs.

    Raises `NotFound`.
    """
    used = Mailbox.last_used_at > now - within
    activated = exists().where(ActivationCode.mailbox_id == Mailbox.id, ActivationCode.used_at.is_not(None))

    def idle(days: int) -> ColumnElement[int]:
        return func.count().filter(Mailbox.last_used_at <= now - timedelta(days=days))

    statement = select(
        func.count(),
        func.count().filter(or_(activated, Mailbox.last_used_at.is_not(None))),
        func.count().filter(Mailbox.last_used_at.is_(None)),
        func.count().filter(used),
        idle(45),
        idle(90),
        idle(180),
    )
    in_service = or_(Mailbox.person_id.is_(None), Post.until.is_(None))
    return Use(*session.execute(of_sub_tree(session, statement, agency_code).where(in_service)).one())


def of_sub_tree(session: Session, statement: Select[*Columns], agency_code: str | None) -> Select[*Columns]:
    """The same question about open mailboxes that stand in the directory, of this agency and below it or of all.

    Those of people who left are of the agency of their last post. It may name columns of `Mailbox`, `Post` and of the
    `Agency` each belongs to. Raises `NotFound`.
    """
    statement = (
        statement.select_from(Mailbox)
        .outerjoin(Post, and_(Post.person_id == Mailbox.person_id, is_last_post()))
        .join(Agency, Agency.id == func.coalesce(Mailbox.agency_id, Post.agency_id))
        .where(Mailbox.closed_at.is_(None), Mailbox.first_synced_at.is_not(None))
    )
    if agency_code is None:
        return statement
    return statement.where(Agency.path.startswith(path_of(session, agency_code), autoescape=True))


@dataclass(frozen=True, slots=True)
class Unused:
    """A mailbox that is never or no longer used."""

    address: str
    agency_code: str
    issued_at: datetime | None
    last_used_at: datetime | None


def unused(session: Session, agency_code: str | None, *, now: datetime, days: int | None) -> Iterator[Unused]:
    """Mailboxes of this agency and below it, or of all, that were used, but not for so many days; None: never at all.

    The longest unused first. Raises `NotFound`.
    """
    statement = select(Address.address, Agency.code, Mailbox.first_synced_at, Mailbox.last_used_at)
    rows = session.execute(
        of_sub_tree(session, statement, agency_code)
        .join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .where(is_unused(now=now, days=days))
        .order_by(Mailbox.last_used_at, Mailbox.first_synced_at, Address.address)
    )
    return (Unused(*row) for row in rows)


def is_unused(*, now: datetime, days: int | None) -> ColumnElement[bool]:
    """Whether a mailbox was used, but not for so many days; None: whether it was never used at all."""
    return Mailbox.last_used_at <= now - timedelta(days=days) if days else Mailbox.last_used_at.is_(None)


def mailboxes_named(session: Session, names: Sequence[str]) -> dict[str, int]:
    """Mailbox ids by address, present or former, or by account id; what nobody is called is left out."""
    by_address = session.execute(
        select(Address.address, Address.mailbox_id).where(Address.address.in_(names))
    ).all()
    accounts = [name for name in names if "@" not in name]
    by_account = session.execute(
        select(Mailbox.account_id, Mailbox.id).where(Mailbox.account_id.in_(accounts))
    ).all()
    return dict(by_address) | dict(by_account)


def _record(session: Session, found: dict[str, int], newest: dict[str, datetime]) -> int:
    latest: dict[int, datetime] = {}
    for name, mailbox_id in found.items():
        latest[mailbox_id] = max(newest[name], latest.get(mailbox_id, newest[name]))
    known = dict(
        session.execute(select(Mailbox.id, Mailbox.last_used_at).where(Mailbox.id.in_(latest))).all()
    )
    newer = [
        {"which": mailbox_id, "moment": at}
        for mailbox_id, at in latest.items()
        if (before := known[mailbox_id]) is None or before < at
    ]
    if newer:
        table = table_of(Mailbox)
        moment = bindparam("moment", type_=table.c.last_used_at.type)
        session.connection().execute(
            update(table)
            .where(table.c.id == bindparam("which"))
            .values(
                last_used_at=case(
                    (
                        and_(table.c.last_used_at.is_not(None), table.c.last_used_at > moment),
                        table.c.last_used_at,
                    ),
                    else_=moment,
                ),
                first_used_at=func.coalesce(table.c.first_used_at, moment),
                handed_over_at=func.coalesce(table.c.handed_over_at, moment),
            ),
            newer,
        )
    return len(newer)
