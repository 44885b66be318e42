"""Lists and who is on them, as the books say."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.agencies.register import path_of
from provisioner.audit import Change, Who, record
from provisioner.db import after_commit
from provisioner.errors import NotFound, Text
from provisioner.lists.models import Audience, MailingList, Senders
from provisioner.mailboxes.models import Address, Kind, Mailbox, Status
from provisioner.pending import raised
from provisioner.people.models import Post

RECEIVING = (Status.ACTIVE, Status.LOCKED)


@dataclass(frozen=True, slots=True)
class Listed:
    """A list with its members' primary addresses."""

    address: str
    audience: Audience
    senders: Senders
    scope: str
    """The agency's code, or the bloc's."""
    members: frozenset[str]


def lists_of(session: Session, agency_code: str | None = None) -> Iterator[Listed]:
    """Every list, or those of an agency and of all below it, in the order of their addresses.

    Members are people who hold a post and whose mailbox receives. Raises `NotFound` for an unknown agency.
    """
    wanted = select(MailingList, Agency.path, Agency.code).outerjoin(
        Agency, Agency.id == MailingList.agency_id
    )
    if agency_code is not None:
        wanted = wanted.where(Agency.path.startswith(path_of(session, agency_code), autoescape=True))
    members = _members(session)
    for row, path, code in session.execute(wanted.order_by(MailingList.address)):
        audience = Audience(row.audience)
        yield Listed(
            row.address,
            audience,
            Senders(row.senders),
            row.bloc or code,
            frozenset(members[audience, row.bloc or path]),
        )


def permit(session: Session, address: str, senders: Senders, *, who: Who, now: datetime) -> None:
    """Decide who may write to this list. Raises `NotFound`."""
    address = address.strip().lower()
    found = session.execute(
        select(MailingList.id, MailingList.senders).where(MailingList.address == address).with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFound(
            Text(vi=f"Không có nhóm thư {address}.", en=f"There is no list {address}."), code="list-unknown"
        )
    if found.senders == senders:
        return
    session.execute(
        update(MailingList).where(MailingList.id == found.id).values(senders=senders, **raised(MailingList))
    )
    before, after = {"senders": found.senders}, {"senders": senders}
    record(session, who, [Change("list.senders", "list", address, before=before, after=after)], now=now)
    after_commit(session, "directory")


def _members(session: Session) -> dict[tuple[Audience, str], list[str]]:
    """The addresses of whoever is on a list, by its audience and an agency's path or a bloc."""
    found: dict[tuple[Audience, str], list[str]] = defaultdict(list)
    for path, bloc, address, is_leader in session.execute(
        select(Agency.path, Agency.bloc, Address.address, Post.is_leader)
        .join(Post, Post.agency_id == Agency.id)
        .join(Mailbox, Mailbox.person_id == Post.person_id)
        .join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .where(Post.until.is_(None), Mailbox.kind == Kind.PERSONAL, Mailbox.status.in_(RECEIVING))
    ):
        found[Audience.OWN, path].append(address)
        for scope in (bloc, *_with_those_above(path)):
            found[Audience.ALL, scope].append(address)
            if is_leader:
                found[Audience.LEADERS, scope].append(address)
    return found


def _with_those_above(path: str) -> Iterator[str]:
    while path != "/":
        yield path
        path = path[: path.rindex("/", 0, -1) + 1]
