"""Servers stopped and killed in the middle: nothing is lost, what is said is true, and all goes on without a hand.

A small town of its own, because its servers go down. Who waits here waits for a retry of the servers' own.
"""

import imaplib
import secrets
import shutil
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provisioner.audit import Who
from provisioner.directory.syncing import sync
from provisioner.errors import Unavailable
from provisioner.lists.keeping import keep
from provisioner.mail.activating import activate
from provisioner.mail.codes import NewCode, holders_in, new_code
from provisioner.mail.issuing import issue
from provisioner.mailboxes.models import Status
from provisioner.private.slapd import PrivateSlapd
from provisioner.secret import Secret
from tests.ldap_server import PASSWORD, SUFFIX, signs_in
from tests.mail.correspondents import (
    TEXT,
    certified,
    fetched,
    handed_over,
    look_up,
    opened,
    signed_and_encrypted,
)
from tests.mail.town import DOMAIN, POLICY, SECRET, Town, until
from tests.province import DIT, QUOTAS, an_official, provide

LIST = f"tatca.skhcn@{DOMAIN}"
PEOPLE = 4
SOON = 120
"""Seconds for what usually takes five: the servers try again by themselves."""


@pytest.fixture(scope="module")
def village(server_folder: Path, sqlite_template: Path) -> Iterator[Town]:
    if not shutil.which("postfix"):
        pytest.skip("Postfix is not installed")
    folder = server_folder / "village"
    folder.mkdir()
    shutil.copy(sqlite_template, folder / "books.db")
    mail, activation = (Secret(secrets.token_urlsafe(16)) for _ in range(2))
    with (
        PrivateSlapd(
            folder / "slapd",
            suffix=SUFFIX,
            service_password=PASSWORD,
            passwords={"mail": mail, "activation": activation},
        ) as slapd,
        Town(
            folder,
            slapd,
            books=f"sqlite:///{folder / 'books.db'}",
            mail=mail,
            activation=activation,
            size=PEOPLE,
        ) as town,
    ):
        with town.database.transaction() as session:
            keep(session, domain=DOMAIN)
        town.sync()
        yield town


@contextmanager
def without_directory(town: Town) -> Iterator[None]:
    town.slapd.kill()
    try:
        yield
    finally:
        town.slapd.start()


def signed_in(town: Town, address: str) -> bool:
    try:
        with town.imap(address):
            return True
    except imaplib.IMAP4.error:
        return False


def sent(town: Town, sender: str, recipient: str, subject: str) -> bool:
    """Whether a colleague is rid of this letter: it was taken, or refused for good."""
    try:
        town.send(sender, recipient, subject=subject)
    except (
        OSError
    ) as error:  # as smtplib's own are: the connection is refused or ended, or the server said no
        return getattr(error, "smtp_code", 400) >= 500
    return True


def test_mail_that_comes_while_the_directory_is_away_is_put_off_and_never_refused(village: Town) -> None:
    address = village.people[0]

    with without_directory(village):
        with pytest.raises((smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused)) as put_off:
            village.arrive(address, subject="khi-danh-ba-nghi")
        with pytest.raises(imaplib.IMAP4.error) as locked_out, village.imap(address):
            pass

    (code, said), *_ = put_off.value.recipients.values()
    assert 400 <= code < 500, said
    assert b"unknown" not in said.lower()
    # RFC 5530: a mail program does not ask for another password because of this.
    assert "UNAVAILABLE" in str(locked_out.value)
    assert until(lambda: signed_in(village, address), within=SOON)
    village.arrive(address, subject="khi-danh-ba-ve")
    assert village.gets(address, "khi-danh-ba-ve", within=SOON)


def test_what_was_taken_before_the_directory_went_away_arrives_after_it_came_back(village: Town) -> None:
    village.stage.dovecot.stop()
    village.arrive(village.people[1], subject="truoc-khi-mat-danh-ba")

    with without_directory(village):
        village.stage.dovecot.start()
        assert not village.gets(village.people[1], "truoc-khi-mat-danh-ba", within=2)

    assert village.gets(village.people[1], "truoc-khi-mat-danh-ba", within=SOON)


def test_a_letter_to_a_list_reaches_each_once_though_all_three_servers_went_down(village: Town) -> None:
    subject = "qua-ba-lan-mat"
    with village.submission(village.people[0]) as client:
        village.stage.dovecot.kill()
        client.sendmail(village.people[0], [LIST], f"Subject: {subject}\r\n\r\nx\r\n")
    # Also one that was brought a moment ago is listed until Postfix has put it away.
    assert until(lambda: village.stage.postfix.waiting() == 1, within=SOON)
    village.stage.postfix.kill()
    with without_directory(village), pytest.raises(OSError, match="refused"):
        village.arrive(village.people[0], subject="x")

    village.stage.postfix.start()
    village.stage.dovecot.start()

    assert all(village.gets(address, subject, within=SOON) for address in village.people)
    assert until(lambda: village.stage.postfix.waiting() == 0, within=SOON)
    assert [village.subjects(address).count(subject) for address in village.people] == [1] * PEOPLE


def test_a_signed_and_encrypted_letter_opens_though_all_three_servers_went_down(
    village: Town, tmp_path: Path
) -> None:
    sender, reader = village.people[:2]
    for name in ("authority", "sender", "reader"):
        (tmp_path / name).mkdir()
    root = certified(village, [sender, reader], tmp_path / "authority")
    me = handed_over(village, sender, tmp_path / "sender")
    them = handed_over(village, reader, tmp_path / "reader")

    message = signed_and_encrypted(village, me, reader, "kin-qua-mat-may-chu")
    assert until(lambda: signed_in(village, sender), within=SOON)
    with village.submission(sender) as client:
        village.stage.dovecot.kill()
        client.sendmail(sender, [reader], message)
    village.stage.postfix.kill()
    with without_directory(village):
        village.stage.postfix.start()
        village.stage.dovecot.start()

    text, signer = opened(them, fetched(village, them, "kin-qua-mat-may-chu"), root)
    assert TEXT.encode() in text
    assert signer == look_up(village, them, sender)


def test_without_dovecot_nobody_signs_in_to_send_and_strangers_mail_waits(village: Town) -> None:
    sender, recipient = village.people[2], village.people[3]
    village.stage.dovecot.stop()
    try:
        assert not sent(village, sender, recipient, "khong-gui-duoc")
        village.arrive(sender, subject="khi-dovecot-dung")
    finally:
        village.stage.dovecot.start()

    assert village.gets(sender, "khi-dovecot-dung", within=SOON)
    assert until(lambda: sent(village, sender, recipient, "gui-lai-duoc"), within=SOON)
    assert village.gets(recipient, "gui-lai-duoc", within=SOON)
    assert "khong-gui-duoc" not in village.subjects(recipient)


def test_a_code_is_not_lost_when_the_directory_goes_away_in_the_middle(village: Town) -> None:
    provide(village.database, an_official("CBM", "Lương Thị Mới"))
    village.sync()
    now = datetime.now(UTC)
    with village.database.transaction() as session:
        holder = next(one for one in holders_in(session, "H36", now=now) if one.address.startswith("moilt"))
        slip = NewCode(holder, new_code())
        issue(session, [slip], who=Who("binh"), now=now, expires_at=now + timedelta(days=30))

    def use() -> None:
        activate(
            village.database,
            village.passwords,
            address=slip.holder.address,
            code=slip.code,
            password=SECRET,
            source="10.0.0.7",
            policy=POLICY,
            dit=DIT,
            now=datetime.now(UTC),
        )

    with without_directory(village), pytest.raises(Unavailable) as said:
        use()
    use()

    assert said.value.text.vi
    assert signs_in(village.slapd, village.dn(slip.holder.address), SECRET)


def test_changes_of_the_books_wait_for_the_directory_and_then_count(village: Town) -> None:
    address = village.people[3]

    with without_directory(village):
        with pytest.raises(AssertionError):  # the town's own `sync` insists on being done
            village.set_status(address, Status.LOCKED)
        assert village.mailbox(address).trouble is None
    later = datetime.now(UTC) + timedelta(minutes=1)
    done = sync(village.database, village.directory, dit=DIT, quotas=QUOTAS, clock=lambda: later)

    assert not done.waiting_for
    assert not signed_in(village, address)
    village.set_status(address, Status.ACTIVE)
    assert until(lambda: signed_in(village, address), within=SOON)
