"""The doctor looks whether there is room on the disks where the product writes."""

import shutil
from pathlib import Path

import pytest

from provisioner.cli import room
from tests.cli.console import Provisioner, told

ONCE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def line(provisioner: Provisioner) -> tuple[bool, str]:
    (found,) = (f for f in told(provisioner("doctor", "--json", status=1)) if f["part"] == "room")
    return found["well"], found["said"]


@ONCE
def test_a_disk_that_is_nearly_full_is_named(
    installation: Path, provisioner: Provisioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(installation).free

    monkeypatch.setattr(room, "LEAST", free // 2)
    assert line(provisioner)[0]
    monkeypatch.setattr(room, "LEAST", free * 2)
    well, said = line(provisioner)

    assert not well
    assert str(installation) in said
    assert "make room" in said
