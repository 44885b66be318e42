"""The ways in and out: the first page, signing in, proving oneself anew, one-time links, signing out."""

from urllib.parse import urlsplit

import segno
from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from provisioner.errors import Invalid
from provisioner.operators import links, sessions
from provisioner.operators.models import LinkPurpose
from provisioner.operators.proving import SHORTEST, key_uri
from provisioner.operators.signing_in import NotProved, Proof, prove_again, sign_in
from provisioner.secret import Secret
from provisioner.web.answering import services
from provisioner.web.policies import everybody, signed_in
from provisioner.web.speaking import gettext, spoken
from provisioner.web.visiting import carry, drop, source, the_visitor, visitor

pages = Blueprint("signing_in", __name__)


@pages.get("/")
@everybody("the way in")
def home() -> ResponseReturnValue:
    """Straight to work for whoever is signed in; else what this is, and the form."""
    if visitor() is not None:
        return redirect(url_for("coverage.show"), 303)
    return render_template("sign-in.html", next="/", problem=None)


@pages.get("/sign-in")
@everybody("the way in")
def show() -> ResponseReturnValue:
    wanted = _safe(request.args.get("next", "/"))
    if visitor() is not None:
        return redirect(wanted, 303)
    return render_template("sign-in.html", next=wanted, problem=None)


@pages.post("/sign-in")
@everybody("the way in")
def enter() -> ResponseReturnValue:
    """A new session in place of whatever session the browser had."""
    found, wanted = services(), _safe(request.form.get("next", "/"))
    with found.database.transaction() as session:
        if (before := visitor()) is not None:
            sessions.end(session, before)
        answer = sign_in(session, _proof(), source=source(), sealer=found.sealer, now=found.clock())
    if isinstance(answer, NotProved):
        return render_template("sign-in.html", next=wanted, problem=spoken(answer.text)), 403
    return carry(make_response(redirect(wanted, 303)), answer)


@pages.get("/prove")
@signed_in()
def again() -> ResponseReturnValue:
    """Ask for the proof again before a grave step."""
    return render_template("prove.html", next=_safe(request.args.get("next", "/")), problem=None)


@pages.post("/prove")
@signed_in()
def prove() -> ResponseReturnValue:
    found, wanted = services(), _safe(request.form.get("next", "/"))
    with found.database.transaction() as session:
        answer = prove_again(
            session, the_visitor(), _proof(), source=source(), sealer=found.sealer, now=found.clock()
        )
    if isinstance(answer, NotProved):
        return render_template("prove.html", next=wanted, problem=spoken(answer.text)), 403
    return carry(make_response(redirect(wanted, 303)), answer)


@pages.post("/sign-out")
@signed_in()
def leave() -> ResponseReturnValue:
    with services().database.transaction() as session:
        sessions.end(session, the_visitor())
    return drop(make_response(redirect(url_for("signing_in.home"), 303)))


@pages.get("/link/<token>")
@everybody("whoever holds a one-time link has no account to sign in with yet")
def link(token: str) -> ResponseReturnValue:
    """What the link is for. Looking does not use it up: mail programs look at links, too."""
    return _link_page(Secret(token), None)


@pages.post("/link/<token>")
@everybody("whoever holds a one-time link has no account to sign in with yet")
def use_link(token: str) -> ResponseReturnValue:
    """Use the link up: choose a password, or sign in once."""
    found, secret, now = services(), Secret(token), services().clock()
    try:
        with found.database.transaction() as session:
            if links.look(session, secret, sealer=found.sealer, now=now).purpose is LinkPurpose.SIGN_IN:
                new = links.sign_in_once(session, secret, source=source(), sealer=found.sealer, now=now)
            else:
                password, code = Secret(request.form.get("password", "")), request.form.get("code", "")
                new = links.set_up(
                    session, secret, password, code, source=source(), sealer=found.sealer, now=now
                )
    except Invalid as error:
        return _link_page(secret, error)
    return carry(make_response(redirect("/", 303)), new)


def _link_page(token: Secret, error: Invalid | None) -> ResponseReturnValue:
    found = services()
    with found.database.reading() as session:
        known = links.look(session, token, sealer=found.sealer, now=found.clock())
    uri = key_uri(known.key, name=known.operator.name, issuer=gettext("Official mail and certificates"))
    page = render_template(
        "link.html",
        operator=known.operator,
        sets_up=known.purpose is LinkPurpose.SET_UP,
        code_needed=known.code_needed,
        key=" ".join(known.key.reveal()[i : i + 4] for i in range(0, 32, 4)),
        square=Markup(segno.make(uri, error="m").svg_inline(scale=4, border=2)),  # noqa: S704 - drawn, not written
        shortest=SHORTEST,
        problem=error,
    )
    return page, 422 if error else 200


def _proof() -> Proof:
    given = visitor()
    return Proof(
        name=given.name if given and request.endpoint == "signing_in.prove" else request.form.get("name", ""),
        password=Secret(request.form.get("password", "")),
        code=request.form.get("code", ""),
    )


def _safe(wanted: str) -> str:
    """Where to go after signing in: a page of this site, or the first one."""
    parts = urlsplit(wanted.replace("\\", "/"))
    fine = not parts.scheme and not parts.netloc and wanted.startswith("/") and wanted.isprintable()
    return wanted if fine and not wanted.startswith(("//", "/\\")) else "/"
