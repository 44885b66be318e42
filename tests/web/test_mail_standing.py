"""What the doctor and the page of the system say of mail: who reads postmaster@, what is stopped."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from provisioner.audit import Who
from provisioner.cli.mail_standing import postmaster, timers
from provisioner.errors import Misconfigured, Unavailable
from provisioner.mail.models import TimerStop
from provisioner.mail.stopping import confirm
from provisioner.mailboxes.models import Mailbox
from provisioner.operators.roles import Role
from provisioner.services import Services
from provisioner.settings import Settings
from tests.province import addresses
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
