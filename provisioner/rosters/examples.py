"""The example file that a new roster starts from."""

import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import xlsxwriter
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.errors import Text
from provisioner.mailboxes.models import Kind
from provisioner.mailboxes.quotas import format_quota
from provisioner.rosters.files.columns import REQUIRED, TITLES, Column

_MEANINGS: dict[Column, Text] = {
    Column.ROW_KIND: Text(
        vi="«cá nhân» (để trống cũng được) hoặc «đơn vị»",
        en="“cá nhân” (a person; may stay empty) or “đơn vị” (an agency or unit)",
    ),
    Column.AGENCY_CODE: Text(
        vi="Mã định danh điện tử của cơ quan, ví dụ {code}",
        en="The agency's electronic code, such as {code}",
    ),
    Column.STAFF_NUMBER: Text(
        vi="Mã riêng của từng người, không đổi khi chuyển công tác; bắt buộc với cá nhân",
        en="Each person's own number, which stays when the person moves; required of persons",
    ),
    Column.FULL_NAME: Text(
        vi="Họ và tên đầy đủ có dấu; với đơn vị là tên của hộp thư đơn vị (có thể để trống)",
        en="The full name with its accents; of a unit the name of its mailbox (may stay empty)",
    ),
    Column.BIRTH_DATE: Text(
        vi="Ngày/tháng/năm, ví dụ 05/09/1985",
        en="Day/month/year, such as 05/09/1985",
    ),
    Column.NATIONAL_ID: Text(
        vi="12 chữ số; định dạng cột là Văn bản để không mất số 0 ở đầu",
        en="12 digits; the column is formatted as text, so that no leading zero is lost",
    ),
    Column.POSITION: Text(
        vi="Chức vụ hoặc chức danh",
        en="Post or title",
    ),
    Column.LEADER: Text(
        vi="Ghi «x» nếu là lãnh đạo, quản lý",
        en="“x” for leading and managing posts",
    ),
    Column.CATEGORY: Text(
        vi="Cán bộ, công chức, viên chức hoặc người lao động",
        en="cán bộ, công chức, viên chức or người lao động (official, civil servant, public employee, worker)",
    ),
    Column.PHONE: Text(
        vi="Số di động, ví dụ 0912 345 678",
        en="A mobile number, such as 0912 345 678",
    ),
    Column.ADDRESS: Text(
        vi="Địa chỉ thư muốn dùng; để trống thì hệ thống tự đặt",
        en="The address that is wished; left empty, one is made",
    ),
    Column.QUOTA: Text(
        vi="Ví dụ {personal}; để trống thì theo mức chung (cá nhân {personal}, đơn vị {unit})",
        en="Such as {personal}; left empty, the general size ({personal} a person, {unit} a unit)",
    ),
    Column.CERTIFICATE: Text(
        vi="Ghi «x» nếu cần cấp chứng thư số",
        en="“x” where a signing certificate is needed",
    ),
    Column.LEAVES: Text(
        vi="Ngày đầu tiên không còn công tác (nghỉ hưu, thôi việc, chuyển đi): hộp thư bị khóa, vẫn nhận thư",
        en="The first day of no longer serving (retired, resigned, moved away): the mailbox is locked and still receives",
    ),
    Column.DECISION: Text(
        vi="Số, ký hiệu quyết định nhân sự làm căn cứ",
        en="Number and mark of the personnel decision behind it",
    ),
    Column.DECISION_DATE: Text(
        vi="Ngày của quyết định, ví dụ 20/11/2026",
        en="The decision's date, such as 20/11/2026",
    ),
}

_ROWS: tuple[dict[Column, str], ...] = (
    {
        Column.ROW_KIND: "cá nhân",
        Column.STAFF_NUMBER: "VD-0001",
        Column.FULL_NAME: "Nguyễn Thị Ví Dụ",
        Column.BIRTH_DATE: "05/09/1985",
        Column.NATIONAL_ID: "068185000001",
        Column.POSITION: "Chuyên viên",
        Column.CATEGORY: "công chức",
        Column.PHONE: "0912345678",
        Column.QUOTA: "{personal}",
        Column.CERTIFICATE: "x",
    },
    {
        Column.ROW_KIND: "cá nhân",
        Column.STAFF_NUMBER: "VD-0002",
        Column.FULL_NAME: "H'Ví Dụ Niê",
        Column.POSITION: "Trưởng phòng",
        Column.LEADER: "x",
        Column.CATEGORY: "công chức",
    },
    {Column.ROW_KIND: "đơn vị", Column.QUOTA: "{unit}", Column.CERTIFICATE: "x"},
)
"""Three rows of one agency: a person, a leader, and the agency itself."""

_AGENCIES = "Cơ quan"

_ROOM = 10_000
"""Rows that offer their choices in a list; every cell is text, so that Excel eats no zero."""


class Listed(NamedTuple):
    """An agency as the example file lists it."""

    code: str
    name: str
    is_sealed: bool
    """Whether it has a seal, and a mailbox of its own to ask for."""


def agencies_to_list(session: Session, *, today: date) -> list[Listed]:
    """The agencies of today within the reader's reach, by their codes."""
    rows = session.execute(
        select(Agency.code, Agency.name, Agency.seal, Agency.unit_mailbox)
        .where(or_(Agency.until.is_(None), Agency.until >= today))
        .order_by(Agency.code)
    )
    return [Listed(code, name, seal and unit_mailbox) for code, name, seal, unit_mailbox in rows]


def example_roster(agencies: Sequence[Listed], quotas: Mapping[Kind, int]) -> bytes:
    """An XLSX workbook: three rows to type over, what each column means in both languages, and the codes of these agencies.

    The rows are of the first agency with a seal, so that the file as it is can be loaded and looked at; `quotas`
    are the policy's, in bytes by kind.
    """
    code = next((agency.code for agency in agencies if agency.is_sealed), "H36.12")
    said = {language: {"code": code, **_sizes(quotas, language)} for language in ("vi", "en")}
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        title = book.add_format({"bold": True, "bg_color": "#DCE6F1"})
        required = book.add_format({"bold": True, "bg_color": "#F6D9A8"})
        _write_table(book, title, required, said["vi"], known=len(agencies))
        guide = book.add_worksheet("Hướng dẫn")
        guide.set_column(0, 1, 18)
        guide.set_column(2, 3, 90)
        for number, column in enumerate(Column):
            guide.write_string(number, 0, TITLES[column], required if column in REQUIRED else title)
            guide.write_string(number, 1, column.value)
            guide.write_string(number, 2, _MEANINGS[column].vi.format(**said["vi"]))
            guide.write_string(number, 3, _MEANINGS[column].en.format(**said["en"]))
        if agencies:
            _write_agencies(book, title, agencies)
    return out.getvalue()


def _sizes(quotas: Mapping[Kind, int], language: str) -> dict[str, str]:
    """The general sizes as cells hold them, by the name that the texts here use."""
    return {kind.value: format_quota(size, language).replace(" ", "") for kind, size in quotas.items()}


def _write_table(book: Any, title: Any, required: Any, said: Mapping[str, str], *, known: int) -> None:
    text = book.add_format({"num_format": "@"})
    sheet = book.add_worksheet("Danh sách")
    sheet.freeze_panes(1, 0)
    choices: dict[Column, list[str] | str] = {
        Column.ROW_KIND: ["cá nhân", "đơn vị"],
        Column.CATEGORY: ["cán bộ", "công chức", "viên chức", "người lao động"],
        Column.LEADER: ["x"],
        Column.CERTIFICATE: ["x"],
    }
    if known:
        choices[Column.AGENCY_CODE] = f"='{_AGENCIES}'!$A$2:$A${known + 1}"
    for position, column in enumerate(Column):
        sheet.set_column(position, position, 20, text)
        sheet.write_string(0, position, TITLES[column], required if column in REQUIRED else title)
        for number, row in enumerate(_ROWS, start=1):
            cell = "{code}" if column is Column.AGENCY_CODE else row.get(column, "")
            sheet.write_string(number, position, cell.format(**said), text)
        if column in choices:
            offered = {"validate": "list", "source": choices[column], "error_type": "warning"}
            sheet.data_validation(1, position, _ROOM, position, offered)


def _write_agencies(book: Any, title: Any, agencies: Sequence[Listed]) -> None:
    sheet = book.add_worksheet(_AGENCIES)
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, 1, 90)
    sheet.freeze_panes(1, 0)
    sheet.write_string(0, 0, TITLES[Column.AGENCY_CODE], title)
    sheet.write_string(0, 1, "Tên cơ quan, đơn vị", title)
    for number, agency in enumerate(agencies, start=1):
        sheet.write_string(number, 0, agency.code)
        sheet.write_string(number, 1, agency.name)
    sheet.autofilter(0, 0, len(agencies), 1)
