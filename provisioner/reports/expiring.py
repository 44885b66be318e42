"""M9: certificates about to expire, per agency."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import and_, func, literal, or_, select
from sqlalchemy.orm import Session

from provisioner.certificates.models import Certificate
from provisioner.coverage.tallies import ITSELF, Coverage
from provisioner.days import day_of
from provisioner.mailboxes.models import Mailbox
from provisioner.people.models import Post
from provisioner.reports.columns import EXPIRING_DAYS


def expiring(
    session: Session, coverage: Coverage, *, within: timedelta = timedelta(days=EXPIRING_DAYS)
) -> Mapping[int, int]:
    """How many certificates of each agency in scope end within so many days of the moment of `coverage`.

    Counted are certificates that are valid at that moment and for which no successor was ordered:
    of people in post, of the categories in scope, and of the agencies themselves.
    """
    at, on = coverage.at, day_of(coverage.at)
    ends_soon = (
        Certificate.issued_at <= at,
        Certificate.not_before <= at,
        Certificate.not_after > at,
        Certificate.not_after <= at + within,
        or_(Certificate.revoked_at.is_(None), Certificate.revoked_at > at),
        or_(Certificate.replaced_at.is_(None), Certificate.replaced_at > at),
    )
    held = and_(
        Post.person_id == Mailbox.person_id,
        Post.since <= on,
        or_(Post.until.is_(None), Post.until > on),
    )
    questions = (
        select(Post.agency_id, Post.category, func.count().label("number"))
        .join_from(Certificate, Mailbox, Mailbox.id == Certificate.mailbox_id)
        .join(Post, held)
        .where(*ends_soon)
        .group_by(Post.agency_id, Post.category),
        select(Mailbox.agency_id, literal(ITSELF).label("category"), func.count().label("number"))
        .join_from(Certificate, Mailbox, Mailbox.id == Certificate.mailbox_id)
        .where(Mailbox.agency_id.is_not(None), *ends_soon)
        .group_by(Mailbox.agency_id),
    )
    chosen = {row.place.id for row in coverage.agencies}
    found: Counter[int] = Counter()
    for question in questions:
        for agency_id, category, number in session.execute(question):
            if agency_id in chosen and (category == ITSELF or coverage.scope.counts(category)):
                found[agency_id] += number
    return found
