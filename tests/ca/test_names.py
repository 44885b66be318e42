"""Names: attributes in the order of the profile, and a common name that fits."""

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from ca.errors import SubjectInvalid
from ca.names import AuthoritySubject, name_constraints, x509_name
from tests.ca.world import a_person, an_agency


def short(subject) -> str:
    return x509_name(subject.attributes()).rfc4514_string({NameOID.ORGANIZATION_IDENTIFIER: "OI"})


def common_name(subject) -> str | None:
    return dict(subject.attributes()).get(NameOID.COMMON_NAME)


def test_a_persons_attributes_stand_in_the_order_of_the_profile():
    assert [oid for oid, _ in a_person().attributes()] == [
        NameOID.COUNTRY_NAME,
        NameOID.STATE_OR_PROVINCE_NAME,
        NameOID.ORGANIZATION_NAME,
        NameOID.ORGANIZATION_IDENTIFIER,
        NameOID.SURNAME,
        NameOID.GIVEN_NAME,
        NameOID.TITLE,
        NameOID.SERIAL_NUMBER,
        NameOID.COMMON_NAME,
    ]


def test_an_agencys_attributes_stand_in_the_order_of_the_profile():
    assert [oid for oid, _ in an_agency().attributes()] == [
        NameOID.COUNTRY_NAME,
        NameOID.STATE_OR_PROVINCE_NAME,
        NameOID.ORGANIZATION_NAME,
        NameOID.ORGANIZATION_IDENTIFIER,
        NameOID.SERIAL_NUMBER,
        NameOID.COMMON_NAME,
    ]


def test_what_is_not_known_is_left_out():
    attributes = dict(a_person(surname=None, title=None, state=None).attributes())

    assert not attributes.keys() & {NameOID.SURNAME, NameOID.TITLE, NameOID.STATE_OR_PROVINCE_NAME}


def test_somebody_without_any_name_is_nobody():
    with pytest.raises(SubjectInvalid) as refused:
        a_person(surname=None, given_name=None)

    assert refused.value.code == "subject.nameless"
    assert str(refused.value.text) == "This person has no name at all."


def test_the_common_name_of_an_agency_is_its_name_or_absent():
    assert common_name(an_agency(organization="Sở Nội vụ")) == "Sở Nội vụ"
    assert common_name(an_agency(organization="Ủ" * 21)) == "Ủ" * 21
    assert common_name(an_agency(organization="Ủ" * 22)) is None


def test_the_mailbox_stands_in_for_a_persons_long_name():
    assert common_name(a_person(common_name="Ủ" * 21)) == "Ủ" * 21
    assert common_name(a_person(common_name="Ủ" * 22)) == "anhnt@lamdong.gov.vn"


def test_a_long_mailbox_does_not_stand_in_for_a_long_name():
    assert common_name(a_person(common_name="Ủ" * 22, email=f"{'a' * 60}@lamdong.gov.vn")) is None


def test_country_and_serial_number_are_printable_strings_and_the_rest_is_utf8():
    encoded = x509_name(a_person().attributes()).public_bytes()

    assert b"\x13\x02VN" in encoded
    assert b"\x13\x0eCB-2026-000123" in encoded
    assert b"\x0c\x0aGOVVN+35" not in encoded
    assert b"\x0c\x08GOVVN+35" in encoded


def test_a_domain_permits_itself_and_what_is_below():
    permitted = name_constraints(("a.gov.vn", ".b.gov.vn")).permitted_subtrees

    assert [name.value for name in permitted if isinstance(name, x509.RFC822Name)] == [
        "a.gov.vn",
        ".a.gov.vn",
        ".b.gov.vn",
    ]


def test_an_authority_has_the_three_attributes_that_are_required():
    assert short(AuthoritySubject("Ủy ban nhân dân tỉnh Lâm Đồng", "CA gốc G1")) == (
        "CN=CA gốc G1,O=Ủy ban nhân dân tỉnh Lâm Đồng,C=VN"
    )
