"""The page of mailboxes that nobody uses and of those that are nearly full, as far as one's reach goes."""

from datetime import timedelta

import pytest

from provisioner.mail.sizes import Size, bring_in_sizes
from provisioner.mail.usage import SignIn, bring_in
from provisioner.operators.roles import Role
from tests.fakes.directory import FakeDirectory
from tests.province import DIT, GB, addresses, an_official, provide, synced
from tests.web.site import Site


@pytest.fixture
def used(province: Site) -> dict[str, str]:
    """Four more officials: one signed in today, two long ago and one never; one mailbox is nearly full."""
    database, now = province.database, province.now
    provide(
        database,
        an_official("SD0", "Lò Thị Nay"),
        an_official("SD1", "Lò Thị Lâu"),
        an_official("SD2", "Lò Thị Xưa", ma_co_quan="H36.06"),
        an_official("SD3", "Lò Thị Chưa"),
        now=now,
    )
    synced(database, FakeDirectory(DIT), now=now)
    by_number = addresses(database)
    for number, days in (("SD0", 0), ("SD1", 100), ("SD2", 200)):
        bring_in(database, [SignIn(by_number[number], now - timedelta(days=days))], now=now)
    bring_in_sizes(
        database,
        [Size(by_number["SD0"], int(3.9 * GB), now), Size(by_number["SD1"], int(3.3 * GB), now)],
        now=now,
    )
    return by_number


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("never", {"SD3"}),
        ("nonsense", {"SD3"}),
        ("idle-45", {"SD1", "SD2"}),
        ("idle-90", {"SD1", "SD2"}),
        ("idle-180", {"SD2"}),
        ("full-80", {"SD0", "SD1"}),
        ("full-95", {"SD0"}),
    ],
)
def test_each_kind_of_use_has_its_list(
    province: Site, used: dict[str, str], state: str, shown: set[str]
) -> None:
    page = province.signed_in("lan", Role.ADMIN).page(f"/usage?state={state}&q=lo")

    assert {number for number in ("SD0", "SD1", "SD2", "SD3") if used[number] in page} == shown


def test_the_fullest_go_first_and_show_their_share(province: Site, used: dict[str, str]) -> None:
    browser = province.signed_in("lan", Role.ADMIN)
    page = browser.page("/usage?state=full-80")

    assert page.index(used["SD0"]) < page.index(used["SD1"])
    assert "97,5% / 4 GB" in page
    assert "97.5% / 4 GB" in browser.page("/usage?state=full-80&lang=en")


@pytest.mark.parametrize("agency", [None, "H36.06"])
def test_the_mailbox_of_who_left_is_shown_at_the_agency_of_the_last_post(
    province: Site, used: dict[str, str], agency: str | None
) -> None:
    leaving = an_official("SD2", "Lò Thị Xưa", ma_co_quan="H36.06", nghi_tu=f"{province.now:%d/%m/%Y}")
    provide(province.database, leaving, now=province.now)

    assert used["SD2"] in province.signed_in("mai", Role.ADMIN, agency=agency).page("/usage?state=idle-45")


def test_an_agency_s_administrator_sees_its_own_only(province: Site, used: dict[str, str]) -> None:
    page = province.signed_in("mai", Role.ADMIN, agency="H36.06").page("/usage?state=idle-45")

    assert used["SD2"] in page
    assert used["SD1"] not in page
