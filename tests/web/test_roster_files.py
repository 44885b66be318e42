"""Rosters on their pages: the example that a new one starts from, who approves them, and results small and large."""

import io
from io import BytesIO

import openpyxl
import pytest

from provisioner.operators.roles import Role
from provisioner.rosters.models import PlanState, RosterPlan
from provisioner.web import rosters_results
from tests.province import AGENCIES, an_official, planned, the_plan, trail
from tests.web.site import Site

TEMPLATE = "/rosters/template.xlsx"


def test_the_template_is_offered_and_understood_without_a_correction(province: Site) -> None:
    admin = province.signed_in("quan", Role.ADMIN)
    assert TEMPLATE in admin.page("/rosters")

    content = admin.get(TEMPLATE).data
    page = admin.post("/rosters", {"file": (BytesIO(content), "danh-sach-mau.xlsx")}).location
    province.plan_rosters()

    with province.database.reading() as session:
        plan = session.query(RosterPlan).order_by(RosterPlan.id.desc()).first()
    assert plan is not None
    assert (plan.state, plan.counts) == (PlanState.PLANNED, {"create": 3})
    assert plan.understood["ignored"] == []
    assert "Nguyễn Thị Ví Dụ" in admin.page(page)


def test_the_template_lists_the_agencies_with_their_codes(province: Site) -> None:
    content = province.signed_in("quan", Role.ADMIN).get(TEMPLATE).data

    sheet = openpyxl.load_workbook(io.BytesIO(content))["Cơ quan"]
    listed = list(sheet.iter_rows(min_row=2, values_only=True))
    assert listed == sorted((agency["ma_co_quan"], agency["ten"]) for agency in AGENCIES)


def test_whoever_meets_a_refused_file_is_led_to_the_template(site: Site) -> None:
    admin = site.signed_in("quan", Role.ADMIN)
    assert admin.page("/rosters").count(TEMPLATE) == 2  # with the form, and where no roster is yet

    page = admin.post("/rosters", {"file": (BytesIO(b"hello\n"), "note.csv")}).location
    site.plan_rosters()

    assert TEMPLATE in admin.page(page)


@pytest.mark.parametrize("role", [Role.APPROVER, Role.AUDITOR])
def test_who_loads_no_rosters_is_not_offered_the_template(site: Site, role: Role) -> None:
    browser = site.signed_in("xuan", role)

    assert TEMPLATE not in browser.page("/rosters")
    assert browser.get(TEMPLATE).status_code == 403


def test_who_approves_for_one_agency_approves_no_roster_of_the_province(province: Site) -> None:
    """Another role of theirs lets them read it: seeing is one right and approving is another."""
    plan_id = planned(province.database, an_official("CB9", "Trần Văn An"))
    page, digest = f"/rosters/{plan_id}", the_plan(province.database, plan_id).digest
    both = province.signed_in("hai", holding=[(Role.APPROVER, "H36.05"), (Role.AUDITOR, None)])

    assert f"{page}/approve" not in both.page(page)
    assert page not in both.page("/approvals")
    assert both.post(f"{page}/approve", {"digest": digest}).status_code == 404
    assert the_plan(province.database, plan_id).state is PlanState.PLANNED

    one = province.signed_in("ba", Role.APPROVER)
    assert page in one.page("/approvals")
    assert f"{page}/approve" in one.page(page)
    assert one.post(f"{page}/approve", {"digest": digest}).status_code == 303


@pytest.fixture
def large(province: Site, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page of a roster that is large by the measure of this test."""
    monkeypatch.setattr(rosters_results, "DIRECT", 2)
    rows = [an_official(f"CB{n}", "Trần Văn An", so_dinh_danh=f"06819000000{n}") for n in range(5, 8)]
    return f"/rosters/{planned(province.database, *rows)}"


def test_a_small_result_is_given_at_once(province: Site) -> None:
    page = f"/rosters/{planned(province.database, an_official('CB9', 'Trần Văn An'))}"
    admin = province.signed_in("quan", Role.ADMIN)

    assert f"{page}/result.csv" in admin.page(page)
    assert "Trần Văn An" in admin.get(f"{page}/result.csv").get_data(as_text=True)


def test_a_large_result_is_written_by_a_worker_while_its_page_waits(province: Site, large: str) -> None:
    admin = province.signed_in("quan", Role.ADMIN)
    assert f"{large}/result.xlsx" not in admin.page(large)
    assert "data-poll" not in admin.page(f"{large}/result")

    asked = admin.post(f"{large}/result", {"ending": "csv"})

    assert (asked.status_code, asked.location, province.rings[-1]) == (303, f"{large}/result", "results")
    waiting = admin.page(f"{large}/result")
    assert "data-poll" in waiting
    assert "Đã ghi: 0 trên 3 dòng" in waiting
    assert admin.get(f"{large}/result.csv").status_code == 409
    province.write_results()
    assert "data-poll" not in admin.page(f"{large}/result")
    assert f"{large}/result.csv" in admin.page(f"{large}/result")
    assert "068190000005" in admin.get(f"{large}/result.csv").get_data(as_text=True)
    assert [event.actor for event in trail(province.database, "roster.result-given")] == ["quan"]


def test_whoever_reads_no_identity_numbers_has_no_result_written_or_given(province: Site, large: str) -> None:
    auditor = province.signed_in("xuan", Role.AUDITOR)

    assert f"{large}/result" not in auditor.page(large)
    refused = [
        auditor.get(f"{large}/result"),
        auditor.post(f"{large}/result", {"ending": "csv"}),
        auditor.get(f"{large}/result.csv"),
    ]
    assert [answer.status_code for answer in refused] == [403, 403, 403]


def test_no_cache_keeps_a_copy_of_a_file(province: Site) -> None:
    page = f"/rosters/{planned(province.database, an_official('CB9', 'Trần Văn An'))}"
    admin = province.signed_in("quan", Role.ADMIN)

    for address in (f"{page}/result.csv", f"{page}/result.xlsx", TEMPLATE, "/coverage/table.csv"):
        assert admin.get(address).headers["Cache-Control"] == "no-store", address


def test_a_large_result_is_given_to_nobody_else(province: Site, large: str) -> None:
    admin = province.signed_in("quan", Role.ADMIN)
    admin.page(f"{large}/result")
    admin.post(f"{large}/result", {"ending": "csv"})
    province.write_results()

    other = province.signed_in("binh", Role.APPROVER)

    assert f"{large}/result.csv" not in other.page(f"{large}/result")
    assert other.get(f"{large}/result.csv").status_code == 404


def test_a_large_result_asks_for_a_fresh_proof(province: Site, large: str) -> None:
    admin = province.signed_in("quan", Role.ADMIN)
    admin.page(f"{large}/result")
    admin.post(f"{large}/result", {"ending": "xlsx"})
    province.write_results()
    province.later(minutes=15)

    assert admin.get(f"{large}/result.xlsx").location.startswith("/prove")


def test_a_result_is_a_workbook_or_csv(province: Site, large: str) -> None:
    admin = province.signed_in("quan", Role.ADMIN)
    admin.page(f"{large}/result")

    assert admin.post(f"{large}/result", {"ending": "exe"}).status_code == 422
    assert admin.get(f"{large}/result.exe").status_code == 404
