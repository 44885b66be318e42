"""Each thing of the register in detail, its history, and what a role may do with what was chosen."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from ca.crl import Reason
from provisioner.agencies.models import Agency
from provisioner.audit import Who
from provisioner.certificates import revoking_many
from provisioner.certificates.models import Certificate, RevocationItem, RevocationPlan
from provisioner.certificates.models import PlanState as RevocationState
from provisioner.days import day_of
from provisioner.mail.models import ActivationCode
from provisioner.mailboxes.models import Address, Mailbox, Status
from provisioner.operators import naming
from provisioner.operators.roles import Role
from provisioner.rosters.renumbering import renumber
from provisioner.rounds import calendar
from tests.books import count
from tests.fakes.directory import FakeDirectory
from tests.operators.people import an_operator
from tests.province import (
    DIT,
    SCIENCE,
    a_unit,
    addresses,
    an_official,
    import_list,
    issued,
    provide,
    synced,
    the_mailbox,
    the_person,
    trail,
)
from tests.province import an_agency as listed_agency
from tests.web.site import Browser, Site

ANH, BINH = "anhnt@lamdong.gov.vn", "binhtv@lamdong.gov.vn"
NUMBER = "068190000123"


@pytest.fixture
def filled(province: Site) -> Site:
    """Everything of the province in the directory and signed."""
    provide(province.database, an_official("CB80", "Đặng Thị Hòa", so_dinh_danh=NUMBER), now=province.now)
    synced(province.database, FakeDirectory(DIT), now=province.now)
    issued(province.database, now=province.now)
    return province


def local(site: Site) -> Browser:
    return site.signed_in("dung", Role.LOCAL_ADMIN, agency="H36.05")


def status(site: Site, address: str) -> Status:
    return the_mailbox(site.database, address).status


def a_certificate(site: Site, address: str) -> int:
    with site.database.reading() as session:
        mailbox = the_mailbox(site.database, address)
        return session.scalars(select(Certificate.id).where(Certificate.mailbox_id == mailbox.id)).one()


def an_agency(site: Site, code: str) -> int:
    with site.database.reading() as session:
        return session.scalars(select(Agency.id).where(Agency.code == code)).one()


def test_a_mailbox_that_the_directory_refused_says_so_in_the_readers_language(filled: Site) -> None:
    box = the_mailbox(filled.database, ANH)
    with filled.database.transaction() as session:
        trouble = {"trouble": "needs-person", "trouble_detail": "the entry that stands there is not ours"}
        session.execute(update(Mailbox).where(Mailbox.id == box.id).values(**trouble))

    for page in ("/mailboxes", f"/mailboxes/{box.id}", f"/people/{box.person_id}"):
        assert "đã có một mục khác" in local(filled).page(f"{page}?lang=vi"), page
        assert "stands there is not ours" in local(filled).page(f"{page}?lang=en"), page


def test_a_person_keeps_the_history_of_earlier_numbers_and_whoever_gets_one_starts_anew(filled: Site) -> None:
    database, now = filled.database, filled.now
    person = the_person(database, "CB80")
    for old, new in (("CB80", "CB81"), ("CB81", "CB82"), ("CB82", "CB81")):
        with database.transaction() as session:
            renumber(session, old, new, who=Who("an"), now=now)
    provide(database, an_official("CB80", "Hoàng Văn Tám"), now=now)
    mailbox = the_mailbox(database, addresses(database)["CB81"])

    browser = filled.signed_in("dung", Role.LOCAL_ADMIN, agency="H36.05")
    corrected, opened = "Sửa mã cán bộ", "Đã vào sổ"
    page = browser.page(f"/people/{person.id}")
    assert (page.count(corrected), page.count(opened)) == (3, 1)
    assert browser.page(f"/mailboxes/{mailbox.id}").count(opened) == 1
    successor = browser.page(f"/people/{the_person(database, 'CB80').id}")
    assert (successor.count(corrected), successor.count(opened)) == (0, 1)


def test_a_mailbox_in_detail_shows_its_state_its_certificate_and_its_history(filled: Site) -> None:
    mailbox = the_mailbox(filled.database, ANH)
    browser = local(filled)
    browser.page(f"/mailboxes/{mailbox.id}")

    answer = browser.post(
        "/mailboxes/lock", {"chosen": str(mailbox.id), "reason": "nghi bị lộ mật khẩu"}, follow=True
    )

    assert "Đã khóa" in answer.text
    shown = browser.page(f"/mailboxes/{mailbox.id}")
    assert shown.count("nghi bị lộ mật khẩu") >= 2
    assert "dung" in shown
    assert f"/certificates/{a_certificate(filled, ANH)}" in shown


def test_a_mailbox_in_detail_offers_what_its_state_allows(filled: Site) -> None:
    mailbox = the_mailbox(filled.database, ANH)
    browser = local(filled)

    def offered() -> set[str]:
        return set(re.findall(r'formaction="/mailboxes/(\w+)"', browser.page(f"/mailboxes/{mailbox.id}")))

    assert offered() == {"lock", "disable", "codes"}
    browser.post("/mailboxes/lock", {"chosen": str(mailbox.id), "reason": "kiểm tra"})
    assert offered() == {"lock", "unlock", "disable"}
    browser.post("/mailboxes/disable", {"chosen": str(mailbox.id), "reason": "kiểm tra"})
    assert offered() == {"lock", "enable"}


def test_a_local_administrator_locks_and_unlocks_the_chosen_of_their_own_agency_only(filled: Site) -> None:
    ids = [str(the_mailbox(filled.database, address).id) for address in (ANH, BINH)]
    browser = local(filled)
    browser.page("/mailboxes")

    browser.post("/mailboxes/lock", {"chosen": ids, "reason": "kiểm tra"})
    assert (status(filled, ANH), status(filled, BINH)) == (Status.LOCKED, Status.ACTIVE)
    browser.post("/mailboxes/unlock", {"chosen": ids, "reason": "xong"})

    assert status(filled, ANH) is Status.ACTIVE
    assert [event.actor for event in trail(filled.database, "mailbox.locked")] == ["dung"]


def history_of(site: Site, address: str) -> str:
    browser = site.signed_in("lan", Role.ADMIN)
    page = browser.page(f"/mailboxes/{the_mailbox(site.database, address).id}")
    return page.partition("<h2>Lịch sử</h2>")[2]


def test_the_mailbox_of_an_official_shows_what_rosters_did_to_it(filled: Site) -> None:
    provide(filled.database, an_official("CB77", "Trần Thị Bảy"), now=filled.now)
    address = addresses(filled.database)["CB77"]
    provide(
        filled.database, an_official("CB77", "Trần Thị Bảy", chuc_vu="Trưởng phòng Kế hoạch"), now=filled.now
    )

    history = history_of(filled, address)

    assert address in history
    assert "Trưởng phòng Kế hoạch" in history
    assert history.count("<li>") == 2


def test_the_mailbox_of_a_unit_shows_what_was_done_to_it_however_its_name_was_spelt(filled: Site) -> None:
    provide(filled.database, a_unit("H36.05", "Văn phòng – Hoá chất"), now=filled.now)
    with filled.database.reading() as session:
        named = select(Mailbox.id).where(Mailbox.unit_name == "Văn phòng – Hoá chất")
        box = session.scalars(named).one()
        address = session.scalars(select(Address.address).where(Address.mailbox_id == box)).one()
    provide(filled.database, a_unit("H36.05", "VĂN PHÒNG, HÓA CHẤT", dung_luong="20GB"), now=filled.now)

    history = history_of(filled, address)

    assert address in history
    assert "20 GB" in history
    assert history.count("<li>") == 2


def test_the_history_of_a_unit_mailbox_is_its_own_under_every_code_of_its_agency(filled: Site) -> None:
    day = filled.now.date().isoformat()
    renumbered = SCIENCE | {"ma_co_quan": "H36.55", "ma_cu": "H36.05", "hieu_luc_tu": day}
    heir = listed_agency("H36.05", "Trung tâm Dịch vụ công", "ttdvc", "H36", hieu_luc_tu=day)
    provide(filled.database, a_unit("H36.05", dung_luong="10GB"), now=filled.now)
    import_list(filled.database, renumbered)
    import_list(filled.database, heir)
    provide(filled.database, a_unit("H36.05", dung_luong="30GB"), now=filled.now)
    provide(filled.database, a_unit("H36.55", dung_luong="20GB"), now=filled.now)

    history = history_of(filled, "skhcn@lamdong.gov.vn")

    assert ("10 GB" in history, "20 GB" in history, "30 GB" in history) == (True, True, False)


def test_nothing_is_locked_without_a_reason(filled: Site) -> None:
    browser = local(filled)
    browser.page("/mailboxes")

    answer = browser.post("/mailboxes/lock", {"chosen": str(the_mailbox(filled.database, ANH).id)})

    assert answer.status_code == 422
    assert status(filled, ANH) is Status.ACTIVE


def test_who_left_is_not_let_in_by_unlocking(filled: Site) -> None:
    provide(filled.database, an_official("CB1", nghi_tu="21/11/2026"), now=filled.now)
    browser = local(filled)
    mailbox = the_mailbox(filled.database, ANH)
    assert "đã nghỉ" in browser.page("/mailboxes?q=anhnt")

    browser.post("/mailboxes/unlock", {"chosen": str(mailbox.id), "reason": "nhờ"})

    assert status(filled, ANH) is Status.LOCKED


def test_the_chosen_of_ones_own_agency_are_disabled_and_made_active_again(filled: Site) -> None:
    provide(filled.database, a_unit("H36.05"), now=filled.now)
    unit = "skhcn@lamdong.gov.vn"
    ids = [str(the_mailbox(filled.database, address).id) for address in (ANH, unit, BINH)]
    browser = local(filled)
    assert "Vô hiệu hóa" in browser.page("/mailboxes")
    assert "Vô hiệu hóa" in browser.page(f"/mailboxes/{ids[0]}")

    said = browser.post("/mailboxes/disable", {"chosen": ids, "reason": "sáp nhập"}, follow=True)
    disabled = [status(filled, address) for address in (ANH, unit, BINH)]
    assert disabled == [Status.DISABLED, Status.DISABLED, Status.ACTIVE]
    assert "Đã vô hiệu. Thư gửi đến bị từ chối" in said.text
    page = browser.page(f"/mailboxes/{ids[0]}")
    assert page.count("sáp nhập") >= 2
    browser.post("/mailboxes/enable", {"chosen": ids, "reason": "nhầm"})

    assert [status(filled, address) for address in (ANH, unit)] == [Status.ACTIVE, Status.ACTIVE]
    assert [event.actor for event in trail(filled.database, "mailbox.disabled")] == ["dung", "dung"]
    assert [event.actor for event in trail(filled.database, "mailbox.enabled")] == ["dung", "dung"]


def test_the_page_of_a_disabled_mailbox_says_when_it_is_deleted_where_the_province_has_that_done(
    filled: Site,
) -> None:
    browser = local(filled)
    mailbox = the_mailbox(filled.database, ANH)
    browser.page("/mailboxes")
    browser.post("/mailboxes/disable", {"chosen": str(mailbox.id), "reason": "sáp nhập"})
    kept = browser.page(f"/mailboxes/{mailbox.id}")

    services = filled.app.extensions["provisioner"]
    section = services.settings.timers.model_copy(update={"disabled_deleted_after": 5})
    services.settings = services.settings.model_copy(update={"timers": section})
    ending = browser.page(f"/mailboxes/{mailbox.id}")

    day = calendar(services).due(day_of(filled.now), days=5)
    assert "Sẽ xóa từ ngày" not in kept
    assert f"Sẽ xóa từ ngày</dt><dd>{day:%d/%m/%Y}" in ending
    assert "nộp lưu" in ending


def test_nothing_is_disabled_without_a_reason(filled: Site) -> None:
    browser = local(filled)
    browser.page("/mailboxes")

    answer = browser.post("/mailboxes/disable", {"chosen": str(the_mailbox(filled.database, ANH).id)})

    assert (answer.status_code, status(filled, ANH)) == (422, Status.ACTIVE)


def test_new_codes_come_as_a_pdf_for_the_chosen_within_reach(filled: Site) -> None:
    ids = [str(the_mailbox(filled.database, address).id) for address in (ANH, BINH)]
    browser = local(filled)
    browser.page("/mailboxes")

    answer = browser.post("/mailboxes/codes", {"chosen": ids})

    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.data.startswith(b"%PDF-")
    assert [event.subject_id for event in trail(filled.database, "code.issued")] == [ANH]
    browser.post("/mailboxes/codes", {"chosen": ids[:1]})
    with filled.database.reading() as session:
        voided = session.scalars(select(ActivationCode.voided_at).order_by(ActivationCode.id)).all()
    assert [moment is not None for moment in voided] == [True, False]


def test_the_slips_of_an_agency_are_printed_at_once_and_noted_as_handed_out(filled: Site) -> None:
    page = f"/agencies/{an_agency(filled, 'H36.05')}"
    browser = local(filled)
    assert "đã cấp mã: 0; đã phát phiếu: 0" in browser.page(page)
    assert "Không có phiếu nào" in browser.post(f"{page}/handed-out", follow=True).text

    printed = browser.post(f"{page}/slips")
    assert printed.headers["Cache-Control"] == "no-store"

    assert (printed.status_code, printed.mimetype) == (200, "application/pdf")
    subjects = {event.subject_id for event in trail(filled.database, "code.issued")}
    assert (ANH in subjects, BINH in subjects, "skhcn@lamdong.gov.vn" in subjects) == (True, False, True)
    assert browser.post(f"{page}/slips").status_code == 409
    assert "Đã ghi nhận: phiếu" in browser.post(f"{page}/handed-out", follow=True).text
    assert f"đã cấp mã: {len(subjects)}; đã phát phiếu: {len(subjects)}" in browser.page(page)
    again = browser.post(f"{page}/slips", {"again": "x"})
    assert again.mimetype == "application/pdf"
    assert len(trail(filled.database, "code.issued")) == 2 * len(subjects)


def test_slips_of_an_agency_are_for_whoever_makes_its_codes(filled: Site) -> None:
    page, other = (f"/agencies/{an_agency(filled, code)}" for code in ("H36.05", "H36.06"))
    reader = filled.signed_in("cao", Role.CA_OFFICER)
    assert f"{page}/slips" not in reader.page(page)
    assert reader.post(f"{page}/slips").status_code == 403
    both = [(Role.LOCAL_ADMIN, "H36.05"), (Role.HR, "H36.06")]
    browser = filled.signed_in("ha", holding=both)
    assert f"{page}/slips" in browser.page(page)
    assert "/slips" not in browser.page(other)

    answers = [browser.post(f"{other}/{deed}").status_code for deed in ("slips", "handed-out")]

    assert answers == [404, 404]
    assert count(filled.database, ActivationCode) == 0


def test_no_local_administrator_prints_a_code_for_an_operator_with_more_rights(filled: Site) -> None:
    """With it they would set the password of the mailbox, and sign in as that operator."""
    mailbox = the_mailbox(filled.database, ANH)
    auditor = an_operator(filled.database, "chi", Role.AUDITOR)
    with filled.database.transaction() as session:
        naming.tie(session, session.merge(auditor), mailbox.person_id, by="test", now=filled.now)
    browser = local(filled)
    browser.page("/mailboxes")

    answer = browser.post("/mailboxes/codes", {"chosen": str(mailbox.id)})

    assert answer.status_code == 403
    assert ANH in answer.text
    assert count(filled.database, ActivationCode) == 0


def test_an_officer_orders_certificates_for_those_who_have_none(filled: Site) -> None:
    hoa = the_person(filled.database, "CB80")
    with filled.database.reading() as session:
        mailbox = session.scalars(select(Mailbox.id).where(Mailbox.person_id == hoa.id)).one()
    chosen = [str(mailbox), str(the_mailbox(filled.database, ANH).id)]
    before = count(filled.database, Certificate)
    browser = filled.signed_in("cao", Role.CA_OFFICER)
    browser.page("/mailboxes")

    browser.post("/mailboxes/certificates", {"chosen": chosen})

    assert count(filled.database, Certificate) == before + 1
    (event,) = trail(filled.database, "certificate.ordered")
    assert (event.actor, event.after) == ("cao", {"purpose": "mail"})
    assert "Đã yêu cầu cấp chứng thư" in browser.page(f"/mailboxes/{mailbox}")
    assert issued(filled.database, now=filled.now) == 1


def test_a_grave_deed_asks_for_a_fresh_proof(filled: Site) -> None:
    browser = filled.signed_in("cao", Role.CA_OFFICER)
    browser.page("/certificates")
    filled.later(minutes=12)

    for address in ("/mailboxes/certificates", "/revocations", "/revocations/1/approve"):
        assert browser.post(address).location.startswith("/prove")

    administrator = local(filled)
    administrator.page("/mailboxes")
    filled.later(minutes=12)
    assert administrator.post("/mailboxes/codes").location.startswith("/prove")


def test_a_revocation_is_proposed_by_one_officer_and_agreed_to_by_another(filled: Site) -> None:
    certificate = a_certificate(filled, ANH)
    one = filled.signed_in("cao", Role.CA_OFFICER)
    one.page("/certificates")
    proposed = one.post(
        "/revocations", {"chosen": str(certificate), "reason": "keyCompromise", "note": "CV 9/SKHCN"}
    )
    page = proposed.location
    seen = one.page(page)
    assert "CV 9/SKHCN" in seen
    digest = one.post(f"{page}/approve", {"digest": "x"})
    assert digest.status_code == 403

    other = filled.signed_in("ngan", Role.CA_OFFICER)
    shown = other.page(page)
    answer = other.post(
        f"{page}/approve", {"digest": shown.split('name="digest" value="')[1].partition('"')[0]}, follow=True
    )

    assert "đang được thu hồi" in answer.text
    assert "CV 9/SKHCN" in other.page("/revocations")
    with filled.database.reading() as session:
        assert session.scalars(select(RevocationPlan)).one().state is RevocationState.APPROVED
    assert page in other.page(f"/certificates/{certificate}")


def proposal(site: Site, reason: Reason) -> str:
    with site.database.transaction() as session:
        wanted = {a_certificate(site, ANH): reason}
        number = revoking_many.plan(session, wanted, note="CV 9", by="cao", now=site.now)
    return f"/revocations/{number}"


def test_a_proposal_is_refused_by_another_and_withdrawn_by_whoever_made_it(filled: Site) -> None:
    first, second = (proposal(filled, Reason.superseded) for _ in range(2))
    other, one = filled.signed_in("ngan", Role.CA_OFFICER), filled.signed_in("cao", Role.CA_OFFICER)
    assert "Từ chối" in other.page(first)
    assert "Rút lại" in one.page(second)

    refused = other.post(f"{first}/refuse", {"reason": "nhầm <người>"}, follow=True).text
    withdrawn = one.post(f"{second}/refuse", {"reason": "gửi hai lần"}, follow=True).text

    for page, reason in ((refused, "nhầm &lt;người&gt;"), (withdrawn, "gửi hai lần")):
        assert reason in page
        assert "sẽ không được thực hiện" in page
        assert "/refuse" not in page
    listed = one.page("/revocations")
    assert "Đã rút lại" in listed
    assert one.post(f"{first}/refuse", {"reason": "x"}).status_code == 409


def test_a_revocation_that_waits_is_among_the_approvals_of_whoever_may_agree_to_it(filled: Site) -> None:
    page = proposal(filled, Reason.superseded)
    one = filled.signed_in("quan", Role.ADMIN)

    assert f'href="{page}"' in one.page("/approvals")
    assert 'href="/approvals"' in one.page(page).partition("<main")[2]
    assert page not in filled.signed_in("binh", Role.APPROVER).page("/approvals")
    one.page(page)
    one.post(f"{page}/refuse", {"reason": "nhầm"})
    assert page not in one.page("/approvals")


def test_a_proposal_that_nobody_approved_has_lapsed_and_says_so(filled: Site) -> None:
    page = proposal(filled, Reason.superseded)
    with filled.database.transaction() as session:
        session.execute(update(RevocationPlan).values(planned_at=filled.now - timedelta(days=14)))
    other = filled.signed_in("ngan", Role.CA_OFFICER)

    shown = other.page(page)

    assert "hết hiệu lực" in shown
    assert "/approve" not in shown
    assert "Hết hiệu lực" in other.page("/revocations")
    with filled.database.reading() as session:
        digest = session.scalars(select(RevocationPlan.digest)).one()
    assert other.post(f"{page}/approve", {"digest": digest}).status_code == 409


def test_agreeing_to_a_hold_does_not_say_that_it_is_for_ever(filled: Site) -> None:
    other = filled.signed_in("ngan", Role.CA_OFFICER)

    hold = other.page(proposal(filled, Reason.certificate_hold))
    final = other.page(proposal(filled, Reason.superseded))

    assert ("có thể được khôi phục" in hold, "có thể được khôi phục" in final) == (True, False)


def test_what_could_not_be_revoked_is_said_in_words(filled: Site) -> None:
    page = proposal(filled, Reason.superseded)
    with filled.database.transaction() as session:
        session.execute(update(RevocationItem).values(refusal="expired", done_at=filled.now))
        session.execute(update(RevocationPlan).values(state=RevocationState.DONE))
    officer = filled.signed_in("ngan", Role.CA_OFFICER)

    assert "Khi đó chứng thư đã hết hạn" in officer.page(page)
    for shown in (officer.page(page), officer.page("/revocations")):
        assert "Không thu hồi được chứng thư nào" in shown
        assert "Hoàn thành</span>" not in shown


def test_the_subject_of_a_certificate_is_written_with_names(filled: Site) -> None:
    page = filled.signed_in("cao", Role.CA_OFFICER).page(f"/certificates/{a_certificate(filled, ANH)}")

    assert "serialNumber=" in page
    assert "2.5.4." not in page


def test_an_officer_of_one_agency_neither_sees_nor_agrees_to_what_reaches_beyond(filled: Site) -> None:
    chosen = [str(a_certificate(filled, address)) for address in (ANH, BINH)]
    one = filled.signed_in("cao", Role.CA_OFFICER)
    one.page("/certificates")
    page = one.post("/revocations", {"chosen": chosen, "reason": "superseded", "note": "đợt 1"}).location

    near = filled.signed_in("gan", Role.CA_OFFICER, agency="H36.05")

    assert near.get(page).status_code == 404
    assert "đợt 1" not in near.page("/revocations")
    assert near.post(f"{page}/approve", {"digest": "x"}).status_code == 404


def test_an_officer_of_one_agency_proposes_and_sees_what_lies_within_it(filled: Site) -> None:
    one = filled.signed_in("gan", Role.CA_OFFICER, agency="H36.05")
    one.page("/certificates")
    chosen = [str(a_certificate(filled, address)) for address in (ANH, BINH)]
    page = one.post("/revocations", {"chosen": chosen, "reason": "superseded", "note": "đợt 2"}).location

    other = filled.signed_in("canh", Role.CA_OFFICER, agency="H36.05")
    shown = other.page(page)
    assert ANH in shown
    assert BINH not in shown
    assert "đợt 2" in other.page("/revocations")
    digest = shown.split('name="digest" value="')[1].partition('"')[0]
    assert "đang được thu hồi" in other.post(f"{page}/approve", {"digest": digest}, follow=True).text
    assert "đợt 2" not in filled.signed_in("xa", Role.CA_OFFICER, agency="H36.06").page("/revocations")


def test_proposals_are_shown_by_pages(filled: Site) -> None:
    wanted = {a_certificate(filled, ANH): Reason.superseded}
    with filled.database.transaction() as session:
        for number in range(51):
            revoking_many.plan(session, wanted, note=f"lần {number:02}.", by="lan", now=filled.now)
    officer = filled.signed_in("gan", Role.CA_OFFICER, agency="H36.05")

    first, second = officer.page("/revocations"), officer.page("/revocations?page=2")

    assert ("lần 50." in first, "lần 01." in first, "lần 00." in first) == (True, True, False)
    assert ("lần 50." in second, "lần 00." in second) == (False, True)


def test_an_identity_number_is_read_in_full_by_few_after_a_proof_and_that_is_noted(filled: Site) -> None:
    person = the_person(filled.database, "CB80").id
    browser = filled.signed_in("binh", Role.APPROVER)
    assert NUMBER not in browser.page(f"/people/{person}")

    assert NUMBER in browser.page(f"/people/{person}/identity")

    assert [event.actor for event in trail(filled.database, "person.identity-read")] == ["binh"]
    filled.later(minutes=12)
    assert browser.get(f"/people/{person}/identity").location.startswith("/prove")
    assert local(filled).get(f"/people/{person}/identity").status_code == 403


def test_a_certificate_in_detail_says_what_it_says_and_what_became_of_it(filled: Site) -> None:
    page = filled.signed_in("cao", Role.CA_OFFICER).page(f"/certificates/{a_certificate(filled, ANH)}")

    assert "Nguyễn Thị Ánh" in page
    assert "keyCompromise" in page
    assert "Đã cấp" in page


def test_an_expired_certificate_is_shown_as_such_and_another_can_be_ordered(filled: Site) -> None:
    filled.later(days=731)
    mailbox = the_mailbox(filled.database, ANH)
    certificate = a_certificate(filled, ANH)
    browser = filled.signed_in("cao", Role.CA_OFFICER)

    for page in (f"/certificates/{certificate}", f"/mailboxes/{mailbox.id}", f"/people/{mailbox.person_id}"):
        shown = browser.page(page)
        assert ("Hết hạn" in shown, "Đã cấp</span>" in shown) == (True, False), page
    link = f"/certificates/{certificate}"
    assert link in browser.page("/certificates?state=expired")
    assert link not in browser.page("/certificates?state=issued")
    assert "keyCompromise" not in browser.page(link)

    browser.post("/mailboxes/certificates", {"chosen": [str(mailbox.id)]})

    with filled.database.reading() as session:
        known = select(Certificate).where(Certificate.mailbox_id == mailbox.id).order_by(Certificate.id)
        old, new = session.scalars(known)
    assert (old.replaced_at, new.replaces_id) == (filled.now, old.id)


def test_an_agency_in_detail_shows_the_names_it_had_and_no_table_where_it_had_none(province: Site) -> None:
    browser, page = province.signed_in("lan", Role.ADMIN), f"/agencies/{an_agency(province, 'H36.05')}"
    assert "Tên trước đây" not in browser.page(page)

    party, digital = SCIENCE | {"khoi": "dang"}, SCIENCE | {"khoi": "dang", "ten": "Sở Số hóa"}
    for row in (
        party | {"hieu_luc_tu": "2025-09-01"},  # no other name
        digital | {"hieu_luc_tu": "2025-10-01"},
        digital | {"ten": "Sở Khoa học và Số hóa", "hieu_luc_tu": "2026-02-01"},
    ):
        assert import_list(province.database, row).changed == 1
    shown = browser.page(page).partition("Tên trước đây")[2]

    named = r'<th scope="row">([^<]*)</th><td[^>]*>([^<]*)</td><td[^>]*>([^<]*)</td>'
    assert re.findall(named, shown) == [
        ("Sở Số hóa", "01/10/2025", "31/01/2026"),
        (SCIENCE["ten"], "01/07/2025", "30/09/2025"),
    ]


def test_an_agency_in_detail_shows_its_place_its_codes_in_both_forms_and_its_contacts(filled: Site) -> None:
    browser = filled.signed_in("lan", Role.ADMIN)

    page = browser.page(f"/agencies/{an_agency(filled, 'H36.05')}")

    assert "000.00.05.H36" in page
    assert "Ủy ban nhân dân tỉnh Lâm Đồng" in page
    assert "Phòng Chuyển đổi số" in page
    assert "/coverage?agency=H36.05" in page
    assert "skhcn@lamdong.gov.vn" in page


@pytest.mark.parametrize("code", ["H36.05", "h36.05", "000.00.05.H36"])
def test_an_agency_is_found_by_its_code_in_either_form(filled: Site, code: str) -> None:
    page = filled.signed_in("lan", Role.ADMIN).page(f"/agencies?q={code}")

    assert "Sở Khoa học và Công nghệ" in page
    assert "Sở Tài chính" not in page


@pytest.mark.parametrize("role", [Role.LEADER, Role.HR, Role.AUDITOR])
def test_who_may_do_nothing_with_a_list_chooses_nothing_in_it(filled: Site, role: Role) -> None:
    browser = filled.signed_in(f"nguoi-{role}", role)

    for path in ("/mailboxes", "/certificates", f"/mailboxes/{the_mailbox(filled.database, ANH).id}"):
        assert "chosen" not in browser.page(path)
