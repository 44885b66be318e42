"""The page where owners set their passwords."""

from datetime import timedelta

import pytest

from provisioner.audit import Who
from provisioner.mail.codes import NewCode, holder_of, new_code
from provisioner.mail.issuing import issue
from provisioner.mail.passwords import matches
from provisioner.operators.limits import PER_NAME
from provisioner.secret import Secret
from tests.books import NOW
from tests.fakes.directory import FakeDirectory
from tests.mail.test_activating import Kept
from tests.province import CHIEF, DIT, addresses, synced
from tests.web.site import Browser, Site

GOOD = "Cao-nguyen8xanh"


@pytest.fixture
def kept(province: Site) -> Kept:
    kept = Kept()
    province.app.extensions["provisioner"].__dict__["passwords"] = kept
    synced(province.database, FakeDirectory(DIT))
    return kept


def a_slip(site: Site) -> tuple[str, Secret]:
    """An address and its code."""
    address, code = addresses(site.database)["CB1"], new_code()
    with site.database.transaction() as session:
        issue(
            session,
            [NewCode(holder_of(session, address), code)],
            who=Who(CHIEF),
            now=NOW,
            expires_at=NOW + timedelta(days=30),
        )
    return address, code


def send(browser: Browser, address: str, code: Secret, password: str = GOOD, again: str | None = None):
    browser.get("/kich-hoat")
    return browser.post(
        "/kich-hoat",
        {"address": address, "code": code.reveal(), "password": password, "again": again or password},
    )


def test_an_owner_sets_a_password_and_reads_how_to_go_on(province: Site, kept: Kept) -> None:
    address, code = a_slip(province)

    answer = send(province.browser(), address, code)

    assert answer.status_code == 200
    assert address in answer.text
    assert "mail.lamdong.gov.vn, IMAP cổng 993" in answer.text
    assert [matches(Secret(GOOD), stored) for stored in kept.hashes.values()] == [True]


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        (GOOD, "Cao-nguyen8xanH", "không giống nhau"),
        ("Matkhau@2026", None, "quá phổ biến"),
        ("short", None, "ít nhất 9 ký tự"),
    ],
)
def test_a_refusal_says_why_and_shows_neither_code_nor_password(
    province: Site, kept: Kept, password: str, again: str | None, said: str
) -> None:
    address, code = a_slip(province)

    answer = send(province.browser(), address, code, password, again)

    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{address}"' in answer.text
    assert code.reveal() not in answer.text
    assert password not in answer.text
    assert kept.hashes == {}


def test_a_guesser_is_told_to_wait(province: Site, kept: Kept) -> None:
    address, code = a_slip(province)
    browser = province.browser()

    answers = [send(browser, address, new_code()).status_code for _ in range(PER_NAME)]
    last = send(browser, address, code)

    assert answers == [422] * PER_NAME
    assert last.status_code == 429
    assert kept.hashes == {}


def test_the_page_asks_for_its_own_form_and_keeps_the_policy(province: Site, kept: Kept) -> None:
    address, code = a_slip(province)
    browser = province.browser()

    page = browser.get("/kich-hoat?lang=en")
    foreign = browser.post(
        "/kich-hoat", {"address": address, "code": code.reveal()}, origin="https://evil.example"
    )

    assert "Activate an official mailbox" in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert foreign.status_code == 403
