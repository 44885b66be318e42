"""The page of operators and one's own account, as browsers take them."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from provisioner.audit import Who
from provisioner.mailboxes import lifecycle
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.operators import links, naming
from provisioner.operators.models import Grant, Operator, SignedIn
from provisioner.operators.proving import STEP, code_at
from provisioner.operators.roles import Role
from provisioner.secret import Secret
from tests.books import NOW, count
from tests.operators.people import PASSWORD, an_account
from tests.province import SEALER, addresses, an_official, provide, trail
from tests.web.site import Browser, Site

INVITATION = {"name": "le.van.moi", "full_name": "Lê Văn Mới", "role": "hr", "agency": "H36.05", "until": ""}
NEW = "mot mat khau khac han 5518"


def the_link(text: str) -> str:
    found = re.search(r"http://localhost(/link/[\w-]+)", text)
    assert found
    return found[1]


def key_behind(site: Site, path: str) -> Secret:
    with site.database.reading() as session:
        return links.look(session, Secret(path.removeprefix("/link/")), sealer=SEALER, now=site.now).key


def code(key: Secret, site: Site) -> str:
    return code_at(key, int(site.now.timestamp()) // STEP)


def id_of(site: Site, name: str) -> int:
    with site.database.reading() as session:
        return naming.find_operator(session, name).id


@pytest.fixture
def admin(province: Site) -> Browser:
    return province.signed_in("admin", Role.ADMIN)


def test_somebody_is_invited_by_a_link_that_is_shown_once(province: Site, admin: Browser) -> None:
    admin.page("/operators/new")
    invited = admin.post("/operators/new", INVITATION | {"until": "2026-12-31"})
    path = the_link(invited.text)
    assert path not in admin.page("/operators") + admin.page(f"/operators/{id_of(province, 'le.van.moi')}")
    newcomer = province.browser()
    newcomer.page(path)

    assert newcomer.post(path, {"password": PASSWORD}).status_code == 303

    assert "Lê Văn Mới" in newcomer.page("/account")
    assert newcomer.get("/requests").status_code == 200
    assert newcomer.get("/operators").status_code == 403
    assert "31/12/2026" in newcomer.page("/account")
    province.now = NOW + timedelta(days=42)
    again = province.browser()
    again.get("/sign-in")
    assert again.post("/sign-in", {"name": "le.van.moi", "password": PASSWORD}).status_code == 303
    assert again.get("/requests").status_code == 403


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": "Tên có dấu"}, "name"),
        ({"name": "admin"}, "name"),
        ({"full_name": ""}, "full_name"),
        ({"role": "king"}, "role"),
        ({"agency": "H99"}, "agency"),
        ({"until": "31/12/2026"}, "until"),
        ({"until": "2020-01-01"}, "until"),
        ({"official": "nobody@lamdong.gov.vn"}, "official"),
        ({"subject": "é"}, "subject"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nobody_is_named(
    province: Site, admin: Browser, wrong: dict[str, str], field: str
) -> None:
    admin.page("/operators/new")
    before = count(province.database, Operator)

    answer = admin.post("/operators/new", INVITATION | wrong)

    assert answer.status_code == 422
    assert f'id="{field}-problem"' in answer.text
    assert count(province.database, Operator) == before


def test_roles_are_given_and_taken_and_nobody_touches_their_own(province: Site, admin: Browser) -> None:
    leader = province.signed_in("chi", Role.LEADER)
    page = f"/operators/{id_of(province, 'chi')}"
    admin.page(page)

    assert admin.post(f"{page}/give", {"role": "hr", "agency": "H36.06"}).location == page
    assert leader.get("/requests").status_code == 200
    assert admin.post(f"{page}/take", {"role": "hr", "agency": "H36.06"}).location == page
    assert leader.get("/requests").status_code == 403

    mine = f"/operators/{id_of(province, 'admin')}"
    admin.page(mine)
    for deed, values in (
        ("give", {"role": "ca_officer", "agency": ""}),
        ("link", {"purpose": "password"}),
        ("tie", {"official": "", "subject": "me"}),
        ("disable", {}),
        ("enable", {}),
    ):
        assert admin.post(f"{mine}/{deed}", values).status_code == 403, deed
    with province.database.reading() as session:
        assert session.query(Grant).filter_by(operator_id=id_of(province, "admin")).count() == 1


def test_who_is_shut_out_is_out_with_the_next_page_and_may_come_back(province: Site, admin: Browser) -> None:
    leader = province.signed_in("chi", Role.LEADER)
    page = f"/operators/{id_of(province, 'chi')}"
    assert leader.get("/account").status_code == 200
    admin.page(page)

    assert admin.post(f"{page}/disable").status_code == 303
    assert leader.get("/account").status_code == 303
    assert "Let in again" in admin.page(f"{page}?lang=en")
    assert admin.post(f"{page}/enable").status_code == 303

    assert leader.get("/account").status_code == 303
    assert [event.action for event in trail(province.database, "operator.enabled")] == ["operator.enabled"]


def test_an_official_is_tied_by_the_address_of_their_mailbox(province: Site, admin: Browser) -> None:
    province.signed_in("chi", Role.LEADER)
    page, address = f"/operators/{id_of(province, 'chi')}", addresses(province.database)["CB1"]
    admin.page(page)

    assert admin.post(f"{page}/tie", {"official": address, "subject": "sub-9"}).status_code == 303
    assert address in admin.page(page)
    assert "sub-9" in admin.page(page)
    assert admin.post(f"{page}/tie", {"official": "skhcn@lamdong.gov.vn"}).status_code == 422
    assert admin.post(f"{page}/tie", {}).status_code == 303
    assert address not in admin.page(page)


def test_an_official_who_left_is_shown_as_one(province: Site, admin: Browser) -> None:
    province.signed_in("chi", Role.LEADER)
    page, address = f"/operators/{id_of(province, 'chi')}", addresses(province.database)["CB1"]
    admin.page(page)
    admin.post(f"{page}/tie", {"official": address})
    assert "Cán bộ này đã nghỉ" not in admin.page(page)

    provide(province.database, an_official("CB1", nghi_tu="21/11/2026", quyet_dinh="12/QĐ-SKHCN"))

    assert "Cán bộ này đã nghỉ" in admin.page(page)


def test_an_official_stays_tied_whose_mailbox_was_deleted(province: Site, admin: Browser) -> None:
    """Otherwise the roles of somebody who left would hold again when their page is saved."""
    province.signed_in("chi", Role.LEADER)
    page, address = f"/operators/{id_of(province, 'chi')}", addresses(province.database)["CB1"]
    admin.page(page)
    admin.post(f"{page}/tie", {"official": address})
    provide(province.database, an_official("CB1", nghi_tu="21/11/2026", quyet_dinh="12/QĐ-SKHCN"))
    with province.database.transaction() as session:
        ids = session.scalars(select(Mailbox.id).join(Address).where(Address.address == address)).all()
        lifecycle.delete(session, ids, reason="đã nghỉ", who=Who("quan"), now=province.now)

    assert f'value="{address}"' in admin.page(page)
    assert admin.post(f"{page}/tie", {"official": address, "subject": "sub-9"}).status_code == 303
    assert "Cán bộ này đã nghỉ" in admin.page(page)
    assert admin.post(f"{page}/tie", {"official": ""}).status_code == 303
    assert "Cán bộ này đã nghỉ" not in admin.page(page)


def test_who_has_no_mailbox_gets_another_address_for_letters(province: Site, admin: Browser) -> None:
    admin.page("/operators/new")
    refused = admin.post("/operators/new", INVITATION | {"contact": "Mới <moi@tinh.example>"})
    assert (refused.status_code, "Hãy ghi đúng một địa chỉ thư" in refused.text) == (422, True)
    admin.post("/operators/new", INVITATION | {"contact": " moi@tinh.example "})
    page = f"/operators/{id_of(province, 'le.van.moi')}"
    assert 'value="moi@tinh.example"' in admin.page(page)

    assert admin.post(f"{page}/contact", {"contact": "moi@tinh.example, ba@tinh.example"}).status_code == 422
    assert admin.post(f"{page}/contact", {"contact": "a" * 250 + "@tinh.example"}).status_code == 422
    assert 'value="moi@tinh.example"' in admin.page(page)
    assert admin.post(f"{page}/contact", {"contact": ""}).status_code == 303

    assert "moi@tinh.example" not in admin.page(page)
    assert [event.after for event in trail(province.database, "operator.contact-set")] == [
        {"contact_email": "moi@tinh.example"},
        {"contact_email": None},
    ]


def test_nobody_says_on_the_page_where_they_are_written_to_themselves(province: Site, admin: Browser) -> None:
    page = f"/operators/{id_of(province, 'admin')}"
    admin.page(page)

    assert admin.post(f"{page}/contact", {"contact": "x@tinh.example"}).status_code == 403


def test_whoever_proved_themselves_long_ago_proves_it_again_and_comes_back_to_the_form(
    province: Site, admin: Browser
) -> None:
    province.signed_in("chi", Role.LEADER)
    page = f"/operators/{id_of(province, 'chi')}"
    province.later(minutes=11)
    admin.page(page)

    answer = admin.client.post(
        f"{page}/give",
        data={"form_token": admin.token, "role": "hr", "agency": ""},
        headers={"Origin": "http://localhost", "Referer": f"http://localhost{page}"},
    )

    assert (answer.status_code, answer.location) == (303, f"/prove?next={page}")
    foreign = admin.client.post(
        f"{page}/give",
        data={"form_token": admin.token},
        headers={"Origin": "http://localhost", "Referer": "http://evil.example/x"},
    )
    assert foreign.location == "/prove?next=/"


def test_a_list_of_operators_is_searched_and_filtered(province: Site, admin: Browser) -> None:
    province.signed_in("chi", Role.LEADER)
    with province.database.transaction() as session:
        naming.name_operator(session, "dung", "Trần Dũng", by="test", now=NOW)

    assert "chi" in admin.page("/operators?q=CHI")
    assert "Trần Dũng" not in admin.page("/operators?q=CHI")
    assert "Trần Dũng" in admin.page("/operators?state=invited")
    assert "Trần Dũng" not in admin.page("/operators?state=disabled")
    assert admin.get("/operators/99999").status_code == 404


def signed_in(site: Site, name: str, *roles: Role) -> tuple[Browser, object]:
    account = an_account(site.database, name, *roles, with_code=True)
    browser = site.browser()
    browser.get("/sign-in")
    values = {"name": name, "password": PASSWORD, "code": account.code(site.now)}
    assert browser.post("/sign-in", values).status_code == 303
    return browser, account


def test_one_replaces_ones_own_password_with_a_code(site: Site) -> None:
    browser, account = signed_in(site, "chi", Role.LEADER)
    browser.page("/account")
    path = browser.post("/account/renew", {"what": "password"}).location
    site.later(seconds=60)
    browser.page(path)

    assert browser.post(path, {"password": NEW, "code": "000000"}).status_code == 403
    assert browser.post(path, {"password": "short", "code": account.code(site.now)}).status_code == 422
    done = browser.post(path, {"password": NEW, "code": account.code(site.now)})

    assert (done.status_code, done.location) == (303, "/sign-in")
    assert browser.get("/account").status_code == 303
    site.later(seconds=60)
    browser.get("/sign-in")
    values = {"name": "chi", "code": account.code(site.now)}
    assert browser.post("/sign-in", values | {"password": PASSWORD}).status_code == 403
    assert browser.post("/sign-in", values | {"password": NEW}).status_code == 303


def test_one_replaces_ones_own_second_factor_with_the_password(site: Site) -> None:
    browser, _ = signed_in(site, "chi", Role.APPROVER)
    browser.page("/account")
    path = browser.post("/account/renew", {"what": "second-factor"}).location
    key = key_behind(site, path)
    assert "<svg" in browser.page(path)

    assert browser.post(path, {"password": "wrong sentence 9", "code": code(key, site)}).status_code == 403
    assert browser.post(path, {"password": PASSWORD, "code": code(key, site)}).location == "/sign-in"

    site.later(seconds=60)
    browser.get("/sign-in")
    values = {"name": "chi", "password": PASSWORD, "code": code(key, site)}
    assert browser.post("/sign-in", values).status_code == 303


def test_sessions_are_ones_own_to_end(site: Site) -> None:
    first, account = signed_in(site, "chi", Role.LEADER)
    site.later(seconds=60)
    second = site.browser()
    second.get("/sign-in")
    second.post("/sign-in", {"name": "chi", "password": PASSWORD, "code": account.code(site.now)})
    other = site.signed_in("dung", Role.LEADER)
    page = second.page("/account")
    ends = re.findall(r"/account/sessions/(\d+)/end", page)
    with site.database.reading() as session:
        of_other = session.query(SignedIn).filter_by(operator_id=id_of(site, "dung")).one().id

    assert second.post(f"/account/sessions/{of_other}/end").status_code == 404
    assert other.get("/account").status_code == 200
    for session_id in ends:
        assert second.post(f"/account/sessions/{session_id}/end").status_code == 303
    assert first.get("/account").status_code == 303
    assert second.post("/account/sessions/end").status_code == 303
    assert second.get("/account").status_code == 200


def test_nothing_else_is_renewed(site: Site) -> None:
    browser, _ = signed_in(site, "chi", Role.LEADER)
    browser.page("/account")

    for what in ("sign-in", "set-up", "", "x"):
        assert browser.post("/account/renew", {"what": what}).status_code == 422
