"""The page where an owner makes a signing key, and what its script asks: an order, how far it is, that it was taken.

No answer and no request of these ever holds a private key: the script makes it and keeps it (`static/owner-key.js`).
"""

from base64 import b64encode
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue

from provisioner.errors import Invalid, ProvisionerError, Text
from provisioner.mail.self_service_keys import live_certificate, order_own, own_order, take_own
from provisioner.web.answering import problem_page, services
from provisioner.web.owner_visiting import owners, the_owner
from provisioner.web.speaking import spoken

pages = Blueprint("owner_keys", __name__, url_prefix="/toi/chung-thu")

LARGEST = 16 * 1024
"""Bytes of a request: one for a P-256 key has some 200."""


def _told_to_scripts(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """Errors as a sentence that the script shows, with the status a page would have."""

    @wraps(view)
    def answer(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        try:
            return view(*args, **kwargs)
        except ProvisionerError as error:
            _, status = problem_page(error)
            return jsonify(text=spoken(error.text), code=error.code), status

    return answer


@pages.get("")
@owners
def show() -> ResponseReturnValue:
    account = the_owner().account
    with services().database.reading() as session:
        certificate = live_certificate(session, account)
    return render_template("owner-certificate.html", address=account.address, certificate=certificate)


@pages.post("")
@_told_to_scripts
@owners
def order() -> ResponseReturnValue:
    """Take a certification request (PKCS#10, DER)."""
    if request.mimetype != "application/pkcs10" or (request.content_length or 0) > LARGEST:
        raise Invalid(
            Text(vi="Đây không phải yêu cầu chứng thư.", en="This is no certification request."),
            code="csr.unreadable",
        )
    found = services()
    with found.database.transaction() as session:
        order_id = order_own(session, the_owner().account, request.get_data(), now=found.clock())
    return jsonify(address=url_for("owner_keys.look", order_id=order_id)), 202


@pages.get("/<int:order_id>")
@_told_to_scripts
@owners
def look(order_id: int) -> ResponseReturnValue:
    """How far an order is, and the certificates once it is issued; `overtaken` by a key made in another window."""
    with services().database.reading() as session:
        found = own_order(session, the_owner().account, order_id)
    return jsonify(
        state="overtaken" if found.is_overtaken else found.state.value,
        chain=[b64encode(der).decode() for der in found.chain],
    )


@pages.post("/<int:order_id>/nhan")
@_told_to_scripts
@owners
def take(order_id: int) -> ResponseReturnValue:
    """The owner has the file: what the certificate takes the place of is revoked."""
    found = services()
    with found.database.transaction() as session:
        take_own(session, the_owner().account, order_id, sealer=found.sealer, now=found.clock())
    return "", 204
