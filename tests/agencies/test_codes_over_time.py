"""Codes over time: an agency may get another code, and a code may come to another agency; neither is the other."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from provisioner.agencies.models import Agency, FormerAgencyCode
from provisioner.agencies.register import Register, id_of, path_of
from provisioner.db import Database
from tests.books import NOW, TODAY, count
from tests.province import (
    AGENCIES,
    DIGITAL,
    FINANCE,
    PROVINCE,
    SCIENCE,
    Row,
    a_province,
    an_agency,
    import_list,
    trail,
)

YESTERDAY = TODAY - timedelta(days=1)
CLOSED = SCIENCE | {"hieu_luc_den": YESTERDAY.isoformat()}
CENTRE = an_agency("H36.05", "Trung tâm Dịch vụ công", "ttdvc", "H36", hieu_luc_tu=TODAY.isoformat())
RENUMBERED = SCIENCE | {"ma_co_quan": "H36.55", "ma_cu": "H36.05", "hieu_luc_tu": TODAY.isoformat()}


def found(database: Database, code: str) -> str:
    """The name of the agency that this code finds, whichever way it is looked for."""
    with database.reading() as session:
        agency = Register.read(session).get(code)
        assert (path_of(session, code), id_of(session, code)) == (agency.path, agency.id)
    return agency.name


def codes(database: Database, agency_id: int) -> list[tuple[str, date | None, date | None]]:
    """The codes that an agency had before, with their days."""
    with database.reading() as session:
        rows = session.execute(
            select(FormerAgencyCode.code, FormerAgencyCode.since, FormerAgencyCode.until)
            .where(FormerAgencyCode.agency_id == agency_id)
            .order_by(FormerAgencyCode.id)
        )
        return [(row.code, row.since, row.until) for row in rows]


def named(database: Database, name: str) -> Agency:
    with database.reading() as session:
        return session.scalars(select(Agency).where(Agency.name == name)).one()


def test_a_reused_code_makes_a_new_agency_and_leaves_the_closed_one_as_it_was(database: Database) -> None:
    a_province(database)
    before = named(database, SCIENCE["ten"])
    import_list(database, CLOSED)

    result = import_list(database, CENTRE)

    assert (result.created, result.changed, result.problems) == (1, 0, [])
    closed, centre = named(database, SCIENCE["ten"]), named(database, CENTRE["ten"])
    assert (closed.id, closed.uid, closed.until) == (before.id, before.uid, YESTERDAY)
    assert (centre.code, centre.since, centre.until) == ("H36.05", TODAY, None)
    assert centre.id != closed.id
    assert codes(database, closed.id) == [("H36.05", date(2025, 7, 1), YESTERDAY)]
    assert closed.revision == 2  # the directory shows codes
    assert found(database, "H36.05") == found(database, "000.00.05.H36") == CENTRE["ten"]
    assert found(database, closed.code) == SCIENCE["ten"]


def test_a_code_can_be_reused_again_and_the_list_read_again(database: Database) -> None:
    a_province(database)
    import_list(database, CLOSED)
    import_list(database, CENTRE)

    assert import_list(database, CENTRE).unchanged == 1
    later = TODAY + timedelta(days=10)
    at = NOW + timedelta(days=10)
    import_list(database, CENTRE | {"hieu_luc_den": (later - timedelta(days=1)).isoformat()}, now=at)
    third = an_agency("H36.05", "Ban Tôn giáo", "btg", "H36", hieu_luc_tu=later.isoformat())
    assert import_list(database, third, now=at).created == 1

    assert found(database, "H36.05") == "Ban Tôn giáo"
    assert count(database, Agency) == len(AGENCIES) + 2


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(SCIENCE, id="as it was before it closed"),
        pytest.param(CLOSED, id="as it closed"),
        pytest.param(CLOSED | {"hieu_luc_tu": ""}, id="with its last day only"),
    ],
)
def test_a_row_about_the_former_holder_does_not_overwrite_the_one_of_today(
    database: Database, row: Row
) -> None:
    a_province(database)
    import_list(database, CLOSED)
    import_list(database, CENTRE)

    result = import_list(database, row)

    assert [problem.code for problem in result.problems] == ["agency-code-belongs"]
    assert found(database, "H36.05") == CENTRE["ten"]


def test_a_code_is_not_reused_before_the_last_day_of_its_holder_is_over(database: Database) -> None:
    a_province(database)
    import_list(database, SCIENCE | {"hieu_luc_den": TODAY.isoformat()})

    result = import_list(database, CENTRE | {"hieu_luc_tu": (TODAY + timedelta(days=1)).isoformat()})

    (problem,) = result.problems
    assert problem.code == "agency-code-belongs"
    assert SCIENCE["ten"] in problem.text.vi
    assert found(database, "H36.05") == SCIENCE["ten"]


def test_a_closed_agency_can_be_corrected_and_opened_again(database: Database) -> None:
    a_province(database)
    import_list(database, CLOSED)

    result = import_list(database, SCIENCE | {"hieu_luc_den": ""})

    assert (result.created, result.changed) == (0, 1)
    assert named(database, SCIENCE["ten"]).until is None


def test_a_new_code_is_given_to_the_agency_that_has_the_old_one(database: Database) -> None:
    a_province(database)
    before = named(database, SCIENCE["ten"])

    result = import_list(database, RENUMBERED)

    assert (result.created, result.changed, result.problems) == (0, 1, [])
    science = named(database, SCIENCE["ten"])
    assert (science.id, science.code, science.code_since) == (before.id, "H36.55", TODAY)
    assert science.since == before.since  # the code is new, not the agency
    assert codes(database, science.id) == [("H36.05", before.since, YESTERDAY)]
    assert found(database, "H36.05") == found(database, "H36.55") == SCIENCE["ten"]
    assert named(database, DIGITAL["ten"]).revision == 2  # entries show the codes above theirs
    (event,) = trail(database, "agency.changed")
    assert (event.subject_id, event.before, event.after) == (
        "H36.55",
        {"code": "H36.05"},
        {"code": "H36.55"},
    )


@pytest.mark.parametrize("since", ["", SCIENCE["hieu_luc_tu"]])
def test_a_new_code_without_a_day_of_its_own_holds_from_today(database: Database, since: str) -> None:
    a_province(database)

    import_list(database, {key: cell for key, cell in RENUMBERED.items() if since or key != "hieu_luc_tu"})

    assert named(database, SCIENCE["ten"]).code_since == TODAY


def test_the_list_with_the_new_code_read_again_changes_nothing(database: Database) -> None:
    a_province(database)
    import_list(database, RENUMBERED)

    again = import_list(database, RENUMBERED, DIGITAL | {"ma_cha": "H36.05"})

    assert (again.created, again.changed, again.unchanged, again.problems) == (0, 0, 2, [])
    assert codes(database, named(database, SCIENCE["ten"]).id) == [("H36.05", date(2025, 7, 1), YESTERDAY)]


@pytest.mark.parametrize("row", [SCIENCE, SCIENCE | {"hieu_luc_tu": ""}])
def test_an_old_list_does_not_bring_the_agency_back_under_its_old_code(database: Database, row: Row) -> None:
    a_province(database)
    import_list(database, RENUMBERED)

    result = import_list(database, row)

    (problem,) = result.problems
    assert problem.code == "agency-code-belongs"
    assert "H36.55" in problem.text.vi
    assert count(database, Agency) == len(AGENCIES)


def test_a_code_that_was_given_up_can_come_to_a_new_agency(database: Database) -> None:
    a_province(database)
    import_list(database, RENUMBERED)

    assert import_list(database, CENTRE).created == 1

    assert found(database, "H36.05") == CENTRE["ten"]
    assert found(database, "H36.55") == SCIENCE["ten"]


def test_a_new_code_may_be_one_that_a_closed_agency_had(database: Database) -> None:
    a_province(database)
    import_list(database, FINANCE | {"hieu_luc_den": YESTERDAY.isoformat()})

    result = import_list(database, RENUMBERED | {"ma_co_quan": "H36.06"})

    assert result.problems == []
    assert found(database, "H36.06") == found(database, "H36.05") == SCIENCE["ten"]
    assert named(database, FINANCE["ten"]).until == YESTERDAY


def test_a_new_code_is_not_imported_before_its_day(database: Database) -> None:
    a_province(database)

    result = import_list(database, RENUMBERED | {"hieu_luc_tu": (TODAY + timedelta(days=1)).isoformat()})

    assert [problem.code for problem in result.problems] == ["change-ahead"]
    assert found(database, "H36.05") == SCIENCE["ten"]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([FINANCE | {"ma_cu": "H36.05", "hieu_luc_tu": TODAY.isoformat()}], id="two that live"),
        pytest.param([RENUMBERED | {"ma_cu": "H36.05; H36.06"}], id="one of two"),
        pytest.param([SCIENCE, RENUMBERED], id="both in one list"),
    ],
)
def test_two_agencies_that_live_do_not_become_one(database: Database, rows: list[Row]) -> None:
    a_province(database)

    result = import_list(database, *rows)

    assert [problem.code for problem in result.problems] == ["agency-code-living"]
    assert result.created == 0
    assert count(database, FormerAgencyCode) == 0


@pytest.mark.parametrize("rows", [(SCIENCE, FINANCE), (FINANCE, SCIENCE)])
def test_codes_that_had_changed_hands_before_the_first_list_are_taken_as_they_are(
    database: Database, rows: tuple[Row, Row]
) -> None:
    listed = [row | {"ma_cu": "H36.06"} if row is SCIENCE else row | {"ma_cu": ""} for row in rows]

    first = import_list(database, PROVINCE, *listed)
    again = import_list(database, PROVINCE, *listed)

    assert (first.created, first.problems, again.unchanged) == (3, [], 3)
    assert found(database, "H36.06") == FINANCE["ten"]
    assert found(database, "H36.05") == SCIENCE["ten"]


SHIFTED = (
    SCIENCE | {"ma_co_quan": "H36.06", "ma_cu": "H36.05"},
    FINANCE | {"ma_co_quan": "H36.07", "ma_cu": "H36.06"},
)
"""Science gets the code of finance, which gets a new one; the days are those of the agencies."""


@pytest.mark.parametrize("day", ["", SCIENCE["hieu_luc_tu"], TODAY.isoformat()])
@pytest.mark.parametrize("rows", [SHIFTED, SHIFTED[::-1]])
def test_codes_that_move_on_by_one_are_one_list(database: Database, rows: tuple[Row, Row], day: str) -> None:
    a_province(database)
    before = [named(database, row["ten"]).id for row in SHIFTED]
    listed = [row | {"hieu_luc_tu": day} for row in rows]

    result = import_list(database, *listed)

    assert (result.created, result.changed, result.problems) == (0, 2, [])
    assert [named(database, row["ten"]).id for row in SHIFTED] == before
    assert found(database, "H36.06") == found(database, "H36.05") == SCIENCE["ten"]
    assert found(database, "H36.07") == FINANCE["ten"]
    assert codes(database, before[1]) == [("H36.06", date(2025, 7, 1), YESTERDAY)]
    again = import_list(database, *listed)
    assert (again.unchanged, again.problems) == (2, [])


def test_who_gives_a_code_up_may_come_below_who_gets_it(database: Database) -> None:
    a_province(database)
    below = an_agency("H36.06.02", "Phòng Tài chính", "ptc", "H36.06", ma_cu="H36.06")
    new = an_agency("H36.06.03", "Phòng Kế hoạch", "pkh", "H36.06")

    result = import_list(database, SHIFTED[0], below, new)

    assert (result.created, result.changed, result.problems) == (1, 2, [])
    science = named(database, SCIENCE["ten"])
    assert {named(database, row["ten"]).parent_id for row in (below, new)} == {science.id}
    assert all(named(database, row["ten"]).path.startswith(science.path) for row in (below, new))


@pytest.mark.parametrize(
    ("rows", "problems"),
    [
        pytest.param(
            [SHIFTED[0], FINANCE | {"ma_co_quan": "H36.05", "ma_cu": "H36.06"}],
            ["agency-code-living", "agency-code-living"],
            id="an exchange",
        ),
        pytest.param(
            [SHIFTED[0], SHIFTED[1] | {"khoi": "x"}],
            ["khoi-unknown", "agency-code-not-given-up"],
            id="one is refused",
        ),
        pytest.param([SHIFTED[0]], ["agency-code-living"], id="nobody gives it up"),
    ],
)
def test_codes_that_stay_where_they_are_are_nobody_elses(
    database: Database, rows: list[Row], problems: list[str]
) -> None:
    a_province(database)

    result = import_list(database, *(row | {"hieu_luc_tu": TODAY.isoformat()} for row in rows))

    assert [problem.code for problem in result.problems] == problems
    assert (result.created, result.changed) == (0, 0)
    assert found(database, "H36.05") == SCIENCE["ten"]
    assert found(database, "H36.06") == FINANCE["ten"]
