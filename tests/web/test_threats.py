"""The threats of the table in reliability.md that the site answers for: each number has its test here or is named.

What is shown elsewhere, under the same numbers:

    T5, T28  test_matrix.py           every page, role, agency and id; previews and exports among the pages
    T7       mailboxes/test_opening   two that look alike at once; rosters/test_judging
    T9       faults/test_processes    a pickle and an unknown function in the queue
    T11, T12 test_frame.py            the anonymous crawl; token and origin on every unsafe page
    T13      operators/test_work_time who lost a right sets nothing going; test_signing_in: sessions
    T15      rosters/test_returning   no cell starts a formula
    T16      rosters/test_workbooks   five kinds of bombs, by time and memory
    T25      operators/test_signing_in, test_mailbox_sign_in: one refusal, one time
"""

import io
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO

import pytest
from sqlalchemy import inspect, select
from sqlalchemy.exc import IntegrityError

from provisioner.db import Base
from provisioner.mailboxes.models import Address
from provisioner.mailboxes.reserved import RESERVED
from provisioner.operators.models import Grant, Operator, SignedIn
from provisioner.operators.roles import Role
from provisioner.requests.models import Request
from provisioner.rosters.models import PlanState, RosterPlan
from tests.books import NOW
from tests.operators.people import PASSWORD, an_account, an_operator
from tests.province import a_roster_of, an_official, plan_rows, planned, provide, the_plan
from tests.rosters.files import csv_text
from tests.web.site import Site

PAYLOAD = "<script>alert(1)</script>"


def a_file(*rows: dict[str, str], name: str = "danh-sach.csv") -> dict[str, object]:
    return {"file": (BytesIO(csv_text(a_roster_of(*rows)).encode()), name)}


def test_t6_one_person_with_two_roles_still_does_not_approve_their_own(province: Site) -> None:
    """Asked by whichever door, and refused by the books as well."""
    both = province.signed_in("quan", Role.ADMIN, Role.APPROVER, Role.CA_OFFICER)
    both.page("/rosters")
    page = both.post("/rosters", a_file(an_official("CB70", "Đỗ Văn Tám"))).location
    province.plan_rosters()
    plan_id = int(page.rpartition("/")[2])
    digest = the_plan(province.database, plan_id).digest
    both.page(page)

    assert both.post(f"{page}/approve", {"digest": digest}).status_code == 403

    assert the_plan(province.database, plan_id).state is PlanState.PLANNED
    with pytest.raises(IntegrityError), province.database.transaction() as session:
        session.get_one(RosterPlan, plan_id).approved_by = "quan"
    with province.database.reading() as session:
        me = session.scalars(select(Operator.id).where(Operator.name == "quan")).one()
    with pytest.raises(IntegrityError), province.database.transaction() as session:
        session.add(Grant(operator_id=me, role=Role.AUDITOR, granted_at=NOW, granted_by_id=me))


def test_t6_what_was_changed_after_it_was_seen_is_not_approved(province: Site) -> None:
    plan_id = planned(province.database, an_official("CB71", "Đỗ Văn Chín"), by="an")
    approver = province.signed_in("binh", Role.APPROVER)
    approver.page(f"/rosters/{plan_id}")

    answer = approver.post(f"/rosters/{plan_id}/approve", {"digest": "0" * 64})

    assert answer.status_code == 409
    assert the_plan(province.database, plan_id).state is PlanState.PLANNED


def test_t7_names_that_people_or_programs_take_for_the_operator_are_nobodys(province: Site) -> None:
    """FreeIPA forgot root@ after it had thought of admin@: the whole list is asked for, and its look-alikes."""
    wished = [*sorted(RESERVED)[:20], "admin", "root", "postmaster", "Post.Master", "ADMIN", "hostmaster"]
    plan_id = provide(
        province.database,
        *(
            an_official(f"CX{n}", f"Nguyễn Văn {chr(65 + n % 26)}nh", hop_thu=f"{name}@lamdong.gov.vn")
            for n, name in enumerate(wished)
        ),
    )

    with province.database.reading() as session:
        given = {address.partition("@")[0] for address in session.scalars(select(Address.address))}
    assert len(plan_rows(province.database, plan_id)) == len(wished)
    assert {re.sub(r"[^a-z0-9]", "", name) for name in given} & {*RESERVED} == set()


def test_t8_and_t24_neither_the_log_nor_the_trail_nor_the_books_hold_a_secret(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Passwords, codes, links and the tokens of sessions are known strings here, and are looked for everywhere."""
    caplog.set_level("DEBUG")
    admin = site.signed_in("admin", Role.ADMIN)
    admin.page("/operators/new")
    invited = admin.post(
        "/operators/new", {"name": "moi", "full_name": "Người Mới", "role": "leader", "agency": ""}
    )
    found = re.search(r"/link/([\w-]+)", invited.text)
    assert found
    newcomer = site.browser()
    newcomer.page(found[0])
    assert newcomer.post(found[0], {"password": PASSWORD}).status_code == 303
    account = an_account(site.database, "coded", Role.APPROVER)
    code = account.code(site.now)
    other = site.browser()
    other.get("/sign-in")
    assert other.post("/sign-in", {"name": "coded", "password": PASSWORD, "code": code}).status_code == 303
    other.post("/sign-in", {"name": "coded", "password": "a wrong canary 77", "code": "000000"})
    tokens = [
        cookie.value
        for browser in (newcomer, other, admin)
        if (cookie := browser.client.get_cookie("__Host-session"))
    ]
    secrets = [PASSWORD, "a wrong canary 77", found[1], *tokens, account.key.reveal() if account.key else ""]
    assert len(tokens) == 3

    with site.database.reading() as session:
        books = [
            repr(tuple(row))
            for table in Base.metadata.sorted_tables
            for row in session.execute(select(table))
        ]
    auditor = site.signed_in("kiem", Role.AUDITOR)
    shown = auditor.page("/audit")
    for secret in secrets:
        assert secret not in caplog.text
        assert secret not in shown
        assert not [row for row in books if secret in row]


def test_t10_a_fresh_site_has_no_way_in_at_all(site: Site) -> None:
    with site.database.reading() as session:
        assert session.query(Operator).count() == session.query(SignedIn).count() == 0
    for name in ("admin", "root", "administrator", "quantri"):
        for password in ("admin", "password", "123456", name, ""):
            browser = site.browser()
            browser.get("/sign-in")
            assert browser.post("/sign-in", {"name": name, "password": password}).status_code in (403, 429)


def test_t13_pages_are_never_kept_and_differ_by_who_asks(province: Site) -> None:
    """Flask's CVE-2023-30861: a cache must not give one's page to another."""
    leader = province.signed_in("chi", Role.LEADER)
    for path in ("/account", "/coverage", "/people", "/sign-in"):
        assert "no-store" in leader.get(path).headers["Cache-Control"]


def test_t14_what_a_file_says_is_shown_as_text_everywhere(province: Site) -> None:
    """In each column, in a header, in the file's name and in the trail."""
    planner = province.signed_in("quan", Role.ADMIN)
    planner.page("/rosters")
    rows = a_roster_of(
        an_official("CB80", f"Nguyễn {PAYLOAD} Ánh", chuc_vu=PAYLOAD, dien_thoai=PAYLOAD, hop_thu=PAYLOAD),
        an_official(PAYLOAD, "Trần Văn Bảy", phan_loai=PAYLOAD, ma_co_quan=PAYLOAD),
    )
    rows = [[*rows[0], PAYLOAD], *([*row, PAYLOAD] for row in rows[1:])]
    sent = {"file": (BytesIO(csv_text(rows).encode()), f"{PAYLOAD}.csv".replace("/", ""))}
    page = planner.post("/rosters", sent).location
    province.plan_rosters()

    shown = [planner.page(path) for path in (page, "/rosters", "/audit", "/approvals")]

    for text in shown:
        assert "<script>alert" not in text
    assert "&lt;script&gt;" in shown[0]


def bombs() -> Iterator[tuple[str, bytes]]:
    """A workbook that unpacks to 200 MB, one with three thousand parts, and no workbook at all."""
    for name, parts, size in (("large", 1, 200 << 20), ("many", 3_000, 1)):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            archive.writestr("[Content_Types].xml", "<Types/>")
            for part in range(parts):
                with archive.open(f"xl/worksheets/sheet{part}.xml", "w") as file:
                    for _ in range(max(1, size >> 20)):
                        file.write(bytes(min(size, 1 << 20)))
        yield name, content.getvalue()
    yield "entities", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "a"><!ENTITY b "&a;&a;">]><x>&b;</x>'


def test_t16_a_bomb_is_a_refusal_and_the_site_goes_on(province: Site) -> None:
    planner = province.signed_in("quan", Role.ADMIN)
    for name, content in bombs():
        planner.page("/rosters")
        answer = planner.post("/rosters", {"file": (BytesIO(content), f"{name}.xlsx")})
        province.plan_rosters()
        assert answer.status_code in (303, 422), name
        with province.database.reading() as session:
            assert not session.query(RosterPlan).filter_by(file_name=f"{name}.xlsx", state="planned").count()
    assert planner.get("/rosters").status_code == 200


@pytest.mark.parametrize("path", ["/sign-in", "/requests/new", "/operators/new"])
def test_t17_a_form_of_too_many_parts_or_bytes_is_refused_before_it_is_read(site: Site, path: str) -> None:
    browser = site.signed_in("quan", Role.ADMIN)
    browser.page("/account")
    boundary = "x"
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    for body in ((part * 100_000).encode(), part.replace("1", "1" * (3 << 20)).encode()):
        answer = browser.client.post(
            path,
            data=body + f"--{boundary}--\r\n".encode(),
            content_type=f"multipart/form-data; boundary={boundary}",
            headers={"Origin": "http://localhost"},
        )
        assert answer.status_code == 413

    endless = browser.client.post(
        path,
        environ_overrides={"CONTENT_LENGTH": str(2 << 30)},
        content_type="multipart/form-data; boundary=x",
        headers={"Origin": "http://localhost"},
    )
    assert endless.status_code == 413


def every_column() -> dict[str, str]:
    """The name of every column of every table: what somebody would send who has read our code."""
    return {
        column.key: "1"
        for mapper in Base.registry.mappers
        for column in inspect(mapper.class_).columns
        if column.key != "form_token"
    }


def test_t18_every_name_of_every_column_may_be_sent_and_sets_nothing(province: Site) -> None:
    admin = province.signed_in("admin", Role.ADMIN)
    admin.page("/operators/new")
    form = {
        "name": "moi",
        "full_name": "Người Mới",
        "role": "hr",
        "agency": "H36.05",
        "until": "",
        "subject": "",
    }

    assert admin.post("/operators/new", every_column() | form).status_code == 200
    with province.database.reading() as session:
        operator = session.scalars(select(Operator).where(Operator.name == "moi")).one()
        (grant,) = session.scalars(select(Grant).where(Grant.operator_id == operator.id))
    assert (operator.password_hash, operator.totp_sealed, operator.subject) == (None, None, None)
    assert (operator.person_id, operator.disabled_at, operator.created_by) == (None, None, "admin")
    assert (grant.role, grant.until, grant.granted_at) == (Role.HR, None, province.now)

    page = f"/operators/{operator.id}"
    for deed in ("give", "take", "disable", "enable"):
        admin.post(f"{page}/{deed}", every_column() | {"role": "hr", "agency": "H36.05", "until": ""})
    with province.database.reading() as session:
        after = session.get_one(Operator, operator.id)
        assert (after.password_hash, after.totp_sealed, after.subject, after.name) == (
            None,
            None,
            None,
            "moi",
        )
        assert session.query(Request).count() == 0


def test_t25_a_way_in_answers_alike_for_everybody_it_does_not_know(province: Site) -> None:
    """Known, unknown and malformed: the same status and the same bytes, at each door."""
    an_operator(province.database, "chi", Role.LEADER)
    doors = {
        "/sign-in": ("name", {"password": "a wrong sentence"}),
        "/kich-hoat": (
            "address",
            {"code": "x" * 28, "password": "Cao-nguyen8xanh", "again": "Cao-nguyen8xanh"},
        ),
    }
    known = {"/sign-in": "chi", "/kich-hoat": "skhcn@lamdong.gov.vn"}
    for door, (field, rest) in doors.items():
        answers = set()
        for name in (known[door], "nobody", "*)(uid=*", "a" * 3000, "é\u0301", "chi' OR 1=1"):
            browser = province.browser()
            browser.get(door)
            answer = browser.post(door, rest | {field: name})
            text = answer.text.replace(browser.token, "")
            answers.add((answer.status_code, re.sub(r'name="address"[^>]*>', "", text)))
        assert len(answers) == 1, door

    links = set()
    for token in ("x", "A" * 43, "%25", "." * 200):
        answer = province.browser().get(f"/link/{token}")
        links.add((answer.status_code, answer.text.replace(f"/link/{token}", "/link/")))
    assert len(links) == 1


def test_t28_figures_and_files_of_a_part_hold_nothing_of_the_rest(province: Site) -> None:
    leader = province.signed_in("chi", Role.LEADER, agency="H36.05")
    for path in ("/coverage/table.csv?detail=agency", "/coverage/table.csv", "/coverage/report"):
        answer = leader.get(path)
        assert answer.status_code == 200, path
        assert "H36.06" not in answer.get_data().decode("utf-8", "replace"), path
        assert "Sở Tài chính" not in answer.get_data().decode("utf-8", "replace"), path
