"""Files of rosters on their pages: the example that a new one starts from."""

import io
from io import BytesIO

import openpyxl
import pytest

from provisioner.operators.roles import Role
from provisioner.rosters.models import PlanState, RosterPlan
from tests.province import AGENCIES
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
