"""Owners' own page: sign in with the mailbox, change the password, turn a second factor on or off."""

from typing import Any

import segno
from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from provisioner.errors import Forbidden, Invalid, ProvisionerError
from provisioner.mail import self_service, self_service_sessions
from provisioner.mail.self_service_keys import live_certificate
from provisioner.operators.proving import key_uri
from provisioner.secret import Secret
from provisioner.web.answering import services
from provisioner.web.owner_visiting import carry, drop, owner, owners, the_owner
from provisioner.web.policies import everybody
from provisioner.web.speaking import gettext, spoken
from provisioner.web.telling import back_to
from provisioner.web.visiting import source
from provisioner.web.wording import certificate_state

pages = Blueprint("owner", __name__, url_prefix="/toi")


@pages.get("/dang-nhap")
@everybody("the way in for owners of mailboxes")
def enter() -> ResponseReturnValue:
    if owner() is not None:
        return redirect(url_for("owner.show"), 303)
    return render_template("owner-sign-in.html", address="", problem=None)


@pages.post("/dang-nhap")
@everybody("the way in for owners of mailboxes")
def sign_in() -> ResponseReturnValue:
    """A new session in place of whatever session the browser had."""
    found, address = services(), request.form.get("address", "")
    try:
        token = self_service.sign_in(
            found.database,
            found.binding,
            address=address,
            password=Secret(request.form.get("password", "")),
            code=request.form.get("code", ""),
            source=source(),
            dit=found.dit,
            sealer=found.sealer,
            now=found.clock(),
        )
    except Forbidden as error:
        return render_template("owner-sign-in.html", address=address, problem=error), 403
    _end()
    return carry(make_response(redirect(url_for("owner.show"), 303)), token)


@pages.post("/dang-xuat")
@owners
def sign_out() -> ResponseReturnValue:
    _end()
    return drop(make_response(redirect(url_for("owner.enter"), 303)))


@pages.get("")
@owners
def show() -> ResponseReturnValue:
    with services().database.reading() as session:
        certificate = live_certificate(session, the_owner().account)
    return render_template(
        "owner.html", visit=the_owner(), certificate=certificate, certificate_state=certificate_state
    )


@pages.get("/mat-khau")
@owners
def password() -> ResponseReturnValue:
    return _password_page(None)


@pages.post("/mat-khau")
@owners
def change_password() -> ResponseReturnValue:
    found, new = services(), Secret(request.form.get("password", ""))
    if new.reveal() != request.form.get("again", ""):
        return _password_page(gettext("The two passwords are not the same.")), 422
    try:
        self_service.change_password(
            found.database,
            found.binding,
            found.passwords,
            the_owner(),
            old=Secret(request.form.get("old", "")),
            new=new,
            source=source(),
            policy=found.password_policy,
            dit=found.dit,
            now=found.clock(),
        )
    except (Forbidden, Invalid) as error:
        return _password_page(spoken(error.text)), 422
    return back_to(url_for("owner.show"), "password-changed")


@pages.get("/hai-buoc")
@owners
def factor() -> ResponseReturnValue:
    return _factor_page(None)


@pages.post("/hai-buoc")
@owners
def change_factor() -> ResponseReturnValue:
    """On with a code of the key that was shown, off with a code of the key that is in use."""
    found, visit, code = services(), the_owner(), request.form.get("code", "")
    given: dict[str, Any] = {"sealer": found.sealer, "now": found.clock()}
    try:
        if visit.has_factor:
            self_service.turn_off_factor(found.database, visit, code, source=source(), **given)
        else:
            with found.database.transaction() as session:
                self_service.turn_on_factor(session, visit, code, **given)
    except Invalid as error:
        return _factor_page(error), 422
    return back_to(url_for("owner.show"), "factor-off" if visit.has_factor else "factor-on")


def _password_page(problem: str | None) -> str:
    return render_template(
        "owner-password.html",
        address=the_owner().account.address,
        problem=problem,
        length=services().password_policy.length,
    )


def _factor_page(problem: ProvisionerError | None) -> str:
    found, visit = services(), the_owner()
    key = square = None
    if not visit.has_factor:
        with found.database.transaction() as session:
            secret = self_service.offer_factor(session, visit, sealer=found.sealer)
        uri = key_uri(secret, name=visit.account.address, issuer=gettext("Official mail"))
        square = Markup(segno.make(uri, error="m").svg_inline(scale=4, border=2))  # noqa: S704 - drawn, not written
        key = " ".join(secret.reveal()[at : at + 4] for at in range(0, 32, 4))
    return render_template("owner-factor.html", visit=visit, key=key, square=square, problem=problem)


def _end() -> None:
    if (before := owner()) is not None:
        with services().database.transaction() as session:
            self_service_sessions.end(session, before)
