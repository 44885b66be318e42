"""S/MIME between two people of the town: certificates from the directory, as a mail program finds them there."""

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.mail.correspondents import (
    TEXT,
    Correspondent,
    certified,
    fetched,
    handed_over,
    look_up,
    opened,
    openssl,
    signed_and_encrypted,
)
from tests.mail.town import Town


@pytest.fixture(scope="module")
def root(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certified(town, town.people[38:40], tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def people(
    town: Town, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Correspondent, Correspondent]:
    first, second = (
        handed_over(town, address, tmp_path_factory.mktemp("person")) for address in town.people[38:40]
    )
    return first, second


def test_a_letter_is_signed_encrypted_sent_fetched_decrypted_and_verified(
    town: Town, root: Path, people: tuple[Correspondent, Correspondent]
) -> None:
    sender, reader = people
    with town.submission(sender.address) as client:
        message = signed_and_encrypted(town, sender, reader.address, "kin")
        client.sendmail(sender.address, [reader.address], message)

    arrived = fetched(town, reader, "kin")
    text, signer = opened(reader, arrived, root)

    assert TEXT.encode() in text
    assert "đồng chí".encode() not in arrived
    assert signer == look_up(town, reader, sender.address)
    names = signer.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.RFC822Name) == [sender.address]


def test_nobody_else_opens_it_and_what_was_changed_on_the_way_is_noticed(
    town: Town, root: Path, people: tuple[Correspondent, Correspondent], tmp_path: Path
) -> None:
    sender, reader = people
    message = signed_and_encrypted(town, sender, reader.address, "doi")
    stranger = Correspondent("ai@example.org", tmp_path)
    subject = [
        "-nodes",
        "-subj",
        "/CN=ai",
        "-keyout",
        stranger.file("own.key"),
        "-out",
        stranger.file("own.pem"),
    ]
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *subject)

    theirs = ["-recip", stranger.file("own.pem"), "-inkey", stranger.file("own.key")]
    openssl("cms", "-decrypt", *theirs, content=message, works=False)
    own = ["-recip", reader.file("own.pem"), "-inkey", reader.file("own.key")]
    signed = openssl("cms", "-decrypt", *own, content=message)
    changed = signed.replace("chỉ đồng chí".encode(), "mọi đồng chí".encode())
    assert changed != signed
    openssl("cms", "-verify", "-CAfile", str(root), content=changed, works=False)


def test_mail_programs_of_another_hand_may_encrypt_to_the_certificate(
    root: Path, people: tuple[Correspondent, Correspondent], tmp_path: Path
) -> None:
    """NSS decides for Thunderbird whether a certificate is one to encrypt to (usage R) and to sign with (S)."""
    database = f"sql:{tmp_path}"
    subprocess.run(["certutil", "-N", "-d", database, "--empty-password"], check=True, capture_output=True)
    above = x509.load_pem_x509_certificates(Path(people[0].file("above.pem")).read_bytes())
    for nickname, trust, certificate in [
        ("root", "C,C,C", root.read_bytes()),
        ("mail", ",,", above[0].public_bytes(Encoding.PEM)),
        ("person", ",,", Path(people[0].file("own.pem")).read_bytes()),
    ]:
        command = ["certutil", "-A", "-d", database, "-n", nickname, "-t", trust]
        subprocess.run(command, input=certificate, check=True, capture_output=True)

    for usage in "RS":
        command = ["certutil", "-V", "-d", database, "-n", "person", "-u", usage]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stdout.strip() == "certutil: certificate is valid", (usage, done.stderr)
