"""The rules for lists of revoked certificates; `{value}` is the serial number in hexadecimal."""

from typing import Final

from ca.rule import Rule

CRL_RULES: Final[dict[str, Rule]] = {
    "crl.issuer": Rule(
        "Danh sách không phải của CA này.", "The list is not this authority's.", "RFC 5280 5.1.2.3"
    ),
    "crl.extensions": Rule(
        "Danh sách phải có đúng AKI và CRLNumber, không thiết yếu; thêm nơi có bản bổ sung, hoặc dấu bổ sung.",
        "A list has exactly AKI and CRL number, not critical; besides, where its delta is, or a delta's mark.",
        "RFC 5280 5.2; SBR 7.2.2",
    ),
    "crl.delta-base": Rule(
        "Danh sách bổ sung dựa trên danh sách số {value} không phù hợp.",
        "The delta adds to the list number {value}, which does not fit.",
        "RFC 5280 5.2.4",
    ),
    "crl.number": Rule("Số của danh sách không hợp lệ.", "The list's number is not valid.", "RFC 5280 5.2.3"),
    "crl.window": Rule(
        "Danh sách có hiệu lực {value} ngày, quá mức cho phép.",
        "The list is valid for {value} days, longer than allowed.",
        "SBR 4.9.7",
    ),
    "crl.outlives-issuer": Rule(
        "CA đã hết hạn khi danh sách được lập.",
        "The authority has expired when the list is made.",
        "RFC 5280 6.3.3",
    ),
    "crl.repeated-serial": Rule(
        "Số hiệu {value} có hai lần.", "The serial {value} stands there twice.", "RFC 5280 5.3"
    ),
    "crl.future-entry": Rule(
        "Số hiệu {value} bị thu hồi trong tương lai.",
        "The serial {value} is revoked in the future.",
        "RFC 5280 5.1.2.6",
    ),
    "crl.reason-unspecified": Rule(
        "Lý do “không nêu” (0) không được ghi: số hiệu {value}.",
        "Reason 0 (unspecified) is never written: serial {value}.",
        "RFC 5280 5.3.1; SBR 7.2.2",
    ),
    "crl.reason-forbidden": Rule(
        "Lý do thu hồi không được phép: số hiệu {value}.",
        "This reason may not be used here: serial {value}.",
        "SBR 7.2.2",
    ),
    "crl.reason-missing": Rule(
        "Thu hồi CA phải nêu lý do: số hiệu {value}.",
        "An authority's revocation has a reason: serial {value}.",
        "SBR 7.2.2",
    ),
    "crl.entry-extension": Rule(
        "Mục thu hồi có phần mở rộng lạ: số hiệu {value}.",
        "An entry has an unexpected extension: serial {value}.",
        "SBR 7.2.2",
    ),
    "crl.number-not-rising": Rule(
        "Số của danh sách không lớn hơn danh sách trước.",
        "The list's number is not above the previous one's.",
        "RFC 5280 5.2.3",
    ),
    "crl.time-not-rising": Rule(
        "Danh sách mới được lập trước danh sách cũ.",
        "The new list is older than the previous one.",
        "RFC 5280 5.1.2.4",
    ),
    "crl.entry-vanished": Rule(
        "Số hiệu {value} biến mất trước khi chứng thư hết hạn.",
        "The serial {value} vanished before its certificate expired.",
        "SBR 4.10.1; RFC 5280 3.3",
    ),
    "crl.entry-changed": Rule(
        "Ngày thu hồi của số hiệu {value} đã bị đổi.",
        "The revocation date of serial {value} changed.",
        "RFC 5280 5.3",
    ),
}
