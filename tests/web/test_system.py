"""The page of the system and the watchdog's word: what the clock saw, what waits, what ends, and no asking around."""

import socket
import time
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, update

from ca.authority import der
from provisioner.certificates.models import Certificate, Issuer, State
from provisioner.cli.doctor import calendar_lasts, stale_revoked
from provisioner.errors import Text, Unavailable
from provisioner.mailboxes.models import Mailbox
from provisioner.operators.roles import Role
from provisioner.parts import Name, Sighting, note
from provisioner.requests.models import Request
from tests.ca.world import world
from tests.web.site import Browser, Site
from tests.web.test_requests import LETTER

AWAY = Text(vi="ldap://10.1.2.3 không trả lời", en="ldap://10.1.2.3 did not answer")
SILENT = "hoạt động lần cuối"


def seen(site: Site, *sightings: Sighting) -> None:
    """What the clock notes at one look, with a sign of life of its own."""
    with site.database.transaction() as session:
        note(session, [Sighting(Name.CLOCK), *sightings], now=site.now)


def system(site: Site) -> str:
    return site.signed_in("lan", Role.ADMIN).page("/system")


def health(browser: Browser) -> tuple[int, str]:
    answer = browser.get("/health")
    return answer.status_code, answer.text


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A directory and a Redis that take connections and never answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listening:
        port = listening.getsockname()[1]
        monkeypatch.setenv("PROVISIONER_DIRECTORY__URL", f"ldap://127.0.0.1:{port}")
        monkeypatch.setenv("PROVISIONER_DIRECTORY__BIND_PASSWORD", "unused")
        monkeypatch.setenv("PROVISIONER_REDIS__URL", f"redis://127.0.0.1:{port}/0")
        yield


def test_whatever_hangs_the_page_and_the_watchdogs_word_are_there_at_once(silence: None, site: Site) -> None:
    browser = site.signed_in("lan", Role.ADMIN)
    began = time.monotonic()

    browser.page("/system")
    browser.get("/health")

    assert time.monotonic() - began < 8  # of the ten that a directory is given to answer


def test_a_part_that_fails_is_told_with_since_when_and_with_when_it_answered_last(site: Site) -> None:
    seen(site, Sighting(Name.DIRECTORY), Sighting(Name.WORKER, None, 3, 1234))
    assert "không trả lời" not in system(site)
    assert "Đang chạy: 3; lượt gọi đang chờ: 1.234" in system(site)

    site.later(seconds=30)  # 09:30:30 in Vietnam
    seen(site, Sighting(Name.DIRECTORY, AWAY))
    site.later(minutes=10)
    seen(site, Sighting(Name.DIRECTORY, AWAY))

    page = system(site)
    assert "từ 21/11/2026 09:30 · trả lời lần cuối lúc 21/11/2026 09:30" in page
    assert AWAY.vi in page
    assert AWAY.en in site.signed_in("lan", Role.ADMIN).page("/system?lang=en")


def test_a_silent_clock_is_said_first_and_nothing_else_is_known_then(site: Site) -> None:
    assert "Chưa thấy bộ hẹn giờ" in system(site)
    seen(site, Sighting(Name.DIRECTORY, AWAY))
    assert SILENT not in system(site)

    site.later(seconds=61)

    page = system(site)
    assert page.index(SILENT) < page.index("Cơ sở dữ liệu")
    assert AWAY.vi not in page
    assert "chưa rõ" in page


def test_the_watchdog_is_told_one_word_and_no_address(site: Site) -> None:
    stranger = site.browser()
    assert health(stranger) == (200, "degraded\n")
    seen(site, Sighting(Name.DIRECTORY), Sighting(Name.REDIS, AWAY), Sighting(Name.WORKER, AWAY))
    assert health(stranger) == (200, "ok\n")

    seen(site, Sighting(Name.DIRECTORY, AWAY))
    assert health(stranger) == (200, "degraded\n")
    seen(site, Sighting(Name.DIRECTORY))
    assert health(stranger) == (200, "ok\n")
    site.later(seconds=61)
    assert health(stranger) == (200, "degraded\n")


def test_books_that_cannot_be_read_are_not_ok(site: Site) -> None:
    seen(site, Sighting(Name.DIRECTORY))
    with site.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE parts")

    assert health(site.browser()) == (503, "not ok\n")


def test_what_waits_is_counted_with_the_age_of_the_oldest(province: Site) -> None:
    asker = province.signed_in("hoa", Role.HR, agency="H36.05")
    asker.get("/requests/new?kind=people")
    asker.post("/requests/new", LETTER)
    with province.database.transaction() as session:
        session.execute(
            update(Certificate).values(ordered_at=province.now - timedelta(days=2), state=State.ORDERED)
        )
        wanted = session.scalars(select(Request)).one()
        wanted.state, wanted.due_on = "submitted", (province.now - timedelta(days=5)).date()
        certificate = der(world()[0].certificates["mail-g1"])
        session.add(Issuer(label="mail-g1", certificate=certificate, revocations=1))
    seen(province, Sighting(Name.ENTRIES, AWAY), Sighting(Name.LISTS, AWAY))

    page = province.signed_in("lan", Role.ADMIN).page("/system")

    assert "đang chờ từ 19/11/2026 09:30" in page  # certificates
    assert "đang chờ từ 16/11/2026" in page  # the request
    assert page.count("đang chờ từ 21/11/2026 09:30") == 2  # entries, and what no list says yet


@pytest.mark.parametrize(
    ("today", "lacks"), [("2027-10-01", False), ("2027-10-02", True), ("2028-02-01", True)]
)
def test_a_calendar_of_holidays_that_ends_within_ninety_days_is_told(
    site: Site, today: str, lacks: bool
) -> None:
    site.later(days=(date.fromisoformat(today) - site.now.date()).days)
    services = site.app.extensions["provisioner"]

    page = system(site)

    assert ("Lịch nghỉ lễ chỉ có đến 31/12/2027" in page) is lacks
    if lacks:
        with pytest.raises(Unavailable, match="31 Dec 2027"):
            calendar_lasts(services)
    else:
        assert "2027-12-31" in calendar_lasts(services)


def test_certificates_that_end_lead_to_their_list(province: Site) -> None:
    with province.database.transaction() as session:
        session.execute(
            update(Certificate).values(
                state=State.ISSUED,
                issued_at=province.now - timedelta(days=300),
                not_before=province.now - timedelta(days=300),
                not_after=province.now + timedelta(days=45),
            )
        )
        count = len(session.scalars(select(Mailbox.id).join(Certificate).order_by(Mailbox.id)).all())

    browser = province.signed_in("lan", Role.ADMIN)
    page = browser.page("/system")

    assert "expiring-30" not in page
    for days in (60, 90):
        assert f'<a href="/coverage/names?list=expiring-{days}">{count}</a>' in page
    assert f"{count}" in browser.page("/coverage/names?list=expiring-60")


def test_certificates_that_differ_are_counted_with_the_day_the_first_is_due(province: Site) -> None:
    now, services = province.now, province.app.extensions["provisioner"]
    assert stale_revoked(services) == "every certificate says what the register says"
    with province.database.transaction() as session:
        session.execute(
            update(Certificate).values(
                state=State.ISSUED, not_before=now, not_after=now + timedelta(days=700), stale_since=now
            )
        )
        count = session.scalar(select(func.count()).select_from(Certificate))
    browser = province.signed_in("mai", Role.ADMIN)

    page = browser.page("/system")

    assert f'<a href="/certificates?state=stale">{count}</a>' in page
    assert "chứng thư đầu tiên phải thu hồi trước 26/11/2026 09:30" in page
    assert "Quá hạn" not in page
    assert "the first is to be revoked by 26 Nov 2026 09:30" in browser.page("/system?lang=en")
    assert "2026-11-26 09:30" in stale_revoked(services)

    province.later(days=5)

    assert "Quá hạn" in system(province)
    with pytest.raises(Unavailable, match="revocations stale"):
        stale_revoked(services)
