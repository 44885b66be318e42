"""M9: certificates about to expire, per agency."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, func, literal, select
from sqlalchemy.orm import Session

from provisioner.certificates.models import Certificate
from provisioner.coverage.conditions import ending, held
from provisioner.coverage.naming import WINDOWS
from provisioner.coverage.tallies import ITSELF, Coverage
from provisioner.days import day_of
from provisioner.db import table_of
from provisioner.mailboxes.models import Mailbox
from provisioner.people.models import Post
from provisioner.reports.columns import EXPIRING_DAYS

_CERTIFICATES = table_of(Certificate)


def expiring(
    session: Session, coverage: Coverage, *, within: timedelta = timedelta(days=EXPIRING_DAYS)
) -> Mapping[int, int]:
    """How many certificates of each agency in scope end within so many days of the moment of `coverage`.

    Counted are certificates that are valid at that moment, until a successor is handed over:
    of people in post, of the categories in scope, and of the agencies themselves.
    """
    found: Counter[int] = Counter()
    for agency_id, (number,) in _ending(session, coverage, [within]):
        found[agency_id] += number
    return found


def expiring_in(session: Session, coverage: Coverage) -> Mapping[int, int]:
    """The same of the whole scope, by how many days ahead (`WINDOWS`); each window holds the shorter ones."""
    found = Counter(dict.fromkeys(WINDOWS, 0))
    for _agency_id, numbers in _ending(session, coverage, [timedelta(days=days) for days in WINDOWS]):
        for days, number in zip(WINDOWS, numbers, strict=True):
            found[days] += number
    return found


def next_to_end(session: Session, *, at: datetime) -> datetime | None:
    """The first moment after this one at which a certificate comes into one of the windows; None if none ever does.

    When one goes out of them it is over, or a successor is handed over: that changes coverage itself.
    """
    moments = []
    for within in (timedelta(days=days) for days in WINDOWS):
        ends = session.connection().scalar(
            select(func.min(_CERTIFICATES.c.not_after)).where(_CERTIFICATES.c.not_after > at + within)
        )
        if ends is not None:
            moments.append(ends - within)
    return min(moments, default=None)


def _ending(
    session: Session, coverage: Coverage, windows: Sequence[timedelta]
) -> list[tuple[int, Sequence[int]]]:
    """Per agency in scope (more than once) how many certificates end within each of the windows."""
    at: datetime = coverage.at
    figures = [func.count().filter(Certificate.not_after <= at + within) for within in windows]
    post = and_(Post.person_id == Mailbox.person_id, *held(day_of(at)))
    certificates_of = (Certificate, Mailbox, Mailbox.id == Certificate.mailbox_id)
    questions = (
        select(Post.agency_id, Post.category, *figures)
        .join_from(*certificates_of)
        .join(Post, post)
        .where(*ending(at, max(windows)))
        .group_by(Post.agency_id, Post.category),
        select(Mailbox.agency_id, literal(ITSELF), *figures)
        .join_from(*certificates_of)
        .where(Mailbox.agency_id.is_not(None), *ending(at, max(windows)))
        .group_by(Mailbox.agency_id),
    )
    chosen = {row.place.id for row in coverage.agencies}
    return [
        (agency_id, numbers)
        for question in questions
        for agency_id, category, *numbers in session.execute(question)
        if agency_id in chosen and (category == ITSELF or coverage.scope.counts(category))
    ]
