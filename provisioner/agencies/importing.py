"""Reading the agency list into the books: what is new is added, what differs is changed, nothing is lost.

A row that cannot be used is a problem with its number and the rest goes on; a file that is no
agency list is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import String, select
from sqlalchemy.orm import Session

from provisioner.agencies.codes import canonical_code
from provisioner.agencies.models import Agency, FormerAgencyCode, HeadCount
from provisioner.agencies.reading import NEEDED, RowProblem, parents_first, read_rows
from provisioner.agencies.reference import Reference
from provisioner.audit import Change, Who, record
from provisioner.db import after_commit, table_of
from provisioner.errors import Invalid, Text
from provisioner.vietnamese import search_key

HEAD_COUNTS = "bien_che_"
"""Columns `bien_che_<category>` hold the declared head count of that staff category."""

_SHOWN = {"name", "bloc", "level", "parent_id"}
"""What the directory shows of an agency: a change of anything else is no work for it."""

_NO = {"", "0", "không", "khong", "k", "no", "n", "false"}


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
    result = Imported()
    rows = parents_first(read_rows(content), result.problems)
    known = {agency.code: agency for agency in session.scalars(select(Agency))}
    counts = {
        (c.agency_id, c.category): c for c in session.scalars(select(HeadCount).order_by(HeadCount.since))
    }
    changes: list[Change] = []
    for number, row in rows:
        try:
            columns = _columns(row, reference, known, today)
            head_counts, former_codes = _head_counts(row, reference), _former_codes(row)
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
        declared = _declare(session, agency, head_counts, counts=counts, today=today)
        former = _remember_codes(session, agency, former_codes)
        if before is None:
            result.created += 1
            changes.append(Change("agency.created", "agency", agency.code, after=_readable(columns)))
        elif before or moved or declared or former:
            result.changed += 1
            if _SHOWN & before.keys():
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
    code = canonical_code(row["ma_co_quan"])
    parent_id = None
    if row.get("ma_cha"):
        parent = known.get(canonical_code(row["ma_cha"]))
        below = known.get(code)
        if parent is not None and below is not None and parent.path.startswith(below.path):
            raise Invalid(
                Text(
                    vi=f"{row['ma_cha']} là chính cơ quan này hoặc nằm dưới nó, không thể là cấp trên.",
                    en=f"{row['ma_cha']} is this agency itself or below it, and cannot be above it.",
                ),
                code="parent-below",
            )
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
    columns = {
        "code": code,
        "name": row["ten"],
        "short_name": short_name,
        "abbreviation": row["viet_tat"].lower(),
        "search_key": search_key(f"{row['ten']} {short_name or ''} {row['viet_tat']}")[:400],
        "bloc": row["khoi"],
        "level": row["cap"],
        "kind": row["loai"],
        "parent_id": parent_id,
        "legal_personality": _yes(row.get("tu_cach_phap_nhan", "")),
        "seal": _yes(row.get("con_dau", "")),
        "unit_mailbox": _yes(row.get("hop_thu_don_vi", "x")),
        "contact_name": row.get("nguoi_lien_he") or None,
        "contact_email": row.get("email_lien_he") or None,
        "contact_phone": row.get("dien_thoai_lien_he") or None,
        "since": since,
        "until": _day(row.get("hieu_luc_den", "")),
    }
    for name, value in columns.items():
        type_ = table_of(Agency).c[name].type
        if isinstance(type_, String) and type_.length and len(str(value or "")) > type_.length:
            raise Invalid(
                Text(
                    vi=f"«{value}» dài quá {type_.length} ký tự.",
                    en=f"“{value}” is longer than {type_.length} characters.",
                ),
                code=f"{name.replace('_', '-')}-too-long",
            )
    return columns


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


def _head_counts(row: Mapping[str, str], reference: Reference) -> dict[str, int]:
    """The head counts that a row declares, by category. Raises `Invalid` for what is no number."""
    declared = {}
    for category in reference.categories:
        text = row.get(HEAD_COUNTS + category, "")
        if text and not (text.isdecimal() and len(text) <= 6):
            raise Invalid(
                Text(
                    vi=f"{HEAD_COUNTS}{category} «{text}» không phải số người.",
                    en=f"{HEAD_COUNTS}{category} “{text}” is no number of people.",
                ),
                code="head-count-malformed",
            )
        if text:
            declared[category] = int(text)
    return declared


def _declare(
    session: Session,
    agency: Agency,
    head_counts: Mapping[str, int],
    *,
    counts: dict[tuple[int, str], HeadCount],
    today: date,
) -> dict[str, int]:
    """Write down head counts that differ from the last declaration; returns them."""
    declared = {}
    for category, number in head_counts.items():
        last = counts.get((agency.id, category))
        if last is not None and last.count == number:
            continue
        if last is not None and last.since == today:
            last.count = number
        else:
            last = HeadCount(agency_id=agency.id, category=category, since=today, count=number)
            session.add(last)
            counts[agency.id, category] = last
        declared[HEAD_COUNTS + category] = number
    return declared


def _former_codes(row: Mapping[str, str]) -> list[str]:
    """The codes an agency had before. Raises `Invalid` for what is no code."""
    written = filter(None, (part.strip() for part in row.get("ma_cu", "").split(";")))
    return list(dict.fromkeys(canonical_code(text) for text in written))


def _remember_codes(session: Session, agency: Agency, codes: Sequence[str]) -> bool:
    """Keep codes the agency had before; a code that is only the old form of today's needs no row."""
    new = False
    for code in codes:
        known = select(FormerAgencyCode.id).where(
            FormerAgencyCode.agency_id == agency.id, FormerAgencyCode.code == code
        )
        if code != agency.code and session.scalar(known) is None:
            session.add(FormerAgencyCode(agency_id=agency.id, code=code, until=agency.since))
            new = True
    return new


def _yes(text: str) -> bool:
    """Whether a cell is marked: with anything but a dash and the usual words for no."""
    return text.strip(" -–—.").casefold() not in _NO


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
