"""What all pages share: the services, errors as pages, and the headers of every answer."""

import logging
from http import HTTPStatus
from io import BytesIO

from flask import Response, current_app, g, render_template, request, send_file
from werkzeug.exceptions import HTTPException

from provisioner.errors import ProvisionerError, Text
from provisioner.services import Services
from provisioner.web.speaking import spoken

log = logging.getLogger(__name__)

_STATUS = {
    "not-found": HTTPStatus.NOT_FOUND,
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "forbidden": HTTPStatus.FORBIDDEN,
    "conflict": HTTPStatus.CONFLICT,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "too-many": HTTPStatus.TOO_MANY_REQUESTS,
}

_SAID = {
    404: Text(
        vi="Không có trang này. Có thể địa chỉ bị gõ sai hoặc nội dung đã chuyển đi.",
        en="There is no such page. The address may be mistyped, or its content has moved.",
    ),
    405: Text(vi="Trang này không nhận yêu cầu kiểu đó.", en="This page does not take that kind of request."),
    413: Text(
        vi="Tệp hoặc biểu mẫu quá lớn; hãy gửi tệp nhỏ hơn.",
        en="The file or form is too large; send a smaller one.",
    ),
}
_OUR_FAULT = Text(
    vi="Hệ thống gặp lỗi và đã ghi lại. Chưa chắc việc bạn yêu cầu đã xong; hãy xem lại rồi thử lại.",
    en="Something went wrong here and was noted. It is not certain that what you asked for was done; "
    "look, and try again.",
)

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def services() -> Services:
    found = current_app.extensions["provisioner"]
    assert isinstance(found, Services)
    return found


def problem_page(error: ProvisionerError) -> tuple[str, int]:
    """The page for an error: its sentence, and the status of its kind."""
    status = _STATUS.get(error.kind, HTTPStatus.INTERNAL_SERVER_ERROR)
    return _page(error.text, error.code), status


def http_problem_page(error: HTTPException) -> tuple[str, int]:
    """The page for what the web framework itself refuses."""
    code = error.code or 500
    return _page(_SAID.get(code, _OUR_FAULT if code >= 500 else _SAID[404]), f"http-{code}"), code


def fault_page(error: Exception) -> tuple[str, int]:
    """The page for a mistake of ours; the details go into the log and to nobody else."""
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return _page(_OUR_FAULT, "internal"), 500


def a_file(content: bytes, name: str, media_type: str | None = None) -> Response:
    """A file to be saved under this name; the type is by its ending where none is given."""
    response = send_file(BytesIO(content), media_type, as_attachment=True, download_name=name)
    response.headers["Cache-Control"] = "no-store"  # Flask's own would let caches keep what is about people
    return response


def protect(response: Response) -> Response:
    """Headers of every answer: nothing but our own files runs or is shown in a frame (ASVS 3.4)."""
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    return response


def _page(text: Text, code: str) -> str:
    g.setdefault("visitor", None)  # the books may be what does not answer
    return render_template("problem.html", text=spoken(text), code=code)
