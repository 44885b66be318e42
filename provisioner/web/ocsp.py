"""OCSP over HTTP: POST and GET (RFC 6960 A.1), with the headers that let caches keep answers (RFC 5019 6).

A small application of its own in front of the pages: programs ask a thousand times a second, and there is no
session, no form and no page in it.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from werkzeug.http import http_date, parse_date
from werkzeug.wsgi import get_input_stream

from ca.errors import CaError, Unreadable
from ca.ocsp import INTERNAL_ERROR, MAX_REQUEST_BYTES, TRY_LATER, Answer, from_path
from provisioner.certificates.answering import LONGEST_KEPT, Answers, Reply
from provisioner.db import Collided
from provisioner.errors import ProvisionerError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

PREFIX: Final = "/ocsp/"

Headers = list[tuple[str, str]]


def in_front_of(
    pages: "WSGIApplication", answers: Callable[[], Answers], clock: Callable[[], datetime]
) -> "WSGIApplication":
    """The application that answers what is asked below `/ocsp/` and leaves everything else to the pages.

    `answers` is called at the first question and not before: a process opens what it uses.
    """

    def respond(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return pages(environ, start)
        method = environ["REQUEST_METHOD"]
        label, _, encoded = path.removeprefix(PREFIX).partition("/")
        if method == "POST":
            reply = _reply(answers, label, _body(environ))
            status, headers = HTTPStatus.OK, [("Cache-Control", "no-store")]
        elif method in ("GET", "HEAD"):
            reply = _reply(answers, label, _from_path(encoded))
            status, headers = _for_caches(reply, environ, clock())
        else:
            start("405 Method Not Allowed", [("Allow", "GET, HEAD, POST"), ("Content-Length", "0")])
            return [b""]
        body = reply.der if status is HTTPStatus.OK else b""
        if status is HTTPStatus.OK:
            headers += [("Content-Type", "application/ocsp-response"), ("Content-Length", str(len(body)))]
        start(f"{status.value} {status.phrase}", headers)
        return [b"" if method == "HEAD" else body]

    return respond


def _reply(answers: Callable[[], Answers], label: str, request: bytes) -> Reply:
    """The reply to a request; our own troubles have words in the protocol, too (RFC 6960 2.3)."""
    try:
        return answers().reply(label, request)
    except (ProvisionerError, CaError, Collided) as error:
        log.warning("OCSP cannot be answered now: %s", error)
        return Reply(TRY_LATER)
    except Exception:
        log.exception("OCSP could not be answered")
        return Reply(INTERNAL_ERROR)


def _body(environ: "WSGIEnvironment") -> bytes:
    """The body, and one byte more than a request may have at most: what is too long is malformed."""
    return get_input_stream(environ).read(MAX_REQUEST_BYTES + 1)


def _from_path(encoded: str) -> bytes:
    """The request in a path, in base64, whose slashes are part of it; empty, and so malformed, when it is none."""
    try:
        return from_path(encoded)
    except Unreadable:
        return b""


def _for_caches(reply: Reply, environ: "WSGIEnvironment", now: datetime) -> tuple[HTTPStatus, Headers]:
    """The status and the headers of a reply by GET: whether and for how long it may be kept, or is known already."""
    answer = reply.answer
    if answer is None or not reply.is_for_everybody:
        return HTTPStatus.OK, [("Cache-Control", "no-store")]
    left = min(LONGEST_KEPT, answer.next_update - now)
    etag, validators = _validators(answer)
    headers = [
        ("Cache-Control", f"max-age={int(left.total_seconds())}, public, no-transform, must-revalidate"),
        *validators,
    ]
    known = environ.get("HTTP_IF_NONE_MATCH")
    if known is not None:
        is_known = etag in known
    else:
        since = parse_date(environ.get("HTTP_IF_MODIFIED_SINCE"))
        is_known = since is not None and answer.this_update <= since
    return HTTPStatus.NOT_MODIFIED if is_known else HTTPStatus.OK, headers


@lru_cache(maxsize=4096)
def _validators(answer: Answer) -> tuple[str, Headers]:
    etag = f'"{sha256(answer.der).hexdigest()}"'
    return etag, [
        ("ETag", etag),
        ("Last-Modified", http_date(answer.this_update.astimezone(UTC))),
        ("Expires", http_date(answer.next_update.astimezone(UTC))),
    ]
