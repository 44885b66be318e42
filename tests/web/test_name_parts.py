"""The parts of a name on the pages: who knows the person says which words are which, and finds whose are guesses."""

import pytest

from provisioner.operators.roles import Role
from tests.province import addresses, an_official, provide, the_person, trail
from tests.web.site import Browser, Site

SAID = {"family": "Êban", "given": "Y-Blok", "confirmed": "x"}


@pytest.fixture
def filled(province: Site) -> Site:
    provide(
        province.database,
        an_official("CB80", "Y-Blok Êban"),
        an_official("CB81", "Thị Hồng", ma_co_quan="H36.06"),
        now=province.now,
    )
    return province


def page_of(site: Site, staff_number: str = "CB80") -> str:
    return f"/people/{the_person(site.database, staff_number).id}"


def hr(site: Site) -> Browser:
    return site.signed_in("hoa", Role.HR, agency="H36.05")


def test_whoever_knows_the_person_says_which_words_are_which(filled: Site) -> None:
    before = addresses(filled.database)
    browser = hr(filled)
    page = browser.page(page_of(filled))
    assert "cần xác nhận" in page
    assert 'name="family" type="text" value="Y-Blok"' in page

    shown = browser.post(f"{page_of(filled)}/name", SAID, follow=True).text

    assert "Đã ghi" in shown
    assert "cần xác nhận" not in shown
    assert "<dt>Họ</dt><dd>Êban</dd>" in shown
    assert "Họ:</span> <del>Y-Blok</del> → Êban" in shown
    assert "Ghi lại họ, chữ đệm, tên" in shown
    assert [event.actor for event in trail(filled.database, "person.name-settled")] == ["hoa"]
    assert addresses(filled.database) == before
    assert "không có gì thay đổi" in browser.post(f"{page_of(filled)}/name", SAID, follow=True).text


def test_parts_that_are_not_the_name_come_back_as_typed_with_the_reason(filled: Site) -> None:
    browser = hr(filled)
    browser.page(page_of(filled))

    answer = browser.post(f"{page_of(filled)}/name", SAID | {"given": "<Y-Blôk>"})

    assert answer.status_code == 422
    assert "phải đúng là mọi chữ của họ tên" in answer.text
    assert 'value="&lt;Y-Blôk&gt;"' in answer.text
    assert the_person(filled.database, "CB80").family == "Y-Blok"
    assert trail(filled.database, "person.name-settled") == []


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.ADMIN, True),
        (Role.HR, True),
        (Role.APPROVER, False),
        (Role.LOCAL_ADMIN, False),
        (Role.CA_OFFICER, False),
        (Role.LEADER, False),
        (Role.AUDITOR, False),
    ],
)
def test_the_form_is_for_whoever_may_change_people(filled: Site, role: Role, may: bool) -> None:
    browser = filled.signed_in("nguoi", role)
    page = browser.page(page_of(filled))

    assert ('name="family"' in page) is may
    assert browser.post(f"{page_of(filled)}/name", SAID).status_code == (303 if may else 403)
    assert (the_person(filled.database, "CB80").family == "Êban") is may


def test_nobody_names_people_of_another_agency(filled: Site) -> None:
    browser = hr(filled)
    browser.page("/people")

    answer = browser.post(f"{page_of(filled, 'CB81')}/name", {"middle": "Thị", "given": "Hồng"})

    assert answer.status_code == 404
    assert the_person(filled.database, "CB81").family == "Thị"


def test_a_list_of_people_says_whose_names_are_guesses(filled: Site) -> None:
    everywhere, own = filled.signed_in("lan", Role.ADMIN), hr(filled)

    page = everywhere.page("/people?state=guessed")
    assert "Tìm thấy: 2" in page
    assert "Nguyễn Thị Ánh" not in page
    assert '<option value="guessed" selected>Cần xác nhận họ, đệm, tên</option>' in page
    assert "Tìm thấy: 1" in own.page("/people?state=guessed")
    assert "Tìm thấy: 1" in everywhere.page("/people?state=guessed&q=hong")
    assert "Tìm thấy: 0" in everywhere.page("/people?state=guessed&q=anh")

    own.page(page_of(filled))
    own.post(f"{page_of(filled)}/name", SAID)
    assert "Tìm thấy: 0" in own.page("/people?state=guessed")
