"""The demo province is complete, consistent and always the same."""

import csv
from collections import Counter

import pytest

from provisioner.demo.province import AGENCIES, Commune, agencies, communes, write
from tests.demo.test_reference_data import _rows


@pytest.fixture(scope="module")
def rows():
    return list(agencies())


def test_the_shipped_list_is_what_the_generator_writes(tmp_path):
    write(tmp_path / "again.csv")

    assert (tmp_path / "again.csv").read_bytes() == AGENCIES.read_bytes()


def test_every_commune_of_the_resolution_is_there(rows):
    kinds = Counter(row.loai for row in rows)

    assert (kinds["ubnd_xa"], kinds["ubnd_phuong"], kinds["ubnd_dac_khu"]) == (103, 20, 1)


def test_the_list_has_the_size_of_a_province(rows):
    assert len(rows) == 1108
    assert sum(row.con_dau == "x" for row in rows) == 551
    assert sum(row.hop_thu_don_vi == "x" for row in rows) == 1047


def test_codes_are_unique_and_parents_come_first(rows):
    seen = {""}
    for row in rows:
        assert row.ma_co_quan not in seen
        assert row.ma_cha in seen
        seen.add(row.ma_co_quan)


def test_abbreviations_are_unique_below_a_parent_and_make_unique_unit_addresses(rows):
    by_code = {row.ma_co_quan: row for row in rows}
    below_parent = Counter((row.ma_cha, row.viet_tat) for row in rows)
    addresses = Counter(
        row.viet_tat if row.con_dau else f"{row.viet_tat}.{by_code[row.ma_cha].viet_tat}" for row in rows
    )

    assert below_parent.most_common(1)[0][1] == 1
    assert addresses.most_common(1)[0][1] == 1


def test_blocs_levels_and_kinds_are_those_of_the_reference_data(rows):
    for column, file in (("khoi", "blocs.toml"), ("cap", "levels.toml"), ("loai", "unit_kinds.toml")):
        assert {getattr(row, column) for row in rows} <= {known["code"] for known in _rows(file)}


def test_whatever_gets_a_certificate_has_a_name_that_fits_into_one(rows):
    assert all(len(row.ten_ngan or row.ten) <= 64 for row in rows)
    assert all(not row.ten_ngan or len(row.ten) > 64 for row in rows)


@pytest.mark.parametrize(
    ("commune", "slug"),
    [
        (Commune("Phường Xuân Hương - Đà Lạt", "Phường", 3), "xuanhuongdalat"),
        (Commune("Phường 2 Bảo Lộc", "Phường", 2), "phuong2baoloc"),
        (Commune("Xã D'Ran", "Xã", 2), "dran"),
        (Commune("Đặc khu Phú Quý", "Đặc khu", 3), "phuquy"),
    ],
)
def test_a_commune_goes_by_its_full_name_without_marks(commune, slug):
    assert commune.slug == slug


def test_no_two_communes_share_a_slug():
    assert len({commune.slug for commune in communes()}) == 124


def test_the_list_can_be_read_by_a_spreadsheet():
    with AGENCIES.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file))

    assert header[0] == "ma_co_quan"
    assert AGENCIES.read_bytes().startswith(b"\xef\xbb\xbf")
