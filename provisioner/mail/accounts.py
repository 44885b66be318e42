"""A mailbox as its owner signs in with it: what its password may not be, and what follows when one was set."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlalchemy.orm import Session

from ldap_schema.dit import Dit
from provisioner.audit import Change, Who, record
from provisioner.days import VIETNAM
from provisioner.mail.models import FormerPassword, OwnerSession
from provisioner.mail.passwords import Owner
from provisioner.mailboxes.models import Address, Kind, Mailbox, Status
from provisioner.notices.queueing import Matter, queue
from provisioner.notices.wording import Reason
from provisioner.operators.models import Operator, SignedIn, Way
from provisioner.people.models import Person

_REMEMBERED = 24
"""Former passwords looked at; more than any policy asks for."""


@dataclass(frozen=True, slots=True)
class Account:
    """An active mailbox, its owner, and the hashes of the passwords they had, the newest first."""

    mailbox_id: int
    account_id: str
    kind: Kind
    address: str
    owner: Owner
    former: tuple[str, ...]

    def dn(self, dit: Dit) -> str:
        """Its entry in the directory."""
        place = dit.person if self.kind is Kind.PERSONAL else dit.unit
        return place(self.account_id)


def account_where(session: Session, *conditions: ColumnElement[bool]) -> Account | None:
    """The active mailbox of which these conditions on `Mailbox` hold, if there is one."""
    row = session.execute(
        select(
            Mailbox.id,
            Mailbox.account_id,
            Mailbox.kind,
            Mailbox.unit_name,
            Person.full_name,
            Person.birth_date,
        )
        .outerjoin(Person, Person.id == Mailbox.person_id)
        .where(Mailbox.status == Status.ACTIVE, *conditions)
    ).one_or_none()
    if row is None:
        return None
    addresses = session.scalars(
        select(Address.address).where(Address.mailbox_id == row.id).order_by(Address.is_primary.desc())
    ).all()
    former = session.scalars(
        select(FormerPassword.hashed)
        .where(FormerPassword.mailbox_id == row.id)
        .order_by(FormerPassword.set_at.desc(), FormerPassword.id.desc())
        .limit(_REMEMBERED)
    ).all()
    return Account(
        mailbox_id=row.id,
        account_id=row.account_id,
        kind=Kind(row.kind),
        address=addresses[0],
        owner=Owner(
            names=tuple(filter(None, (row.full_name, row.unit_name))),
            addresses=tuple(addresses),
            birth_date=row.birth_date,
        ),
        former=tuple(former),
    )


def has_address(address: str) -> ColumnElement[bool]:
    """Whether a mailbox has this address, in lower case, as its primary one or another."""
    return exists().where(Address.mailbox_id == Mailbox.id, Address.address == address)


def note_password_set(
    session: Session, account: Account, stored: str, *, by: str, now: datetime, but: int | None = None
) -> None:
    """Write down that the owner set a password: by a `code`, or with the `password` before.

    From now on the mailbox is handed over at the latest. Sessions that began with the password before end, also those of
    an operator, except the owner's own whose id is `but`; and who had a password before is told, so that nobody sets another in their place unseen.
    """
    session.execute(
        update(Mailbox)
        .where(Mailbox.id == account.mailbox_id)
        .values(handed_over_at=func.coalesce(Mailbox.handed_over_at, now))
    )
    session.add(FormerPassword(mailbox_id=account.mailbox_id, hashed=stored, set_at=now))
    session.execute(
        delete(OwnerSession).where(
            OwnerSession.mailbox_id == account.mailbox_id, OwnerSession.id != (but or 0)
        )
    )
    owner = (
        select(Operator.id)
        .join(Mailbox, Mailbox.person_id == Operator.person_id)
        .where(Mailbox.id == account.mailbox_id)
    )
    session.execute(
        delete(SignedIn).where(SignedIn.way == Way.MAILBOX, SignedIn.operator_id.in_(owner)),
        execution_options={"synchronize_session": False},
    )
    change = Change("mailbox.password-set", "mailbox", account.address, after={"by": by})
    record(session, Who(account.address), [change], now=now)
    if account.former:
        tell(session, Reason.PASSWORD_SET, account, now=now)


def tell(session: Session, reason: Reason, account: Account, *, now: datetime) -> None:
    """Tell the owner, in the mailbox itself, what happened to the account."""
    told = {"address": account.address, "at": f"{now.astimezone(VIETNAM):%H:%M %d/%m/%Y}"}
    about = f"mailbox:{account.mailbox_id}:{now.isoformat()}"
    queue(session, reason, [Matter(about, [account.address], told)], now=now)
