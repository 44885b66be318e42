"""Comparing the directory with the books, attribute by attribute, and telling every difference.

Nothing is repaired here: a difference is told, and `sync` puts right what a person has
released. Entries that are not ours are counted as strangers and never touched.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from ldap_schema import schema
from ldap_schema.dit import Dit
from provisioner.agencies.models import Agency
from provisioner.audit import Change, Who, record
from provisioner.db import Database, after_commit
from provisioner.directory import facts
from provisioner.directory.entries import agency_entry, list_entry, mailbox_entry
from provisioner.directory.port import Directory, Entry
from provisioner.lists.models import MailingList
from provisioner.mailboxes.models import Address, Kind, Mailbox

CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry that is not as the books say: `missing`, `drifted`, `stranger` or `orphan`.

    A stranger stands in our branches without our marker; an orphan bears a marker the books do not know.
    """

    dn: str
    kind: str
    attributes: tuple[str, ...] = ()


@dataclass
class Compared:
    """How many entries were compared, how many rows are pending (and not compared), and what differs."""

    entries: int = 0
    pending: int = 0
    differences: list[Difference] = field(default_factory=list)


def reconcile(
    database: Database, directory: Directory, *, dit: Dit, quotas: Mapping[Kind, int], now: datetime
) -> Compared:
    """Compare every agency, list and mailbox with its entry. Raises `Unavailable` when the directory is away.

    `now` is the moment at which it begins: what a worker writes from then on counts as pending.
    """
    found = Compared()
    in_directory = {
        entry.dn.lower(): entry
        for branch in (dit.people, dit.units, dit.agencies, dit.groups)
        for entry in directory.scan(branch)
    }
    with database.reading() as session:
        for wished, withdrawn, pending in _wished(session, dit, quotas, now):
            actual = in_directory.pop(wished.dn.lower(), None)
            if pending:
                found.pending += 1
                continue
            found.entries += 1
            if actual is None:
                found.differences.append(Difference(wished.dn, "missing"))
            elif differing := _differing(wished, actual, withdrawn):
                found.differences.append(Difference(wished.dn, "drifted", differing))
    found.differences += [
        Difference(entry.dn, "orphan" if entry.marker else "stranger") for entry in in_directory.values()
    ]
    return found


def _wished(
    session: Session, dit: Dit, quotas: Mapping[Kind, int], now: datetime
) -> Iterator[tuple[Entry, frozenset[bytes], bool]]:
    """What every entry must be, the certificates it must not have, and whether it is still on its way there."""
    agencies = facts.agencies_by_id(session)
    for row in session.execute(select(Agency.id, _pending(Agency, now))):
        yield agency_entry(agencies[row.id], dit), frozenset(), row.pending
    lists = session.execute(select(MailingList.id, _pending(MailingList, now)).order_by(MailingList.id)).all()
    shown_lists = facts.lists(session, [row.id for row in lists], agencies=agencies)
    for row, shown_list in zip(lists, shown_lists, strict=True):
        yield list_entry(shown_list.facts, dit), frozenset(), row.pending
    last = 0
    while True:
        rows = session.execute(
            select(Mailbox.id, _pending(Mailbox, now))
            .where(Mailbox.id > last)
            .order_by(Mailbox.id)
            .limit(CHUNK)
        ).all()
        if not rows:
            return
        last = rows[-1].id
        ids = [row.id for row in rows]
        shown = facts.mailboxes(session, ids, agencies=agencies, quotas=quotas, now=now)
        for row, mailbox in zip(rows, shown, strict=True):
            if isinstance(mailbox, facts.Shown):  # the others wait for a person, see `stuck`
                yield mailbox_entry(mailbox.facts, dit), frozenset(mailbox.withdrawn), row.pending


def _pending(model: type[Agency | MailingList | Mailbox], now: datetime) -> ColumnElement[bool]:
    return or_(model.synced_revision < model.revision, func.coalesce(model.synced_at > now, False)).label(
        "pending"
    )


def _differing(wished: Entry, actual: Entry, withdrawn: frozenset[bytes]) -> tuple[str, ...]:
    """The names of the attributes that are not as wished; values of others in shared ones are allowed."""
    names = [
        name
        for name in schema.MANAGED
        if set(wished.attributes.get(name, ())) != set(actual.attributes.get(name, ()))
    ]
    for name in schema.SHARED | schema.KEPT:
        have = {_comparable(name, value) for value in actual.attributes.get(name, ())}
        wanting = {_comparable(name, value) for value in wished.attributes.get(name, ())} - have
        if wanting or (name == schema.CERTIFICATE and have & withdrawn):
            names.append(name)
    return tuple(sorted(names))


def _comparable(name: str, value: bytes) -> bytes:
    """Names of object classes are the same in either case (RFC 4512, 1.4)."""
    return value.lower() if name == schema.OBJECT_CLASS else value


@dataclass(frozen=True, slots=True)
class Stuck:
    """A row that waits for a person."""

    what: str
    id: int
    trouble: str
    detail: str


def stuck(session: Session) -> list[Stuck]:
    """Agencies, lists and mailboxes that the directory would not take."""
    agencies = session.execute(
        select(Agency.code.label("what"), Agency.id, Agency.trouble, Agency.trouble_detail).where(
            Agency.trouble.is_not(None)
        )
    )
    lists = session.execute(
        select(
            MailingList.address.label("what"), MailingList.id, MailingList.trouble, MailingList.trouble_detail
        ).where(MailingList.trouble.is_not(None))
    )
    mailboxes = session.execute(
        select(Address.address.label("what"), Mailbox.id, Mailbox.trouble, Mailbox.trouble_detail)
        .join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .where(Mailbox.trouble.is_not(None))
    )
    return [
        Stuck(row.what, row.id, row.trouble or "", row.trouble_detail or "")
        for rows in (agencies, lists, mailboxes)
        for row in rows
    ]


def release(session: Session, *, by: str, now: datetime) -> int:
    """Let every stuck agency, list and mailbox be tried again; how many."""
    rows = stuck(session)
    for model in (Agency, MailingList, Mailbox):
        session.execute(
            update(model)
            .where(model.trouble.is_not(None))
            .values(trouble=None, trouble_detail=None, due_at=None)
        )
    record(
        session,
        Who(by),
        [Change("directory.retried", "entry", row.what, before={"trouble": row.trouble}) for row in rows],
        now=now,
    )
    after_commit(session, "directory")
    return len(rows)
