"""Setting a password with a one-time code: the first one, or a new one for an owner who forgot the old.

The code is taken for a minute, the directory is written, the code is used up. A crash in the middle leaves a code that
is good again when the minute is over; whether the password was written by then makes no difference to its owner.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from ldap_schema.dit import Dit
from provisioner.audit import Change, Who, record
from provisioner.db import Database
from provisioner.errors import Conflict, Invalid, Text
from provisioner.mail.codes import digest
from provisioner.mail.models import ActivationCode, FormerPassword
from provisioner.mail.passwords import Owner, PasswordPolicy, check, hashed
from provisioner.mailboxes.models import Address, Kind, Mailbox, Status
from provisioner.operators.limits import check_attempts, forget_failures, note_failure
from provisioner.people.models import Person
from provisioner.secret import Secret

TAKEN = timedelta(minutes=1)
"""How long a code is taken; longer than the directory is waited for."""


class Passwords(Protocol):
    """Where passwords are kept: `adapters.ldap_passwords` in earnest."""

    def replace(self, dn: str, hashed: str) -> None:
        """Replace the password of this entry by a hash. Raises `Conflict`, `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class _Found:
    """A code that is good, its mailbox and the owner."""

    code_id: int
    mailbox_id: int
    account_id: str
    kind: Kind
    address: str
    owner: Owner
    former: tuple[str, ...]


def activate(
    database: Database,
    passwords: Passwords,
    *,
    address: str,
    code: Secret,
    password: Secret,
    source: str,
    policy: PasswordPolicy,
    dit: Dit,
    now: datetime,
) -> str:
    """Set the password of the mailbox that this code was made for; its primary address.

    `source` is where the request came from. Raises `Invalid` with `code-unknown` (wrong, used, void, run out, or made
    for another address: which of them is not told) or with a code of `passwords.check`, `TooMany` after some failures
    for one address or from one source, `Conflict` when the account is not active or the code is just being used, and
    `Unavailable`. Only `code-unknown` counts as a failure; what is refused leaves the code good.
    """
    asked = address.strip().lower()
    name = f"activation:{asked}"
    wanted = digest(code)
    with database.reading() as session:
        check_attempts(session, name=name, source=source, now=now)
        found = _good_code(session, asked, wanted, now)
    if found is None:
        with database.transaction() as session:
            note_failure(session, name=name, source=source, now=now)
        raise Invalid(
            Text(
                vi="Địa chỉ thư hoặc mã không đúng, hoặc mã đã dùng, đã hết hạn hay đã được thay bằng mã mới.",
                en="The address or the code is wrong, or the code was used, ran out or was replaced.",
            ),
            code="code-unknown",
        )
    check(password, policy=policy, owner=found.owner, former=found.former)
    stored = hashed(password)
    _take(database, found, now)
    place = dit.person if found.kind is Kind.PERSONAL else dit.unit
    try:
        passwords.replace(place(found.account_id), stored)
    except BaseException:
        with database.transaction() as session:
            session.execute(
                update(ActivationCode).where(ActivationCode.id == found.code_id).values(taken_until=None)
            )
        raise
    with database.transaction() as session:
        _use_up(session, found, stored, now=now)
        forget_failures(session, name=name)
    return found.address


def _good_code(session: Session, address: str, wanted: str, now: datetime) -> _Found | None:
    row = session.execute(
        select(
            ActivationCode.id.label("code_id"),
            Mailbox.id,
            Mailbox.account_id,
            Mailbox.kind,
            Mailbox.unit_name,
            Person.full_name,
            Person.birth_date,
        )
        .join(Mailbox, Mailbox.id == ActivationCode.mailbox_id)
        .join(Address, Address.mailbox_id == Mailbox.id)
        .outerjoin(Person, Person.id == Mailbox.person_id)
        .where(
            ActivationCode.digest == wanted,
            ActivationCode.used_at.is_(None),
            ActivationCode.voided_at.is_(None),
            ActivationCode.expires_at > now,
            Mailbox.status == Status.ACTIVE,
            Address.address == address,
        )
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
        .limit(24)
    ).all()
    return _Found(
        code_id=row.code_id,
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


def _take(database: Database, found: _Found, now: datetime) -> None:
    with database.transaction() as session:
        taken = session.execute(
            update(ActivationCode)
            .where(
                ActivationCode.id == found.code_id,
                ActivationCode.used_at.is_(None),
                ActivationCode.voided_at.is_(None),
                func.coalesce(ActivationCode.taken_until, now) <= now,
            )
            .values(taken_until=now + TAKEN)
            .returning(ActivationCode.id)
        ).one_or_none()
    if taken is None:
        raise Conflict(
            Text(
                vi="Mã này đang được dùng ở một cửa sổ khác; hãy chờ một phút rồi thử lại.",
                en="This code is being used in another window; wait a minute and try again.",
            ),
            code="code-taken",
        )


def _use_up(session: Session, found: _Found, stored: str, *, now: datetime) -> None:
    """Who set a password has the slip: from now on it is handed over at the latest."""
    session.execute(
        update(ActivationCode).where(ActivationCode.id == found.code_id).values(used_at=now, taken_until=None)
    )
    session.execute(
        update(Mailbox)
        .where(Mailbox.id == found.mailbox_id)
        .values(handed_over_at=func.coalesce(Mailbox.handed_over_at, now))
    )
    session.add(FormerPassword(mailbox_id=found.mailbox_id, hashed=stored, set_at=now))
    record(
        session,
        Who(found.address),
        [Change("mailbox.password-set", "mailbox", found.address, after={"by": "code"})],
        now=now,
    )
