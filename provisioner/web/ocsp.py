"""OCSP over HTTP: POST and GET (RFC 6960 A.1), with the headers that let caches keep answers (RFC 5019 6)."""

import hashlib
from datetime import timedelta
from typing import Final

from flask import Blueprint, Response, make_response, request

from ca.errors import Unreadable
from ca.ocsp import MALFORMED, MAX_REQUEST_BYTES, from_path
from provisioner.certificates.answering import Reply
from provisioner.web.answering import services

pages = Blueprint("ocsp", __name__)

LONGEST_KEPT: Final = timedelta(minutes=10)
"""How long a cache may keep an answer: a revocation is heard of within this time everywhere."""


@pages.post("/ocsp/<label>")
def post(label: str) -> Response:
    """The request is the body."""
    body = request.stream.read(MAX_REQUEST_BYTES + 1)
    return _answered(services().ocsp.reply(label, body))


# Base64 has slashes, and two of them beside each other are not one.
@pages.get("/ocsp/<label>/<path:encoded>", merge_slashes=False)
def get(label: str, encoded: str) -> Response:
    """The request is the rest of the path, in base64."""
    try:
        asked = from_path(encoded)
    except Unreadable:
        return _answered(Reply(MALFORMED))
    reply = services().ocsp.reply(label, asked)
    response = _answered(reply)
    answer = reply.answer
    if answer is None or not reply.is_for_everybody:
        return response
    left = min(LONGEST_KEPT, answer.next_update - services().clock())
    response.headers["Cache-Control"] = (
        f"max-age={int(left.total_seconds())}, public, no-transform, must-revalidate"
    )
    response.last_modified = answer.this_update
    response.expires = answer.next_update
    response.set_etag(hashlib.sha256(answer.der).hexdigest())
    response.make_conditional(request)
    return response


def _answered(reply: Reply) -> Response:
    response = make_response(reply.der)
    response.content_type = "application/ocsp-response"
    response.headers["Cache-Control"] = "no-store"
    return response
