"""Tenancy: a session that shows only what lies within somebody's reach.

The filter stands in the session and not in the question, so a question that forgets to ask
whose rows these are gets the reader's own rows, and without a reach it gets none. What must see
the whole province, such as the search for a free address, says so with `whole`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import event, exists, false, or_, select, union_all
from sqlalchemy.orm import LoaderCriteriaOption, ORMExecuteState, Session, with_loader_criteria

from provisioner.agencies.models import Agency, FormerAgency, FormerAgencyCode, HeadCount
from provisioner.certificates.models import Certificate, Issuer, RevocationItem, RevocationPlan
from provisioner.coverage.models import CoverageChange, CoverageDay, CoverageStanding
from provisioner.db import Base, table_of
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.operators.reach import Reach
from provisioner.people.models import Person, Post
from provisioner.requests.models import Request
from provisioner.rosters.models import RosterPlan, RosterRow

_KEY = "reach"

OPEN = frozenset({Issuer, CoverageDay})
"""What belongs to nobody: an authority's certificate is public, a day with a picture is a date."""


def confine(session: Session, reach: Reach) -> None:
    """From now on this session shows what the reach holds, and nothing else."""
    session.info[_KEY] = reach


@contextmanager
def whole(session: Session) -> Iterator[Session]:
    """For what has to see the whole province: the session is as if it were not confined."""
    reach = session.info.get(_KEY, Reach.province())
    session.info[_KEY] = Reach.province()
    try:
        yield session
    finally:
        session.info[_KEY] = reach


@event.listens_for(Session, "do_orm_execute")  # of every session: to listen to one costs more than a question
def _filter(state: ORMExecuteState) -> None:
    reach: Reach = state.session.info.get(_KEY, Reach.province())  # whom nobody confined
    if reach.everything or not (state.is_select or state.is_update or state.is_delete):
        return
    models = frozenset(mapper.class_ for mapper in Base.registry.mappers)
    state.statement = state.statement.options(*_criteria(reach, models))


@lru_cache(maxsize=250)
def _criteria(reach: Reach, models: frozenset[type[Any]]) -> tuple[LoaderCriteriaOption, ...]:
    """Which rows of each table a reach holds. A table that nobody thought of here shows nothing.

    Kept, because to build them takes ten times as long as to ask the question they stand on.
    """
    agencies, posts, mailboxes = table_of(Agency), table_of(Post), table_of(Mailbox)
    requests = table_of(Request)
    within = or_(false(), *(agencies.c.path.startswith(path, autoescape=True) for path in reach.paths))
    ids = select(agencies.c.id).where(within)
    # Who left belongs to the agency of the last post: it still has to see to the mailbox.
    later = table_of(Post).alias("later_posts")
    is_last = ~exists().where(later.c.person_id == posts.c.person_id, later.c.id > posts.c.id)
    # Questions joined and not conditions with "or", for which no index helps: all rows would be looked at.
    held_here = select(posts.c.person_id).where(posts.c.agency_id.in_(ids))
    people = union_all(
        held_here.where(posts.c.until.is_(None)), held_here.where(posts.c.until.is_not(None), is_last)
    )
    boxes = union_all(
        select(mailboxes.c.id).where(mailboxes.c.agency_id.in_(ids)),
        select(mailboxes.c.id).where(mailboxes.c.person_id.in_(people)),
    )
    plans = select(requests.c.plan_id).where(requests.c.agency_id.in_(ids))
    # A proposal that names a certificate out of reach is not a part of the province's to see or to agree to.
    items, signed = table_of(RevocationItem), table_of(Certificate)
    beyond = (
        select(items.c.plan_id)
        .join(signed, signed.c.id == items.c.certificate_id)
        .where(or_(signed.c.mailbox_id.is_(None), signed.c.mailbox_id.not_in(boxes)))
    )
    revocations = select(items.c.plan_id).where(items.c.plan_id.not_in(beyond))
    held: dict[type[Any], tuple[str, Any]] = {
        Agency: ("id", ids),
        FormerAgency: ("agency_id", ids),
        FormerAgencyCode: ("agency_id", ids),
        HeadCount: ("agency_id", ids),
        CoverageChange: ("agency_id", ids),
        CoverageStanding: ("agency_id", ids),
        Post: ("agency_id", ids),
        Person: ("id", people),
        Mailbox: ("id", boxes),
        Address: ("mailbox_id", boxes),
        Certificate: ("mailbox_id", boxes),
        Request: ("agency_id", ids),
        RosterPlan: ("id", plans),
        RosterRow: ("plan_id", plans),
        RevocationPlan: ("id", revocations),
        RevocationItem: ("plan_id", revocations),
    }
    criteria = {model: getattr(model, column).in_(chosen) for model, (column, chosen) in held.items()}
    return tuple(
        with_loader_criteria(model, criteria.get(model, false()), include_aliases=True)
        for model in models - OPEN
    )
