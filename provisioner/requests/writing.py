"""Writing a request: the letter and its rows, kept as a draft with a plan that says what the rows would do."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final
from uuid import uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.audit import Change, Who, record
from provisioner.days import EARLIEST, day_of, has_come
from provisioner.db import Database
from provisioner.errors import Conflict, Invalid, Text
from provisioner.operators.reach import Reach
from provisioner.people.sealing import Sealer
from provisioner.requests import scans
from provisioner.requests.judging import LetterJudge
from provisioner.requests.models import Kind, Request, State
from provisioner.rosters.addressing import Rules
from provisioner.rosters.files.columns import Column
from provisioner.rosters.files.entries import LONGEST_DECISION
from provisioner.rosters.models import Outcome, RosterPlan, RosterRow
from provisioner.rosters.planning import Upload, complete, draft
from provisioner.rosters.reading import read_roster

MOST_ROWS: Final = 50
"""Rows of one form; whoever has more sends a roster."""
LONGEST_NUMBER: Final = 60
LONGEST_SIGNER: Final = 120

_PERSON = (
    Column.STAFF_NUMBER,
    Column.FULL_NAME,
    Column.BIRTH_DATE,
    Column.NATIONAL_ID,
    Column.POSITION,
    Column.LEADER,
    Column.CATEGORY,
    Column.PHONE,
    Column.ADDRESS,
    Column.CERTIFICATE,
)
FIELDS: Final[Mapping[Kind, tuple[Column, ...]]] = {
    Kind.PEOPLE: _PERSON,
    Kind.CHANGE: (*_PERSON, Column.AGENCY_CODE),
    Kind.LEAVE: (Column.STAFF_NUMBER, Column.FULL_NAME, Column.LEAVES),
    Kind.CERTIFICATE: (Column.STAFF_NUMBER, Column.FULL_NAME),
    Kind.UNIT: (Column.FULL_NAME, Column.ADDRESS, Column.CERTIFICATE),
}
"""What the form of each kind asks for in a row; nothing else of what is sent is read."""

Row = Mapping[Column, str]


@dataclass(frozen=True, slots=True)
class Letter:
    """A request as its form gives it. Raises `Invalid` for what an official letter cannot be without."""

    kind: Kind
    document_number: str
    document_date: date
    signer: str
    decision: str | None
    rows: Sequence[Row]
    decision_date: date | None = None
    scan: scans.Scan | None = None

    def __post_init__(self) -> None:
        _check_text(
            "document-number",
            self.document_number,
            LONGEST_NUMBER,
            missing=("Hãy ghi số, ký hiệu văn bản.", "Give the letter's number."),
            long=("Số, ký hiệu văn bản dài quá", "The letter's number is too long;"),
        )
        _check_text(
            "signer",
            self.signer,
            LONGEST_SIGNER,
            missing=("Hãy ghi người ký văn bản.", "Say who signed the letter."),
            long=("Tên người ký văn bản dài quá", "The signer's name is too long;"),
        )
        if self.decision is not None and len(self.decision) > LONGEST_DECISION:
            raise _wrong(
                "decision",
                f"Số quyết định dài quá {LONGEST_DECISION} ký tự; chỉ ghi số và ký hiệu.",
                f"Give the number of the decision in {LONGEST_DECISION} characters at most.",
            )
        if self.kind is Kind.LEAVE and self.decision is None:
            raise _wrong(
                "decision",
                "Hãy ghi số quyết định cho nghỉ; không có quyết định thì không khóa hộp thư của ai.",
                "Give the decision on leaving; nobody's mailbox is locked without one.",
            )
        if self.kind is Kind.LEAVE and not all(row.get(Column.LEAVES) for row in self.rows):
            raise _wrong(
                "rows",
                "Mỗi dòng cần ngày nghỉ: ngày đầu tiên không còn công tác.",
                "Each row needs the day of leaving: the first day of no longer serving.",
            )
        if not self.rows:
            raise _wrong("rows", "Hãy điền ít nhất một dòng.", "Fill in at least one row.")
        if len(self.rows) > MOST_ROWS:
            raise _wrong(
                "rows",
                f"Một đề nghị có tối đa {MOST_ROWS} dòng; nhiều hơn thì gửi danh sách bằng tệp.",
                f"A request has at most {MOST_ROWS} rows; send a roster file for more.",
            )
        if self.scan is not None:
            scans.check(self.scan)


def write(
    database: Database,
    letter: Letter,
    agency: Agency,
    rules: Rules,
    *,
    within: Reach,
    request_id: int | None,
    by: str,
    now: datetime,
) -> int:
    """Keep the letter as a draft, new or in place of the one before, and plan its rows; the request's id.

    A row about a person who serves outside `within` is stopped, and tells nothing of that person.
    Raises `Conflict` for a request that was sent already, `Invalid` for rows that cannot be read at all
    and for days that cannot be meant.
    """
    _check_days(letter, today=day_of(now))
    if request_id is not None:
        with database.reading() as session:
            unsent(session.get(Request, request_id))
    content = as_roster(
        letter.kind, letter.rows, agency, decision=letter.decision, decision_date=letter.decision_date
    )
    name = f"{letter.document_number}.csv"[:255]
    reading = read_roster(content, filename="request.csv", today=day_of(now))
    upload = Upload(name, content, None, by, agency.id)
    new_judge = partial(LetterJudge, asks=letter.kind, agency_id=agency.id, within=within)
    # It stays a draft, which nobody sees and which goes by itself, until a request names it.
    new_plan = draft(database, reading, upload, rules, now=now, new_judge=new_judge)
    with database.transaction() as session:
        request = Request(uid=uuid4().hex)
        if request_id is not None:
            request = unsent(session.get(Request, request_id, with_for_update=True))
        complete(session, new_plan, by=by, now=now)
        old_plan = request.plan_id
        request.agency_id, request.kind, request.state = agency.id, letter.kind, State.DRAFT
        request.document_number, request.document_date = letter.document_number, letter.document_date
        request.signer = letter.signer
        request.decision, request.decision_date = letter.decision, letter.decision_date
        request.rows_sealed = rules.sealer.seal_bytes(_packed(letter.rows), context=rows_context(request.uid))
        if letter.scan is not None:
            request.letter_name = letter.scan[0][: scans.LONGEST_NAME]
            request.letter_sealed = rules.sealer.seal_bytes(
                letter.scan[1], context=letter_context(request.uid)
            )
        request.plan_id = new_plan
        request.written_by, request.written_at = by, now
        request.submitted_by = request.submitted_at = request.decided_by = request.decided_at = None
        session.add(request)
        session.flush()  # the id is the answer, and the old plan goes only when nothing names it any more
        if old_plan is not None:
            discard_plan(session, old_plan)
        change = Change(
            "request.written", "request", str(request.id), after={"document": letter.document_number}
        )
        record(session, Who(by), [change], now=now)
        return request.id


def _check_days(letter: Letter, *, today: date) -> None:
    """A letter answers for days that have come. Raises `Invalid` naming the field."""
    for name, day in (("document-date", letter.document_date), ("decision-date", letter.decision_date)):
        if day is not None and not has_come(day, today=today):
            raise _wrong(
                name,
                f"Ngày phải từ {EARLIEST:%d/%m/%Y} đến hôm nay.",
                f"The date has to be from {EARLIEST.day} {EARLIEST:%b %Y} to today.",
            )


def rows_of(request: Request, sealer: Sealer) -> list[dict[Column, str]]:
    """The rows as they were written."""
    packed = sealer.unseal_bytes(request.rows_sealed, context=rows_context(request.uid))
    return [{Column(name): text for name, text in row.items()} for row in json.loads(packed)]


def discard_plan(session: Session, plan_id: int) -> None:
    """Drop a plan that nothing came of, with its rows."""
    session.execute(delete(RosterRow).where(RosterRow.plan_id == plan_id))
    session.execute(delete(RosterPlan).where(RosterPlan.id == plan_id))


def plan_outcomes(session: Session, plan_id: int) -> set[Outcome]:
    """What becomes of the rows of a plan."""
    return set(session.scalars(select(RosterRow.outcome).where(RosterRow.plan_id == plan_id).distinct()))


def rows_context(uid: str) -> str:
    """What the sealed rows of a request are bound to."""
    return f"requests.rows:{uid}"


def letter_context(uid: str) -> str:
    """What the sealed letter of a request is bound to."""
    return f"requests.letter:{uid}"


def _packed(rows: Sequence[Row]) -> bytes:
    return json.dumps([{column.value: text for column, text in row.items()} for row in rows]).encode()


def as_roster(
    kind: Kind,
    rows: Sequence[Row],
    agency: Agency,
    *,
    decision: str | None = None,
    decision_date: date | None = None,
) -> bytes:
    """The rows of a letter as the file that an administrator would send: the same reader reads both."""
    same = {Column.CERTIFICATE: "x"} if kind is Kind.CERTIFICATE else {}
    if decision and kind is not Kind.UNIT:
        written = f"{decision_date:%d/%m/%Y}" if decision_date else ""
        same |= {Column.DECISION: decision, Column.DECISION_DATE: written}
    same |= {Column.ROW_KIND: "đơn vị" if kind is Kind.UNIT else "cá nhân"}
    if not kind.is_of_people_in_post:  # the books say where those serve, unless the row moves them
        same |= {Column.AGENCY_CODE: agency.code}
    text = io.StringIO()
    columns = dict.fromkeys((Column.ROW_KIND, Column.AGENCY_CODE, *FIELDS[kind], *same))
    table = csv.DictWriter(text, list(columns))
    table.writeheader()
    for row in rows:
        table.writerow({column: row.get(column, "").replace("\x00", "") for column in FIELDS[kind]} | same)
    return text.getvalue().encode("utf-8-sig")


def _check_text(
    field: str, text: str, longest: int, *, missing: tuple[str, str], long: tuple[str, str]
) -> None:
    if not text:
        raise _wrong(field, *missing)
    if len(text) > longest:
        vi, en = long
        raise _wrong(field, f"{vi} {longest} ký tự.", f"{en} it may have {longest} characters.")


def _wrong(field: str, vi: str, en: str) -> Invalid:
    return Invalid(Text(vi=vi, en=en), code=f"request-{field}")


def unsent(request: Request | None) -> Request:
    """The request, if it can still be written. Raises `Conflict`."""
    if request is None or request.state not in (State.DRAFT, State.RETURNED):
        raise Conflict(
            Text(
                vi="Đề nghị đã gửi đi nên không sửa được nữa; có thể lập đề nghị mới.",
                en="The request was sent and cannot be changed any more; write another one.",
            ),
            code="request-sent",
        )
    return request
