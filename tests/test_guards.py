"""The guards around every test: no way off this machine, slow proofs only when asked for."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guards import OffMachineError

ROOT = Path(__file__).parents[1]
PLUGINS = ("cacheprovider", "randomly", "xdist", "hypothesispytest")
"""What the inner runs do without, to start sooner."""

ELSEWHERE = "192.0.2.1"
"""An address that belongs to nobody (RFC 5737)."""


def test_a_connection_off_this_machine_is_refused_before_it_is_tried() -> None:
    with socket.socket() as client, pytest.raises(OffMachineError):
        client.connect((ELSEWHERE, 80))
    with socket.socket(socket.AF_INET6) as client, pytest.raises(OffMachineError):
        client.connect_ex(("2001:db8::1", 80))


def test_a_packet_off_this_machine_is_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as client, pytest.raises(OffMachineError):
        client.sendto(b"x", (ELSEWHERE, 53))


def test_no_foreign_name_is_looked_up() -> None:
    with pytest.raises(OffMachineError):
        socket.create_connection(("mail.example.vn", 25))


def test_loopback_and_unix_sockets_are_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
        socket.create_connection(("localhost", server.getsockname()[1])).close()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Some tests under our guards: one quick, one slow."""
    (tmp_path / "conftest.py").write_text("from tests.guards import *\n")
    (tmp_path / "test_it.py").write_text(
        "import pytest, subprocess\ndef test_quick(): pass\n@pytest.mark.slow\ndef test_slow(): pass\n"
    )
    return tmp_path


def run(suite: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(suite),
    ]
    return subprocess.run(
        [*command, *(f"-pno:{plugin}" for plugin in PLUGINS), *options, str(suite)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_slow_proofs_run_only_when_asked_for(suite: Path) -> None:
    assert "1 passed, 1 deselected" in run(suite).stdout
    assert "2 passed" in run(suite, "--long").stdout


def test_a_process_left_behind_fails_the_run_even_when_it_lost_its_parent(suite: Path) -> None:
    (suite / "test_it.py").write_text(
        "import subprocess\n"
        "def test_leaves_an_orphan():\n"
        "    subprocess.run(['sh', '-c', 'sleep 3 >/dev/null 2>&1 &'], check=True)\n"
    )

    result = run(suite)

    assert result.returncode == 1
    assert "left behind" in result.stdout
    assert "sleep" in result.stdout
