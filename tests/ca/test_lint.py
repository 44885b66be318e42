"""Lint: every rule, broken once; a good certificate breaks none."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID, ObjectIdentifier

from ca.authority import self_sign
from ca.der import SEQUENCE, assemble, encode
from ca.keys import KeyKind, generate_key
from ca.lint import lint
from ca.names import AuthoritySubject
from ca.profiles import Profile
from tests.ca.world import (
    NOW,
    Extensions,
    a_certificate,
    a_person,
    a_plan,
    forge,
    mail_authority,
    profiles,
    world,
)

PERSON = profiles()["person-mail"]
DOCUMENTS = ObjectIdentifier("1.3.6.1.5.5.7.3.36")


def codes(certificate: x509.Certificate, profile: Profile = PERSON, issuer=None, expected=None) -> list[str]:
    issuer = issuer or mail_authority().certificate
    return [f.code for f in lint(certificate, profile=profile, issuer=issuer, expected=expected)]


def bent(value: x509.ExtensionType, *, critical: bool = False):
    def change(extensions: Extensions) -> None:
        extensions[value.oid] = (value, critical)

    return forge(a_certificate(), change=change)


def without(oid: ObjectIdentifier) -> x509.Certificate:
    return forge(a_certificate(), change=lambda extensions: extensions.pop(oid))


def named(
    *attributes: tuple[ObjectIdentifier, str], insert: int | None = None, drop=None
) -> x509.Certificate:
    """A person's certificate with attributes appended or inserted, or one dropped."""
    names = [a for a in a_certificate().subject if a.oid != drop]
    extra = [x509.NameAttribute(oid, value) for oid, value in attributes]
    at = len(names) if insert is None else insert
    return forge(a_certificate(), subject=x509.Name(names[:at] + extra + names[at:]))


def renamed(oid: ObjectIdentifier, value: str) -> x509.Certificate:
    names = [
        x509.NameAttribute(oid, value, _validate=False) if a.oid == oid else a
        for a in a_certificate().subject
    ]
    return forge(a_certificate(), subject=x509.Name(names))


def test_a_good_certificate_breaks_no_rule():
    assert codes(a_certificate(), expected=a_person()) == []


def test_a_reforged_good_certificate_breaks_no_rule():
    assert codes(forge(a_certificate())) == []


@pytest.mark.parametrize(
    ("oid", "value", "code"),
    [
        (NameOID.ORGANIZATION_NAME, "So\u031b\u0309 Nội vụ", "name.not-nfc"),
        (NameOID.ORGANIZATION_NAME, "Sở  Nội vụ", "name.spaces"),
        (NameOID.ORGANIZATION_NAME, "Sở Nội vụ ", "name.spaces"),
        (NameOID.ORGANIZATION_NAME, "S" * 65, "name.organization-too-long"),
        (NameOID.SURNAME, "Nguyễn\u200b", "name.control-character"),
        (NameOID.SURNAME, "Nguyễn\u00a0Văn", "name.control-character"),
        (NameOID.SURNAME, "\u202eNguyễn", "name.control-character"),
        (NameOID.SURNAME, "Nguyễn\n", "name.control-character"),
        (NameOID.TITLE, "-", "name.insignificant"),
        (NameOID.TITLE, "Phó &amp; Trưởng", "name.html-entity"),
        (NameOID.GIVEN_NAME, "Á" * 65, "name.too-long"),
        (NameOID.TITLE, "T" * 65, "name.too-long"),
        (NameOID.STATE_OR_PROVINCE_NAME, "T" * 129, "name.too-long"),
        (NameOID.COMMON_NAME, "Ế" * 22, "name.common-name-bytes"),
        (NameOID.COMMON_NAME, "nguoi.khac@lamdong.gov.vn", "name.common-name-source"),
        (NameOID.ORGANIZATION_IDENTIFIER, "GOVVN-H36.12", "name.organization-identifier"),
        (NameOID.ORGANIZATION_IDENTIFIER, "GOVVN+35-H36", "name.organization-identifier"),
        (NameOID.ORGANIZATION_IDENTIFIER, "govvn", "name.organization-identifier"),
        (NameOID.COUNTRY_NAME, "US", "name.country"),
    ],
)
@pytest.mark.filterwarnings("ignore:Attribute's length")  # cryptography's own word on a long CN
def test_a_bad_value_in_the_name_is_found(oid, value, code):
    assert code in codes(renamed(oid, value))


@pytest.mark.parametrize("value", ["GOVVN", "GOVVN+3", "GOVVN+35", "GOVVN+SG"])
def test_government_identifiers_in_every_form_pass(value):
    assert codes(renamed(NameOID.ORGANIZATION_IDENTIFIER, value)) == []


def test_sixty_four_accented_characters_fit_the_organisation():
    assert codes(renamed(NameOID.ORGANIZATION_NAME, "Ủ" * 64)) == []


def test_too_long_an_organisation_is_told_to_use_its_short_name():
    (finding,) = lint(
        renamed(NameOID.ORGANIZATION_NAME, "Ủ" * 65), profile=PERSON, issuer=mail_authority().certificate
    )

    assert "short name" in finding.text.en
    assert "tên viết tắt" in finding.text.vi


def test_an_attribute_that_is_not_in_the_profile_is_found():
    assert codes(named((NameOID.ORGANIZATIONAL_UNIT_NAME, "Phòng 1"))) == ["name.attribute-unexpected"]


def test_a_repeated_attribute_is_found():
    assert codes(named((NameOID.TITLE, "Trưởng phòng"))) == ["name.attribute-repeated"]


def test_attributes_in_another_order_are_found():
    title = next(a.value for a in a_certificate().subject if a.oid == NameOID.TITLE)

    assert codes(named((NameOID.TITLE, title), insert=1, drop=NameOID.TITLE)) == ["name.order"]


@pytest.mark.parametrize(
    "oid", [NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATION_IDENTIFIER, NameOID.SERIAL_NUMBER]
)
def test_a_missing_attribute_is_found(oid):
    assert codes(named(drop=oid)) == ["name.attribute-missing"]


def test_a_state_without_a_country_is_found():
    assert "name.state-without-country" in codes(named(drop=NameOID.COUNTRY_NAME))


def test_a_person_without_any_name_is_found():
    names = [a for a in a_certificate().subject if a.oid not in {NameOID.SURNAME, NameOID.GIVEN_NAME}]

    assert codes(forge(a_certificate(), subject=x509.Name(names))) == ["name.attribute-missing"]


def test_a_serial_number_outside_printable_string_is_found():
    attribute = x509.NameAttribute(NameOID.SERIAL_NUMBER, "CB_1", _type=x509.name._ASN1Type.UTF8String)
    names = [attribute if a.oid == NameOID.SERIAL_NUMBER else a for a in a_certificate().subject]

    assert codes(forge(a_certificate(), subject=x509.Name(names))) == ["name.not-printable"]


def test_another_string_type_is_found():
    attribute = x509.NameAttribute(NameOID.SERIAL_NUMBER, "CB-1", _type=x509.name._ASN1Type.UTF8String)
    names = [attribute if a.oid == NameOID.SERIAL_NUMBER else a for a in a_certificate().subject]

    assert codes(forge(a_certificate(), subject=x509.Name(names))) == ["name.encoding"]


def test_two_attributes_in_one_rdn_are_found():
    names = list(a_certificate().subject)
    rdns = [x509.RelativeDistinguishedName([a]) for a in names[:-2]]
    rdns.append(x509.RelativeDistinguishedName(names[-2:]))

    assert "name.encoding" in codes(forge(a_certificate(), subject=x509.Name(rdns)))


def test_an_empty_value_is_found():
    assert "name.empty" in codes(renamed(NameOID.TITLE, ""))


def test_an_agency_called_something_else_is_found():
    names = [
        x509.NameAttribute(a.oid, "Sở Nội vụ") if a.oid == NameOID.COMMON_NAME else a
        for a in a_certificate("organization-mail").subject
    ]
    forged = forge(a_certificate("organization-mail"), subject=x509.Name(names))

    assert codes(forged, profiles()["organization-mail"]) == ["name.common-name-source"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"organization": "Sở Nội vụ"}, "O"),
        ({"title": None}, "title"),
        ({"serial_number": "CB-2"}, "serialNumber"),
        ({"state": None}, "ST"),
        ({"email": "anh@lamdong.gov.vn"}, "subjectAltName"),
    ],
)
def test_what_differs_from_the_register_is_found_by_name(change, where):
    findings = lint(
        a_certificate(), profile=PERSON, issuer=mail_authority().certificate, expected=a_person(**change)
    )

    assert [(f.code, f.where) for f in findings] == [("register.mismatch", where)]


@pytest.mark.parametrize("address", ["anh", "anh@lamdong", "a..b@lamdong.gov.vn", "anh@LAMDONG.gov.vn"])
def test_a_mailbox_that_no_certificate_can_carry_is_found(address):
    name = x509.RFC822Name._init_without_validation(address)

    assert "mailbox.form" in codes(bent(x509.SubjectAlternativeName([name])))


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [
        ("a@lamdong.gov.vn", True),
        ("a@skhcn.lamdong.gov.vn", True),
        ("a@b.skhcn.lamdong.gov.vn", True),
        ("a@hanoi.gov.vn", False),
        ("a@xlamdong.gov.vn", False),
        ("a@lamdong.gov.vn.evil.com", False),
        ("a@gov.vn", False),
    ],
)
def test_only_mailboxes_of_the_permitted_domains_pass(address, is_ours):
    found = codes(bent(x509.SubjectAlternativeName([x509.RFC822Name(address)])))

    assert found == ([] if is_ours else ["mailbox.not-permitted"])


def test_a_second_mailbox_or_another_kind_of_name_is_found():
    ours = x509.RFC822Name("anhnt@lamdong.gov.vn")

    assert codes(bent(x509.SubjectAlternativeName([ours, ours]))) == ["mailbox.count"]
    assert codes(bent(x509.SubjectAlternativeName([ours, x509.DNSName("a.gov.vn")]))) == ["mailbox.count"]


@pytest.mark.parametrize(
    ("serial", "code"),
    [(1, "serial.too-short"), (2**63 - 1, "serial.too-short"), (2**159, "serial.too-large")],
)
def test_a_serial_of_the_wrong_size_is_found(serial, code):
    assert codes(forge(a_certificate(), serial=serial)) == [code]


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # cryptography finds it too
def test_a_serial_that_is_not_positive_is_found():
    good = forge(a_certificate(), serial=2**158 + 1)
    octets = good.serial_number.to_bytes(20, "big")

    # No builder makes one, so the bytes are changed by hand: the first octet gets its sign bit.
    tbs = good.tbs_certificate_bytes.replace(octets, bytes([octets[0] | 0x80]) + octets[1:])
    der = assemble(tbs, mail_authority()._signer.algorithm, good.signature)

    assert codes(x509.load_der_x509_certificate(der)) == ["serial.not-positive"]


def test_a_validity_of_one_second_too_many_is_found():
    good = a_certificate()

    assert codes(forge(good, not_after=good.not_valid_after_utc + timedelta(seconds=1))) == [
        "validity.too-long"
    ]


def test_a_certificate_that_ends_when_it_starts_is_found():
    good = a_certificate()

    assert codes(forge(good, not_after=good.not_valid_before_utc)) == ["validity.reversed"]


def test_a_certificate_older_than_its_issuer_is_found():
    good = a_certificate()
    early = good.not_valid_before_utc - timedelta(days=1)

    assert codes(forge(good, not_before=early, not_after=early + timedelta(days=1))) == [
        "validity.before-issuer"
    ]


def test_a_certificate_that_outlives_its_issuer_is_found():
    end = mail_authority().certificate.not_valid_after_utc
    late = forge(a_certificate(), not_before=end - timedelta(days=1), not_after=end + timedelta(seconds=1))

    assert codes(late) == ["validity.outlives-issuer"]


def test_a_weak_key_is_found():
    weak = rsa.generate_private_key(65537, 1024).public_key()

    assert "key.rsa-short" in codes(forge(a_certificate(), public_key=weak))
    assert "key.curve" in codes(
        forge(a_certificate(), public_key=ec.generate_private_key(ec.SECP521R1()).public_key())
    )


def test_a_key_of_an_unknown_kind_is_found():
    der = a_certificate().public_bytes(Encoding.DER)
    ec_public_key, unknown = bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0209")

    assert codes(x509.load_der_x509_certificate(der.replace(ec_public_key, unknown))) == ["key.kind"]


def test_another_key_than_the_identified_one_is_found():
    other = generate_key(KeyKind.P256).public_key()

    assert codes(forge(a_certificate(), public_key=other)) == ["identifier.subject"]


def test_another_issuing_key_is_found():
    wrong = x509.AuthorityKeyIdentifier(b"\x01" * 20, None, None)
    too_much = x509.AuthorityKeyIdentifier(
        mail_authority()
        .certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        .value.digest,
        [x509.DirectoryName(world()[0].root.subject)],
        world()[0].root.serial_number,
    )

    assert codes(bent(wrong)) == ["identifier.authority"]
    assert codes(bent(too_much)) == ["identifier.authority"]


def test_another_issuer_is_found():
    assert codes(forge(a_certificate(), issuer=world()[0].root.subject)) == ["issuer.name"]


def test_an_issuer_that_is_no_authority_is_found():
    leaf = a_certificate()
    child = forge(a_certificate(), issuer=leaf.subject)

    assert "issuer.not-authority" in codes(child, issuer=leaf)


def test_another_signature_algorithm_is_found():
    assert codes(forge(a_certificate(), algorithm=hashes.SHA256())) == ["signature.algorithm"]


def test_a_pss_signature_is_found():
    key = rsa.generate_private_key(65537, 2048)
    builder = x509.CertificateBuilder(
        a_certificate().issuer,
        a_certificate().subject,
        a_certificate().public_key(),
        a_certificate().serial_number,
        NOW.replace(tzinfo=None, microsecond=0),
        (NOW + timedelta(days=1)).replace(tzinfo=None, microsecond=0),
        list(a_certificate().extensions),
    )
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), padding.PSS.DIGEST_LENGTH)

    assert codes(builder.sign(key, hashes.SHA384(), rsa_padding=pss)) == ["signature.algorithm"]


@pytest.mark.parametrize(
    "oid", [e.oid for e in a_certificate().extensions if e.oid != ExtensionOID.SUBJECT_ALTERNATIVE_NAME]
)
def test_a_missing_extension_is_found(oid):
    assert codes(without(oid)) == ["extension.missing"]


def test_a_certificate_without_a_mailbox_is_found():
    found = codes(without(ExtensionOID.SUBJECT_ALTERNATIVE_NAME), expected=a_person())

    assert found == ["extension.missing", "register.mismatch"]


def test_an_unknown_extension_is_found():
    extra = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")

    assert codes(bent(extra)) == ["extension.unexpected"]


def test_a_subscriber_that_would_be_an_authority_is_found():
    assert codes(bent(x509.BasicConstraints(ca=True, path_length=None), critical=True)) == [
        "extension.unexpected"
    ]


def test_the_wrong_criticality_is_found():
    names = a_certificate().extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert codes(bent(names, critical=True)) == ["extension.criticality"]


def test_extensions_that_cannot_be_read_are_found():
    junk = x509.UnrecognizedExtension(ExtensionOID.EXTENDED_KEY_USAGE, b"\x01")

    assert codes(bent(junk)) == ["extension.unreadable"]


def test_another_key_usage_is_found():
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )

    assert codes(bent(usage, critical=True)) == ["usage.key-usage"]


def test_other_purposes_are_found_and_so_is_going_beyond_the_issuer():
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.SERVER_AUTH])

    assert codes(bent(purposes)) == ["usage.purposes", "usage.purposes-ending", "usage.not-in-issuer"]


@pytest.mark.parametrize(
    ("day", "code"),
    [
        (datetime(2025, 6, 1, tzinfo=UTC), None),
        (datetime(2027, 6, 30, 23, tzinfo=UTC), "usage.purposes-ending"),
        (datetime(2027, 7, 1, tzinfo=UTC), "usage.purposes-calendar"),
    ],
)
def test_the_calendar_takes_document_signing_out_of_mail_certificates(day, code):
    profile = replace(PERSON, extended_key_usages=("emailProtection", "documentSigning"))
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENTS])
    forged = forge(
        a_certificate(),
        not_before=day,
        not_after=day + timedelta(days=30),
        change=lambda extensions: extensions.update({purposes.oid: (purposes, False)}),
    )

    found = [c for c in codes(forged, profile) if c.startswith("usage.purposes")]

    assert found == ([code] if code else [])


def test_two_reserved_policies_are_found():
    policies = x509.CertificatePolicies(
        [x509.PolicyInformation(ObjectIdentifier(f"2.23.140.1.5.{tail}"), None) for tail in ("3.2", "3.3")]
    )

    assert codes(bent(policies)) == ["policy.reserved-count", "policy.set"]


def test_a_policy_that_the_issuer_does_not_have_is_found():
    own = "1.3.6.1.4.1.32473.1.1.1"
    profile = replace(PERSON, own_policies=(own,))
    policies = x509.CertificatePolicies(
        [x509.PolicyInformation(ObjectIdentifier(oid), None) for oid in profile.all_policies]
    )

    findings = lint(bent(policies), profile=profile, issuer=mail_authority().certificate)

    assert [(f.code, f.value) for f in findings] == [("policy.not-in-issuer", own)]


@pytest.mark.parametrize("url", ["https://pki.gov.vn/a.crl", "ldap://x/", "http://pki.gov.vn/a b"])
def test_an_address_that_is_not_plain_http_is_found(url):
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
    access = x509.AccessDescription(
        x509.AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(url)
    )

    assert codes(bent(x509.CRLDistributionPoints([point]))) == ["url.not-http"]
    assert codes(bent(x509.AuthorityInformationAccess([access]))) == ["url.not-http"]


def issuing_codes(change) -> list[str]:
    ceremony, _ = world()
    forged = forge(ceremony.certificates["mail-g1"], change=change)
    subject = a_plan().issuing_subject(a_plan().issuing[0])
    return codes(forged, profiles()["mail-issuing"], ceremony.root, subject)


def test_an_issuing_authority_without_a_path_limit_is_found():
    basic = x509.BasicConstraints(ca=True, path_length=None)

    assert issuing_codes(lambda e: e.update({basic.oid: (basic, True)})) == ["constraint.basic"]


@pytest.mark.parametrize(
    "permitted",
    [
        [x509.RFC822Name(".gov.vn")],
        [x509.DNSName("gov.vn")],
    ],
)
def test_an_issuing_authority_with_other_domains_is_found(permitted):
    names = x509.NameConstraints(permitted, None)

    assert issuing_codes(lambda e: e.update({names.oid: (names, True)})) == ["constraint.names"]


def test_small_rsa_keys_of_authorities_end_with_the_calendar():
    subject = AuthoritySubject("Ủy ban nhân dân tỉnh Lâm Đồng", "CA gốc thử")
    key = rsa.generate_private_key(65537, 2048)
    profile = profiles()["root"]
    before = self_sign(profile, subject, key, now=datetime(2026, 9, 14, tzinfo=UTC))

    assert codes(before, profile, before) == []

    after = forge(before, not_before=datetime(2027, 9, 15, tzinfo=UTC), algorithm=hashes.SHA256(), key=key)
    assert codes(after, profile, after) == ["key.authority-calendar", "issuer.rsa-calendar"]


def test_a_retired_profile_is_found():
    retired = replace(PERSON, issue_until=date(2026, 1, 1))

    assert codes(a_certificate(), retired) == ["profile.retired"]


def test_an_old_version_is_found():
    good = a_certificate()
    tbs = good.tbs_certificate_bytes
    bare = tbs[4:].removeprefix(bytes.fromhex("a003020102"))
    algorithm = mail_authority()._signer.algorithm
    broken = x509.load_der_x509_certificate(assemble(encode(SEQUENCE, bare), algorithm, good.signature))

    assert "version.not-3" in codes(broken)
