"""One row of cells, one entry: what somebody asks for, as far as it can be understood."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from provisioner.rosters.files.cells.choices import Categories, RowKind, row_kind, yes_or_no
from provisioner.rosters.files.cells.codes import agency_code, mail_address, staff_number
from provisioner.rosters.files.cells.dates import birth_date, day, day_gone_by
from provisioner.rosters.files.cells.identity import identity_number
from provisioner.rosters.files.cells.names import full_name, unit_name
from provisioner.rosters.files.cells.phones import phone
from provisioner.rosters.files.cells.quotas import quota_bytes
from provisioner.rosters.files.cells.text import clean
from provisioner.rosters.files.columns import TITLES, Column, Header
from provisioner.rosters.files.problems import Notes, Problem, Severity
from provisioner.rosters.files.tables import Unclosed
from provisioner.secret import Secret

LONGEST_POSITION = 120
LONGEST_DECISION = 120


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """One row. A field is None when its cell was empty or could not be used."""

    number: int
    """The row's number as the spreadsheet shows it."""

    kind: RowKind
    agency_code: str
    """Empty only when the row is refused for the lack of it."""

    staff_number: str | None
    full_name: str | None
    birth_date: date | None
    identity_number: Secret | None
    position: str | None
    leader: bool
    category: str | None
    phone: str | None
    address: str | None
    quota_bytes: int | None
    certificate: bool
    leaves_on: date | None
    """The first day of no longer serving."""
    decision: str | None
    """Number of the personnel decision behind the row."""
    decision_date: date | None
    given: frozenset[Column]
    """The columns in which this row had anything written."""

    problems: tuple[Problem, ...]

    @property
    def refused(self) -> bool:
        """Whether the row cannot be carried out as it stands."""
        return any(problem.severity is Severity.REFUSED for problem in self.problems)


_NEEDED = {
    RowKind.PERSON: (Column.AGENCY_CODE, Column.STAFF_NUMBER, Column.FULL_NAME),
    RowKind.UNIT: (Column.AGENCY_CODE,),
}


class EntryReader:
    """Reads the rows below one header."""

    def __init__(
        self, header: Header, *, today: date, categories: Mapping[str, str], recapitalise: bool
    ) -> None:
        self._today = today
        self._recapitalise = recapitalise
        readers: dict[Column, Callable[[str, Notes], object]] = {
            Column.AGENCY_CODE: agency_code,
            Column.BIRTH_DATE: lambda text, notes: birth_date(text, notes, today=today),
            Column.POSITION: _position,
            Column.LEADER: yes_or_no,
            Column.CATEGORY: Categories(categories),
            Column.PHONE: phone,
            Column.QUOTA: quota_bytes,
            Column.CERTIFICATE: yes_or_no,
            Column.LEAVES: day,
            Column.DECISION: _decision,
            Column.DECISION_DATE: lambda text, notes: day_gone_by(text, notes, today=today),
        }
        self._plain = [
            (position, column, readers[column])
            for position, column in header.columns.items()
            if column in readers
        ]
        self._at = {column: position for position, column in header.columns.items()}
        self._width = len(header.cells)
        self._needed_width = max(header.columns) + 1
        beside = self._at.get(Column.FULL_NAME, -1) + 1
        self._beside_name = beside if beside in header.untitled else None

    def entry(self, number: int, cells: Sequence[str]) -> RosterEntry:
        """The row as far as it can be understood. Never raises about its content."""
        notes = Notes(number)
        values: dict[Column, Any] = {}
        width = len(cells)
        self._read(Column.ROW_KIND, row_kind, cells, values, notes)
        kind = values.get(Column.ROW_KIND, RowKind.PERSON)
        for position, column, read in self._plain:
            if position < width and (text := cells[position]):
                notes.at(column, text)
                if tidy := clean(text, notes):
                    values[column] = read(tidy, notes)
        self._read(
            Column.FULL_NAME, self._person if kind is RowKind.PERSON else unit_name, cells, values, notes
        )
        born = values.get(Column.BIRTH_DATE)
        self._read(
            Column.STAFF_NUMBER, partial(staff_number, born=born, today=self._today), cells, values, notes
        )
        self._read(Column.ADDRESS, partial(mail_address, born=born, today=self._today), cells, values, notes)
        self._read(Column.NATIONAL_ID, partial(identity_number, born=born), cells, values, notes)
        self._check_row(kind, cells, values, notes)
        return RosterEntry(
            number=number,
            kind=kind,
            agency_code=values.get(Column.AGENCY_CODE) or "",
            staff_number=values.get(Column.STAFF_NUMBER),
            full_name=values.get(Column.FULL_NAME),
            birth_date=born,
            identity_number=values.get(Column.NATIONAL_ID),
            position=values.get(Column.POSITION),
            leader=values.get(Column.LEADER, False),
            category=values.get(Column.CATEGORY),
            phone=values.get(Column.PHONE),
            address=values.get(Column.ADDRESS),
            quota_bytes=values.get(Column.QUOTA),
            certificate=values.get(Column.CERTIFICATE, False),
            leaves_on=values.get(Column.LEAVES),
            decision=values.get(Column.DECISION),
            decision_date=values.get(Column.DECISION_DATE),
            given=frozenset(values),
            problems=tuple(notes.problems),
        )

    def _read(
        self,
        column: Column,
        read: Callable[[str, Notes], object],
        cells: Sequence[str],
        values: dict[Column, Any],
        notes: Notes,
    ) -> None:
        """One cell whose meaning hangs on another one of its row."""
        position = self._at.get(column, len(cells))
        if position < len(cells) and (text := cells[position]):
            notes.at(column, text)
            if tidy := clean(text, notes):
                values[column] = read(tidy, notes)

    def _person(self, text: str, notes: Notes) -> str | None:
        return full_name(text, notes, recapitalise=self._recapitalise)

    def _check_row(
        self, kind: RowKind, cells: Sequence[str], values: Mapping[Column, Any], notes: Notes
    ) -> None:
        if isinstance(cells, Unclosed):
            _note_unclosed(cells, notes)
        if len(cells) > self._width and any(cells[self._width :]):
            _note_surplus(notes)
        elif len(cells) < self._needed_width:
            _note_shortfall(notes)
        if (
            self._beside_name is not None
            and "".join(cells[self._beside_name : self._beside_name + 1]).strip()
        ):
            _note_split_name(notes)
        missing = [needed for needed in _NEEDED[kind] if needed not in values]
        if missing == list(_NEEDED[RowKind.PERSON]) and Column.ROW_KIND not in values:
            _note_nobody(notes)
        else:
            for needed in missing:
                _note_missing(needed, notes)


def _position(text: str, notes: Notes) -> str | None:
    if len(text) > LONGEST_POSITION:
        notes.refuse(
            "position-too-long",
            vi=f"Chức vụ dài quá {LONGEST_POSITION} ký tự.",
            en=f"The position is longer than {LONGEST_POSITION} characters.",
        )
        return None
    return text


def _decision(text: str, notes: Notes) -> str | None:
    if len(text) > LONGEST_DECISION:
        notes.refuse(
            "decision-too-long",
            vi=f"Số quyết định dài quá {LONGEST_DECISION} ký tự; chỉ ghi số và ký hiệu.",
            en=f"The decision is longer than {LONGEST_DECISION} characters; give its number only.",
        )
        return None
    return text


def _note_missing(column: Column, notes: Notes) -> None:
    notes.at(column, None)
    notes.refuse(
        "cell-missing",
        vi=f"Thiếu {TITLES[column].lower()}.",
        en=f"“{TITLES[column]}” ({column}) is empty.",
    )


def _note_nobody(notes: Notes) -> None:
    notes.at(None, None)
    notes.refuse(
        "row-of-nobody",
        vi="Dòng này không có mã cơ quan, mã cán bộ và họ tên; nếu là dòng cộng, ghi chú hay chữ ký thì hãy xóa đi.",
        en="The row has no agency code, staff number and name; delete it if it is a total, a note or a signature.",
    )


def _note_split_name(notes: Notes) -> None:
    notes.at(Column.FULL_NAME, None)
    notes.refuse(
        "name-in-two-columns",
        vi="Cột bên phải họ tên có dữ liệu mà không có tiêu đề; nếu là phần tên thì hãy gộp cả họ tên vào một ô, nếu là "
        "thông tin khác thì hãy đặt tiêu đề cho cột.",
        en="The column to the right of the name has no title and holds something; if it is part of the name, put the "
        "whole name into one cell, and if it is anything else, give the column a title.",
    )


def _note_unclosed(cells: Unclosed, notes: Notes) -> None:
    first = notes.row + 1
    vi = en = ""
    if first <= cells.last:
        rows = f"{first}" if first == cells.last else f"{first}–{cells.last}"
        vi, en = (
            f", nuốt cả dòng {rows}; phần ấy đã được đọc riêng",
            f" and ran over row {rows}, which was read by itself",
        )
    notes.at(None, None)
    notes.refuse(
        "quote-unclosed",
        vi=f"Dòng này mở dấu ngoặc kép mà không đóng lại{vi}. Hãy sửa ô đó, hoặc lưu tệp dạng .xlsx.",
        en=f"A quotation mark in this row is never closed{en}. Correct the cell, or save the file as .xlsx.",
    )


def _note_surplus(notes: Notes) -> None:
    notes.at(None, None)
    notes.refuse(
        "row-too-long",
        vi="Dòng có nhiều ô hơn dòng tiêu đề; có lẽ một ô chứa dấu phân cách mà không đặt trong ngoặc kép.",
        en="The row has more cells than the header; a cell may hold the separator without quotes.",
    )


def _note_shortfall(notes: Notes) -> None:
    notes.at(None, None)
    notes.warn(
        "row-too-short",
        vi="Dòng có ít ô hơn dòng tiêu đề; các ô còn thiếu được coi là trống.",
        en="The row has fewer cells than the header; the missing ones were taken as empty.",
    )
