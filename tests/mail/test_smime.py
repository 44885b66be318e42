"""S/MIME between two people of the town: certificates from the directory, as a mail program finds them there."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from ldap3 import SUBTREE

from ca.authority import der
from ca.ceremony import hold
from provisioner.audit import Who
from provisioner.certificates.handing_over import hand_over
from provisioner.certificates.issuing import Desk, issue
from provisioner.certificates.journal import Journal
from provisioner.certificates.models import Issuer
from provisioner.certificates.ordering import order
from tests.ca.world import MemoryKeyStore, a_plan, profiles
from tests.ldap_server import SUFFIX, raw
from tests.mail.town import SECRET, Town
from tests.province import NAMING, SEALER

TEXT = "Kính gửi đồng chí: dự thảo quyết định, chỉ đồng chí được xem.\r\n"


class Correspondent(NamedTuple):
    """Somebody with a mailbox, the key and the certificate of their PKCS#12 file, and a folder of their own."""

    address: str
    folder: Path

    def file(self, name: str, content: bytes | None = None) -> str:
        path = self.folder / name
        if content is not None:
            path.write_bytes(content)
        return str(path)


@pytest.fixture(scope="module")
def root(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two people's certificates, issued now by an authority of now, in the directory; its root as PEM."""
    now = datetime.now(UTC)
    store = MemoryKeyStore()
    ceremony = hold(a_plan(), store, profiles=profiles(), now=now - timedelta(days=1))
    mailboxes = {box.id: box.kind for box in map(town.mailbox, town.people[38:40])}
    with town.database.transaction() as session:
        session.add_all(
            Issuer(label=label, certificate=der(one)) for label, one in ceremony.certificates.items()
        )
        order(session, mailboxes, by="binh", now=now)
    journal = Journal(tmp_path_factory.mktemp("journal"), "mail-g1")
    authority = ceremony.authority("mail", store)
    desk = Desk(authority, profiles(), NAMING, SEALER, journal, clock=lambda: datetime.now(UTC))
    assert issue(town.database, desk) == 2
    town.sync()
    path = tmp_path_factory.mktemp("root") / "root.pem"
    path.write_bytes(ceremony.root.public_bytes(Encoding.PEM))
    return path


@pytest.fixture(scope="module")
def people(
    town: Town, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Correspondent, Correspondent]:
    """Two people who imported the files they were handed."""
    made = []
    for address in town.people[38:40]:
        with town.database.transaction() as session:
            given = hand_over(session, address, sealer=SEALER, who=Who("lan"), now=datetime.now(UTC))
        assert given.password
        own = pkcs12.load_pkcs12(given.content, given.password.reveal().encode())
        assert own.key
        assert own.cert
        one = Correspondent(address, tmp_path_factory.mktemp("person"))
        key = own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        above = b"".join(each.certificate.public_bytes(Encoding.PEM) for each in own.additional_certs)
        one.file("own.key", key)
        one.file("own.pem", own.cert.certificate.public_bytes(Encoding.PEM))
        one.file("above.pem", above)
        made.append(one)
    return made[0], made[1]


def look_up(town: Town, me: Correspondent, address: str) -> x509.Certificate:
    """Ask the address book, signed in with one's own mailbox."""
    with raw(town.slapd, dn=town.dn(me.address), password=SECRET) as connection:
        _, _, found, _ = connection.search(
            SUFFIX, f"(mail={address})", SUBTREE, attributes=["userCertificate;binary"]
        )
    ((certificate,),) = [entry["raw_attributes"]["userCertificate;binary"] for entry in found]
    return x509.load_der_x509_certificate(certificate)


def openssl(*arguments: str, content: bytes = b"", works: bool = True) -> bytes:
    done = subprocess.run(["openssl", *arguments], input=content, capture_output=True, check=False)
    assert (done.returncode == 0) is works, done.stderr.decode()
    return done.stdout


def signed_and_encrypted(town: Town, me: Correspondent, to: str, subject: str) -> bytes:
    """What a mail program sends: signed first, then encrypted to the reader and to oneself (RFC 8551, 3.7)."""
    inner = (
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{TEXT}".encode()
    )
    signing = ["-signer", me.file("own.pem"), "-inkey", me.file("own.key"), "-certfile", me.file("above.pem")]
    signed = openssl("cms", "-sign", "-md", "sha256", *signing, content=inner)
    theirs = me.file("theirs.pem", look_up(town, me, to).public_bytes(Encoding.PEM))
    headers = ["-from", me.address, "-to", to, "-subject", subject]
    return openssl("cms", "-encrypt", "-aes-256-cbc", *headers, theirs, me.file("own.pem"), content=signed)


def fetched(town: Town, me: Correspondent, subject: str) -> bytes:
    """The message of this subject, as the mail program gets it."""
    assert town.gets(me.address, subject, within=60)
    with town.imap(me.address) as client:
        client.select()
        _, (numbers,) = client.search(None, "SUBJECT", subject)
        _, parts = client.fetch(numbers.split()[-1].decode(), "(BODY[])")
    assert isinstance(parts[0], tuple)
    return parts[0][1]


def test_a_letter_is_signed_encrypted_sent_fetched_decrypted_and_verified(
    town: Town, root: Path, people: tuple[Correspondent, Correspondent]
) -> None:
    sender, reader = people
    with town.submission(sender.address) as client:
        message = signed_and_encrypted(town, sender, reader.address, "kin")
        client.sendmail(sender.address, [reader.address], message)

    arrived = fetched(town, reader, "kin")
    own = ["-recip", reader.file("own.pem"), "-inkey", reader.file("own.key")]
    decrypted = openssl("cms", "-decrypt", *own, content=arrived)
    by = reader.file("signer.pem")
    trust = ["-CAfile", str(root), "-purpose", "smimesign", "-x509_strict"]
    text = openssl("cms", "-verify", *trust, "-signer", by, content=decrypted)

    assert TEXT.encode() in text
    assert "đồng chí".encode() not in arrived
    signer = x509.load_pem_x509_certificate(Path(by).read_bytes())
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
