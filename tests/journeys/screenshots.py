"""Pictures of the main pages for the READMEs, taken of the running demo: `./run demo`, then `./run screenshots`.

Chromium without a screen comes in as the demo's visitors do, through the links that it makes. For pages that would be
empty it leaves a request, a roster to approve and an owner's password in the demo's books.
"""

import argparse
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from provisioner.audit import Who
from provisioner.demo.operators import sign_in_links
from provisioner.demo.stage import Stage
from provisioner.mail.codes import NewCode, holders_in, new_code
from provisioner.mail.issuing import issue
from provisioner.operators.roles import Role
from provisioner.services import Services
from provisioner.settings import ROOT, Settings
from tests.journeys.web.conftest import ARGUMENTS
from tests.province import a_roster_of, an_official
from tests.rosters.files import xlsx

OUT = ROOT / "docs" / "screenshots"
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 1000}
PASSWORD = "Cao-nguyen8xanh"


class Photographer:
    """Takes pictures of one demo."""

    def __init__(self, browser: Browser, services: Services, site: str, out: Path) -> None:
        self._browser = browser
        self._services = services
        self._site = site.rstrip("/")
        self._out = out
        with services.database.transaction() as session:
            self._links = {
                role: token.reveal()
                for _, role, token in sign_in_links(session, sealer=services.sealer, now=services.clock())
            }

    def take_all(self) -> None:
        self._requests()
        self._rosters()
        self._approvals()
        self._register()
        self._board()
        self._owner()

    @contextmanager
    def _page(self, role: Role | None = None) -> Iterator[Page]:
        """A page in Vietnamese, of a visitor in this role who has just come in."""
        context = self._browser.new_context(
            locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh", viewport=DESK, base_url=self._site
        )
        page = context.new_page()
        if role is not None:
            page.goto(f"/link/{self._links[role]}?lang=vi")
            page.locator("form.card button").click()
        yield page
        context.close()

    def _take(self, page: Page, name: str) -> None:
        page.evaluate("document.fonts.ready")
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=self._out / f"{name}.png", animations="disabled")

    def _requests(self) -> None:
        with self._page(Role.HR) as page:
            page.goto("/requests/new?kind=people")
            page.get_by_label("Số, ký hiệu văn bản").fill("12/SKHCN-VP")
            page.get_by_label("Ngày văn bản").fill(f"{self._services.clock():%Y-%m-%d}")
            page.get_by_label("Người ký").fill("Nguyễn Văn Giám")
            page.get_by_label("Mã cán bộ").fill(f"DEMO-{secrets.token_hex(3).upper()}")
            page.get_by_label("Họ và tên").fill("Lê Thị Hòa")
            page.get_by_label("Phân loại cán bộ").select_option("Công chức")
            page.get_by_label("Chứng thư ký số").check()
            expect(page.locator("form [data-part]")).to_contain_text("@")
            page.set_viewport_size({"width": 1280, "height": 1180})
            self._take(page, "request-form")
            page.get_by_role("button", name="Lưu và kiểm tra").click()
            page.get_by_role("button", name="Gửi phê duyệt").click()
            page.wait_for_url("**/requests/*")

    def _rosters(self) -> None:
        rows = [
            an_official(f"DEMO-{number}", name, ma_co_quan="H36.06", chung_thu="x")
            for number, name in enumerate(
                ("Trần Thị Ánh", "H'Hen Niê", "Y Blok Êban", "Đỗ Văn Bình"), start=1
            )
        ]
        rows += [
            an_official("DEMO-5", "Phạm Minh Châu", ma_co_quan="H36.99"),
            an_official("", "Vũ Thu Hà", ma_co_quan="H36.06"),
            an_official("DEMO-7", "Hoàng 4n", ma_co_quan="H36.06"),
        ]
        with self._page(Role.ADMIN) as page, tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "so-tai-chinh.xlsx"
            file.write_bytes(xlsx(a_roster_of(*rows)))
            page.goto("/rosters")
            page.get_by_label("Tệp CSV hoặc XLSX").set_input_files(file)
            page.get_by_role("button", name="Kiểm tra tệp").click()
            expect(page.get_by_role("heading", name="Các dòng")).to_be_visible(timeout=60_000)
            page.set_viewport_size({"width": 1280, "height": 1180})
            self._take(page, "roster-check")

    def _approvals(self) -> None:
        with self._page(Role.APPROVER) as page:
            page.goto("/approvals")
            self._take(page, "approvals")

    def _register(self) -> None:
        with self._page(Role.AUDITOR) as page:
            page.goto("/people?agency=H36.05")
            page.locator("tbody th a").first.click()
            self._take(page, "person")
            page.goto("/agencies")
            self._take(page, "agencies")

    def _board(self) -> None:
        with self._page(Role.LEADER) as page:
            page.goto("/coverage")
            page.set_viewport_size({"width": 1280, "height": 1180})
            self._take(page, "board")
            page.set_viewport_size(PHONE)
            self._take(page, "board-phone")

    def _owner(self) -> None:
        """An official who sets a password with a slip and comes to their own page."""
        now = self._services.clock()
        with self._services.database.transaction() as session:
            slip = NewCode(holders_in(session, "H36.05", now=now)[0], new_code())
            issue(session, [slip], who=Who("demo"), now=now, expires_at=now + timedelta(days=1))
        with self._page() as page:
            page.goto("/kich-hoat?lang=vi")
            for name, value in {
                "address": slip.holder.address,
                "code": slip.code.reveal(),
                "password": PASSWORD,
                "again": PASSWORD,
            }.items():
                page.locator(f"#{name}").fill(value)
            page.locator("form.card button").click()
            page.goto("/toi/dang-nhap")
            page.locator("#address").fill(slip.holder.address)
            page.locator("#password").fill(PASSWORD)
            page.locator("form.card button").click()
            page.wait_for_url("**/toi")
            self._take(page, "owner")


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the pictures of the READMEs.")
    parser.add_argument("--demo", type=Path, default=ROOT / "var" / "demo", help="the folder of the demo")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    stage = Stage(options.demo)
    os.environ.update(stage.environment)
    options.out.mkdir(parents=True, exist_ok=True)
    with closing(Services(Settings.load())) as services, sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        Photographer(browser, services, stage.address, options.out).take_all()
        browser.close()


if __name__ == "__main__":
    main()
