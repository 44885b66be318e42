"""The rows of the table, whatever file they end up in."""

import pytest

from provisioner.coverage.figures import Measure
from provisioner.coverage.reporting import Detail
from provisioner.reports.columns import BY_KEY, COLUMNS
from provisioner.reports.rows import note, roman
from tests.reports.conftest import COMMUNES


@pytest.mark.parametrize("detail", list(Detail))
def test_the_sums_of_the_groups_are_the_total(tables, detail):
    table = tables[detail]

    for column in COLUMNS:
        parts, total = (
            [column.figure(group.subtotal) for group in table.groups],
            column.figure(table.total),
        )
        if isinstance(total, Measure):
            assert sum(part.n for part in parts) == total.n, column.key
            assert sum(part.of for part in parts) == total.of, column.key
        else:
            assert sum(parts) == total, column.key


@pytest.mark.parametrize("detail", list(Detail))
def test_the_sums_of_the_rows_are_the_subtotal(tables, detail):
    for group in tables[detail].groups:
        for column in COLUMNS:
            figures = [column.figure(row.counted) for row in group.rows]
            whole = column.figure(group.subtotal)
            if isinstance(whole, Measure):
                assert sum(figure.of for figure in figures) == whole.of, column.key
            else:
                assert sum(figures) == whole, column.key


def test_every_rate_can_be_divided_from_the_columns_beside_it(tables):
    total = tables[Detail.AGENCY].total
    figure = {key: column.figure(total) for key, column in BY_KEY.items()}

    assert figure["staff_rate"] == Measure(figure["active"], figure["staff"])
    assert figure["use_rate"] == Measure(figure["used"], figure["issued"])
    assert figure["agencies_rate"] == Measure(figure["agencies_served"], figure["agencies_entitled"])
    assert figure["leaders_rate"] == Measure(figure["leaders_signing"], figure["leaders"])


def test_groups_are_numbered_in_roman_and_rows_through_all_groups(tables):
    table = tables[Detail.AGENCY]

    assert [(group.numeral, group.name) for group in table.groups] == [
        ("I", "Khối Đảng"),
        ("II", "Khối cơ quan nhà nước"),
        ("III", "Mặt trận Tổ quốc và các đoàn thể chính trị - xã hội"),
    ]
    numbers = [row.number for group in table.groups for row in group.rows]
    assert numbers == list(range(1, COMMUNES + 7))


@pytest.mark.parametrize(
    ("number", "written"), [(1, "I"), (4, "IV"), (9, "IX"), (14, "XIV"), (38, "XXXVIII")]
)
def test_roman_numbers(number, written):
    assert roman(number) == written


def test_a_certificate_that_ends_within_ninety_days_is_about_to_expire(tables):
    expiring = {
        row.code: row.counted.expiring for group in tables[Detail.AGENCY].groups for row in group.rows
    }

    assert {code: number for code, number in expiring.items() if number} == {"H21": 1}


def test_a_note_says_what_the_figures_alone_do_not(tables):
    notes = {
        row.code: note(row.counted)
        for group in tables[Detail.AGENCY].groups
        for row in group.rows
        if note(row.counted)
    }

    assert notes == {"H21.8": "Chưa có hộp thư cơ quan", "H29": "Tạm khóa 1"}
