"""The private slapd: ready at once, ours alone, whole after a crash, and the same without root."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from ldap3 import BASE

from ldap_schema.files import DATABASE
from provisioner.adapters.ldap import LdapDirectory
from provisioner.directory.port import Outcome, Wish
from provisioner.errors import Misconfigured, Unavailable
from provisioner.private.process import free_port
from provisioner.private.slapd import DURABILITY, Durability, Installation, PrivateSlapd
from provisioner.secret import Secret
from tests.entries import a_person
from tests.ldap_server import PASSWORD, SUFFIX, directory_on, raw, signs_in


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateSlapd]:
    with PrivateSlapd(tmp_path / "slapd", suffix=SUFFIX, service_password=PASSWORD) as server:
        yield server


def a_row(directory: LdapDirectory) -> str:
    person = a_person(directory.dit)
    assert directory.put([Wish(person)])[0].outcome is Outcome.DONE
    return person.dn


def test_from_nothing_it_answers_within_a_second(tmp_path: Path) -> None:
    started = time.monotonic()
    with PrivateSlapd(tmp_path / "slapd", suffix=SUFFIX, service_password=PASSWORD) as server:
        assert signs_in(server, server.bind_dn, PASSWORD)
        assert time.monotonic() - started < 5  # 0.15 s where nothing else runs


def test_passwords_are_in_no_argument_no_log_and_no_file_in_the_clear(server: PrivateSlapd) -> None:
    assert server.pid is not None
    places = [" ".join(psutil.Process(server.pid).cmdline()).encode()]
    places += [
        path.read_bytes()
        for path in server.folder.rglob("*")
        if path.is_file() and path.name != "config.password"
    ]

    for password in (PASSWORD, server.config_password):
        assert not any(password.reveal().encode() in place for place in places)
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((server.folder / "config.password").stat().st_mode) == 0o600


def test_only_loopback_hears_it(server: PrivateSlapd) -> None:
    assert server.pid is not None
    addresses = {
        c.laddr.ip for c in psutil.Process(server.pid).net_connections() if c.status == psutil.CONN_LISTEN
    }

    assert addresses == {"127.0.0.1"}


def test_after_a_crash_it_comes_back_on_its_port_with_its_data(server: PrivateSlapd) -> None:
    with closing(directory_on(server)) as directory:
        dn, url = a_row(directory), server.url

        server.kill()
        assert server.pid is None
        server.start()

        assert server.url == url
        assert dn in directory.read([dn])


def test_a_later_command_finds_it_running_from_the_folder_alone(server: PrivateSlapd) -> None:
    found = PrivateSlapd(server.folder, suffix=SUFFIX, service_password=PASSWORD, port=server.port)

    assert found.pid == server.pid
    assert found.start().pid == server.pid
    assert found.config_password == server.config_password


def test_a_new_password_counts_from_the_next_start(server: PrivateSlapd) -> None:
    server.stop()
    new = Secret("another long and random one")
    with PrivateSlapd(server.folder, suffix=SUFFIX, service_password=new) as again:
        assert signs_in(again, again.bind_dn, new)
        assert not signs_in(again, again.bind_dn, PASSWORD)


def test_an_index_that_came_later_finds_the_older_entries(server: PrivateSlapd) -> None:
    with closing(directory_on(server)) as directory:
        dn = a_row(directory)
    server.stop()
    (server.folder / "indexes.ldif").write_text("as an older version had them")

    with server, raw(server) as connection:
        _, _, found, _ = connection.search(SUFFIX, "(congvuWithin=H36)")

    assert [item["dn"] for item in found] == [dn]
    assert "index" not in server.log.read_text()


@pytest.mark.parametrize(
    ("durability", "flags", "no_sync"),
    [("nometasync", [b"nometasync"], None), ("stock", None, None), ("none", None, [b"TRUE"])],
)
def test_what_a_power_loss_may_cost_is_a_choice(
    tmp_path: Path, durability: Durability, flags: list[bytes] | None, no_sync: list[bytes] | None
) -> None:
    with (
        PrivateSlapd(
            tmp_path / "slapd", suffix=SUFFIX, service_password=PASSWORD, durability=durability
        ) as server,
        raw(server, dn=server.config_dn, password=server.config_password) as connection,
    ):
        _, _, found, _ = connection.search(
            DATABASE, "(objectClass=*)", BASE, attributes=["olcDbEnvFlags", "olcDbNoSync"]
        )

    assert found[0]["raw_attributes"].get("olcDbEnvFlags", []) == (flags or [])
    assert found[0]["raw_attributes"].get("olcDbNoSync", []) == (no_sync or [])
    assert set(DURABILITY) == {"nometasync", "stock", "none"}


def test_the_database_may_grow_to_four_gigabytes_and_takes_little_at_first(server: PrivateSlapd) -> None:
    data = (server.folder / "data" / "data.mdb").stat()
    with raw(server, dn=server.config_dn, password=server.config_password) as connection:
        _, _, found, _ = connection.search(DATABASE, "(objectClass=*)", BASE, attributes=["olcDbMaxSize"])

    assert found[0]["raw_attributes"]["olcDbMaxSize"] == [b"4294967296"]
    assert data.st_blocks * 512 < 1 << 20


def test_it_runs_from_an_unpacked_package_too(tmp_path: Path) -> None:
    installed = Installation.find()
    root = tmp_path / "unpacked"
    (root / "usr/sbin").mkdir(parents=True)
    (root / "usr/lib/x86_64-linux-gnu").mkdir(parents=True)
    shutil.copy(installed.program, root / "usr/sbin/slapd")
    shutil.copytree(installed.modules, root / "usr/lib/ldap", symlinks=True)
    shutil.copytree(installed.schemas, root / "etc/ldap/schema")

    with PrivateSlapd(tmp_path / "slapd", suffix=SUFFIX, service_password=PASSWORD, root=root) as server:
        assert server.pid is not None
        assert psutil.Process(server.pid).exe() == str(root / "usr/sbin/slapd")
        with closing(directory_on(server)) as directory:
            a_row(directory)
        with raw(server, dn=server.config_dn, password=server.config_password) as connection:
            _, _, found, _ = connection.search(
                "cn=module{0},cn=config", "(objectClass=*)", BASE, attributes=["*"]
            )

    assert found[0]["raw_attributes"]["olcModulePath"] == [str(root / "usr/lib/ldap").encode()]


def test_a_process_runner_can_hold_it(tmp_path: Path) -> None:
    folder, port = tmp_path / "slapd", free_port()
    (tmp_path / "password").write_text(PASSWORD.reveal() + "\n")
    command = [sys.executable, "-m", "provisioner.private.slapd", "--folder", folder, "--port", str(port)]
    command += ["--suffix", SUFFIX, "--password-file", tmp_path / "password"]
    server = PrivateSlapd(folder, suffix=SUFFIX, service_password=PASSWORD, port=port)

    process = subprocess.Popen(command)
    try:
        directory = directory_on(server)
        deadline = time.monotonic() + 20
        while True:
            try:
                assert directory.probe()
                break
            except Unavailable:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        directory.close()
        assert Path(psutil.Process(process.pid).exe()).name in {"slapd", "slapadd"}  # Debian's are one file
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_wrong_configuration_is_told_with_the_line_of_the_log(tmp_path: Path) -> None:
    folder = tmp_path / "slapd"
    server = PrivateSlapd(folder, suffix=SUFFIX, service_password=PASSWORD, max_bytes=-1)

    with pytest.raises(Unavailable, match=str(server.log)):
        server.start()

    assert server.pid is None


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        PrivateSlapd(tmp_path, suffix=SUFFIX, service_password=Secret(""))
    with pytest.raises(Misconfigured):
        PrivateSlapd(tmp_path, suffix=SUFFIX, service_password=PASSWORD, passwords={"mail": Secret("")})
