"""A day gone by has the agencies of that day: their places, names, blocs, levels and codes."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from provisioner.agencies.models import Agency, FormerAgency
from provisioner.coverage.asking import ask
from provisioner.coverage.reporting import records
from provisioner.coverage.snapshots import take
from provisioner.coverage.tallies import Scope
from provisioner.db import Database
from provisioner.errors import NotFound
from tests.books import NOW, TODAY, count
from tests.province import DIGITAL, FINANCE, SCIENCE, a_province, an_agency, import_list

CHANGED = date(2025, 10, 1)
BEFORE, WINDOW = CHANGED - timedelta(days=1), timedelta(days=90)
MOVED = SCIENCE | {
    "ten": "Sở Khoa học, Công nghệ và Số hóa",
    "khoi": "dang",
    "cap": "xa",
    "ma_cha": "H36.06",
    "hieu_luc_tu": CHANGED.isoformat(),
}


@pytest.fixture
def moved(database: Database) -> Database:
    a_province(database)
    result = import_list(database, MOVED)
    assert (result.changed, result.problems) == (1, [])
    return database


def covered(
    database: Database, agency: str | None, day: date | None, *, now: datetime = NOW
) -> dict[str, tuple[object, ...]]:
    """What a report of a day says of each agency: name, bloc and level by code."""
    with database.reading() as session:
        coverage = ask(session, Scope(agency=agency), day, now=now, used_within=WINDOW)
    return {
        str(row["agency_code"]): (row["agency_name"], row["bloc"], row["level"]) for row in records(coverage)
    }


WAS, IS = (SCIENCE["ten"], "nha_nuoc", "tinh"), (MOVED["ten"], "dang", "xa")


def test_a_report_of_a_day_has_the_tree_of_the_day(moved: Database) -> None:
    assert covered(moved, "H36.06", BEFORE).keys() == {"H36.06"}
    assert covered(moved, "H36.06", CHANGED).keys() > {"H36.05", "H36.05.01"}
    assert covered(moved, None, BEFORE)["H36.05"] == covered(moved, "H36.05", BEFORE)["H36.05"] == WAS
    assert covered(moved, None, CHANGED)["H36.05"] == covered(moved, None, None)["H36.05"] == IS
    assert covered(moved, "H36.05", BEFORE).keys() == covered(moved, "H36.05", None).keys()


def test_so_has_the_picture_of_a_day(database: Database) -> None:
    a_province(database)
    with database.transaction() as session:
        take(session, now=NOW, used_within=WINDOW)
    later = NOW + timedelta(days=5)
    import_list(database, {name: cell for name, cell in MOVED.items() if name != "hieu_luc_tu"}, now=later)

    assert covered(database, None, TODAY, now=later)["H36.05"] == WAS
    assert covered(database, "H36.06", TODAY, now=later).keys() == {"H36.06"}
    assert covered(database, None, None, now=later)["H36.05"] == IS


def test_the_list_that_told_of_the_change_read_again_changes_nothing(moved: Database) -> None:
    assert import_list(moved, MOVED).unchanged == 1

    with moved.reading() as session:
        assert session.scalars(select(Agency.since).where(Agency.code == "H36.05")).one() == date(2025, 7, 1)
        was = session.scalars(select(FormerAgency)).one()
        assert (was.until, was.name, was.bloc, was.level) == (BEFORE, *WAS)


def test_a_change_without_a_day_holds_from_today_and_twice_a_day_is_once(database: Database) -> None:
    a_province(database)

    import_list(database, SCIENCE | {"ten": "Sở Nhầm"})
    import_list(database, SCIENCE | {"ten": "Sở Đúng"})

    assert count(database, FormerAgency) == 1
    assert covered(database, None, TODAY - timedelta(days=1))["H36.05"] == WAS
    assert covered(database, None, None)["H36.05"][0] == "Sở Đúng"


def test_changes_are_told_in_their_order(moved: Database) -> None:
    earlier = SCIENCE | {"ten": "Sở Cũ", "hieu_luc_tu": (BEFORE - timedelta(days=9)).isoformat()}

    result = import_list(moved, earlier)

    assert [problem.code for problem in result.problems] == ["change-out-of-order"]
    assert covered(moved, None, None)["H36.05"] == IS


def test_an_agency_is_asked_for_by_the_code_of_the_day_or_of_today(database: Database) -> None:
    a_province(database)
    import_list(database, SCIENCE | {"ma_co_quan": "H36.55", "ma_cu": "H36.05", "hieu_luc_tu": "2025-10-01"})
    centre = an_agency("H36.05", "Trung tâm Mới", "ttm", "H36", hieu_luc_tu="2025-10-01")
    assert import_list(database, centre).created == 1

    for code in ("H36.05", "H36.55"):
        assert covered(database, code, BEFORE)["H36.05"] == WAS
        assert DIGITAL["ma_co_quan"] in covered(database, code, BEFORE)
    assert covered(database, "H36.05", CHANGED).keys() == {"H36.05"}
    assert covered(database, "H36.05", CHANGED)["H36.05"][0] == "Trung tâm Mới"
    with pytest.raises(NotFound):
        covered(database, "H36.99", BEFORE)


def test_moves_of_several_agencies_that_cannot_be_put_together_end(database: Database) -> None:
    a_province(database)
    import_list(database, FINANCE | {"ma_cha": "H36.05", "hieu_luc_tu": "2025-08-01"})
    import_list(database, FINANCE | {"hieu_luc_tu": "2025-12-01"})
    import_list(database, SCIENCE | {"ma_cha": "H36.06", "hieu_luc_tu": "2025-10-01"})

    assert {"H36.05", "H36.06"} <= covered(database, None, date(2025, 11, 1)).keys()
