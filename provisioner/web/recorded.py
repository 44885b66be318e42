"""What is recorded in the audit trail, or planned in a row, as readers see it: names for ids, words for codes.

Whoever may see a deed may know whom and what it names, so names are asked for outside the reader's reach.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from provisioner.agencies.models import Agency
from provisioner.audit import AuditEvent
from provisioner.certificates.models import Certificate
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.people.models import Person
from provisioner.tenancy import whole
from provisioner.web import wording
from provisioner.web.answering import services
from provisioner.web.speaking import LANGUAGES, day, gettext, language, moment, number, spoken
from provisioner.web.trail_words import LEFT_OUT, field_name, things

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T[0-9:.]+(Z|[+-]\d{2}:\d{2})")


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing that is changed: what, from what, to what. Something new was `–` before."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """One entry of the trail in words."""

    event: AuditEvent
    about: str
    """The thing it is about, with its kind before it."""
    changes: Sequence[Changed]


@dataclass(frozen=True, slots=True)
class Names:
    """What the ids mean that entries hold."""

    agencies: Mapping[int, str] = field(default_factory=dict)
    people: Mapping[int, str] = field(default_factory=dict)
    mailboxes: Mapping[str, str] = field(default_factory=dict)
    """Addresses by account id."""
    certificates: Mapping[int, str] = field(default_factory=dict)
    """Addresses by the certificate's id."""


def in_words(session: Session, events: Sequence[AuditEvent]) -> list[Recorded]:
    """These entries in words, in their order; four questions for all of them at most."""
    names = _names(session, events)
    return [Recorded(event, _about(event, names), _changes(event, names)) for event in events]


def changed(thing: str, name: str, before: Any, after: Any, names: Names) -> Changed:
    """One field of such a thing in words."""
    return Changed(field_name(thing, name), said(name, before, names), said(name, after, names))


def said(name: str, value: Any, names: Names) -> str:
    """The value of a field as it is written in the language of the request."""
    if value is None or value in ("", []):
        return "–"
    write = _WRITTEN.get(name) or _PLAINLY.get(type(value))
    return write(value, names) if write else str(value)


def _about(event: AuditEvent, names: Names) -> str:
    thing, subject = event.subject_type, event.subject_id
    if thing == "certificate" and subject.isdecimal():
        subject = names.certificates.get(int(subject), subject)
    elif thing == "mailbox":
        subject = names.mailboxes.get(subject, subject)
    elif thing == "unit":
        subject = " · ".join(filter(None, subject.split("/", 1)))
    elif thing in ("directory", "record", "signed_report") or subject == "-":
        subject = ""
    return f"{things().get(thing, thing)} {subject}".rstrip()


def _changes(event: AuditEvent, names: Names) -> list[Changed]:
    before, after = event.before or {}, event.after or {}
    skipped = LEFT_OUT | (set(LANGUAGES) - {language()}) | ({"code"} if "vi" in after else set())
    found = [
        changed(event.subject_type, name, before.get(name), after.get(name), names)
        for name in [*before, *(name for name in after if name not in before)]
        if name not in skipped
    ]
    return [one for one in found if one.before != one.after]


def _names(session: Session, events: Sequence[AuditEvent]) -> Names:
    """What the ids in these entries mean, in as few questions as there are kinds of ids."""
    held = [values for event in events for values in (event.before, event.after) if values]

    def ids(*names: str) -> set[int]:
        return {values[name] for values in held for name in names if type(values.get(name)) is int}

    accounts = {event.subject_id for event in events if event.subject_type == "mailbox"}
    accounts |= {str(values["mailbox"]) for values in held if values.get("mailbox")}
    signed = {
        int(event.subject_id)
        for event in events
        if event.subject_type == "certificate" and event.subject_id.isdecimal()
    }
    address = select(Address.address).where(Address.mailbox_id == Mailbox.id, Address.is_primary)
    mailbox = select(Mailbox.account_id, address.scalar_subquery())
    holder = select(Certificate.id, address.scalar_subquery()).join(
        Mailbox, Mailbox.id == Certificate.mailbox_id
    )
    with whole(session):
        agencies = agency_names(session, ids("agency_id", "parent_id", "agency"))
        return Names(
            agencies={agency_id: " ".join(named) for agency_id, named in agencies.items()},
            people=_known(session, select(Person.id, Person.full_name), Person.id, ids("person")),
            mailboxes=_known(session, mailbox, Mailbox.account_id, accounts),
            certificates=_known(session, holder, Certificate.id, signed),
        )


def agency_names(session: Session, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Code and name of these agencies, by id."""
    found = session.execute(select(Agency.id, Agency.code, Agency.name).where(Agency.id.in_(ids)))
    return {agency_id: (code, name) for agency_id, code, name in found}


def _known(session: Session, wanted: Any, key: InstrumentedAttribute[Any], ids: set[Any]) -> dict[Any, str]:
    return dict(session.execute(wanted.where(key.in_(sorted(ids)))).all()) if ids else {}


def _of(words: Callable[[], Mapping[str, str]]) -> Callable[[Any, Names], str]:
    """Written by a vocabulary; what it does not know stays as it is."""
    return lambda value, _names: words().get(str(value), str(value))


def _terms(*kinds: str) -> Callable[[], Mapping[str, str]]:
    """Vocabularies of the reference data."""
    return lambda: {
        code: spoken(term.name)
        for kind in kinds
        for code, term in getattr(services().reference, kind).items()
    }


def _agency(value: Any, names: Names) -> str:
    if value == "*":
        return gettext("Whole province")
    return names.agencies.get(value, str(value))


def _mailbox(value: Any, names: Names) -> str:
    return gettext("is opened") if value == "open" else names.mailboxes.get(value, str(value))


def _certificate(value: Any, _names: Names) -> str:
    if value == "order":
        return gettext("is ordered")
    return gettext("yes") if value else gettext("no")


_WRITTEN: Mapping[str, Callable[[Any, Names], str]] = {
    "agency": _agency,
    "agency_id": _agency,
    "bloc": _of(_terms("blocs")),
    "by": _of(wording.proofs),
    "category": _of(wording.categories),
    "certificate": _certificate,
    "device": _of(wording.foreign_devices),
    "ending": _of(wording.foreign_endings),
    "kind": _of(lambda: {**_terms("kinds")(), **wording.mailbox_kinds()}),
    "level": _of(_terms("levels")),
    "mailbox": _mailbox,
    "match": _of(wording.foreign_matches),
    "parent_id": _agency,
    "person": lambda value, names: names.people.get(value, str(value)),
    "purpose": _of(wording.purposes),
    "quota_bytes": lambda value, _names: wording.quota(value),
    "reason": _of(wording.revocation_reasons),
    "role": _of(wording.role_names),
    "senders": _of(wording.list_senders),
    "status": _of(wording.mailbox_states),
    "step": _of(wording.foreign_steps),
    "way": _of(wording.ways_in),
}
"""How values of fields are written that are no plain figures, days or texts."""


def _counts(value: Mapping[str, Any], names: Names) -> str:
    outcomes = wording.outcomes()
    return "; ".join(f"{outcomes.get(key, key)}: {said('', one, names)}" for key, one in value.items())


def _text(value: str, _names: Names) -> str:
    if _DAY.fullmatch(value):
        return day(date.fromisoformat(value))
    if _MOMENT.fullmatch(value):
        return moment(datetime.fromisoformat(value))
    return value


_PLAINLY: Mapping[type, Callable[[Any, Names], str]] = {
    bool: lambda value, _names: gettext("yes") if value else gettext("no"),
    int: lambda value, _names: number(value),
    dict: _counts,
    list: lambda value, names: ", ".join(said("", one, names) for one in value),
    str: _text,
}
"""How all others are written, as the trail holds them."""
