"""What people mistype on the command line comes back as one sentence, and never as a traceback."""

from pathlib import Path

import pytest

from provisioner.cli.mishaps import as_sentence
from tests.cli.console import Provisioner, agencies_file, roster_file, told
from tests.province import an_official

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""The commands do the same on both databases: what they call is tested on both."""


@pytest.fixture
def plan(installation: Path, provisioner: Provisioner) -> int:
    """Planned by `aaa`."""
    provisioner("agencies", "import", agencies_file(installation))
    file = roster_file(installation, [an_official("CB1")])
    return int(told(provisioner("roster", "plan", file, "--by", "aaa", "--json"))["plan"])


@pytest.mark.parametrize("spelling", ["AAA", " aaa ", "Aaa\n"])
def test_another_spelling_of_the_planner_is_no_second_person(
    plan: int, provisioner: Provisioner, spelling: str
) -> None:
    assert "[two-people]" in provisioner("roster", "approve", plan, "--by", spelling, status=1).stderr


def test_a_name_is_composed_before_it_is_compared(installation: Path, provisioner: Provisioner) -> None:
    provisioner("agencies", "import", agencies_file(installation))
    file = roster_file(installation, [an_official("CB1")])
    provisioner("roster", "plan", file, "--by", "A\u0302n  Thi\u0323")

    assert "[two-people]" in provisioner("roster", "approve", 1, "--by", "Ân Thị", status=1).stderr
    assert told(provisioner("roster", "status", 1, "--json"))["planned_by"] == "ân thị"


@pytest.mark.parametrize("name", ["", "  ", "a" * 121, "aaa\u200b", "a\x00b"])
def test_what_is_no_name_does_nothing(plan: int, provisioner: Provisioner, name: str) -> None:
    for command in (("approve", plan), ("apply", plan)):
        assert "[name-unusable]" in provisioner("roster", *command, "--by", name, status=1).stderr


@pytest.mark.parametrize("command", [("roster", "status"), ("roster", "apply"), ("foreign", "note")])
@pytest.mark.parametrize("number", ["99999999999999999999999", "2147483648", "0", "-1"])
def test_a_number_that_no_row_has_is_a_mistake_of_the_call(
    provisioner: Provisioner, command: tuple[str, ...], number: str
) -> None:
    assert "is not in the range" in provisioner(*command, "--", number, status=2).stderr


def test_a_file_that_cannot_be_written_is_named(
    plan: int, provisioner: Provisioner, installation: Path
) -> None:
    gone, folder = installation / "gone" / "x.csv", installation / "folder.csv"
    folder.mkdir()

    assert f"{gone} cannot be used: there is no such file or folder." in (
        provisioner("roster", "result", plan, "--out", gone, status=1).stderr
    )
    assert "không có tệp hoặc thư mục này" in (
        provisioner("--lang", "vi", "roster", "template", "--out", gone, status=1).stderr
    )


@pytest.mark.usefixtures("installation")
def test_what_has_no_file_for_a_cause_stays_what_it_is() -> None:
    assert as_sentence(OSError(5, "Input/output error", "x.csv")) is None
    assert as_sentence(ConnectionRefusedError(111, "Connection refused")) is None


@pytest.mark.parametrize("day", ["0001-01-01", "2199-01-01"])
def test_a_day_out_of_reach_is_refused(plan: int, provisioner: Provisioner, day: str) -> None:
    assert "[day-wrong]" in provisioner("coverage", "--as-of", day, status=1).stderr


def test_a_file_that_is_no_database_is_one_sentence(
    installation: Path, provisioner: Provisioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    (installation / "letter.db").write_bytes(b"Kinh gui So Noi vu\n" * 100)
    monkeypatch.setenv("PROVISIONER_DATABASE__URL", f"sqlite:///{installation}/letter.db")

    assert "[database-is-none]" in provisioner("roster", "status", 1, status=1).stderr
    assert "[database-is-none]" in provisioner("db", "upgrade", status=1).stderr
