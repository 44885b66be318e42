"""Settings: a wrong one stops the start with one sentence that names it."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from provisioner.adapters.ldap_session import Address
from provisioner.app import create_app
from provisioner.connecting import database_url
from provisioner.errors import Misconfigured
from provisioner.rounds import foreign_deadlines
from provisioner.services import Services
from provisioner.settings import ROOT, Settings


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in list(os.environ):
        if variable.startswith("PROVISIONER_") and "TEST" not in variable:
            monkeypatch.delenv(variable)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An operator's own file."""
    path = tmp_path / "own.toml"
    monkeypatch.setenv("PROVISIONER_CONFIG", str(path))
    return path


def refusal() -> Misconfigured:
    with pytest.raises(Misconfigured) as refused:
        Settings.load()
    assert refused.value.code == "setting-wrong"
    return refused.value


def test_the_shipped_settings_are_enough_but_for_the_secrets() -> None:
    settings = Settings.load()

    assert settings.directory.suffix == "dc=lamdong,dc=gov,dc=vn"
    assert Services(settings).quotas == {"personal": 4 * 1024**3, "unit": 10 * 1024**3}


def test_the_shipped_address_of_the_directory_is_one() -> None:
    assert Address.parse(Settings.load().directory.url).host == "ldapi://run/slapd/ldapi"


def test_a_list_that_is_none_is_said_with_the_way_to_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISIONER_MAIL__POSTMASTERS", "[a@lamdong.gov.vn]")
    assert "mail" in refusal().text.en
    assert '["one", "other"]' in refusal().text.en

    monkeypatch.setenv("PROVISIONER_MAIL__POSTMASTERS", '["a@lamdong.gov.vn"]')
    assert Settings.load().mail.postmasters == ("a@lamdong.gov.vn",)


def test_an_own_file_goes_before_the_shipped_one_and_the_environment_before_both(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.write_text('[directory]\nchunk = 7\ntimeout = 3\n[quotas]\npersonal = "5GB"\n')
    monkeypatch.setenv("PROVISIONER_DIRECTORY__CHUNK", "9")

    settings = Settings.load()

    assert (settings.directory.chunk, settings.directory.timeout) == (9, 3.0)
    assert settings.quotas.personal == "5GB"
    assert settings.quotas.unit == "10GB"


def test_relative_places_start_at_the_top_of_the_tree(own: Path) -> None:
    own.write_text('[authority]\nfolder = "/srv/ca"\n')

    settings = Settings.load()

    assert settings.naming.policy == ROOT / "config/naming/lamdong.toml"
    assert settings.authority.folder == Path("/srv/ca")


@pytest.mark.parametrize(
    ("text", "setting", "vi", "en"),
    [
        ("[directory]\nchunk = 0", "directory.chunk", "từ 1 trở lên", "1 or more"),
        ("[directory]\ntimeout = 0", "directory.timeout", "lớn hơn 0", "more than 0"),
        ('[web]\nport = "x"', "web.port", "số nguyên", "whole number"),
        ("[web]\nport = 70000", "web.port", "65535", "65535"),
        ("[coverage]\nused_within_days = 999999999999", "coverage.used_within_days", "3650", "3650"),
        ("[timers]\nidle_days = 999999999999", "timers.idle_days", "36500", "36500"),
        ("[deadlines]\nrequest = 0", "deadlines.request", "từ 1 trở lên", "1 or more"),
        ("[deadlines]\nsettle_recovery = 1.5", "deadlines.settle_recovery", "số nguyên", "whole number"),
        ("[deadlines]\nreturn_device = 1000", "deadlines.return_device", "60", "60"),
        ("[deadlines]\nrenewal_days_left = []", "deadlines.renewal_days_left", "số nguyên", "whole number"),
        ('[directory]\nchnk = "1"', "directory.chnk", "không có mục", "no such setting"),
        ("[directry]\nchunk = 1", "directry", "không có mục", "no such setting"),
        ('[directory]\nsuffix = "ou=Lâm Đồng"', "directory.suffix", "dạng", "form"),
        ('[directory]\nurl = "http://ldap"', "directory.url", "dạng", "form"),
        ('[redis]\nurl = "localhost"', "redis.url", "dạng", "form"),
        ('[authority]\nbase_url = "https://pki"', "authority.base_url", "dạng", "form"),
        ('[authority]\nowner = ""', "authority.owner", "trống", "empty"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence(
    own: Path, text: str, setting: str, vi: str, en: str
) -> None:
    own.write_text(text)

    told = refusal().text

    for sentence, says in ((told.vi, vi), (told.en, en)):
        assert setting in sentence
        assert says in sentence
        assert "\n" not in sentence


def test_a_setting_in_the_environment_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISIONER_DIRECTRY__URL", "ldapi:///")
    assert "PROVISIONER_DIRECTRY__URL" in refusal().text.en
    monkeypatch.delenv("PROVISIONER_DIRECTRY__URL")

    monkeypatch.setenv("PROVISIONER_DIRECTORY__BIND_PASSWRD", "x")
    assert "directory.bind_passwrd" in refusal().text.en


def test_a_file_that_is_not_there_or_no_toml_is_refused(own: Path) -> None:
    assert "does not exist" in refusal().text.en

    own.write_text("directory = [")
    assert str(own) in refusal().text.en


@pytest.mark.parametrize(
    ("secret", "variable"),
    [
        ("bind_password", "PROVISIONER_DIRECTORY__BIND_PASSWORD"),
        ("passphrase", "PROVISIONER_AUTHORITY__PASSPHRASE"),
        ("sealing_keys", "PROVISIONER_IDENTITY__KEYS"),
    ],
)
def test_a_missing_secret_is_named_with_its_variable(
    secret: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Misconfigured) as refused:
        getattr(Settings.load(), secret)()
    assert variable in refused.value.text.vi
    assert variable in refused.value.text.en

    monkeypatch.setenv(variable, "s3cret")
    assert getattr(Settings.load(), secret)().reveal() == "s3cret"


def test_secrets_do_not_show_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISIONER_IDENTITY__KEYS", "s3cret")
    monkeypatch.setenv("PROVISIONER_AUTHORITY__CHUNK", "0")

    assert "s3cret" not in repr(refusal().__context__)
    monkeypatch.delenv("PROVISIONER_AUTHORITY__CHUNK")
    assert "s3cret" not in repr(Settings.load())


def test_deadlines_for_certificates_of_other_authorities_are_those_that_are_set(own: Path) -> None:
    own.write_text("[deadlines]\nrenewal_days_left = 30\nsettle_recovery = 2\nreturn_device = 10\n")

    found = foreign_deadlines(Services(Settings.load()))

    assert (found.renewal_left, found.return_within) == (timedelta(days=30), 10)
    assert found.settled_within == {"change": 3, "renewal": 3, "recovery": 2}
    assert not found.calendar.is_working_day(date(2026, 9, 2))


def test_a_quota_without_a_unit_is_named_with_its_setting(own: Path) -> None:
    own.write_text('[quotas]\nunit = "10"\n')

    with pytest.raises(Misconfigured) as refused:
        _ = Services(Settings.load()).quotas

    assert "quotas.unit" in refused.value.text.en
    assert "quotas.unit" in refused.value.text.vi


def test_the_address_of_the_database_is_absolute_or_refused(own: Path, tmp_path: Path) -> None:
    own.touch()
    assert database_url(Settings.load()) == f"sqlite:///{ROOT}/var/provisioner.db"

    own.write_text(f'[database]\nurl = "sqlite:///{tmp_path}/a.db"\n')
    assert database_url(Settings.load()) == f"sqlite:///{tmp_path}/a.db"

    own.write_text('[database]\nurl = "mysql://"\n')
    with pytest.raises(Misconfigured) as refused:
        database_url(Settings.load())
    assert "database.url" in refused.value.text.en


def test_settings_do_not_change_while_a_process_runs() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().directory.chunk = 1  # type: ignore[misc]


@pytest.fixture
def usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISIONER_IDENTITY__KEYS", "1:" + "ab" * 32)


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("QUOTAS__PERSONAL", "0", "quotas.personal"),
        ("IDENTITY__KEYS", "abc", "identity.keys"),
        ("IDENTITY__KEYS", "", "identity.keys"),
        ("NAMING__POLICY", "/nowhere.toml", "nowhere.toml"),
        ("REFERENCE__FOLDER", "/nowhere", "/nowhere"),
        ("MAIL__MESSAGE_SIZE", "much", "mail.message_size"),
        ("ACTIVATION__PASSWORDS", "/nowhere.toml", "nowhere.toml"),
        ("DATABASE__URL", "mysql://", "database.url"),
    ],
)
@pytest.mark.usefixtures("usable")
def test_what_cannot_be_made_of_the_settings_stops_the_start(
    variable: str, value: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"PROVISIONER_{variable}", value)

    with pytest.raises(Misconfigured, match=named):
        create_app(Services(Settings.load()))


@pytest.mark.usefixtures("usable")
@pytest.mark.parametrize("process", [["jobs.worker", "worker"], ["jobs.clock"]])
def test_no_process_starts_with_settings_that_cannot_be_used(
    process: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVISIONER_QUOTAS__PERSONAL", "0")

    ended = subprocess.run(
        [sys.executable, "-m", *process], check=False, capture_output=True, text=True, timeout=60
    )

    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "quotas.personal" in ended.stderr


@pytest.mark.usefixtures("usable")
def test_a_naming_policy_is_not_used_before_its_first_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "config" / "naming" / "lamdong.toml").read_text("utf-8")
    policy = tmp_path / "policy.toml"
    policy.write_text(text.replace("2025-07-01", "2030-01-01"), "utf-8")
    monkeypatch.setenv("PROVISIONER_NAMING__POLICY", str(policy))
    eve, first_day = (datetime(2029, 12, 31, hour, tzinfo=UTC) for hour in (16, 17))

    with pytest.raises(Misconfigured, match="2030-01-01"):
        Services(Settings.load(), clock=lambda: eve).checked()
    Services(Settings.load(), clock=lambda: first_day).checked()
