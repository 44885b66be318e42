"""What owners do themselves, signed in with the password of their mailbox: another password, a second factor.

An owner who forgot the password gets a new code on a slip from the agency's administrator, who never learns what is set
with it (`issuing.issue`, `activating.activate`).
"""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ldap_schema.dit import Dit
from provisioner.audit import Change, Who, record
from provisioner.db import Database
from provisioner.errors import Forbidden, Invalid, Text
from provisioner.mail import self_service_sessions
from provisioner.mail.accounts import account_where, has_address, note_password_set, tell
from provisioner.mail.activating import Passwords
from provisioner.mail.entering import Binding, knows
from provisioner.mail.models import OwnerFactor, OwnerSession
from provisioner.mail.passwords import PasswordPolicy, check, hashed
from provisioner.mail.self_service_sessions import OwnerVisit
from provisioner.mailboxes.models import Mailbox
from provisioner.notices.wording import Reason
from provisioner.operators.limits import check_attempts, forget_failures, note_failure
from provisioner.operators.proving import code_step, new_key
from provisioner.people.sealing import Sealer
from provisioner.secret import Secret


def sign_in(
    database: Database,
    binding: Binding,
    *,
    address: str,
    password: Secret,
    code: str,
    source: str,
    dit: Dit,
    sealer: Sealer,
    now: datetime,
) -> Secret:
    """The token of a new session for the owner of this mailbox. The directory is asked while no transaction is open.

    Raises `Forbidden` alike for everything that is wrong, `TooMany`, and `Unavailable`.
    """
    asked = address.strip().lower()[:254]
    with database.reading() as session:
        account = account_where(session, Mailbox.closed_at.is_(None), has_address(asked))
        name = f"owner:{account.address if account else asked}"
        check_attempts(session, name=name, source=source, now=now)
    # The directory refuses whoever never set a password without a calculation: the time would tell that they are here.
    dn = account.dn(dit) if account is not None and account.former else None
    proved = knows(binding, dn, password)
    with database.transaction() as session:
        if account is not None and proved and _takes_code(session, account.mailbox_id, code, sealer, now):
            forget_failures(session, name=name)
            change = Change("mailbox.owner-signed-in", "mailbox", account.address)
            record(session, Who(account.address), [change], now=now)
            return self_service_sessions.begin(session, account.mailbox_id, now=now)
        note_failure(session, name=name, source=source, now=now)
    raise Forbidden(
        Text(
            vi="Địa chỉ thư, mật khẩu hoặc mã xác thực không đúng.",
            en="The address, the password or the code is not right.",
        ),
        code="sign-in-refused",
    )


def change_password(
    database: Database,
    binding: Binding,
    passwords: Passwords,
    visit: OwnerVisit,
    *,
    old: Secret,
    new: Secret,
    source: str,
    policy: PasswordPolicy,
    dit: Dit,
    now: datetime,
) -> None:
    """Put a new password in the place of the old one; other sessions of the owner end.

    Raises `Forbidden` when the old one is wrong, `Invalid` with a code of `passwords.check`, `TooMany`, `Conflict` when
    the account is not active, and `Unavailable`; then nothing was changed.
    """
    account, name = visit.account, f"owner:{visit.account.address}"
    with database.reading() as session:
        check_attempts(session, name=name, source=source, now=now)
    if not knows(binding, account.dn(dit), old):
        with database.transaction() as session:
            note_failure(session, name=name, source=source, now=now)
        raise Forbidden(
            Text(vi="Mật khẩu hiện tại không đúng.", en="The present password is not right."),
            code="password-wrong",
        )
    check(new, policy=policy, owner=account.owner, former=account.former)
    stored = hashed(new)
    passwords.replace(account.dn(dit), stored)
    with database.transaction() as session:
        note_password_set(session, account, stored, by="password", now=now, but=visit.session_id)


def offer_factor(session: Session, visit: OwnerVisit, *, sealer: Sealer) -> Secret:
    """The key of a second factor for the page to show: the same one until it is taken or the session ends."""
    row = session.get_one(OwnerSession, visit.session_id, with_for_update=True)
    if row.offered_sealed is None:
        row.offered_sealed = sealer.seal(new_key(), context=offer_context(row.token_hash))
    return sealer.unseal(row.offered_sealed, context=offer_context(row.token_hash))


def turn_on_factor(session: Session, visit: OwnerVisit, code: str, *, sealer: Sealer, now: datetime) -> None:
    """Take the key that was offered, once a code shows that the owner has it. Raises `Invalid` for a wrong code."""
    row = session.get_one(OwnerSession, visit.session_id, with_for_update=True)
    key = (
        None
        if row.offered_sealed is None
        else sealer.unseal(row.offered_sealed, context=offer_context(row.token_hash))
    )
    step = None if key is None else code_step(key, code, used=0, now=now)
    if key is None or step is None:
        raise _wrong_code()
    mailbox_id, row.offered_sealed = visit.account.mailbox_id, None
    sealed = sealer.seal(key, context=factor_context(mailbox_id))
    session.merge(OwnerFactor(mailbox_id=mailbox_id, totp_sealed=sealed, totp_used=step, since=now))
    _note_factor(session, visit, "mailbox.factor-on", now=now)


def turn_off_factor(
    database: Database, visit: OwnerVisit, code: str, *, source: str, sealer: Sealer, now: datetime
) -> None:
    """Go without a second factor again; it takes a code of it. Raises `Invalid` for a wrong one, `TooMany`."""
    mailbox_id, name = visit.account.mailbox_id, f"owner:{visit.account.address}"
    with database.transaction() as session:
        check_attempts(session, name=name, source=source, now=now)
        if _takes_code(session, mailbox_id, code, sealer, now):
            session.execute(delete(OwnerFactor).where(OwnerFactor.mailbox_id == mailbox_id))
            _note_factor(session, visit, "mailbox.factor-off", now=now)
            return
        note_failure(session, name=name, source=source, now=now)
    raise _wrong_code()


def _note_factor(session: Session, visit: OwnerVisit, action: str, *, now: datetime) -> None:
    address = visit.account.address
    record(session, Who(address), [Change(action, "mailbox", address)], now=now)
    tell(session, Reason.FACTOR_CHANGED, visit.account, now=now)


def _takes_code(session: Session, mailbox_id: int, code: str, sealer: Sealer, now: datetime) -> bool:
    """Whether the code is right, which is then used up, or none is asked for."""
    factor = session.scalars(
        select(OwnerFactor).where(OwnerFactor.mailbox_id == mailbox_id).with_for_update()
    ).one_or_none()
    if factor is None:
        return True
    key = sealer.unseal(factor.totp_sealed, context=factor_context(mailbox_id))
    step = code_step(key, code, used=factor.totp_used, now=now)
    if step is None:
        return False
    factor.totp_used = step
    return True


def offer_context(token_hash: str) -> str:
    """What a sealed key that a session was shown is bound to."""
    return f"owner_sessions.offered:{token_hash}"


def factor_context(mailbox_id: int) -> str:
    """What the sealed key of an owner's second factor is bound to."""
    return f"owner_factors.totp:{mailbox_id}"


def _wrong_code() -> Invalid:
    return Invalid(
        Text(
            vi="Mã xác thực không đúng. Hãy nhập mã 6 chữ số đang hiện trong ứng dụng.",
            en="The code is not right. Enter the six digits that the app shows now.",
        ),
        code="code-wrong",
    )
