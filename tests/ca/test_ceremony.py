"""Ceremony: a hierarchy from a plan, once."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from ca.ceremony import hold
from ca.crl import crl_number
from ca.errors import AuthorityMismatch, KeyMissing, LintFailure, ProfileInvalid, Unreadable
from ca.keys import KeyKind
from ca.names import AuthoritySubject
from tests.ca.world import NOW, MemoryKeyStore, a_plan, profiles, world


def test_the_root_is_bare_and_lives_twenty_years():
    root = world()[0].root

    found = {extension.oid._name for extension in root.extensions}
    assert found == {"basicConstraints", "keyUsage", "subjectKeyIdentifier", "authorityKeyIdentifier"}
    assert root.subject == root.issuer
    assert root.not_valid_after_utc - root.not_valid_before_utc == timedelta(days=7305, seconds=-1)


def test_the_mail_authority_is_constrained_to_the_domains_of_the_plan():
    mail = world()[0].certificates["mail-g1"]

    constraints = mail.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert [n.value for n in constraints.value.permitted_subtrees if isinstance(n, x509.RFC822Name)] == [
        "lamdong.gov.vn",
        ".lamdong.gov.vn",
    ]
    assert mail.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_every_authority_has_a_first_list():
    lists = world()[0].lists

    assert {label: crl_number(crl) for label, crl in lists.items()} == {
        "mail-g1": 1,
        "document-g1": 1,
        "root-g1": 1,
    }
    assert lists["root-g1"].next_update_utc - lists["root-g1"].last_update_utc == timedelta(
        days=180, seconds=-1
    )


def test_every_file_is_named_by_its_label():
    labels = {"root-g1", "mail-g1", "document-g1"}

    assert set(world()[0].files()) == {f"{label}.{kind}" for label in labels for kind in ("cer", "crl")}


def test_a_ceremony_held_twice_changes_nothing():
    ceremony, keystore = world()
    keys = dict(keystore.keys)

    again = hold(
        a_plan(), keystore, profiles=profiles(), now=NOW + timedelta(days=3), earlier=ceremony.files()
    )

    assert again.files() == ceremony.files()
    assert keystore.keys == keys


@pytest.mark.parametrize("away", ["root-g1", "mail-g1"])
def test_no_key_is_made_for_a_certificate_that_stands(away):
    ceremony, whole = world()
    keystore = MemoryKeyStore()
    keystore.keys = {label: key for label, key in whole.keys.items() if label != away}

    with pytest.raises(KeyMissing):
        hold(a_plan(), keystore, profiles=profiles(), now=NOW, earlier=ceremony.files())

    assert away not in keystore.keys


@pytest.mark.parametrize("missing", ["root-g1.crl", "mail-g1.crl", "mail-g1.cer"])
def test_an_interrupted_ceremony_makes_only_what_is_missing(missing):
    ceremony, keystore = world()
    earlier = {name: data for name, data in ceremony.files().items() if name != missing}

    later = hold(a_plan(), keystore, profiles=profiles(), now=NOW + timedelta(hours=1), earlier=earlier)

    changed = {name for name, data in later.files().items() if data != ceremony.files()[name]}
    assert changed == {missing}


def test_a_plan_for_a_profile_that_is_not_there_is_refused():
    with pytest.raises(ProfileInvalid) as refused:
        hold(a_plan(), MemoryKeyStore(), profiles={"root": profiles()["root"]}, now=NOW)

    assert refused.value.code == "profile.missing"


def test_a_ceremony_that_died_after_its_keys_uses_those_keys():
    keystore = MemoryKeyStore()
    root_key = keystore.generate("root-g1", KeyKind.P384)

    ceremony = hold(a_plan(), keystore, profiles=profiles(), now=NOW)

    assert ceremony.root.public_key() == root_key.public_key()


def test_files_of_another_ceremony_are_refused():
    other = hold(a_plan(), MemoryKeyStore(), profiles=profiles(), now=NOW)

    with pytest.raises(AuthorityMismatch) as refused:
        hold(a_plan(), world()[1], profiles=profiles(), now=NOW, earlier=other.files())

    assert refused.value.code == "authority.key"


def test_an_issuing_certificate_of_another_root_is_refused():
    ceremony, keystore = world()
    theirs = MemoryKeyStore()
    theirs.keys["mail-g1"] = keystore.keys["mail-g1"]
    other = hold(a_plan(), theirs, profiles=profiles(), now=NOW)
    earlier = {**ceremony.files(), "mail-g1.cer": other.files()["mail-g1.cer"]}

    with pytest.raises(LintFailure) as refused:
        hold(a_plan(), keystore, profiles=profiles(), now=NOW, earlier=earlier)

    assert refused.value.code == "identifier.authority"


def test_a_certificate_with_a_broken_signature_is_refused():
    ceremony, keystore = world()
    damaged = bytearray(ceremony.files()["mail-g1.cer"])
    damaged[-1] ^= 1

    with pytest.raises(AuthorityMismatch) as refused:
        hold(
            a_plan(),
            keystore,
            profiles=profiles(),
            now=NOW,
            earlier={**ceremony.files(), "mail-g1.cer": bytes(damaged)},
        )

    assert refused.value.code == "ceremony.signature"


@pytest.mark.parametrize("name", ["root-g1.cer", "mail-g1.cer", "mail-g1.crl", "root-g1.crl"])
def test_a_file_that_is_none_is_refused(name):
    ceremony, keystore = world()

    with pytest.raises(Unreadable):
        hold(
            a_plan(),
            keystore,
            profiles=profiles(),
            now=NOW,
            earlier={**ceremony.files(), name: b"not a file"},
        )


def test_an_earlier_list_that_breaks_a_rule_is_refused():
    ceremony, keystore = world()
    good = ceremony.lists["mail-g1"]
    builder = x509.CertificateRevocationListBuilder(
        good.issuer,
        NOW.replace(tzinfo=None, microsecond=0),
        (NOW + timedelta(days=300)).replace(tzinfo=None, microsecond=0),
        list(good.extensions),
    )
    too_long = builder.sign(keystore.load("mail-g1"), hashes.SHA384()).public_bytes(Encoding.DER)

    with pytest.raises(LintFailure) as refused:
        hold(
            a_plan(),
            keystore,
            profiles=profiles(),
            now=NOW,
            earlier={**ceremony.files(), "mail-g1.crl": too_long},
        )

    assert refused.value.code == "crl.window"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"domains": ()}, "constraint.names"),
        ({"domains": ("Lâm Đồng",)}, "constraint.names"),
        ({"base_url": "https://pki.lamdong.gov.vn"}, "url.not-http"),
        ({"base_url": "http://pki.lamdong.gov.vn/"}, "url.not-http"),
        ({"owner": "Ủy  ban"}, "name.spaces"),
        ({"owner": "Ủ" * 65}, "name.organization-too-long"),
        ({"province": "tỉnh " + "Đ" * 40}, "name.common-name-bytes"),
    ],
)
def test_a_plan_that_breaks_a_rule_cannot_be_made(change, code):
    with pytest.raises(LintFailure) as refused:
        a_plan(**change)

    assert refused.value.code == code


@pytest.mark.slow
def test_a_hierarchy_on_rsa_keys_passes_the_same_rules():
    ceremony = hold(a_plan(key_kind=KeyKind.RSA4096), MemoryKeyStore(), profiles=profiles(), now=NOW)

    assert ceremony.root.signature_hash_algorithm.name == "sha384"


def test_common_names_fit_for_the_longest_province():
    longest = a_plan(province="thành phố Hồ Chí Minh")

    assert isinstance(longest.issuing_subject(longest.issuing[0]), AuthoritySubject)
