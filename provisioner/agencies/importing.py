"""Reading the agency list into the books: what is new is added, what differs is changed, nothing is lost.

A row that cannot be used is a problem with its number and the rest goes on; a file that is no
agency list is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.agencies.codes import canonical_code
from provisioner.agencies.models import Agency, FormerAgencyCode, HeadCount
from provisioner.agencies.reading import RowProblem, parents_first, read_rows
from provisioner.agencies.reference import Reference
from provisioner.agencies.rows import columns_of
from provisioner.audit import Change, Who, record
from provisioner.db import after_commit
from provisioner.errors import Invalid, Text
from provisioner.pending import raised

HEAD_COUNTS = "bien_che_"
"""Columns `bien_che_<category>` hold the declared head count of that staff category."""

_SHOWN = {"name", "bloc", "level", "parent_id"}
"""What the directory shows of an agency: a change of anything else is no work for it."""


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
    as it is, and so does what it has no column for: lists of one bloc or one commune, or of names
    only, are normal.
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
            columns = columns_of(row, reference, known, today)
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
                _tell_directory(agency)
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


def _tell_directory(agency: Agency) -> None:
    for name, value in raised(agency).items():
        setattr(agency, name, value)


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
                _tell_directory(other)
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


def _readable(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "search_key"}
