"""The calendar: which of today's certificates could no longer be issued on another day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca.calendar import CALENDAR, lint_as_of
from ca.findings import RULES
from ca.rulebook import DOCUMENT_SIGNING
from tests.ca.world import A_DAY, NOW, a_certificate, forge, mail_authority, profiles, world

PERSON, ROOT = profiles()["person-mail"], profiles()["root"]
FAR = date(2031, 1, 1)


def codes(certificate: x509.Certificate, on: date, profile=PERSON, **more) -> list[str]:
    return [finding.code for finding in lint_as_of(certificate, profile, on, **more)]


def with_purposes(*purposes: x509.ObjectIdentifier) -> x509.Certificate:
    def change(extensions):
        extensions[x509.ExtendedKeyUsage.oid] = (x509.ExtendedKeyUsage(purposes), False)

    return forge(a_certificate(), change=change)


@pytest.mark.parametrize(
    "name",
    ["person-mail", "person-mail-strict", "organization-mail", "person-document", "organization-document"],
)
def test_every_shipped_profile_can_be_issued_on_any_day_of_the_calendar(name):
    certificate = a_certificate(name)

    for day in [rule.since for rule in CALENDAR] + [FAR]:
        assert codes(certificate, day, profiles()[name]) == []


def test_the_calendar_is_in_order_and_every_rule_has_a_source():
    days = [rule.since for rule in CALENDAR]

    assert days == sorted(days)
    assert all(RULES[rule.code].source for rule in CALENDAR)


def test_documents_may_be_signed_with_a_mail_certificate_until_the_last_of_june_2027():
    certificate = with_purposes(ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING)

    assert codes(certificate, date(2027, 6, 30)) == []
    (finding,) = lint_as_of(certificate, PERSON, date(2027, 7, 1))
    assert finding.code == "usage.purposes-calendar"
    assert finding.source == "SBR SMC018"


def test_an_rsa_authority_of_3072_bits_cannot_be_made_again():
    key = rsa.generate_private_key(65537, 3072).public_key()
    root = forge(world()[0].root, public_key=key)

    assert codes(root, date(2026, 9, 14), ROOT) == []
    assert codes(root, date(2026, 9, 15), ROOT) == ["key.authority-calendar"]


def test_nothing_is_issued_under_a_short_rsa_authority_from_september_2027():
    issuer = forge(
        mail_authority().certificate, public_key=rsa.generate_private_key(65537, 2048).public_key()
    )

    assert codes(a_certificate(), date(2027, 9, 14), issuer=issuer) == []
    assert codes(a_certificate(), date(2027, 9, 15), issuer=issuer) == ["issuer.rsa-calendar"]


@pytest.mark.parametrize(
    ("days", "profile", "renewed", "expected"),
    [
        (825, "person-mail", False, []),
        (826, "person-mail", False, ["validity.mail-calendar"]),
        (1826, "person-document", False, []),
        (1827, "person-document", False, ["validity.decree-calendar"]),
        (1096, "person-document", True, []),
        (1097, "person-document", True, ["validity.decree-calendar"]),
        (7306, "root", False, ["validity.decree-calendar"]),
    ],
)
def test_lifetimes_are_those_of_the_decree_and_the_mail_requirements(days, profile, renewed, expected):
    template = world()[0].root if profile == "root" else a_certificate(profile)
    end = template.not_valid_before_utc + timedelta(days=days, seconds=-1)

    certificate = forge(template, not_after=end)

    assert codes(certificate, FAR, profiles()[profile], renewed=renewed) == expected
    assert codes(certificate, date(2023, 8, 31), profiles()[profile], renewed=renewed) == []


def test_the_legacy_generation_ended_in_july_2025():
    def change(extensions):
        policy = x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.5.3.1"), None)
        extensions[x509.CertificatePolicies.oid] = (x509.CertificatePolicies([policy]), False)

    certificate = forge(a_certificate(), change=change)

    assert codes(certificate, date(2025, 7, 14)) == []
    assert codes(certificate, date(2025, 7, 15)) == ["policy.legacy-calendar"]


def test_a_profile_ends_on_its_last_day():
    ending = replace(PERSON, issue_until=date(2027, 1, 31))

    assert codes(a_certificate(), date(2027, 1, 31), ending) == []
    assert codes(a_certificate(), date(2027, 2, 1), ending) == ["profile.retired"]


def test_a_certificate_may_not_outlive_its_issuer_unless_it_may_be_shorter():
    issuer = mail_authority().certificate
    last = (issuer.not_valid_after_utc - timedelta(days=730)).date()

    assert codes(a_certificate(), last, issuer=issuer) == []
    assert codes(a_certificate(), last + 2 * A_DAY, issuer=issuer) == ["validity.outlives-issuer"]
    assert "validity.outlives-issuer" in codes(a_certificate(), date.max, issuer=issuer)
    assert codes(a_certificate(), last + 2 * A_DAY, replace(PERSON, shorten=True), issuer=issuer) == []


def test_a_key_of_another_kind_is_not_the_calendars_business():
    key = ed25519.Ed25519PrivateKey.generate().public_key()

    assert (
        codes(forge(a_certificate(), public_key=key), NOW.date(), issuer=mail_authority().certificate) == []
    )
