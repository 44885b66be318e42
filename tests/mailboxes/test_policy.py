import tomllib
from datetime import date
from pathlib import Path

import pytest

from provisioner.errors import Misconfigured
from provisioner.mailboxes.policy import Ladder, NamingPolicy, Template, UnitRule, load_policy

NAMING = Path(__file__).parents[2] / "config" / "naming"
LAMDONG = (NAMING / "lamdong.toml").read_text("utf-8")


@pytest.fixture
def load(tmp_path):
    def load_text(text):
        path = tmp_path / "test.toml"
        path.write_text(text, "utf-8")
        return load_policy(path)

    return load_text


@pytest.mark.parametrize("path", sorted(NAMING.glob("*.toml")), ids=lambda path: path.stem)
def test_every_policy_we_ship_loads_and_names_its_legal_basis(path):
    policy = load_policy(path)

    assert policy.domain == f"{path.stem}.gov.vn"
    assert policy.legal_basis.startswith("Quyết định")
    assert policy.valid_from >= date(2025, 7, 1)
    assert policy.is_reserved(path.stem)


def test_a_policy_is_refused_before_its_first_day():
    policy = load_policy(NAMING / "lamdong.toml")

    policy.demand_in_force(policy.valid_from)
    with pytest.raises(Misconfigured, match="2025-07-01"):
        policy.demand_in_force(date(2025, 6, 30))


def test_only_bac_ninh_puts_identity_digits_into_addresses():
    assert [path.stem for path in NAMING.glob("*.toml") if load_policy(path).uses_identity] == ["bacninh"]


def test_the_default_policy_publishes_no_birth_date():
    templates = tomllib.loads(LAMDONG)["personal"]

    assert "birth" not in " ".join([templates["base"], *templates["duplicates"]])


@pytest.mark.parametrize(
    ("written", "instead", "mistake"),
    [
        ('"{given}{initials}{n}"]', '"{full}"]', "running number"),
        ('"{given}{initials}.{agency}", ', '"{given}{n}", ', "only the last"),
        ('base = "{given}{initials}"', 'base = "{given}{wage}"', "wage"),
        ('base = "{given}{initials}"', 'base = "{given}-{initials}"', "full stops only"),
        ('base = "{given}{initials}"', 'base = "{given"', "malformed"),
        ('base = "{given}{initials}"', 'base = ""', "full stops only"),
        ('base = "{agency}.{parent}"', 'base = "{given}.{parent}"', "given"),
        ('domains = ["lamdong.gov.vn"]', "domains = []", "domains"),
        ('domains = ["lamdong.gov.vn"]', 'domains = ["Lamdong.gov.vn"]', "domains"),
        ('domains = ["lamdong.gov.vn"]', 'domains = ["lamdong"]', "domains"),
        ("keep_existing = true", "keep_existing = 1", "keep_existing"),
        ("keep_existing = true", "", "keep_existing"),
        ("keep_existing = true", "keep_existing = true\nkeep_all = true", "keep_all"),
        ("first_number = 2", "first_number = 0", "first_number"),
        ("sub_unit = true", 'sub_unit = "yes"', "sub_unit"),
        ("sub_unit = true", 'planet = "Mars"', "planet"),
        ('levels = ["xa"]', 'levels = "xa"', "levels"),
        ("valid_from = 2025-07-01", 'valid_from = "2025"', "valid_from"),
        ('reserved = ["lamdong", "tinhlamdong"]', "reserved = [1]", "reserved"),
        ("[personal]", "[personal", "test.toml"),
    ],
)
def test_a_mistake_in_a_policy_is_named_before_anything_is_made_with_it(load, written, instead, mistake):
    assert written in LAMDONG

    with pytest.raises(Misconfigured) as refused:
        load(LAMDONG.replace(written, instead, 1))

    assert "test.toml" in refused.value.text.en
    assert "test.toml" in refused.value.text.vi
    assert mistake in refused.value.text.en


def test_the_last_rule_for_units_must_fit_every_unit(load):
    with pytest.raises(Misconfigured, match="last rule for units"):
        load(LAMDONG[: LAMDONG.rindex("[[unit]]")])


def test_a_policy_that_is_not_there_is_a_wrong_setting(tmp_path):
    with pytest.raises(Misconfigured, match="nowhere"):
        load_policy(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    "name",
    [
        "admin",
        "adm1n",
        "a.d.m.i.n",
        "adrnin",
        "ROOT",
        "r00t",
        "postmaster",
        "no-reply",
        "mailer-daemon",
        "hotro",
        "quan.tri",
    ],
)
def test_reserved_names_and_their_look_alikes_are_known(name):
    assert load_policy(NAMING / "lamdong.toml").is_reserved(name)


@pytest.mark.parametrize("name", ["adminh", "rootv", "mai", "annv", "maintp"])
def test_ordinary_names_are_not_reserved(name):
    assert not load_policy(NAMING / "lamdong.toml").is_reserved(name)


def test_a_policy_is_valid_from_birth():
    ladder = Ladder((Template("{given}{n}"),))
    units = (UnitRule(Ladder((Template("{agency}{n}"),))),)
    facts = {
        "province": "X",
        "legal_basis": "Y",
        "valid_from": date(2026, 1, 1),
        "personal": ladder,
        "units": units,
    }

    assert NamingPolicy(**facts, domains=("x.gov.vn",)).keep_existing
    with pytest.raises(Misconfigured):
        NamingPolicy(**facts, domains=("x gov vn",))
    with pytest.raises(Misconfigured):
        Ladder(())
