"""Named lists: who stands behind a figure, and above all who is missing from it.

Each list has the conditions of its figure (`conditions`), so its length is that figure. Lists are of
now: of a day gone by the books know how many, and not always who.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Exists, Select, SQLColumnExpression, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from provisioner.agencies.models import Agency
from provisioner.agencies.register import path_of
from provisioner.certificates.models import Certificate
from provisioner.coverage.conditions import (
    Conditions,
    begun,
    ending,
    existed,
    held,
    issued,
    used,
    valid,
    was_last,
)
from provisioner.coverage.tallies import Scope
from provisioner.days import day_of
from provisioner.errors import Text
from provisioner.mailboxes.models import Address, Mailbox, Status
from provisioner.people.models import Person, Post

WINDOWS: Final = (30, 60, 90)
"""Days ahead for which certificates about to expire are told (M9)."""


class Of(StrEnum):
    """What a list names."""

    PEOPLE = "people"
    AGENCIES = "agencies"
    CERTIFICATES = "certificates"
    MAILBOXES = "mailboxes"


@dataclass(frozen=True, slots=True)
class Moment:
    """When a list is asked for, and how long ago a mailbox may have been used to count as in use."""

    at: datetime
    used_within: timedelta


@dataclass(frozen=True, slots=True)
class Named:
    """One list: its title, what it names, and who stands on it."""

    title: Text
    of: Of
    conditions: Callable[[Moment], Conditions]


def _signs(moment: Moment) -> Exists:
    """Somebody has a certificate that is good, in any of their mailboxes."""
    theirs = aliased(Mailbox)
    return exists().where(
        theirs.person_id == Post.person_id,
        Certificate.mailbox_id == theirs.id,
        Certificate.issued_at <= moment.at,
        *valid(moment.at),
    )


def _of_agency(moment: Moment, *conditions: SQLColumnExpression[bool]) -> Exists:
    """The agency has a mailbox of its own that stands in the directory."""
    return exists().where(Mailbox.agency_id == Agency.id, *issued(moment.at), *conditions)


def _seals(moment: Moment) -> Exists:
    """The agency has a certificate that is good."""
    return exists().where(
        Mailbox.agency_id == Agency.id,
        Certificate.mailbox_id == Mailbox.id,
        Certificate.issued_at <= moment.at,
        *valid(moment.at),
    )


def _in_office(moment: Moment) -> Conditions:
    """The certificate is of an agency that exists, or of somebody in post there."""
    on = day_of(moment.at)
    return (*existed(on), or_(Mailbox.agency_id.is_not(None), and_(*held(on))))


_HAS = Mailbox.id.is_not(None)
_SEALED = and_(Agency.seal, Agency.legal_personality)


def _people(vi: str, en: str, conditions: Callable[[Moment], Conditions]) -> Named:
    return Named(Text(vi=vi, en=en), Of.PEOPLE, conditions)


def _agencies(vi: str, en: str, conditions: Callable[[Moment], Conditions]) -> Named:
    return Named(Text(vi=vi, en=en), Of.AGENCIES, conditions)


def _certificates(vi: str, en: str, conditions: Callable[[Moment], Conditions]) -> Named:
    return Named(Text(vi=vi, en=en), Of.CERTIFICATES, conditions)


def _expiring(days: int) -> Named:
    return _certificates(
        f"Chứng thư hết hạn trong {days} ngày",
        f"Certificates that end within {days} days",
        lambda moment: (*_in_office(moment), *ending(moment.at, timedelta(days=days))),
    )


LISTS: Mapping[str, Named] = {
    "staff": _people("Người đang giữ chức vụ, vị trí", "People in post", lambda _moment: ()),
    "staff-served": _people(
        "Người có hộp thư đang hoạt động",
        "People with an active mailbox",
        lambda _moment: (Mailbox.status == Status.ACTIVE,),
    ),
    "staff-unserved": _people(
        "Người chưa có hộp thư đang hoạt động",
        "People without an active mailbox",
        lambda _moment: (or_(Mailbox.id.is_(None), Mailbox.status != Status.ACTIVE),),
    ),
    "issued": _people("Người đã được cấp hộp thư", "People with a mailbox", lambda _moment: (_HAS,)),
    "locked": _people(
        "Người có hộp thư bị tạm khóa",
        "People with a locked mailbox",
        lambda _moment: (Mailbox.status == Status.LOCKED,),
    ),
    "handed-over": _people(
        "Người đã nhận bàn giao hộp thư",
        "People whose mailbox was handed over",
        lambda moment: (Mailbox.handed_over_at <= moment.at,),
    ),
    "not-handed-over": _people(
        "Người chưa nhận bàn giao hộp thư",
        "People whose mailbox was not handed over",
        lambda moment: (
            _HAS,
            or_(Mailbox.handed_over_at.is_(None), Mailbox.handed_over_at > moment.at),
        ),
    ),
    "used": _people(
        "Người đang sử dụng hộp thư",
        "People who use their mailbox",
        lambda moment: used(moment.at, moment.used_within),
    ),
    "unused": _people(
        "Người không sử dụng hộp thư đã cấp",
        "People who do not use their mailbox",
        lambda moment: (_HAS, ~func.coalesce(and_(*used(moment.at, moment.used_within)), False)),
    ),
    "signing": _people(
        "Người có chứng thư còn hiệu lực",
        "People with a valid certificate",
        lambda moment: (_signs(moment),),
    ),
    "not-signing": _people(
        "Người chưa có chứng thư còn hiệu lực",
        "People without a valid certificate",
        lambda moment: (~_signs(moment),),
    ),
    "leaders": _people("Lãnh đạo, quản lý", "Leaders", lambda _moment: (Post.is_leader,)),
    "leaders-signing": _people(
        "Lãnh đạo, quản lý có chứng thư",
        "Leaders with a certificate",
        lambda moment: (Post.is_leader, _signs(moment)),
    ),
    "leaders-not-signing": _people(
        "Lãnh đạo, quản lý chưa có chứng thư",
        "Leaders without a certificate",
        lambda moment: (Post.is_leader, ~_signs(moment)),
    ),
    "agencies": _agencies(
        "Cơ quan thuộc diện cấp hộp thư",
        "Agencies entitled to a mailbox",
        lambda _moment: (Agency.unit_mailbox,),
    ),
    "agencies-served": _agencies(
        "Cơ quan có hộp thư đang hoạt động",
        "Agencies with an active mailbox",
        lambda moment: (Agency.unit_mailbox, _of_agency(moment, Mailbox.status == Status.ACTIVE)),
    ),
    "agencies-unserved": _agencies(
        "Cơ quan chưa có hộp thư đang hoạt động",
        "Agencies without an active mailbox",
        lambda moment: (Agency.unit_mailbox, ~_of_agency(moment, Mailbox.status == Status.ACTIVE)),
    ),
    "sealed": _agencies(
        "Cơ quan có con dấu riêng", "Agencies with a seal of their own", lambda _moment: (_SEALED,)
    ),
    "sealed-signing": _agencies(
        "Cơ quan có con dấu có chứng thư",
        "Sealed agencies with a certificate",
        lambda moment: (_SEALED, _seals(moment)),
    ),
    "sealed-not-signing": _agencies(
        "Cơ quan có con dấu chưa có chứng thư",
        "Sealed agencies without a certificate",
        lambda moment: (_SEALED, ~_seals(moment)),
    ),
    "certificates": _certificates(
        "Chứng thư đã cấp", "Certificates issued", lambda moment: (Certificate.issued_at <= moment.at,)
    ),
    "certificates-valid": _certificates(
        "Chứng thư còn hiệu lực",
        "Valid certificates",
        lambda moment: (Certificate.issued_at <= moment.at, *valid(moment.at)),
    ),
    "certificates-of-people": _certificates(
        "Chứng thư cá nhân còn hiệu lực",
        "Valid certificates of people",
        lambda moment: (
            Mailbox.person_id.is_not(None),
            *_in_office(moment),
            Certificate.issued_at <= moment.at,
            *valid(moment.at),
        ),
    ),
    "certificates-revoked": _certificates(
        "Chứng thư đã thu hồi",
        "Revoked certificates",
        lambda moment: (Certificate.issued_at <= moment.at, Certificate.revoked_at <= moment.at),
    ),
    **{f"expiring-{days}": _expiring(days) for days in WINDOWS},
    "mailboxes-of-agencies": Named(
        Text(vi="Hộp thư của cơ quan, đơn vị", en="Mailboxes of agencies and units"),
        Of.MAILBOXES,
        lambda moment: (Mailbox.agency_id.is_not(None), *issued(moment.at)),
    ),
    "revoked": Named(
        Text(vi="Hộp thư đã thu hồi", en="Mailboxes that were closed"),
        Of.MAILBOXES,
        lambda moment: (Mailbox.closed_at <= moment.at, Mailbox.first_synced_at.is_not(None)),
    ),
}
"""Every list by its name in addresses."""

COUNT_HEADS: Final = frozenset({"staff", "staff-unserved"})
"""Lists behind figures that count declared heads too, who may have no name yet (`unnamed`)."""


def names(session: Session, named: Named, scope: Scope, moment: Moment) -> Select[*tuple[Any, ...]]:
    """The rows of a list: of people by given name, of agencies in their tree, of the rest by address.

    Rows are of (person or None, post title, agency id, code and name, address, a row of `named.of` or None).
    Raises `NotFound` for an agency code that nobody has.
    """
    on = day_of(moment.at)
    # Who is gone is on no list of people, and their mailboxes and certificates are on theirs.
    within = [*(existed(on) if named.of in (Of.PEOPLE, Of.AGENCIES) else begun(on))]
    if scope.agency is not None:
        within.append(Agency.path.startswith(path_of(session, scope.agency), autoescape=True))
    if scope.blocs:
        within.append(Agency.bloc.in_(scope.blocs))
    if scope.levels:
        within.append(Agency.level.in_(scope.levels))
    return _QUESTIONS[named.of](scope, moment, (*within, *named.conditions(moment)))


_PRIMARY = and_(Address.mailbox_id == Mailbox.id, Address.is_primary)


def _of_people(scope: Scope, moment: Moment, conditions: Conditions) -> Select[*tuple[Any, ...]]:
    question = (
        select(Person, Post, Agency, Mailbox, Address.address)
        .select_from(Post)
        .join(Person, Person.id == Post.person_id)
        .join(Agency, Agency.id == Post.agency_id)
        .outerjoin(Mailbox, and_(Mailbox.person_id == Post.person_id, *issued(moment.at)))
        .outerjoin(Address, _PRIMARY)
        .where(*held(day_of(moment.at)), *conditions)
        .order_by(Person.sort_key, Person.id)
    )
    return question.where(Post.category.in_(scope.categories)) if scope.categories else question


def _of_agencies(_scope: Scope, _moment: Moment, conditions: Conditions) -> Select[*tuple[Any, ...]]:
    return select(Agency).where(*conditions).order_by(Agency.code)


def _of_mailboxes(scope: Scope, _moment: Moment, conditions: Conditions) -> Select[*tuple[Any, ...]]:
    """Mailboxes at the agency where their owner was last."""
    later = aliased(Post)
    last = select(func.max(later.id)).where(later.person_id == Mailbox.person_id).scalar_subquery()
    return _owned(scope, Post.id == last, conditions, select(Mailbox, Address.address, Agency, Person))


def _of_certificates(scope: Scope, moment: Moment, conditions: Conditions) -> Select[*tuple[Any, ...]]:
    """Certificates of people, in post or where they were last, and of agencies."""
    on = day_of(moment.at)
    post = and_(Post.person_id == Mailbox.person_id, or_(and_(*held(on)), and_(*was_last(on))))
    question = _owned(
        scope, post, conditions, select(Certificate, Address.address, Agency, Person), Certificate
    )
    return question.order_by(None).order_by(Certificate.not_after, Certificate.id)


def _owned(
    scope: Scope,
    post: ColumnElement[bool],
    conditions: Conditions,
    question: Select[*tuple[Any, ...]],
    what: type[Certificate] | type[Mailbox] = Mailbox,
) -> Select[*tuple[Any, ...]]:
    question = question.select_from(what)
    if what is Certificate:
        question = question.join(Mailbox, Mailbox.id == Certificate.mailbox_id)
    question = (
        question.outerjoin(Post, post)
        .join(Agency, Agency.id == func.coalesce(Mailbox.agency_id, Post.agency_id))
        .outerjoin(Person, Person.id == Mailbox.person_id)
        .outerjoin(Address, _PRIMARY)
        .where(*conditions)
        .order_by(Address.address, Mailbox.id)
    )
    if scope.categories:
        chosen = or_(Mailbox.agency_id.is_not(None), Post.category.in_(scope.categories))
        question = question.where(chosen)
    return question


_QUESTIONS: Mapping[Of, Callable[[Scope, Moment, Conditions], Select[*tuple[Any, ...]]]] = {
    Of.PEOPLE: _of_people,
    Of.AGENCIES: _of_agencies,
    Of.CERTIFICATES: _of_certificates,
    Of.MAILBOXES: _of_mailboxes,
}
