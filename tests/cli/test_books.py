"""`provisioner db`: what it prints and how it exits, as a script reads it."""

import os
import secrets
from pathlib import Path

import pytest

from tests.cli.console import Provisioner, agencies_file, roster_file, told
from tests.province import an_official

ONCE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""These commands do the same on both databases: what they call is tested on both."""

ROSTER = [
    an_official("CB1", "Nguyễn Thị Ánh", so_dinh_danh="068190000001"),
    an_official("CB2", "Lê Văn Bình", so_dinh_danh="068090000002"),
]


def sealing(provisioner: Provisioner) -> tuple[bool, str]:
    """What the doctor says of the keys; other parts are away here."""
    (line,) = (f for f in told(provisioner("doctor", "--json", status=1)) if f["part"] == "sealing")
    return line["well"], line["said"]


@ONCE
def test_reseal_brings_everything_under_the_new_key_and_the_doctor_says_so(
    installation: Path, provisioner: Provisioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    provisioner("agencies", "import", agencies_file(installation))
    provisioner("roster", "plan", roster_file(installation, ROSTER), "--by", "an")
    assert sealing(provisioner) == (True, "key 1 seals, and everything is under it")
    old, new = os.environ["PROVISIONER_IDENTITY__KEYS"], f"2:{secrets.token_hex(32)}"

    monkeypatch.setenv("PROVISIONER_IDENTITY__KEYS", f"{old},{new}")
    assert sealing(provisioner) == (True, "key 2 seals; 5 values are under key 1: «provisioner db reseal»")
    done = provisioner("db", "reseal", "--by", "quantri").stdout.splitlines()

    assert [" ".join(line.split()) for line in done] == [
        "roster_rows.identity_sealed 2 sealed anew",
        "roster_plans.file_sealed 1 sealed anew",
        "3 sealed anew with key 2, 0 left",
    ]
    monkeypatch.setenv("PROVISIONER_IDENTITY__KEYS", new)
    assert sealing(provisioner) == (True, "key 2 seals, and everything is under it")
    assert told(provisioner("db", "reseal", "--json")) == {"key": 2, "sealed": {}, "left": []}
    provisioner("roster", "result", 1, "--out", installation / "result.csv")
    assert "068190000001" in (installation / "result.csv").read_text("utf-8-sig")


@ONCE
def test_a_key_that_was_taken_away_too_early_is_missed(
    installation: Path, provisioner: Provisioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    provisioner("agencies", "import", agencies_file(installation))
    provisioner("roster", "plan", roster_file(installation, ROSTER), "--by", "an")

    monkeypatch.setenv("PROVISIONER_IDENTITY__KEYS", f"2:{secrets.token_hex(32)}")
    done = provisioner("db", "reseal", status=1).stdout

    assert "left under key 1, which is not listed" in done
    assert done.splitlines()[-1] == "0 sealed anew with key 2, 5 left"
    well, said = sealing(provisioner)
    assert (well, "key 1 is not listed" in said) == (False, True)
