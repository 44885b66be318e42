"""The result of a large roster, in both languages: asked for, watched while a worker writes it, and downloaded."""

import io
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import expect

from provisioner.operators.roles import Role
from provisioner.web import rosters_results
from tests.journeys.web.centre import LONG, Centre
from tests.journeys.web.listening import barriers
from tests.province import an_official, planned

WORDS = {
    "vi": {"result": "Toàn bộ kết quả thành tệp", "write": "Lập tệp này", "download": "Tải về"},
    "en": {"result": "Whole result as a file", "write": "Have it written", "download": "Download"},
}


@pytest.mark.slow
@pytest.mark.parametrize("language", list(WORDS))
def test_a_large_result_is_written_while_its_page_waits(
    centre: Centre, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setattr(rosters_results, "DIRECT", 2)
    words = WORDS[language]
    names = ["Lê Văn An", "Vũ Thị Bình", "Đỗ Chi"]
    people = [an_official(f"CB{n}", name) for n, name in enumerate(names)]
    plan_id = planned(centre.database, *people, now=centre.clock())
    admin = centre.person("quan", Role.ADMIN)
    page = admin.page
    admin.signs_in(language)

    admin.goes(f"/rosters/{plan_id}")
    page.get_by_role("link", name=words["result"]).click()
    assert barriers(page) == []
    page.get_by_role("button", name=words["write"]).first.click()
    expect(page.get_by_role("status")).to_be_visible()
    download = page.get_by_role("link", name=words["download"])
    expect(download).to_be_visible(timeout=LONG)  # the page asks by itself
    assert barriers(page) == []
    with page.expect_download() as workbook:
        download.click()

    book = openpyxl.load_workbook(io.BytesIO(Path(workbook.value.path()).read_bytes()))
    headers, *given = book.worksheets[-1].iter_rows(values_only=True)
    assert [row[headers.index("ho_va_ten")] for row in given] == names
