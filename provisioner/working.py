"""What is still to do: for the clock, for progress bars and for whoever waits."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from ca.hierarchy import ROOT
from provisioner.agencies.models import Agency
from provisioner.certificates.delegating import RENEW_BEFORE
from provisioner.certificates.finding import is_still_refused
from provisioner.certificates.models import (
    Certificate,
    Issuer,
    ResponderKey,
    RevocationPlan,
    is_halted,
    is_open,
)
from provisioner.certificates.models import PlanState as RevocationState
from provisioner.certificates.pausing import at_rest
from provisioner.certificates.recording import is_unsealed
from provisioner.certificates.revoked_authorities import idle_purposes, is_falling
from provisioner.db import Base
from provisioner.lists.models import MailingList
from provisioner.mailboxes.models import Mailbox
from provisioner.reports.models import SignedReport
from provisioner.rosters import approving, results_asked
from provisioner.rosters.models import PlanState, RosterPlan, RosterRow

_ORDERED = and_(is_open(), Certificate.trouble.is_(None))

# Questions that pages ask every second are put together once: that takes longer than the answer.
_ENTRIES = {
    model: select(func.count().filter(model.trouble.is_(None)), func.count(model.trouble)).where(
        model.synced_revision < model.revision
    )
    for model in (Agency, MailingList, Mailbox)
}
_WITH_MAILBOX = select(func.count()).join_from(Certificate, Mailbox, Mailbox.id == Certificate.mailbox_id)
_ON_ORDER = _WITH_MAILBOX.add_columns(func.min(Certificate.ordered_at)).where(
    _ORDERED, or_(Mailbox.trouble.is_(None), Mailbox.first_synced_at.is_not(None))
)


@cache
def _unsigned() -> tuple[Select[int], Select[int]]:
    """How many were refused, and how many halted; not at the start, since an alias has all tables mapped."""
    return _WITH_MAILBOX.where(is_still_refused()), _WITH_MAILBOX.where(is_halted())


@dataclass(frozen=True, slots=True)
class Remaining:
    """Counts of what is pending and what there is. `stuck` rows wait for a person and are not pending."""

    entries: int = 0
    all_entries: int = 0
    certificates: int = 0
    all_certificates: int = 0
    stuck: int = 0


def remaining(session: Session, *, totals: bool = False) -> Remaining:
    """Count what waits for the directory and the signer, by the indexes of what waits.

    How much there is of everything is counted with `totals` only: that is a look at every row.
    """
    entries = all_entries = stuck = 0
    for model, wanted in _ENTRIES.items():
        waiting, held_up = session.execute(wanted).one()
        entries, stuck = entries + waiting, stuck + held_up
        if totals:
            all_entries += _all(session, model)
    certificates, _since = certificates_waiting(session)
    return Remaining(
        entries,
        all_entries,
        certificates,
        _all(session, Certificate) if totals else 0,
        stuck + sum(session.scalars(wanted).one() for wanted in _unsigned()),
    )


def stuck_of(session: Session, plan_id: int) -> int:
    """How many mailboxes and certificates of this roster wait for a person."""
    of_plan = Mailbox.id.in_(select(RosterRow.mailbox_id).where(RosterRow.plan_id == plan_id))
    is_stuck = and_(Mailbox.trouble.is_not(None), Mailbox.synced_revision < Mailbox.revision)
    mailboxes = session.scalars(select(func.count(Mailbox.id)).where(of_plan, is_stuck)).one()
    return mailboxes + sum(session.scalars(wanted.where(of_plan)).one() for wanted in _unsigned())


def certificates_waiting(session: Session) -> tuple[int, datetime | None]:
    """How many wait for the signer, and since when the first of them.

    A certificate is not signed before its mailbox stands; with a stuck mailbox it waits for the same person.
    """
    count, since = session.execute(_ON_ORDER).one()
    return count, since


def lists_waiting(session: Session) -> int:
    """Of how many authorities something was revoked, or released, that stands on no list yet."""
    return session.scalars(select(func.count(Issuer.id)).where(_is_unlisted(at_rest(session)))).one()


def _is_unlisted(resting: Collection[str]) -> ColumnElement[bool]:
    # A root's list is signed where its key is, and not by whoever is rung for.
    return and_(
        Issuer.revocations_listed < Issuer.revocations,
        ~Issuer.label.startswith(f"{ROOT}-"),
        Issuer.label.not_in(resting),
    )


def rosters_waiting(session: Session) -> tuple[int, datetime | None]:
    """How many are being planned or applied, and since when the first of them."""
    began = func.coalesce(RosterPlan.started_at, RosterPlan.planned_at)
    count, since = session.execute(
        select(func.count(), func.min(began)).where(
            RosterPlan.state.in_((PlanState.READING, PlanState.APPLYING))
        )
    ).one()
    return count, since


class Watched(approving.Watched):
    """The same of rosters on their way and of what remains beside them, at most once a second."""

    def __init__(self) -> None:
        super().__init__()
        self._left: tuple[float, Remaining] | None = None

    def remaining(self, session: Session, plan: RosterPlan) -> Remaining:
        """The same as `remaining`, up to a second old while rows are being applied."""
        if plan.state is not PlanState.APPLYING:
            return remaining(session)
        if self._left is None or time.monotonic() - self._left[0] >= 1:
            self._left = time.monotonic(), remaining(session)
        return self._left[1]


def _all(session: Session, model: type[Base]) -> int:
    return session.scalars(select(func.count()).select_from(model)).one()


def bells_due(session: Session, *, now: datetime) -> list[str]:
    """Which doorbells to ring: one look at each kind of pending work, by its index."""
    resting = at_rest(session)
    is_served = exists().where(Issuer.label.not_in(resting))
    received = exists().where(RosterPlan.state == PlanState.READING)
    applying = exists().where(RosterPlan.state == PlanState.APPLYING)
    behind = [
        exists().where(model.synced_revision < model.revision, model.trouble.is_(None))
        for model in (Agency, MailingList, Mailbox)
    ]
    ordered = exists().where(
        _ORDERED,
        Mailbox.id == Certificate.mailbox_id,
        Mailbox.first_synced_at.is_not(None),
        case(
            (
                Certificate.issuer_id.is_(None),
                Certificate.purpose.not_in(idle_purposes(session, at_rest=resting)),
            ),
            else_=is_served.where(Issuer.id == Certificate.issuer_id),
        ),
    )
    agreed = exists().where(
        RevocationPlan.state == RevocationState.APPROVED,
        or_(RevocationPlan.due_at.is_(None), RevocationPlan.due_at <= now),
    )
    asked = exists().where(SignedReport.signed_at.is_(None), SignedReport.trouble.is_(None))
    # Reserved by a signer that was killed: the hourly call would leave an authority without answers till then.
    delegated = exists().where(
        ResponderKey.certificate.is_(None),
        ResponderKey.key_sealed.is_not(None),
        ResponderKey.not_after >= now + RENEW_BEFORE,
        is_served.where(Issuer.id == ResponderKey.issuer_id),
    )
    due = session.execute(
        select(
            received,
            applying,
            results_asked.is_due(now),
            or_(*behind),
            ordered,
            exists().where(_is_unlisted(resting)),
            or_(agreed, exists().where(is_falling())),
            is_unsealed(),
            asked,
            delegated,
        )
    ).one()
    bells = (
        "planning",
        "rosters",
        "results",
        "directory",
        "signing",
        "lists",
        "revocations",
        "record",
        "reports",
        "responders",
    )
    return [bell for bell, is_due in zip(bells, due, strict=True) if is_due]
