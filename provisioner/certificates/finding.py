"""Finding a certificate again: by an address, by its serial number, and the authorities above it."""

from collections.abc import Sequence
from string import hexdigits

from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from provisioner.agencies.register import id_of
from provisioner.certificates.models import Certificate, Issuer, is_halted, is_refused
from provisioner.errors import Conflict, NotFound, Text
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.people.models import Person


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


def open_mailbox_of(session: Session, address: str) -> Mailbox:
    """The same where something is ordered for it. Raises `Conflict` when it is closed."""
    mailbox = mailbox_of(session, address)
    if mailbox.closed_at is not None:
        raise Conflict(
            Text(vi=f"Hộp thư {address} đã đóng.", en=f"The mailbox {address} is closed."),
            code="mailbox-closed",
        )
    return mailbox


def primary_of(session: Session, mailbox_id: int) -> str:
    """The address that this mailbox writes from."""
    return session.scalars(
        select(Address.address).where(Address.mailbox_id == mailbox_id, Address.is_primary)
    ).one()


def certificates_of(session: Session, address: str) -> Sequence[Certificate]:
    """Every certificate ordered for this mailbox, the newest first. Raises `NotFound` for the address."""
    mailbox = mailbox_of(session, address)
    return session.scalars(
        select(Certificate).where(Certificate.mailbox_id == mailbox.id).order_by(Certificate.id.desc())
    ).all()


def is_still_refused() -> ColumnElement[bool]:
    """Refused, and nothing was ordered since for its mailbox, which is to be joined, and purpose."""
    later = aliased(Certificate)
    ordered_since = exists().where(
        later.mailbox_id == Certificate.mailbox_id,
        later.purpose == Certificate.purpose,
        later.id > Certificate.id,
    )
    return and_(is_refused(), ~ordered_since, Mailbox.closed_at.is_(None))


def refused(session: Session) -> Sequence[tuple[str, Certificate]]:
    """The orders that wait for a person, oldest first, each with the address of its mailbox."""
    rows = session.execute(
        select(Address.address, Certificate)
        .join(Mailbox, Mailbox.id == Certificate.mailbox_id)
        .join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .where(or_(is_still_refused(), is_halted()))
        .order_by(Certificate.id)
    )
    return [(row[0], row[1]) for row in rows]


def holder_of(session: Session, certificate: x509.Certificate) -> int | None:
    """The id of the mailbox that a certificate was issued for, by what stands in it; None when nobody has it.

    A mail certificate names its address, a document certificate only a staff number or an agency's code.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return _mailbox_by_number(session, certificate)
    addresses = names.get_values_for_type(x509.RFC822Name)
    return session.scalars(
        select(Address.mailbox_id).where(Address.address.in_(addresses)).order_by(Address.id)
    ).first()


def _mailbox_by_number(session: Session, certificate: x509.Certificate) -> int | None:
    named = certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    numbers = [str(each.value) for each in named]
    agencies = [found for number in numbers if (found := id_of(session, number)) is not None]
    return session.scalars(
        select(Mailbox.id)
        .outerjoin(Person, Person.id == Mailbox.person_id)
        .where(
            Mailbox.closed_at.is_(None),
            or_(Person.staff_number.in_(numbers), Mailbox.agency_id.in_(agencies)),
        )
        .order_by(Mailbox.id)
    ).first()


def by_serial(session: Session, serial: str) -> Certificate:
    """The certificate with this serial number, in hexadecimal with or without colons. Raises `NotFound`."""
    wanted = serial.replace(":", "").replace(" ", "").lower().lstrip("0")
    # Serial numbers are random (159 bits): one of ours names one certificate, whichever authority made it.
    is_number = set(wanted) <= set(hexdigits)  # PostgreSQL takes no text with NUL in it, as files have
    asked = select(Certificate).where(Certificate.serial == wanted)
    certificate = session.scalars(asked).first() if is_number else None
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
