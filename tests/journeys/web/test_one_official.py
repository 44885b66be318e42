"""One official, all real, in both languages: from HR's form to a mailbox its owner signs in to, and a certificate."""

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

WORDS = {
    "vi": {
        "requests": "Đề nghị",
        "approvals": "Phê duyệt",
        "people": "Hộp thư cá nhân",
        "agency": "Cơ quan, đơn vị",
        "number": "Số, ký hiệu văn bản",
        "date": "Ngày văn bản",
        "signer": "Người ký",
        "staff number": "Mã cán bộ",
        "full name": "Họ và tên",
        "category": "Phân loại cán bộ",
        "civil servant": "Công chức",
        "certificate": "Chứng thư ký số",
        "save": "Lưu và kiểm tra",
        "send": "Gửi phê duyệt",
        "change": "Thay đổi",
        "approve": "Phê duyệt đúng nội dung này",
        "reason": "Hoặc trả lại, kèm lý do",
        "return": "Trả lại",
        "was sent": "Đã gửi phê duyệt",
        "was approved": "Đã phê duyệt",
        "was returned": "Bị trả lại",
        "in directory": "đã có trong danh bạ",
        "has certificate": "đã cấp chứng thư",
        "done": "Hoàn thành",
        "slip": "Cấp lại mã một lần (PDF)",
        "own address": "Địa chỉ thư",
        "code": "Mã trên phiếu",
        "new password": "Mật khẩu mới",
        "again": "Nhập lại mật khẩu",
        "set": "Đặt mật khẩu",
        "own page": "Trang cá nhân",
        "address": "Địa chỉ",
        "password": "Mật khẩu",
        "sign in": "Đăng nhập",
        "issued": "Đã cấp",
    },
    "en": {
        "requests": "Requests",
        "approvals": "Approvals",
        "people": "Mailboxes for people",
        "agency": "Agency",
        "number": "Number of the letter",
        "date": "Date of the letter",
        "signer": "Signed by",
        "staff number": "Staff number",
        "full name": "Full name",
        "category": "Category of staff",
        "civil servant": "Civil servant",
        "certificate": "Signing certificate",
        "save": "Save and check",
        "send": "Send for approval",
        "change": "Change",
        "approve": "Approve exactly this",
        "reason": "Or return it, with a reason",
        "return": "Return",
        "was sent": "Sent for approval",
        "was approved": "Approved",
        "was returned": "Returned",
        "in directory": "in the directory",
        "has certificate": "certificate issued",
        "done": "Done",
        "slip": "New one-time codes (PDF)",
        "own address": "Address",
        "code": "Code on the slip",
        "new password": "New password",
        "again": "The password again",
        "set": "Set the password",
        "own page": "Your own page",
        "address": "Address",
        "password": "Password",
        "sign in": "Sign in",
        "issued": "Issued",
    },
}

Words = dict[str, str]


def hr_asks(hr: Person, words: Words) -> str:
    """The address of the request, sent for approval."""
    page = hr.page
    hr.goes("/requests/new")
    page.get_by_role("link", name=words["people"]).click()
    page.get_by_label(words["agency"]).select_option("H36.05")
    page.get_by_label(words["number"]).fill("12/SKHCN-VP")
    page.get_by_label(words["date"]).fill((day_of(hr.clock()) - timedelta(days=1)).isoformat())
    page.get_by_label(words["signer"]).fill("Nguyễn Văn Giám")
    page.get_by_label(words["staff number"]).fill("CB50")
    page.get_by_label(words["full name"]).fill("Lê Thị Hòa")
    page.get_by_label(words["category"]).select_option(words["civil servant"])
    page.get_by_label(words["certificate"]).check()
    expect(page.locator("[data-part]")).to_contain_text(MAILBOX)  # while typing
    expect(page.locator("[data-part]")).to_contain_text("4 GB")
    page.get_by_role("button", name=words["save"]).click()
    expect(page.get_by_role("table")).to_contain_text(MAILBOX)
    page.get_by_role("button", name=words["send"]).click()
    expect(page.get_by_role("status")).to_be_visible()
    return page.url.removeprefix(hr.address)


def approver_agrees(approver: Person, letter: str, words: Words) -> None:
    page = approver.page
    page.get_by_role("link", name=words["approvals"]).click()
    page.get_by_role("link", name=letter).click()
    page.get_by_role("button", name=words["approve"]).click()
    expect(page.locator(".mark").filter(has_text=words["done"])).to_be_visible(timeout=LONG)


def slip_of(local: Person, words: Words) -> str:
    """The one-time code that the agency's administrator prints and hands over."""
    page = local.page
    local.goes("/mailboxes?q=hoalt")
    page.get_by_role("link", name=MAILBOX).click()
    with page.expect_download() as slips:
        page.get_by_role("button", name=words["slip"]).click()
    text = subprocess.run(["pdftotext", slips.value.path(), "-"], check=True, capture_output=True).stdout
    found = re.search(r"\b(?:[0-9A-Z]{4}-){3,6}\s*(?:[0-9A-Z]{4}-?)+\b", text.decode())
    assert found is not None, text.decode()
    return found[0]


def owner_comes_in(page: Page, address: str, code: str, words: Words) -> None:
    page.goto(address)
    page.get_by_label(words["own address"]).fill(MAILBOX)
    page.get_by_label(words["code"]).fill(code)
    page.get_by_label(words["new password"]).fill(OWN_PASSWORD)
    page.get_by_label(words["again"]).fill(OWN_PASSWORD)
    page.get_by_role("button", name=words["set"]).click()
    page.get_by_role("link", name=words["own page"]).click()
    page.get_by_label(words["address"]).fill(MAILBOX)
    page.get_by_label(words["password"]).fill(OWN_PASSWORD)
    page.get_by_role("button", name=words["sign in"]).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(MAILBOX)
    expect(page.get_by_text(words["issued"])).to_be_visible()


@pytest.mark.parametrize("language", ["vi", pytest.param("en", marks=pytest.mark.slow)])
def test_an_official_gets_mailbox_and_certificate_through_three_people_and_signs_in(
    centre: Centre, language: str
) -> None:
    words = WORDS[language]
    hr = centre.person("hoa", Role.HR, agency="H36.05")
    approver = centre.person("binh", Role.APPROVER)
    local = centre.person("lan", Role.LOCAL_ADMIN, agency="H36.05")

    hr.signs_in(language)
    request = hr_asks(hr, words)
    approver.signs_in(language)
    approver_agrees(approver, "12/SKHCN-VP", words)
    hr.goes(request)
    for fact in (
        words["was sent"],
        words["was approved"],
        f"{MAILBOX}: {words['in directory']}",
        f"{MAILBOX}: {words['has certificate']}",
    ):
        expect(hr.page.locator(".timeline")).to_contain_text(fact)
    local.signs_in(language)
    code = slip_of(local, words)
    owner_comes_in(centre.new_page(), f"{centre.address}/kich-hoat?lang={language}", code, words)

    # slapd says the same: the owner comes in with the password nobody else knows, and sees the certificate.
    mailbox = the_mailbox(centre.database, MAILBOX)
    dn = centre.slapd.dit.person(mailbox.account_id)
    with Connection(centre.slapd.url, dn, OWN_PASSWORD, raise_exceptions=True) as owner:
        assert owner.search(dn, "(objectClass=*)", BASE, attributes=["mail", "congvuQuota", CERTIFICATE])
        entry = owner.response[0]["raw_attributes"]
    assert (entry["mail"], entry["congvuQuota"]) == ([MAILBOX.encode()], [str(4 << 30).encode()])
    assert MAILBOX in str(x509.load_der_x509_certificate(entry[CERTIFICATE][0]).extensions)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_request_is_returned_with_a_reason_and_sent_again(centre: Centre, language: str) -> None:
    words = WORDS[language]
    hr = centre.person("hoa", Role.HR, agency="H36.05")
    approver = centre.person("binh", Role.APPROVER)
    page = hr.page
    hr.signs_in(language)
    page.get_by_role("link", name=words["requests"]).click()
    hr.goes("/requests/new?kind=unit")
    page.get_by_label(words["number"]).fill("13/SKHCN-VP")
    page.get_by_label(words["date"]).fill(day_of(hr.clock()).isoformat())
    page.get_by_label(words["signer"]).fill("Nguyễn Văn Giám")
    page.get_by_role("button", name=words["save"]).click()
    expect(page.get_by_role("table")).to_contain_text("skhcn@lamdong.gov.vn")
    expect(page.get_by_role("table")).to_contain_text("10 GB")
    page.get_by_role("button", name=words["send"]).click()

    approver.signs_in(language)
    approver.goes("/approvals")
    approver.page.get_by_role("link", name="13/SKHCN-VP").click()
    approver.page.get_by_label(words["reason"]).fill("The letter is missing")
    approver.page.get_by_role("button", name=words["return"]).click()
    expect(approver.page.locator(".timeline")).to_contain_text(words["was returned"])

    page.reload()
    expect(page.locator(".notice.wrong")).to_contain_text("The letter is missing")
    page.get_by_role("link", name=words["change"]).click()
    page.get_by_label(words["signer"]).fill("Trần Thị Phó")
    page.get_by_role("button", name=words["save"]).click()
    page.get_by_role("button", name=words["send"]).click()
    approver_agrees(approver, "13/SKHCN-VP", words)
