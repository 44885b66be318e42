"""The sample roster is believable, exact and the same every time."""

import csv
import tracemalloc
from collections import Counter
from datetime import datetime

import openpyxl
import pytest

from provisioner.demo.officials import HEADERS, establishments, roster, staff_by_agency, write_roster
from provisioner.demo.people import CATEGORIES


@pytest.fixture(scope="module")
def places():
    return establishments()


@pytest.fixture(scope="module")
def sample(places):
    return [dict(zip(HEADERS, row, strict=True)) for row in roster(places, rows=6041, seed="lamdong")]


@pytest.fixture(scope="module")
def people(sample):
    return [row for row in sample if row["loai_dong"] == "ca_nhan"]


def test_the_sample_has_exactly_the_rows_that_lam_dong_reported(sample):
    assert Counter(row["loai_dong"] for row in sample) == {"ca_nhan": 4994, "don_vi": 1047}


def test_every_entitled_agency_has_its_own_mailbox_once(sample, places):
    units = [row["ma_co_quan"] for row in sample if row["loai_dong"] == "don_vi"]

    assert units == [place.code for place in places if place.unit_mailbox]


def test_agencies_with_a_seal_and_leaders_ask_for_certificates_and_nobody_else(sample, places):
    seals = {place.code for place in places if place.seal}

    for row in sample:
        entitled = row["ma_co_quan"] in seals if row["loai_dong"] == "don_vi" else row["lanh_dao"] == "x"
        assert (row["chung_thu"] == "x") == entitled


def test_no_agency_lists_more_people_of_a_category_than_it_declared(people, places):
    listed = Counter((row["ma_co_quan"], row["phan_loai"]) for row in people)

    for place in places:
        for category, heads in place.heads.items():
            assert listed[place.code, CATEGORIES[category]] <= heads


def test_some_places_are_behind_and_most_are_complete(people, places):
    listed = Counter(row["ma_co_quan"] for row in people)
    complete = sum(listed[place.code] == place.declared for place in places)
    behind = sum(listed[place.code] < 0.7 * place.declared for place in places)

    assert complete / len(places) > 0.75
    assert 0.05 < behind / len(places) < 0.25


def test_every_agency_has_a_leader_and_none_has_more_than_three(people, places):
    leaders = Counter(row["ma_co_quan"] for row in people if row["lanh_dao"])

    assert set(leaders) == {place.code for place in places}
    assert max(leaders.values()) == 3


def test_family_names_have_their_known_shares(people):
    families = Counter(row["ho_va_ten"].split()[0] for row in people)

    assert 0.33 < families["Nguyễn"] / len(people) < 0.42
    assert 0.09 < families["Trần"] / len(people) < 0.13


def test_some_names_follow_other_customs(people):
    other = [row for row in people if row["ho_va_ten"].startswith(("K'", "Ka ", "Y ", "H'", "Điểu ", "Cil "))]

    assert 0.01 < len(other) / len(people) < 0.05


def test_identity_numbers_agree_with_the_birth_year_and_are_obviously_made_up(people):
    for row in people:
        born = datetime.strptime(row["ngay_sinh"], "%d/%m/%Y")  # noqa: DTZ007
        number = row["so_dinh_danh"]
        assert len(number) == 12
        assert number[:3] in {"068", "060", "067"}
        assert int(number[3]) // 2 == (born.year - 1900) // 100
        assert int(number[4:6]) == born.year % 100
        assert number[6:9] == "000"


def test_telephones_have_a_prefix_of_nobody(people):
    assert {row["dien_thoai"][:3] for row in people} == {"053", "095"}
    assert all(len(row["dien_thoai"]) == 10 for row in people)


@pytest.mark.parametrize("column", ["ma_can_bo", "so_dinh_danh", "dien_thoai"])
def test_what_tells_people_apart_is_unique_in_a_roster_of_any_size(places, column):
    position = HEADERS.index(column)
    values = [row[position] for row in roster(places, rows=20_000, seed="big") if row[position]]

    assert len(values) == 20_000 - 1047
    assert len(set(values)) == len(values)


@pytest.mark.parametrize("rows", [0, 1, 7, 1000, 6041, 6500])
def test_a_roster_has_as_many_rows_as_it_was_asked_for(places, rows):
    assert sum(1 for _ in roster(places, rows=rows, seed="any")) == rows


def test_people_are_spread_in_proportion_when_there_are_more_than_posts(places):
    staff = staff_by_agency(places, 200_000)
    largest, smallest = max(places, key=lambda p: p.declared), min(places, key=lambda p: p.declared)

    assert sum(staff.values()) == 200_000
    assert staff[largest.code] > staff[smallest.code]
    assert max(staff.values()) < 2000


def test_the_same_call_writes_the_same_bytes(tmp_path):
    for name in ("one.csv", "two.csv"):
        write_roster(tmp_path / name, rows=500)
    write_roster(tmp_path / "other.csv", rows=500, seed="other")

    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    assert (tmp_path / "one.csv").read_bytes() != (tmp_path / "other.csv").read_bytes()


def test_a_workbook_holds_the_same_rows_with_their_leading_zeros(tmp_path):
    write_roster(tmp_path / "r.csv", rows=200)
    write_roster(tmp_path / "r.xlsx", rows=200)

    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        expected = list(csv.reader(file))
    sheet = openpyxl.load_workbook(tmp_path / "r.xlsx").worksheets[0]
    assert [[cell or "" for cell in row] for row in sheet.iter_rows(values_only=True)] == expected


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"roster\.pdf"):
        write_roster(tmp_path / "roster.pdf")


def test_memory_does_not_grow_with_the_rows(places):
    tracemalloc.start()
    for _row in roster(places, rows=12_000, seed="big"):
        pass
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 3_000_000
