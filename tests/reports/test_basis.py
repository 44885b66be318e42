"""Legal bases die while forms live on."""

from datetime import date

import pytest

from provisioner.errors import Misconfigured
from provisioner.reports.basis import legal_basis
from provisioner.reports.typesetting import TEMPLATES

LIST = TEMPLATES / "legal_basis.toml"


def test_a_report_cites_what_is_in_force_on_its_day():
    before = " ".join(legal_basis(LIST, report="coverage", on=date(2026, 6, 30)))
    after = " ".join(legal_basis(LIST, report="coverage", on=date(2026, 7, 1)))

    assert "64/2007/NĐ-CP" in before
    assert "64/2007/NĐ-CP" not in after
    assert "224/2026/NĐ-CP" not in before
    assert "224/2026/NĐ-CP" in after


def test_every_report_has_a_basis_on_every_day_of_the_published_reports():
    for report in ("coverage", "yearly"):
        for year in (2015, 2019, 2024, 2026, 2030):
            assert legal_basis(LIST, report=report, on=date(year, 12, 15)), (report, year)


@pytest.mark.parametrize("text", ["basis = 3", "[[basis]]\ntext = 'x'", "not toml ="])
def test_a_list_that_cannot_be_used_is_named(tmp_path, text):
    path = tmp_path / "legal_basis.toml"
    path.write_text(text, "utf-8")

    with pytest.raises(Misconfigured, match=r"legal_basis\.toml"):
        legal_basis(path, report="coverage", on=date(2026, 1, 1))
