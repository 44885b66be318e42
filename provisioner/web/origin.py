"""Whether a request that changes something comes from a form of ours: by its origin and by its token.

Two independent checks (T12): browsers say where a request comes from, and every form carries a
token that another site cannot read. The token of a session stands in its row; before the sign-in
it is that of a cookie which no other host can set, thanks to its `__Host-` prefix.
"""

import hmac
import secrets
from urllib.parse import urlsplit

from flask import Response, g, request

from provisioner.errors import Forbidden, Text
from provisioner.web.visiting import visitor

COOKIE = "__Host-form"
FIELD = "form_token"
HEADER = "X-Form-Token"


def form_token() -> str:
    """What every form on the page brings back."""
    found = visitor()
    if found is not None:
        return found.form_token
    if "form_token" not in g:
        known = request.cookies.get(COOKIE, "")
        g.form_token = known if len(known) == 43 else secrets.token_urlsafe(32)
        g.form_token_is_new = g.form_token != known
    return str(g.form_token)


def keep_token(response: Response) -> Response:
    """Give the browser the token that a form on this page was made with."""
    if g.get("form_token_is_new"):
        response.set_cookie(COOKIE, g.form_token, secure=True, httponly=True, samesite="Strict", path="/")
    return response


def check_origin() -> None:
    """Raises `Forbidden` unless the browser says that a page of this site sent the request."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    ours = origin is not None and urlsplit(origin).netloc == request.host
    if not (ours if origin is not None else site == "same-origin") or site not in (None, "same-origin"):
        raise _foreign()


def check_token() -> None:
    """Raises `Forbidden` unless the request brings the token of its session, or of its cookie before one."""
    found = visitor()
    expected = found.form_token if found else request.cookies.get(COOKIE, "")
    given = request.headers.get(HEADER) or request.form.get(FIELD, "")
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise _foreign()


def within_site(wanted: str) -> str:
    """Where to go next: a page of this site, or the first one (an open redirect would lend our name to others)."""
    parts = urlsplit(wanted.replace("\\", "/"))
    fine = not parts.scheme and not parts.netloc and wanted.startswith("/") and wanted.isprintable()
    return wanted if fine and not wanted.startswith(("//", "/\\")) else "/"


def referring_page() -> str:
    """The page of ours that this request was sent from, as an address within the site; the first one if unknown."""
    parts = urlsplit(request.headers.get("Referer", ""))
    if parts.netloc != request.host or not parts.path.startswith("/"):
        return "/"
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _foreign() -> Forbidden:
    return Forbidden(
        Text(
            vi="Biểu mẫu đã cũ hoặc không phải của trang này. Hãy tải lại trang rồi gửi lại; chưa có gì thay đổi.",
            en="The form is old or not of this site. Load the page again and send it again; nothing was changed.",
        ),
        code="foreign-form",
    )
