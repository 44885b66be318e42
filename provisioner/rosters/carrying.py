"""Carrying out checked rows: who is registered, what is opened, changed and ordered, in sets.

The rooms of people, mailboxes and certificates do the work; here stands only the order of it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from provisioner.audit import Change, Who
from provisioner.certificates.ordering import order
from provisioner.days import day_of
from provisioner.mailboxes.lifecycle import enable, lock
from provisioner.mailboxes.models import Kind, LockedBy, Status
from provisioner.mailboxes.opening import (
    NewMailbox,
    QuotaException,
    except_quota,
    open_mailboxes,
    readdress,
    touch,
)
from provisioner.people.names import parse
from provisioner.people.registering import (
    Decision,
    Leaving,
    Newcomer,
    PostFacts,
    appoint,
    identity_columns,
    leave,
    name_columns,
    register,
    revise,
)
from provisioner.people.sealing import Sealer
from provisioner.rosters.checking import Checked
from provisioner.rosters.facts import RowFacts, unit_key
from provisioner.rosters.models import Outcome

_POST_FIELDS = {"agency_id", "title", "leader", "category"}
_SHOWN_FIELDS = {"leaves_on", "full_name", "phone", "agency_id", "title", "leader", "address", "quota_bytes"}
"""Fields whose change the directory must show."""


def carry_out(
    session: Session,
    rows: Sequence[Checked],
    *,
    reason: str,
    who: Who,
    sealer: Sealer,
    quotas: Mapping[Kind, int],
    now: datetime,
) -> list[Change]:
    """Do what these rows ask and set each row's mailbox id; returns what the audit trail must hold."""
    person_ids = _register_newcomers(session, rows, sealer, now)
    _revise_people(session, rows, sealer)
    _appoint(session, rows, now)
    _leave(session, rows)

    def exception(facts: RowFacts) -> QuotaException | None:
        asked = facts.quota_bytes
        if asked is None or asked == quotas[facts.kind]:
            return None
        return QuotaException(asked, reason=reason, granted_by=who.actor)

    _open_mailboxes(session, rows, person_ids, exception, now)
    standing = {i.standing.mailbox_id: i for i in rows if i.standing and i.standing.mailbox_id}
    for mailbox_id, item in standing.items():
        item.mailbox_id = mailbox_id
    addresses = {i: item.row.address for i, item in standing.items() if "address" in item.changes}
    readdress(session, {i: address for i, address in addresses.items() if address}, now=now)
    except_quota(
        session,
        {i: exception(item.facts) for i, item in standing.items() if "quota_bytes" in item.changes},
        now=now,
    )
    _change_states(session, standing, reason=reason, who=who, now=now)
    touch(session, [i for i, item in standing.items() if _SHOWN_FIELDS & item.changes.keys()])
    order(
        session,
        {
            i.mailbox_id: i.facts.kind
            for i in rows
            if i.mailbox_id
            and i.facts.certificate
            and (i.row.outcome is Outcome.CREATE or "certificate" in i.changes)
        },
        by=who.on_behalf_of or who.actor,
        now=now,
    )
    return [_change(item) for item in rows]


def _register_newcomers(
    session: Session, rows: Sequence[Checked], sealer: Sealer, now: datetime
) -> dict[int, int]:
    """Register those who are new; row id to person id."""
    new = [i for i in rows if i.row.outcome is Outcome.CREATE and i.facts.kind is Kind.PERSONAL]
    ids = register(
        session,
        [
            Newcomer(
                staff_number=item.facts.staff_number or "",
                name=parse(item.facts.full_name or ""),
                birth_date=item.facts.birth_date,
                phone=item.facts.phone,
                identity_number=item.identity_number,
                post=_post(item.facts),
            )
            for item in new
        ],
        sealer=sealer,
        on=day_of(now),
    )
    return {item.row.id: person_id for item, person_id in zip(new, ids, strict=True)}


def _revise_people(session: Session, rows: Sequence[Checked], sealer: Sealer) -> None:
    revisions: dict[int, dict[str, Any]] = {}
    for item in rows:
        if item.standing is None or item.standing.person_id is None:
            continue
        columns: dict[str, Any] = {}
        if "full_name" in item.changes:
            columns |= name_columns(parse(item.facts.full_name or ""))
        if "birth_date" in item.changes:
            columns["birth_date"] = item.facts.birth_date
        if "phone" in item.changes:
            columns["phone"] = item.facts.phone
        if "identity_number" in item.changes:
            columns |= identity_columns(item.identity_number, uid=item.standing.uid or "", sealer=sealer)
        revisions[item.standing.person_id] = columns
    revise(session, revisions)


def _appoint(session: Session, rows: Sequence[Checked], now: datetime) -> None:
    posts = {}
    for item in rows:
        found = item.standing
        facts = item.facts
        if found is None or found.person_id is None or not _POST_FIELDS & item.changes.keys():
            continue
        if facts.leaves_on is not None:
            continue
        posts[found.person_id] = PostFacts(
            agency_id=facts.agency_id,
            title=facts.title if facts.title is not None else found.title,
            is_leader=facts.leader if facts.leader is not None else found.leader,
            category=facts.category or found.category or "",
        )
    appoint(session, posts, on=day_of(now), decisions=_decisions(rows))


def _leave(session: Session, rows: Sequence[Checked]) -> None:
    decisions = _decisions(rows)
    leave(
        session,
        {
            person_id: Leaving(item.facts.leaves_on, decisions.get(person_id))
            for item in rows
            if item.facts.leaves_on and item.standing and (person_id := item.standing.person_id)
        },
    )


def _decisions(rows: Sequence[Checked]) -> dict[int, Decision]:
    """The personnel decision behind each row that names one, by person."""
    return {
        item.standing.person_id: Decision(item.facts.decision, item.facts.decision_date)
        for item in rows
        if item.facts.decision and item.standing and item.standing.person_id
    }


def _change_states(
    session: Session, standing: Mapping[int, Checked], *, reason: str, who: Who, now: datetime
) -> None:
    """Lock the mailboxes of those who leave, give theirs back to those who come again."""

    def those(state: Status) -> list[int]:
        return [i for i, item in standing.items() if item.changes.get("status", [None, None])[1] == state]

    lock(session, those(Status.LOCKED), reason=reason, who=who, now=now, by=LockedBy.LEFT)
    enable(session, those(Status.ACTIVE), reason=reason, who=who, now=now)


def _open_mailboxes(
    session: Session,
    rows: Sequence[Checked],
    person_ids: Mapping[int, int],
    exception: Any,
    now: datetime,
) -> None:
    opening = [i for i in rows if i.row.outcome is Outcome.CREATE or "mailbox" in i.changes]
    ids = open_mailboxes(
        session,
        [
            NewMailbox(
                address=item.row.address or "",
                person_id=_person_id(item, person_ids),
                agency_id=item.facts.agency_id if item.facts.kind is Kind.UNIT else None,
                unit_name=item.facts.full_name if item.facts.kind is Kind.UNIT else None,
                unit_key=unit_key(item.facts.full_name) if item.facts.kind is Kind.UNIT else "",
                quota=exception(item.facts),
            )
            for item in opening
        ],
        now=now,
    )
    for item, mailbox_id in zip(opening, ids, strict=True):
        item.mailbox_id = mailbox_id


def _person_id(item: Checked, person_ids: Mapping[int, int]) -> int | None:
    if item.facts.kind is Kind.UNIT:
        return None
    return person_ids.get(item.row.id) or (item.standing.person_id if item.standing else None)


def _post(facts: RowFacts) -> PostFacts:
    return PostFacts(
        agency_id=facts.agency_id,
        title=facts.title,
        is_leader=bool(facts.leader),
        category=facts.category or "",
    )


def _change(item: Checked) -> Change:
    """A row in the audit trail: what it made, or what it changed from and to."""
    subject_type = "person" if item.facts.kind is Kind.PERSONAL else "unit"
    unit = item.standing or item.facts  # a row may spell the name of a mailbox that stands in another way
    subject = item.facts.staff_number or f"{item.facts.agency_code}/{unit_key(unit.full_name)}"
    if item.row.outcome is Outcome.CREATE:
        made = item.facts.to_json() | {"address": item.row.address, "mailbox_id": item.mailbox_id}
        return Change(f"{subject_type}.created", subject_type, subject, after=made)
    besides: dict[str, Any] = {"mailbox_id": item.mailbox_id}
    if item.facts.decision:
        besides["decision"] = item.facts.decision
    return Change(
        f"{subject_type}.{'left' if item.facts.leaves_on else 'changed'}",
        subject_type,
        subject,
        before={field: values[0] for field, values in item.changes.items()},
        after={field: values[1] for field, values in item.changes.items()} | besides,
    )
