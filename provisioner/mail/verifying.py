"""The proof of quotas: what the books grant, what the directory says, and what the mail server enforces.

Nothing is repaired here. Every mailbox is compared, every difference is named, and first of all whatever resolves to no
limit at all.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from ldap_schema.dit import Dit
from provisioner.agencies.models import Agency
from provisioner.agencies.register import path_of
from provisioner.db import Database
from provisioner.directory.port import Directory, Entry
from provisioner.errors import Invalid, Text
from provisioner.mailboxes.models import Address, Kind, Mailbox, Status
from provisioner.people.models import Post, is_last_post

_CHUNK = 1000
_RECEIVING = frozenset({Status.ACTIVE, Status.LOCKED})
"""The mail server knows these; the others are refused before it is asked."""


class Trouble(StrEnum):
    """What can be wrong with a quota, the worst first."""

    UNLIMITED_ON_SERVER = "unlimited-on-server"
    UNLIMITED_IN_DIRECTORY = "unlimited-in-directory"
    """The entry says 0, nothing, or no number. Our configuration turns that into the fallback; others may not."""
    UNKNOWN_TO_BOOKS = "unknown-to-books"
    """The mail server has a mailbox that we never ordered."""
    MISSING_IN_DIRECTORY = "missing-in-directory"
    MISSING_ON_SERVER = "missing-on-server"
    DIFFERS_IN_DIRECTORY = "differs-in-directory"
    DIFFERS_ON_SERVER = "differs-on-server"


@dataclass(frozen=True, slots=True)
class Finding:
    """One mailbox whose quota is not the same everywhere. Sizes are bytes; the server's are multiples of 1,024."""

    address: str
    trouble: Trouble
    books: int | None = None
    directory: int | None = None
    server: int | None = None


@dataclass
class Verified:
    """How many mailboxes were compared, how many are still on their way to the directory, and what was found."""

    compared: int = 0
    pending: int = 0
    asked_server: bool = False
    findings: list[Finding] = field(default_factory=list)


class _Granted(NamedTuple):
    """What the books grant one mailbox."""

    address: str
    account_id: str
    kind: Kind
    status: Status
    exception: int | None
    pending: bool


def read_doveadm(lines: Iterable[str]) -> dict[str, int]:
    """The limits in `doveadm -f tab quota get -A`: address to bytes, 0 where there is no limit.

    doveadm tells kilobytes, and `-` for no limit. Raises `Invalid` for something else than its table.
    """
    table = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    limits: dict[str, int] = {}
    try:
        for row in table:
            if row["Type"] == "STORAGE":
                limit = row["Limit"]
                limits[row["Username"].lower()] = 0 if limit == "-" else int(limit) * 1024
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Invalid(
            Text(
                vi="Đây không phải kết quả của «doveadm -f tab quota get -A».",
                en="This is not what “doveadm -f tab quota get -A” prints.",
            ),
            code="not-doveadm",
        ) from error
    return limits


def verify(
    database: Database,
    directory: Directory,
    *,
    dit: Dit,
    quotas: Mapping[Kind, int],
    server: Mapping[str, int] | None = None,
    agency_code: str | None = None,
) -> Verified:
    """Compare every open mailbox, or those of an agency and below it, in books, directory and mail server.

    `server` is what the mail server answered, by `read_doveadm`; without it only books and directory are compared. A
    mailbox that is on its way to the directory is counted as pending and not compared. Raises `NotFound` for an
    unknown agency and `Unavailable`.
    """
    with database.reading() as session:
        granted = _granted(session, agency_code)
        known = None if agency_code else set(session.scalars(select(Address.address)))
    done = Verified(asked_server=server is not None)
    for at in range(0, len(granted), _CHUNK):
        chunk = [mailbox for mailbox in granted[at : at + _CHUNK] if not mailbox.pending]
        done.pending += len(granted[at : at + _CHUNK]) - len(chunk)
        done.compared += len(chunk)
        place = {Kind.PERSONAL: dit.person, Kind.UNIT: dit.unit}
        entries = directory.read([place[mailbox.kind](mailbox.account_id) for mailbox in chunk])
        for mailbox in chunk:
            entry = entries.get(place[mailbox.kind](mailbox.account_id))
            done.findings += _compare(mailbox, mailbox.exception or quotas[mailbox.kind], entry, server)
    if server is not None and known is not None:
        done.findings += [
            Finding(address, Trouble.UNKNOWN_TO_BOOKS, server=limit)
            for address, limit in server.items()
            if address not in known
        ]
    order = list(Trouble)
    done.findings.sort(key=lambda finding: (order.index(finding.trouble), finding.address))
    return done


def _compare(
    mailbox: _Granted, books: int, entry: Entry | None, server: Mapping[str, int] | None
) -> list[Finding]:
    found: list[Finding] = []
    told = _told(entry)
    answer = server.get(mailbox.address) if server is not None else None

    def find(trouble: Trouble) -> None:
        found.append(Finding(mailbox.address, trouble, books, told, answer))

    if entry is None:
        find(Trouble.MISSING_IN_DIRECTORY)
    elif told is None or told <= 0:
        find(Trouble.UNLIMITED_IN_DIRECTORY)
    elif told != books:
        find(Trouble.DIFFERS_IN_DIRECTORY)
    if server is None or mailbox.status not in _RECEIVING:
        return found
    if answer is None:
        find(Trouble.MISSING_ON_SERVER)
    elif answer <= 0:
        find(Trouble.UNLIMITED_ON_SERVER)
    elif answer // 1024 != books // 1024:
        find(Trouble.DIFFERS_ON_SERVER)
    return found


def _told(entry: Entry | None) -> int | None:
    values = entry.attributes.get("congvuQuota", ()) if entry else ()
    try:
        return int(values[0]) if len(values) == 1 else None
    except ValueError:
        return None


def _granted(session: Session, agency_code: str | None) -> list[_Granted]:
    statement = (
        select(
            Address.address,
            Mailbox.account_id,
            Mailbox.kind,
            Mailbox.status,
            Mailbox.quota_exception_bytes,
            Mailbox.synced_revision < Mailbox.revision,
        )
        .join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .where(Mailbox.closed_at.is_(None))
        .order_by(Mailbox.id)
    )
    if agency_code is not None:
        path = path_of(session, agency_code)
        statement = (
            statement.outerjoin(Post, and_(Post.person_id == Mailbox.person_id, is_last_post()))
            .join(Agency, Agency.id == func.coalesce(Mailbox.agency_id, Post.agency_id))
            .where(Agency.path.startswith(path, autoescape=True))
        )
    return [
        _Granted(address, account_id, Kind(kind), Status(status), exception, bool(pending))
        for address, account_id, kind, status, exception, pending in session.execute(statement)
    ]
