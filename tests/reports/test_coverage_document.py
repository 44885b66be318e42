"""The coverage report on paper: the decree's form, seen and read back from the PDF."""

import re
import shutil
import unicodedata
from datetime import date
from pathlib import Path

import pytest

from provisioner.coverage.figures import count, percent
from provisioner.coverage.metrics import staff_served
from provisioner.coverage.reporting import Detail
from provisioner.errors import ProvisionerError
from provisioner.reports.coverage_document import coverage_document
from provisioner.reports.letterhead import Letterhead, Signature
from provisioner.reports.typesetting import TEMPLATES, typeset
from tests.reports.conftest import AT, COMMUNES
from tests.reports.paper import fonts_of, pages_of, pictures_of, text_of

pytestmark = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs poppler-utils")

LETTERHEAD = Letterhead(
    agency="Sở Khoa học và Công nghệ",
    superior="Ủy ban nhân dân tỉnh Lâm Đồng",
    place="Lâm Đồng",
    day=date(2026, 7, 5),
    number="5/BC-SKHCN",
    signature=Signature(("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC"), "Nguyễn Thị Kim Phượng"),
    recipients=("UBND tỉnh (để báo cáo)", "Lưu: VT"),
)


@pytest.fixture(scope="module")
def made(coverage, tables, reference):
    return coverage_document(
        coverage,
        levels=tables[Detail.LEVEL],
        agencies=tables[Detail.AGENCY],
        reference=reference,
        letterhead=LETTERHEAD,
    )


@pytest.fixture(scope="module")
def pdf(made, tmp_path_factory):
    path: Path = tmp_path_factory.mktemp("paper") / "report.pdf"
    path.write_bytes(made)
    return path


@pytest.fixture(scope="module")
def pages(pdf):
    return pages_of(pdf)


@pytest.fixture(scope="module")
def appendix(pages):
    """The pages from the appendix on."""
    first = next(number for number, page in enumerate(pages) if "Phụ lục\n" in page)
    return pages[first:]


def plain(text: str) -> str:
    return " ".join(text.split())


def test_the_parts_stand_in_the_order_of_the_decree(pdf):
    text = plain(text_of(pdf, "-raw"))

    parts = [
        "TỈNH LÂM ĐỒNG",
        "SỞ KHOA HỌC VÀ CÔNG NGHỆ",
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "Số: 05/BC-SKHCN",
        "Lâm Đồng, ngày 05 tháng 7 năm 2026",
        "BÁO CÁO",
        "Căn cứ Luật",
        "224/2026/NĐ-CP",
        "Trên đây là báo cáo",
        "Nơi nhận:",
        "- Lưu: VT.",
        "KT. GIÁM ĐỐC",
        "PHÓ GIÁM ĐỐC",
        "Nguyễn Thị Kim Phượng",
        "Phụ lục",
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)


def test_vietnamese_can_be_read_back_letter_by_letter(pdf):
    text = text_of(pdf)

    assert unicodedata.is_normalized("NFC", text)
    assert "Ẳng Ỵ Ộ Ữ số 44" in plain(text)
    assert "\ufffd" not in text


def test_every_font_is_embedded_and_ours(pdf):
    fonts = fonts_of(pdf)

    assert {name.partition("+")[2].partition("-")[0] for name, _embedded in fonts} == {"LiberationSerif"}
    assert all(embedded for _name, embedded in fonts)


def test_it_is_made_for_the_archive_and_for_screen_readers(made):
    assert b"<pdfaid:part>2</pdfaid:part>" in made
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in made
    assert b"<pdfuaid:part>1</pdfuaid:part>" in made


def test_the_figures_are_those_of_the_books(coverage, pages, appendix):
    served = staff_served(coverage.sums)
    total = next(line for line in appendix[-1].splitlines() if "Tổng cộng" in line).split()

    assert f"{count(served.n)}/{count(served.of)} ({percent(served)})" in plain(pages[0])
    assert total[2:6] == [
        count(coverage.sums.people.entitled),
        count(coverage.sums.people.issued),
        count(coverage.sums.people.active),
        percent(served).removesuffix("%"),
    ]


def test_pages_are_numbered_from_the_second_in_the_text_and_in_the_appendix(pages, appendix):
    body = pages[: len(pages) - len(appendix)]
    for part in (body, appendix):
        first_lines = [page.split("\n", 1)[0].strip() for page in part]
        assert not first_lines[0].isdigit()
        assert first_lines[1:] == [str(number) for number in range(2, len(part) + 1)]


def test_the_heads_come_again_on_every_page_and_groups_are_never_left_behind(appendix):
    assert len(appendix) > 2
    for page in appendix:
        lines = [line.split() for line in page.splitlines() if line.strip()]
        assert "STT" in page
        assert not re.fullmatch(r"(I|II|III) \D+", " ".join(lines[-1]))


def test_every_agency_stands_in_the_appendix_once(appendix):
    numbers = re.findall(r"^ *(\d+) .*\b(?:Tỉnh|Xã) +\d", "\n".join(appendix), re.MULTILINE)

    assert [int(number) for number in numbers] == list(range(1, COMMUNES + 7))


def test_nothing_is_printed_into_the_margins(pdf, pages, appendix):
    body = len(pages) - len(appendix)
    for number, page in enumerate(pictures_of(pdf, first=1, last=body), start=1):
        assert page.ink(30, 20, 195, 277) > 1000
        assert page.ink(0, 0, 29.5, 297) == 0, number
        assert page.ink(195.8, 0, 210, 297) == 0, number
        assert page.ink(0, 277.5, 210, 297) == 0, number
    for page in pictures_of(pdf, first=body + 1, last=len(pages)):
        assert page.width > page.height
        assert page.ink(0, 0, 19.5, 210) == 0
        assert page.ink(282.8, 0, 297, 210) == 0


def test_the_page_number_stands_in_the_middle_of_the_top_margin(pdf):
    first, second = pictures_of(pdf, first=1, last=2)

    assert first.ink(0, 0, 210, 19) == 0
    assert second.ink(108, 5, 117, 18) > 0
    assert second.ink(0, 0, 105, 19) == second.ink(120, 0, 210, 19) == 0


def test_the_same_moment_and_data_make_the_same_bytes(coverage, tables, reference, made):
    again = coverage_document(
        coverage,
        levels=tables[Detail.LEVEL],
        agencies=tables[Detail.AGENCY],
        reference=reference,
        letterhead=LETTERHEAD,
    )

    assert again == made


def test_a_report_by_level_has_no_appendix(coverage, tables, reference, tmp_path):
    path = tmp_path / "report.pdf"
    path.write_bytes(
        coverage_document(
            coverage,
            levels=tables[Detail.LEVEL],
            agencies=None,
            reference=reference,
            letterhead=LETTERHEAD,
        )
    )

    assert "Phụ lục" not in text_of(path)
    assert len(pages_of(path)) == 2


def test_names_are_printed_and_not_run_as_markup(pdf):
    assert '=HYPERLINK("http://evil.example")' in "".join(text_of(pdf, "-raw").split())


def test_a_template_that_is_wrong_says_why(tmp_path):
    shutil.copytree(TEMPLATES / "fonts", tmp_path / "fonts")
    (tmp_path / "broken.typ").write_text("#let x = (", "utf-8")

    with pytest.raises(ProvisionerError, match="unclosed delimiter"):
        typeset("broken", {}, at=AT, folder=tmp_path)


def test_a_template_cannot_read_outside_its_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "secret.txt").write_text("secret", "utf-8")
    (tmp_path / "folder" / "curious.typ").write_text('#read("../secret.txt")', "utf-8")

    with pytest.raises(ProvisionerError) as refused:
        typeset("curious", {}, at=AT, folder=tmp_path / "folder")

    assert refused.value.code == "template-wrong"
