"""What notices say: for each reason a subject and a paragraph, in both languages.

Placeholders are the names of what `queue` is given; a test compares them. Nothing secret is ever said in a letter:
no code, no password, no identity number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from string import Formatter
from types import MappingProxyType
from typing import Final

from provisioner.errors import Text


class Reason(StrEnum):
    """Why somebody is told something. At most 16 letters: it is a word in the books."""

    REQUEST_WAITS = "request-waits"
    REQUEST_DONE = "request-done"
    REQUEST_RETURNED = "request-returned"
    ROSTER_WAITS = "roster-waits"
    REVOKING_WAITS = "revoking-waits"
    CERTIFICATE_ENDS = "certificate-ends"
    CODES_END = "codes-end"
    LINK_MADE = "link-made"
    NEW_CODE = "new-code"
    PASSWORD_SET = "password-set"  # noqa: S105 - a reason, not a password
    FACTOR_CHANGED = "factor-changed"
    MAILBOX_LOCKS = "mailbox-locks"
    MAILBOX_ENDS = "mailbox-ends"
    TIMERS_STOPPED = "timers-stopped"


OF_OWNERS: Final = frozenset(
    {
        Reason.CERTIFICATE_ENDS,
        Reason.NEW_CODE,
        Reason.PASSWORD_SET,
        Reason.FACTOR_CHANGED,
        Reason.MAILBOX_LOCKS,
        Reason.MAILBOX_ENDS,
    }
)
"""What is told to owners of mailboxes, who have no account on the site but a page of their own."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The subject and the paragraph of one reason."""

    subject: Text
    body: Text

    @property
    def fields(self) -> frozenset[str]:
        """The names of the placeholders."""
        said = (self.subject.vi, self.subject.en, self.body.vi, self.body.en)
        return frozenset(name for text in said for _, name, _, _ in Formatter().parse(text) if name)


WORDINGS: Final[Mapping[Reason, Wording]] = MappingProxyType(
    {
        Reason.REQUEST_WAITS: Wording(
            Text(
                vi="Đề nghị {document} đang chờ phê duyệt",
                en="Request {document} waits for approval",
            ),
            Text(
                vi="Đề nghị số {document} của {agency} do {by} gửi đang chờ phê duyệt, hạn {due}. Mở trang "
                "«Phê duyệt» để xem và quyết định.",
                en="Request {document} of {agency}, sent by {by}, waits for approval until {due}. "
                "Open the page “Approvals” to look at it and decide.",
            ),
        ),
        Reason.REQUEST_DONE: Wording(
            Text(vi="Đề nghị {document} đã hoàn thành", en="Request {document} is done"),
            Text(
                vi="Đề nghị số {document} của {agency} đã hoàn thành: {done} dòng đã xong, {refused} dòng không "
                "thực hiện được. Kết quả từng dòng nằm trên trang của đề nghị.",
                en="Request {document} of {agency} is done: {done} rows were carried out, {refused} could not be. "
                "The page of the request shows the result of each row.",
            ),
        ),
        Reason.REQUEST_RETURNED: Wording(
            Text(vi="Đề nghị {document} bị trả lại", en="Request {document} was returned"),
            Text(
                vi="Đề nghị số {document} của {agency} được {by} trả lại với lý do: {why}",
                en="Request {document} of {agency} was returned by {by} with this reason: {why}",
            ),
        ),
        Reason.ROSTER_WAITS: Wording(
            Text(vi="Danh sách {file} đang chờ phê duyệt", en="Roster {file} waits for approval"),
            Text(
                vi="Danh sách {file} do {by} tải lên đang chờ người thứ hai phê duyệt: {rows} dòng sẽ thay đổi.",
                en="The roster {file}, uploaded by {by}, waits for a second person's approval: it would change "
                "{rows} rows.",
            ),
        ),
        Reason.REVOKING_WAITS: Wording(
            Text(
                vi="Kế hoạch thu hồi {count} chứng thư đang chờ phê duyệt",
                en="A plan to revoke {count} certificates waits for approval",
            ),
            Text(
                vi="Kế hoạch thu hồi số {plan} do {by} lập ({note}) đang chờ người thứ hai đồng ý: {count} chứng thư.",
                en="Revocation plan {plan}, made by {by} ({note}), waits for a second person's consent: "
                "{count} certificates.",
            ),
        ),
        Reason.CERTIFICATE_ENDS: Wording(
            Text(
                vi="Chứng thư của {address} hết hạn ngày {end}",
                en="The certificate of {address} ends on {end}",
            ),
            Text(
                vi="Chứng thư số hiệu {serial} của {address} còn {days} ngày nữa là hết hạn ({end}). Nếu khóa do "
                "chủ thư tự tạo, hãy vào trang cá nhân tạo khóa mới trước ngày đó; nếu không, chứng thư mới được "
                "cấp thay: hãy nhận bàn giao tại cơ quan trước ngày đó, vì chứng thư cũ chỉ dùng được đến hết hạn.",
                en="Certificate {serial} of {address} ends in {days} days ({end}). An owner who made the key makes "
                "a new one on their own page before that day; otherwise a new certificate is issued: fetch it "
                "at your agency before that day, for the old one is good until its end and no longer.",
            ),
        ),
        Reason.CODES_END: Wording(
            Text(
                vi="{count} mã kích hoạt của {agency} sắp hết hạn",
                en="{count} activation codes of {agency} end soon",
            ),
            Text(
                vi="{count} chủ hộp thư của {agency} chưa dùng mã kích hoạt; mã sớm nhất hết hạn ngày {end}. Hãy nhắc "
                "họ kích hoạt; mã hết hạn phải được cấp lại.",
                en="{count} owners of mailboxes of {agency} have not used their activation codes; the first ends on "
                "{end}. Remind them: a code that has run out has to be issued anew.",
            ),
        ),
        Reason.LINK_MADE: Wording(
            Text(vi="Liên kết cho tài khoản {name} đã được tạo", en="A link for the account {name} was made"),
            Text(
                vi="{by} đã tạo liên kết để đặt lại mật khẩu hoặc mã xác thực của tài khoản {name}. Nếu bạn không đề nghị "
                "việc này, hãy báo ngay cho một quản trị viên khác.",
                en="{by} made a link by which the password or the second factor of the account {name} can be set anew. If "
                "you did not ask for it, tell another administrator at once.",
            ),
        ),
        Reason.NEW_CODE: Wording(
            Text(
                vi="Đã cấp mã mới cho hộp thư {address}", en="A new code was made for the mailbox {address}"
            ),
            Text(
                vi="{by} đã cấp mã để đặt lại mật khẩu của {address}; mã cũ (nếu có) không còn giá trị. Nếu bạn không "
                "đề nghị việc này, hãy báo ngay cho quản trị viên của cơ quan.",
                en="{by} made a code by which the password of {address} can be set anew; an earlier one is void. If "
                "you did not ask for it, tell your agency's administrator at once.",
            ),
        ),
        Reason.PASSWORD_SET: Wording(
            Text(vi="Mật khẩu của {address} đã thay đổi", en="The password of {address} was changed"),
            Text(
                vi="Mật khẩu của {address} được đặt lại lúc {at}. Nếu không phải bạn làm, hãy báo ngay cho quản trị "
                "viên của cơ quan.",
                en="The password of {address} was set at {at}. If it was not you, tell your agency's administrator "
                "at once.",
            ),
        ),
        Reason.FACTOR_CHANGED: Wording(
            Text(
                vi="Xác thực hai bước của {address} đã thay đổi",
                en="The second factor of {address} was changed",
            ),
            Text(
                vi="Xác thực hai bước của {address} được bật hoặc tắt lúc {at}. Nếu không phải bạn làm, hãy báo ngay "
                "cho quản trị viên của cơ quan.",
                en="The second factor of {address} was turned on or off at {at}. If it was not you, tell your "
                "agency's administrator at once.",
            ),
        ),
        Reason.MAILBOX_LOCKS: Wording(
            Text(vi="Hộp thư {address} sẽ bị khóa ngày {day}", en="The mailbox {address} locks on {day}"),
            Text(
                vi="Hộp thư {address} sẽ bị khóa ngày {day}: {why}. Đăng nhập trước ngày đó, hoặc liên hệ quản trị "
                "viên của cơ quan, để giữ hộp thư.",
                en="The mailbox {address} will be locked on {day}: {why}. Sign in before that day, or ask your "
                "agency's administrator, to keep it open.",
            ),
        ),
        Reason.MAILBOX_ENDS: Wording(
            Text(vi="Hộp thư {address} sẽ bị xóa ngày {day}", en="The mailbox {address} is deleted on {day}"),
            Text(
                vi="Hộp thư {address} sẽ bị xóa cùng thư trong đó ngày {day}: {why}. Hồ sơ, tài liệu của cơ quan còn trong "
                "hộp thư phải được lập và nộp lưu trước ngày đó. Hãy liên hệ quản trị viên của cơ quan nếu còn cần hộp thư "
                "hoặc thư trong đó.",
                en="The mailbox {address} and all mail in it will be deleted on {day}: {why}. Records of the agency that it "
                "holds have to be archived before that day. Ask your agency's administrator if it, or what it holds, is "
                "still needed.",
            ),
        ),
        Reason.TIMERS_STOPPED: Wording(
            Text(
                vi="Đã dừng: {count} hộp thư cùng đến hạn khóa hoặc xóa",
                en="Stopped: {count} mailboxes are due to be locked or deleted at once",
            ),
            Text(
                vi="{count} hộp thư cùng đến hạn khóa hoặc xóa, hoặc được báo trước điều đó, trong một lượt, nhiều hơn mức "
                "{most} cho phép. Chưa gửi thông báo nào, chưa có gì thay đổi; một người phải xem và xác nhận.",
                en="{count} mailboxes are due to be locked or deleted, or to be told so, in one run, more than the "
                "{most} allowed. Nobody was told, nothing was changed; a person has to look and confirm.",
            ),
        ),
    }
)
