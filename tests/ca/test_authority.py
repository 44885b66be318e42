"""Authority: prepare, commit, sign; and after a crash, sign the same again."""

from dataclasses import FrozenInstanceError, replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ca import authority as authority_module
from ca.authority import Authority, Draft, der
from ca.ceremony import hold
from ca.errors import AuthorityMismatch, KeyRefused, LintFailure, Unreadable
from ca.lint import lint
from tests.ca.world import (
    NOW,
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

PERSON = profiles()["person-mail"]


def a_draft(**changes):
    return mail_authority().prepare(PERSON, a_person(**changes), a_public_key(), now=NOW)


def test_a_signed_certificate_holds_exactly_the_bytes_of_its_draft():
    draft = a_draft()

    certificate = mail_authority().sign(draft)

    assert certificate.tbs_certificate_bytes == draft.tbs
    assert certificate.serial_number == draft.serial
    certificate.verify_directly_issued_by(world()[0].certificates["mail-g1"])


def test_signing_a_draft_twice_gives_the_same_bytes():
    draft = a_draft()

    assert der(mail_authority().sign(draft)) == der(mail_authority().sign(draft))


def test_after_a_crash_the_committed_bytes_give_the_same_certificate():
    draft = a_draft()
    certificate = mail_authority().sign(draft)
    ceremony, keystore = world()
    after_the_crash = ceremony.authority("mail", keystore)

    again = after_the_crash.sign(after_the_crash.redraft(draft.tbs, PERSON, expected=a_person()))

    assert der(again) == der(certificate)


def test_a_specimen_is_not_a_certificate():
    draft = a_draft()

    with pytest.raises(InvalidSignature):
        draft.specimen.verify_directly_issued_by(world()[0].certificates["mail-g1"])


def test_a_draft_that_breaks_a_rule_cannot_exist():
    good = a_draft()
    beyond = forge(good.specimen, not_after=good.not_after + timedelta(seconds=1))

    with pytest.raises(LintFailure) as refused:
        Draft(der(beyond), PERSON, good.issuer)

    assert refused.value.code == "validity.too-long"


def test_a_draft_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        a_draft().specimen = a_certificate()


def test_all_findings_are_told_at_once():
    with pytest.raises(LintFailure) as refused:
        a_draft(organization="Sở  Nội vụ", serial_number="a_b", email="x@y")

    assert [finding.code for finding in refused.value.findings] == [
        "name.spaces",
        "name.not-printable",
        "mailbox.form",
    ]


def test_validity_is_whole_days_in_whole_seconds():
    draft = a_draft()

    assert draft.not_before == NOW.replace(microsecond=0)
    assert draft.not_after - draft.not_before == timedelta(days=730, seconds=-1)


def test_a_moment_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        mail_authority().prepare(PERSON, a_person(), a_public_key(), now=datetime(2026, 11, 21))  # noqa: DTZ001


def test_a_certificate_that_would_outlive_its_issuer_is_refused():
    late = NOW + timedelta(days=3652 - 100)

    with pytest.raises(LintFailure) as refused:
        mail_authority().prepare(PERSON, a_person(), a_public_key(), now=late)

    assert refused.value.code == "validity.outlives-issuer"


def test_a_profile_may_let_the_certificate_end_with_its_issuer():
    late = NOW + timedelta(days=3652 - 100)

    draft = mail_authority().prepare(replace(PERSON, shorten=True), a_person(), a_public_key(), now=late)

    assert draft.not_after == mail_authority().certificate.not_valid_after_utc


def test_the_caller_may_bring_the_serial_it_reserved():
    serial = x509.random_serial_number()

    draft = mail_authority().prepare(PERSON, a_person(), a_public_key(), serial=serial, now=NOW)

    assert draft.serial == serial


@pytest.mark.parametrize(
    ("serial", "code"),
    [(2**63 - 1, "serial.too-short"), (2**159, "serial.too-large")],
)
def test_a_weak_or_oversized_serial_is_refused(serial, code):
    with pytest.raises(LintFailure) as refused:
        mail_authority().prepare(PERSON, a_person(), a_public_key(), serial=serial, now=NOW)

    assert refused.value.code == code


def test_ten_thousand_serials_use_all_their_bits():
    serials = [x509.random_serial_number() for _ in range(10_000)]

    assert len(set(serials)) == 10_000
    for bit in range(159):
        assert 4_500 < sum(serial >> bit & 1 for serial in serials) < 5_500


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (lambda: ec.generate_private_key(ec.SECP521R1()), "key.curve"),
        (ed25519.Ed25519PrivateKey.generate, "key.kind"),
        (lambda: rsa.generate_private_key(65537, 1024), "key.rsa-short"),
    ],
)
def test_a_weak_key_never_reaches_a_draft(key, code):
    with pytest.raises(KeyRefused) as refused:
        mail_authority().prepare(PERSON, a_person(), key().public_key(), now=NOW)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("profile", "subject"), [("person-mail", an_agency()), ("organization-mail", a_person())]
)
def test_a_profile_is_for_its_kind_of_subject(profile, subject):
    with pytest.raises(LintFailure) as refused:
        mail_authority().prepare(profiles()[profile], subject, a_public_key(), now=NOW)

    assert refused.value.code == "profile.subject-kind"


def test_nothing_is_issued_under_a_retired_profile():
    retired = replace(PERSON, issue_until=NOW.date() - timedelta(days=1))

    with pytest.raises(LintFailure) as refused:
        mail_authority().prepare(retired, a_person(), a_public_key(), now=NOW)

    assert refused.value.code == "profile.retired"


def test_the_root_does_not_certify_people():
    ceremony, keystore = world()
    root = Authority(ceremony.root, keystore.load("root-g1"), base_url="http://pki.gov.vn", label="root-g1")

    with pytest.raises(LintFailure) as refused:
        root.prepare(PERSON, a_person(), a_public_key(), now=NOW)

    assert refused.value.code == "issuer.path-length"


def test_an_authority_needs_its_own_key():
    with pytest.raises(AuthorityMismatch) as refused:
        Authority(world()[0].root, world()[1].load("mail-g1"), base_url="http://pki.gov.vn", label="root-g1")

    assert refused.value.code == "authority.key"


def another_authority():
    keystore = MemoryKeyStore()
    return hold(a_plan(), keystore, profiles=profiles(), now=NOW).authority("mail", keystore)


def test_an_authority_does_not_sign_the_draft_of_another():
    with pytest.raises(AuthorityMismatch) as refused:
        another_authority().sign(a_draft())

    assert refused.value.code == "draft.issuer"


def test_an_authority_does_not_redraft_the_bytes_of_another():
    with pytest.raises(LintFailure) as refused:
        another_authority().redraft(a_draft().tbs, PERSON)

    assert refused.value.code == "identifier.authority"


@pytest.mark.parametrize("tbs", [b"", b"junk", b"\x30\x00", a_draft().tbs[:-1], a_draft().tbs + b"\x00"])
def test_committed_bytes_that_are_damaged_are_refused(tbs):
    with pytest.raises(Unreadable) as refused:
        mail_authority().redraft(tbs, PERSON)

    assert refused.value.code == "draft.unreadable"


def test_committed_bytes_are_held_against_the_register_again():
    draft = a_draft()

    with pytest.raises(LintFailure) as refused:
        mail_authority().redraft(draft.tbs, PERSON, expected=a_person(organization="Sở Nội vụ"))

    assert refused.value.code == "register.mismatch"


def test_a_signature_that_does_not_verify_never_leaves(monkeypatch):
    """A faulty module or memory must not give away a signature that betrays the key."""
    from ca import signing

    draft, other = a_draft(), ec.generate_private_key(ec.SECP384R1())
    right = signing._sign
    monkeypatch.setattr(signing, "_sign", lambda _, *rest, **how: right(other, *rest, **how))

    with pytest.raises(AuthorityMismatch) as refused:
        mail_authority().sign(draft)

    assert refused.value.code == "signature.self-check"


def wrong_once(monkeypatch, number: int) -> None:
    """From here on this one of the signatures, counted from 1, is made with another key."""
    from ca import signing

    right, other, made = signing._sign, ec.generate_private_key(ec.SECP384R1()), []

    def sign(key, *rest, **how):
        made.append(key)
        return right(other if len(made) == number else key, *rest, **how)

    monkeypatch.setattr(signing, "_sign", sign)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_of_many_signatures_no_faulty_one_leaves(monkeypatch, number):
    """Three first signatures, then the first two again; each of the five may be the faulty one."""
    drafts = [a_draft() for _ in range(3)]
    wrong_once(monkeypatch, number)

    with pytest.raises(AuthorityMismatch) as refused:
        mail_authority().sign_all(drafts)

    assert refused.value.code == "signature.self-check"


def test_many_are_signed_as_each_alone_would_be():
    drafts = [a_draft(), a_draft(given_name="Văn Bình")]

    together = mail_authority().sign_all(drafts)

    assert together == [der(mail_authority().sign(draft)) for draft in drafts]
    assert mail_authority().sign_all([]) == []
    for certificate in together:
        x509.load_der_x509_certificate(certificate).verify_directly_issued_by(mail_authority().certificate)


def test_signed_bytes_that_differ_from_the_draft_never_leave(monkeypatch):
    draft, other = a_draft(), a_draft(given_name="Văn Bình")
    right = authority_module.Signer.seal_all
    monkeypatch.setattr(authority_module.Signer, "seal_all", lambda signer, _: right(signer, [other.tbs]))

    with pytest.raises(AuthorityMismatch) as refused:
        mail_authority().sign(draft)

    assert refused.value.code == "signature.bytes"


def test_a_warning_goes_on_record_and_does_not_stop_the_signature():
    issuing = world()[0].certificates["mail-g1"]
    with_documents = replace(PERSON, extended_key_usages=("emailProtection", "documentSigning"))
    wide = forge(issuing, change=lambda extensions: extensions.pop(x509.ExtendedKeyUsage.oid))

    specimen = a_draft().specimen
    purposes = x509.ExtendedKeyUsage(
        [x509.ExtendedKeyUsageOID.EMAIL_PROTECTION, x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")]
    )
    bent = forge(specimen, change=lambda e: e.update({purposes.oid: (purposes, False)}))

    draft = Draft(der(bent), with_documents, wide)

    assert [finding.code for finding in draft.warnings] == ["usage.purposes-ending"]


def test_every_shipped_profile_gives_a_clean_certificate():
    issuing = mail_authority().certificate

    for name in ("person-mail", "person-mail-strict", "organization-mail", "organization-mail-strict"):
        assert lint(a_certificate(name), profile=profiles()[name], issuer=issuing) == ()


def test_a_label_and_an_address_are_in_every_certificate():
    text = der(a_certificate())

    assert b"http://pki.lamdong.gov.vn/crl/mail-g1.crl" in text
    assert b"http://pki.lamdong.gov.vn/ca/mail-g1.cer" in text
    assert b"http://pki.lamdong.gov.vn/ocsp/mail-g1" in text
    assert mail_authority().label == "mail-g1"
