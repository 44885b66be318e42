"""One official, all real: from the form of HR to a mailbox in slapd that its owner signs in to, and a certificate."""

import re
import subprocess
from datetime import timedelta

import pytest
from cryptography import x509
from ldap3 import BASE, Connection
from playwright.sync_api import Page, expect

from ldap_schema.schema import CERTIFICATE
from provisioner.days import day_of
from provisioner.operators.roles import Role
from tests.journeys.web.centre import LONG, Centre, Person
from tests.province import the_mailbox

OWN_PASSWORD = "Cao-nguyen8xanh"
MAILBOX = "hoalt@lamdong.gov.vn"


def hr_asks(hr: Person) -> str:
    """The address of the request, sent for approval."""
    page = hr.page
    hr.signs_in()
    hr.goes("/requests/new")
    page.get_by_role("link", name="Hộp thư cá nhân").click()
    page.get_by_label("Cơ quan, đơn vị").select_option("H36.05")
    page.get_by_label("Số, ký hiệu văn bản").fill("12/SKHCN-VP")
    page.get_by_label("Ngày văn bản").fill((day_of(hr.clock()) - timedelta(days=1)).isoformat())
    page.get_by_label("Người ký").fill("Nguyễn Văn Giám")
    page.get_by_label("Mã cán bộ").fill("CB50")
    page.get_by_label("Họ và tên").fill("Lê Thị Hòa")
    page.get_by_label("Phân loại cán bộ").select_option("Công chức")
    page.get_by_label("Chứng thư ký số").check()
    expect(page.locator("[data-part]")).to_contain_text(MAILBOX)  # while typing
    expect(page.locator("[data-part]")).to_contain_text("4 GB")
    page.get_by_role("button", name="Lưu và kiểm tra").click()
    expect(page.get_by_role("table")).to_contain_text(MAILBOX)
    page.get_by_role("button", name="Gửi phê duyệt").click()
    expect(page.get_by_role("status")).to_be_visible()
    return page.url.removeprefix(hr.address)


def approver_agrees(approver: Person) -> None:
    page = approver.page
    approver.signs_in()
    page.get_by_role("link", name="Phê duyệt").click()
    page.get_by_role("link", name="12/SKHCN-VP").click()
    page.get_by_role("button", name="Phê duyệt đúng nội dung này").click()
    expect(page.locator(".mark").filter(has_text="Hoàn thành")).to_be_visible(timeout=LONG)


def slip_of(local: Person) -> str:
    """The one-time code that the agency's administrator prints and hands over."""
    page = local.page
    local.signs_in()
    local.goes("/mailboxes?q=hoalt")
    page.get_by_role("link", name=MAILBOX).click()
    with page.expect_download() as slips:
        page.get_by_role("button", name="Cấp lại mã một lần (PDF)").click()
    text = subprocess.run(["pdftotext", slips.value.path(), "-"], check=True, capture_output=True).stdout
    found = re.search(r"\b(?:[0-9A-Z]{4}-){3,6}\s*(?:[0-9A-Z]{4}-?)+\b", text.decode())
    assert found is not None, text.decode()
    return found[0]


def owner_comes_in(page: Page, address: str, code: str) -> None:
    page.goto(f"{address}/kich-hoat")
    page.locator("#address").fill(MAILBOX)
    page.locator("#code").fill(code)
    page.locator("#password").fill(OWN_PASSWORD)
    page.locator("#again").fill(OWN_PASSWORD)
    page.locator("form.card button").click()
    page.get_by_role("link").filter(has=page.locator("xpath=self::*[contains(@href, '/toi')]")).click()
    page.get_by_label("Địa chỉ").fill(MAILBOX)
    page.get_by_label("Mật khẩu").fill(OWN_PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(MAILBOX)
    expect(page.get_by_text("Đã cấp")).to_be_visible()


def test_an_official_gets_mailbox_and_certificate_through_three_people_and_signs_in(centre: Centre) -> None:
    hr = centre.person("hoa", Role.HR, agency="H36.05")
    approver = centre.person("binh", Role.APPROVER)
    local = centre.person("lan", Role.LOCAL_ADMIN, agency="H36.05")

    request = hr_asks(hr)
    approver_agrees(approver)
    hr.goes(request)
    for fact in (
        "Đã gửi phê duyệt",
        "Đã phê duyệt",
        f"{MAILBOX}: đã có trong danh bạ",
        f"{MAILBOX}: đã cấp chứng thư",
    ):
        expect(hr.page.locator(".timeline")).to_contain_text(fact)
    owner_comes_in(centre.new_page(), centre.address, slip_of(local))

    # slapd says the same: the owner comes in with the password nobody else knows, and sees the certificate.
    mailbox = the_mailbox(centre.database, MAILBOX)
    dn = centre.slapd.dit.person(mailbox.account_id)
    with Connection(centre.slapd.url, dn, OWN_PASSWORD, raise_exceptions=True) as owner:
        assert owner.search(dn, "(objectClass=*)", BASE, attributes=["mail", "congvuQuota", CERTIFICATE])
        entry = owner.response[0]["raw_attributes"]
    assert (entry["mail"], entry["congvuQuota"]) == ([MAILBOX.encode()], [str(4 << 30).encode()])
    assert MAILBOX in str(x509.load_der_x509_certificate(entry[CERTIFICATE][0]).extensions)


@pytest.mark.parametrize("language", ["en"])
def test_a_request_is_returned_with_a_reason_and_sent_again(centre: Centre, language: str) -> None:
    hr = centre.person("hoa", Role.HR, agency="H36.05")
    approver = centre.person("binh", Role.APPROVER)
    page = hr.page
    hr.signs_in(language)
    page.get_by_role("link", name="Requests").click()
    hr.goes("/requests/new?kind=unit")
    page.get_by_label("Number of the letter").fill("13/SKHCN-VP")
    page.get_by_label("Date of the letter").fill(day_of(hr.clock()).isoformat())
    page.get_by_label("Signed by").fill("Nguyễn Văn Giám")
    page.get_by_role("button", name="Save and check").click()
    expect(page.get_by_role("table")).to_contain_text("skhcn@lamdong.gov.vn")
    expect(page.get_by_role("table")).to_contain_text("10 GB")
    page.get_by_role("button", name="Send for approval").click()

    approver.signs_in(language)
    approver.goes("/approvals")
    approver.page.get_by_role("link", name="13/SKHCN-VP").click()
    approver.page.get_by_label("Or return it, with a reason").fill("The letter is missing")
    approver.page.get_by_role("button", name="Return").click()
    expect(approver.page.locator(".timeline")).to_contain_text("Returned")

    page.reload()
    expect(page.locator(".notice.wrong")).to_contain_text("The letter is missing")
    page.get_by_role("link", name="Change").click()
    page.get_by_label("Signed by").fill("Trần Thị Phó")
    page.get_by_role("button", name="Save and check").click()
    page.get_by_role("button", name="Send for approval").click()
    approver.goes("/approvals")
    approver.page.get_by_role("link", name="13/SKHCN-VP").click()
    approver.page.get_by_role("button", name="Approve exactly this").click()
    expect(approver.page.locator(".mark").filter(has_text="Done")).to_be_visible(timeout=LONG)
