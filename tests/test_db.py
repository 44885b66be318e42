"""The books: one transaction at a time, on SQLite and on PostgreSQL alike."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from select import select as select_ready

import psycopg
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError, StatementError

from provisioner.audit import AuditEvent, Change, Who, record
from provisioner.certificates.models import Issuer
from provisioner.db import Collided, Database, after_commit, insert_many, table_of
from provisioner.errors import Misconfigured, Unavailable
from provisioner.private.process import free_port
from tests.books import NOW, Rings, count, on_postgresql


def an_issuer(label: str) -> dict[str, object]:
    return {"label": label, "certificate": b"x", "crl_number": 0}


def note(database: Database, action: str = "noted", *, at: datetime = NOW) -> None:
    with database.transaction() as session:
        record(session, Who("an"), [Change(action, "thing", "1")], now=at)


def test_a_transaction_is_kept_whole_or_not_at_all(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as session:
            record(session, Who("an"), [Change("noted", "thing", "1")], now=NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert count(database, AuditEvent) == 0

    note(database)
    assert count(database, AuditEvent) == 1


def test_what_is_written_in_a_reading_is_not_kept(database: Database) -> None:
    with database.reading() as session:
        record(session, Who("an"), [Change("noted", "thing", "1")], now=NOW)

    assert count(database, AuditEvent) == 0


def test_a_connection_that_the_server_closed_is_replaced_before_anybody_uses_it(database: Database) -> None:
    if not on_postgresql(database):
        pytest.skip("SQLite has no server")
    its_number = text("SELECT pg_backend_pid()")
    for look in (database.reading, database.glancing, database.transaction):
        with look() as session:
            before = session.scalar(its_number)
            held = session.connection().connection.driver_connection
        assert held is not None
        with psycopg.connect(database.engine.url.render_as_string(hide_password=False)) as another:
            another.execute("SELECT pg_terminate_backend(%s)", [before])
        assert select_ready([held.fileno()], [], [], 30)[0]

        with look() as session:
            assert session.scalar(its_number) != before


def test_what_was_read_can_still_be_read_afterwards(database: Database) -> None:
    note(database)

    with database.reading() as session:
        event = session.scalars(select(AuditEvent)).one()

    assert event.action == "noted"


def test_a_doorbell_rings_once_after_the_commit_and_never_for_what_failed(
    database: Database, rings: Rings
) -> None:
    with database.transaction() as session:
        after_commit(session, "directory")
        after_commit(session, "signing")
        after_commit(session, "directory")
        assert rings == []
    assert rings == ["directory", "signing"]

    def fail() -> None:
        with database.transaction() as session:
            after_commit(session, "directory")
            raise RuntimeError

    with suppress(RuntimeError):
        fail()
    with database.reading() as session:
        after_commit(session, "directory")
    assert rings == ["directory", "signing"]


def test_a_moment_comes_back_in_utc(database: Database) -> None:
    vietnam = timezone(timedelta(hours=7))

    note(database, at=datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=vietnam))

    with database.reading() as session:
        at = session.scalars(select(AuditEvent.at)).one()
    assert at == datetime(2026, 11, 21, 2, 30, 0, 123456, tzinfo=UTC)
    assert at.utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="time zone"):
        note(database, at=datetime(2026, 11, 21))  # noqa: DTZ001 - it is the mistake


def test_many_rows_come_back_with_their_ids_in_order(database: Database) -> None:
    labels = [f"ca-{n}" for n in (3, 1, 2)]

    with database.transaction() as session:
        ids = insert_many(session, table_of(Issuer), [an_issuer(label) for label in labels], key="label")

    with database.reading() as session:
        assert [session.get_one(Issuer, id_).label for id_ in ids] == labels


def test_a_mistake_of_ours_stays_what_it_is(database: Database) -> None:
    with pytest.raises(IntegrityError), database.transaction() as session:
        insert_many(session, table_of(Issuer), [an_issuer("a"), an_issuer("a")], key="label")


def test_foreign_keys_are_kept(database: Database) -> None:
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(text("INSERT INTO head_counts VALUES (4711, 'cong_chuc', '2026-01-01', 1)"))


def test_books_without_tables_are_told_with_the_remedy(tmp_path: Path, postgres_database: str) -> None:
    for url in (f"sqlite:///{tmp_path / 'empty.db'}", postgres_database):
        books = Database(url)
        with pytest.raises(Misconfigured) as refused:
            note(books)
        books.close()

        assert refused.value.code == "database-not-upgraded"
        assert "provisioner db upgrade" in refused.value.text.vi
        assert "provisioner db upgrade" in refused.value.text.en


def test_a_server_that_does_not_answer_is_unavailable_and_named() -> None:
    books = Database(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/provisioner")

    with pytest.raises(Unavailable) as refused:
        note(books)

    books.close()
    assert refused.value.code == "database-unavailable"
    assert "127.0.0.1" in refused.value.text.en
    assert "database.url" in refused.value.text.vi


def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    books = Database(f"sqlite:///{tmp_path / 'nowhere' / 'books.db'}")

    with pytest.raises(Unavailable):
        note(books)


def side_by_side(*works: Callable[[], None]) -> list[BaseException]:
    """Run these at once; what they raised."""
    raised: list[BaseException] = []

    def catch(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is handed over
            raised.append(error)

    threads = [threading.Thread(target=catch, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return raised


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_transactions_that_wait_for_each_other_one_is_told_to_try_again(database: Database) -> None:
    with database.transaction() as session:
        insert_many(session, table_of(Issuer), [an_issuer("a"), an_issuer("b")], key="label")
    meeting = threading.Barrier(2)

    def crossing(*labels: str) -> Callable[[], None]:
        def work() -> None:
            with database.transaction() as session:
                for label in labels:
                    session.execute(update(Issuer).where(Issuer.label == label).values(crl_number=1))
                    if label == labels[0]:
                        meeting.wait(timeout=20)

        return work

    raised = side_by_side(crossing("a", "b"), crossing("b", "a"))

    assert [type(error) for error in raised] == [Collided]


def test_two_writers_come_one_after_the_other(database: Database) -> None:
    with database.transaction() as session:
        insert_many(session, table_of(Issuer), [an_issuer("a")], key="label")

    def count_up() -> None:
        for _ in range(5):
            with database.transaction() as session:
                issuer = session.scalars(select(Issuer).with_for_update()).one()
                issuer.crl_number += 1

    assert side_by_side(count_up, count_up) == []

    with database.reading() as session:
        assert session.scalars(select(Issuer.crl_number)).one() == 10


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    with database.transaction() as session:
        record(session, Who("an"), [Change("noted", "thing", "1")], now=NOW)

        assert count(database, AuditEvent) == 0


def test_nobody_else_on_the_machine_reads_new_books(tmp_path: Path) -> None:
    """Nor their log, where the newest rows stand first; a file that is there keeps the rights it was given."""
    for path, rights in ((tmp_path / "new.db", 0o600), (tmp_path / "shared.db", 0o660)):
        if rights == 0o660:
            path.touch()
            path.chmod(rights)
        books = Database(f"sqlite:///{path}")
        with books.transaction() as session:
            session.execute(text("CREATE TABLE people (name TEXT)"))

        made = sorted(path.parent.glob(f"{path.name}*"))

        assert [(one.name, one.stat().st_mode & 0o777) for one in made] == [
            (f"{path.name}{ending}", rights) for ending in ("", "-shm", "-wal")
        ]
        books.close()
