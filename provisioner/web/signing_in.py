"""The ways in and out: the first page, signing in, proving oneself anew, signing out."""

from datetime import timedelta

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from provisioner.errors import Text
from provisioner.operators import sessions
from provisioner.operators.models import Operator, Way
from provisioner.operators.sessions import IDLE, PROOF_HOLDS
from provisioner.operators.signing_in import NotProved, Proof
from provisioner.secret import Secret
from provisioner.web.answering import services
from provisioner.web.origin import within_site
from provisioner.web.policies import everybody, signed_in
from provisioner.web.speaking import spoken
from provisioner.web.visiting import carry, drop, source, the_visitor, visitor

pages = Blueprint("signing_in", __name__)


@pages.get("/")
@everybody("the way in")
def home() -> ResponseReturnValue:
    """Straight to work for whoever is signed in; else what this is, and the form."""
    if visitor() is not None:
        return redirect(url_for("coverage.show"), 303)
    return entry_page("/")


@pages.get("/sign-in")
@everybody("the way in")
def show() -> ResponseReturnValue:
    wanted = within_site(request.args.get("next", "/"))
    if visitor() is not None:
        return redirect(wanted, 303)
    return entry_page(wanted)


@pages.post("/sign-in")
@everybody("the way in")
def enter() -> ResponseReturnValue:
    """A new session in place of whatever session the browser had."""
    wanted = within_site(request.form.get("next", "/"))
    proof = _proof(request.form.get("name", ""))
    answer = services().entrance.sign_in(proof, source=source())
    if isinstance(answer, NotProved):
        return entry_page(wanted, answer.text), 403
    end_session()
    return carry(make_response(redirect(wanted, 303)), answer)


@pages.get("/prove")
@signed_in()
def again() -> ResponseReturnValue:
    """Ask for the proof again before a grave step."""
    return _prove_page(within_site(request.args.get("next", "/")), None)


@pages.post("/prove")
@signed_in()
def prove() -> ResponseReturnValue:
    wanted, me = within_site(request.form.get("next", "/")), the_visitor()
    answer = services().entrance.prove_again(me, _proof(me.name), source=source())
    if isinstance(answer, NotProved):
        return _prove_page(wanted, answer.text), 403
    return carry(make_response(redirect(wanted, 303)), answer)


@pages.post("/sign-out")
@signed_in()
def leave() -> ResponseReturnValue:
    end_session()
    return drop(make_response(redirect(url_for("signing_in.home"), 303)))


def entry_page(wanted: str, problem: Text | None = None) -> str:
    """The form to sign in with, and the way to the province's sign-on where there is one."""
    return render_template(
        "sign-in.html",
        next=wanted,
        problem=spoken(problem) if problem else None,
        sign_on=bool(services().settings.oidc.issuer),
        minutes=IDLE // timedelta(minutes=1),
    )


def end_session() -> None:
    """The session that the browser had, if any, is over on the server."""
    if (before := visitor()) is not None:
        with services().database.transaction() as session:
            sessions.end(session, before)


def _prove_page(wanted: str, problem: Text | None) -> str:
    me = the_visitor()
    with services().database.reading() as session:
        operator = session.get_one(Operator, me.operator_id)
    return render_template(
        "prove.html",
        next=wanted,
        problem=spoken(problem) if problem else None,
        elsewhere=me.way is Way.PROVIDER and bool(services().settings.oidc.issuer),
        link_only=me.way is Way.LINK and operator.password_hash is None,
        minutes=PROOF_HOLDS // timedelta(minutes=1),
    )


def _proof(name: str) -> Proof:
    return Proof(name, Secret(request.form.get("password", "")), request.form.get("code", ""))
