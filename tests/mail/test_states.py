"""What a mailbox's state means in mail, seen from outside: sign-in, sending, delivery, the words of a refusal."""

import imaplib
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from ldap3 import MODIFY_ADD, MODIFY_DELETE, MODIFY_REPLACE

from provisioner.mail.passwords import hashed
from provisioner.mailboxes.models import Status
from provisioner.mailboxes.opening import readdress, touch
from tests.ldap_server import raw
from tests.mail.town import SCIENCE, SECRET, Town, a_message, until
from tests.province import an_official, provide


def signs_in(town: Town, address: str) -> bool:
    try:
        with town.imap(address):
            return True
    except imaplib.IMAP4.error:
        return False


def may_send(town: Town, address: str) -> bool:
    try:
        with town.submission(address):
            return True
    except smtplib.SMTPAuthenticationError:
        return False


def refusal(town: Town, address: str) -> tuple[int, bytes]:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        town.arrive(address, subject="x")
    return refused.value.recipients[address]


@contextmanager
def in_state(town: Town, address: str, status: Status) -> Iterator[None]:
    town.set_status(address, status)
    try:
        yield
    finally:
        town.set_status(address, Status.ACTIVE)


def test_an_active_mailbox_signs_in_sends_and_receives(town: Town) -> None:
    address = town.people[20]

    town.arrive(address, subject="binh-thuong")

    assert signs_in(town, address)
    assert may_send(town, address)
    assert town.gets(address, "binh-thuong")


def test_a_locked_mailbox_receives_and_neither_signs_in_nor_sends(town: Town) -> None:
    address = town.people[21]

    with in_state(town, address, Status.LOCKED):
        assert not signs_in(town, address)
        assert not may_send(town, address)
        town.arrive(address, subject="luc-bi-khoa")
        assert town.gets(address, "luc-bi-khoa")

    assert signs_in(town, address)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.DISABLED, b"5.2.1 <{}>: Recipient address rejected: Hop thu da ngung su dung"),
        (Status.DELETED, b"5.1.6 <{}>: Recipient address rejected: Hop thu khong con ton tai"),
    ],
)
def test_a_disabled_or_deleted_mailbox_refuses_with_its_own_words(
    town: Town, status: Status, words: bytes
) -> None:
    address = town.people[22]

    with in_state(town, address, status):
        assert not signs_in(town, address)
        assert not may_send(town, address)
        code, said = refusal(town, address)
        with pytest.raises(smtplib.SMTPRecipientsRefused) as by_colleague:
            town.send(town.people[23], address, subject="x")

    assert code == 550
    assert said.startswith(words.replace(b"{}", address.encode()))
    assert by_colleague.value.recipients[address][0] == 550
    town.arrive(address, subject=f"sau-{status}")
    assert town.gets(address, f"sau-{status}")


def test_mail_taken_before_a_mailbox_was_disabled_comes_back_and_is_not_lost(town: Town) -> None:
    sender, address = town.people[24], town.people[25]
    with town.submission(sender) as client:  # signed in before: without Dovecot nobody signs in to send
        town.stage.dovecot.stop()
        try:
            client.send_message(a_message(sender, address, subject="dang-cho"))
            assert until(lambda: town.stage.postfix.waiting() == 1, within=30)
        finally:
            town.set_status(address, Status.DISABLED)
            town.stage.dovecot.start()

    try:
        town.stage.postfix.flush()
        assert town.gets(sender, "Thư không gửi được / Undelivered mail", within=60)
    finally:
        town.set_status(address, Status.ACTIVE)


def test_mail_waits_while_dovecot_is_away_and_arrives_by_itself(town: Town) -> None:
    address = town.people[26]
    town.stage.dovecot.kill()

    try:
        town.arrive(address, subject="khi-dovecot-nghi")
    finally:
        town.stage.dovecot.start()

    assert town.gets(address, "khi-dovecot-nghi", within=60)


def test_an_old_address_of_a_renamed_person_delivers_and_signs_in(town: Town) -> None:
    old, new = town.people[27], "ten.moi@lamdong.gov.vn"
    mailbox = town.mailbox(old)
    town.arrive(old, subject="truoc-khi-doi")
    assert town.gets(old, "truoc-khi-doi")
    with town.database.transaction() as session:
        readdress(session, {mailbox.id: new}, now=datetime.now(UTC))
        touch(session, [mailbox.id])
    town.sync()

    town.arrive(old, subject="dia-chi-cu")
    town.arrive(new, subject="dia-chi-moi")

    assert town.gets(new, "dia-chi-cu")
    assert town.gets(new, "dia-chi-moi")
    assert "truoc-khi-doi" in town.subjects(new)
    assert signs_in(town, old)
    assert signs_in(town, new)


def test_a_person_who_moves_to_another_agency_keeps_mail_and_password(town: Town) -> None:
    address = town.people[28]
    town.arrive(address, subject="co-quan-cu")
    assert town.gets(address, "co-quan-cu")

    provide(town.database, an_official("CB28", town.mailbox_name(address), ma_co_quan="H36.06"))
    town.sync()
    town.arrive(address, subject="co-quan-moi")

    with raw(town.slapd) as connection:
        _, _, found, _ = connection.search(
            town.dn(address), "(objectClass=*)", "BASE", attributes=["congvuAgencyCode"]
        )
    assert found[0]["attributes"]["congvuAgencyCode"] == ["H36.06"]
    assert town.gets(address, "co-quan-moi")
    assert "co-quan-cu" in town.subjects(address)
    assert signs_in(town, address)


def test_an_entry_without_a_quota_of_its_own_gets_the_fallback_and_never_no_limit(town: Town) -> None:
    """The server's constraints let no such entry in: they are taken away for this test."""
    address, rule = town.people[29], "congvuQuota regex ^[1-9][0-9]*$"
    overlay = "olcOverlay={1}constraint,olcDatabase={1}mdb,cn=config"

    def constrain(how: str) -> None:
        with raw(town.slapd, dn=town.slapd.config_dn, password=town.slapd.config_password) as connection:
            connection.modify(overlay, {"olcConstraintAttribute": [(how, [rule])]})

    def write(quota: int) -> None:
        with raw(town.slapd) as connection:
            connection.modify(town.dn(address), {"congvuQuota": [(MODIFY_REPLACE, [str(quota)])]})

    constrain(MODIFY_DELETE)
    try:
        write(0)
        told = town.quota(address)[1]
    finally:
        write(4 << 30)
        constrain(MODIFY_ADD)

    assert told == 4_194_304


def asked_by(town: Town, sender: str, recipient: str, *, client: str = "127.0.0.1") -> tuple[int, bytes]:
    """What a server at this address is told that has not signed in; nothing is sent."""
    port = int(town.stage.facts.ports.smtp)
    with smtplib.SMTP("127.0.0.1", port, timeout=60, source_address=(client, 0)) as server:
        server.ehlo("example.org")
        server.mail(sender)
        return server.rcpt(recipient)


@pytest.mark.parametrize("local_part", ["giamdoc", "postmaster", "nobody.at.all", "Skhcn"])
def test_a_stranger_cannot_write_under_an_address_of_ours(town: Town, local_part: str) -> None:
    code, said = asked_by(town, f"{local_part}@lamdong.gov.vn", town.people[31])

    assert code == 550
    assert b"Sign in to send under an address of ours" in said


def test_a_relay_of_the_province_other_servers_and_bounces_go_on(town: Town) -> None:
    to = town.people[31]

    assert asked_by(town, "scan@lamdong.gov.vn", to, client="127.0.0.9")[0] == 250
    assert asked_by(town, "so@benhvien.lamdong.gov.vn", to)[0] == 250
    assert asked_by(town, "", to)[0] == 250
    assert asked_by(town, "citizen@example.org", to)[0] == 250


def test_what_is_written_to_the_postmaster_reaches_who_reads_it(town: Town) -> None:
    for address in ("postmaster@lamdong.gov.vn", "Abuse@lamdong.gov.vn", "postmaster"):
        town.arrive(address, subject=f"gui-{address}")
        assert town.gets(SCIENCE, f"gui-{address}")


def test_a_password_is_not_set_for_a_locked_account(town: Town) -> None:
    address = town.people[30]

    with in_state(town, address, Status.LOCKED), pytest.raises(Exception, match="not ready yet or is locked"):
        town.passwords.replace(town.dn(address), hashed(SECRET))
