"""Pages say who did something by the name people know them by, and ask for all such names at once."""

from html import unescape

from provisioner.operators.roles import Role
from provisioner.reports.models import SignedReport
from tests.province import an_official
from tests.web.site import Site
from tests.web.test_planned_rows import loaded, questions
from tests.web.test_requests import LETTER, approver, digest_on, hr, sent, written


def test_who_did_something_is_named_in_full_wherever_it_is_listed(province: Site) -> None:
    request = written(province)
    sent(request, hr(province))
    waiting = loaded(province, an_official("CB60", "Trần Văn An"))
    approvals = approver(province).page("/approvals")
    seen = approver(province).page(request)
    approver(province).post(f"{request}/approve", {"digest": digest_on(seen)})
    with province.database.transaction() as session:
        session.add(
            SignedReport(
                digest="0" * 64,
                title="Báo cáo",
                place="x",
                document=b"%PDF",
                asked_by="chi",
                asked_at=province.now,
            )
        )
    leader = province.signed_in("chi", Role.LEADER)

    for page, names in (
        (approvals, {"hoa", "quan"}),
        (approver(province).page("/requests"), {"hoa"}),
        (approver(province).page(request), {"hoa", "binh"}),
        (approver(province).page("/rosters"), {"quan"}),
        (approver(province).page(waiting), {"quan"}),
        (leader.page("/coverage/signed"), {"chi"}),
        (leader.page("/people/1"), {"an", "binh"}),
    ):
        for name in names:
            said = f"Người {name}" if name != "an" else "an"
            assert f'<span title="{name}">{said}</span>' in unescape(page), name


def test_a_list_asks_for_all_names_at_once(province: Site) -> None:
    written(province)
    browser = approver(province)
    few = questions(province, browser, "/requests")
    for number, name in enumerate(("dung", "giang", "khanh")):
        other = province.signed_in(name, Role.HR)
        other.get("/requests/new?kind=people")
        assert other.post("/requests/new", LETTER | {"row-0-ma_can_bo": f"CB7{number}"}).status_code == 303

    assert "Người khanh" in browser.page("/requests")
    assert questions(province, browser, "/requests") == few
