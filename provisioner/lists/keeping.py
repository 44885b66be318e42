"""Keeping the lists that there should be: three for each agency, two for each bloc."""

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from provisioner.agencies.models import Agency
from provisioner.db import Database, after_commit, insert_many, table_of
from provisioner.lists.models import Audience, MailingList, Senders
from provisioner.mailboxes.addresses import normal_form
from provisioner.mailboxes.models import Address
from provisioner.mailboxes.reserved import LISTS
from provisioner.pending import raised

PREFIXES: Final = dict(zip(Audience, LISTS, strict=True))
"""What addresses of lists begin with; nobody else gets one that does."""


def is_behind(session: Session) -> bool:
    """Whether an agency came or changed since the lists were last kept: one look at the agencies."""
    return bool(session.scalar(select(exists(select(Agency.id).where(_unlisted())))))


def catch_up(database: Database, *, domain: str) -> None:
    """See to it that every agency has its lists; costs one look where nothing came or changed."""
    with database.reading() as session:
        if not is_behind(session):
            return
    with database.transaction() as session:
        keep(session, domain=domain)


def keep(session: Session, *, domain: str) -> int:
    """Make the lists that are missing and make those pending whose agency changed; how many.

    Lists of a whole province and of a bloc can be written to by leaders and units only, all others by every official,
    until somebody decides otherwise.
    """
    above = aliased(Agency)
    agencies = session.execute(
        select(
            Agency.id,
            Agency.revision,
            Agency.code,
            Agency.abbreviation,
            Agency.seal,
            above.abbreviation.label("above"),
        )
        .outerjoin(above, above.id == Agency.parent_id)
        .where(_unlisted())
        .order_by(Agency.id)
    ).all()
    ids = [agency.id for agency in agencies]
    listed = set(session.scalars(select(MailingList.agency_id).where(MailingList.agency_id.in_(ids))))
    for agency in agencies:
        if agency.id in listed:
            session.execute(
                update(MailingList)
                .where(MailingList.agency_id == agency.id)
                .values(agency_revision=agency.revision, **raised(MailingList))
            )
    blocs = select(Agency.bloc).except_(select(MailingList.bloc)).order_by("bloc")
    free = _Free(session, domain)
    rows = [
        {
            **_row(audience, Senders.OFFICIALS if agency.above else Senders.LEADERS),
            "agency_id": agency.id,
            "agency_revision": agency.revision,
            "address": free.address(PREFIXES[audience], _names(agency)),
        }
        for agency in agencies
        if agency.id not in listed
        for audience in Audience
    ] + [
        {
            **_row(audience, Senders.LEADERS),
            "bloc": bloc,
            "address": free.address(PREFIXES[audience], [f"khoi{bloc.replace('_', '')}"]),
        }
        for bloc in session.scalars(blocs)
        for audience in (Audience.ALL, Audience.LEADERS)
    ]
    if rows:
        insert_many(session, table_of(MailingList), rows, key="uid")
    if agencies:
        after_commit(session, "directory")
    return len(rows) + len(Audience) * len(listed)


def _unlisted() -> ColumnElement[bool]:
    return ~exists().where(MailingList.agency_id == Agency.id, MailingList.agency_revision == Agency.revision)


def _names(agency: Row[int, int, str, str, bool, str | None]) -> list[str]:
    """What its lists may be called: as its mailbox usually is, and at last by its code, which nobody else has."""
    inside = f"{agency.abbreviation}.{agency.above}"
    short = [agency.abbreviation] if agency.seal or not agency.above else []
    return [*short, *([inside] if agency.above else []), agency.code.lower()]


def _and_numbers(names: Iterable[str]) -> Iterator[str]:
    name = ""
    for name in names:
        yield name
    yield from (f"{name}.{number}" for number in count(2))


def _row(audience: Audience, senders: Senders) -> dict[str, object]:
    return {
        "uid": uuid4().hex,
        "audience": audience,
        "senders": senders,
        "agency_id": None,
        "agency_revision": None,
        "bloc": None,
    }


class _Free:
    """Addresses that neither a list nor a mailbox has, nor one that looks like them."""

    def __init__(self, session: Session, domain: str) -> None:
        self._domain = domain
        begins = [Address.normal_form.startswith(prefix, autoescape=True) for prefix in LISTS]
        self._taken = set(session.scalars(select(Address.normal_form).where(or_(*begins))))
        self._taken |= {normal_form(address) for address in session.scalars(select(MailingList.address))}

    def address(self, prefix: str, names: Iterable[str]) -> str:
        """The first of these that is free; after the last of them it gets a number. It is taken from then on."""
        for name in _and_numbers(names):
            address = f"{prefix}.{name}@{self._domain}"
            if normal_form(address) not in self._taken:
                self._taken.add(normal_form(address))
                return address
        raise AssertionError("numbers do not end")
