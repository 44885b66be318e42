"""Chain: a certificate leads to our root, or it is said why not."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from ca.chain import verify_chain
from ca.errors import ChainBroken
from tests.ca.world import NOW, a_certificate, forge, mail_authority, world

ROOT, MAIL = world()[0].root, world()[0].certificates["mail-g1"]
AT = NOW + timedelta(days=1)


def code(leaf, issuing=MAIL, root=ROOT, at=AT) -> str:
    with pytest.raises(ChainBroken) as broken:
        verify_chain(leaf, issuing, root, at)
    assert broken.value.text.vi != broken.value.text.en
    return broken.value.code


def ours(**changes) -> x509.Certificate:
    """A bent certificate with the authority's own signature, as if no lint had stopped it."""
    return forge(a_certificate(), key=mail_authority()._signer._key, **changes)


@pytest.mark.parametrize(
    "profile", ["person-mail", "person-mail-strict", "organization-mail", "organization-mail-strict"]
)
def test_every_certificate_leads_to_the_root(profile):
    verify_chain(a_certificate(profile), MAIL, ROOT, AT)


def test_outside_its_validity_it_does_not():
    leaf = a_certificate()

    assert code(leaf, at=leaf.not_valid_before_utc - timedelta(seconds=1)) == "chain.validity"
    assert code(leaf, at=leaf.not_valid_after_utc + timedelta(seconds=1)) == "chain.validity"
    verify_chain(leaf, MAIL, ROOT, leaf.not_valid_after_utc)


def test_a_signature_of_somebody_else_is_found():
    assert code(forge(a_certificate())) == "chain.signature"
    assert code(a_certificate(), forge(MAIL)) == "chain.signature"


def test_another_issuers_name_is_found():
    assert code(ours(issuer=ROOT.subject)) == "chain.name"


def test_another_algorithm_is_found():
    assert code(ours(algorithm=hashes.SHA256())) == "chain.algorithm"


def test_the_order_of_the_chain_matters():
    assert code(a_certificate(), ROOT, MAIL) == "chain.shape"
    assert code(a_certificate(), ROOT, ROOT) == "chain.shape"


def test_an_issuer_that_is_no_authority_is_found():
    assert code(a_certificate(), a_certificate(), ROOT) == "chain.not-authority"


def test_an_authority_below_the_issuing_one_is_found():
    basic = x509.BasicConstraints(ca=True, path_length=None)
    usage = MAIL.extensions.get_extension_for_class(x509.KeyUsage).value

    child = ours(change=lambda e: e.update({basic.oid: (basic, True), usage.oid: (usage, True)}))

    assert code(child) == "chain.path-length"


def test_a_purpose_beyond_the_issuers_is_found():
    purposes = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH])

    assert code(ours(change=lambda e: e.update({purposes.oid: (purposes, False)}))) == "chain.purpose"


def test_a_policy_beyond_the_issuers_is_found():
    policies = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), None)])

    assert code(ours(change=lambda e: e.update({policies.oid: (policies, False)}))) == "chain.policy"


def test_a_mailbox_outside_the_permitted_domains_is_found():
    names = x509.SubjectAlternativeName([x509.RFC822Name("a@hanoi.gov.vn")])

    assert code(ours(change=lambda e: e.update({names.oid: (names, False)}))) == "chain.domain"


def test_a_weak_key_is_found():
    weak = ec.generate_private_key(ec.SECP521R1()).public_key()

    assert code(ours(public_key=weak)) == "chain.key"
