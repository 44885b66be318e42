"""Real servers for the tests: one of each per test process, started by the first test that asks."""

import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis

from provisioner.private.postgres import PrivatePostgres
from provisioner.private.redis import PrivateRedis
from provisioner.secret import Secret


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder that a server's own account can reach: pytest's is closed to all but its owner."""
    folder = Path(tempfile.mkdtemp(prefix="provisioner-tests-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def redis_server(server_folder: Path) -> Iterator[PrivateRedis]:
    """A Redis with a password. A test that kills it starts it again."""
    with PrivateRedis(server_folder / "redis", password=Secret(secrets.token_urlsafe(16))) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: PrivateRedis) -> str:
    """The address of an empty Redis."""
    with redis.Redis.from_url(redis_server.start().url()) as client:
        client.flushall()
    return redis_server.url()


@pytest.fixture(scope="session")
def postgres_server(server_folder: Path) -> Iterator[PrivatePostgres]:
    """A PostgreSQL without databases of ours. A test that kills it starts it again."""
    with PrivatePostgres(server_folder / "postgres") as server:
        yield server


@pytest.fixture
def postgres_database(postgres_server: PrivatePostgres) -> Iterator[str]:
    """The address of a new, empty database."""
    name = f"test_{os.getpid()}_{secrets.token_hex(4)}"
    yield postgres_server.start().create_database(name)
    postgres_server.start().drop_database(name)


def state_of(pid: int) -> str | None:
    """What a process is doing, in psutil's words; None once it is gone, also while one asks."""
    try:
        return psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return None


@contextmanager
def frozen(pid: int | None) -> Iterator[None]:
    """A server that hangs: from the first line on none of its threads does anything."""
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        deadline = time.monotonic() + 10
        while not _stands_still(
            pid
        ):  # the signal comes to a thread that runs on the other core a moment later
            assert time.monotonic() < deadline
            time.sleep(0.001)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _stands_still(pid: int) -> bool:
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in threads)
