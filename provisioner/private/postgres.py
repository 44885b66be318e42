"""A private PostgreSQL, version 15 or later, for the tests: trusts whoever reaches it on loopback."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from provisioner.errors import Text, Unavailable
from provisioner.private.process import ServerProcess, find_program, free_port

OLDEST = 15
"""The first version that can order text the Vietnamese way by default (`--locale-provider=icu`)."""

_USER = "provisioner"
_LIBRARY = Path("usr/lib/postgresql")


class PrivatePostgres:
    """A PostgreSQL cluster in a folder, with Vietnamese collation (ICU `vi-VN`) as its default order.

    PostgreSQL refuses to run as root: there, the folder is handed to the account `postgres`, which must be
    able to reach it through all the folders above.
    """

    def __init__(
        self, folder: Path, port: int = 0, *, fsync: bool = False, outlives_us: bool = False
    ) -> None:
        """Say where it lives. Port 0 takes the port of the last start in this folder, or a free one.

        `fsync` off survives a crash of PostgreSQL, not a power loss: right for tests, which then run faster.
        """
        self.folder = folder
        self._cluster = folder / "cluster"
        self._port_record = folder / "postgres.port"
        self.port = port or self._last_port() or free_port()
        self._fsync = fsync
        self._user = "postgres" if os.geteuid() == 0 else None
        self._process = ServerProcess("postgres", folder, user=self._user, outlives_us=outlives_us)

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def log(self) -> Path:
        return self._process.log

    def url(self, database: str = "postgres") -> str:
        """The address of a database, for SQLAlchemy and for psycopg alike."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def start(self) -> Self:
        """Start it, unless it runs already, and wait until it takes connections; the first time, make the cluster.

        Raises Unavailable when PostgreSQL is not installed, cannot reach the folder or does not start.
        """
        if self.pid is not None:
            return self
        programs = _programs()
        self._make_folder()
        if not (self._cluster / "PG_VERSION").exists():
            self._make_cluster(programs)
        self._port_record.write_text(str(self.port))
        deadline = time.monotonic() + 30
        # After a kill -9 the backends of the killed server need a moment to notice, and until then the cluster
        # is refused to a new server: try again.
        while not self._started(programs):
            if time.monotonic() > deadline:
                raise self._process.failure()
            time.sleep(0.2)
        return self

    def stop(self) -> None:
        """Shut down at once but in order; sessions that are still open are cut (PostgreSQL's "fast" way)."""
        self._process.stop(signal.SIGINT, seconds=20)

    def kill(self) -> None:
        """End it as a crash would; `start` brings it back on the same port and recovers from its log."""
        self._process.kill()

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Make a database as a copy of `template`, which nobody may be using, and return its address."""
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove the database if it exists, and cut the sessions that still use it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _started(self, programs: Path) -> bool:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "on" if self._fsync else "off",
            "max_connections": "60",
            "shared_buffers": "32MB",
            "jit": "off",
            "timezone": "UTC",
            "lc_messages": "C",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process.start(
            [programs / "postgres", "-D", self._cluster, *options],
            on_our_death="QUIT",  # PostgreSQL's "immediate" shutdown, which takes its children along
        )
        return self._process.answers_within(30, self._answers)

    def _answers(self) -> bool:
        if self.pid is None:
            return False
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def _make_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._user is None:
            return
        try:
            pwd.getpwnam(self._user)
        except KeyError:
            raise _missing(f"no account {self._user}") from None
        shutil.chown(self.folder, self._user, self._user)
        if self._as_user(["test", "-w", str(self.folder.resolve())]).returncode != 0:
            raise Unavailable(
                Text(
                    vi=f"Tài khoản {self._user} không vào được thư mục {self.folder}: hãy chọn thư mục mà mọi "
                    "thư mục cha đều cho phép đi qua.",
                    en=f"The account {self._user} cannot reach the folder {self.folder}: choose one whose parent "
                    "folders all let it pass.",
                ),
                code="folder-unreachable",
            )

    def _make_cluster(self, programs: Path) -> None:
        made = self._as_user(
            [
                *(str(programs / "initdb"), "-D", str(self._cluster.resolve()), "-U", _USER, "-A", "trust"),
                *("-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=vi-VN"),
                *("--no-sync", "--no-instructions"),
            ]
        )
        self.log.write_bytes(made.stdout)
        if made.returncode != 0:
            shutil.rmtree(self._cluster, ignore_errors=True)
            raise self._process.failure()

    def _as_user(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        if self._user is not None:
            switch = [
                find_program("setpriv", package="util-linux"),
                "--reuid",
                self._user,
                "--regid",
                self._user,
            ]
            command = [*switch, "--init-groups", "--", *command]
        return subprocess.run(  # noqa: S603 - the command is ours, no shell reads it
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            check=False,
        )

    def _last_port(self) -> int:
        try:
            return int(self._port_record.read_text())
        except (FileNotFoundError, ValueError):
            return 0


def _programs() -> Path:
    """The folder of the newest installed version's programs, in Debian's layout or on PATH."""
    roots = [
        Path("/"),
        *(Path(entry).parents[1] for entry in os.get_exec_path() if entry.endswith("/usr/bin")),
    ]
    installed = {
        int(version.name): version / "bin"
        for root in roots
        for version in (root / _LIBRARY).glob("[0-9]*")
        if version.name.isdigit() and (version / "bin/initdb").exists()
    }
    if not installed or max(installed) < OLDEST:
        found = ", ".join(str(version) for version in sorted(installed)) or "none"
        raise _missing(f"versions in {roots[0] / _LIBRARY}: {found}")
    return installed[max(installed)]


def _missing(found: str) -> Unavailable:
    return Unavailable(
        Text(
            vi=f"Cần PostgreSQL {OLDEST} trở lên ({found}). Cài bằng: apt-get install postgresql, "
            "hoặc chạy ./run test, lệnh này tự cài.",
            en=f"PostgreSQL {OLDEST} or later is needed ({found}). Install it with: apt-get install postgresql, "
            "or use ./run test, which installs it.",
        ),
        code="program-missing",
    )
