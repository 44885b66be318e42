"""The units of systemd: one for each process of the Procfile, whole, shut in, and with no secret but its own."""

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from provisioner.settings import Settings

ROOT = Path(__file__).parents[1]
UNITS = ROOT / "config" / "systemd"
NAMES = sorted(path.name for path in UNITS.glob("*.service"))

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


def service(name: str) -> configparser.SectionProxy:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNITS / name, encoding="utf-8")
    return unit["Service"]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as on a server, with the programs of this tree."""
    folder = tmp_path / "systemd"
    shutil.copytree(UNITS, folder)
    programs = Path(sys.executable).parent
    for unit in folder.rglob("*.*"):
        if unit.is_file():
            text = unit.read_text("utf-8")
            text = text.replace("/opt/provisioner/.venv/bin", str(programs)).replace(
                "/opt/provisioner", str(ROOT)
            )
            unit.write_text(text, "utf-8")
    return folder


def analyze(installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "--no-pager", *words]
    search = {"SYSTEMD_UNIT_PATH": f"{installed}:", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=search, cwd=installed)


def test_each_process_of_the_procfile_has_its_unit_with_the_same_command() -> None:
    lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
    wanted = dict(line.split(": ", 1) for line in lines)
    found = {
        name.removeprefix("provisioner-").partition(".")[0].rstrip("@"): service(name)["ExecStart"]
        for name in NAMES
    }

    assert found == {name: f"/opt/provisioner/.venv/bin/{command}" for name, command in wanted.items()}


def test_each_process_reads_its_own_secrets_and_the_signer_is_alone() -> None:
    for name in NAMES:
        process = name.removeprefix("provisioner-").partition(".")[0].rstrip("@")
        assert service(name)["EnvironmentFile"] == f"/etc/provisioner/{process}.env"
        assert (service(name)["User"] == "provisioner-signer") is (process == "signer")
    accounts = (UNITS / "provisioner.sysusers").read_text("utf-8").splitlines()
    made = {line.split()[1] for line in accounts if line.startswith("u ")}
    assert {service(name)["User"] for name in NAMES} == made


@needs_systemd
@pytest.mark.parametrize("name", NAMES)
def test_systemd_understands_every_line(installed: Path, name: str) -> None:
    verified = analyze(installed, "verify", str(installed / name))

    ours = [line for line in verified.stderr.splitlines() if "provisioner-" in line]
    assert (ours, verified.returncode) == ([], 0)


@needs_systemd
@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_little_exposed(installed: Path, name: str) -> None:
    instance = name.replace("@.", "@1.")

    judged = analyze(installed, "security", "--offline=true", "--threshold=25", instance)

    assert judged.returncode == 0, judged.stdout[-200:]


@pytest.mark.parametrize("guide", ["production.md", "production.vi.md"])
def test_every_secret_of_the_settings_has_its_place_in_the_guide(guide: str) -> None:
    text = (ROOT / "docs" / guide).read_text("utf-8")
    sections = {name: field.annotation for name, field in Settings.model_fields.items()}
    secrets = {
        f"{section}__{name}".upper()
        for section, model in sections.items()
        if model is not None and issubclass(model, BaseModel)
        for name, field in model.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }

    assert len(secrets) > 5
    assert {secret for secret in secrets if secret not in text} == set()
