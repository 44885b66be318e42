"""The watch: what the clock sees of real servers that answer, hang and are away, and that it goes on meanwhile."""

import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from redis import Redis

from provisioner.adapters.queue import WORKER
from provisioner.parts import Name, Part, standing
from provisioner.private.process import ServerProcess, free_port
from provisioner.private.redis import PrivateRedis
from provisioner.private.slapd import PrivateSlapd
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.watch import LIMIT, Watch
from tests.ldap_server import PASSWORD
from tests.servers import frozen


@pytest.fixture
def services(
    sqlite_template: Path,
    slapd_server: PrivateSlapd,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Services]:
    """Empty books with a real directory and a real Redis."""
    shutil.copy(sqlite_template, tmp_path / "books.db")
    for name, value in {
        "DATABASE__URL": f"sqlite:///{tmp_path / 'books.db'}",
        "REDIS__URL": redis_url,
        "DIRECTORY__URL": slapd_server.start().url,
        "DIRECTORY__BIND_PASSWORD": PASSWORD.reveal(),
        "IDENTITY__KEYS": "1:" + "ab" * 32,
    }.items():
        monkeypatch.setenv(f"PROVISIONER_{name}", value)
    with closing(Services(Settings.load())) as made:
        yield made


@pytest.fixture
def watch(services: Services) -> Iterator[Watch]:
    with closing(Watch(services)) as made:
        yield made


def parts(services: Services) -> Mapping[Name, Part]:
    with services.database.reading() as session:
        return standing(session)


def failing(services: Services) -> set[Name]:
    return {name for name, part in parts(services).items() if part.failing_since is not None}


def test_who_answers_is_seen_and_who_is_not_there(services: Services, watch: Watch) -> None:
    watch.look()

    assert set(parts(services)) == {Name.DIRECTORY, Name.REDIS, Name.WORKER, Name.SIGNER}
    assert failing(services) == {Name.WORKER, Name.SIGNER}


def test_servers_that_hang_are_seen_to_fail_within_seconds_and_to_be_back(
    services: Services, watch: Watch, slapd_server: PrivateSlapd, redis_server: PrivateRedis
) -> None:
    watch.look()
    with frozen(slapd_server.pid), frozen(redis_server.pid):
        began = time.monotonic()
        watch.look()
        took = time.monotonic() - began

    assert failing(services) >= {Name.DIRECTORY, Name.REDIS}
    assert took < 5 * LIMIT
    watch.look()
    assert failing(services) == {Name.WORKER, Name.SIGNER}


def test_a_mail_server_is_looked_at_where_one_is_set(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("PROVISIONER_NOTICES__SERVER", f"smtp://127.0.0.1:{listening.getsockname()[1]}")
    with closing(Services(Settings.load())) as with_mail:
        with closing(Watch(with_mail)) as watch:
            watch.look()

        assert Name.MAIL in failing(with_mail)
        assert "127.0.0.1" in (parts(with_mail)[Name.MAIL].trouble_en or "")


@pytest.mark.parametrize(("bell", "name"), [("directory", Name.ENTRIES), ("lists", Name.LISTS)])
def test_the_beat_says_since_when_entries_and_lists_wait(
    services: Services, watch: Watch, bell: str, name: Name
) -> None:
    watch.beat([bell])
    first = parts(services)
    watch.beat(["signing", bell])

    again = parts(services)
    assert again[name].failing_since == first[name].failing_since is not None
    assert again[Name.CLOCK].looked_at > first[Name.CLOCK].looked_at
    assert failing(services) == {name}
    watch.beat(["signing"])
    assert failing(services) == set()


def test_a_worker_is_heard_of_while_it_runs_and_not_after(
    services: Services, watch: Watch, tmp_path: Path
) -> None:
    worker = ServerProcess("worker", tmp_path)

    def count(wanted: int) -> Callable[[], bool]:
        def agrees() -> bool:
            watch.look()
            return parts(services)[Name.WORKER].present == wanted

        return agrees

    worker.start([sys.executable, "-m", "jobs.worker", WORKER], environment=dict(os.environ))
    try:
        assert worker.answers_within(60, count(1))
        assert Name.WORKER not in failing(services)
    finally:
        worker.stop()
    assert count(0)()
    services.doorbell("directory")
    watch.look()
    assert (parts(services)[Name.WORKER].waiting, parts(services)[Name.SIGNER].waiting) == (1, 0)


def test_a_worker_that_died_without_a_word_is_forgotten_with_its_key(services: Services) -> None:
    with Redis.from_url(services.settings.redis.url) as redis:
        redis.sadd(f"rq:workers:{WORKER}", "rq:worker:dead", "rq:worker:alive")
        redis.hset("rq:worker:alive", "last_heartbeat", "2026-11-21T02:30:00Z")

    assert services.doorbell.queues()[WORKER].workers == 1


def test_the_clock_goes_on_ringing_while_the_directory_hangs(
    services: Services, slapd_server: PrivateSlapd, tmp_path: Path
) -> None:
    clock = ServerProcess("clock", tmp_path)
    with frozen(slapd_server.pid):
        clock.start([sys.executable, "-m", "jobs.clock"], environment=dict(os.environ))
        try:
            assert clock.answers_within(60, lambda: {Name.CLOCK, Name.DIRECTORY} <= set(parts(services)))
            assert clock.answers_within(10, lambda: services.doorbell.waiting() > 0)
            assert Name.DIRECTORY in failing(services)
        finally:
            clock.stop()


def test_a_redis_that_hangs_holds_up_whoever_rings_many_bells_once(
    services: Services, redis_server: PrivateRedis
) -> None:
    services.doorbell.version()
    with frozen(redis_server.pid):
        began = time.monotonic()
        services.doorbell("coverage", "notices", "lists", "answers", "snapshot")

    assert time.monotonic() - began < 5


def test_a_server_that_talks_nonsense_fails_and_the_look_goes_on(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer to the bind without a result (30 05 02 01 01 61 00) was seen to end ldap3 with an IndexError."""

    def talk(listening: socket.socket) -> None:
        client, _ = listening.accept()
        with client:
            client.sendall(bytes.fromhex("30050201016100"))
            client.recv(1024)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("PROVISIONER_DIRECTORY__URL", f"ldap://127.0.0.1:{listening.getsockname()[1]}")
        talking = Thread(target=talk, args=(listening,), daemon=True)
        talking.start()
        with closing(Services(Settings.load())) as elsewhere, closing(Watch(elsewhere)) as watch:
            watch.look()
            assert failing(elsewhere) == {Name.DIRECTORY, Name.WORKER, Name.SIGNER}
        talking.join(10)


def test_settings_that_cannot_be_used_are_seen_too(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVISIONER_DIRECTORY__URL", f"ldap://127.0.0.1:{free_port()}")
    with closing(Services(Settings.load())) as elsewhere:
        with closing(Watch(elsewhere)) as watch:
            watch.look()

        assert Name.DIRECTORY in failing(elsewhere)
