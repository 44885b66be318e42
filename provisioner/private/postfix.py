"""A private Postfix: Debian's packages with configuration, queue and data of their own, beside any other Postfix."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from provisioner.errors import Text, Unavailable
from provisioner.private.dovecot import listens
from provisioner.private.process import ServerProcess, find_program

_MASTER = Path("/usr/lib/postfix/sbin/master")

_GUARDIAN = """trap 'kill "$master"' TERM; setsid "$@" & master=$!; wait "$master"; wait "$master" """
"""A shell that ends the master when it is told to end. The master takes on other rights for moments, and at each the
kernel forgets that it was to be told of our death; the shell keeps its own. In a session of its own the master can end
its daemons with it."""


class PrivatePostfix:
    """A Postfix on loopback. Its master has to be root; its daemons give that up for the account `postfix`."""

    def __init__(
        self,
        folder: Path,
        *,
        configuration: Path,
        queue: Path,
        data: Path,
        port: int,
        outlives_us: bool = False,
    ) -> None:
        """Say where it lives, and at which port it answers once it serves.

        `configuration` is the folder of its main.cf, which names `queue` and `data`. All folders above them must let
        the account `postfix` pass.
        """
        self.folder = folder.resolve()
        self.configuration = configuration
        self._queue = queue
        self._data = data
        self._port = port
        self._process = ServerProcess("postfix", self.folder, outlives_us=outlives_us)

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def log(self) -> Path:
        """What its start said; the mail log is where the files put it."""
        return self._process.log

    def prepare(self) -> None:
        """Give the files to its account and make the queue. Raises Unavailable when Postfix is missing or we are not root."""
        program = find_program("postfix", package="postfix")
        if os.geteuid() != 0:
            raise Unavailable(
                Text(
                    vi="Postfix chỉ khởi động được bằng quyền root.",
                    en="Postfix can only be started by root.",
                ),
                code="needs-root",
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        for file in self.configuration.iterdir():
            shutil.chown(file, group="postfix")
        self._queue.mkdir(parents=True, exist_ok=True, mode=0o755)
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.chown(self._data, "postfix", "postfix")
        checked = self._run(program, "check")
        with self.log.open("a", encoding="utf-8") as log:
            log.write(checked.stdout + checked.stderr)
        if checked.returncode != 0:
            raise self._process.failure()

    def start(self) -> Self:
        """Start it, unless it runs already, and wait until it answers.

        Raises Unavailable when it cannot be prepared or does not start; its log says why.
        """
        if self.pid is not None:
            return self
        self.prepare()
        # -d keeps it in the foreground and its output where it is.
        self._process.start(
            ["/bin/sh", "-c", _GUARDIAN, "guardian", _MASTER, "-c", self.configuration, "-d"],
            on_our_death="TERM",
        )
        if not self._process.answers_within(15, lambda: self.pid is not None and listens(self._port)):
            raise self._process.failure()
        return self

    def stop(self) -> None:
        """End it, and wait until its daemons have let go of the port."""
        self._process.stop()
        self._let_go()

    def kill(self) -> None:
        """End it and its daemons as a power loss would."""
        if self.pid is not None:
            os.killpg(int((self._queue / "pid" / "master.pid").read_text()), signal.SIGKILL)
        self._process.kill()
        self._let_go()

    def _let_go(self) -> None:
        """Wait until no daemon holds the port any more: another master could not take it."""
        deadline = time.monotonic() + 5
        while listens(self._port) and time.monotonic() < deadline:
            time.sleep(0.02)

    def flush(self) -> None:
        """Try everything that waits in the queue again, now."""
        self._run(find_program("postqueue", package="postfix"), "-f")

    def waiting(self) -> int:
        """How many messages wait in the queue."""
        listed = self._run(find_program("postqueue", package="postfix"), "-j")
        return len(listed.stdout.splitlines())

    def lookup(self, key: str, table: str) -> str:
        """What a table says of a key, such as `ldap:…/etc/aliases.cf`; empty when it says nothing."""
        return self._run(find_program("postmap", package="postfix"), "-q", key, table).stdout.strip()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - the command is ours, no shell reads it
            [program, "-c", str(self.configuration), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
