"""People of a town who sign and encrypt: their certificates from the directory, their letters by openssl."""

import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

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


def certified(town: Town, addresses: Sequence[str], folder: Path) -> Path:
    """Certificates of these people, issued now by an authority of now, in the directory; its root as PEM."""
    now = datetime.now(UTC)
    store = MemoryKeyStore()
    ceremony = hold(a_plan(), store, profiles=profiles(), now=now - timedelta(days=1))
    mailboxes = {box.id: box.kind for box in map(town.mailbox, addresses)}
    with town.database.transaction() as session:
        session.add_all(
            Issuer(label=label, certificate=der(one)) for label, one in ceremony.certificates.items()
        )
        order(session, mailboxes, by="binh", now=now)
    authority = ceremony.authority("mail", store)
    journal = Journal(folder, "mail-g1")
    desk = Desk(authority, profiles(), NAMING, SEALER, journal, clock=lambda: datetime.now(UTC))
    assert issue(town.database, desk) == len(addresses)
    town.sync()
    path = folder / "root.pem"
    path.write_bytes(ceremony.root.public_bytes(Encoding.PEM))
    return path


def handed_over(town: Town, address: str, folder: Path) -> Correspondent:
    """Somebody who imported the file that they were handed."""
    with town.database.transaction() as session:
        given = hand_over(session, address, sealer=SEALER, who=Who("lan"), now=datetime.now(UTC))
    assert given.password
    own = pkcs12.load_pkcs12(given.content, given.password.reveal().encode())
    assert own.key
    assert own.cert
    one = Correspondent(address, folder)
    key = own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    above = b"".join(each.certificate.public_bytes(Encoding.PEM) for each in own.additional_certs)
    one.file("own.key", key)
    one.file("own.pem", own.cert.certificate.public_bytes(Encoding.PEM))
    one.file("above.pem", above)
    return one


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
    assert town.gets(me.address, subject, within=120)
    with town.imap(me.address) as client:
        client.select()
        _, (numbers,) = client.search(None, "SUBJECT", subject)
        _, parts = client.fetch(numbers.split()[-1].decode(), "(BODY[])")
    assert isinstance(parts[0], tuple)
    return parts[0][1]


def opened(me: Correspondent, message: bytes, root: Path) -> tuple[bytes, x509.Certificate]:
    """What a message says to me, and who signed it, decrypted and verified by openssl."""
    own = ["-recip", me.file("own.pem"), "-inkey", me.file("own.key")]
    decrypted = openssl("cms", "-decrypt", *own, content=message)
    by = me.file("signer.pem")
    trust = ["-CAfile", str(root), "-purpose", "smimesign", "-x509_strict"]
    text = openssl("cms", "-verify", *trust, "-signer", by, content=decrypted)
    return text, x509.load_pem_x509_certificate(Path(by).read_bytes())
