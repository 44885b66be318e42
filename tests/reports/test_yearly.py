"""The yearly report in the words of its form, and what is left open to be filled in."""

import shutil
from datetime import UTC, date, datetime

import pytest

from provisioner.coverage.counting import cover
from provisioner.coverage.figures import count, percent
from provisioner.coverage.metrics import staff_served, usage
from provisioner.coverage.tallies import Scope
from provisioner.reports.letterhead import Letterhead, Signature
from provisioner.reports.yearly import Answers, period, yearly_document
from tests.reports.conftest import WINDOW
from tests.reports.paper import text_of

pytestmark = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs poppler-utils")

LETTERHEAD = Letterhead(
    agency="Sở Khoa học và Công nghệ",
    place="Lâm Đồng",
    day=date(2026, 12, 10),
    number="/BC-SKHCN",
    signature=Signature(("GIÁM ĐỐC",), "Trần Văn Bảo"),
)


@pytest.fixture
def printed(coverage, tmp_path):
    def make(answers=None, *, of=coverage, year=2026):
        pdf = yearly_document(
            of, year=year, agency=LETTERHEAD.agency, letterhead=LETTERHEAD, answers=answers or Answers()
        )
        path = tmp_path / "yearly.pdf"
        path.write_bytes(pdf)
        return " ".join(text_of(path).split())

    return make


def test_the_period_runs_from_10_december_to_10_december():
    assert period(2026) == (date(2025, 12, 10), date(2026, 12, 10))


def test_the_form_keeps_its_words_and_has_the_figures_of_the_books(printed, coverage):
    served, used = staff_served(coverage.sums), usage(coverage.sums)
    text = printed()

    assert (
        "Tỷ lệ cán bộ, công chức, viên chức và người lao động đã được cấp phát tài khoản thư điện tử công vụ: "
        f"{count(served.n)}/{count(served.of)}. Đạt tỷ lệ: {percent(served)};" in text
    )
    assert (
        "Tỷ lệ CBCCVC thường xuyên sử dụng hệ thống thư điện tử trong công việc: "
        f"{percent(used.of_issued)};" in text
    )
    assert (
        "Đã thực hiện rà soát, cập nhật công khai danh bạ thư điện tử công vụ lên Cổng TTĐT: "
        "Đã thực hiện Chưa thực hiện" in text
    )
    assert "2. Tồn tại, vướng mắc" in text
    assert "3. Đề xuất, kiến nghị" in text
    assert f"({percent(used.of_entitled)})" in text


def test_what_the_agency_knows_is_ticked_and_written(printed):
    published = printed(Answers(published=True, difficulties=("Thiếu máy tính.",), locks=("02 hộp thư",)))
    unpublished = printed(Answers(published=False))

    assert "X Đã thực hiện Chưa thực hiện" in published
    assert "- Thiếu máy tính." in published
    assert "- Tạm khóa: 02 hộp thư" in published
    assert "Đã thực hiện X Chưa thực hiện" in unpublished


def test_what_is_left_open_is_a_dotted_line(printed):
    text = printed()

    for kind in ("Cấp mới", "Thay đổi", "Tạm khóa", "Hủy bỏ"):
        assert f"- {kind}: ....." in text


def test_a_report_before_the_end_of_its_period_says_so(printed, books):
    with books.reading() as session:
        end = datetime(2026, 12, 10, 16, 59, 59, tzinfo=UTC)
        whole = cover(session, Scope(), at=end, used_within=WINDOW)

    assert "kỳ báo cáo chưa kết thúc" in printed()
    assert "kỳ báo cáo chưa kết thúc" not in printed(of=whole)
