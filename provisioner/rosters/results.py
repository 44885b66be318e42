"""A plan's file given back: the same rows, and beside each what became of it by now."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import Result, func, select
from sqlalchemy.orm import Session

from provisioner import troubles
from provisioner.audit import Change, Who, record
from provisioner.certificates import refusals
from provisioner.certificates.models import Certificate, Purpose, State
from provisioner.days import day_of
from provisioner.db import Database
from provisioner.errors import Conflict, Invalid, Text
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.people.sealing import Sealer
from provisioner.rosters.approving import get_plan
from provisioner.rosters.facts import RowFacts, standings
from provisioner.rosters.models import Outcome, PlanState, RosterPlan, RosterRow, file_context
from provisioner.rosters.reading import Reading, read_roster
from provisioner.rosters.returning import ResultRow, write_result

FORMATS: Final[Mapping[str, Literal["csv", "xlsx"]]] = {".csv": "csv", ".xlsx": "xlsx"}

STATUSES = {
    "planned": Text(vi="Sẽ thực hiện", en="planned"),
    "pending": Text(vi="Đang thực hiện", en="pending"),
    "issued": Text(vi="Đã cấp", en="issued"),
    "changed": Text(vi="Đã thay đổi", en="changed"),
    "needs-person": Text(vi="Cần người xử lý", en="needs a person"),
    "unchanged": Text(vi="Không thay đổi", en="unchanged"),
    "duplicate": Text(vi="Trùng dòng khác", en="duplicate"),
    "conflict": Text(vi="Xung đột", en="conflict"),
    "refused": Text(vi="Bị từ chối", en="refused"),
}
"""What can have become of a row."""

_KNOWN = (Outcome.CHANGE, Outcome.UNCHANGED, Outcome.DUPLICATE)
"""Rows about somebody, or a unit, who may have a mailbox that the plan did not open."""

_END: Final = (None, None)

_NEEDS_CORRECTION = {"needs-person", "conflict", "refused"}


def write_plan_result(
    database: Database, plan_id: int, out: Path, *, sealer: Sealer, language: str, by: str, now: datetime
) -> int:
    """Give the plan's rows to somebody as the file `out`, theirs alone when it is new; returns how many.

    Raises `Invalid` for another kind of file, `Conflict` before the file was planned and `NotFound` for an unknown plan.
    """
    if out.suffix.lower() not in FORMATS:
        raise Invalid(
            Text(
                vi="Tên tệp kết quả phải kết thúc bằng .xlsx hoặc .csv.", en="Name the result .xlsx or .csv."
            ),
            code="result-format",
        )
    with database.transaction() as session:
        plan = planned_plan(session, plan_id)
        note_given(session, plan_id, out.name, by=by, now=now)
    out.touch(mode=0o600)
    return write_rows(database, plan, out, sealer=sealer, language=language)


def planned_plan(session: Session, plan_id: int) -> RosterPlan:
    """The plan, if there is a result of it. Raises `NotFound` and, before the file was planned, `Conflict`."""
    plan = get_plan(session, plan_id)
    if plan.state in (PlanState.READING, PlanState.REFUSED):
        raise Conflict(
            Text(
                vi="Danh sách này chưa được lập kế hoạch nên chưa có kết quả.",
                en="This roster was not planned, so there is no result yet.",
            ),
            code="plan-not-ready",
        )
    return plan


def note_given(session: Session, plan_id: int, name: str, *, by: str, now: datetime) -> None:
    """The identity numbers stand in a result as they came, so giving it out is an event of the audit trail."""
    record(
        session, Who(by), [Change("roster.result-given", "roster", str(plan_id), after={"as": name})], now=now
    )


def write_rows(
    database: Database,
    plan: RosterPlan,
    out: Path,
    *,
    sealer: Sealer,
    language: str,
    told: Callable[[int], None] | None = None,
) -> int:
    """Write the plan's rows to `out`, as CSV or XLSX by its name; returns how many. `told` hears of each row's count."""
    with database.reading() as session:
        sealed = session.scalars(select(RosterPlan.file_sealed).where(RosterPlan.id == plan.id)).one()
    reading = read_roster(
        sealer.unseal_bytes(sealed, context=file_context(plan.file_sha256)),
        filename=plan.file_name,
        today=day_of(plan.planned_at),
        encoding=plan.encoding,
    )
    del sealed
    assert reading.understood is not None
    with database.reading() as session:
        rows = _rows(session, plan, reading, language)
        write_result(
            out,
            format=FORMATS[out.suffix.lower()],
            headers=reading.headers,
            rows=_counted(rows, told) if told else rows,
            summary=[
                (STATUSES.get(name, Text(name, name)).in_language(language), n)
                for name, n in plan.counts.items()
            ],
            separator=reading.understood.separator or ",",
        )
    return reading.understood.row_count


def _counted(rows: Iterator[ResultRow], told: Callable[[int], None]) -> Iterator[ResultRow]:
    for number, row in enumerate(rows, start=1):
        yield row
        told(number)


def _rows(session: Session, plan: RosterPlan, reading: Reading, language: str) -> Iterator[ResultRow]:
    """Join the file's rows with the plan's, both in the order of their numbers."""
    newest = (
        select(Certificate.mailbox_id, func.max(Certificate.id).label("id"))
        .where(Certificate.purpose == Purpose.MAIL)
        .group_by(Certificate.mailbox_id)
        .subquery()
    )
    statement = (
        select(
            RosterRow.number,
            RosterRow.outcome,
            RosterRow.facts,
            RosterRow.address.label("planned_address"),
            RosterRow.problems,
            RosterRow.applied_at,
            RosterRow.refusal,
            Address.address,
            Mailbox.revision,
            Mailbox.synced_revision,
            Mailbox.trouble,
            Mailbox.trouble_detail,
            Certificate.state.label("certificate_state"),
            Certificate.trouble.label("certificate_trouble"),
            Certificate.trouble_detail.label("certificate_detail"),
        )
        .outerjoin(Mailbox, Mailbox.id == RosterRow.mailbox_id)
        .outerjoin(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .outerjoin(newest, newest.c.mailbox_id == Mailbox.id)
        .outerjoin(Certificate, Certificate.id == newest.c.id)
        .where(RosterRow.plan_id == plan.id)
        .order_by(RosterRow.number)
        .execution_options(yield_per=1000)
    )
    with session.execute(statement) as became:
        yield from _joined(reading, _addressed(session, became), language)


def _addressed(session: Session, became: Result[Any]) -> Iterator[tuple[Any, str | None]]:
    """Each row with its address: as given, as planned, or as the mailbox that the row is about has it already."""
    for rows in became.partitions():
        silent = [row for row in rows if row.outcome in _KNOWN and not (row.address or row.planned_address)]
        found = standings(session, [RowFacts.from_json(row.facts) for row in silent])
        has = {row.number: one.address for row, one in zip(silent, found, strict=True) if one}
        yield from ((row, row.address or row.planned_address or has.get(row.number)) for row in rows)


def _joined(reading: Reading, became: Iterator[tuple[Any, str | None]], language: str) -> Iterator[ResultRow]:
    row, address = next(became, _END)
    for number, cells in reading.rows():
        while row is not None and row.number < number:
            row, address = next(became, _END)
        if row is None or row.number != number:
            continue
        status = _status(row)
        yield ResultRow(
            cells=cells,
            status=STATUSES[status].in_language(language),
            address=address,
            reasons=[*_reasons(row, language)],
            refused=status in _NEEDS_CORRECTION,
        )


def _status(row: Any) -> str:
    if row.refusal is not None:
        return "refused"
    if row.outcome not in (Outcome.CREATE, Outcome.CHANGE):
        return str(row.outcome)
    if row.applied_at is None:
        return "planned"
    if row.trouble or row.certificate_state == State.REFUSED:
        return "needs-person"
    if row.synced_revision < row.revision or row.certificate_state in (State.ORDERED, State.RESERVED):
        return "pending"
    return "issued" if row.outcome == Outcome.CREATE else "changed"


def _reasons(row: Any, language: str) -> Iterator[str]:
    for problem in row.problems:
        yield problem[language]
    if row.refusal:
        yield row.refusal[language]
    for why in (
        troubles.of_directory(row.trouble, row.trouble_detail),
        refusals.told(row.certificate_trouble, row.certificate_detail),
    ):
        if why:
            yield why.in_language(language)
