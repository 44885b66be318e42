"""A second opinion on everything we sign: pkilint finds nothing of weight WARNING or worse."""

import pytest
from cryptography import x509
from cryptography.x509 import ReasonFlags as Reason

from ca.ceremony import hold
from ca.crl import Revocation, build_crl
from ca.keys import KeyKind, generate_key
from ca.profiles import load_profiles
from tests.ca import second_opinion
from tests.ca.world import (
    NOW,
    PROFILES_FILE,
    MemoryKeyStore,
    a_certificate,
    a_person,
    a_plan,
    a_public_key,
    an_agency,
    forge,
    mail_authority,
    profiles,
    world,
)

ROOT, MAIL = world()[0].root, world()[0].certificates["mail-g1"]
LEAVES = sorted(second_opinion.LEVELS)


@pytest.mark.parametrize("profile", LEAVES)
def test_every_profile_meets_the_smime_requirements_and_fits_its_issuer(profile):
    certificate = a_certificate(profile)

    assert second_opinion.smime_findings(certificate, profile) == []
    assert second_opinion.pkix_findings(certificate) == []
    assert second_opinion.chain_findings(certificate, MAIL) == []


MIXED_USE = "WARNING etsi.en_319_412_2.nat-4.3.2-1.mixed_key_usage_setting"
"""The one finding of weight WARNING that is accepted, on mail certificates, and nothing but this test knows of it.

EN 319 412-2, NAT-4.3.2-1, table 1: the key usage shall be one of the types A to F, and A, C or E *should* be chosen.
Ours for mail is type D, digitalSignature with keyAgreement (keyEncipherment for RSA): it conforms, and is not what is
recommended. Only two certificates and two keys for each mailbox (C and E) would be, and mail programs expect one. These
certificates do not promise that norm by any policy: theirs is S/MIME BR 7.1.2.3 e, which allows dual use.
"""


@pytest.mark.parametrize(
    "profile", sorted({*second_opinion.LEVELS, "person-document", "organization-document"})
)
def test_every_profile_meets_the_european_norm_but_for_mail_being_encrypted_to_as_well(profile):
    is_of_agency = profile.startswith("organization")

    found = second_opinion.etsi_findings(a_certificate(profile), legal_person=is_of_agency)

    assert [finding.strip() for finding in found] == ([] if profile.endswith("-document") else [MIXED_USE])


@pytest.mark.parametrize("profile", ["person-mail", "organization-mail"])
def test_others_can_encrypt_to_a_mailbox_whatever_the_kind_of_its_key(profile):
    authority, subject = mail_authority(), a_person() if profile.startswith("person") else an_agency()
    usages = []
    for key in (a_public_key(), generate_key(KeyKind.RSA3072).public_key()):
        certificate = authority.sign(authority.prepare(profiles()[profile], subject, key, now=NOW))
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        usages.append((usage.digital_signature, usage.key_agreement, usage.key_encipherment))

        assert second_opinion.smime_findings(certificate, profile) == []
    assert usages == [(True, True, False), (True, False, True)]


@pytest.mark.parametrize(
    "subject",
    [
        a_person(given_name=None, surname="Siu", common_name="Siu"),
        a_person(surname=None, given_name="Y Moan", common_name="Y Moan"),
        a_person(title=None, state=None),
        a_person(common_name="Nguyễn Hoàng Phương Thảo Trần Lê Ngọc Khánh Huyền Mỹ"),
        a_person(organization="Ủ" * 64),
    ],
)
def test_unusual_people_meet_the_requirements(subject):
    authority, profile = mail_authority(), profiles()["person-mail"]

    certificate = authority.sign(authority.prepare(profile, subject, a_public_key(), now=NOW))

    assert second_opinion.smime_findings(certificate, "person-mail") == []


def test_an_agency_with_a_long_name_meets_the_requirements():
    organization = "Ủy ban nhân dân xã Đạ Tẻh, huyện Đạ Tẻh, tỉnh Lâm Đồng"
    assert len(organization) <= 64 < len(organization.encode())
    authority, profile = mail_authority(), profiles()["organization-mail"]

    draft = authority.prepare(profile, an_agency(organization=organization), a_public_key(), now=NOW)
    certificate = authority.sign(draft)

    assert second_opinion.smime_findings(certificate, "organization-mail") == []
    assert not certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)


def test_the_longest_validity_meets_the_requirements():
    from dataclasses import replace

    authority, profile = mail_authority(), replace(profiles()["person-mail"], days=824)

    certificate = authority.sign(authority.prepare(profile, a_person(), a_public_key(), now=NOW))

    assert second_opinion.smime_findings(certificate, "person-mail") == []


def test_both_authorities_meet_rfc_5280_and_fit_together():
    assert second_opinion.pkix_findings(ROOT) == []
    assert second_opinion.pkix_findings(MAIL) == []
    assert second_opinion.chain_findings(MAIL, ROOT) == []
    assert second_opinion.chain_findings(ROOT, ROOT) == []


def test_both_first_lists_meet_the_requirements():
    lists = world()[0].lists

    assert second_opinion.crl_findings(lists["mail-g1"], "CRL") == []
    assert second_opinion.crl_findings(lists["root-g1"], "ARL") == []


def test_a_full_list_with_every_usual_reason_meets_the_requirements():
    usual = [
        Reason.key_compromise,
        Reason.affiliation_changed,
        Reason.superseded,
        Reason.cessation_of_operation,
        Reason.privilege_withdrawn,
        None,
    ]
    revoked = [Revocation(2**100 + n, NOW, reason) for n, reason in enumerate(usual)]
    crl = mail_authority().sign_crl(revoked, number=2, now=NOW, days=7)
    root_key = world()[1].load("root-g1")
    arl = build_crl(ROOT, root_key, [Revocation(2**100, NOW, Reason.superseded)], number=2, now=NOW, days=180)

    assert second_opinion.crl_findings(crl, "CRL") == []
    assert second_opinion.crl_findings(arl, "ARL") == []


def test_a_list_with_a_hold_meets_rfc_5280():
    held = [Revocation(2**100, NOW, Reason.certificate_hold)]
    crl = mail_authority().sign_crl(held, number=2, now=NOW, days=7)

    assert second_opinion.crl_findings(crl, "CRL", baseline=False) == []


def test_own_policies_under_an_arc_meet_the_requirements(tmp_path):
    text = PROFILES_FILE.read_text("utf-8").replace('policy_arc = ""', 'policy_arc = "1.3.6.1.4.1.32473.1"')
    (tmp_path / "profiles.toml").write_text(text, "utf-8")
    own, keystore = load_profiles(tmp_path / "profiles.toml"), MemoryKeyStore()
    authority = hold(a_plan(), keystore, profiles=own, now=NOW).authority("mail", keystore)

    certificate = authority.sign(authority.prepare(own["person-mail"], a_person(), a_public_key(), now=NOW))

    assert second_opinion.smime_findings(certificate, "person-mail") == []
    assert second_opinion.chain_findings(certificate, authority.certificate) == []
    assert second_opinion.pkix_findings(authority.certificate) == []


def test_the_second_opinion_does_find_what_is_wrong():
    names = x509.SubjectAlternativeName([x509.RFC822Name("other@lamdong.gov.vn"), x509.DNSName("a.gov.vn")])
    bent = forge(a_certificate(), change=lambda extensions: extensions.update({names.oid: (names, False)}))

    assert second_opinion.smime_findings(bent, "person-mail")
    assert second_opinion.chain_findings(bent, MAIL)
