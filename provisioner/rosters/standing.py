"""How the books stand: what is known of the people and units that a file speaks of, in sets."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from provisioner.certificates.models import Certificate, Purpose, is_live
from provisioner.days import day_of
from provisioner.mailboxes.models import Address, Mailbox, Status
from provisioner.people.models import Person, Post
from provisioner.vietnamese import same_words

UnitId = tuple[int, str]
"""What tells a unit mailbox from all others: its agency, and its name however it is spelt."""


def unit_id(agency_id: int, name: str | None) -> UnitId:
    """The id of the agency's mailbox with this name; without one, of the agency's own."""
    return (agency_id, same_words(name or ""))


@dataclass(frozen=True, slots=True)
class Standing:
    """One person with the current post and mailbox, or one unit mailbox, as the books have it now."""

    person_id: int | None
    uid: str | None
    mailbox_id: int | None
    """None for a person who is registered and has no open mailbox."""
    agency_id: int | None
    """None for a person who holds no post any more."""
    since: date | None
    """The first day of the current post."""
    full_name: str | None
    birth_date: date | None
    phone: str | None
    identity_index: str | None
    title: str | None
    leader: bool
    category: str | None
    status: Status | None
    address: str | None
    quota_exception: int | None
    has_certificate: bool
    """A certificate is ordered, or issued and not revoked; it may be past its end."""
    certificate_ends: datetime | None
    """None also for one that is only ordered."""

    def is_certified(self, today: date) -> bool:
        """Whether it needs no other certificate: the day of its end still counts."""
        return self.has_certificate and (
            self.certificate_ends is None or day_of(self.certificate_ends) >= today
        )


def people(session: Session, staff_numbers: Collection[str]) -> dict[str, Standing]:
    """Those of these people who are registered, by staff number."""
    if not staff_numbers:
        return {}
    statement = (
        select(
            Person.staff_number.label("key"),
            Person.id.label("person_id"),
            Person.uid,
            Person.full_name,
            Person.birth_date,
            Person.phone,
            Person.identity_index,
            Post.title,
            Post.is_leader,
            Post.category,
            Post.agency_id,
            Post.since,
            *_mailbox_columns(),
        )
        .outerjoin(Post, (Post.person_id == Person.id) & Post.until.is_(None))
        .outerjoin(Mailbox, (Mailbox.person_id == Person.id) & Mailbox.closed_at.is_(None))
        .outerjoin(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .where(Person.staff_number.in_(staff_numbers))
    )
    return {row.key: _standing(row) for row in session.execute(statement)}


def units(session: Session, ids: Collection[UnitId]) -> dict[UnitId, Standing]:
    """Every open unit mailbox of the agencies that these ids name, by its own id."""
    if not ids:
        return {}
    rows = session.execute(
        select(Mailbox.agency_id, Mailbox.unit_name.label("full_name"), *_mailbox_columns())
        .outerjoin(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .where(Mailbox.agency_id.in_({agency for agency, _ in ids}), Mailbox.closed_at.is_(None))
        .order_by(Mailbox.id.desc())  # of two that were opened under one name the first counts
    )
    return {unit_id(row.agency_id, row.full_name): _standing(row) for row in rows}


class Known(NamedTuple):
    """Somebody in the books."""

    staff_number: str
    full_name: str
    birth_date: date | None


def identity_owners(session: Session, indexes: Iterable[str]) -> dict[str, Known]:
    """Who holds these identity numbers, by the blind index under which they stand."""
    rows = session.execute(
        select(Person.identity_index, *_KNOWN).where(Person.identity_index.in_(set(indexes)))
    )
    return {row[0]: Known(*row[1:]) for row in rows if row[0]}


def holder_of(owners: Mapping[str, Known], indexes: Collection[str]) -> Known | None:
    """Whose of these owners' one number is, by all its indexes."""
    return next((owners[index] for index in indexes if index in owners), None)


def namesakes(
    session: Session, sort_keys: Collection[str], *, born: Collection[date], numbers: Collection[str]
) -> list[Known]:
    """People of these names who were born on one of these days, or have one of these numbers but for zeros and case."""
    without_zeros = {number.lower().replace("0", "") for number in numbers}
    rows = session.execute(
        select(*_KNOWN)
        .where(
            Person.sort_key.in_(sort_keys),
            or_(
                Person.birth_date.in_(born),
                func.lower(func.replace(Person.staff_number, "0", "")).in_(without_zeros),
            ),
        )
        .order_by(Person.id)
    )
    return [Known(*row) for row in rows]


_KNOWN = (Person.staff_number, Person.full_name, Person.birth_date)


class Owned(NamedTuple):
    """An address that was given once, as it is spelt, and the mailbox whose it is."""

    address: str
    mailbox_id: int
    person_id: int | None
    """Whose the mailbox is or was; none for one of a unit."""


def owned_addresses(session: Session, normal_forms: Collection[str]) -> dict[str, Owned]:
    """Whose these addresses are, also those of mailboxes long closed, by normal form."""
    rows = session.execute(
        select(Address.normal_form, Address.address, Address.mailbox_id, Mailbox.person_id)
        .join(Mailbox, Mailbox.id == Address.mailbox_id)
        .where(Address.normal_form.in_(normal_forms))
    )
    return {row.normal_form: Owned(row.address, row.mailbox_id, row.person_id) for row in rows}


def _mailbox_columns() -> tuple[Any, ...]:
    certified = (Certificate.mailbox_id == Mailbox.id, Certificate.purpose == Purpose.MAIL, is_live())
    return (
        Mailbox.id.label("mailbox_id"),
        Mailbox.status,
        Mailbox.quota_exception_bytes,
        Address.address,
        exists().where(*certified).label("has_certificate"),
        select(Certificate.not_after).where(*certified).scalar_subquery().label("certificate_ends"),
    )


def _standing(row: Any) -> Standing:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row's columns
    return Standing(
        person_id=values.get("person_id"),
        uid=values.get("uid"),
        mailbox_id=values["mailbox_id"],
        agency_id=values["agency_id"],
        since=values.get("since"),
        full_name=values["full_name"],
        birth_date=values.get("birth_date"),
        phone=values.get("phone"),
        identity_index=values.get("identity_index"),
        title=values.get("title"),
        leader=bool(values.get("is_leader")),
        category=values.get("category"),
        status=values["status"],
        address=values["address"],
        quota_exception=values["quota_exception_bytes"],
        has_certificate=bool(values["has_certificate"]),
        certificate_ends=values["certificate_ends"],
    )
