"""The directory's files on a server that somebody else set up: OpenLDAP's own tools load them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ldap_schema.dit import Dit
from ldap_schema.files import NAMES, ldif
from provisioner.directory.port import Outcome, Wish
from provisioner.private.slapd import PrivateSlapd
from tests.entries import a_person
from tests.ldap_server import PASSWORD, SUFFIX, directory_on


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateSlapd]:
    with PrivateSlapd(
        tmp_path / "slapd", suffix=SUFFIX, service_password=PASSWORD, durability="none"
    ) as server:
        yield server


def printed(name: str, *options: str) -> str:
    command = [sys.executable, "-m", "ldap_schema", "--suffix", SUFFIX, name, *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", ["acl", "indexes"])
def test_a_running_server_takes_them_again_and_works_as_before(server: PrivateSlapd, name: str) -> None:
    login = ["-x", "-H", server.url, "-D", server.config_dn, "-y", str(server.folder / "config.password")]

    subprocess.run(["ldapmodify", *login], input=printed(name), text=True, check=True, capture_output=True)

    with closing(directory_on(server)) as directory:
        assert directory.put([Wish(a_person(server.dit))])[0].outcome is Outcome.DONE


def test_every_file_is_filled_in_for_its_suffix_and_database() -> None:
    for name in NAMES:
        text = ldif(name, Dit("dc=angiang,dc=gov,dc=vn"), database="olcDatabase={2}mdb,cn=config")
        if name != "congvu":
            assert "${" not in text
            assert "angiang" in text or name in {"indexes", "modules"}
        if name in {"acl", "indexes"}:
            assert text.count("olcDatabase={2}mdb,cn=config") == 1


def test_a_wrong_suffix_is_refused() -> None:
    command = [sys.executable, "-m", "ldap_schema", "--suffix", "o=gov", "dit"]

    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
