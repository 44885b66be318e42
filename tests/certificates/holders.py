"""Holders of certificates for tests: a person and an agency in the books, in the directory, and certified."""

from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from provisioner.certificates.finding import certificates_of
from provisioner.certificates.issuing import issue
from provisioner.certificates.models import Certificate
from provisioner.db import Database
from provisioner.mailboxes.models import Address, Kind, Mailbox
from tests.books import NOW
from tests.fakes.directory import FakeDirectory
from tests.province import DIT, a_desk, a_province, a_unit, addresses, an_official, provide, synced

OFFICIAL = an_official("CB1", "Nguyễn Thị Ánh", chung_thu="có")
AGENCY = a_unit("H36.05", chung_thu="có")


def ordered(database: Database, *rows: dict[str, str], now: datetime = NOW) -> FakeDirectory:
    """These rows (an official and an agency unless told otherwise) in the books and the directory, orders open."""
    directory = FakeDirectory(DIT)
    a_province(database)
    provide(database, *(rows or (OFFICIAL, AGENCY)), now=now)
    synced(database, directory, now=now)
    return directory


def certified(database: Database, *rows: dict[str, str], now: datetime = NOW) -> FakeDirectory:
    """As `ordered`, and issued, and in the directory."""
    directory = ordered(database, *rows, now=now)
    assert issue(database, a_desk(database, now=now)) == len(rows or (OFFICIAL, AGENCY))
    synced(database, directory, now=now)
    return directory


def address_of(database: Database, staff_number: str = "CB1") -> str:
    return addresses(database)[staff_number]


def agency_address(database: Database) -> str:
    """The address of the one unit mailbox."""
    with database.reading() as session:
        return session.scalars(
            select(Address.address)
            .join(Mailbox, Mailbox.id == Address.mailbox_id)
            .where(Address.is_primary, Mailbox.kind == Kind.UNIT)
        ).one()


def the_certificate(database: Database, address: str) -> Certificate:
    """The newest certificate of this mailbox."""
    return all_certificates(database, address)[0]


def all_certificates(database: Database, address: str) -> list[Certificate]:
    with database.reading() as session:
        return list(certificates_of(session, address))


def many_officials(count: int) -> list[dict[str, str]]:
    return [an_official(f"CB{n}", f"Nguyễn Văn {chr(65 + n % 26)}", chung_thu="có") for n in range(count)]


def every_certificate(database: Database) -> list[Certificate]:
    with database.reading() as session:
        return list(session.scalars(select(Certificate).order_by(Certificate.id)))


def published(directory: FakeDirectory) -> set[bytes]:
    """Every certificate (DER) that stands in the directory."""
    return {
        value for entry in directory.entries.values() for value in entry.get("userCertificate;binary", ())
    }


def in_file(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)
