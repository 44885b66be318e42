"""Which owner is behind a request: a session and a cookie of their own, apart from operators'."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from provisioner.errors import Forbidden, Text
from provisioner.mail import self_service_sessions
from provisioner.mail.self_service_sessions import OwnerVisit
from provisioner.secret import Secret
from provisioner.web.answering import services
from provisioner.web.policies import everybody

COOKIE = "__Host-owner"

View = TypeVar("View", bound=Callable[..., Any])


def owner() -> OwnerVisit | None:
    """The owner who is signed in, as the books know them now; asked once per request."""
    if "owner" not in g:
        g.owner = _look()
    found: OwnerVisit | None = g.owner
    return found


def the_owner() -> OwnerVisit:
    """The same on pages that only owners reach."""
    found = owner()
    assert found is not None
    return found


def owners(view: View) -> View:
    """For an owner who is signed in; others are sent to the form, and what they sent changes nothing."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if owner() is not None:
            answer: ResponseReturnValue = view(*args, **kwargs)
            return answer
        if request.method in ("GET", "HEAD"):
            return redirect(url_for("owner.enter"), 303)
        raise Forbidden(
            Text(
                vi="Phiên làm việc đã hết; hãy đăng nhập lại. Chưa có gì thay đổi.",
                en="Your session has ended; sign in again. Nothing was changed.",
            ),
            code="signed-out",
        )

    marked: View = everybody("owners of mailboxes sign in here with a session of their own")(guarded)  # type: ignore[assignment]
    return marked


def carry(response: Response, token: Secret) -> Response:
    """Give the browser the token of the owner's session; it is kept no longer than the browser runs."""
    response.set_cookie(COOKIE, token.reveal(), secure=True, httponly=True, samesite="Strict", path="/")
    return response


def drop(response: Response) -> Response:
    """Take the token back."""
    response.set_cookie(COOKIE, "", max_age=0, secure=True, httponly=True, samesite="Strict", path="/")
    return response


def _look() -> OwnerVisit | None:
    token = request.cookies.get(COOKIE, "")
    if not token:
        return None
    found = services()
    now = found.clock()
    with found.database.reading() as session:
        visit = self_service_sessions.find(session, Secret(token), now=now)
    if visit is not None and visit.is_to_be_noted:
        with found.database.transaction() as session:
            self_service_sessions.note(session, visit, now=now)
    return visit
