"""One-time links: setting an account up, signing in once, and replacing one factor."""

from collections.abc import Callable, Mapping
from typing import Any

import segno
from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from provisioner.errors import Invalid, Text
from provisioner.operators import links
from provisioner.operators.models import LinkPurpose
from provisioner.operators.proving import SHORTEST, key_uri
from provisioner.operators.replacing import replace_key, replace_password
from provisioner.operators.signing_in import NotProved
from provisioner.secret import Secret
from provisioner.web.answering import services
from provisioner.web.policies import everybody
from provisioner.web.speaking import gettext
from provisioner.web.telling import back_to
from provisioner.web.visiting import carry, source

pages = Blueprint("links", __name__)

_USES: Mapping[LinkPurpose, Callable[..., Secret | NotProved | None]] = {
    LinkPurpose.SET_UP: links.set_up,
    LinkPurpose.PASSWORD: replace_password,
    LinkPurpose.SECOND_FACTOR: replace_key,
}


@pages.get("/link/<token>")
@everybody("whoever holds a one-time link has no account to sign in with yet")
def show(token: str) -> ResponseReturnValue:
    """What the link is for. Looking does not use it up: mail programs look at links, too."""
    return _page(Secret(token))


@pages.post("/link/<token>")
@everybody("whoever holds a one-time link has no account to sign in with yet")
def use(token: str) -> ResponseReturnValue:
    """Use the link up for what it is for."""
    found, secret, now = services(), Secret(token), services().clock()
    password, code = Secret(request.form.get("password", "")), request.form.get("code", "")
    given: dict[str, Any] = {"source": source(), "sealer": found.sealer, "now": now}
    try:
        with found.database.transaction() as session:
            purpose = links.look(session, secret, sealer=found.sealer, now=now).purpose
            outcome: Secret | NotProved | None
            if purpose is LinkPurpose.SIGN_IN:
                outcome = links.sign_in_once(session, secret, **given)
            else:
                outcome = _USES[purpose](session, secret, password, code, **given)
    except Invalid as error:
        return _page(secret, error.text), 422
    if isinstance(outcome, NotProved):
        return _page(secret, outcome.text), 403
    if outcome is None:
        return back_to(url_for("signing_in.show"), "factor-replaced")
    return carry(make_response(redirect("/", 303)), outcome)


def _page(token: Secret, problem: Text | None = None) -> str:
    found = services()
    with found.database.reading() as session:
        known = links.look(session, token, sealer=found.sealer, now=found.clock())
    uri = key_uri(known.key, name=known.operator.name, issuer=gettext("Official mail and certificates"))
    return render_template(
        "link.html",
        operator=known.operator,
        purpose=known.purpose.value,
        code_needed=known.code_needed or known.operator.totp_sealed is not None,
        key=" ".join(known.key.reveal()[i : i + 4] for i in range(0, 32, 4)),
        square=Markup(segno.make(uri, error="m").svg_inline(scale=4, border=2)),  # noqa: S704 - drawn, not written
        shortest=SHORTEST,
        problem=problem,
    )
