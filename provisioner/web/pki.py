"""What verifiers fetch over plain http: authority certificates, lists (RFC 5280, 4.2.1.13), checkpoints of the record."""

from typing import Final

from flask import Blueprint, Response, make_response, request

from provisioner.certificates.published import Kind
from provisioner.errors import NotFound, Text
from provisioner.web.answering import services

pages = Blueprint("pki", __name__)

KEPT: Final = 60
"""Seconds that a cache may keep a list without asking whether it is still the newest."""

CERTIFICATE_KEPT: Final = 86_400
"""The same for the certificate of an authority, which does not change under its address."""


@pages.get("/ca/<label>.cer")
def certificate(label: str) -> Response:
    return _published(label, Kind.CERTIFICATE, "application/pkix-cert", CERTIFICATE_KEPT)


@pages.get("/crl/<label>.crl")
def revocation_list(label: str) -> Response:
    """The full list, or `<label>-delta.crl`: an authority's label ends with its generation, never with that."""
    kind = Kind.DELTA if label.endswith("-delta") else Kind.FULL
    return _published(label.removesuffix("-delta"), kind, "application/pkix-crl", KEPT)


@pages.get("/log/checkpoint")
def checkpoint() -> Response:
    """The newest signed checkpoint of the record, at the address that its origin names (C2SP tlog-tiles)."""
    return _of_the_record(services().published.record().checkpoint or "")


@pages.get("/log/key")
def log_key() -> Response:
    """The key that verifies checkpoints; an auditor keeps a copy that did not come from here."""
    return _of_the_record(f"{services().published.record().verifier_key}\n")


def _of_the_record(said: str) -> Response:
    response = make_response(said)
    response.content_type = "text/plain; charset=utf-8"
    response.headers["Cache-Control"] = "no-cache"
    return response


def _published(label: str, kind: Kind, media_type: str, seconds: int) -> Response:
    document = services().published.find(label, kind)
    if document is None:
        raise NotFound(
            Text(
                vi=f"CA {label} không có hoặc chưa công bố tệp này.",
                en=f"There is no authority {label}, or it has not published this yet.",
            ),
            code="issuer-unknown",
        )
    response = make_response(document.content)
    response.content_type = media_type
    response.set_etag(document.etag)
    response.headers["Cache-Control"] = f"public, max-age={seconds}, must-revalidate"
    response.make_conditional(request)
    return response
