"""When something counts: the same conditions for figures and for the lists of names behind them."""

from datetime import date, datetime, timedelta

from sqlalchemy import SQLColumnExpression, and_, exists, not_, or_

from provisioner.agencies.models import Agency
from provisioner.certificates.models import Certificate
from provisioner.db import table_of
from provisioner.mailboxes.models import Mailbox
from provisioner.people.models import Post, is_last_post

Conditions = tuple[SQLColumnExpression[bool], ...]

_POSTS = table_of(Post)


def begun(on: date) -> Conditions:
    """The agency existed on this day or before it."""
    return (or_(Agency.since.is_(None), Agency.since <= on),)


def existed(on: date) -> Conditions:
    """The agency existed on this day; `until` is the last one."""
    return (*begun(on), or_(Agency.until.is_(None), Agency.until >= on))


def held(on: date) -> Conditions:
    """The post was held on this day; `until` is the first day it no longer was."""
    return Post.since <= on, or_(Post.until.is_(None), Post.until > on)


def was_last(on: date) -> Conditions:
    """The post was the last one of somebody who held none on this day."""
    # Tables and no models: whether somebody is in post elsewhere does not depend on who asks.
    other = _POSTS.alias()
    is_in_post = exists().where(
        other.c.person_id == Post.person_id,
        other.c.since <= on,
        or_(other.c.until.is_(None), other.c.until > on),
    )
    return (
        not_(and_(*held(on))),
        is_last_post(),
        ~is_in_post,
    )


def issued(at: datetime) -> Conditions:
    """The mailbox stood in the directory and was not closed."""
    return Mailbox.first_synced_at <= at, or_(Mailbox.closed_at.is_(None), Mailbox.closed_at > at)


def used(at: datetime, within: timedelta) -> Conditions:
    """The mailbox was used within so long before."""
    return Mailbox.first_used_at <= at, Mailbox.last_used_at > at - within


def valid(at: datetime) -> Conditions:
    """The certificate was within its dates and not revoked."""
    return (
        Certificate.not_before <= at,
        Certificate.not_after > at,
        or_(Certificate.revoked_at.is_(None), Certificate.revoked_at > at),
    )


def ending(at: datetime, within: timedelta) -> Conditions:
    """The certificate is valid and ends within so long (M9). With its successor's hand-over it is revoked."""
    return (
        Certificate.issued_at <= at,
        *valid(at),
        Certificate.not_after <= at + within,
    )
