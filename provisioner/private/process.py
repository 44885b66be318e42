"""One server process of our own: started, found again by a later command, ended, never left behind."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from provisioner.errors import Text, Unavailable

_PAUSE = 0.02
"""Seconds between two looks at a server that is starting or ending."""


class ServerProcess:
    """A server with its log, `NAME.log`, and the record of its process, `NAME.pid`, in a folder.

    The record holds the process id and the kernel's start time of that process, so that a number which the
    kernel has since given to another program is never taken for ours.
    """

    def __init__(
        self, name: str, folder: Path, *, user: str | None = None, outlives_us: bool = False
    ) -> None:
        """Say where the process lives; nothing is started.

        `user` is the account the server runs as, for one that refuses root. With `outlives_us` the server
        goes on after this command ends (the demo); otherwise the kernel ends it when we die, even by -9.
        """
        self.name = name
        self.log = folder / f"{name}.log"
        self._record = folder / f"{name}.pid"
        self._user = user
        self._outlives_us = outlives_us
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The id of the running process, None when it is not running."""
        if self._child is not None:
            if self._child.poll() is None:
                return self._child.pid
            self._child = None
        try:
            pid, started = map(int, self._record.read_text().split())
        except (FileNotFoundError, ValueError):
            return None
        return pid if _start_time(pid) == started else None

    def start(
        self,
        arguments: Iterable[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        on_our_death: str = "KILL",
    ) -> None:
        """Start the program; `on_our_death` names the signal it gets when this process dies.

        The kernel ties that signal to the thread that starts the server: start servers from a thread that
        lasts, or say `outlives_us`.
        """
        command = [*self._prefix(on_our_death), *map(str, arguments)]
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603 - the command is ours, no shell reads it
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=None if environment is None else {**os.environ, **environment},
                start_new_session=True,  # a Ctrl-C at the terminal is ours to answer, in our order
            )
        self._record.write_text(f"{self._child.pid} {_start_time(self._child.pid) or 0}\n")

    def answers_within(self, seconds: float, answers: Callable[[], bool]) -> bool:
        """Wait until the server answers; False when it ended instead.

        Raises Unavailable when the time is over, after ending the process.
        """
        deadline = time.monotonic() + seconds
        while not answers():
            if self.pid is None:
                return False
            if time.monotonic() > deadline:
                self.kill()
                raise self.failure()
            time.sleep(_PAUSE)
        return True

    def stop(self, how: signal.Signals = signal.SIGTERM, *, seconds: float = 10) -> None:
        """Ask the process to end, and end it after `seconds` if it has not. Nothing happens when it is not running."""
        self._signal(how)
        deadline = time.monotonic() + seconds
        while self.pid is not None:
            if time.monotonic() > deadline:
                self.kill()
                return
            time.sleep(_PAUSE)
        self._record.unlink(missing_ok=True)

    def kill(self) -> None:
        """End the process as a crash would, with SIGKILL, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        while self.pid is not None:
            time.sleep(_PAUSE)
        self._record.unlink(missing_ok=True)

    def failure(self) -> Unavailable:
        """The error for a server that did not start, with the last line of its log."""
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        last = next((line.strip() for line in reversed(lines) if line.strip()), "-")
        return Unavailable(
            Text(
                vi=f"Máy chủ {self.name} không khởi động được. Dòng cuối trong {self.log}: {last}",
                en=f"The {self.name} server did not start. The last line of {self.log}: {last}",
            ),
            code="server-not-started",
        )

    def _prefix(self, on_our_death: str) -> list[str]:
        """The programs that turn into the server: setpriv changes the account and ties it to our life."""
        options: list[str] = []
        orphan_check: list[str] = []
        if self._user is not None:
            options += ["--reuid", self._user, "--regid", self._user, "--init-groups"]
        if not self._outlives_us:
            options += ["--pdeathsig", on_our_death]
            # Died before the tie was made? Then the server has another parent by now, and must not start.
            orphan_check = ["/bin/sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"', str(os.getpid())]
        if not options:
            return []
        return [find_program("setpriv", package="util-linux"), *options, "--", *orphan_check]

    def _signal(self, how: signal.Signals) -> None:
        pid = self.pid
        if pid is not None:
            os.kill(pid, how)


def find_program(name: str, *, package: str, folders: Iterable[Path] = ()) -> str:
    """The program's path: from `folders` first, then PATH, then the system's own folders.

    Raises Unavailable, saying where we looked and which Debian package brings the program.
    """
    places = [*map(str, folders), *os.get_exec_path(), "/usr/local/sbin", "/usr/sbin", "/sbin"]
    places = list(dict.fromkeys(places))
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise Unavailable(
            Text(
                vi=f"Không tìm thấy chương trình {name} (đã tìm trong {', '.join(places)}). "
                f"Cài bằng: apt-get install {package}, hoặc chạy ./run, lệnh này tự cài.",
                en=f"The program {name} was not found (looked in {', '.join(places)}). "
                f"Install it with: apt-get install {package}, or use ./run, which installs it.",
            ),
            code="program-missing",
        )
    return found


def free_port() -> int:
    """A loopback port nobody listens on, below the range the kernel gives to outgoing connections.

    A server that is ended and started again on its port then never finds it taken by a connection.
    """
    for port in random.SystemRandom().sample(range(20_000, 32_000), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Unavailable(
        Text(
            vi="Không còn cổng trống từ 20000 đến 32000 trên 127.0.0.1.",
            en="No free port between 20000 and 32000 on 127.0.0.1.",
        ),
        code="no-free-port",
    )


def _start_time(pid: int) -> int | None:
    """When the kernel started the process, in ticks since boot; None when it is gone or waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # proc(5): state is field 3, the number of threads 20, the start time 22. A zombie with threads is still dying.
    gone = fields[0] == "Z" and int(fields[17]) <= 1
    return None if gone else int(fields[19])
