"""The demo's processes: what each may know, and a mail server only where one is."""

import socket
import subprocess
from pathlib import Path

import pytest

from provisioner.demo.stage import Stage
from provisioner.errors import Unavailable

SERVER = "PROVISIONER_NOTICES__SERVER"
PASSPHRASE = "PROVISIONER_AUTHORITY__PASSPHRASE"


def test_only_the_signer_knows_the_passphrase(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "demo")

    assert stage.environment_of("signer")[PASSPHRASE]
    assert [stage.environment_of(name)[PASSPHRASE] for name in ("web", "worker-1", "clock")] == ["", "", ""]


def test_a_port_that_another_program_took_is_refused_and_the_next_run_takes_another(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    stage = Stage(folder)
    port = stage.web_port
    assert Stage(folder).web_port == port

    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(Unavailable, match=str(port)):
            stage.start_processes()
        again = Stage(folder)

    assert again.web_port != port
    assert again.environment["PROVISIONER_ACTIVATION__PAGE"] == f"{again.address}kich-hoat"
    assert [name for name, (process, _) in stage.processes.items() if process.pid] == []


def test_a_mail_server_is_set_once_there_is_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "demo")
    assert SERVER not in stage.environment_of("clock")

    smtp = stage.mail.facts.ports.smtp  # they are wished, and their ports remembered

    again = Stage(tmp_path / "demo")
    assert again.environment_of("clock")[SERVER] == again.environment[SERVER] == f"smtp://127.0.0.1:{smtp}"


def test_a_shell_reads_the_settings_as_the_demo_does(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "demo")
    written = stage.environment

    read = subprocess.run(  # as ./run provisioner does
        ["sh", "-c", "set -a; . ./demo.env; exec env -0"],
        cwd=tmp_path / "demo",
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert written.items() <= dict(each.split("=", 1) for each in read.split("\0") if each).items()
    assert Stage(tmp_path / "demo").environment == written


def test_a_command_on_the_demos_data_knows_a_mail_server_only_where_one_was_wished(tmp_path: Path) -> None:
    folder, known = tmp_path / "demo", tmp_path / "demo" / "demo.env"
    known.parent.mkdir()
    known.write_text(f"{SERVER}=smtp://127.0.0.1:1\n", "utf-8")  # as an older demo wrote it

    stage = Stage(folder)
    assert SERVER not in known.read_text("utf-8")

    assert stage.mail.facts.ports.smtp
    Stage(folder)
    assert SERVER in known.read_text("utf-8")
