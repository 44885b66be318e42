"""Reference data: terms with their days, and a wrong file named at the start."""

import csv
from datetime import date
from pathlib import Path

import pytest

from provisioner.agencies.reference import Reference
from provisioner.errors import Misconfigured
from provisioner.settings import ROOT
from provisioner.vietnamese import ascii_letters
from tests.province import reference

FOLDER = ROOT / "config" / "reference"


def test_the_district_level_ended_with_june_2025() -> None:
    district = reference().levels["huyen"]

    assert district.valid_on(date(2025, 6, 30))
    assert not district.valid_on(date(2025, 7, 1))


def test_terms_are_not_valid_before_they_began() -> None:
    public_employee = reference().categories["vien_chuc"]

    assert not public_employee.valid_on(date(2011, 12, 31))
    assert public_employee.valid_on(date(2012, 1, 1))


def test_every_term_has_two_names_and_a_basis() -> None:
    data = reference()
    for terms in (data.levels, data.blocs, data.kinds, data.categories):
        assert terms
        for code, term in terms.items():
            assert code == term.code
            assert term.name.vi
            assert term.name.en
            assert term.basis


@pytest.mark.parametrize(
    ("text", "says"),
    [("level = [", "levels.toml"), ("", "missing 'level'"), ('[[level]]\ncode = "x"\n', "missing 'name_vi'")],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    for file in FOLDER.glob("*.toml"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    (tmp_path / "levels.toml").write_text(text)

    with pytest.raises(Misconfigured) as refused:
        Reference.load(tmp_path)

    assert says in refused.value.text.en
    assert "levels.toml" in refused.value.text.vi


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        Reference.load(tmp_path / "nowhere")

    assert "nowhere" in refused.value.text.en


@pytest.mark.parametrize(
    "written", ["UBND xã Bảo Lâm 1", "ubnd  XA Bao Lam 1", "Ủy ban nhân dân xã Bảo Lâm 1"]
)
def test_names_are_spelt_out_to_find_an_agency(written: str) -> None:
    assert reference().words(written) == ["uy", "ban", "nhan", "dan", "xa", "bao", "lam", "1"]


def test_what_stands_for_something_else_is_no_syllable_that_names_have() -> None:
    rows = (FOLDER / "lamdong_agencies.csv").read_text("utf-8-sig").splitlines()
    names = {word for row in csv.DictReader(rows) for word in ascii_letters(row["ten"]).split()}

    assert names & reference().shorthand.keys() <= {"hdnd", "mttq", "ubnd"}
