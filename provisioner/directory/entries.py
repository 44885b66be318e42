"""What an entry in the directory must be: the one place that says so.

Pure: facts from the books go in, entries come out. The same facts always give the same
bytes, so that comparing an entry with the directory needs no memory of the past.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ldap_schema import membership, schema
from ldap_schema.dit import Dit
from provisioner.directory.port import Entry
from provisioner.lists.models import Audience, Senders
from provisioner.mailboxes.models import Kind, Status

_PERSON_CLASSES = tuple(name.encode() for name in schema.PERSON_CLASSES)
_UNIT_CLASSES = tuple(name.encode() for name in schema.UNIT_CLASSES)
_AGENCY_CLASSES = tuple(name.encode() for name in schema.AGENCY_CLASSES)
_LIST_CLASSES = tuple(name.encode() for name in schema.LIST_CLASSES)
_TITLES = {Audience.ALL: "Tất cả", Audience.OWN: "Cán bộ", Audience.LEADERS: "Lãnh đạo"}


@dataclass(frozen=True, slots=True)
class AgencyFacts:
    """An agency as the directory shows it. `path` are the codes from the root down to it."""

    uid: str
    code: str
    path: tuple[str, ...]
    name: str
    bloc: str
    level: str


@dataclass(frozen=True, slots=True)
class ListFacts:
    """A list as the directory shows it: of an agency, or of a bloc."""

    uid: str
    address: str
    audience: Audience
    senders: Senders
    agency: AgencyFacts | None
    bloc: str | None


@dataclass(frozen=True, slots=True)
class MailboxFacts:
    """A mailbox as the directory shows it. `certificates` are DER, those that are live now."""

    account_id: str
    kind: Kind
    status: Status
    quota_bytes: int
    """Always positive: absent or zero is an error in the books, never "unlimited"."""
    name: str
    family: str | None
    given: str | None
    staff_number: str | None
    phone: str | None
    title: str | None
    is_leader: bool
    agency: AgencyFacts
    belongs: bool
    """Whether it is of the agency today; the mailbox of somebody who left stands there, and on no list."""
    address: str
    aliases: tuple[str, ...]
    certificates: tuple[bytes, ...]


def mailbox_entry(facts: MailboxFacts, dit: Dit) -> Entry:
    """The entry of a person's or a unit's mailbox."""
    if facts.quota_bytes <= 0:
        raise ValueError(f"mailbox {facts.account_id} has no quota")
    is_person = facts.kind == Kind.PERSONAL
    values: dict[str, str | None] = {
        schema.MARKER: facts.account_id,
        "uid": facts.account_id,
        "cn": facts.name,
        "displayName": facts.name,
        "mail": facts.address,
        "o": facts.agency.name,
        "congvuQuota": str(facts.quota_bytes),
        "congvuStatus": facts.status,
        "congvuKind": facts.kind,
        "congvuAgencyCode": facts.agency.code,
        "congvuAgencyPath": _path(facts.agency),
        "congvuBloc": facts.agency.bloc,
        "congvuLevel": facts.agency.level,
        "congvuLeader": "TRUE" if facts.is_leader and facts.belongs else None,
    }
    if is_person:
        values |= {
            # inetOrgPerson demands a surname; a one-word name of an ethnic minority has none.
            "sn": facts.family or facts.name,
            "givenName": facts.given,
            "employeeNumber": facts.staff_number,
            "telephoneNumber": facts.phone,
            "title": facts.title,
        }
    attributes = _encoded(values)
    attributes[schema.OBJECT_CLASS] = _PERSON_CLASSES if is_person else _UNIT_CLASSES
    if facts.belongs:
        attributes["congvuWithin"] = tuple(code.encode() for code in facts.agency.path)
    if facts.aliases:
        attributes["congvuAlias"] = tuple(alias.encode() for alias in facts.aliases)
    if facts.certificates:
        attributes[schema.CERTIFICATE] = facts.certificates
    dn = dit.person(facts.account_id) if is_person else dit.unit(facts.account_id)
    return Entry(dn, facts.account_id, attributes)


def agency_marker(uid: str) -> str:
    return f"agency:{uid}"


def agency_entry(facts: AgencyFacts, dit: Dit) -> Entry:
    """The entry of an agency or of one of its units."""
    marker = agency_marker(facts.uid)
    attributes = _encoded(
        {
            schema.MARKER: marker,
            "uid": facts.uid,
            "cn": facts.name,
            "congvuAgencyCode": facts.code,
            "congvuAgencyPath": _path(facts),
            "congvuBloc": facts.bloc,
            "congvuLevel": facts.level,
        }
    )
    attributes[schema.OBJECT_CLASS] = _AGENCY_CLASSES
    return Entry(dit.agency(facts.uid), marker, attributes)


def list_marker(uid: str) -> str:
    return f"list:{uid}"


def list_entry(facts: ListFacts, dit: Dit) -> Entry:
    """The entry of a list: not its members, but the questions that find them."""
    prefix, domain = facts.address.partition(".")[0], facts.address.partition("@")[2]
    alias = part = part_of = None
    if facts.agency is not None:
        code, of = facts.agency.code, facts.agency.name
        alias = f"{prefix}.{code.lower()}@{domain}"
        members = {
            Audience.ALL: (membership.own_people(code, dit), membership.parts(code, dit)),
            Audience.OWN: (membership.own_people(code, dit),),
            Audience.LEADERS: (membership.leaders_of_agency(code, dit),),
        }[facts.audience]
        part_of = {
            Audience.ALL: facts.agency.path[-2] if len(facts.agency.path) > 1 else None,
            Audience.OWN: _bloc_list(facts.agency.bloc),
            Audience.LEADERS: None,
        }[facts.audience]
        part = part_of and f"{prefix}.{code.lower()}@{membership.PARTS}"
    else:
        bloc, of = facts.bloc or "", f"khối {facts.bloc}"
        leaders = facts.audience is Audience.LEADERS
        members = (
            membership.leaders_of_bloc(bloc, dit) if leaders else membership.parts(_bloc_list(bloc), dit),
        )
    attributes = _encoded(
        {
            schema.MARKER: list_marker(facts.uid),
            "uid": facts.uid,
            "cn": f"{_TITLES[facts.audience]} {of}",
            "mail": facts.address,
            "congvuAlias": alias if alias != facts.address else None,
            "congvuSenders": facts.senders,
            "congvuPart": part,
            "congvuPartOf": part_of,
        }
    )
    attributes["memberURL"] = tuple(url.encode() for url in members)
    attributes[schema.OBJECT_CLASS] = _LIST_CLASSES
    return Entry(dit.group(facts.uid), list_marker(facts.uid), attributes)


def _bloc_list(bloc: str) -> str:
    """The name of a bloc's list where lists say whose part they are: no agency has such a code."""
    return f"khoi.{bloc}"


def _path(agency: AgencyFacts) -> str:
    """Each code followed by a slash, so that a sub-tree is a prefix and H36.1 is none of H36.12."""
    return "".join(f"{code}/" for code in agency.path)


def _encoded(values: Mapping[str, str | None]) -> dict[str, tuple[bytes, ...]]:
    return {name: (value.encode(),) for name, value in values.items() if value}
