"""What the doctor and the page of the system say of mail: who reads postmaster@, what is stopped."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from provisioner.audit import Who
from provisioner.cli.mail_standing import letters, postmaster, readers, sign_ins, sizes, timers
from provisioner.errors import Misconfigured, Unavailable
from provisioner.mail.models import TimerStop
from provisioner.mail.stopping import confirm
from provisioner.mailboxes.models import Mailbox
from provisioner.notices.models import Letter
from provisioner.operators import naming
from provisioner.operators.roles import Role
from provisioner.rounds import bring_in_sign_ins, bring_in_sizes
from provisioner.services import Services
from provisioner.settings import Settings
from tests.province import addresses, an_official, planned
from tests.web.site import Site


def a_process(site: Site, **sections: dict[str, Any]) -> Services:
    """What a process holds on the site's books, with these settings."""
    loaded = Settings.load()
    changed = {name: {**getattr(loaded, name).model_dump(), **values} for name, values in sections.items()}
    database = {"url": site.database.engine.url.render_as_string(hide_password=False)}
    return Services(Settings.load(database=database, **changed), clock=lambda: site.now, ring=site.rings)


def test_a_postmaster_whom_nobody_reads_is_named_once_letters_are_sent(province: Site) -> None:
    someone = min(addresses(province.database).values())
    sending = {"server": "smtp://127.0.0.1"}

    assert "nobody reads it" in postmaster(a_process(province))
    with pytest.raises(Misconfigured, match="is no active mailbox"):
        postmaster(a_process(province, notices=sending))
    read = a_process(province, notices=sending, mail={"postmasters": [someone]})
    assert someone in postmaster(read)
    with province.database.transaction() as session:
        session.execute(update(Mailbox).values(status="locked"))
    with pytest.raises(Misconfigured, match=someone):
        postmaster(read)


def test_stopped_timers_are_shown_with_their_age_until_somebody_confirms(province: Site) -> None:
    browser, services = province.signed_in("lan", Role.ADMIN), a_process(province)
    waits = "đang dừng chờ người xác nhận</dt><dd>{}</dd>"
    assert waits.format(0) in browser.page("/system")
    assert timers(services) == "nothing is stopped"

    at = province.now - timedelta(hours=3)
    with province.database.transaction() as session:
        session.add(TimerStop(stopped_at=at, most=2, lock=[1, 2, 3], delete=[4]))

    assert waits.format(4) + '<dd class="soft">đang chờ từ 21/11/2026 06:30' in browser.page("/system")
    with pytest.raises(Unavailable, match="4 mailboxes"):
        timers(services)
    with province.database.transaction() as session:
        confirm(session, 1, who=Who("lan"), now=province.now)
    assert waits.format(0) in browser.page("/system")
    assert timers(services) == "nothing is stopped"


def test_sign_ins_and_sizes_are_read_from_their_folders_and_their_age_is_told(
    province: Site, tmp_path: Path
) -> None:
    address = min(addresses(province.database).values())
    login, size = (
        tmp_path / "last-login" / "imap" / address,
        tmp_path / "sizes" / address / "quota" / "storage",
    )
    for file, text in ((login, f"{province.now.timestamp():.0f}"), (size, "1000")):
        file.parent.mkdir(parents=True)
        file.write_text(text)
    folders = {"sign_ins_from": str(tmp_path), "sizes_from": str(tmp_path / "sizes")}
    services, nothing_set = a_process(province, mail=folders), a_process(province)
    assert (bring_in_sign_ins(nothing_set), bring_in_sizes(nothing_set)) == (0, 0)
    assert [told(services).partition(" was ")[0] for told in (sign_ins, sizes)] == ["no sign-in", "no size"]

    assert "set mail.sign_ins_from" in sign_ins(nothing_set)
    assert f"has to read {tmp_path}" in sign_ins(services)

    assert (bring_in_sign_ins(services), bring_in_sizes(services)) == (1, 1)

    assert sign_ins(services) == f"the newest sign-in is of {province.now:%Y-%m-%d %H:%M}"
    assert sizes(services).startswith("the newest size is of")
    browser, silent = province.signed_in("lan", Role.ADMIN), "nhiều ngày không có dữ liệu mới"
    assert silent not in browser.page("/system")
    with province.database.transaction() as session:
        week = province.now - timedelta(days=7)
        session.execute(update(Mailbox).values(last_used_at=week, size_at=week))
    assert browser.page("/system").count(silent) == 2
    for told in (sign_ins, sizes):
        with pytest.raises(Unavailable, match="2026-11-14"):
            told(services)


def test_what_nobody_is_told_is_shown_once_letters_are_sent(province: Site) -> None:
    planned(province.database, an_official("CB90", "Võ Văn Sáu"), now=province.now)
    sending = a_process(province, notices={"server": "smtp://127.0.0.1"})
    assert readers(a_process(province)) == "no letters are sent"

    with pytest.raises(Misconfigured, match="1 matters reach nobody"):
        readers(sending)
    browser = province.signed_in("binh", Role.APPROVER, Role.ADMIN)
    assert "Việc không báo được cho ai" not in browser.page("/system")
    province.app.extensions["provisioner"].__dict__["settings"] = sending.settings
    assert "đang chờ phê duyệt</dd>" in browser.page("/system").partition("Việc không báo được cho ai")[2]

    with province.database.transaction() as session:
        binh = naming.find_operator(session, "binh")
        naming.reach_at(session, binh, "binh@tinh.example", by="admin", now=province.now)
    assert readers(sending) == "all that has to be told has a reader"


def test_refused_letters_are_told(province: Site) -> None:
    services = a_process(province)
    assert "none refused" in letters(services)

    with province.database.transaction() as session:
        session.add(Letter(uid="u", recipient="postmaster@x.vn", made_at=province.now, trouble="refused"))

    with pytest.raises(Unavailable, match="1 letters"):
        letters(services)
