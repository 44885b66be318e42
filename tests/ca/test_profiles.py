"""Profiles: valid from birth, and the shipped file is."""

from dataclasses import FrozenInstanceError, replace
from datetime import date

import pytest

from ca.errors import ProfileInvalid
from ca.profiles import load_profiles
from tests.ca.world import PROFILES_FILE, profiles

PERSON, MAIL, ROOT = profiles()["person-mail"], profiles()["mail-issuing"], profiles()["root"]


def test_the_shipped_file_has_every_profile_with_a_version_and_the_dates_of_its_rules():
    assert set(profiles()) == {
        "root",
        "mail-issuing",
        "document-issuing",
        "ocsp-responder",
        "person-mail",
        "person-mail-strict",
        "organization-mail",
        "organization-mail-strict",
        "person-document",
        "organization-document",
    }
    for name, profile in profiles().items():
        assert profile.name == name
        assert profile.version
        assert profile.rules
        assert all(isinstance(day, date) for _, day in profile.rules)


def test_a_profile_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        PERSON.days = 10_000
    with pytest.raises(TypeError):
        profiles()["person-mail"] = MAIL


@pytest.mark.parametrize(
    ("profile", "change", "code"),
    [
        (PERSON, {"days": 825}, "profile.days"),
        (PERSON, {"days": 0}, "profile.days"),
        (ROOT, {"days": 7306}, "profile.days"),
        (PERSON, {"version": ""}, "profile.unnamed"),
        (PERSON, {"policies": ()}, "profile.policies"),
        (PERSON, {"policies": ("2.23.140.1.5.3.2", "2.23.140.1.5.3.3")}, "profile.policies"),
        (PERSON, {"policies": ("2.23.140.1.5.2.2",)}, "profile.policies"),
        (PERSON, {"policies": ("2.23.140.1.5.3.1",)}, "profile.policies"),
        (MAIL, {"policies": ("2.5.29.32.0",)}, "profile.policies"),
        (MAIL, {"policies": ()}, "profile.policies"),
        (PERSON, {"own_policies": ("2.23.140.1.5.3.3",)}, "profile.own-policy"),
        (PERSON, {"own_policies": ("2.25.329800735698586629295641978511506172918",)}, "profile.oid"),
        (PERSON, {"own_policies": ("1.3.6.1.4.1.4294967295",)}, "profile.oid"),
        (PERSON, {"own_policies": ("hello",)}, "profile.oid"),
        (PERSON, {"key_usages": frozenset({"nonRepudiation"})}, "profile.key-usage"),
        (PERSON, {"key_usages": frozenset({"digitalSignature", "keyCertSign"})}, "profile.key-usage"),
        (MAIL, {"key_usages": frozenset({"keyCertSign"})}, "profile.key-usage"),
        (PERSON, {"path_length": 0}, "profile.path-length"),
        (MAIL, {"path_length": None}, "profile.path-length"),
        (MAIL, {"path_length": 1}, "profile.path-length"),
        (PERSON, {"extended_key_usages": ("clientAuth",)}, "profile.purposes"),
        (PERSON, {"extended_key_usages": ("emailProtection", "serverAuth")}, "profile.purposes"),
        (PERSON, {"extended_key_usages": ("emailProtection", "emailProtection")}, "profile.purposes"),
        (MAIL, {"extended_key_usages": ("emailProtection", "documentSigning")}, "profile.purposes"),
        (
            profiles()["person-mail-strict"],
            {"extended_key_usages": ("emailProtection", "clientAuth")},
            "profile.strict",
        ),
        (ROOT, {"policies": ("2.23.140.1.5.3.2",)}, "profile.root"),
        (ROOT, {"extended_key_usages": ("emailProtection",)}, "profile.root"),
    ],
)
def test_a_profile_that_no_rule_book_allows_cannot_be_made(profile, change, code):
    with pytest.raises(ProfileInvalid) as refused:
        replace(profile, **change)

    assert refused.value.code == code
    assert profile.name in refused.value.text.vi


def load(tmp_path, text: str):
    path = tmp_path / "profiles.toml"
    path.write_text(text, "utf-8")
    return load_profiles(path)


def test_own_policies_are_numbered_under_the_owners_arc(tmp_path):
    text = PROFILES_FILE.read_text("utf-8").replace('policy_arc = ""', 'policy_arc = "1.3.6.1.4.1.32473.1"')

    found = load(tmp_path, text)

    assert found["person-mail"].all_policies == ("2.23.140.1.5.3.2", "1.3.6.1.4.1.32473.1.1.1")
    assert set(found["person-mail"].all_policies) <= set(found["mail-issuing"].all_policies)


def test_without_an_arc_there_are_no_own_policies():
    assert PERSON.own_policies == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("not toml", "profile.file"),
        ("[x]\nversion = '1'", "profile.fields"),
        ("[x]\nversion = '1'\nkind = 'person'\ndays = 1\nkey_usages = []\nsurprise = 1", "profile.fields"),
        ("[x]\nversion = '1'\nkind = 'martian'\ndays = 1\nkey_usages = []", "profile.fields"),
        ("[x]\nversion = '1'\nkind = 'root'\ndays = 'many'\nkey_usages = []", "profile.fields"),
        ("[x]\nversion = '1'\nkind = 'root'\ndays = 1.5\nkey_usages = []", "profile.fields"),
        ("[x]\nversion = '1'\nkind = 'root'\ndays = 1\nocsp = 'no'\nkey_usages = []", "profile.fields"),
        ("x = 1", "profile.fields"),
    ],
)
def test_a_file_that_cannot_be_understood_says_so(tmp_path, text, code):
    with pytest.raises(ProfileInvalid) as refused:
        load(tmp_path, text)

    assert refused.value.code == code


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(ProfileInvalid) as refused:
        load_profiles(tmp_path / "nowhere.toml")

    assert refused.value.code == "profile.file"
