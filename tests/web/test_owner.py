"""Owners' own page: in with the mailbox's password, another password, a second factor, and no way to anything else."""

import re
import statistics
import time
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from provisioner.audit import Who
from provisioner.certificates.issuing import issue as sign
from provisioner.certificates.models import Certificate
from provisioner.errors import Forbidden
from provisioner.mail.codes import NewCode, holder_of, new_code
from provisioner.mail.issuing import issue
from provisioner.mail.self_service import sign_in
from provisioner.mail.self_service_keys import MOST_A_DAY
from provisioner.mail.self_service_sessions import IDLE
from provisioner.mailboxes.models import Mailbox, Status
from provisioner.notices.models import Notice
from provisioner.notices.wording import Reason
from provisioner.operators.limits import PER_NAME
from provisioner.operators.proving import STEP, code_at
from provisioner.operators.roles import Role
from provisioner.secret import Secret
from tests.fakes.directory import FakeDirectory
from tests.mail.test_activating import Kept
from tests.province import CHIEF, DIT, SEALER, a_desk, addresses, an_official, provide, synced, the_mailbox
from tests.web.site import ORIGIN, Browser, Site

FIRST, SECOND = "Cao-nguyen8xanh", "Thac-nuoc9trang"


@pytest.fixture
def kept(province: Site) -> Kept:
    """The province's passwords; CB1 and CB3 have set one, and CB3 has no certificate on order."""
    kept = Kept()
    province.app.extensions["provisioner"].__dict__.update(passwords=kept, binding=kept)
    provide(province.database, an_official("CB3", "Lê Thị Cúc"))
    synced(province.database, FakeDirectory(DIT))
    for number in ("CB1", "CB3"):
        activate(province, addresses(province.database)[number])
    return kept


def activate(site: Site, address: str, password: str = FIRST) -> None:
    """What an owner does with a slip."""
    code = new_code()
    with site.database.transaction() as session:
        slips = [NewCode(holder_of(session, address), code)]
        issue(session, slips, who=Who(CHIEF), now=site.now, expires_at=site.now + timedelta(days=1))
    browser = site.browser()
    browser.get("/kich-hoat")
    form = {"address": address, "code": code.reveal(), "password": password, "again": password}
    assert browser.post("/kich-hoat", form).status_code == 200


def enter(site: Site, number: str = "CB1", password: str = FIRST, code: str = "") -> tuple[Browser, int]:
    browser = site.browser()
    browser.get("/toi/dang-nhap")
    form = {"address": addresses(site.database)[number], "password": password, "code": code}
    return browser, browser.post("/toi/dang-nhap", form).status_code


def change(browser: Browser, old: str, new: str) -> TestResponse:
    browser.get("/toi/mat-khau")
    return browser.post("/toi/mat-khau", {"old": old, "password": new, "again": new})


def told(site: Site, reason: Reason) -> list[str]:
    with site.database.reading() as session:
        return list(session.scalars(select(Notice.recipient).where(Notice.reason == reason)))


def test_an_owner_changes_the_password_and_is_told(province: Site, kept: Kept) -> None:
    browser, status = enter(province)
    elsewhere, _ = enter(province)

    answer = change(browser, FIRST, SECOND)

    assert (status, answer.status_code) == (303, 303)
    assert "Đã đổi mật khẩu" in browser.page("/toi")
    assert elsewhere.get("/toi").location == "/toi/dang-nhap"
    assert enter(province)[1] == 403
    assert enter(province, password=SECOND)[1] == 303
    assert told(province, Reason.PASSWORD_SET) == [addresses(province.database)["CB1"]]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Sai-mat-khau9", SECOND, "hiện tại không đúng"),
        (FIRST, FIRST, "3 mật khẩu gần nhất"),
        (FIRST, "Nguyenthianh@88", "không được chứa họ tên"),
        (FIRST, "ngan", "ít nhất 9 ký tự"),
    ],
)
def test_a_password_that_will_not_do_changes_nothing(
    province: Site, kept: Kept, old: str, new: str, said: str
) -> None:
    browser, _ = enter(province)
    before = dict(kept.hashes)

    answer = change(browser, old, new)

    assert answer.status_code == 422
    assert said in answer.text
    assert new not in answer.text
    assert kept.hashes == before


def test_nobody_learns_whether_the_address_or_the_password_was_wrong(province: Site, kept: Kept) -> None:
    wrong, _ = enter(province, password="Sai-mat-khau9")
    answers = []
    for form in ({"address": "khongco@lamdong.gov.vn"}, {"address": addresses(province.database)["CB2"]}):
        wrong.get("/toi/dang-nhap")
        answers.append(wrong.post("/toi/dang-nhap", {**form, "password": FIRST, "code": ""}))
    known = wrong.post("/toi/dang-nhap", {"address": addresses(province.database)["CB1"], "password": "x"})

    said = [re.findall(r'role="alert">([^<]+)', answer.text) for answer in [*answers, known]]
    assert [answer.status_code for answer in [*answers, known]] == [403] * 3
    assert said == [["Địa chỉ thư, mật khẩu hoặc mã xác thực không đúng."]] * 3


@pytest.mark.parametrize(
    ("number", "password"),
    [("CB1", "Sai-mat-khau9"), ("CB1", " "), ("CB1", "x" * 300), ("CB2", "Sai-mat-khau9")],
)
def test_the_time_of_a_refusal_does_not_tell_whose_address_exists(
    province: Site, kept: Kept, number: str, password: str
) -> None:
    """Nor whether its owner, like CB2, has not set a password yet."""

    def seconds(address: str) -> float:
        began = time.process_time()
        with pytest.raises(Forbidden):
            sign_in(
                province.database,
                kept,
                address=address,
                password=Secret(password),
                code="",
                source=address,
                dit=DIT,
                sealer=SEALER,
                now=province.now,
            )
        return time.process_time() - began

    address = addresses(province.database)[number]
    seconds("warm@lamdong.gov.vn")
    known = statistics.median(seconds(address) for _ in range(5))
    unknown = statistics.median(seconds(f"khongco{n}@lamdong.gov.vn") for n in range(5))

    assert 0.4 < known / unknown < 2.5


def test_whoever_guesses_a_password_is_told_to_wait(province: Site, kept: Kept) -> None:
    answers = [enter(province, password=f"Doan-mat-khau{n}")[1] for n in range(PER_NAME)]
    stopped = enter(province)[1]
    province.later(minutes=16)

    assert answers == [403] * PER_NAME
    assert stopped == 429
    assert enter(province)[1] == 303


def test_a_second_factor_is_asked_for_once_it_is_on_and_each_code_is_good_once(
    province: Site, kept: Kept
) -> None:
    browser, _ = enter(province)
    key = Secret(re.findall(r"<code>([^<]+)", browser.page("/toi/hai-buoc"))[0].replace(" ", ""))

    def code() -> str:
        return code_at(key, int(province.now.timestamp()) // STEP)

    wrong = browser.post("/toi/hai-buoc", {"code": "000000"}).status_code
    turned_on = browser.post("/toi/hai-buoc", {"code": code()}).status_code
    used = enter(province, code=code())[1]
    province.later(seconds=STEP)
    without, fresh = enter(province)[1], enter(province, code=code())[1]
    province.later(seconds=STEP)
    browser.get("/toi/hai-buoc")
    turned_off = browser.post("/toi/hai-buoc", {"code": code()}).status_code

    assert (wrong, turned_on, used, without, fresh, turned_off) == (422, 303, 403, 403, 303, 303)
    assert enter(province)[1] == 303
    assert len(told(province, Reason.FACTOR_CHANGED)) == 2


def test_codes_are_not_tried_through_an_open_session(province: Site, kept: Kept) -> None:
    """A million of them would be gone through while it lasts, and the second factor would be off."""
    browser, _ = enter(province)
    key = Secret(re.findall(r"<code>([^<]+)", browser.page("/toi/hai-buoc"))[0].replace(" ", ""))
    browser.post("/toi/hai-buoc", {"code": code_at(key, int(province.now.timestamp()) // STEP)})
    province.later(seconds=STEP)
    right = code_at(key, int(province.now.timestamp()) // STEP)
    wrong = "000000" if right != "000000" else "000001"

    tried = [browser.post("/toi/hai-buoc", {"code": wrong}).status_code for _ in range(PER_NAME)]

    assert tried == [422] * PER_NAME
    assert browser.post("/toi/hai-buoc", {"code": right}).status_code == 429


def test_a_new_code_from_the_agency_ends_sessions_and_the_second_factor(province: Site, kept: Kept) -> None:
    browser, _ = enter(province)
    key = Secret(re.findall(r"<code>([^<]+)", browser.page("/toi/hai-buoc"))[0].replace(" ", ""))
    browser.post("/toi/hai-buoc", {"code": code_at(key, int(province.now.timestamp()) // STEP)})
    address = addresses(province.database)["CB1"]

    activate(province, address, SECOND)

    assert browser.get("/toi").status_code == 303
    assert enter(province, password=SECOND)[1] == 303
    assert told(province, Reason.NEW_CODE) == [address]


def test_a_session_ends_when_nobody_is_there_or_the_mailbox_is_locked(province: Site, kept: Kept) -> None:
    idle, _ = enter(province)
    province.now += IDLE
    ended = idle.get("/toi").status_code
    browser, _ = enter(province)
    with province.database.transaction() as session:
        session.execute(update(Mailbox).values(status=Status.LOCKED))

    assert ended == 303
    assert browser.get("/toi").status_code == 303
    assert enter(province)[1] == 403


def test_owners_and_operators_have_nothing_of_each_other(province: Site, kept: Kept) -> None:
    owner, _ = enter(province)
    operator = province.signed_in("quan", Role.ADMIN)

    assert owner.get("/people").location.startswith("/sign-in")
    assert operator.get("/toi").location == "/toi/dang-nhap"


def request_for(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ai đó")])
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def send(browser: Browser, data: bytes, **headers: str) -> Any:
    browser.get("/toi/chung-thu")
    headers = {"Origin": ORIGIN, "X-Form-Token": browser.token, **headers}
    return browser.client.post(
        "/toi/chung-thu", data=data, headers=headers, content_type="application/pkcs10"
    )


def call(browser: Browser, address: str, method: str = "get") -> Any:
    headers = {"Origin": ORIGIN, "X-Form-Token": browser.token}
    return getattr(browser.client, method)(address, headers=headers)


def test_an_owner_orders_waits_and_takes_and_then_the_one_before_is_revoked(
    province: Site, kept: Kept
) -> None:
    sign(province.database, a_desk(province.database))
    browser, _ = enter(province)
    key = ec.generate_private_key(ec.SECP256R1())

    sent = send(browser, request_for(key))
    place = sent.json["address"]
    early, waiting = call(browser, f"{place}/nhan", "post"), call(browser, place).json
    sign(province.database, a_desk(province.database))
    issued = call(browser, place).json
    taken = call(browser, f"{place}/nhan", "post")

    assert (sent.status_code, early.status_code, taken.status_code) == (202, 409, 204)
    assert waiting == {"state": "ordered", "chain": []}
    assert (issued["state"], len(issued["chain"])) == ("issued", 3)
    mailbox_id = the_mailbox(province.database, addresses(province.database)["CB1"]).id
    with province.database.reading() as session:
        old, new = session.scalars(
            select(Certificate).where(Certificate.mailbox_id == mailbox_id).order_by(Certificate.id)
        )
    assert (old.revocation_reason, old.key_sealed) == ("superseded", None)
    assert (new.key_by_owner, new.handed_over_at, new.revoked_at) == (True, province.now, None)


def test_a_second_window_overtakes_the_first_and_the_first_is_told(province: Site, kept: Kept) -> None:
    first, _ = enter(province)
    second, _ = enter(province)
    lost = send(first, request_for(ec.generate_private_key(ec.SECP256R1()))).json["address"]
    good = send(second, request_for(ec.generate_private_key(ec.SECP256R1()))).json["address"]
    sign(province.database, a_desk(province.database))

    assert call(first, lost).json == {"state": "overtaken", "chain": []}
    assert call(first, f"{lost}/nhan", "post").status_code == 409
    assert call(second, good).json["state"] == "issued"
    assert call(second, f"{good}/nhan", "post").status_code == 204


def test_keys_are_for_approved_certificates_only_for_oneself_and_not_without_end(
    province: Site, kept: Kept
) -> None:
    mine, _ = enter(province)
    theirs, _ = enter(province, "CB3")
    place = send(mine, request_for(ec.generate_private_key(ec.SECP256R1()))).json["address"]

    unapproved = send(theirs, request_for(ec.generate_private_key(ec.SECP256R1())))
    not_theirs = call(theirs, place)
    rubbish = send(mine, b"rubbish")
    statuses = []
    for _ in range(MOST_A_DAY + 1):
        sign(province.database, a_desk(province.database))
        statuses.append(send(mine, request_for(ec.generate_private_key(ec.SECP256R1()))).status_code)

    assert (unapproved.status_code, unapproved.json["code"]) == (409, "certificate-not-approved")
    assert not_theirs.status_code == 404
    assert (rubbish.status_code, rubbish.json["code"]) == (422, "csr.unreadable")
    assert statuses == [202] * MOST_A_DAY + [429]


def test_a_request_from_another_site_or_without_the_token_orders_nothing(province: Site, kept: Kept) -> None:
    browser, _ = enter(province)
    data = request_for(ec.generate_private_key(ec.SECP256R1()))

    foreign = send(browser, data, Origin="https://evil.example")
    tokenless = send(browser, data, **{"X-Form-Token": ""})
    nobody = call(province.browser(), "/toi/chung-thu/1")

    assert (foreign.status_code, tokenless.status_code) == (403, 403)
    assert nobody.status_code == 303


def test_an_owner_whose_certificate_has_ended_sees_it_and_makes_the_next_one(
    province: Site, kept: Kept
) -> None:
    sign(province.database, a_desk(province.database))
    province.later(days=731)
    browser, _ = enter(province)

    shown = browser.page("/toi")
    sent = send(browser, request_for(ec.generate_private_key(ec.SECP256R1())))

    assert ("Hết hạn" in shown, "Đã cấp" in shown) == (True, False)
    assert sent.status_code == 202
