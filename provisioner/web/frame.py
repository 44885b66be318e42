"""The frame around all pages: the guard, the navigation, the languages, the assets and the headers."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Flask, Response, current_app, request, url_for
from werkzeug.exceptions import HTTPException

from provisioner.errors import ProvisionerError
from provisioner.operators.roles import NAMES, Right
from provisioner.web import origin, policies, telling
from provisioner.web.address_bar import same_page
from provisioner.web.answering import fault_page, http_problem_page, problem_page, protect
from provisioner.web.doers import doers
from provisioner.web.speaking import gettext, language, speak, spoken
from provisioner.web.trail_words import deed
from provisioner.web.visiting import reach, visitor

LARGEST_UPLOAD = 32 * 1024 * 1024
"""Bytes of one request: a roster of 200,000 rows as CSV fits."""

_STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Way:
    """One entry of the navigation."""

    name: str
    endpoint: str
    is_here: bool


def frame(app: Flask) -> None:
    """Put the frame around this application. Pages are registered before."""
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_UPLOAD,
        MAX_FORM_PARTS=2000,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        TEMPLATES_AUTO_RELOAD=False,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    policies.everybody("stylesheets, fonts and scripts hold nothing secret")(app.view_functions["static"])
    speak(app)
    app.before_request(policies.guard)
    app.context_processor(_surroundings)
    app.jinja_env.globals.update(
        asset=asset,
        deed=deed,
        doers=doers,
        form_token=origin.form_token,
        happened=telling.happened,
        may=lambda right: bool(reach(Right(right))),
        role_names=lambda: [spoken(NAMES[role]) for role in _roles()],
        ways=_ways,
        with_language=_with_language,
    )
    app.register_error_handler(ProvisionerError, problem_page)
    app.register_error_handler(HTTPException, http_problem_page)
    app.register_error_handler(Exception, fault_page)
    app.after_request(origin.keep_token)
    app.after_request(telling.forget)
    app.after_request(_keep_assets)
    app.after_request(protect)


def asset(path: str) -> str:
    """The address of a static file, with a mark of its content: it may be kept for ever."""
    return url_for("static", filename=path, v=_mark(path))


def _ways() -> list[Way]:
    found = visitor()
    here = (request.endpoint or "").split(".")[0].split("_")[0]
    places = [
        (gettext("Coverage"), "coverage.show", Right.COVERAGE),
        (gettext("Requests"), "requests.index", Right.REQUESTS),
        (gettext("Rosters"), "rosters.index", Right.ROSTERS),
        (gettext("Approvals"), "approvals.index", Right.APPROVE),
        (gettext("People"), "people.index", Right.REGISTER),
        (gettext("Mailboxes"), "mailboxes.index", Right.REGISTER),
        (gettext("Use"), "usage.index", Right.REGISTER),
        (gettext("Certificates"), "certificates.index", Right.REGISTER),
        (gettext("Revocations"), "revocations.index", Right.REVOKE),
        (gettext("Agencies"), "agencies.index", Right.REGISTER),
        (gettext("Operators"), "operators.index", Right.OPERATORS),
        (gettext("Audit trail"), "audit.index", Right.AUDIT),
        (gettext("System"), "system.show", Right.HEALTH),
    ]
    return [
        Way(name, endpoint, here == endpoint.split(".")[0])
        for name, endpoint, right in places
        if found is not None and found.powers.reach(right) and endpoint in current_app.view_functions
    ]


def _surroundings() -> dict[str, Any]:
    """Who looks at the page, and in which language."""
    return {"lang": language(), "visitor": visitor()}


def _roles() -> list[Any]:
    found = visitor()
    return found.powers.roles if found else []


def _with_language(wanted: str) -> str:
    """The address of this page in another language; of an answer to a form, that of the page with the form."""
    if request.endpoint is not None and request.method == "GET":
        return same_page(lang=wanted)
    came_from = urlsplit(origin.referring_page())
    pages = current_app.create_url_adapter(request)
    if request.endpoint is None or pages is None or not pages.test(came_from.path, "GET"):
        return f"/?lang={wanted}"
    asked = [(name, value) for name, value in parse_qsl(came_from.query) if name != "lang"]
    return f"{came_from.path}?{urlencode([*asked, ('lang', wanted)])}"


def _keep_assets(response: Response) -> Response:
    if request.endpoint == "static" and request.args.get("v"):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@cache
def _mark(path: str) -> str:
    return hashlib.sha256((_STATIC / path).read_bytes()).hexdigest()[:12]
