"""The page where an owner sets a password with a code from a slip of paper."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from provisioner.errors import ProvisionerError, Text
from provisioner.secret import Secret
from provisioner.web.answering import services
from provisioner.web.policies import everybody
from provisioner.web.visiting import source

pages = Blueprint("activation", __name__)

WORDS = {
    "title": Text(vi="Kích hoạt hộp thư công vụ", en="Activate an official mailbox"),
    "lead": Text(
        vi="Nhập địa chỉ thư và mã trên phiếu, rồi tự đặt mật khẩu. Không ai khác biết mật khẩu này.",
        en="Enter the address and the code on your slip, then choose a password. Nobody else will know it.",
    ),
    "address": Text(vi="Địa chỉ thư", en="Address"),
    "code": Text(vi="Mã trên phiếu", en="Code on the slip"),
    "code_hint": Text(
        vi="28 chữ và số, chia 7 nhóm; không cần gõ dấu gạch.",
        en="28 letters and digits in 7 groups; the dashes need not be typed.",
    ),
    "password": Text(vi="Mật khẩu mới", en="New password"),
    "password_hint": Text(
        vi="Ít nhất {length} ký tự, gồm chữ thường, chữ hoa, chữ số và ký tự đặc biệt; không có họ tên, ngày sinh.",
        en="At least {length} characters: small and capital letters, digits, signs; no name, no birth date.",
    ),
    "again": Text(vi="Nhập lại mật khẩu", en="The password again"),
    "send": Text(vi="Đặt mật khẩu", en="Set the password"),
    "done": Text(vi="Hộp thư đã kích hoạt", en="The mailbox is activated"),
    "done_lead": Text(
        vi="Từ bây giờ hãy đăng nhập bằng địa chỉ thư và mật khẩu vừa đặt. Mã trên phiếu đã hết giá trị.",
        en="From now on sign in with the address and the password you chose. The code is worth nothing any more.",
    ),
    "settings": Text(
        vi="Cài vào phần mềm thư: máy chủ {host}, IMAP cổng 993, gửi thư cổng 465, đều dùng SSL/TLS.",
        en="For a mail program: server {host}, IMAP port 993, sending port 465, both with SSL/TLS.",
    ),
    "own": Text(
        vi="Trang cá nhân: đổi mật khẩu, xác thực hai bước, chứng thư ký số",
        en="Your own page: password, second factor, signing certificate",
    ),
}
"""What the page says, in the words of the slips."""

_DIFFER = Text(vi="Hai lần nhập mật khẩu không giống nhau.", en="The two passwords are not the same.")


@pages.get("/kich-hoat")
@everybody("an owner without a password has none to sign in with")
def show() -> ResponseReturnValue:
    """The form. A script fills in the code behind the # of the square on the slip, which no server ever sees."""
    return _form("", None)


@pages.post("/kich-hoat")
@everybody("an owner without a password has none to sign in with")
def set_password() -> ResponseReturnValue:
    """Set the password, or show the form again with the reason why not; codes and passwords are never shown again."""
    asked = request.form.get("address", "")
    password = Secret(request.form.get("password", ""))
    if password.reveal() != request.form.get("again", ""):
        return _form(asked, _DIFFER), 422
    try:
        address = services().activate(asked, Secret(request.form.get("code", "")), password, source=source())
    except ProvisionerError as error:
        if error.kind not in _STATUS:
            raise
        return _form(asked, error.text), _STATUS[error.kind]
    return render_template(
        "activated.html", words=WORDS, address=address, host=services().settings.mail.hostname
    )


_STATUS = {"invalid": 422, "conflict": 409, "too-many": 429, "unavailable": 503}
"""Refusals that leave the form as it was."""


def _form(address: str, problem: Text | None) -> str:
    return render_template(
        "activation.html",
        words=WORDS,
        address=address,
        problem=problem,
        length=services().password_policy.length,
    )
