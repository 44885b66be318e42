"""`provisioner report`: the files say what `provisioner coverage --json` says."""

import io
import json
import shutil
from datetime import UTC, datetime

import openpyxl
import pytest
from click.testing import CliRunner
from pyhanko.pdf_utils.reader import PdfFileReader

from provisioner.cli import main
from provisioner.reports.columns import COLUMNS
from tests.reports.paper import pages_of, text_of
from tests.reports.test_pades import PASSWORD, a_file

DAY = "2026-03-01"


@pytest.fixture
def provisioner(books_url, monkeypatch):
    monkeypatch.setenv("PROVISIONER_DATABASE__URL", books_url)

    def call(*arguments, status=0):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == status, result.output
        return result.output

    return call


@pytest.mark.parametrize("scope", [(), ("--bloc", "nha_nuoc", "--level", "xa"), ("--agency", "H29")])
def test_the_workbook_says_what_coverage_json_says(provisioner, tmp_path, scope):
    told = json.loads(provisioner("coverage", "--json", "--as-of", DAY, *scope))
    out = tmp_path / "coverage.xlsx"
    provisioner("report", "coverage", "--out", out, "--as-of", DAY, *scope)
    sheet = openpyxl.load_workbook(out).worksheets[0]
    keys = [column.key for column in COLUMNS]
    total = dict(zip(keys, [cell.value for cell in sheet[sheet.max_row]][5:], strict=False))
    rows = {row[2]: dict(zip(keys, row[5:], strict=False)) for row in sheet.values if row[2]}

    assert total["staff"] == told["staff_served"]["of"]
    assert total["active"] == told["staff_served"]["n"]
    assert total["issued"] == told["mailboxes"]["personal"]
    assert total["unit_mailboxes"] == told["mailboxes"]["units"]
    assert total["personal"] == told["certificates"]["personal"]
    assert total["organisation"] == told["certificates"]["organisation"]
    assert total["personal_valid"] + total["organisation_valid"] == told["certificates"]["valid"]
    for key, rate in (
        ("staff_rate", "staff_served"),
        ("use_rate", "used_of_issued"),
        ("agencies_rate", "agencies_served"),
        ("leaders_rate", "leaders_signing"),
    ):
        percent = told[rate]["percent"]
        assert total[key] == ("–" if percent is None else pytest.approx(percent / 100)), key
    for record in told["agencies"]:
        row = rows[record["agency_code"]]
        assert row["staff"] == record["staff_entitled"]
        assert row["used"] == record["staff_used"]
        assert row["leaders"] == record["staff_leaders"]


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs poppler-utils")
def test_the_printed_report_says_what_coverage_json_says(provisioner, tmp_path):
    told = json.loads(provisioner("coverage", "--json", "--as-of", DAY))
    out = tmp_path / "coverage.pdf"
    provisioner(
        *("report", "coverage", "--out", out, "--as-of", DAY, "--number", "15/BC-SKHCN", "--signer", "An"),
        *("--capacity", "KT. GIÁM ĐỐC", "--capacity", "PHÓ GIÁM ĐỐC", "--place", "Đà Lạt"),
    )
    total = next(line for line in pages_of(out)[-1].splitlines() if "Tổng cộng" in line).split()
    served, leaders = told["staff_served"], told["leaders_signing"]

    assert total[2] == f"{served['of']:,}".replace(",", ".")
    assert total[4] == f"{served['n']:,}".replace(",", ".")
    assert total[5] == f"{served['percent']:g}".replace(".", ",")
    assert f"{leaders['n']}/{leaders['of']}" in total
    assert "Đà Lạt, ngày" in text_of(out)


def test_a_report_is_signed_with_the_document_certificate_of_a_file(provisioner, tmp_path, monkeypatch):
    monkeypatch.setenv("PROVISIONER_SIGNATORY_PASSWORD", PASSWORD)
    file, out = tmp_path / "seal.p12", tmp_path / "yearly.pdf"
    file.write_bytes(a_file("organization-document", now=datetime.now(UTC)))
    provisioner("report", "yearly", "--agency", "H21", "--year", 2026, "--out", out, "--sign-with", file)
    (signature,) = PdfFileReader(io.BytesIO(out.read_bytes())).embedded_signatures
    signature.compute_integrity_info()

    assert signature.coverage.name == "ENTIRE_FILE"
    assert signature.sig_object["/Location"] == "Lâm Đồng"


def test_only_a_pdf_can_be_signed(provisioner, tmp_path):
    file = tmp_path / "seal.p12"
    file.write_bytes(b"")
    out = tmp_path / "coverage.xlsx"

    assert "--sign-with" in provisioner("report", "coverage", "--out", out, "--sign-with", file, status=2)
    assert not out.exists()


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs poppler-utils")
def test_the_yearly_report_names_the_agency_its_superior_and_its_symbol(provisioner, tmp_path):
    out = tmp_path / "yearly.pdf"
    provisioner("report", "yearly", "--agency", "H21.8", "--year", 2026, "--out", out)
    text = " ".join(text_of(out).split())

    assert "SỞ KHOA HỌC VÀ CÔNG NGHỆ" in text
    assert "TRUNG TÂM CHƯA CÓ GÌ" in text
    assert "0/3. Đạt tỷ lệ: 0%" in text


def test_a_misspelt_code_a_wrong_number_and_an_unknown_format_are_refused(provisioner, tmp_path):
    out = tmp_path / "coverage.pdf"

    assert "dang" in provisioner("report", "coverage", "--out", out, "--bloc", "đảng", status=1)
    assert "15/BC-SKHCN" in provisioner("report", "coverage", "--out", out, "--number", "bc 15", status=1)
    assert ".xlsx" in provisioner("report", "coverage", "--out", tmp_path / "coverage.doc", status=2)
    assert list(tmp_path.iterdir()) == []


def test_csv_is_written_in_the_language_that_was_asked_for(provisioner, tmp_path):
    out = tmp_path / "coverage.csv"
    provisioner("--lang", "en", "report", "coverage", "--out", out, "--detail", "level", "--as-of", DAY)

    assert out.read_text("utf-8-sig").startswith("No.,Agency,Agency code,Bloc,Level,Staff")
    assert "99.9%" not in out.read_text("utf-8-sig").splitlines()[0]
