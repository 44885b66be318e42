"""The private PostgreSQL: Vietnamese order, separate databases, back after a crash."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from provisioner.errors import Unavailable
from provisioner.private.postgres import PrivatePostgres


@pytest.fixture
def cluster(server_folder: Path, request: pytest.FixtureRequest) -> Iterator[PrivatePostgres]:
    with PrivatePostgres(server_folder / request.node.name) as server:
        yield server


def test_it_orders_text_the_vietnamese_way_by_default(postgres_database: str) -> None:
    with psycopg.connect(postgres_database) as connection:
        rows = connection.execute(
            "SELECT w FROM unnest(%s::text[]) AS w ORDER BY w", [list("đdaáàăâ")]
        ).fetchall()

    assert "".join(row[0] for row in rows) == "aàáăâdđ"


def test_each_test_gets_a_database_of_its_own_that_is_gone_afterwards(
    postgres_server: PrivatePostgres,
) -> None:
    address = postgres_server.create_database("đơn vị/1")
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE t (n integer)")
    copy = psycopg.connect(postgres_server.create_database("copy", template="đơn vị/1"))
    assert copy.execute("SELECT count(*) FROM t").fetchone() == (0,)

    postgres_server.drop_database("copy")
    with pytest.raises(psycopg.OperationalError, match="terminating connection"):
        copy.execute("SELECT 1")
    copy.close()
    postgres_server.drop_database("đơn vị/1")

    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(address)


def test_it_listens_on_loopback_only(postgres_server: PrivatePostgres) -> None:
    server = psutil.Process(postgres_server.pid)

    assert {c.laddr.ip for c in server.net_connections("tcp") if c.status == "LISTEN"} == {"127.0.0.1"}
    assert not [c for c in server.net_connections("unix") if ".s.PGSQL" in str(c.laddr)]


def test_what_was_committed_is_there_after_a_kill_and_a_new_start(cluster: PrivatePostgres) -> None:
    address, first_pid = cluster.url(), cluster.pid
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE t AS SELECT 42 AS n")

        cluster.kill()
        assert cluster.pid is None
    cluster.start()

    assert cluster.pid != first_pid
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT n FROM t").fetchone() == (42,)
    again = PrivatePostgres(cluster.folder)
    assert (again.pid, again.url()) == (cluster.pid, cluster.url())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server under another account")
def test_root_is_told_when_the_servers_account_cannot_reach_the_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    with pytest.raises(Unavailable) as refused:
        PrivatePostgres(closed / "postgres").start()

    assert refused.value.code == "folder-unreachable"


def test_without_postgresql_it_says_where_it_looked_and_what_to_install(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioner.private.postgres._LIBRARY", Path("nowhere"))

    with pytest.raises(Unavailable) as missing:
        PrivatePostgres(server_folder / "missing").start()

    assert missing.value.code == "program-missing"
    for text in (missing.value.text.vi, missing.value.text.en):
        assert "/nowhere" in text
        assert "apt-get install postgresql" in text
