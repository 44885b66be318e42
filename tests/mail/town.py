"""The people of one town, their mailboxes, and what they do with a mail program."""

import imaplib
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import update

from provisioner.adapters.ldap import LdapDirectory
from provisioner.adapters.ldap_passwords import LdapPasswords
from provisioner.audit import Who
from provisioner.db import Database
from provisioner.demo.mail import MailStage, mail_stage
from provisioner.directory.syncing import sync
from provisioner.mail.activating import activate
from provisioner.mail.codes import NewCode, holders_in, new_code
from provisioner.mail.issuing import issue
from provisioner.mail.passwords import PasswordPolicy
from provisioner.mailboxes.models import Mailbox, Status
from provisioner.mailboxes.opening import QuotaException, except_quota, touch
from provisioner.private.slapd import PrivateSlapd
from provisioner.secret import Secret
from provisioner.settings import ROOT
from tests.ldap_server import directory_on
from tests.province import DIT, GB, QUOTAS, a_province, a_unit, addresses, an_official, provide, the_mailbox

POLICY = PasswordPolicy.load(ROOT / "config" / "passwords" / "policy.toml")
DOMAIN = "lamdong.gov.vn"
SCIENCE = f"skhcn@{DOMAIN}"
PEOPLE = 50
SECRET = Secret("Cao-nguyen8xanh")
"""What everybody in town chose; nobody is called so."""

_FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi", "Đỗ", "Hồ")
_GIVEN = ("Ánh", "Bình", "Cường", "Dũng", "Giang")


def name(number: int) -> str:
    return f"{_FAMILY[number % 10]} Thị {_GIVEN[number // 10]}"


class Town:
    """Books, directory and mail servers of a small place; everything in it works by the product's own functions."""

    def __init__(
        self,
        folder: Path,
        slapd: PrivateSlapd,
        *,
        books: str,
        mail: Secret,
        activation: Secret,
        size: int = PEOPLE,
    ) -> None:
        self.slapd = slapd
        self._size = size
        self.database = Database(books)
        self.stage: MailStage = mail_stage(
            folder / "servers",
            directory_url=slapd.url,
            dit=slapd.dit,
            password=mail,
            domains=(DOMAIN,),
            fallback_quota=4 * GB,
            postmasters=(SCIENCE,),
        )
        self.directory: LdapDirectory = directory_on(slapd)
        self.passwords = LdapPasswords(slapd.url, dit=slapd.dit, password=activation)
        self.people: list[str] = []

    def __enter__(self) -> Self:
        a_province(self.database)
        provide(
            self.database,
            *(an_official(f"CB{number}", name(number)) for number in range(self._size)),
            a_unit("H36.05"),
            a_unit("H36.06"),
        )
        self.sync()
        by_staff_number = addresses(self.database)
        self.people = [by_staff_number[f"CB{number}"] for number in range(self._size)]
        self.activate_all()
        self.stage.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stage.stop()
        self.passwords.close()
        self.directory.close()
        self.database.close()

    def activate_all(self) -> None:
        """Everybody gets a slip and sets a password with it."""
        now = datetime.now(UTC)
        with self.database.transaction() as session:
            slips = [NewCode(holder, new_code()) for holder in holders_in(session, "H36", now=now)]
            issue(session, slips, who=Who("binh"), now=now, expires_at=now + timedelta(days=30))
        for slip in slips:
            activate(
                self.database,
                self.passwords,
                address=slip.holder.address,
                code=slip.code,
                password=SECRET,
                source="10.0.0.7",
                policy=POLICY,
                dit=DIT,
                now=now,
            )

    def sync(self) -> None:
        """Make the directory agree with the books, as the worker does within a stroke of the clock."""
        done = sync(self.database, self.directory, dit=DIT, quotas=QUOTAS, clock=lambda: datetime.now(UTC))
        assert not done.waiting_for

    def mailbox(self, address: str) -> Mailbox:
        return the_mailbox(self.database, address)

    def dn(self, address: str) -> str:
        mailbox = self.mailbox(address)
        place = DIT.person if mailbox.person_id else DIT.unit
        return place(mailbox.account_id)

    def mailbox_name(self, address: str) -> str:
        return name(self.people.index(address))

    def set_status(self, address: str, status: Status) -> None:
        mailbox_id = self.mailbox(address).id
        with self.database.transaction() as session:
            session.execute(update(Mailbox).where(Mailbox.id == mailbox_id).values(status=status))
            touch(session, [mailbox_id])
        self.sync()

    def set_quota(self, address: str, size: int | None) -> None:
        """Grant an exception, or take it back."""
        mailbox_id = self.mailbox(address).id
        exception = None if size is None else QuotaException(size, "hồ sơ dự án", "binh")
        with self.database.transaction() as session:
            except_quota(session, {mailbox_id: exception}, now=datetime.now(UTC))
            touch(session, [mailbox_id])
        self.sync()

    @property
    def tls(self) -> ssl.SSLContext:
        """What a mail program does: verifies the server."""
        return ssl.create_default_context(cafile=str(self.stage.facts.certificate))

    @contextmanager
    def imap(self, address: str, password: Secret = SECRET) -> Iterator[imaplib.IMAP4_SSL]:
        """A signed-in mail program. Raises `imaplib.IMAP4.error` when the server refuses."""
        client = imaplib.IMAP4_SSL(
            "localhost", int(self.stage.facts.ports.imaps), ssl_context=self.tls, timeout=20
        )
        try:
            client.login(address, password.reveal())
            yield client
        finally:
            client.shutdown()

    @contextmanager
    def submission(self, address: str, password: Secret = SECRET) -> Iterator[smtplib.SMTP]:
        """A signed-in mail program that is about to send. Raises `smtplib.SMTPAuthenticationError`."""
        with smtplib.SMTP("localhost", int(self.stage.facts.ports.submission), timeout=30) as client:
            client.starttls(context=self.tls)
            client.login(address, password.reveal())
            yield client

    def send(self, sender: str, *recipients: str, subject: str, size: int = 0) -> None:
        """Send as a colleague does. Raises what smtplib raises for a refusal."""
        with self.submission(sender) as client:
            client.send_message(a_message(sender, *recipients, subject=subject, size=size))

    def arrive(self, *recipients: str, subject: str, size: int = 0) -> None:
        """Send as a stranger on the Internet does. Raises what smtplib raises for a refusal."""
        sender = "citizen@example.org"
        with smtplib.SMTP("127.0.0.1", int(self.stage.facts.ports.smtp), timeout=30) as client:
            client.send_message(
                a_message(sender, *recipients, subject=subject, size=size), sender, list(recipients)
            )

    def subjects(self, address: str) -> list[str]:
        """The subjects in the inbox, as the mail servers' own tool reads them."""
        found = self.stage.dovecot.doveadm("fetch", "-u", address, "hdr.subject", "mailbox", "INBOX")
        return [
            str(make_header(decode_header(line.partition(":")[2].strip())))
            for line in found.stdout.splitlines()
            if line.startswith("hdr.subject")
        ]

    def gets(self, address: str, subject: str, *, within: float = 20) -> bool:
        """Whether a message of this subject stands in the inbox within some seconds."""
        return until(lambda: subject in self.subjects(address), within=within)

    def quota(self, address: str) -> tuple[int, int]:
        """Used and allowed, in KB, as GETQUOTAROOT tells a mail program (RFC 9208)."""
        with self.imap(address) as client:
            _, (_, roots) = client.getquotaroot("INBOX")
            line = roots[0].decode()
        used, limit = line.partition("(STORAGE ")[2].rstrip(")").split()
        return int(used), int(limit)


def a_message(sender: str, *recipients: str, subject: str, size: int = 0) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, ", ".join(recipients), subject
    message.set_content("Kính gửi đồng chí.\n")
    if size:
        message.add_attachment(b"\0" * (size * 3 // 4), maintype="application", subtype="octet-stream")
    return message


def until(true: Callable[[], bool], *, within: float) -> bool:
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
