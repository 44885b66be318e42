"""Reading from the books what the directory must show, for sets of rows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.certificates.models import Certificate, Purpose
from provisioner.directory.entries import AgencyFacts, ListFacts, MailboxFacts
from provisioner.lists.models import Audience, MailingList, Senders
from provisioner.mailboxes.models import Address, Kind, Mailbox, Status
from provisioner.people.models import Person, Post, last_posts

Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True)
class Shown(Generic[Facts]):
    """Facts of one row, the revision they are of, and whether the directory has seen the row before."""

    id: int
    revision: int
    known: bool
    facts: Facts
    withdrawn: tuple[bytes, ...] = ()
    """Certificates of ours (DER) that are no longer live and must leave the directory."""


def agencies_by_id(session: Session) -> dict[int, AgencyFacts]:
    """All agencies: there are some thousand at most, and every mailbox needs one."""
    rows = session.execute(
        select(
            Agency.id,
            Agency.uid,
            Agency.code,
            Agency.path,
            Agency.name,
            Agency.bloc,
            Agency.level,
        )
    ).all()
    codes = {row.id: row.code for row in rows}
    return {
        row.id: AgencyFacts(
            uid=row.uid,
            code=row.code,
            path=tuple(codes[int(part)] for part in row.path.strip("/").split("/")),
            name=row.name,
            bloc=row.bloc,
            level=row.level,
        )
        for row in rows
    }


class KnownAgencies:
    """All agencies, read again only when one has changed: whoever changes one raises its revision."""

    def __init__(self) -> None:
        self._state: tuple[int, ...] = ()
        self._agencies: dict[int, AgencyFacts] = {}

    def now(self, session: Session) -> Mapping[int, AgencyFacts]:
        """The agencies as this session sees them."""
        state = tuple(session.execute(select(func.count(), func.sum(Agency.revision))).one())
        if state != self._state:
            self._agencies, self._state = agencies_by_id(session), state
        return self._agencies


def agencies(session: Session, ids: Sequence[int]) -> list[Shown[AgencyFacts]]:
    """What the directory must show of these agencies, in the order of the ids."""
    facts = agencies_by_id(session)
    rows = session.execute(
        select(Agency.id, Agency.revision, Agency.first_synced_at)
        .where(Agency.id.in_(ids))
        .order_by(Agency.id)
    )
    return [Shown(row.id, row.revision, row.first_synced_at is not None, facts[row.id]) for row in rows]


def lists(
    session: Session, ids: Sequence[int], *, agencies: Mapping[int, AgencyFacts]
) -> list[Shown[ListFacts]]:
    """What the directory must show of these lists, in the order of the ids."""
    rows = session.scalars(select(MailingList).where(MailingList.id.in_(ids)).order_by(MailingList.id))
    return [
        Shown(
            id=row.id,
            revision=row.revision,
            known=row.first_synced_at is not None,
            facts=ListFacts(
                uid=row.uid,
                address=row.address,
                audience=Audience(row.audience),
                senders=Senders(row.senders),
                agency=None if row.agency_id is None else agencies[row.agency_id],
                bloc=row.bloc,
            ),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Unshowable:
    """A row whose facts are not all in the books; it must not keep the others from being shown."""

    id: int
    revision: int
    lacking: str
    """For people: what is missing."""


def mailboxes(
    session: Session,
    ids: Sequence[int],
    *,
    agencies: Mapping[int, AgencyFacts],
    quotas: Mapping[Kind, int],
    now: datetime,
) -> list[Shown[MailboxFacts] | Unshowable]:
    """What the directory must show of these mailboxes now, in the order of the ids.

    `quotas` are the policy's bytes by kind of mailbox; an exception of the mailbox goes before. The mailbox
    of somebody who left stands at the agency of the last post.
    """
    addresses: dict[int, list[str]] = defaultdict(list)
    for mailbox_id, address in session.execute(
        select(Address.mailbox_id, Address.address)
        .where(Address.mailbox_id.in_(ids))
        .order_by(Address.mailbox_id, Address.is_primary.desc(), Address.address)
    ):
        addresses[mailbox_id].append(address)
    live: dict[int, list[bytes]] = defaultdict(list)
    withdrawn: dict[int, list[bytes]] = defaultdict(list)
    for certificate in session.execute(
        select(Certificate.mailbox_id, Certificate.der, Certificate.not_after, Certificate.revoked_at)
        .where(
            Certificate.mailbox_id.in_(ids),
            # Who writes to somebody looks for S/MIME there; a signed document brings its own along.
            Certificate.purpose == Purpose.MAIL,
            Certificate.der.is_not(None),
        )
        .order_by(Certificate.id)
    ):
        is_live = certificate.revoked_at is None and certificate.not_after > now
        (live if is_live else withdrawn)[certificate.mailbox_id].append(certificate.der)
    rows = session.execute(
        select(
            Mailbox.id,
            Mailbox.revision,
            Mailbox.first_synced_at,
            Mailbox.account_id,
            Mailbox.kind,
            Mailbox.status,
            Mailbox.quota_exception_bytes,
            Mailbox.unit_name,
            Mailbox.person_id,
            func.coalesce(Mailbox.agency_id, Post.agency_id).label("agency_id"),
            Person.full_name,
            Person.family,
            Person.middle,
            Person.given,
            Person.staff_number,
            Person.phone,
            Post.title,
            Post.is_leader,
        )
        .outerjoin(Person, Person.id == Mailbox.person_id)
        .outerjoin(Post, (Post.person_id == Mailbox.person_id) & Post.until.is_(None))
        .where(Mailbox.id.in_(ids))
        .order_by(Mailbox.id)
    ).all()
    last = _last_agencies(session, [row.person_id for row in rows if row.agency_id is None])
    shown: list[Shown[MailboxFacts] | Unshowable] = []
    for row in rows:
        agency = agencies.get(row.agency_id or last.get(row.person_id, 0))
        if agency is None:
            shown.append(Unshowable(row.id, row.revision, "its owner never held a post in any agency"))
            continue
        shown.append(
            Shown(
                id=row.id,
                revision=row.revision,
                known=row.first_synced_at is not None,
                withdrawn=tuple(withdrawn[row.id]),
                facts=MailboxFacts(
                    account_id=row.account_id,
                    kind=Kind(row.kind),
                    status=Status(row.status),
                    quota_bytes=row.quota_exception_bytes or quotas[Kind(row.kind)],
                    name=row.full_name or row.unit_name or agency.name,
                    family=row.family,
                    given=" ".join(filter(None, (row.middle, row.given))) or None,
                    staff_number=row.staff_number,
                    phone=row.phone,
                    title=row.title,
                    is_leader=bool(row.is_leader),
                    agency=agency,
                    belongs=row.agency_id is not None,
                    address=addresses[row.id][0],
                    aliases=tuple(addresses[row.id][1:]),
                    certificates=tuple(live[row.id]),
                ),
            )
        )
    return shown


def _last_agencies(session: Session, person_ids: Sequence[int]) -> dict[int, int]:
    """The agency of the last post of people who hold none any more."""
    if not person_ids:
        return {}
    rows = session.execute(select(Post.person_id, Post.agency_id).where(Post.id.in_(last_posts(person_ids))))
    return {row.person_id: row.agency_id for row in rows}
