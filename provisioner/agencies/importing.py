"""Reading the agency list into the books: what is new is added, what differs is changed, nothing is lost.

The file is CSV in UTF-8 with the columns of `COLUMNS`. A row that cannot be used is a
problem with its number and the rest goes on; a file that is no agency list is refused.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.agencies.codes import canonical_code
from provisioner.agencies.models import Agency, FormerAgencyCode, HeadCount
from provisioner.agencies.reference import Reference
from provisioner.audit import Change, Who, record
from provisioner.db import after_commit
from provisioner.errors import Invalid, Text
from provisioner.vietnamese import search_key

NEEDED = ("ma_co_quan", "ten", "viet_tat", "khoi", "cap", "loai")
HEAD_COUNTS = "bien_che_"
"""Columns `bien_che_<category>` hold the declared head count of that staff category."""


@dataclass(frozen=True, slots=True)
class RowProblem:
    row: int
    code: str
    text: Text


@dataclass
class Imported:
    """What an import did."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    problems: list[RowProblem] = field(default_factory=list)


def import_agencies(
    session: Session, content: bytes, *, reference: Reference, who: Who, today: date, now: datetime
) -> Imported:
    """Add and change agencies as the list says. Raises `Invalid` when the file is no agency list.

    Parents may stand before or after their children. An agency that the list does not name stays
    as it is: lists of one bloc or one commune are normal.
    """
    rows = _rows(content)
    result = Imported()
    known = {agency.code: agency for agency in session.scalars(select(Agency))}
    counts = {
        (c.agency_id, c.category): c for c in session.scalars(select(HeadCount).order_by(HeadCount.since))
    }
    changes: list[Change] = []
    for number, row in _parents_first(rows, result):
        try:
            columns = _columns(row, reference, known, today)
        except Invalid as problem:
            result.problems.append(RowProblem(number, problem.code, problem.text))
            continue
        agency = known.get(columns["code"])
        if agency is None:
            agency = Agency(uid=uuid4().hex, path="", **columns)
            session.add(agency)
            session.flush()  # the path of an agency and of all below it holds its id
            known[agency.code] = agency
            before: dict[str, Any] | None = None
        else:
            before = {
                name: getattr(agency, name) for name in columns if getattr(agency, name) != columns[name]
            }
            for name in before:
                setattr(agency, name, columns[name])
        moved = _place(agency, known)
        declared = _declare(session, agency, row, reference=reference, counts=counts, today=today)
        former = _remember_codes(session, agency, row)
        if before is None:
            result.created += 1
            changes.append(Change("agency.created", "agency", agency.code, after=_readable(columns)))
        elif before or moved or declared or former:
            result.changed += 1
            agency.revision += 1
            after = {name: columns[name] for name in before} | declared
            changes.append(
                Change(
                    "agency.changed", "agency", agency.code, before=_readable(before), after=_readable(after)
                )
            )
        else:
            result.unchanged += 1
    record(session, who, changes, now=now)
    after_commit(session, "directory")
    return result


def _rows(content: bytes) -> list[tuple[int, dict[str, str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(
            Text(
                vi="Danh sách cơ quan phải là CSV mã hóa UTF-8; hãy lưu lại dạng «CSV UTF-8».",
                en="The agency list must be CSV in UTF-8; save it again as “CSV UTF-8”.",
            ),
            code="not-utf-8",
        ) from error
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise Invalid(
            Text(
                vi=f"Danh sách cơ quan thiếu cột {', '.join(missing)}.",
                en=f"The agency list lacks the columns {', '.join(missing)}.",
            ),
            code="columns-missing",
        )
    return [
        (number, {name: (value or "").strip() for name, value in row.items() if name})
        for number, row in enumerate(reader, start=2)
        if any(value for name, value in row.items() if name)
    ]


def _parents_first(
    rows: Sequence[tuple[int, dict[str, str]]], result: Imported
) -> list[tuple[int, dict[str, str]]]:
    """Order the rows so that each parent comes before its children; the rest are problems."""
    by_code: dict[str, tuple[int, dict[str, str]]] = {}
    for number, row in rows:
        try:
            code = canonical_code(row["ma_co_quan"])
        except Invalid as problem:
            result.problems.append(RowProblem(number, problem.code, problem.text))
            continue
        if code in by_code:
            text = Text(
                vi=f"Mã {code} đã có ở dòng {by_code[code][0]}.",
                en=f"The code {code} stands in row {by_code[code][0]} already.",
            )
            result.problems.append(RowProblem(number, "agency-twice", text))
            continue
        by_code[code] = (number, row)
    ordered: list[tuple[int, dict[str, str]]] = []
    placed: set[str] = set()

    def place(code: str, above: tuple[str, ...]) -> None:
        if code in placed or code not in by_code or code in above:
            return
        parent = by_code[code][1].get("ma_cha", "")
        if parent:
            place(parent, (*above, code))
        placed.add(code)
        ordered.append(by_code[code])

    for code in by_code:
        place(code, ())
    return ordered


def _columns(
    row: Mapping[str, str], reference: Reference, known: Mapping[str, Agency], today: date
) -> dict[str, Any]:
    """The columns of an agency that a row tells. Raises `Invalid` with what is wrong."""
    for name in NEEDED:
        if not row.get(name):
            raise Invalid(Text(vi=f"Thiếu {name}.", en=f"{name} is empty."), code="cell-missing")
    since = _day(row.get("hieu_luc_tu", ""))
    for name, terms in (("khoi", reference.blocs), ("cap", reference.levels), ("loai", reference.kinds)):
        term = terms.get(row[name])
        if term is None or not term.valid_on(since or today):
            allowed = ", ".join(code for code, t in terms.items() if t.valid_on(since or today))
            raise Invalid(
                Text(
                    vi=f"{name} «{row[name]}» không có trong danh mục; dùng một trong: {allowed}.",
                    en=f"{name} “{row[name]}” is not in the reference data; use one of: {allowed}.",
                ),
                code=f"{name.replace('_', '-')}-unknown",
            )
    parent_id = None
    if row.get("ma_cha"):
        parent = known.get(canonical_code(row["ma_cha"]))
        if parent is None:
            raise Invalid(
                Text(
                    vi=f"Không có cơ quan cấp trên {row['ma_cha']}.",
                    en=f"There is no parent agency {row['ma_cha']}.",
                ),
                code="parent-unknown",
            )
        parent_id = parent.id
    short_name = row.get("ten_ngan") or None
    if short_name and len(short_name) > 64:
        raise Invalid(
            Text(vi="ten_ngan dài quá 64 ký tự.", en="ten_ngan is longer than 64 characters."),
            code="short-name-too-long",
        )
    return {
        "code": canonical_code(row["ma_co_quan"]),
        "name": row["ten"],
        "short_name": short_name,
        "abbreviation": row["viet_tat"].lower(),
        "search_key": search_key(f"{row['ten']} {short_name or ''} {row['viet_tat']}")[:400],
        "bloc": row["khoi"],
        "level": row["cap"],
        "kind": row["loai"],
        "parent_id": parent_id,
        "legal_personality": bool(row.get("tu_cach_phap_nhan")),
        "seal": bool(row.get("con_dau")),
        "unit_mailbox": bool(row.get("hop_thu_don_vi", "x")),
        "contact_name": row.get("nguoi_lien_he") or None,
        "contact_email": row.get("email_lien_he") or None,
        "contact_phone": row.get("dien_thoai_lien_he") or None,
        "since": since,
        "until": _day(row.get("hieu_luc_den", "")),
    }


def _place(agency: Agency, known: Mapping[str, Agency]) -> bool:
    """Set the path of an agency, and of everything below it when it moved."""
    parent = next((a for a in known.values() if a.id == agency.parent_id), None) if agency.parent_id else None
    path = f"{parent.path if parent else '/'}{agency.id}/"
    if path == agency.path:
        return False
    old, agency.path = agency.path, path
    if old:
        for other in known.values():
            if other is not agency and other.path.startswith(old):
                other.path = path + other.path[len(old) :]
                other.revision += 1
    return bool(old)


def _declare(
    session: Session,
    agency: Agency,
    row: Mapping[str, str],
    *,
    reference: Reference,
    counts: dict[tuple[int, str], HeadCount],
    today: date,
) -> dict[str, int]:
    """Write down head counts that differ from the last declaration; returns them."""
    declared = {}
    for category in reference.categories:
        text = row.get(HEAD_COUNTS + category, "")
        if not text.isdecimal():
            continue
        last = counts.get((agency.id, category))
        if last is not None and last.count == int(text):
            continue
        if last is not None and last.since == today:
            last.count = int(text)
        else:
            last = HeadCount(agency_id=agency.id, category=category, since=today, count=int(text))
            session.add(last)
            counts[agency.id, category] = last
        declared[HEAD_COUNTS + category] = int(text)
    return declared


def _remember_codes(session: Session, agency: Agency, row: Mapping[str, str]) -> bool:
    """Keep codes the agency had before; a code that is only the old form of today's needs no row."""
    new = False
    for text in filter(None, (part.strip() for part in row.get("ma_cu", "").split(";"))):
        code = canonical_code(text)
        known = select(FormerAgencyCode.id).where(
            FormerAgencyCode.agency_id == agency.id, FormerAgencyCode.code == code
        )
        if code != agency.code and session.scalar(known) is None:
            session.add(FormerAgencyCode(agency_id=agency.id, code=code, until=agency.since))
            new = True
    return new


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            Text(
                vi=f"«{text}» không phải ngày dạng năm-tháng-ngày.",
                en=f"“{text}” is not a date like 2025-07-01.",
            ),
            code="date-malformed",
        ) from error


def _readable(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "search_key"}
