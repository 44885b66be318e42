"""Requests and rosters on their pages: three people, one path, and nobody sees or decides more than they may."""

import re
from datetime import date, timedelta
from io import BytesIO

import openpyxl
import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from provisioner.agencies.models import Agency
from provisioner.operators.models import SignedIn
from provisioner.operators.roles import Role
from provisioner.requests.models import KeptScan, Request, State
from provisioner.requests.scans import KEPT
from provisioner.rosters.models import PlanState, RosterPlan, RosterRow
from tests.books import count
from tests.fakes.directory import FakeDirectory
from tests.operators.people import PASSWORD, an_account
from tests.province import (
    DIT,
    SCIENCE,
    a_roster_of,
    an_official,
    import_list,
    issued,
    provide,
    run,
    synced,
    the_person,
    trail,
)
from tests.rosters.files import csv_text
from tests.web.site import Browser, Site

LETTER = {
    "kind": "people",
    "agency": "H36.05",
    "document_number": "12/SKHCN-VP",
    "document_date": "2026-11-20",
    "signer": "Nguyễn Văn Giám Đốc",
    "row-0-ma_can_bo": "CB50",
    "row-0-ho_va_ten": "Lê Thị Hòa",
    "row-0-phan_loai": "Công chức",
    "row-0-chung_thu": "x",
}


def hr(site: Site) -> Browser:
    browser = site.signed_in("hoa", Role.HR, agency="H36.05")
    browser.get("/requests/new?kind=people")
    return browser


def approver(site: Site) -> Browser:
    browser = site.signed_in("binh", Role.APPROVER)
    browser.get("/coverage")
    return browser


def written(site: Site, **changes: object) -> str:
    answer = hr(site).post("/requests/new", LETTER | changes)
    assert answer.status_code == 303, answer.text
    return answer.location


def the_request(site: Site) -> Request:
    with site.database.reading() as session:
        return session.query(Request).one()


def digest_on(page: str) -> str:
    return page.split('name="digest" value="')[1].partition('"')[0]


def sent(page: str, browser: Browser) -> TestResponse:
    """The request of this page as it stands, sent for approval."""
    return browser.post(f"{page}/submit", {"digest": digest_on(browser.page(page))})


def test_a_request_about_somebody_begins_on_their_page(province: Site) -> None:
    """HR finds the person and asks from there: nobody types a staff number from another window."""
    officials = [an_official("CB71", "Trần Văn Sáu"), an_official("CB72", "Lê Thị Bảy", ma_co_quan="H36.06")]
    provide(province.database, *officials, now=province.now)
    page = hr(province).page(f"/people/{the_person(province.database, 'CB71').id}")
    forms = re.findall(r'href="(/requests/new\?kind=(\w+)&amp;of=CB71)"', page)
    assert [kind for _address, kind in forms] == ["change", "certificate", "leave"]

    for address, _kind in forms:
        form = hr(province).page(address.replace("&amp;", "&"))

        assert 'value="CB71"' in form
        assert 'value="Trần Văn Sáu"' in form
        assert '<option value="H36.05" selected>' in form
    for address in ("/requests/new?kind=change&of=CB72", "/requests/new?kind=people&of=CB71"):
        assert "CB7" not in hr(province).page(address).partition("<form method")[2], address
    for looking in (province.signed_in("kiem", Role.AUDITOR), approver(province)):
        assert "/requests/new" not in looking.page(f"/people/{the_person(province.database, 'CB71').id}")


def test_a_request_goes_from_the_form_to_a_certificate_through_two_people(province: Site) -> None:
    page = written(province)
    draft = hr(province).page(page)
    assert "hoalt" in draft or "lethihoa" in draft or "@lamdong.gov.vn" in draft
    assert "4 GB" in draft
    assert sent(page, hr(province)).status_code == 303

    seen = approver(province).page(page)
    assert "approvals" in seen
    answer = approver(province).post(f"{page}/approve", {"digest": digest_on(seen)}, follow=True)
    assert "Hộp thư và chứng thư đang được cấp" in answer.text
    run(province.database, now=province.now)
    synced(province.database, FakeDirectory(DIT), now=province.now)
    issued(province.database, now=province.now)

    done = hr(province).page(page)
    assert "Hoàn thành" in done
    assert "data-poll" not in done


def test_the_approvals_page_lists_what_waits_and_what_is_late(province: Site) -> None:
    page = written(province)
    sent(page, hr(province))
    assert "Quá hạn" not in approver(province).page("/approvals")

    province.later(minutes=20)
    assert "12/SKHCN-VP" in approver(province).page("/approvals")
    with province.database.transaction() as session:
        session.query(Request).update({"due_on": province.now.date().replace(day=1)})
    assert "Quá hạn" in approver(province).page("/approvals")


@pytest.fixture
def five_working_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISIONER_DEADLINES__REQUEST", "5")


def test_a_request_is_due_within_the_days_that_are_set(five_working_days: None, province: Site) -> None:
    sent(written(province), hr(province))

    assert the_request(province).due_on == date(2026, 11, 27)  # sent on Saturday the 21st


def test_whoever_asked_cannot_approve_even_with_the_role(province: Site) -> None:
    both = province.signed_in("ca", Role.HR, Role.APPROVER)
    both.get("/requests/new?kind=people")
    page = both.post("/requests/new", LETTER).location
    sent(page, both)

    with province.database.reading() as session:
        digest = session.query(RosterPlan).filter_by(state=PlanState.PLANNED).one().digest
    answer = both.post(f"{page}/approve", {"digest": digest})

    assert answer.status_code == 403
    assert "người khác" in both.page(page)
    assert the_request(province).state is State.SUBMITTED


def test_identity_numbers_are_not_read_off_the_form_of_what_was_sent(province: Site) -> None:
    """To read one in full is a right of its own, and stands in the trail (Law 91/2025/QH15)."""
    page = written(province, **{"row-0-so_dinh_danh": "068190000005"})
    assert "068190000005" in hr(province).page(f"{page}/edit")
    sent(page, hr(province))

    form = hr(province).get(f"{page}/edit")

    assert form.status_code == 409
    assert "068190000005" not in form.text


def test_an_approval_of_something_else_is_refused(province: Site) -> None:
    page = written(province)
    sent(page, hr(province))

    assert approver(province).post(f"{page}/approve", {"digest": "0" * 64}).status_code == 409
    assert approver(province).post(f"{page}/approve").status_code == 409


def test_a_request_is_returned_and_corrected(province: Site) -> None:
    page = written(province)
    sent(page, hr(province))
    approver(province).post(f"{page}/return", {"reason": "Thiếu quyết định"})
    assert "Thiếu quyết định" in hr(province).page(page)

    form = hr(province).page(f"{page}/edit")
    assert 'value="CB50"' in form
    again = hr(province).post(f"{page}/edit", LETTER | {"decision": "QĐ 1"})
    assert (again.status_code, again.location) == (303, page)
    assert sent(page, hr(province)).status_code == 303


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"document_number": ""}, "Hãy ghi số"),
        ({"document_number": "1" * 61}, "Số, ký hiệu văn bản dài quá 60 ký tự"),
        ({"document_date": "hôm qua"}, "Hãy ghi ngày"),
        ({"document_date": "0001-01-01"}, "Ngày phải từ 01/01/1990 đến hôm nay"),
        ({"document_date": "2026-11-22"}, "Ngày phải từ 01/01/1990 đến hôm nay"),
        ({"decision_date": "2199-01-01"}, "Ngày phải từ 01/01/1990 đến hôm nay"),
        ({"decision_date": "32/13"}, "Ngày của quyết định không phải là một ngày"),
        ({"signer": ""}, "Hãy ghi người ký"),
        ({"signer": "A" * 121}, "Tên người ký văn bản dài quá 120 ký tự"),
        ({"agency": "H36.06"}, "Hãy chọn cơ quan"),
        ({"agency": "nonsense"}, "Hãy chọn cơ quan"),
        (
            {"row-0-ma_can_bo": "", "row-0-ho_va_ten": "", "row-0-phan_loai": "", "row-0-chung_thu": ""},
            "ít nhất một dòng",
        ),
        ({"scan": (BytesIO(b"MZ not a pdf"), "letter.pdf")}, "phải là PDF"),
    ],
)
def test_the_form_says_beside_the_field_what_to_do(province: Site, changes: dict, said: str) -> None:
    answer = hr(province).post("/requests/new", LETTER | changes)

    assert answer.status_code == 422
    assert said in answer.text
    if next(iter(changes)) in ("document_number", "document_date", "decision_date", "signer"):
        assert f'id="{next(iter(changes))}-problem">{said}' in answer.text
    assert count(province.database, Request) == 0


def test_a_form_keeps_what_was_written_when_a_row_is_added(province: Site) -> None:
    answer = hr(province).post("/requests/new", LETTER | {"more": "1"})

    assert answer.status_code == 200
    assert 'value="Lê Thị Hòa"' in answer.text
    assert 'name="row-1-ho_va_ten"' in answer.text


@pytest.mark.parametrize("kind", ["people", "unit", "change"])
def test_a_row_that_is_added_is_where_typing_goes_on(province: Site, kind: str) -> None:
    answer = hr(province).post("/requests/new", LETTER | {"kind": kind, "more": "1"})

    (here,) = re.findall(r"<input[^>]*autofocus[^>]*>", answer.text)
    assert 'name="row-1-' in here
    assert "autofocus" not in hr(province).page(f"/requests/new?kind={kind}")


def kept_on(page: str) -> dict[str, str]:
    """What a form brings along of a scan that was sent with it before."""
    return dict(re.findall(r'<input type="hidden" name="(kept)" value="(\w+)">', page))


@pytest.mark.parametrize("sent_with", [{"more": "1"}, {"signer": ""}])
def test_a_scan_goes_along_with_a_form_that_comes_back(province: Site, sent_with: dict[str, str]) -> None:
    letter = {"scan": (BytesIO(b"%PDF-1.7 words"), "công văn 12.pdf")}

    back = hr(province).post("/requests/new", LETTER | sent_with | letter)
    again = hr(province).post("/requests/new", LETTER | {"more": "1"} | kept_on(back.text))
    assert "đã đính kèm: công văn 12.pdf" in back.text
    assert "đã đính kèm: công văn 12.pdf" in again.text
    page = written(province, **kept_on(again.text))

    assert the_request(province).letter_name == "công văn 12.pdf"
    assert approver(province).get(f"{page}/letter").data == b"%PDF-1.7 words"
    assert count(province.database, KeptScan) == 0


def test_a_kept_scan_is_its_senders_alone_and_for_a_day(province: Site) -> None:
    letter = {"scan": (BytesIO(b"%PDF-1.7 words"), "công văn.pdf"), "more": "1"}
    kept = kept_on(hr(province).post("/requests/new", LETTER | letter).text)
    with province.database.reading() as session:
        assert b"words" not in session.scalars(select(KeptScan.content_sealed)).one()
    other = province.signed_in("lan", Role.HR, agency="H36.05")
    other.get("/requests/new?kind=people")

    for answer in (
        other.post("/requests/new", LETTER | kept),
        other.post("/requests/new", LETTER | {"kept": "nonsense"}),
    ):
        assert answer.status_code == 422
        assert "hãy đính kèm lại" in answer.text
        assert kept_on(answer.text) == {}
    with province.database.transaction() as session:
        session.execute(update(KeptScan).values(kept_at=province.now - KEPT))
    assert hr(province).post("/requests/new", LETTER | kept).status_code == 422
    assert count(province.database, Request) == 0


def test_a_scan_that_is_none_is_refused_when_it_is_sent(province: Site) -> None:
    letter = {"scan": (BytesIO(b"MZ not a pdf"), "letter.pdf"), "more": "1"}

    answer = hr(province).post("/requests/new", LETTER | letter)

    assert answer.status_code == 422
    assert "phải là PDF" in answer.text
    assert count(province.database, KeptScan) == 0


def test_the_form_of_a_draft_names_the_letter_it_has(province: Site) -> None:
    page = written(province, scan=(BytesIO(b"%PDF-1.7 words"), "công văn 12.pdf"))

    form = hr(province).page(f"{page}/edit")

    assert "đã đính kèm: công văn 12.pdf" in form


def test_a_row_in_trouble_is_shown_and_not_sent(province: Site) -> None:
    page = written(province, **{"row-0-ngay_sinh": "31/02/1990"})

    assert "Ngày sinh" in hr(province).page(page)
    assert hr(province).post(f"{page}/submit").status_code in (303, 422)


def test_a_draft_that_changes_nothing_says_so_and_offers_no_sending(province: Site) -> None:
    page = written(
        province, **{"row-0-ma_can_bo": "CB1", "row-0-ho_va_ten": "Nguyễn Thị Ánh", "row-0-chung_thu": ""}
    )

    shown = hr(province).page(page)

    assert "không có gì để gửi" in shown
    assert f"{page}/submit" not in shown


def test_a_draft_that_another_tab_changed_is_not_sent_unseen(province: Site) -> None:
    browser = hr(province)
    page = written(province)
    seen = digest_on(browser.page(page))
    browser.post(f"{page}/edit", LETTER | {"row-0-ho_va_ten": "Lê Thị Hoa"})

    answer = browser.post(f"{page}/submit", {"digest": seen})

    assert answer.status_code == 409
    assert "xem lại" in answer.text
    assert the_request(province).state is State.DRAFT


def test_a_change_asks_for_each_thing_it_may_do(province: Site) -> None:
    """An empty box would say no where nothing was said."""
    form = hr(province).page("/requests/new?kind=change")

    assert '<select id="row-0-lanh_dao"' in form
    assert 'name="row-0-ma_co_quan"' in form
    assert '<option value="H36.05">' in form.partition("<datalist")[2]
    assert "H36.06" not in form


def test_a_change_of_a_telephone_number_changes_nothing_else(province: Site) -> None:
    said = {"row-0-ma_can_bo": "CB1", "row-0-ho_va_ten": "Nguyễn Thị Ánh", "row-0-dien_thoai": "0912345678"}
    page = (
        hr(province)
        .post(
            "/requests/new",
            LETTER | {"row-0-phan_loai": "", "row-0-chung_thu": ""} | said | {"kind": "change"},
        )
        .location
    )

    plan_id = the_request(province).plan_id
    with province.database.reading() as session:
        row = session.query(RosterRow).filter_by(plan_id=plan_id).one()
    assert list(row.changes or {}) == ["phone"]
    assert 'value="0912345678"' in hr(province).page(f"{page}/edit")


def test_the_letter_is_kept_sealed_and_its_opening_is_noted(province: Site) -> None:
    page = written(province, scan=(BytesIO(b"%PDF-1.7 words"), "../../công văn.pdf"))

    answer = approver(province).get(f"{page}/letter")

    assert (answer.status_code, answer.data) == (200, b"%PDF-1.7 words")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert b"words" not in (the_request(province).letter_sealed or b"")
    assert [event.actor for event in trail(province.database, "request.letter-given")] == ["binh"]


def test_another_agency_neither_sees_nor_changes_a_request(province: Site) -> None:
    page = written(province)
    other = province.signed_in("tam", Role.HR, agency="H36.06")
    other.get("/requests")

    for answer in (
        other.get(page),
        other.get(f"{page}/edit"),
        other.get(f"{page}/letter"),
        other.post(f"{page}/edit", LETTER | {"agency": "H36.06"}),
        other.post(f"{page}/submit"),
    ):
        assert answer.status_code == 404
    assert "12/SKHCN-VP" not in other.page("/requests")
    assert the_request(province).state is State.DRAFT


def test_every_name_of_every_column_may_be_posted_and_changes_only_what_the_form_has(province: Site) -> None:
    """Mass assignment (T18): state, deciders, plans and ids are not the form's to give."""
    extra = {
        column.name: "1" for model in (Request, RosterPlan, SignedIn) for column in model.__table__.columns
    }
    del extra["decision_date"]  # the form's own, which refuses what is no day
    extra |= {f"row-0-{name}": "900GB" for name in ("dung_luong", "loai_dong", "ma_co_quan", "id", "outcome")}
    page = written(province, **{k: v for k, v in extra.items() if k not in LETTER and k != "form_token"})

    request = the_request(province)
    assert (request.state, request.decided_by, request.submitted_by, request.written_by) == (
        State.DRAFT,
        None,
        None,
        "hoa",
    )
    assert page == f"/requests/{request.id}"
    with province.database.reading() as session:
        (row,) = session.query(RosterPlan).filter_by(id=request.plan_id)
    assert row.planned_by == "hoa"


PAYLOAD = "<script>alert(1)</script>"


def test_what_was_written_is_shown_as_text(province: Site) -> None:
    page = written(province, signer=PAYLOAD, decision=PAYLOAD, document_number=PAYLOAD)

    for address in (page, "/requests", f"{page}/edit"):
        assert PAYLOAD not in hr(province).page(address)
        assert "&lt;script&gt;" in hr(province).page(address)


def roster(site: Site, *rows: dict[str, str], browser: Browser | None = None, name: str = "danh-sach.csv"):
    admin = browser or site.signed_in("quan", Role.ADMIN)
    admin.get("/rosters")
    answer = admin.post("/rosters", {"file": (BytesIO(csv_text(a_roster_of(*rows)).encode()), name)})
    site.plan_rosters()
    return answer


def test_a_roster_is_loaded_checked_approved_by_another_and_given_back(province: Site) -> None:
    rows = [
        an_official(f"CB{n}", f"Trần Văn {name}") for n, name in enumerate(("An", "Bình", "Chi"), start=60)
    ]
    page = roster(province, *rows, an_official("", "Không Mã")).location
    admin = province.signed_in("quan", Role.ADMIN)
    shown = admin.page(page)
    assert "Bạn đã nạp danh sách này" in shown
    assert "tranvan" in shown or "@lamdong.gov.vn" in shown
    assert "Bị từ chối" in shown
    assert "Không Mã" in admin.page(f"{page}?outcome=refused") or "Thiếu" in admin.page(
        f"{page}?outcome=refused"
    )

    with province.database.reading() as session:
        digest = session.query(RosterPlan).order_by(RosterPlan.id.desc()).first().digest
    assert admin.post(f"{page}/approve", {"digest": digest}).status_code == 403
    second = approver(province)
    seen = second.page(page)
    assert second.post(f"{page}/approve", {"digest": digest_on(seen)}).status_code == 303
    assert "data-poll" in second.page(page)
    run(province.database, now=province.now)
    directory = FakeDirectory(DIT)
    synced(province.database, directory, now=province.now)
    issued(province.database, now=province.now)
    synced(province.database, directory, now=province.now)

    assert "Đã vào sổ: 3 trên 3" in second.page(page)
    assert "data-poll" not in second.page(page)
    result = second.get(f"{page}/result.xlsx")
    book = openpyxl.load_workbook(BytesIO(result.data))
    cells = [str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell]
    assert cells.count("Đã cấp") >= 3


def test_a_large_roster_asks_the_approver_for_a_fresh_proof(province: Site) -> None:
    page = roster(province, *(an_official(f"L{n}", "Trần Văn An") for n in range(101))).location
    account = an_account(province.database, "son", Role.APPROVER)
    browser = province.browser()
    browser.get("/sign-in")
    browser.post("/sign-in", {"name": "son", "password": PASSWORD, "code": account.code(province.now)})
    province.later(minutes=12)
    digest = digest_on(browser.page(page))

    first = browser.post(f"{page}/approve", {"digest": digest})
    assert first.location.startswith("/prove")
    browser.get(first.location)
    browser.post("/prove", {"password": PASSWORD, "code": account.code(province.now), "next": page})
    browser.get(page)

    assert browser.post(f"{page}/approve", {"digest": digest}).location == page
    with province.database.reading() as session:
        assert session.query(RosterPlan).order_by(RosterPlan.id.desc()).first().state is PlanState.APPLYING


def test_rows_of_a_request_are_not_approved_as_a_roster(province: Site) -> None:
    page = written(province)
    plan_id = the_request(province).plan_id
    seen = approver(province).page(f"/rosters/{plan_id}")

    answer = approver(province).post(f"/rosters/{plan_id}/approve", {"digest": "x"})

    assert answer.status_code == 422
    assert page in seen
    assert 'name="digest"' not in seen


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("danh-sach.csv", b""),
        ("danh-sach.csv", b"\x00\x01\x02nothing"),
        ("danh-sach.xlsx", b"PK\x03\x04broken"),
    ],
)
def test_a_file_that_is_no_roster_is_refused_in_words(province: Site, name: str, content: bytes) -> None:
    admin = province.signed_in("quan", Role.ADMIN)
    admin.get("/rosters")

    page = admin.post("/rosters", {"file": (BytesIO(content), name)}).location
    province.plan_rosters()

    assert 'role="alert"' in admin.page(page)
    assert admin.get(f"{page}/result.xlsx").status_code == 409


def test_no_file_is_said_at_once(province: Site) -> None:
    admin = province.signed_in("quan", Role.ADMIN)
    admin.get("/rosters")

    answer = admin.post("/rosters", {"file": (BytesIO(b""), "")})

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_a_file_is_read_by_a_worker_while_its_page_waits(province: Site) -> None:
    admin = province.signed_in("quan", Role.ADMIN)
    admin.get("/rosters")
    content = csv_text(a_roster_of(an_official("CB60", "Trần Văn An"))).encode()

    page = admin.post("/rosters", {"file": (BytesIO(content), "danh-sach.csv")}).location

    assert province.rings[-1] == "planning"
    assert "Tệp đã được nhận" in admin.page(page)
    assert 'data-then="reload"' in admin.page(page)
    province.plan_rosters()
    assert 'data-then="reload"' not in admin.page(page)
    assert "Trần Văn An" in admin.page(page)


def test_a_file_name_and_cells_with_markup_are_shown_as_text(province: Site) -> None:
    row = an_official("CB77", PAYLOAD, chuc_vu=PAYLOAD)

    page = roster(province, row, name=f"../{PAYLOAD}.csv").location

    shown = province.signed_in("quan", Role.ADMIN).page(page)
    assert PAYLOAD not in shown


@pytest.mark.parametrize("role", [Role.HR, Role.LEADER, Role.LOCAL_ADMIN, Role.CA_OFFICER, Role.AUDITOR])
def test_others_load_no_rosters(province: Site, role: Role) -> None:
    browser = province.signed_in("xuan", role)
    browser.get("/coverage")

    assert roster(province, an_official(), browser=browser).status_code == 403


def test_the_form_shows_address_and_quota_while_somebody_types(province: Site) -> None:
    browser = hr(province)
    typed = {"kind": "people", "agency": "H36.05", "row-0-ma_can_bo": "CB50", "row-0-ho_va_ten": "Lê Thị Hòa"}

    answer = browser.post("/requests/preview", typed)

    assert answer.status_code == 200
    assert "hoalt@lamdong.gov.vn" in answer.text
    assert "4 GB" in answer.text
    assert count(province.database, Request) == 0


def test_a_preview_for_an_agency_out_of_reach_says_nothing(province: Site) -> None:
    typed = {"kind": "people", "agency": "H36.06", "row-0-ma_can_bo": "CB50", "row-0-ho_va_ten": "Lê Thị Hòa"}

    answer = hr(province).post("/requests/preview", typed)

    assert answer.status_code == 200
    assert "@lamdong.gov.vn" not in answer.text


def test_a_leave_goes_from_the_form_to_a_locked_mailbox(province: Site) -> None:
    synced(province.database, FakeDirectory(DIT), now=province.now)
    page = written(
        province,
        kind="leave",
        decision="45/QĐ-SKHCN",
        decision_date="2026-11-20",
        **{"row-0-ma_can_bo": "CB1", "row-0-ho_va_ten": "Nguyễn Thị Ánh", "row-0-nghi_tu": "21/11/2026"},
    )
    assert "21/11/2026" in hr(province).page(page)
    sent(page, hr(province))
    seen = approver(province).page(page)
    approver(province).post(f"{page}/approve", {"digest": digest_on(seen)})
    run(province.database, now=province.now)
    synced(province.database, FakeDirectory(DIT), now=province.now)

    done = hr(province).page(page)
    assert "Hoàn thành" in done
    assert "hộp thư đã khóa trong danh bạ" in done


def closing(site: Site, last_day: date) -> None:
    import_list(site.database, SCIENCE | {"hieu_luc_den": last_day.isoformat()})


def offered(page: str) -> list[str]:
    """The codes of the agencies that a form offers."""
    return re.findall(r'<option value="(H36[^"]*)"', page)


def test_an_agency_is_offered_until_its_last_day_and_a_draft_keeps_the_one_it_has(province: Site) -> None:
    page = written(province)
    today = province.now.date()

    closing(province, today + timedelta(days=90))
    assert "H36.05" in offered(hr(province).page("/requests/new?kind=people"))

    closing(province, today - timedelta(days=3))
    assert "H36.05" not in offered(hr(province).page("/requests/new?kind=people"))
    assert "H36.05" in offered(hr(province).page("/requests/new?kind=leave"))
    assert '<option value="H36.05" selected' in hr(province).page(f"{page}/edit")


def test_an_agency_says_when_it_closes_and_who_is_left(province: Site) -> None:
    with province.database.reading() as session:
        agency = session.scalars(select(Agency.id).where(Agency.code == "H36.05")).one()
    auditor = province.signed_in("kim", Role.AUDITOR)
    today = province.now.date()

    closing(province, today + timedelta(days=90))
    assert "sẽ ngừng hoạt động" in auditor.page(f"/agencies/{agency}")

    closing(province, today - timedelta(days=3))
    page = auditor.page(f"/agencies/{agency}")
    assert "đã ngừng hoạt động" in page
    assert "Còn 1 người giữ chức vụ" in page
