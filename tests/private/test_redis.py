"""The private Redis: ours alone, findable, and gone when it should be."""

import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from provisioner.errors import Unavailable
from provisioner.private.redis import PrivateRedis
from provisioner.secret import Secret

PASSWORD = Secret('p@ss "word" \\ /?#')


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateRedis]:
    with PrivateRedis(tmp_path / "redis", password=PASSWORD) as server:
        yield server


def test_it_answers_at_its_address_and_refuses_a_visitor_without_the_password(server: PrivateRedis) -> None:
    with redis.Redis.from_url(server.url()) as client:
        assert client.ping()
    with (
        redis.Redis.from_url(f"redis://127.0.0.1:{server.port}", retry=None) as stranger,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        stranger.ping()


def test_the_password_is_in_no_argument_list_and_no_file_others_can_read(server: PrivateRedis) -> None:
    assert server.pid is not None
    assert PASSWORD.reveal() not in " ".join(psutil.Process(server.pid).cmdline())
    assert stat.S_IMODE((server.folder / "redis.conf").stat().st_mode) == 0o600


def test_it_listens_on_loopback_only(server: PrivateRedis) -> None:
    listening = psutil.Process(server.pid).net_connections("inet")

    assert {connection.laddr.ip for connection in listening if connection.status == "LISTEN"} == {"127.0.0.1"}


def test_a_full_memory_refuses_new_work_and_drops_none(server: PrivateRedis) -> None:
    with redis.Redis.from_url(server.url()) as client:
        client.set("first", "kept")
        client.config_set("maxmemory", "1")

        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("second", "refused")

        assert client.get("first") == b"kept"


def test_after_a_kill_it_comes_back_on_its_port_and_empty(server: PrivateRedis) -> None:
    with redis.Redis.from_url(server.url()) as client:
        client.set("job", "lost")
    address, first_pid = server.url(), server.pid

    server.kill()
    assert server.pid is None
    server.start()

    assert server.pid != first_pid
    with redis.Redis.from_url(address) as client:
        assert client.dbsize() == 0


def test_a_later_command_finds_the_running_server_and_can_stop_it(server: PrivateRedis) -> None:
    later = PrivateRedis(server.folder, password=PASSWORD)

    assert later.start().pid == server.pid
    assert later.url() == server.url()
    later.stop()

    assert server.pid is None


def test_a_port_in_use_is_reported_with_the_reason_from_the_log(server: PrivateRedis, tmp_path: Path) -> None:
    second = PrivateRedis(tmp_path / "second", port=server.port)

    with pytest.raises(Unavailable) as refused:
        second.start()

    assert refused.value.code == "server-not-started"
    assert "redis.log" in refused.value.text.en
    assert second.pid is None


def test_without_any_server_program_it_says_where_it_looked_and_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_args, **_options: None)

    with pytest.raises(Unavailable) as missing:
        PrivateRedis(tmp_path / "redis").start()

    assert missing.value.code == "program-missing"
    for text in (missing.value.text.vi, missing.value.text.en):
        assert "redis-server" in text
        assert "/usr/sbin" in text
        assert "apt-get install redis-server" in text
