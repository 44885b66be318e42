"""The command line as an operator uses it: a whole installation of its own, and one function to call it with."""

import json
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from provisioner.adapters.ldap import LdapDirectory
from provisioner.cli import main
from provisioner.private.process import free_port
from provisioner.private.slapd import PrivateSlapd
from tests.ldap_server import PASSWORD, SUFFIX
from tests.province import AGENCIES, Row, a_roster_of, an_agency_list
from tests.rosters.files import csv_text

Provisioner = Callable[..., Result]
"""`provisioner("roster", "status", "1")` runs that command and asks for exit status 0, unless told otherwise."""


@pytest.fixture
def installation(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty books, no authority yet, no Redis; the folder for files."""
    settings = {
        "DATABASE__URL": database_url,
        "AUTHORITY__FOLDER": str(tmp_path / "authority"),
        "AUTHORITY__PASSPHRASE": secrets.token_hex(16),
        "IDENTITY__KEYS": f"1:{secrets.token_hex(32)}",
        "REDIS__URL": f"redis://127.0.0.1:{free_port()}/0",
        "DIRECTORY__SUFFIX": SUFFIX,
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"PROVISIONER_{name}", value)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture
def with_slapd(
    installation: Path,
    slapd_server: PrivateSlapd,
    ldap_directory: LdapDirectory,
    monkeypatch: pytest.MonkeyPatch,
) -> LdapDirectory:
    """The same installation with an empty directory on a real slapd."""
    monkeypatch.setenv("PROVISIONER_DIRECTORY__URL", slapd_server.url)
    monkeypatch.setenv("PROVISIONER_DIRECTORY__BIND_PASSWORD", PASSWORD.reveal())
    return ldap_directory


@pytest.fixture
def provisioner(installation: Path) -> Provisioner:
    def call(*arguments: object, status: int = 0) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, result.output
        return result

    return call


def told(result: Result) -> Any:
    """What a program reads of it."""
    return json.loads(result.stdout)


def agencies_file(folder: Path, *rows: Row) -> Path:
    path = folder / "agencies.csv"
    path.write_bytes(an_agency_list(*(rows or AGENCIES)))
    return path


def roster_file(folder: Path, rows: Sequence[Row], *, name: str = "roster.csv") -> Path:
    path = folder / name
    path.write_text(csv_text(a_roster_of(*rows)), "utf-8")
    return path
