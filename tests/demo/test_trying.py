"""What the demo leaves for whoever tries it: a file with planted mistakes, and owners of whom some have come in."""

import csv
import io
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import select

from provisioner.coverage.counting import cover
from provisioner.coverage.tallies import Scope
from provisioner.db import Database
from provisioner.demo.first_days import let_owners_in
from provisioner.demo.newcomers import MOVED, NAMESAKE, NEWCOMERS, TWICE, WRONG, write_newcomers
from provisioner.demo.officials import HEADERS, SAMPLE_ROWS, SEED, establishments, roster
from provisioner.demo.operators import CAST, ERRANDS
from provisioner.demo.province import AGENCIES
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.people.models import Person
from provisioner.rosters.models import Outcome, RosterRow
from tests.books import NOW
from tests.fakes.directory import FakeDirectory
from tests.province import DIT, Row, codes, counts, import_list, plan_rows, planned_file, provide, synced

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What they do is done by the product's own deeds, which are tested on both databases."""


def known() -> list[Row]:
    return [
        dict(zip(HEADERS, row, strict=True)) for row in roster(establishments(), rows=SAMPLE_ROWS, seed=SEED)
    ]


def a_part_of_the_province(database: Database, rows: Iterable[Row]) -> Database:
    """The agencies of these rows of a roster, and those above them."""
    with AGENCIES.open(encoding="utf-8-sig", newline="") as file:
        agencies = {row["ma_co_quan"]: row for row in csv.DictReader(file)}
    needed = {row["ma_co_quan"] for row in rows} & agencies.keys()
    while above := {agencies[code]["ma_cha"] for code in needed} - needed - {""}:
        needed |= above
    assert import_list(database, *(agencies[code] for code in sorted(needed))).problems == []
    return database


@pytest.fixture
def newcomers(tmp_path: Path) -> bytes:
    write_newcomers(tmp_path / "new.xlsx")
    return (tmp_path / "new.xlsx").read_bytes()


def test_the_file_to_try_is_the_same_every_time(newcomers: bytes, tmp_path: Path) -> None:
    write_newcomers(tmp_path / "again.xlsx")

    assert (tmp_path / "again.xlsx").read_bytes() == newcomers


@on_sqlite
def test_the_file_to_try_holds_newcomers_a_namesake_a_move_and_what_is_wrong(
    database: Database, newcomers: bytes
) -> None:
    people = [row for row in known() if row["ma_can_bo"] and not row["lanh_dao"]]
    sheet = openpyxl.load_workbook(io.BytesIO(newcomers)).worksheets[0]
    headers, *cells = sheet.iter_rows(values_only=True)
    rows_of_file = [dict(zip(map(str, headers), map(str, row), strict=True)) for row in cells]
    province = a_part_of_the_province(database, [*rows_of_file, people[0], people[-1]])
    provide(province, people[0], people[-1])

    plan_id = planned_file(province, newcomers, name="new.xlsx")

    rows: dict[int, RosterRow] = {row.number: row for row in plan_rows(province, plan_id)}
    assert counts(province, plan_id) == {"create": NEWCOMERS - 5, "change": 1, "conflict": 2, "refused": 3}
    assert {n for n, row in rows.items() if row.outcome is Outcome.CONFLICT} == set(TWICE)
    assert [codes(rows[n]) for n in WRONG] == [
        ["agency-unknown"],
        ["cell-missing"],
        ["birth-date-malformed"],
        [],
    ]
    assert rows[list(WRONG)[-1]].facts["quota_bytes"] == 8 << 30
    assert rows[NAMESAKE].facts["full_name"] == people[0]["ho_va_ten"]
    assert rows[NAMESAKE].address not in (None, the_address(province, people[0]))
    assert set(rows[MOVED].changes or ()) == {"agency_id"}


@on_sqlite
def test_owners_come_in_once_and_not_where_the_visitor_gives_the_slips_out(database: Database) -> None:
    some = [row for row in known() if row["ma_co_quan"].startswith(("H36.05", "H36.101", "H36.105"))]
    province = a_part_of_the_province(database, some)
    provide(province, *some)
    synced(province, FakeDirectory(DIT))

    let_owners_in(province, now=NOW, code_days=14)
    whole = figures(province, None)
    let_owners_in(province, now=NOW + timedelta(days=30), code_days=14)

    assert figures(province, None) == whole
    issued, handed_over, used = whole
    assert 0 < used < handed_over < issued
    assert figures(province, "H36.05")[1:] == (0, 0)


def figures(database: Database, agency: str | None) -> tuple[int, int, int]:
    """How many people's mailboxes are issued, handed over and in use."""
    with database.reading() as session:
        people = cover(session, Scope(agency=agency), at=NOW, used_within=timedelta(days=90)).sums.people
    return people.issued, people.handed_over, people.used


def the_address(database: Database, row: Row) -> str:
    with database.reading() as session:
        wanted = (
            select(Address.address).join(Mailbox).join(Person).where(Person.staff_number == row["ma_can_bo"])
        )
        return session.scalars(wanted).one()


def test_everybody_who_gets_a_link_is_told_what_to_try() -> None:
    assert {role for _, _, role, _ in CAST} == set(ERRANDS)
