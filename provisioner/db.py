"""The books: one database, SQLite or PostgreSQL, the same code on both.

Edges open a `transaction()` to change things and `reading()` to look. What must happen
after a commit (ringing the doorbell) is said with `after_commit` and happens only then.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache, partial
from select import POLLIN, poll
from typing import Any, ClassVar

from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    Enum,
    MetaData,
    Table,
    TypeDecorator,
    create_engine,
    event,
    insert,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from provisioner.errors import Misconfigured, Text, Unavailable
from provisioner.failpoints import figure

IDLE_LIMIT = figure("PROVISIONER_IDLE_LIMIT", 60)
"""Seconds that a PostgreSQL session may do nothing in an open transaction; no honest work of ours takes nearly as long."""

MOST_VALUES = 5000
"""Values that one statement is given; PostgreSQL takes 65,535, and more than these are no faster."""

_STATEMENTS = 32
"""That a connection to SQLite keeps prepared. One that asks for a thousand values takes 0.3 MB, and each number of values is
another: with 128, the usual, planning 100,000 rows took 50 MB more."""

Ring = Callable[[str], None]
"""Rings the doorbell of a queue: `ring("directory")`. It never raises and never matters for the truth."""


class Collided(Exception):  # a fact for whoever tries again, never for a reader outside
    """Two transactions waited for one another and the database ended this one: trying again helps."""


class Base(DeclarativeBase):
    """The tables; names of constraints are fixed so that migrations can speak of them."""

    # A word of a fixed vocabulary is stored as its value and comes back as the word.
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        StrEnum: Enum(
            StrEnum, native_enum=False, length=16, values_callable=lambda words: [w.value for w in words]
        )
    }

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def table_of(model: type[Base]) -> Table:
    """The table of a model, for statements on many rows at once."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


def insert_many(session: Session, table: Table, rows: Sequence[Mapping[str, Any]], *, key: str) -> list[int]:
    """Insert these rows and return their ids, in order; `key` is a unique column whose values are ours.

    Asking for the ids afterwards keeps the insert one statement for all rows: RETURNING in the
    order of the parameters makes SQLite take them one by one.
    """
    session.execute(insert(table), rows)
    column = table.c[key]
    found = session.execute(select(column, table.c.id).where(column.in_([row[key] for row in rows])))
    ids = dict(found.all())
    return [ids[row[key]] for row in rows]


class Moment(TypeDecorator[datetime]):
    """A moment in UTC. A datetime without a time zone is a mistake and is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        # Thousands of rows of one statement share a few moments.
        return lru_cache(maxsize=64)(super().bind_processor(dialect) or (lambda value: value))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a moment needs a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Database:
    """Sessions on one engine, and the work that waits for their commits."""

    def __init__(self, url: str, *, ring: Ring = lambda _queue: None, pool_size: int = 5) -> None:
        self.engine = _engine(url, pool_size)
        self._writing = sessionmaker(self.engine.execution_options(begin="IMMEDIATE"), expire_on_commit=False)
        # PostgreSQL would let each statement see another moment: facts of before with a revision of after.
        of_one_moment = {} if self.engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        self._reading = sessionmaker(self.engine.execution_options(**of_one_moment), expire_on_commit=False)
        alone = {} if self.engine.dialect.name == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
        self._glancing = sessionmaker(self.engine.execution_options(**alone), expire_on_commit=False)
        self._ring = ring

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Commit on the way out, then ring for the work that was waiting for the commit."""
        with _translated(), self._writing() as session:
            with session.begin():
                yield session
            rings = session.info.pop("after_commit", {})
        for queue in rings:
            self._ring(queue)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent look at the books; nothing written in it is kept."""
        with _translated(), self._reading() as session, session.begin() as transaction:
            yield session
            session.expunge_all()  # what was read stays readable; a rollback would empty it
            transaction.rollback()

    @contextmanager
    def glancing(self) -> Iterator[Session]:
        """The same for a single question, which sees one moment by itself and needs no transaction around it."""
        with _translated(), self._glancing() as session:
            yield session

    def close(self) -> None:
        self.engine.dispose()


def after_commit(session: Session, queue: str) -> None:
    """Ring this queue's doorbell once, and only if, this transaction commits."""
    session.info.setdefault("after_commit", {})[queue] = None


_COLLISIONS = {"40001", "40P01"}
"""PostgreSQL's serialization_failure and deadlock_detected."""

_NO_TABLE = "42P01"
"""PostgreSQL's undefined_table."""


@contextmanager
def _translated() -> Iterator[None]:
    """A database that does not answer is `Unavailable`; a mistake of ours stays what it is.

    Books without tables are `Misconfigured`, a deadlock is `Collided`.
    """
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _COLLISIONS:
            raise Collided(str(error.orig)) from error
        if getattr(error.orig, "sqlstate", None) == _NO_TABLE or str(error.orig).startswith("no such table"):
            raise Misconfigured(
                Text(
                    vi="Cơ sở dữ liệu chưa có bảng của phiên bản này; hãy chạy «provisioner db upgrade».",
                    en="The database lacks the tables of this version; run “provisioner db upgrade”.",
                ),
                code="database-not-upgraded",
            ) from error
        if str(error.orig).startswith("file is not a database"):
            raise Misconfigured(
                Text(
                    vi="Tệp ghi ở mục cài đặt database.url không phải cơ sở dữ liệu SQLite; hãy chỉ đến tệp khác.",
                    en="The file that the setting database.url names is no SQLite database; name another one.",
                ),
                code="database-is-none",
            ) from error
        if not (error.connection_invalidated or isinstance(error, OperationalError)):
            raise
        reason = str(error.orig).strip().splitlines()[0] if error.orig else type(error).__name__
        raise Unavailable(
            Text(
                vi=f"Cơ sở dữ liệu không trả lời: {reason}. Hãy kiểm tra máy chủ cơ sở dữ liệu "
                "và mục cài đặt database.url.",
                en=f"The database does not answer: {reason}. Check the database server and the setting "
                "database.url.",
            ),
            code="database-unavailable",
        ) from error


_SQLITE_PATIENCE = 15
"""Seconds that somebody waits for another's transaction, and then once more in SQLite's own way."""

_SQLITE_PAUSE = 0.001
"""Seconds between two tries to begin one."""


def _engine(url: str, pool_size: int) -> Engine:
    if not url.startswith("sqlite"):
        # A frozen process should not hold its locks for ever: the server ends a session that idles in a transaction.
        # (Not always: PostgreSQL 15 was seen to forget the limit after an executemany, which psycopg pipelines.)
        options = f"-c idle_in_transaction_session_timeout={IDLE_LIMIT * 1000:.0f}"
        engine = create_engine(url, pool_size=pool_size, connect_args={"options": options})
        event.listen(engine, "checkin", _note_rest)
        event.listen(engine, "checkout", partial(_make_sure, engine.dialect))
        return engine
    engine = create_engine(url, connect_args={"cached_statements": _STATEMENTS})
    event.listen(engine, "do_connect", _make_file)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


_RESTED = "rested_since"

_TRUSTED = 30
"""Seconds that a connection may have rested and be used without asking: what lies between may drop one in silence."""


def _note_rest(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_RESTED] = time.monotonic()


def _make_sure(
    dialect: Dialect, connection: Any, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Ask a connection of the pool whether its server is still there, when there is any reason to doubt it.

    SQLAlchemy would ask each time, at the price of a question. A server that went away has closed the
    connection, which shows as something to be read from it although nobody asked.
    """
    rested_since = record.info.get(_RESTED)
    if rested_since is None:
        return  # it was just opened
    told = poll()
    try:
        told.register(connection.fileno(), POLLIN)
        if told.poll(0) or time.monotonic() - rested_since >= _TRUSTED:
            dialect.do_ping(connection)
    except connection.Error as error:  # as each driver offers its errors (PEP 249)
        raise InvalidatePoolError from error


def _make_file(
    _dialect: Dialect, _record: ConnectionPoolEntry, address: Sequence[str], _more: object
) -> None:
    """A new file is its owner's alone, before anything stands in it; SQLite gives its logs the same rights."""
    with suppress(OSError):  # what keeps a file from being made, SQLite says in its own words
        os.close(os.open(address[0], os.O_RDWR | os.O_CREAT, 0o600))


def _prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:
    # Transactions are begun by us: a writer takes the lock at once instead of failing half-way.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={_SQLITE_PATIENCE * 1000}",
        "foreign_keys=ON",
        "cache_size=-8192",
        "temp_store=MEMORY",
        # Pages in the log, 32 MB, before they go into the file: a roster writes the same ones again and again, and
        # with 1,000, the default, they went there as often, each time with two waits for the disk.
        "wal_autocheckpoint=8000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    kind = connection.get_execution_options().get("begin", "DEFERRED")
    if kind == "IMMEDIATE" and _begun_in_a_gap(connection.connection.cursor()):
        return
    connection.execute(text(f"BEGIN {kind}"))


def _begun_in_a_gap(cursor: Any) -> bool:
    """Begin to write as soon as nobody else does; False when somebody writes for too long.

    SQLite's own way of waiting looks again only every tenth of a second, and so never gets in beside somebody
    who writes one transaction after another, as applying a roster does.
    """
    deadline = time.monotonic() + _SQLITE_PATIENCE
    cursor.execute("PRAGMA busy_timeout=0")
    try:
        while time.monotonic() < deadline:
            try:
                cursor.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    return False
                time.sleep(_SQLITE_PAUSE)
            else:
                return True
        return False
    finally:
        cursor.execute(f"PRAGMA busy_timeout={_SQLITE_PATIENCE * 1000}")
        cursor.close()
