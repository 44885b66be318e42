"""Subjects: who a certificate is for is read from the register, in the form that a certificate can hold."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy import select, update

from ca.crl import Reason
from provisioner.agencies.models import Agency
from provisioner.audit import Who
from provisioner.certificates.enrolling import enrol_key
from provisioner.certificates.models import Certificate, Purpose
from provisioner.certificates.ordering import order_for
from provisioner.certificates.reissuing import reissue
from provisioner.certificates.renewing import renew
from provisioner.certificates.subjects import subjects
from provisioner.days import day_of
from provisioner.db import Database
from provisioner.errors import Conflict
from provisioner.people.models import Person, Post
from tests.books import LATER, NOW
from tests.ca.world import a_public_key, profiles
from tests.certificates.holders import (
    address_of,
    agency_address,
    all_certificates,
    certified,
    ordered,
    the_certificate,
)
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


CLERK = Who("lan")
LONG_IN_BYTES = "Trung tâm Ứng dụng và Chuyển giao Công nghệ tỉnh Lâm Đồng"
"""57 characters, which fit, in 75 bytes, which no common name holds."""


def refused_order(database: Database, address: str, purpose: Purpose = Purpose.DOCUMENT) -> Conflict:
    with database.transaction() as session, pytest.raises(Conflict) as refused:
        order_for(session, [address], who=CLERK, now=LATER, purpose=purpose)
    return refused.value


@pytest.mark.parametrize("number", ["LD9_0001", "LĐ900004"])
def test_a_staff_number_that_no_certificate_holds_is_said_before_anything_is_ordered(
    database: Database, number: str
) -> None:
    certified(database)
    address = address_of(database)
    with database.transaction() as session:
        session.execute(update(Person).values(staff_number=number))

    why = refused_order(database, address)
    with database.transaction() as session, pytest.raises(Conflict) as enrolled:
        enrol_key(session, address, a_public_key(), who=CLERK, now=LATER)
    with database.transaction() as session, pytest.raises(Conflict) as anew:
        reissue(
            session,
            address,
            purpose=Purpose.MAIL,
            reason=Reason.superseded,
            who=CLERK,
            profiles=profiles(),
            per_hour=9,
            now=LATER,
        )

    assert why.code == enrolled.value.code == anew.value.code == "not-certifiable"
    assert (number in why.text.vi, number in why.text.en, address in why.text.vi) == (True, True, True)
    assert len(all_certificates(database, address)) == 1


def test_an_agency_without_a_name_for_its_seal_is_told_to_register_one(database: Database) -> None:
    certified(database)
    address = agency_address(database)
    with database.transaction() as session:
        session.execute(update(Agency).where(Agency.code == "H36.05").values(name=LONG_IN_BYTES))

    why = refused_order(database, address)
    assert ("ten_ngan" in why.text.vi, "ten_ngan" in why.text.en) == (True, True)

    with database.transaction() as session:
        session.execute(update(Agency).where(Agency.code == "H36.05").values(short_name="TTUDCGCN"))
        assert order_for(session, [address], who=CLERK, now=LATER, purpose=Purpose.DOCUMENT) == 1


def test_who_left_gets_no_certificate_ordered(database: Database) -> None:
    certified(database)
    with database.transaction() as session:
        session.execute(update(Post).values(until=day_of(LATER)))

    assert refused_order(database, address_of(database)).code == "owner-left"


def test_what_no_certificate_holds_any_more_is_not_renewed_and_keeps_no_other_from_it(
    database: Database,
) -> None:
    certified(database)
    with database.transaction() as session:
        session.execute(update(Person).values(staff_number="LD9_0001"))
    before_end = {"before": timedelta(days=30), "now": NOW + timedelta(days=710), "limit": 1}

    with database.transaction() as session:
        assert renew(session, **before_end) == 1
        assert renew(session, **before_end) == 0

    assert len(all_certificates(database, agency_address(database))) == 2
