"""Subjects: who a certificate is for is read from the register, in the form that a certificate can hold."""

from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy import select

from provisioner.certificates.models import Certificate
from provisioner.certificates.subjects import subjects
from provisioner.db import Database
from tests.books import NOW
from tests.certificates.holders import ordered, the_certificate
from tests.province import NAMING, TOO_LONG_A_NAME, TOO_LONG_A_TITLE, a_unit, an_official, issued

ANH = "anhnt@lamdong.gov.vn"


def in_certificate(database: Database, address: str) -> dict[x509.ObjectIdentifier, str]:
    certificate = x509.load_der_x509_certificate(the_certificate(database, address).der or b"")
    return {attribute.oid: str(attribute.value) for attribute in certificate.subject}


def test_a_person_is_certified_with_agency_staff_number_and_post(database: Database) -> None:
    ordered(database, an_official("CB1", "Nguyễn Thị Ánh", chuc_vu="Giám đốc", chung_thu="x"))
    issued(database)

    name = in_certificate(database, ANH)
    assert name[NameOID.ORGANIZATION_NAME] == "Sở Khoa học và Công nghệ"
    assert name[NameOID.COMMON_NAME] == "Nguyễn Thị Ánh"
    assert (name[NameOID.SURNAME], name[NameOID.GIVEN_NAME]) == ("Nguyễn", "Thị Ánh")
    assert (name[NameOID.SERIAL_NUMBER], name[NameOID.TITLE]) == ("CB1", "Giám đốc")


def test_the_identity_number_is_in_no_certificate(database: Database) -> None:
    ordered(database, an_official("CB1", so_dinh_danh="068190424242", chung_thu="x"))
    issued(database)

    assert b"068190424242" not in (the_certificate(database, ANH).der or b"")


def test_a_name_too_long_for_a_certificate_stands_there_in_its_short_form(database: Database) -> None:
    ordered(database, an_official("CB1", ma_co_quan="H36.05.21", chung_thu="x"), a_unit("H36.05.21"))
    issued(database)

    assert len(TOO_LONG_A_NAME) == 65
    assert in_certificate(database, ANH)[NameOID.ORGANIZATION_NAME] == "Trung tâm Ứng dụng KHCN"


def test_a_short_name_is_not_used_for_a_name_that_fits(database: Database) -> None:
    ordered(database, a_unit("H36.05", chung_thu="x"))
    issued(database)

    name = in_certificate(database, "skhcn@lamdong.gov.vn")
    assert name[NameOID.ORGANIZATION_NAME] == name[NameOID.COMMON_NAME] == "Sở Khoa học và Công nghệ"
    assert name[NameOID.SERIAL_NUMBER] == "H36.05"


def test_a_title_too_long_for_a_certificate_is_left_out_of_it(database: Database) -> None:
    ordered(database, an_official("CB1", "Nguyễn Thị Ánh", chuc_vu=TOO_LONG_A_TITLE, chung_thu="x"))

    assert len(TOO_LONG_A_TITLE) > 64
    assert issued(database) == 1
    assert NameOID.TITLE not in in_certificate(database, ANH)


def test_a_person_with_one_name_has_no_surname(database: Database) -> None:
    ordered(database, an_official("CB1", "Ksor", chung_thu="x"))

    assert issued(database) == 1

    name = in_certificate(database, "ksor@lamdong.gov.vn")
    assert name[NameOID.COMMON_NAME] == "Ksor"
    assert len({NameOID.SURNAME, NameOID.GIVEN_NAME} & name.keys()) == 1


def test_only_the_certificates_asked_for_are_looked_up(database: Database) -> None:
    ordered(database)

    with database.reading() as session:
        first = session.scalars(select(Certificate.id).order_by(Certificate.id)).first()
        assert first is not None
        found = subjects(session, [first], NAMING, NOW.date())

    assert list(found) == [first]
