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
from provisioner.agencies.holders import A_DAY, Holders, Named
from provisioner.agencies.models import DATED, Agency, HeadCount
from provisioner.agencies.reading import Row, RowProblem, parents_first, read_rows
from provisioner.agencies.reference import Reference
from provisioner.agencies.rows import columns_of, named_by
from provisioner.audit import Change, Who, record
from provisioner.db import after_commit
from provisioner.errors import Invalid, Text
from provisioner.pending import raised

HEAD_COUNTS = "bien_che_"
"""Columns `bien_che_<category>` hold the declared head count of that staff category."""

_SHOWN = {"code", "name", "bloc", "level", "parent_id"}
"""What the directory shows of an agency: a change of anything else is no work for it."""

_OF_A_DAY = ("code", *DATED)
"""What an agency is from a day on: what it was before is kept with its days."""


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
    holders = Holders(session, {canonical_code(row["ma_co_quan"]) for _number, row in rows})
    counts = {
        (c.agency_id, c.category): c for c in session.scalars(select(HeadCount).order_by(HeadCount.since))
    }
    changes: list[Change] = []
    for number, row, named in _in_turn(rows, holders, result.problems, today):
        try:
            head_counts = _head_counts(row, reference)
            agency = holders.meant(named, today=today)
            columns = columns_of(row, reference, agency, holders, today)
            day = today if agency is None else _holds_since(agency, columns, holders, today)
        except Invalid as problem:
            result.problems.append(RowProblem(number, problem.code, problem.text))
            continue
        if agency is None or agency.code != named.code:
            changes += _released(holders, named.code)
        if agency is None:
            agency = Agency(uid=uuid4().hex, path="", **columns)
            holders.add(agency)
            before: dict[str, Any] | None = None
        else:
            before = _change(agency, columns, holders, day)
        moved = _place(agency, holders)
        declared = _declare(session, agency, head_counts, counts=counts, today=today)
        former = holders.remember(agency, named.former)
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


def _in_turn(
    rows: Sequence[Row], holders: Holders, problems: list[RowProblem], today: date
) -> list[tuple[int, Mapping[str, str], Named]]:
    """The rows with what they name their agency by; whoever gets a code after the one that gives it up."""
    named: list[tuple[int, Mapping[str, str], Named]] = []
    for number, row in rows:
        try:
            named.append((number, row, named_by(row)))
        except Invalid as problem:
            problems.append(RowProblem(number, problem.code, problem.text))
    moves = holders.foresee((each for _number, _row, each in named), today=today)

    def others_before(code: str) -> int:
        return 1 + others_before(moves[code]) if code in moves else 0

    return sorted(named, key=lambda each: others_before(each[2].code))


def _tell_directory(agency: Agency) -> None:
    for name, value in raised(agency).items():
        setattr(agency, name, value)


def _change(agency: Agency, columns: Mapping[str, Any], holders: Holders, day: date) -> dict[str, Any]:
    """Make an agency what its row says, from this day on; what differed, as it was before."""
    before = {name: getattr(agency, name) for name in columns if getattr(agency, name) != columns[name]}
    if "code" in before:
        holders.recode(agency, columns["code"], until=day - A_DAY)
        for below in _below(agency.path, agency, holders):
            _tell_directory(below)  # entries show the codes of all agencies above theirs
    if before.keys() & set(DATED):
        holders.keep(agency, until=day - A_DAY)
    for name in before:
        setattr(agency, name, columns[name])
    return before


def _holds_since(agency: Agency, columns: dict[str, Any], holders: Holders, today: date) -> date:
    """The first day of what a row changes in an agency of the books: the row's own, or today.

    Where it is the row's own, the agency did not begin on it, so it is taken out of `columns`. Raises `Invalid` for
    a day to come, and for one before the agency last changed.
    """
    since: date | None = columns.get("since")
    changes = any(columns.get(name, getattr(agency, name)) != getattr(agency, name) for name in _OF_A_DAY)
    last = holders.last_change(agency)
    if since is None or not (changes or since in (last, agency.code_since)):
        return today
    if agency.since is not None and (since <= agency.since or agency.since > today):
        return today
    if since > today:
        raise Invalid(
            Text(
                vi=f"Thay đổi này có hiệu lực từ ngày {since:%d/%m/%Y}; hãy nhập dòng này từ ngày đó.",
                en=f"This change holds from {since} on; import the row on that day or later.",
            ),
            code="change-ahead",
        )
    if changes and last is not None and since < last:
        raise Invalid(
            Text(
                vi=f"Cơ quan đã thay đổi từ ngày {last:%d/%m/%Y}, sau ngày {since:%d/%m/%Y} của dòng này.",
                en=f"The agency changed on {last}, which is after {since}, the day of this row.",
            ),
            code="change-out-of-order",
        )
    del columns["since"]
    return since


def _released(holders: Holders, code: str) -> list[Change]:
    """Take a code that is reused from the agency that closed with it."""
    closed = holders.release(code)
    if closed is None:
        return []
    _tell_directory(closed)
    return [
        Change("agency.changed", "agency", closed.code, before={"code": code}, after={"code": closed.code})
    ]


def _place(agency: Agency, holders: Holders) -> bool:
    """Set the path of an agency, and of everything below it when it moved."""
    parent = holders.agencies[agency.parent_id] if agency.parent_id else None
    path = f"{parent.path if parent else '/'}{agency.id}/"
    if path == agency.path:
        return False
    old, agency.path = agency.path, path
    if old:
        for below in _below(old, agency, holders):
            below.path = path + below.path[len(old) :]
            _tell_directory(below)
    return bool(old)


def _below(path: str, agency: Agency, holders: Holders) -> list[Agency]:
    return [
        other for other in holders.agencies.values() if other is not agency and other.path.startswith(path)
    ]


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


def _readable(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "search_key"}
