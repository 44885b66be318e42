"""One-time codes: 128 random bits in groups that can be read out and typed, with a check against slips of the finger.

Crockford's alphabet: no U, and O, I and L are read as 0 and 1. A code that was mistyped is told from one that is wrong
without asking the books.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Select, exists, func, insert, select, update
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.agencies.register import path_of
from provisioner.audit import Change, Who, record
from provisioner.days import day_of, end_of
from provisioner.db import table_of
from provisioner.errors import Forbidden, Invalid, NotFound, Text
from provisioner.mail.models import ActivationCode, FormerPassword
from provisioner.mail.ways_in import beyond
from provisioner.mailboxes.models import Address, Mailbox, Status
from provisioner.notices.queueing import Matter, queue
from provisioner.notices.wording import Reason
from provisioner.people.models import Person, Post
from provisioner.secret import Secret

Columns = TypeVarTuple("Columns")

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 28
_GROUP = 4
_CHECK_BITS = 12
_CHUNK = 5000
"""Values to one statement; PostgreSQL takes 65,535."""
_READ_AS = str.maketrans("OIL", "011")
_SIGNS = re.compile(r"[\s.\u00ad\u2010-\u2015\u2212-]+")
"""What may stand between the groups; programs make dashes of hyphens."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who gets a code: a mailbox, and what its slip says."""

    mailbox_id: int
    address: str
    name: str
    title: str | None
    agency_code: str
    agency_name: str


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code for a holder, on its way to paper."""

    holder: Holder
    code: Secret


@dataclass(frozen=True, slots=True)
class Progress:
    """How far first passwords have come in a sub-tree: counts of mailboxes that exist in the directory."""

    mailboxes: int
    coded: int
    """Have or had a code."""
    delivered: int
    activated: int
    expired: int
    """Have a code that ran out unused, and no other."""


def new_code() -> Secret:
    """A code such as `7QK2-M0XD-…`, seven groups of four."""
    bits = secrets.randbits(128)
    number = bits << _CHECK_BITS | _check(bits)
    signs = [_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_LENGTH))]
    return Secret("-".join("".join(signs[at : at + _GROUP]) for at in range(0, _LENGTH, _GROUP)))


def digest(code: Secret) -> str:
    """What the books keep of a code. Raises `Invalid` with `code-mistyped` for what no code of ours can be."""
    typed = _SIGNS.sub("", code.reveal()).upper().translate(_READ_AS)
    number = 0
    for sign in typed:
        place = _ALPHABET.find(sign)
        if place < 0 or len(typed) != _LENGTH:
            raise _mistyped()
        number = number << 5 | place
    bits, check = number >> _CHECK_BITS, number & (1 << _CHECK_BITS) - 1
    if not typed or bits >> 128 or check != _check(bits):
        raise _mistyped()
    return hashlib.sha256(b"activation:" + bits.to_bytes(16)).hexdigest()


def good_until(made_at: datetime, *, days: int) -> datetime:
    """The last second of the day in Vietnam, so many days on: slips name a day, and promise all of it."""
    return end_of(day_of(made_at) + timedelta(days=days)) - timedelta(seconds=1)


def holders_in(session: Session, agency_code: str, *, now: datetime, again: bool = False) -> list[Holder]:
    """Who in this agency and below it needs a code: agency by agency, people in the order of the alphabet.

    Those who have set a password are left out, and those who hold a code that is good; `again` takes the latter in,
    whose code will then be void. Raises `NotFound` for an agency that is not in the books.
    """
    wanted = [_below(session, agency_code), ~_has_code(ActivationCode.used_at.is_not(None))]
    if not again:
        wanted.append(~_has_code(*_unused(), ActivationCode.expires_at > now))
    return _holders(session, wanted)


def holder_of(session: Session, address: str) -> Holder:
    """The holder of one mailbox, also one that has a password: a new code is how it is reset.

    Raises `NotFound` when no active mailbox that stands in the directory has this address.
    """
    mailbox_id = (
        select(Address.mailbox_id).where(Address.address == address.strip().lower()).scalar_subquery()
    )
    found = _holders(session, [Mailbox.id == mailbox_id])
    if not found:
        raise NotFound(
            Text(
                vi=f"Không có hộp thư {address} đang hoạt động trong danh bạ.",
                en=f"No active mailbox in the directory has the address {address}.",
            ),
            code="mailbox-unknown",
        )
    return found[0]


def issue(
    session: Session, codes: Sequence[NewCode], *, who: Who, now: datetime, expires_at: datetime
) -> None:
    """Make these codes good; whatever code their mailboxes had before is void from now on, also of somebody else just now.

    Owners who have a password are told, so that nobody sets another in their place unseen. Raises `Forbidden` and makes
    none when an owner is an operator with rights that whoever makes the codes does not hold.
    """
    if not codes:
        return
    _check_makers_rights(session, [new.holder for new in codes], by=who.actor, now=now)
    mailboxes = sorted(new.holder.mailbox_id for new in codes)
    for at in range(0, len(mailboxes), _CHUNK):
        ids = mailboxes[at : at + _CHUNK]
        # One after the other: of two at once the later voids what the other made.
        session.execute(select(Mailbox.id).where(Mailbox.id.in_(ids)).order_by(Mailbox.id).with_for_update())
        session.execute(
            update(ActivationCode)
            .where(ActivationCode.mailbox_id.in_(ids), *_unused())
            .values(voided_at=now)
            .execution_options(synchronize_session=False)
        )
    session.execute(
        insert(table_of(ActivationCode)),
        [
            {
                "mailbox_id": new.holder.mailbox_id,
                "digest": digest(new.code),
                "issued_at": now,
                "issued_by": who.actor,
                "expires_at": expires_at,
            }
            for new in codes
        ],
    )
    record(
        session,
        who,
        [
            Change("code.issued", "mailbox", new.holder.address, after={"expires_at": expires_at})
            for new in codes
        ],
        now=now,
    )
    _tell_owners(session, codes, by=who.actor, now=now)


def _check_makers_rights(session: Session, holders: Sequence[Holder], *, by: str, now: datetime) -> None:
    kept = beyond(session, [holder.mailbox_id for holder in holders], by=by, now=now)
    if kept:
        names = ", ".join(holder.address for holder in holders if holder.mailbox_id in kept)
        raise Forbidden(
            Text(
                vi=f"Chủ hộp thư là người dùng có quyền mà bạn không có: {names}. Chưa có mã nào được cấp; "
                "hãy bỏ chọn hoặc nhờ quản trị hệ thống.",
                en=f"The owner is an operator with rights that you do not hold: {names}. No code was made; "
                "leave these out, or ask an administrator.",
            ),
            code="more-than-held",
        )


def _tell_owners(session: Session, codes: Sequence[NewCode], *, by: str, now: datetime) -> None:
    holders = {new.holder.mailbox_id: new.holder for new in codes}
    ids = list(holders)
    for at in range(0, len(ids), _CHUNK):
        with_password = session.scalars(
            select(FormerPassword.mailbox_id)
            .where(FormerPassword.mailbox_id.in_(ids[at : at + _CHUNK]))
            .distinct()
        )
        matters = [
            Matter(
                f"mailbox:{id_}:{now.isoformat()}",
                [holders[id_].address],
                {"address": holders[id_].address, "by": by},
            )
            for id_ in with_password
        ]
        queue(session, Reason.NEW_CODE, matters, now=now)


def deliver(session: Session, agency_code: str, *, who: Who, now: datetime) -> int:
    """Record that the slips of this agency and below it reached their owners; how many mailboxes that newly says.

    Raises `NotFound` for an agency that is not in the books.
    """
    holders = _holders(
        session, [_below(session, agency_code), _has_code(*_unused()), Mailbox.handed_over_at.is_(None)]
    )
    for at in range(0, len(holders), _CHUNK):
        session.execute(
            update(Mailbox)
            .where(Mailbox.id.in_([holder.mailbox_id for holder in holders[at : at + _CHUNK]]))
            .values(handed_over_at=now)
            .execution_options(synchronize_session=False)
        )
    record(session, who, [Change("code.delivered", "mailbox", holder.address) for holder in holders], now=now)
    return len(holders)


def progress(session: Session, agency_code: str, *, now: datetime) -> Progress:
    """How far first passwords have come in this agency and below it. Raises `NotFound`."""
    used = _has_code(ActivationCode.used_at.is_not(None))
    good = _has_code(*_unused(), ActivationCode.expires_at > now)
    row = session.execute(
        _from(
            select(
                func.count(),
                func.count().filter(_has_code()),
                func.count().filter(Mailbox.handed_over_at.is_not(None)),
                func.count().filter(used),
                func.count().filter(_has_code(), ~used, ~good),
            )
        ).where(_below(session, agency_code))
    ).one()
    return Progress(*row)


@dataclass(frozen=True, slots=True)
class EndingCodes:
    """Codes of one agency that nobody has used and that run out soon."""

    agency_id: int
    agency_name: str
    count: int
    first: datetime


def ending(session: Session, *, within: timedelta, now: datetime) -> list[EndingCodes]:
    """Agency by agency, how many good codes run out within this time."""
    rows = session.execute(
        _from(select(Agency.id, Agency.name, func.count(), func.min(ActivationCode.expires_at)))
        .join(ActivationCode, ActivationCode.mailbox_id == Mailbox.id)
        .where(*_unused(), ActivationCode.expires_at > now, ActivationCode.expires_at <= now + within)
        .group_by(Agency.id, Agency.name)
        .order_by(Agency.id)
    )
    return [EndingCodes(*row) for row in rows]


def _from(statement: Select[*Columns]) -> Select[*Columns]:
    """Open, active mailboxes that stand in the directory, with their owners and agencies."""
    return (
        statement.select_from(Mailbox)
        .outerjoin(Person, Person.id == Mailbox.person_id)
        .outerjoin(Post, (Post.person_id == Mailbox.person_id) & Post.until.is_(None))
        .join(Agency, Agency.id == func.coalesce(Mailbox.agency_id, Post.agency_id))
        .where(
            Mailbox.status == Status.ACTIVE,
            Mailbox.closed_at.is_(None),
            Mailbox.first_synced_at.is_not(None),
        )
    )


def _holders(session: Session, wanted: Sequence[ColumnElement[bool]]) -> list[Holder]:
    statement = _from(
        select(
            Mailbox.id,
            Address.address,
            Person.full_name,
            Mailbox.unit_name,
            Post.title,
            Agency.code,
            Agency.name,
        )
    ).join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
    rows = session.execute(
        statement.where(*wanted).order_by(
            Agency.code, Person.sort_key.is_not(None), Person.sort_key, Address.address
        )
    )
    return [
        Holder(
            mailbox_id=row.id,
            address=row.address,
            name=row.full_name or row.unit_name or row.name,
            title=row.title,
            agency_code=row.code,
            agency_name=row.name,
        )
        for row in rows
    ]


def _below(session: Session, agency_code: str) -> ColumnElement[bool]:
    return Agency.path.startswith(path_of(session, agency_code), autoescape=True)


def _has_code(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(ActivationCode.mailbox_id == Mailbox.id, *conditions)


def _unused() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return ActivationCode.used_at.is_(None), ActivationCode.voided_at.is_(None)


def _check(bits: int) -> int:
    return int.from_bytes(hashlib.sha256(bits.to_bytes(16)).digest()[:2]) >> 16 - _CHECK_BITS


def _mistyped() -> Invalid:
    return Invalid(
        Text(
            vi="Mã này không đúng: có lẽ gõ nhầm. Mã có 28 chữ và số, chia thành 7 nhóm.",
            en="This is no code: probably a slip of the finger. A code has 28 letters and digits in 7 groups.",
        ),
        code="code-mistyped",
    )
