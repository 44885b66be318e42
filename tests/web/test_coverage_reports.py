"""Reports from the page: the form, the PDF, and having it signed by the province."""

import re
from pathlib import Path

import pytest

from provisioner.audit import Who
from provisioner.operators.roles import Role
from provisioner.reports.signing_asked import sign_asked
from tests.reports.paper import pages_of, pictures_of
from tests.web.site import Browser, Site

FORM = {
    "kind": "coverage",
    "detail": "agency",
    "issuer": "Sở Khoa học và Công nghệ tỉnh Lâm Đồng",
    "superior": "Ủy ban nhân dân tỉnh Lâm Đồng",
    "number": "15/BC-SKHCN",
    "place": "Lâm Đồng",
    "capacity": "KT. GIÁM ĐỐC\r\nPHÓ GIÁM ĐỐC",
    "signer": "Nguyễn Thị Ánh",
    "recipients": "Như trên;\nLưu: VT",
    "do": "download",
}


@pytest.fixture
def leader(province: Site) -> Browser:
    browser = province.signed_in("chi", Role.LEADER)
    browser.get("/coverage/report")
    return browser


def test_the_report_is_a_document_in_the_decrees_form(leader: Browser, tmp_path: Path) -> None:
    answer = leader.post("/coverage/report", FORM)
    pdf = tmp_path / "report.pdf"
    pdf.write_bytes(answer.data)

    assert answer.mimetype == "application/pdf"
    first, *_others = pages_of(pdf)
    for words in ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "15/BC-SKHCN", "BÁO CÁO", "Sở Khoa học và Công nghệ"):
        assert words in "\n".join(pages_of(pdf)), words
    assert "Độc lập - Tự do - Hạnh phúc" in first
    [picture] = pictures_of(pdf, first=1, last=1)
    assert picture.width < picture.height
    assert picture.ink(30, 20, 195, 60) > 100  # the national title
    assert picture.ink(0, 0, 210, 15) == 0  # the margin, and no number on the first page
    assert picture.ink(0, 0, 28, 297) == 0


def test_the_yearly_form_is_filled_in(leader: Browser, tmp_path: Path) -> None:
    answer = leader.post(
        "/coverage/report?agency=H36.05",
        {**FORM, "kind": "yearly", "year": "2026", "published": "yes", "difficulties": "Thiếu máy ký số"},
    )
    pdf = tmp_path / "yearly.pdf"
    pdf.write_bytes(answer.data)
    text = "\n".join(pages_of(pdf))

    assert "năm 2026" in text
    assert "Thiếu máy ký số" in text
    assert "bao-cao-nam-2026-H36.05-" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("number", "mười lăm", "không đúng thể thức"),
        ("capacity", "PHÓ GIÁM ĐỐC\nKT. GIÁM ĐỐC", "Quyền hạn người ký"),
        ("year", "hai nghìn", "từ 2000 đến 2100"),
        ("year", "2099", "bắt đầu từ ngày 10/12/2098"),
        ("signer", "😀 漢字 Ánh", "ký tự này: 😀漢字"),
        ("locks", "Khóa 😀", "ký tự này: 😀"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(
    leader: Browser, field: str, value: str, said: str
) -> None:
    answer = leader.post("/coverage/report", {**FORM, "kind": "yearly", "year": "2026", field: value})

    assert answer.status_code == 422
    assert re.search(rf'class="problem" id="{field}-problem">[^<]*{said}', answer.text)
    assert value.splitlines()[0] in answer.text
    assert "Sở Khoa học và Công nghệ tỉnh Lâm Đồng" in answer.text


def test_a_period_that_has_not_begun_is_not_signed_and_one_that_runs_is_reported_up_to_today(
    leader: Browser, tmp_path: Path
) -> None:
    yearly = {**FORM, "kind": "yearly"}

    assert leader.post("/coverage/report", {**yearly, "year": "2027", "do": "sign"}).status_code == 422
    assert "năm 2027" not in leader.page("/coverage/signed")
    pdf = tmp_path / "yearly.pdf"
    pdf.write_bytes(leader.post("/coverage/report", {**yearly, "year": "2026"}).data)
    words = " ".join("\n".join(pages_of(pdf)).split())
    assert "từ ngày 10/12/2025 đến ngày 21/11/2026, kỳ báo cáo chưa kết thúc" in words


def test_the_form_begins_with_the_agency_in_focus(leader: Browser) -> None:
    page = leader.page("/coverage/report?agency=H36.05")

    assert 'value="Sở Khoa học và Công nghệ' in page
    assert 'value="/BC-SKHCN"' in page


def test_a_signed_report_waits_is_signed_and_is_fetched(province: Site, leader: Browser) -> None:
    page = leader.post("/coverage/report", {**FORM, "detail": "level", "do": "sign"}, follow=True).text
    assert "Đang chờ ký" in page
    assert "data-poll" in page
    digest = re.findall(r"<code>(\w{12})</code>", page)[0]

    assert (
        sign_asked(
            province.database, lambda pdf, _place: pdf + b"signed", who=Who("s"), clock=lambda: province.now
        )
        == 1
    )
    page = leader.page("/coverage/signed")
    address = re.findall(rf'href="(/coverage/signed/{digest}\w+)"', page)[0]
    answer = leader.get(address)

    assert "Đã ký" in page
    assert "data-poll" not in page
    assert answer.data.startswith(b"%PDF")
    assert answer.data.endswith(b"signed")


def test_only_who_may_sign_for_the_province_asks_for_it(province: Site) -> None:
    for name, role, agency in (
        ("hoa", Role.HR, "H36.05"),
        ("ky", Role.LEADER, "H36.05"),
        ("an", Role.AUDITOR, None),
    ):
        browser = province.signed_in(name, role, agency=agency)
        page = browser.page("/coverage/report")

        answer = browser.post("/coverage/report", {**FORM, "do": "sign"})

        assert 'value="sign"' not in page
        assert answer.status_code == 403
        assert browser.get(f"/coverage/signed/{'0' * 64}").status_code == 403
    assert "reports" not in province.rings
