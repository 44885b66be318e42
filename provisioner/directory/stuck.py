"""What the directory would not take, and letting it be tried again once a person has cleared the way."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.audit import Change, Who, record
from provisioner.db import after_commit
from provisioner.lists.models import MailingList
from provisioner.mailboxes.models import Address, Mailbox


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
