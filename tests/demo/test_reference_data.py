"""The lists an operator may edit hold together."""

import tomllib
from datetime import date

import pytest

from provisioner.demo.province import REFERENCE

LISTS = {
    "levels.toml": "level",
    "blocs.toml": "bloc",
    "unit_kinds.toml": "unit_kind",
    "staff_categories.toml": "staff_category",
}


def _rows(file: str) -> list[dict[str, object]]:
    return tomllib.loads((REFERENCE / file).read_text("utf-8"))[LISTS[file]]


@pytest.mark.parametrize("file", LISTS)
def test_every_row_has_both_names_a_first_day_and_a_legal_basis(file):
    for row in _rows(file):
        assert all(row[field] for field in ("code", "name_vi", "name_en", "basis"))
        assert isinstance(row["valid_from"], date)
        assert row.get("valid_to", date.max) > row["valid_from"]


@pytest.mark.parametrize("file", LISTS)
def test_no_code_stands_twice(file):
    codes = [row["code"] for row in _rows(file)]

    assert len(codes) == len(set(codes))


def test_blocs_stand_in_the_order_of_reports():
    assert [row["code"] for row in _rows("blocs.toml")] == ["dang", "ddbqh", "hdnd", "nha_nuoc", "doan_the"]


def test_the_district_level_ended_with_june_2025():
    ended = {row["code"]: row.get("valid_to") for row in _rows("levels.toml")}

    assert ended == {"tinh": None, "huyen": date(2025, 6, 30), "xa": None}
