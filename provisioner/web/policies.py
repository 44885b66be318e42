"""Policies: beside every page stands who may see it, and a page without that is seen by nobody.

`guard` runs before every request. A test goes through the whole map of addresses and fails for a
page that declares nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue

from provisioner.errors import Forbidden, Text
from provisioner.operators.roles import Right
from provisioner.web.answering import services
from provisioner.web.origin import check_origin, check_token, referring_page
from provisioner.web.visiting import visitor

log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])

_MARK = "provisioner_policy"


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may see a page: holders of a right, whoever is signed in, or everybody, for a reason."""

    right: Right | None = None
    everybody: str = ""
    """Why no sign-in is asked for; empty where one is."""
    programs: bool = False
    """Asked by programs without cookies, so that there is no form to protect."""
    fresh: bool = False
    """Asks for a proof of who one is that is not older than some minutes."""


def needs(right: Right, *, fresh: bool = False) -> Callable[[View], View]:
    """For holders of this right; the session's books show what lies within its reach."""
    return _declared(Policy(right=right, fresh=fresh))


def signed_in(*, fresh: bool = False) -> Callable[[View], View]:
    """For every operator, whatever their roles."""
    return _declared(Policy(fresh=fresh))


def everybody(why: str, *, programs: bool = False) -> Callable[[View], View]:
    """For whoever asks."""
    return _declared(Policy(everybody=why, programs=programs))


def open_room(app: Flask, room: str, why: str) -> None:
    """Declare all pages of a room open to programs without a sign-in: what verifiers and guards fetch."""
    for endpoint, view in app.view_functions.items():
        if endpoint.split(".")[0] == room and not hasattr(view, _MARK):
            everybody(why, programs=True)(view)


def policy_of(app: Flask, endpoint: str) -> Policy | None:
    """What a page declares, if anything."""
    found = getattr(app.view_functions.get(endpoint), _MARK, None)
    return found if isinstance(found, Policy) else None


def guard() -> ResponseReturnValue | None:
    """Let a request through to its page, or answer in its place."""
    if request.endpoint is None:
        return None  # there is no such page; the answer says so
    policy = policy_of(current_app, request.endpoint)
    if policy is None:
        log.error("the page %s declares no policy", request.endpoint)
        raise _forbidden()
    changes = request.method not in ("GET", "HEAD", "OPTIONS")
    if changes and not policy.programs:
        check_origin()
        check_token()
    if policy.everybody:
        return None
    found = visitor()
    if found is None:
        if changes:
            raise Forbidden(
                Text(
                    vi="Phiên làm việc đã hết; hãy đăng nhập lại. Chưa có gì thay đổi.",
                    en="Your session has ended; sign in again. Nothing was changed.",
                ),
                code="signed-out",
            )
        return redirect(url_for("signing_in.show", next=request.full_path.rstrip("?")), 303)
    if policy.right is not None and not found.powers.reach(policy.right):
        log.warning("%s was refused %s (needs %s)", found.name, request.endpoint, policy.right)
        raise _forbidden()
    if policy.fresh and not found.proved_lately(services().clock()):
        # After the proof a page can be shown again, but what a form sent is gone: back to the form.
        wanted = referring_page() if changes else request.full_path.rstrip("?")
        return redirect(url_for("signing_in.again", next=wanted), 303)
    return None


def _declared(policy: Policy) -> Callable[[View], View]:
    def mark(view: View) -> View:
        setattr(view, _MARK, policy)
        return view

    return mark


def _forbidden() -> Forbidden:
    return Forbidden(
        Text(
            vi="Vai trò của bạn không được phép làm việc này.",
            en="Your role does not allow this.",
        ),
        code="not-allowed",
    )
