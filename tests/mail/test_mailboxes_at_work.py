"""Fifty mailboxes of one roster at work on real servers: sign-in, sending, delivery, quota."""

import imaplib
import smtplib
import time

import pytest

from provisioner.secret import Secret
from tests.mail.town import PEOPLE, SCIENCE, Town, a_message
from tests.province import GB

MB = 1024**2
WRONG = Secret("Cao-nguyen8xanH")


def test_every_owner_signs_in_by_imap_over_tls(town: Town) -> None:
    for address in town.people:
        with town.imap(address) as client:
            assert client.select("INBOX")[0] == "OK"
    assert len(set(town.people)) == PEOPLE


def test_a_wrong_password_is_refused(town: Town) -> None:
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"), town.imap(town.people[0], WRONG):
        pass


def test_submission_takes_no_password_in_the_clear(town: Town) -> None:
    with smtplib.SMTP("localhost", int(town.stage.facts.ports.submission), timeout=10) as client:
        client.ehlo()
        assert not client.has_extn("auth")


def test_a_colleague_sends_to_another_through_submission_and_lmtp(town: Town) -> None:
    sender, recipient = town.people[1], town.people[2]

    town.send(sender, recipient, SCIENCE, subject="giay-moi")

    assert town.gets(recipient, "giay-moi")
    assert town.gets(SCIENCE, "giay-moi")


def test_mail_from_outside_arrives(town: Town) -> None:
    town.arrive(town.people[3], subject="phan-anh")

    assert town.gets(town.people[3], "phan-anh")


def test_an_address_nobody_has_is_refused_at_the_door_and_nothing_is_relayed(town: Town) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as unknown:
        town.arrive("khongco@lamdong.gov.vn", subject="x")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as relayed:
        town.arrive("someone@example.net", subject="x")

    assert unknown.value.recipients["khongco@lamdong.gov.vn"][0] == 550
    assert relayed.value.recipients["someone@example.net"][0] == 554


def test_nobody_sends_under_an_address_of_another(town: Town) -> None:
    with town.submission(town.people[4]) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.send_message(a_message(town.people[5], town.people[6], subject="x"))

    assert refused.value.recipients[town.people[6]][0] == 553


def test_submission_takes_nothing_from_who_has_not_signed_in(town: Town) -> None:
    with smtplib.SMTP("localhost", int(town.stage.facts.ports.submission), timeout=10) as client:
        client.starttls(context=town.tls)
        with pytest.raises((smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused)):
            client.sendmail("citizen@example.org", [town.people[0]], "Subject: x\r\n\r\nx")


def test_a_person_has_4_gb_and_a_unit_10_gb(town: Town) -> None:
    assert town.quota(town.people[7])[1] == 4_194_304
    assert town.quota(SCIENCE)[1] == 10_485_760


def test_an_exception_changes_the_quota_within_seconds(town: Town) -> None:
    address = town.people[8]
    began = time.monotonic()

    town.set_quota(address, 5 * GB)
    raised = town.quota(address)[1]
    took = time.monotonic() - began
    town.set_quota(address, None)

    assert raised == 5_242_880
    assert took < 5
    assert town.quota(address)[1] == 4_194_304


def test_a_full_mailbox_refuses_what_does_not_fit_and_takes_it_when_raised(town: Town) -> None:
    address = town.people[9]
    town.set_quota(address, 1 * MB)

    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        town.arrive(address, subject="qua-co", size=2 * MB)
    town.arrive(address, subject="vua", size=100_000)
    arrived = town.gets(address, "vua")
    town.set_quota(address, None)
    town.arrive(address, subject="nang", size=2 * MB)

    code, text = refused.value.recipients[address]
    assert code == 552
    assert b"Hop thu da day" in text
    assert arrived
    assert town.gets(address, "nang")


def test_a_message_whose_size_was_not_told_comes_back_from_the_full_mailbox(town: Town) -> None:
    sender, address = town.people[10], town.people[11]
    town.set_quota(address, 1 * MB)

    with town.submission(sender) as client:  # without SIZE nobody can refuse it before it is here
        client.esmtp_features.pop("size")
        client.send_message(a_message(sender, address, subject="khong-ro-co", size=2 * MB))
    came_back = town.gets(sender, "Thư không gửi được / Undelivered mail")
    town.set_quota(address, None)

    assert came_back
    assert "khong-ro-co" not in town.subjects(address)


def test_an_owner_is_warned_at_80_and_95_per_cent(town: Town) -> None:
    address = town.people[12]
    town.set_quota(address, 1 * MB)
    warning = "Hộp thư công vụ sắp đầy"

    town.arrive(address, subject="mot", size=880_000)
    warned = town.gets(address, warning)
    town.set_quota(address, None)

    assert warned
