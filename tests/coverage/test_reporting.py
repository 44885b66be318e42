"""What is printed and what programs get."""

from datetime import UTC, date, datetime, timedelta

import pytest

from provisioner.coverage.counting import cover
from provisioner.coverage.reporting import Detail, grouped, printed, records, totals
from provisioner.coverage.tallies import Scope
from tests.coverage.books import Books

AT = datetime(2026, 3, 1, 5, tzinfo=UTC)


@pytest.fixture
def coverage(database):
    books = Books(at=AT)
    state = books.agency("H21", certificates=1)
    commune = books.agency("H21.1", level="xa", parent=state, mailboxes=0)
    party = books.agency("H29", bloc="dang", name="Đảng ủy xã " + "Rất Dài " * 12)
    books.people(state, 3, leaders=1, certificates=1, used=2, handed_over=3)
    books.people(commune, 1234, mailboxes=1233)
    books.people(party, 2, mailboxes=0)
    with database.transaction() as session:
        books.write(session)
    with database.reading() as session:
        return cover(session, Scope(), at=AT, used_within=timedelta(days=90))


def test_blocs_come_in_the_order_of_the_reference_data_with_subtotals(coverage, reference):
    groups = grouped(coverage, reference, detail=Detail.LEVEL)

    assert [group.name for group in groups] == ["Khối Đảng", "Khối cơ quan nhà nước"]
    assert [[line.name for line in group.lines] for group in groups] == [["Cấp tỉnh"], ["Cấp tỉnh", "Cấp xã"]]
    assert [group.sums.people.registered for group in groups] == [2, 1237]


def test_the_table_ends_with_a_total_that_is_the_sum_of_the_subtotals(coverage, reference):
    lines = [line.split() for line in printed(coverage, reference).splitlines()]

    assert lines[-1] == [
        "Tổng",
        "cộng",
        "1.239",
        "1.236",
        "99,8%",
        "3",
        "2",
        "0,2%",
        "2/3",
        "1",
        "1/1",
        "1/3",
    ]
    assert [line[1] for line in lines if line and line[0] == "Cộng"] == ["2", "1.237"]


def test_a_rate_just_below_a_hundred_is_not_printed_as_a_hundred(coverage, reference):
    line = next(line for line in printed(coverage, reference).splitlines() if "Cấp xã" in line)

    assert "1.234" in line
    assert "99,9%" in line


def test_every_agency_can_have_its_line_with_its_code(coverage, reference):
    text = printed(coverage, reference, detail=Detail.AGENCY)

    assert "H21.1 Cơ quan H21.1" in text
    assert all(len(line) <= 160 for line in text.splitlines())


def test_columns_are_straight(coverage, reference):
    lines = printed(coverage, reference, detail=Detail.AGENCY).splitlines()
    rules = [index for index, line in enumerate(lines) if line.startswith("─")]
    figures = [line for line in lines[rules[0] + 1 :] if line[-1].isdigit()]

    assert len(figures) >= 6
    assert {len(line) for line in figures} == {len(lines[rules[0]])}


def test_programs_get_every_count_behind_every_rate(coverage):
    by_code = {record["agency_code"]: record for record in records(coverage)}

    assert by_code["H21"]["staff_leaders_signing"] == 1
    assert by_code["H21.1"]["staff_issued"] == 1233
    assert by_code["H21.1"]["own_served"] == 0


def test_the_records_of_all_agencies_add_up_to_the_totals(database):
    books = Books(at=AT)
    state = books.agency("H21", certificates=1)
    ended = books.agency("H21.1", certificates=1, until=date(2026, 2, 1))
    books.people(state, 3, certificates=2, used=2, handed_over=3)
    books.people(ended, 2, certificates=1)
    books.person(900)
    books.post(900, state, until=date(2026, 2, 1))
    books.certificate(books.mailbox(person_id=900))
    with database.transaction() as session:
        books.write(session)
    with database.reading() as session:
        coverage = cover(session, Scope(), at=AT, used_within=timedelta(days=90))

    rows, whole = records(coverage), totals(coverage)

    assert [(row["agency_code"], row["last_day"]) for row in rows] == [("H21", None), ("H21.1", "2026-02-01")]

    def together(figure: str) -> int:
        return sum(row[f"{part}_{figure}"] for row in rows for part in ("own", "staff", "left", "ended"))

    mailboxes, certificates = whole["mailboxes"], whole["certificates"]
    for figure in ("issued", "active", "locked", "revoked", "handed_over", "used"):
        assert together(figure) == mailboxes[figure], figure
    assert together("certificates") == certificates["issued"] == 6
    assert together("certificates_valid") == certificates["valid"]
    assert sum(row["staff_issued"] + row["left_issued"] for row in rows) == mailboxes["personal"] == 6
    assert sum(row["own_issued"] + row["ended_issued"] for row in rows) == mailboxes["units"] == 2
    assert whole["staff_served"]["of"] == sum(row["staff_entitled"] for row in rows) == 3


def test_programs_get_rates_with_both_their_numbers(coverage):
    figures = totals(coverage)

    assert figures["staff_served"] == {"n": 1236, "of": 1239, "percent": 99.8}
    assert figures["rolled_out"] == {"n": 0, "of": 1, "percent": 0.0}
    assert figures["at"] == "2026-03-01T05:00:00+00:00"
