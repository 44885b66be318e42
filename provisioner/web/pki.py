"""What a verifier fetches: authority certificates and revocation lists, over plain http (RFC 5280, 4.2.1.13)."""

import hashlib

from flask import Blueprint, Response, make_response, request
from sqlalchemy import select

from provisioner.certificates.models import Issuer
from provisioner.errors import NotFound, Text
from provisioner.web.answering import services

pages = Blueprint("pki", __name__)


@pages.get("/ca/<label>.cer")
def certificate(label: str) -> Response:
    return _published(_issuer(label).certificate, "application/pkix-cert")


@pages.get("/crl/<label>.crl")
def revocation_list(label: str) -> Response:
    crl = _issuer(label).crl
    if crl is None:
        raise _unknown(label)
    return _published(crl, "application/pkix-crl")


def _issuer(label: str) -> Issuer:
    with services().database.reading() as session:
        issuer = session.scalars(select(Issuer).where(Issuer.label == label)).one_or_none()
    if issuer is None:
        raise _unknown(label)
    return issuer


def _published(content: bytes, kind: str) -> Response:
    response = make_response(content)
    response.content_type = kind
    response.set_etag(hashlib.sha256(content).hexdigest())
    response.headers["Cache-Control"] = "public, max-age=300"
    response.make_conditional(request)
    return response


def _unknown(label: str) -> NotFound:
    return NotFound(
        Text(vi=f"Không có CA {label}.", en=f"There is no authority {label}."), code="issuer-unknown"
    )
