"""Who is behind a request, and the books as far as they may see them."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Response, g, request
from sqlalchemy.orm import Session

from provisioner.operators import sessions
from provisioner.operators.reach import Reach
from provisioner.operators.roles import Right
from provisioner.operators.sessions import Visitor
from provisioner.secret import Secret
from provisioner.tenancy import confine
from provisioner.web.answering import services

COOKIE = "__Host-session"
"""Only over TLS or to this very machine, for this host alone, and out of reach of scripts."""


def visitor() -> Visitor | None:
    """The operator who is signed in, as the books know them now; asked once per request."""
    if "visitor" not in g:
        g.visitor = _look()
    found: Visitor | None = g.visitor
    return found


def the_visitor() -> Visitor:
    """The same on pages that only signed-in operators reach."""
    found = visitor()
    assert found is not None
    return found


def reach(right: Right) -> Reach:
    """Of which agencies the visitor may do this."""
    found = visitor()
    return found.powers.reach(right) if found else Reach.nothing()


@contextmanager
def reading(right: Right) -> Iterator[Session]:
    """The books as far as this right of the visitor goes."""
    with services().database.reading() as session:
        confine(session, reach(right))
        yield session


@contextmanager
def changing(right: Right) -> Iterator[Session]:
    """A transaction on the same; what has to see more says so with `tenancy.whole`."""
    with services().database.transaction() as session:
        confine(session, reach(right))
        yield session


def carry(response: Response, token: Secret) -> Response:
    """Give the browser the token of its session. It is a cookie of the browser's session and not kept longer."""
    response.set_cookie(COOKIE, token.reveal(), secure=True, httponly=True, samesite="Lax", path="/")
    return response


def drop(response: Response) -> Response:
    """Take the token back."""
    response.set_cookie(COOKIE, "", max_age=0, secure=True, httponly=True, samesite="Lax", path="/")
    return response


def source() -> str:
    """The address that sign-ins are counted by: what the nearest proxy that is not ours saw (`web.trusted_proxies`)."""
    return request.remote_addr or "unknown"


def _look() -> Visitor | None:
    token = request.cookies.get(COOKIE, "")
    if not token:
        return None
    found = services()
    now = found.clock()
    with found.database.glancing() as session:
        known = sessions.find(session, Secret(token), now=now)
    if known is not None and sessions.is_to_be_noted(known, now=now):
        with found.database.transaction() as session:
            sessions.note(session, known, now=now)
    return known
