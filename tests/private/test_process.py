"""Server processes: none outlives its parent unasked, none is mistaken for another program."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from provisioner.errors import Unavailable
from provisioner.private.process import ServerProcess, find_program, free_port
from tests.servers import state_of

SLEEP = [find_program("sleep", package="coreutils"), "60"]

PARENT = """
import sys, time
from pathlib import Path
from provisioner.private.process import ServerProcess
process = ServerProcess("sleep", Path(sys.argv[1]), outlives_us=sys.argv[2] == "outlives")
process.start(sys.argv[3:])
print(process.pid, flush=True)
time.sleep(60)
"""


def _start_and_kill_the_parent(folder: Path, how: str) -> int:
    command = [sys.executable, "-c", PARENT, str(folder), how, *SLEEP]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    return pid


def test_a_killed_parent_takes_its_server_along(tmp_path: Path) -> None:
    pid = _start_and_kill_the_parent(tmp_path, "dies")

    deadline = time.monotonic() + 10
    while state_of(pid) not in (None, psutil.STATUS_ZOMBIE):
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.02)


def test_a_server_of_the_demo_outlives_the_command_and_a_later_one_ends_it(tmp_path: Path) -> None:
    pid = _start_and_kill_the_parent(tmp_path, "outlives")
    later = ServerProcess("sleep", tmp_path)

    time.sleep(0.1)
    assert later.pid == pid
    later.stop()

    assert later.pid is None


def test_a_process_id_that_now_belongs_to_another_program_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEP) as stranger:
        (tmp_path / "redis.pid").write_text(f"{stranger.pid} 1\n")  # the record of a server started at tick 1
        process = ServerProcess("redis", tmp_path)

        assert process.pid is None
        process.stop()
        process.kill()

        assert stranger.poll() is None
        stranger.kill()


def test_a_server_deaf_to_polite_requests_is_ended_all_the_same(tmp_path: Path) -> None:
    process = ServerProcess("deaf", tmp_path)
    process.start(
        [
            sys.executable,
            "-c",
            "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)",
        ]
    )
    assert process.answers_within(10, lambda: process.log.read_text() == "1\n")

    process.stop(signal.SIGTERM, seconds=0.1)

    assert process.pid is None


def test_a_server_that_never_answers_is_ended_and_reported(tmp_path: Path) -> None:
    process = ServerProcess("mute", tmp_path)
    process.start(["sh", "-c", "echo no room; exec sleep 60"])

    with pytest.raises(Unavailable, match="no room"):
        process.answers_within(0.3, lambda: False)

    assert process.pid is None


def test_a_server_that_ends_at_once_is_noticed_without_waiting(tmp_path: Path) -> None:
    process = ServerProcess("gone", tmp_path)
    process.start(["sh", "-c", "exit 3"])

    assert process.answers_within(30, lambda: False) is False


def test_free_ports_lie_below_the_range_of_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert 20_000 <= free_port() < lowest


def test_the_environment_of_the_server_is_ours_with_the_additions(tmp_path: Path) -> None:
    process = ServerProcess("env", tmp_path)
    process.start(["sh", "-c", 'echo "$ADDED $PATH"; exec sleep 60'], environment={"ADDED": "yes"})
    assert process.answers_within(10, lambda: bool(process.log.read_text()))

    assert process.log.read_text() == f"yes {os.environ['PATH']}\n"
    process.stop()
