"""The plan of a ceremony: read from one file, rehearsed, and rolled over to a new generation."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from ca.authority import der
from ca.ceremony import hold, load_ceremony, rehearse
from ca.ceremony_file import CeremonyInvalid
from ca.crl import crl_number
from ca.errors import KeyMissing, LintFailure, ProfileInvalid
from ca.keys import KeyKind
from tests.ca import second_opinion
from tests.ca.world import NOW, MemoryKeyStore, a_person, a_plan, a_public_key, profiles, rolled_over, world

EXAMPLE = Path(__file__).parents[2] / "config" / "ceremony.example.toml"
SHORT = 'owner = "UBND"\nprovince = "tỉnh Lâm Đồng"\ndomains = ["lamdong.gov.vn"]\nbase_url = "http://pki.gov.vn"\n'


def load(tmp_path, text: str):
    (tmp_path / "ceremony.toml").write_text(text, "utf-8")
    return load_ceremony(tmp_path / "ceremony.toml").plan


def test_the_shipped_example_is_the_plan_of_the_sample_province():
    assert load_ceremony(EXAMPLE).plan == a_plan()


def test_the_shipped_example_names_who_takes_part_and_the_file_is_known_by_its_digest():
    read = load_ceremony(EXAMPLE)

    assert len(read.occasion.participants) == 3
    assert read.occasion.participants[0].role == "Chủ trì"
    assert read.occasion.place
    assert read.sha256 == hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()


def test_a_ceremony_has_a_witness(tmp_path):
    alone = SHORT + '[[record.participants]]\nname = "An"\nposition = "Giám đốc"\nrole = "Chủ trì"\n'

    with pytest.raises(CeremonyInvalid) as refused:
        load(tmp_path, alone)

    assert refused.value.code == "ceremony.participants"


def test_the_rollover_of_the_example_works_when_its_signs_are_taken_away(tmp_path):
    head, rollover = EXAMPLE.read_text("utf-8").split("# [[issuing]]")
    text = head + "[[issuing]]" + rollover.replace("\n# ", "\n")

    assert load(tmp_path, text) == rolled_over(a_plan(), "mail")


def test_a_short_file_takes_the_usual_rest(tmp_path):
    plan = load(tmp_path, SHORT + 'key_kind = "rsa4096"\n')

    assert [issuing.name for issuing in plan.issuing] == ["mail", "document"]
    assert plan.key_kind is KeyKind.RSA4096


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("not toml", "ceremony.file"),
        ("", "ceremony.fields"),
        (SHORT + "surprise = 'x'", "ceremony.fields"),
        (SHORT + "generation = 1", "ceremony.fields"),
        (SHORT + "key_kind = 'dsa'", "ceremony.fields"),
        (SHORT.replace('["lamdong.gov.vn"]', '"lamdong.gov.vn"'), "ceremony.fields"),
        (SHORT.replace('["lamdong.gov.vn"]', "[1]"), "ceremony.fields"),
        (SHORT + "issuing = 3", "ceremony.fields"),
        (SHORT + "[[issuing]]\nname = 1", "ceremony.fields"),
        (SHORT + "[[issuing]]\nname = 'mail'", "ceremony.fields"),
        (SHORT + "record = 3", "ceremony.fields"),
        (SHORT + "[record]\nwhere = 'here'", "ceremony.fields"),
        (SHORT + "[record]\nbasis = [1]", "ceremony.fields"),
        (SHORT + "[[record.participants]]\nname = 'An'", "ceremony.fields"),
    ],
)
def test_a_file_that_describes_no_ceremony_says_so(tmp_path, text, code):
    with pytest.raises(CeremonyInvalid) as refused:
        load(tmp_path, text)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("http://pki.gov.vn", "https://pki.gov.vn"), "url.not-http"),
        (('["lamdong.gov.vn"]', "[]"), "constraint.names"),
        (('"UBND"', '"UBND  "'), "name.spaces"),
        (("\nbase_url", '\ngeneration = "first"\nbase_url'), "plan.names"),
    ],
)
def test_a_plan_that_no_certificate_could_carry_is_refused(tmp_path, change, code):
    with pytest.raises(LintFailure) as refused:
        load(tmp_path, SHORT.replace(*change))

    assert code in {finding.code for finding in refused.value.findings}


def test_two_authorities_never_share_a_label():
    plan = a_plan()

    with pytest.raises(LintFailure) as refused:
        a_plan(issuing=(*plan.issuing, plan.issuing[0]))

    assert refused.value.code == "plan.names"


def test_the_plan_tells_in_both_languages_what_it_makes():
    text = rolled_over(a_plan(), "mail").describe()

    for said in (text.vi, text.en):
        for fact in (
            "root-g1",
            "mail-g1",
            "mail-g2",
            "document-g1",
            "lamdong.gov.vn",
            "CA thư công vụ tỉnh Lâm Đồng G2",
        ):
            assert fact in said
    assert text.vi.count("không cấp mới") == text.en.count("issues nothing new") == 1


def test_a_rehearsal_shows_everything_and_keeps_nothing():
    first, second = (rehearse(a_plan(), profiles=profiles(), now=NOW) for _ in range(2))

    assert set(first.files()) == set(world()[0].files())
    assert first.root.public_key() != second.root.public_key()
    assert len(set(first.fingerprints().values())) == 3
    with pytest.raises(ProfileInvalid):
        rehearse(a_plan(), profiles={}, now=NOW)


def test_a_rollover_makes_the_new_authority_and_leaves_the_old_ones_as_they_are():
    keystore = MemoryKeyStore()
    before = hold(a_plan(), keystore, profiles=profiles(), now=NOW)
    later = NOW + timedelta(days=365 * 8)
    plan = rolled_over(a_plan(), "mail")

    after = hold(plan, keystore, profiles=profiles(), now=later, earlier=before.files())

    assert set(after.files()) - set(before.files()) == {"mail-g2.cer", "mail-g2.crl"}
    assert all(after.files()[name] == data for name, data in before.files().items())
    new, old = after.authority("mail", keystore), after.authority_labelled("mail-g1", keystore)
    assert (new.label, plan.labels("mail"), plan.label("document")) == (
        "mail-g2",
        ("mail-g1", "mail-g2"),
        "document-g1",
    )
    certificate = new.sign(new.prepare(profiles()["person-mail"], a_person(), a_public_key(), now=later))
    assert second_opinion.chain_findings(certificate, new.certificate) == []
    assert crl_number(old.sign_crl((), number=9, now=later, days=7)) == 9
    assert rolled_over(plan, "mail").label("mail") == "mail-g3"


def test_the_record_of_a_ceremony_names_every_certificate_by_its_fingerprint():
    import hashlib

    ceremony = world()[0]

    assert ceremony.fingerprints() == {
        label: hashlib.sha256(der(certificate)).hexdigest().upper()
        for label, certificate in ceremony.certificates.items()
    }
    with pytest.raises(KeyMissing):
        ceremony.authority("mail", MemoryKeyStore())
