"""Single sign-on: off to the province's provider, back with its answer, and the code that may still be owed."""

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from provisioner.errors import NotFound, Text
from provisioner.operators.signing_in import NotProved
from provisioner.operators.single_sign_on import Arrival, Carried, Journey, SignOn
from provisioner.secret import Secret
from provisioner.web.answering import services
from provisioner.web.origin import within_site
from provisioner.web.policies import everybody, signed_in
from provisioner.web.signing_in import end_session, entry_page
from provisioner.web.speaking import spoken
from provisioner.web.visiting import carry, source, visitor

pages = Blueprint("sign_on", __name__)

_LOST = Text(
    vi="Lần đăng nhập này đã quá lâu hoặc không bắt đầu từ đây. Hãy đăng nhập lại.",
    en="That sign-in took too long or did not begin here. Sign in again.",
)
_NOBODY = Text(
    vi="Tài khoản này của tỉnh chưa gắn với người dùng nào ở đây. Hãy hỏi quản trị viên.",
    en="No operator here is tied to that account of the province. Ask your administrator.",
)
JOURNEY, ARRIVAL = "__Host-journey", "__Host-arrival"


@pages.get("/sign-in/sso")
@everybody("the way in")
def start() -> ResponseReturnValue:
    """Off to the provider; the browser carries what proves on the way back that it is the same journey."""
    return _off(again=False)


@pages.get("/prove/sso")
@signed_in()
def prove() -> ResponseReturnValue:
    """The same for a session that is there: the provider asks for the proof anew."""
    return _off(again=True)


@pages.get("/sign-in/sso/answer")
@everybody("whoever comes back from the provider is not signed in yet")
def answer() -> ResponseReturnValue:
    """Back again. A journey is good for one answer."""
    found = services()
    journey = Journey.unsealed(request.cookies.get(JOURNEY, ""), found.sealer, now=found.clock())
    if _provider() is None or journey is None:
        return entry_page("/", _LOST), 403
    outcome = found.entrance.arrive(journey, request.args.to_dict(), visitor(), source=source())
    if isinstance(outcome, NotProved):
        response = make_response(entry_page(journey.wanted, _NOBODY), 403)
    elif isinstance(outcome, Arrival):
        response = make_response(redirect(url_for("sign_on.code"), 303))
        _carry(response, ARRIVAL, outcome)
    else:
        response = _in(outcome, journey)
    response.delete_cookie(JOURNEY, path="/", secure=True, httponly=True, samesite="Lax")
    return response


@pages.get("/sign-in/code")
@everybody("the second half of the way in")
def code() -> ResponseReturnValue:
    """Ask for the code of the second factor."""
    return render_template("code.html", problem=None) if _arrival() else (entry_page("/", _LOST), 403)


@pages.post("/sign-in/code")
@everybody("the second half of the way in")
def give_code() -> ResponseReturnValue:
    arrival = _arrival()
    if arrival is None:
        return entry_page("/", _LOST), 403
    given = request.form.get("code", "")
    outcome = services().entrance.give_code(arrival, given, visitor(), source=source())
    if isinstance(outcome, NotProved):
        return render_template("code.html", problem=spoken(outcome.text)), 403
    response = _in(outcome, arrival)
    response.delete_cookie(ARRIVAL, path="/", secure=True, httponly=True, samesite="Lax")
    return response


def _off(*, again: bool) -> ResponseReturnValue:
    provider = _provider()
    if provider is None:
        raise NotFound(
            Text(vi="Tỉnh chưa có hệ thống đăng nhập một lần.", en="There is no single sign-on here."),
            code="no-sign-on",
        )
    wanted = within_site(request.args.get("next", "/"))
    address, journey = provider.begin(wanted, again=again, now=services().clock())
    response = make_response(redirect(address, 303))
    _carry(response, JOURNEY, journey)
    return response


def _provider() -> SignOn | None:
    return services().sign_on


def _in(token: Secret, on_the_way: Carried) -> Response:
    if not on_the_way.again:
        end_session()
    return carry(make_response(redirect(on_the_way.wanted, 303)), token)


def _arrival() -> Arrival | None:
    found = services()
    return Arrival.unsealed(request.cookies.get(ARRIVAL, ""), found.sealer, now=found.clock())


def _carry(response: Response, cookie: str, thing: Carried) -> None:
    # Lax and not Strict: the provider's page is another site, and sends the browser back from there.
    value = thing.sealed(services().sealer)
    response.set_cookie(cookie, value, max_age=600, secure=True, httponly=True, samesite="Lax", path="/")
