"""Certificates that sign documents: an authority of their own, one key usage, and no mailbox."""

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from ca.errors import LintFailure, ProfileInvalid
from ca.lint import lint
from ca.rulebook import DOCUMENT_SIGNING
from tests.ca import second_opinion
from tests.ca.world import (
    NOW,
    a_certificate,
    a_person,
    a_public_key,
    an_agency,
    document_authority,
    forge,
    mail_authority,
    profiles,
    world,
)

PERSON, SEAL = profiles()["person-document"], profiles()["organization-document"]
LONG = "Trung tâm Phục vụ hành chính công và Chuyển đổi số tỉnh Lâm Đồng"


def codes(certificate: x509.Certificate, profile=PERSON, expected=None) -> list[str]:
    issuer = document_authority().certificate
    return [f.code for f in lint(certificate, profile=profile, issuer=issuer, expected=expected)]


def refused_code(authority, profile, subject) -> str:
    with pytest.raises(LintFailure) as refused:
        authority.prepare(profile, subject, a_public_key(), now=NOW)
    return refused.value.code


@pytest.mark.parametrize(
    ("profile", "legal_person"), [("person-document", False), ("organization-document", True)]
)
def test_document_certificates_meet_the_european_norms_and_fit_their_issuer(profile, legal_person):
    certificate = a_certificate(profile)

    assert second_opinion.etsi_findings(certificate, legal_person=legal_person) == []
    assert second_opinion.pkix_findings(certificate) == []
    assert second_opinion.chain_findings(certificate, document_authority().certificate) == []


def test_the_document_authority_meets_rfc_5280_and_fits_the_root():
    authority = document_authority().certificate

    assert second_opinion.pkix_findings(authority) == []
    assert second_opinion.chain_findings(authority, world()[0].root) == []
    purposes = authority.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [DOCUMENT_SIGNING]


def test_a_document_certificate_commits_its_signer_and_names_no_mailbox():
    extensions = a_certificate("person-document").extensions

    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.content_commitment, usage.digital_signature) == (True, False)
    with pytest.raises(x509.ExtensionNotFound):
        extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_a_mailbox_in_a_document_certificate_is_found():
    def add(extensions):
        mailbox = x509.SubjectAlternativeName([x509.RFC822Name("anhnt@lamdong.gov.vn")])
        extensions[mailbox.oid] = (mailbox, False)

    assert codes(forge(a_certificate("person-document"), change=add)) == ["extension.unexpected"]


def test_neither_authority_issues_what_is_the_others():
    assert refused_code(mail_authority(), PERSON, a_person()) == "usage.not-in-issuer"
    assert refused_code(document_authority(), profiles()["person-mail"], a_person()) == "usage.not-in-issuer"


def test_documents_go_on_after_the_day_on_which_mail_may_not_sign_them():
    later = NOW.replace(year=2027, month=8)

    certificate = a_certificate("person-document", now=later)

    assert codes(certificate) == []


def test_an_agency_with_a_long_name_needs_its_documented_short_name():
    assert (
        refused_code(document_authority(), SEAL, an_agency(organization=LONG)) == "name.common-name-missing"
    )
    agency = an_agency(organization=LONG, short_name="Trung tâm PVHCC tỉnh Lâm Đồng")

    draft = document_authority().prepare(SEAL, agency, a_public_key(), now=NOW)
    certificate = document_authority().sign(draft)

    (common_name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common_name.value == "Trung tâm PVHCC tỉnh Lâm Đồng"
    assert second_opinion.etsi_findings(certificate, legal_person=True) == []


def test_a_short_name_is_no_common_name_of_a_mail_certificate():
    agency = an_agency(short_name="Sở KHCN")

    assert (
        refused_code(mail_authority(), profiles()["organization-mail"], agency) == "name.common-name-source"
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"days": 1827}, "profile.days"),
        ({"policies": ("2.23.140.1.5.3.2",)}, "profile.policies"),
        ({"policies": ("0.4.0.2042.1.1", "0.4.0.2042.1.2")}, "profile.policies"),
        ({"own_policies": ("0.4.0.2042.1.9",)}, "profile.own-policy"),
        ({"key_usages": frozenset({"digitalSignature"})}, "profile.key-usage"),
        ({"key_usages": frozenset({"digitalSignature", "nonRepudiation"})}, "profile.key-usage"),
        ({"extended_key_usages": ("documentSigning", "clientAuth")}, "profile.purposes"),
        ({"path_length": 0}, "profile.path-length"),
    ],
)
def test_a_document_profile_that_no_rule_book_allows_cannot_be_made(change, code):
    with pytest.raises(ProfileInvalid) as refused:
        replace(PERSON, **change)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"policies": ("2.23.140.1.5.3.2",)}, "profile.policies"),
        ({"extended_key_usages": ("documentSigning", "clientAuth")}, "profile.purposes"),
        ({"freshest_crl": True}, "profile.freshest-crl"),
    ],
)
def test_a_document_authority_that_no_rule_book_allows_cannot_be_made(change, code):
    with pytest.raises(ProfileInvalid) as refused:
        replace(profiles()["document-issuing"], **change)

    assert refused.value.code == code


def test_a_certificate_may_point_to_a_delta_list():
    profile = replace(PERSON, freshest_crl=True)

    draft = document_authority().prepare(profile, a_person(), a_public_key(), now=NOW)
    certificate = document_authority().sign(draft)

    freshest = certificate.extensions.get_extension_for_class(x509.FreshestCRL).value
    assert freshest[0].full_name[0].value == "http://pki.lamdong.gov.vn/crl/document-g1-delta.crl"
    assert second_opinion.etsi_findings(certificate) == []
    assert codes(certificate) == ["extension.unexpected"]
