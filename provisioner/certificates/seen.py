"""What the directory shows of certificates, whoever put them there: a witness when the books were lost."""

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509

from provisioner.certificates.foreign_reading import NOT_READABLE


@dataclass(frozen=True, slots=True)
class Seen:
    """A certificate of whomever, as the directory has it."""

    issuer: x509.Name
    serial: str


def seen_in(directory: Iterable[bytes]) -> tuple[list[Seen], int]:
    """The certificates among these values (DER), and how many others there are.

    Whoever else keeps certificates in the directory may have put anything there. Ours can all be read.
    """
    found: list[Seen] = []
    unread = 0
    for data in directory:
        try:
            certificate = x509.load_der_x509_certificate(data)
            found.append(Seen(certificate.issuer, f"{certificate.serial_number:x}"))
        except NOT_READABLE:
            unread += 1
    return found, unread
