"""Setting a password with a one-time code: the first one, or a new one for an owner who forgot the old.

The code is taken for a minute, the directory is written, the code is used up. A crash in the middle leaves a code that
is good again when the minute is over; whether the password was written by then makes no difference to its owner.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from ldap_schema.dit import Dit
from provisioner.db import Database
from provisioner.errors import Conflict, Invalid, Text
from provisioner.mail.accounts import Account, account_where, has_address, note_password_set
from provisioner.mail.codes import digest
from provisioner.mail.models import ActivationCode, OwnerFactor
from provisioner.mail.passwords import PasswordPolicy, check, hashed
from provisioner.mail.ways_in import beyond
from provisioner.mailboxes.models import Mailbox
from provisioner.operators.limits import check_attempts, forget_failures, note_failure
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
    """A code that is good, and whose it is."""

    code_id: int
    account: Account


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

    `source` is where the request came from. Raises `Invalid` with `code-unknown` (wrong, used, void, run out, made for
    another address, or by somebody who could not make it now: which of them is not told) or with a code of `passwords.check`, `TooMany` after some failures
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
    account = found.account
    check(password, policy=policy, owner=account.owner, former=account.former)
    stored = hashed(password)
    _take(database, found.code_id, now)
    try:
        passwords.replace(account.dn(dit), stored)
    except BaseException:
        with database.transaction() as session:
            session.execute(
                update(ActivationCode).where(ActivationCode.id == found.code_id).values(taken_until=None)
            )
        raise
    with database.transaction() as session:
        _use_up(session, found, stored, now=now)
        forget_failures(session, name=name)
    return account.address


def _good_code(session: Session, address: str, wanted: str, now: datetime) -> _Found | None:
    row = session.execute(
        select(ActivationCode.id, ActivationCode.mailbox_id, ActivationCode.issued_by).where(
            ActivationCode.digest == wanted,
            ActivationCode.used_at.is_(None),
            ActivationCode.voided_at.is_(None),
            ActivationCode.expires_at > now,
        )
    ).one_or_none()
    if row is None or beyond(session, [row.mailbox_id], by=row.issued_by, now=now):
        return None
    account = account_where(session, Mailbox.id == row.mailbox_id, has_address(address))
    return None if account is None else _Found(row.id, account)


def _take(database: Database, code_id: int, now: datetime) -> None:
    with database.transaction() as session:
        taken = session.execute(
            update(ActivationCode)
            .where(
                ActivationCode.id == code_id,
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
    """The code is used. A second factor goes with the old password: who lost the telephone comes in this way, too."""
    session.execute(
        update(ActivationCode).where(ActivationCode.id == found.code_id).values(used_at=now, taken_until=None)
    )
    session.execute(delete(OwnerFactor).where(OwnerFactor.mailbox_id == found.account.mailbox_id))
    note_password_set(session, found.account, stored, by="code", now=now)
