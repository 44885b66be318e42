"""Finding a certificate again: by an address, by its serial number, and the authorities above it."""

from collections.abc import Sequence

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.certificates.models import Certificate, Issuer
from provisioner.errors import NotFound, Text
from provisioner.mailboxes.models import Address, Mailbox


def mailbox_of(session: Session, address: str) -> Mailbox:
    """The mailbox this address belongs to, also as an alias. Raises `NotFound`."""
    mailbox = session.scalars(
        select(Mailbox)
        .join(Address, Address.mailbox_id == Mailbox.id)
        .where(Address.address == address.strip().lower())
    ).one_or_none()
    if mailbox is None:
        raise NotFound(
            Text(vi=f"Không có hộp thư {address}.", en=f"There is no mailbox {address}."),
            code="mailbox-unknown",
        )
    return mailbox


def certificates_of(session: Session, address: str) -> Sequence[Certificate]:
    """Every certificate ordered for this mailbox, the newest first. Raises `NotFound` for the address."""
    mailbox = mailbox_of(session, address)
    return session.scalars(
        select(Certificate).where(Certificate.mailbox_id == mailbox.id).order_by(Certificate.id.desc())
    ).all()


def by_serial(session: Session, serial: str) -> Certificate:
    """The certificate with this serial number, in hexadecimal with or without colons. Raises `NotFound`."""
    wanted = serial.replace(":", "").replace(" ", "").lower().lstrip("0")
    # Serial numbers are random (159 bits): one of ours names one certificate, whichever authority made it.
    certificate = session.scalars(select(Certificate).where(Certificate.serial == wanted)).first()
    if certificate is None:
        raise NotFound(
            Text(vi=f"Không có chứng thư số hiệu {serial}.", en=f"There is no certificate {serial}."),
            code="serial-unknown",
        )
    return certificate


def chain_of(session: Session, issuer_id: int | None) -> list[x509.Certificate]:
    """The certificates of the authorities above a certificate, its issuer's first and the root's last."""
    known = {
        row.id: x509.load_der_x509_certificate(row.certificate)
        for row in session.execute(select(Issuer.id, Issuer.certificate))
    }
    chain = [known.pop(issuer_id)] if issuer_id in known else []
    while chain and chain[-1].issuer != chain[-1].subject:
        above = next((i for i, found in known.items() if found.subject == chain[-1].issuer), None)
        if above is None:
            break
        chain.append(known.pop(above))
    return chain
