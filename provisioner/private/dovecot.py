"""A private Dovecot: Debian's packages with a configuration of their own, beside any Dovecot of the system."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from provisioner.errors import Text, Unavailable
from provisioner.private.process import ServerProcess, find_program


class PrivateDovecot:
    """A Dovecot on loopback. Its master starts as root and gives its rights up for the accounts of the packages."""

    def __init__(self, folder: Path, *, configuration: Path, port: int, outlives_us: bool = False) -> None:
        """Say where it lives, and at which port it answers once it serves.

        `configuration` is its dovecot.conf, which says where sockets, mail and log are;
        `provisioner.mail.configuring` renders one.
        """
        self.folder = folder.resolve()
        self.configuration = configuration
        self._port = port
        self._process = ServerProcess("dovecot", self.folder, outlives_us=outlives_us)

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def log(self) -> Path:
        return self._process.log

    def start(self) -> Self:
        """Start it, unless it runs already, and wait until it answers.

        Raises Unavailable when a package is missing or it does not start; its log says why.
        """
        if self.pid is not None:
            return self
        program = find_program("dovecot", package="dovecot-imapd")
        if not Path("/usr/lib/dovecot/modules/auth/libauthdb_ldap.so").exists():
            raise Unavailable(
                Text(
                    vi="Dovecot thiếu phần LDAP. Cài bằng: apt-get install dovecot-ldap.",
                    en="Dovecot lacks LDAP. Install it with: apt-get install dovecot-ldap.",
                ),
                code="program-missing",
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process.start([program, "-F", "-c", self.configuration], on_our_death="TERM")
        if not self._process.answers_within(15, lambda: self.pid is not None and listens(self._port)):
            raise self._process.failure()
        return self

    def stop(self) -> None:
        self._process.stop()

    def kill(self) -> None:
        """End it and its children as a power loss would."""
        if (pid := self.pid) is not None:
            os.killpg(pid, signal.SIGKILL)
        self._process.kill()

    def doveadm(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run doveadm on this server; standard output and error are text."""
        program = find_program("doveadm", package="dovecot-core")
        return subprocess.run(  # noqa: S603 - the command is ours, no shell reads it
            [program, "-c", str(self.configuration), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
