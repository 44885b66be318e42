"""The columns of the coverage table: their heads, and the figure of each from what was counted.

One list for the workbook, the CSV file and the printed appendix, so that none of them can count
differently. A rate stands right of its numerator, and its denominator is a column as well: whoever
divides gets the rate that is printed.
"""

from collections.abc import Callable
from dataclasses import dataclass

from provisioner.coverage import metrics
from provisioner.coverage.figures import Measure
from provisioner.coverage.naming import WINDOWS
from provisioner.coverage.tallies import Sums
from provisioner.errors import Text

EXPIRING_DAYS = WINDOWS[-1]
"""What "about to expire" means in reports (M9)."""


NAMES = (
    Text(vi="STT", en="No."),
    Text(vi="Cơ quan, đơn vị", en="Agency"),
    Text(vi="Mã cơ quan", en="Agency code"),
    Text(vi="Khối", en="Bloc"),
    Text(vi="Cấp", en="Level"),
)
"""Heads of what says whose row it is, left of the figures."""
NOTE = Text(vi="Ghi chú", en="Note")
SUBTOTAL = Text(vi="Cộng", en="Subtotal")
TOTAL = Text(vi="Tổng cộng", en="Total")


@dataclass(frozen=True, slots=True)
class Counted:
    """What one row of the table is computed from."""

    sums: Sums
    expiring: int
    """Valid certificates that end within `EXPIRING_DAYS` and whose owners have no other yet (M9)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of figures; `over` is the head that it shares with its neighbours."""

    key: str
    over: Text | None
    head: Text
    figure: Callable[[Counted], int | Measure]

    def title(self, language: str) -> str:
        """The head in full, for where there is one row of heads only."""
        head = self.head.in_language(language)
        return f"{self.over.in_language(language)}: {head}" if self.over else head


_MAILBOXES = Text(vi="Hộp thư cá nhân", en="Personal mailboxes")
_AGENCIES = Text(vi="Hộp thư cơ quan, đơn vị", en="Mailboxes of agencies and units")
_PERSONAL = Text(vi="Chứng thư cá nhân", en="Personal certificates")
_ORGANISATION = Text(vi="Chứng thư tổ chức", en="Organisation certificates")
_LEADERS = Text(vi="Lãnh đạo có chữ ký số", en="Leaders who can sign")
_ISSUED = Text(vi="Đã cấp", en="Issued")
_VALID = Text(vi="Còn hiệu lực", en="Valid")
_RATE = Text(vi="Tỷ lệ (%)", en="Rate (%)")

COLUMNS = (
    Column("staff", None, Text(vi="Tổng số CBCCVC", en="Staff"), lambda row: row.sums.people.entitled),
    Column("issued", _MAILBOXES, _ISSUED, lambda row: row.sums.people.issued),
    Column(
        "active",
        _MAILBOXES,
        Text(vi="Đang hoạt động", en="Active"),
        lambda row: row.sums.people.active,
    ),
    Column("staff_rate", _MAILBOXES, _RATE, lambda row: metrics.staff_served(row.sums)),
    Column("used", _MAILBOXES, Text(vi="Đang sử dụng", en="In use"), lambda row: row.sums.people.used),
    Column(
        "use_rate",
        _MAILBOXES,
        Text(vi="Tỷ lệ sử dụng (%)", en="Use (%)"),
        lambda row: metrics.usage(row.sums).of_issued,
    ),
    Column("unit_mailboxes", _AGENCIES, _ISSUED, lambda row: row.sums.own.issued),
    Column(
        "agencies_served",
        _AGENCIES,
        Text(vi="Cơ quan có hộp thư", en="Agencies served"),
        lambda row: row.sums.own.served,
    ),
    Column(
        "agencies_entitled",
        _AGENCIES,
        Text(vi="Cơ quan thuộc diện cấp", en="Agencies entitled"),
        lambda row: row.sums.own.entitled,
    ),
    Column("agencies_rate", _AGENCIES, _RATE, lambda row: metrics.agencies_served(row.sums)),
    Column("personal", _PERSONAL, _ISSUED, lambda row: row.sums.people.certificates),
    Column("personal_valid", _PERSONAL, _VALID, lambda row: row.sums.people.certificates_valid),
    Column("organisation", _ORGANISATION, _ISSUED, lambda row: row.sums.own.certificates),
    Column("organisation_valid", _ORGANISATION, _VALID, lambda row: row.sums.own.certificates_valid),
    Column(
        "leaders_signing",
        _LEADERS,
        Text(vi="Số có", en="Signing"),
        lambda row: row.sums.people.leaders_signing,
    ),
    Column("leaders", _LEADERS, Text(vi="Tổng số", en="All"), lambda row: row.sums.people.leaders),
    Column("leaders_rate", _LEADERS, _RATE, lambda row: metrics.leaders_signing(row.sums)),
    Column(
        "expiring",
        None,
        Text(
            vi=f"Chứng thư sắp hết hạn ({EXPIRING_DAYS} ngày)",
            en=f"Certificates expiring ({EXPIRING_DAYS} days)",
        ),
        lambda row: row.expiring,
    ),
)

BY_KEY = {column.key: column for column in COLUMNS}
