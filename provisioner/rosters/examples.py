"""The example file that a new roster starts from."""

import io
from typing import Any

import xlsxwriter

from provisioner.rosters.files.columns import REQUIRED, TITLES, Column

_MEANINGS: dict[Column, str] = {
    Column.ROW_KIND: "«cá nhân» (để trống cũng được) hoặc «đơn vị»",
    Column.AGENCY_CODE: "Mã định danh điện tử của cơ quan, ví dụ H36.12",
    Column.STAFF_NUMBER: "Mã riêng của từng người, không đổi khi chuyển công tác; bắt buộc với cá nhân",
    Column.FULL_NAME: "Họ và tên đầy đủ có dấu; với đơn vị là tên của hộp thư đơn vị (có thể để trống)",
    Column.BIRTH_DATE: "Ngày/tháng/năm, ví dụ 05/09/1985",
    Column.NATIONAL_ID: "12 chữ số; định dạng cột là Văn bản để không mất số 0 ở đầu",
    Column.POSITION: "Chức vụ hoặc chức danh",
    Column.LEADER: "Ghi «x» nếu là lãnh đạo, quản lý",
    Column.CATEGORY: "Cán bộ, công chức, viên chức hoặc người lao động",
    Column.PHONE: "Số di động, ví dụ 0912 345 678",
    Column.ADDRESS: "Địa chỉ thư muốn dùng; để trống thì hệ thống tự đặt",
    Column.QUOTA: "Ví dụ 4GB; để trống thì theo mức chung (cá nhân 4GB, đơn vị 10GB)",
    Column.CERTIFICATE: "Ghi «x» nếu cần cấp chứng thư số",
    Column.LEAVES: "Ngày đầu tiên không còn công tác (nghỉ hưu, thôi việc, chuyển đi): hộp thư bị khóa, vẫn nhận thư",
    Column.DECISION: "Số, ký hiệu quyết định nhân sự làm căn cứ",
    Column.DECISION_DATE: "Ngày của quyết định, ví dụ 01/12/2026",
}

_ROWS: tuple[dict[Column, str], ...] = (
    {
        Column.ROW_KIND: "cá nhân",
        Column.AGENCY_CODE: "H36.12",
        Column.STAFF_NUMBER: "VD-0001",
        Column.FULL_NAME: "Nguyễn Thị Ví Dụ",
        Column.BIRTH_DATE: "05/09/1985",
        Column.NATIONAL_ID: "068185000001",
        Column.POSITION: "Chuyên viên",
        Column.CATEGORY: "công chức",
        Column.PHONE: "0912345678",
        Column.QUOTA: "4GB",
        Column.CERTIFICATE: "x",
    },
    {
        Column.ROW_KIND: "cá nhân",
        Column.AGENCY_CODE: "H36.12",
        Column.STAFF_NUMBER: "VD-0002",
        Column.FULL_NAME: "H'Ví Dụ Niê",
        Column.POSITION: "Trưởng phòng",
        Column.LEADER: "x",
        Column.CATEGORY: "công chức",
    },
    {Column.ROW_KIND: "đơn vị", Column.AGENCY_CODE: "H36.12", Column.QUOTA: "10GB", Column.CERTIFICATE: "x"},
)

_ROOM = 10_000
"""Rows that offer their choices in a list; every cell is text, so that Excel eats no zero."""


def example_roster() -> bytes:
    """An XLSX workbook: three rows to type over, and a sheet that explains each column."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        title = book.add_format({"bold": True, "bg_color": "#DCE6F1"})
        required = book.add_format({"bold": True, "bg_color": "#F6D9A8"})
        _write_table(book, title, required)
        guide = book.add_worksheet("Hướng dẫn")
        guide.set_column(0, 1, 18)
        guide.set_column(2, 2, 90)
        for number, column in enumerate(Column):
            guide.write_string(number, 0, TITLES[column], required if column in REQUIRED else title)
            guide.write_string(number, 1, column.value)
            guide.write_string(number, 2, _MEANINGS[column])
    return out.getvalue()


def _write_table(book: Any, title: Any, required: Any) -> None:
    text = book.add_format({"num_format": "@"})
    sheet = book.add_worksheet("Danh sách")
    sheet.freeze_panes(1, 0)
    for position, column in enumerate(Column):
        sheet.set_column(position, position, 20, text)
        sheet.write_string(0, position, TITLES[column], required if column in REQUIRED else title)
        for number, row in enumerate(_ROWS, start=1):
            sheet.write_string(number, position, row.get(column, ""), text)
        choices = {
            Column.ROW_KIND: ["cá nhân", "đơn vị"],
            Column.CATEGORY: ["cán bộ", "công chức", "viên chức", "người lao động"],
            Column.LEADER: ["x"],
            Column.CERTIFICATE: ["x"],
        }.get(column)
        if choices:
            sheet.data_validation(
                1, position, _ROOM, position, {"validate": "list", "source": choices, "error_type": "warning"}
            )
