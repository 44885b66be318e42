"""The system: which parts answer, what waits, and what comes to its end. Read from the books, whatever hangs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from provisioner.certificates import staleness
from provisioner.certificates.lasting import lasting
from provisioner.certificates.pausing import stopped_by
from provisioner.certificates.revoked_authorities import revoked_authorities
from provisioner.coverage.naming import LISTS, WINDOWS, Moment, names
from provisioner.coverage.tallies import Scope
from provisioner.days import day_of
from provisioner.errors import Text
from provisioner.mail.feeds import is_silent, newest
from provisioner.mail.stopping import stops
from provisioner.notices.standing import standing as letters_standing
from provisioner.noticing import unread
from provisioner.operators.roles import Right
from provisioner.parts import Name, Part, State, standing, state
from provisioner.requests.facts import overdue_since
from provisioner.rounds import calendar
from provisioner.web.answering import services
from provisioner.web.policies import needs
from provisioner.web.speaking import gettext, spoken
from provisioner.web.visiting import reach, reading
from provisioner.working import certificates_waiting, lists_waiting, remaining, rosters_waiting

pages = Blueprint("system", __name__, url_prefix="/system")


@dataclass(frozen=True, slots=True)
class Seen:
    """One part as the page shows it."""

    name: str
    state: State
    part: Part | None
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much of one kind waits, since when, until when at most, and the page where it is to be seen."""

    name: str
    count: int
    since: datetime | date | None = None
    to: str | None = None
    what: Sequence[str] = ()
    """Some of them by name."""
    due: datetime | None = None
    """By when the first of them has to be dealt with."""


@pages.get("")
@needs(Right.HEALTH)
def show() -> ResponseReturnValue:
    """Everything at once, the clock first: without it all else is old."""
    found = services()
    now = found.clock()
    lacking = calendar(found).lacks(day_of(now))
    with reading(Right.HEALTH) as session:
        parts = standing(session)
        waiting = [*_waiting(session, parts, now), *_told_to_nobody(session, now)]
        ending = _ending(session, now)
        fed = newest(session)
        authorities, revoked = lasting(session, services().profiles), revoked_authorities(session)
    return render_template(
        "system.html",
        now=now,
        clock=parts.get(Name.CLOCK),
        clock_is_silent=state(parts.get(Name.CLOCK), now=now) is State.UNKNOWN,
        parts=[_seen(words, parts.get(name), now) for name, words in _parts().items()],
        calendar_lacks=spoken(lacking) if lacking else None,
        sends_letters=bool(found.settings.notices.server),
        waiting=waiting,
        ending=ending,
        feeds=[
            (words, at, is_silent(at, now=now))
            for words, at in (
                (gettext("Newest sign-in to a mailbox"), fed.sign_in),
                (gettext("Newest size of a mailbox"), fed.size),
            )
        ],
        authorities=authorities,
        revoked=revoked,
        stopped_by=stopped_by,
    )


def _parts() -> Mapping[Name, str]:
    """The parts that there are, as people call them."""
    words = {
        Name.CLOCK: gettext("Clock"),
        Name.DIRECTORY: gettext("Directory"),
        Name.REDIS: gettext("Doorbell (Redis)"),
        Name.WORKER: gettext("Workers"),
        Name.SIGNER: gettext("Signer"),
    }
    return words | ({Name.MAIL: gettext("Mail server")} if services().settings.notices.server else {})


def _seen(words: str, part: Part | None, now: datetime) -> Seen:
    trouble = part and part.trouble_vi and part.trouble_en and Text(vi=part.trouble_vi, en=part.trouble_en)
    return Seen(words, state(part, now=now), part, spoken(trouble) if trouble else None)


def _waiting(session: Session, parts: Mapping[Name, Part], now: datetime) -> Sequence[Waiting]:
    # How long an entry waits stands nowhere; the clock notes since when there has always been one.
    left, lists, letters = remaining(session), lists_waiting(session), letters_standing(session)
    rosters = url_for("rosters.index") if reach(Right.ROSTERS) else None
    stopped = [stop for stop in stops(session) if stop.confirmed_at is None]
    held = sum(len(stop.lock) + len(stop.delete) for stop in stopped)
    approvals = url_for("approvals.index") if reach(Right.APPROVE) else None
    stale = staleness.due(session, now=now)
    differing = url_for("certificates.index", state="stale") if reach(Right.REGISTER) else None

    def since(name: Name, count: int) -> datetime | None:
        return parts[name].failing_since if count and name in parts else None

    return [
        Waiting(gettext("Directory entries that wait"), left.entries, since(Name.ENTRIES, left.entries)),
        Waiting(gettext("Certificates that wait"), *certificates_waiting(session)),
        Waiting(
            gettext("Certificates that differ from the register"), stale.count, to=differing, due=stale.first
        ),
        Waiting(gettext("Revocation lists that wait"), lists, since(Name.LISTS, lists)),
        Waiting(gettext("Rosters on their way"), *rosters_waiting(session), to=rosters),
        Waiting(gettext("Overdue requests"), *overdue_since(session, today=day_of(now)), to=approvals),
        Waiting(gettext("Letters and notices that wait"), letters.queued + letters.unsent, letters.oldest),
        Waiting(gettext("Letters that no server takes"), letters.refused),
        Waiting(gettext("Rows that need a person"), left.stuck),
        Waiting(
            gettext("Mailboxes due to be locked or deleted, stopped until a person confirms"),
            held,
            min((stop.stopped_at for stop in stopped), default=None),
        ),
    ]


def _told_to_nobody(session: Session, now: datetime) -> Sequence[Waiting]:
    if not services().settings.notices.server:
        return []
    lost = [spoken(one) for one in unread(session, proposals_last=services().proposals_last, now=now)]
    return [Waiting(gettext("Matters whose reader has no mailbox and no address"), len(lost), what=lost[:3])]


def _ending(session: Session, now: datetime) -> Sequence[tuple[int, int, str | None]]:
    """For each of the windows: its days, how many certificates end within them, and the list that names them."""
    moment, found = Moment(now, services().used_within), []
    for days in WINDOWS:
        name = f"expiring-{days}"
        listed = names(session, LISTS[name], Scope(), moment).order_by(None).subquery()
        count = session.scalar(select(func.count()).select_from(listed)) or 0
        to = url_for("coverage_names.show", list=name) if count and reach(Right.REGISTER) else None
        found.append((days, count, to))
    return found
