"""From what people write above a column to what we call it."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class Column(StrEnum):
    """The columns a roster may have, named by their canonical header."""

    ROW_KIND = "loai_dong"
    AGENCY_CODE = "ma_co_quan"
    STAFF_NUMBER = "ma_can_bo"
    FULL_NAME = "ho_va_ten"
    BIRTH_DATE = "ngay_sinh"
    NATIONAL_ID = "so_dinh_danh"
    POSITION = "chuc_vu"
    LEADER = "lanh_dao"
    CATEGORY = "phan_loai"
    PHONE = "dien_thoai"
    ADDRESS = "dia_chi_thu"
    QUOTA = "dung_luong"
    CERTIFICATE = "chung_thu"
    LEAVES = "nghi_tu"
    DECISION = "quyet_dinh"
    DECISION_DATE = "ngay_quyet_dinh"


REQUIRED = (Column.AGENCY_CODE, Column.FULL_NAME)

TITLES: dict[Column, str] = {
    Column.ROW_KIND: "Loại dòng",
    Column.AGENCY_CODE: "Mã cơ quan",
    Column.STAFF_NUMBER: "Mã cán bộ",
    Column.FULL_NAME: "Họ và tên",
    Column.BIRTH_DATE: "Ngày sinh",
    Column.NATIONAL_ID: "Số định danh",
    Column.POSITION: "Chức vụ",
    Column.LEADER: "Lãnh đạo",
    Column.CATEGORY: "Phân loại",
    Column.PHONE: "Điện thoại",
    Column.ADDRESS: "Địa chỉ thư",
    Column.QUOTA: "Dung lượng",
    Column.CERTIFICATE: "Chứng thư",
    Column.LEAVES: "Nghỉ từ ngày",
    Column.DECISION: "Số quyết định",
    Column.DECISION_DATE: "Ngày quyết định",
}
"""How each column is called in a sentence and in the example file."""

_ALSO_CALLED: dict[Column, str] = {
    Column.ROW_KIND: "loai dong, loai tai khoan, loai hop thu, row kind, row type, kind",
    Column.AGENCY_CODE: "ma co quan, ma don vi, ma cq, ma dv, ma co quan don vi, ma dinh danh co quan,"
    " ma dinh danh don vi, ma dinh danh dien tu, agency, agency code, agency id, unit code, org code",
    Column.STAFF_NUMBER: "ma can bo, ma nhan vien, ma nv, ma cb, ma cbccvc, ma cong chuc, ma vien chuc,"
    " ma cong chuc vien chuc, so hieu, so hieu cong chuc, so hieu can bo, so hieu vien chuc, ma nhan su,"
    " staff number, staff no, staff id, employee number, employee no, employee id",
    Column.FULL_NAME: "ho va ten, ho ten, ho ten can bo, ho va ten can bo, ten can bo, ho dem va ten,"
    " ho chu dem va ten, ho ten khai sinh, full name, fullname, name, ten day du",
    Column.BIRTH_DATE: "ngay sinh, ngay thang nam sinh, ngay thang sinh, nam sinh, sinh ngay, birth date,"
    " birthdate, date of birth, dob, birthday",
    Column.NATIONAL_ID: "so dinh danh, so dinh danh ca nhan, ma dinh danh ca nhan, ma so dinh danh, so cccd,"
    " cccd, cccd cmnd, cmnd cccd, so cccd cmnd, so cmnd cccd, cmnd, so cmnd, can cuoc, so can cuoc,"
    " so the can cuoc, can cuoc cong dan, so can cuoc cong dan, national id, identity number, id number,"
    " citizen id, personal id",
    Column.POSITION: "chuc vu, chuc danh, chuc vu chuc danh, chuc danh chuc vu, vi tri, vi tri viec lam,"
    " vi tri cong tac, position, job title, title, post",
    Column.LEADER: "lanh dao, la lanh dao, can bo lanh dao, lanh dao quan ly, leader, is leader, leadership",
    Column.CATEGORY: "phan loai, phan loai can bo, doi tuong, nhom doi tuong, loai can bo, dien, category",
    Column.PHONE: "dien thoai, so dien thoai, dien thoai di dong, so dien thoai di dong, di dong, sdt, so dt,"
    " dt, so di dong, phone, phone number, mobile, mobile phone, tel, telephone",
    Column.ADDRESS: "dia chi thu, dia chi thu dien tu, thu dien tu, thu dien tu cong vu, dia chi email, email,"
    " e mail, email cong vu, hop thu, hop thu dien tu, hop thu cong vu, ten hop thu, hom thu, mail,"
    " email address, e mail address, mail address, mailbox",
    Column.QUOTA: "dung luong, dung luong hop thu, han muc, quota, mailbox size, mailbox quota",
    Column.CERTIFICATE: "chung thu, chung thu so, cap chung thu, cap chung thu so, chu ky so, cap chu ky so,"
    " chung thu chu ky so, certificate, digital certificate, signing certificate, needs certificate",
    Column.LEAVES: "nghi tu, nghi tu ngay, ngay nghi, thoi viec tu ngay, nghi viec tu ngay, nghi huu tu ngay,"
    " ngay thoi viec, ngay nghi huu, leaves on, leaving date, last day, end date",
    Column.DECISION: "quyet dinh, so quyet dinh, quyet dinh nhan su, so qd, decision, decision number",
    Column.DECISION_DATE: "ngay quyet dinh, ngay qd, ngay ky quyet dinh, decision date",
}

_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_HEADER_SEARCH = 40
_LONGEST_HEADER = 200


def fold(text: str) -> str:
    """Reduce the first 200 characters to plain lower-case words: no accents, brackets or punctuation.

    `Đ` has no decomposition in Unicode, so it is mapped by hand.
    """
    return _fold(text[:_LONGEST_HEADER])


@lru_cache(maxsize=4096)  # a roster says the same few words a hundred thousand times
def _fold(text: str) -> str:
    marked = unicodedata.normalize("NFD", _BRACKETS.sub(" ", text))
    plain = "".join(letter for letter in marked if not unicodedata.combining(letter)).lower()
    return _NOT_WORD.sub(" ", plain.replace("đ", "d").replace("ð", "d")).strip()


_BY_NAME = {
    fold(name): column for column, names in _ALSO_CALLED.items() for name in (column.value, *names.split(","))
}


def recognise(header: str) -> Column | None:
    """The column that goes by this name, or None."""
    return _BY_NAME.get(fold(header))


@dataclass(frozen=True, slots=True)
class Header:
    """The row of a table that names its columns."""

    row: int
    """Its number, from 1."""

    cells: tuple[str, ...]
    columns: dict[int, Column]
    """Position of each column we know, from 0. A name that occurs twice stands here twice."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """Headers we do not know, as they were written."""
        return tuple(
            " ".join(cell.split())
            for position, cell in enumerate(self.cells)
            if position not in self.columns and cell.strip()
        )

    @property
    def untitled(self) -> tuple[int, ...]:
        """Positions of columns over which nothing is written."""
        return tuple(position for position, cell in enumerate(self.cells) if not cell.strip())

    @property
    def missing(self) -> tuple[Column, ...]:
        """Required columns that are not there."""
        return tuple(column for column in REQUIRED if column not in self.columns.values())

    @property
    def repeated(self) -> tuple[Column, ...]:
        """Columns that more than one header stands for."""
        found = list(self.columns.values())
        return tuple(column for column in Column if found.count(column) > 1)

    def named(self, column: Column) -> tuple[str, ...]:
        """The headers as written that stand for this column."""
        return tuple(
            " ".join(self.cells[position].split())
            for position, known in self.columns.items()
            if known is column
        )


def find_header(rows: Iterable[tuple[int, Sequence[str]]]) -> Header | None:
    """The row among the first forty that names most columns, the first of equals.

    Official lists carry the name of the agency, a title and a date above the table, so the
    header is looked for and not taken for granted. None when no row names a single column.
    """
    best: Header | None = None
    for seen, (number, cells) in enumerate(rows):
        if seen >= _HEADER_SEARCH:
            break
        columns = {
            position: column
            for position, cell in enumerate(cells)
            if cell and (column := recognise(cell)) is not None
        }
        if columns and (best is None or len(set(columns.values())) > len(set(best.columns.values()))):
            best = Header(number, _trimmed(cells), columns)
    return best


def _trimmed(cells: Sequence[str]) -> tuple[str, ...]:
    """The cells up to the last one with text."""
    last = max(position for position, cell in enumerate(cells) if cell.strip())
    return tuple(cells[: last + 1])
