"""Notices on the real mail servers of the town: they arrive once, wait for a server that is down, and survive a crash."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from sqlalchemy import delete, select, update

from provisioner import failpoints
from provisioner.adapters.smtp import SmtpServer
from provisioner.errors import Misconfigured
from provisioner.notices.composing import Sender
from provisioner.notices.models import Letter, Notice
from provisioner.notices.queueing import Matter, queue
from provisioner.notices.sending import Sent, send
from provisioner.notices.wording import Reason
from provisioner.pending import LEASE
from provisioner.private.process import free_port
from tests.mail.town import SCIENCE, SECRET, Town, until

SENDER = Sender(
    "Hệ thống cấp phát", SCIENCE, "https://capphat.lamdong.gov.vn/", "https://capphat.lamdong.gov.vn/toi"
)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(autouse=True)
def nothing_else_waits(town: Town) -> None:
    """What other tests of the town gave occasion to tell is not told here."""
    with town.database.transaction() as session:
        session.execute(delete(Notice).where(Notice.letter_id.is_(None)))
        session.execute(update(Letter).where(Letter.sent_at.is_(None)).values(sent_at=datetime.now(UTC)))


def submission(town: Town, port: int | None = None) -> SmtpServer:
    """The town's mail server, as the service reaches it: with an account and a verified server."""
    return SmtpServer(
        f"submission://localhost:{port or town.stage.facts.ports.submission}",
        account=SCIENCE,
        password=SECRET,
        tls_ca_file=town.stage.facts.certificate,
    )


def say(town: Town, now: datetime, *recipients: str, about: str) -> None:
    told: dict[str, str | int] = {
        "document": about,
        "agency": "Sở KH&CN",
        "by": "chi",
        "why": "thiếu quyết định",
    }
    with town.database.transaction() as session:
        queue(session, Reason.REQUEST_RETURNED, [Matter(about, recipients, told)], now=now)


def run(town: Town, server: SmtpServer, now: datetime) -> Sent:
    return send(town.database, server.conversation, sender=SENDER, clock=lambda: now)


def inbox(town: Town, address: str, about: str) -> list[EmailMessage]:
    """The messages that tell about this."""
    found = []
    with town.imap(address) as client:
        client.select()
        _, (numbers,) = client.search(None, "ALL")
        for number in numbers.split():
            _, parts = client.fetch(number.decode(), "(BODY[])")
            assert isinstance(parts[0], tuple)
            message = message_from_bytes(parts[0][1], policy=policy.default)
            if about in message.get_content():
                found.append(message)
    return found


def test_a_notice_arrives_under_the_message_id_of_its_row(town: Town, now: datetime) -> None:
    about, (first, second) = "RC-1", town.people[31:33]
    say(town, now, first, second, about=about)

    sent, again = run(town, submission(town), now), run(town, submission(town), now)

    assert (sent.letters, again) == (2, Sent())
    assert until(lambda: len(inbox(town, first, about)) == 1, within=60)
    (message,) = inbox(town, first, about)
    with town.database.reading() as session:
        uid = session.scalars(
            select(Letter.uid).where(Letter.recipient == first).order_by(Letter.id.desc())
        ).first()
    assert message["Message-ID"] == f"<{uid}@lamdong.gov.vn>"
    assert message["Subject"] == "Đề nghị RC-1 bị trả lại"
    assert message["From"] == f"Hệ thống cấp phát <{SCIENCE}>"


def test_a_server_that_is_down_is_waited_for_and_a_refused_address_is_noted(
    town: Town, now: datetime
) -> None:
    about, address, nobody = "RC-2", town.people[33], "khong-co-ai@lamdong.gov.vn"
    say(town, now, address, nobody, about=about)

    down = run(town, submission(town, free_port()), now)
    up = run(town, submission(town), now + timedelta(minutes=2))

    assert down.waiting_for is not None
    assert (up.letters, up.refused) == (1, 1)
    assert until(lambda: len(inbox(town, address, about)) == 1, within=60)
    with town.database.reading() as session:
        (refused,) = session.scalars(select(Letter).where(Letter.recipient == nobody))
    assert refused.trouble == "letter-refused"
    assert "550" in (refused.trouble_detail or "")


def test_after_a_crash_the_same_message_comes_again_and_can_be_told_by_its_id(
    town: Town, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    about, address = "RC-3", town.people[34]
    say(town, now, address, about=about)
    strike = {"PROVISIONER_TESTING": "1", "PROVISIONER_FAILPOINT": "notice-sent=raise"}
    monkeypatch.setattr(failpoints, "_plan", failpoints._Plan(strike))

    with pytest.raises(failpoints.FailpointError):
        run(town, submission(town), now)
    again = run(town, submission(town), now + LEASE)
    done = run(town, submission(town), now + 2 * LEASE)

    assert (again, done) == (Sent(letters=1), Sent())
    assert until(lambda: len(inbox(town, address, about)) == 2, within=60)
    assert len({message["Message-ID"] for message in inbox(town, address, about)}) == 1


@pytest.mark.parametrize(
    ("url", "account"),
    [("smtp://mail.example.org", ""), ("smtp://127.0.0.1", "ai"), ("http://127.0.0.1", ""), ("smtps://", "")],
)
def test_a_password_never_crosses_the_network_in_the_clear(url: str, account: str) -> None:
    with pytest.raises(Misconfigured):
        SmtpServer(url, account=account, password=SECRET)
