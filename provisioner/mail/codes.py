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

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.agencies.register import path_of
from provisioner.days import day_of, end_of
from provisioner.errors import Invalid, NotFound, Text
from provisioner.mail.models import ActivationCode
from provisioner.mailboxes.models import Address, Mailbox, Status
from provisioner.people.models import Person, Post
from provisioner.secret import Secret

Columns = TypeVarTuple("Columns")

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 28
_GROUP = 4
_CHECK_BITS = 12
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
    newest_code: int | None = None
    """The id of the newest code that was made for it, also one that is no good any more."""
    used_codes: int = 0
    """How many of its codes set a password."""


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code for a holder, on its way to paper."""

    holder: Holder
    code: Secret


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


def holders_in(
    session: Session, agency_code: str, *, now: datetime, again: bool = False, below: bool = True
) -> list[Holder]:
    """Who in this agency, and `below` it, needs a code: agency by agency, people in the order of the alphabet.

    Those who have set a password are left out, and those who hold a code that is good; `again` takes the latter in,
    whose code will then be void. Raises `NotFound` for an agency that is not in the books.
    """
    wanted = [lies_in(session, agency_code, below=below), ~has_code(ActivationCode.used_at.is_not(None))]
    if not again:
        wanted.append(~has_code(*unused(), ActivationCode.expires_at > now))
    return holders_where(session, wanted)


def holder_of(session: Session, address: str) -> Holder:
    """The holder of one mailbox, also one that has a password: a new code is how it is reset.

    Raises `NotFound` when no active mailbox that stands in the directory has this address.
    """
    mailbox_id = (
        select(Address.mailbox_id).where(Address.address == address.strip().lower()).scalar_subquery()
    )
    found = holders_where(session, [Mailbox.id == mailbox_id])
    if not found:
        raise NotFound(
            Text(
                vi=f"Không có hộp thư {address} đang hoạt động trong danh bạ.",
                en=f"No active mailbox in the directory has the address {address}.",
            ),
            code="mailbox-unknown",
        )
    return found[0]


PAST = tuple(
    select(figure)
    .where(ActivationCode.mailbox_id == Mailbox.id)
    .correlate(Mailbox)
    .scalar_subquery()
    .label(name)
    for name, figure in (
        ("newest_code", func.max(ActivationCode.id)),
        ("used_codes", func.count(ActivationCode.used_at)),
    )
)
"""What tells whether anything became of a mailbox's codes since they were looked at last."""


def served(statement: Select[*Columns]) -> Select[*Columns]:
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


def holders_where(session: Session, wanted: Sequence[ColumnElement[bool]]) -> list[Holder]:
    """The holders among these mailboxes, agency by agency, in the order of the alphabet."""
    statement = served(
        select(
            Mailbox.id,
            Address.address,
            Person.full_name,
            Mailbox.unit_name,
            Post.title,
            Agency.code,
            Agency.name,
            *PAST,
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
            newest_code=row.newest_code,
            used_codes=row.used_codes,
        )
        for row in rows
    ]


def lies_in(session: Session, agency_code: str, *, below: bool) -> ColumnElement[bool]:
    """Whether a mailbox is of this agency, or also of one below it. Raises `NotFound`."""
    path = path_of(session, agency_code)
    return Agency.path.startswith(path, autoescape=True) if below else Agency.path == path


def has_code(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a mailbox has, or had, a code of which this holds."""
    return exists().where(ActivationCode.mailbox_id == Mailbox.id, *conditions)


def unused() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Of a code that set no password, and that no other took the place of."""
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
