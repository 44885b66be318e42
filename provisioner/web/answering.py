"""What all pages share: the language, the services, errors as pages, and the headers of every answer."""

from http import HTTPStatus

from flask import Response, current_app, render_template, request

from provisioner.errors import ProvisionerError
from provisioner.services import Services

_STATUS = {
    "not-found": HTTPStatus.NOT_FOUND,
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "forbidden": HTTPStatus.FORBIDDEN,
    "conflict": HTTPStatus.CONFLICT,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}


def services() -> Services:
    found = current_app.extensions["provisioner"]
    assert isinstance(found, Services)
    return found


def language() -> str:
    """Vietnamese first; English where the address or the browser asks for it."""
    asked = request.args.get("lang")
    if asked in ("vi", "en"):
        return asked
    return request.accept_languages.best_match(["vi", "en"], default="vi") or "vi"


def problem_page(error: ProvisionerError) -> tuple[str, int]:
    """The page for an error: its sentence, and the status of its kind."""
    status = _STATUS.get(error.kind, HTTPStatus.INTERNAL_SERVER_ERROR)
    spoken = language()
    page = render_template("problem.html", text=error.text.in_language(spoken), code=error.code, lang=spoken)
    return page, status


def protect(response: Response) -> Response:
    """Headers of every answer: nothing but our own files runs or is shown in a frame (ASVS 3.4)."""
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'self'",
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cache-Control", "no-store")
    return response
