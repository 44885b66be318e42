"""One-time links: how an operator comes in for the first time, or again after losing everything.

There is no default account and no initial password (ASVS 6.4.1): whoever makes a link never learns
the password that is chosen through it.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.errors import Conflict, NotFound, Text
from provisioner.operators.models import Grant, LinkPurpose, OneTimeLink, Operator, SignedIn, Way
from provisioner.operators.naming import grant, name_operator
from provisioner.operators.proving import hash_password, new_key
from provisioner.operators.roles import Role
from provisioner.operators.second_factor import give_key, needs_code
from provisioner.operators.sessions import begin
from provisioner.people.sealing import Sealer
from provisioner.secret import Secret

GOOD_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Found:
    """A link that works: whose it is, what it is for, and the key its page shows."""

    operator: Operator
    purpose: LinkPurpose
    key: Secret
    code_needed: bool


def make_link(
    session: Session,
    operator: Operator,
    purpose: LinkPurpose,
    *,
    by: str,
    sealer: Sealer,
    now: datetime,
    made_by_id: int | None = None,
) -> Secret:
    """The token of a new link for this operator; earlier ones of the same purpose stop working.

    For whoever holds the server; what one operator may make for another is `administering`'s to say, which
    then names them as `made_by_id`.
    """
    session.execute(
        delete(OneTimeLink).where(OneTimeLink.operator_id == operator.id, OneTimeLink.purpose == purpose)
    )
    token = Secret(secrets.token_urlsafe(32))
    session.add(
        OneTimeLink(
            token_hash=_hash(token),
            operator_id=operator.id,
            purpose=purpose,
            totp_sealed=sealer.seal(new_key(), context=link_context(_hash(token))),
            made_at=now,
            made_by_id=made_by_id,
            expires_at=now + GOOD_FOR,
        )
    )
    told = {"purpose": purpose.value}
    record(session, Who(by), [Change("operator.link-made", "operator", operator.name, after=told)], now=now)
    return token


def bootstrap(
    session: Session, name: str, full_name: str, *, sealer: Sealer, now: datetime
) -> tuple[Operator, Secret]:
    """The first administrator and their link. Raises `Conflict` when there is an administrator who can sign in.

    As long as nobody has used the link, asking again gives a new one and ends the old.
    """
    ready = session.scalar(
        select(func.count())
        .select_from(Grant)
        .join(Operator, Operator.id == Grant.operator_id)
        .where(Grant.role == Role.ADMIN, Operator.password_hash.is_not(None), Operator.disabled_at.is_(None))
    )
    if ready:
        raise Conflict(
            Text(
                vi="Đã có quản trị viên; hãy dùng «provisioner operators link».",
                en="There is an administrator already; use “provisioner operators link”.",
            ),
            code="bootstrapped-already",
        )
    known = session.scalars(select(Operator).where(Operator.name == name.strip().lower())).one_or_none()
    operator = known or name_operator(session, name, full_name, by="command line", now=now)
    grant(session, operator, Role.ADMIN, None, by=None, now=now)
    return operator, make_link(
        session, operator, LinkPurpose.SET_UP, by="command line", sealer=sealer, now=now
    )


def look(session: Session, token: Secret, *, sealer: Sealer, now: datetime) -> Found:
    """What this link is for; looking does not use it up. Raises `NotFound` alike for every link that does not work."""
    return _found(session, _row(session, token, now=now, lock=False), sealer, now=now)


def set_up(
    session: Session,
    token: Secret,
    password: Secret,
    code: str,
    *,
    source: str,
    sealer: Sealer,
    now: datetime,
) -> Secret:
    """Use the link up: the password is theirs, with a code also the key. The token of their new session.

    A code has to be given where a role asks for one, and may be given by everybody. Other sessions
    of the operator end. Raises `Invalid` for a password or a code that will not do.
    """
    link, found = take(session, token, LinkPurpose.SET_UP, sealer=sealer, now=now)
    operator = found.operator
    operator.password_hash = hash_password(password, name=operator.name)
    operator.totp_sealed, operator.totp_used = None, 0
    if code.strip() or found.code_needed:
        give_key(operator, found.key, code, sealer=sealer, now=now)
    use_up(session, link, operator, now=now)
    return begin(session, operator, way=Way.LINK, source=source, now=now)


def sign_in_once(session: Session, token: Secret, *, source: str, sealer: Sealer, now: datetime) -> Secret:
    """Use a sign-in link up; the token of the new session."""
    link, found = take(session, token, LinkPurpose.SIGN_IN, sealer=sealer, now=now)
    use_up(session, link, found.operator, now=now)
    return begin(session, found.operator, way=Way.LINK, source=source, now=now)


def take(
    session: Session, token: Secret, purpose: LinkPurpose, *, sealer: Sealer, now: datetime
) -> tuple[OneTimeLink, Found]:
    """A link that works for this purpose, locked until the transaction ends. Raises `NotFound`."""
    link = _row(session, token, now=now, lock=True)
    found = _found(session, link, sealer, now=now)
    if found.purpose is not purpose:
        raise _dead()
    return link, found


def use_up(session: Session, link: OneTimeLink, operator: Operator, *, now: datetime) -> None:
    """The link works no more, and every session of the operator ends."""
    link.used_at = now
    session.execute(delete(SignedIn).where(SignedIn.operator_id == operator.id))
    told = {"purpose": link.purpose.value}
    change = Change("operator.link-used", "operator", operator.name, after=told)
    record(session, Who(operator.name), [change], now=now)


def _row(session: Session, token: Secret, *, now: datetime, lock: bool) -> OneTimeLink:
    wanted = select(OneTimeLink).where(
        OneTimeLink.token_hash == _hash(token), OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now
    )
    row = session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()
    if row is None:
        raise _dead()
    return row


def _found(session: Session, link: OneTimeLink, sealer: Sealer, *, now: datetime) -> Found:
    operator = session.get(Operator, link.operator_id)
    if operator is None or operator.disabled_at is not None:
        raise _dead()
    return Found(
        operator=operator,
        purpose=link.purpose,
        key=sealer.unseal(link.totp_sealed, context=link_context(link.token_hash)),
        code_needed=needs_code(session, operator, now=now),
    )


def _dead() -> NotFound:
    return NotFound(
        Text(
            vi="Liên kết này không dùng được: đã dùng rồi hoặc đã hết hạn. Hãy xin liên kết mới.",
            en="This link does not work: it was used or has expired. Ask for a new one.",
        ),
        code="link-dead",
    )


def link_context(token_hash: str) -> str:
    """What the sealed key of a link is bound to."""
    return f"operator_links.totp:{token_hash}"


def _hash(token: Secret) -> str:
    return hashlib.sha256(token.reveal().encode()).hexdigest()
