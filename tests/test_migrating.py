"""Migrations make exactly the tables that the models describe, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select

from provisioner.agencies.models import Agency
from provisioner.audit import Who
from provisioner.db import Database
from provisioner.mail.timers import LEFT, UNUSED
from provisioner.mailboxes.lifecycle import lock
from provisioner.mailboxes.models import LockedBy, Mailbox
from provisioner.migrating import MIGRATIONS, differences, is_current, revision, upgrade
from provisioner.notices.models import Notice
from provisioner.notices.wording import Reason
from provisioner.requests.models import Kind, Request, State
from tests.books import LATER, NOW, TODAY
from tests.province import a_province, addresses, an_official, provide, the_mailbox


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any tables."""
    if request.param == "sqlite":
        books = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    else:
        books = Database(request.getfixturevalue("postgres_database"))
    yield books
    books.close()


def test_an_empty_database_has_no_revision(empty: Database) -> None:
    assert revision(empty) is None
    assert not is_current(empty)


def test_an_upgrade_gives_exactly_the_models(empty: Database) -> None:
    reached = upgrade(empty)

    assert revision(empty) == reached
    assert is_current(empty)
    with empty.engine.connect() as connection:
        assert differences(connection) == []


def test_upgrading_twice_is_harmless(empty: Database) -> None:
    assert upgrade(empty) == upgrade(empty)


def test_a_table_that_was_altered_by_hand_is_a_difference(empty: Database) -> None:
    upgrade(empty)

    with empty.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE people ADD COLUMN nickname VARCHAR(10)")

    with empty.engine.connect() as connection:
        assert "nickname" in repr(differences(connection))


def test_who_locked_a_mailbox_is_read_off_what_the_books_said_before(empty: Database) -> None:
    upgrade(empty)
    a_province(empty)
    provide(empty, *(an_official(f"CB{n}", f"Nguyễn Văn {n * 'A'}n") for n in range(5)))
    by_number = addresses(empty)
    for number, reason, by in (
        ("CB0", "kỷ luật", LockedBy.PERSON),
        ("CB1", UNUSED, LockedBy.UNUSED),
        ("CB2", LEFT, LockedBy.LEFT),
    ):
        with empty.transaction() as session:
            ids = [the_mailbox(empty, by_number[number]).id]
            lock(session, ids, reason=reason, who=Who("binh"), now=NOW, by=by)
    provide(empty, an_official("CB3", "Nguyễn Văn AAAn", nghi_tu=f"{NOW:%d/%m/%Y}"))
    before = locks(empty)

    go_back(empty, "0006")
    upgrade(empty)

    assert locks(empty) == before
    assert [before[by_number[f"CB{n}"]] for n in range(5)] == ["person", "unused", "left", "left", None]


def locks(database: Database) -> dict[str, LockedBy | None]:
    ids = {the_mailbox(database, address).id: address for address in addresses(database).values()}
    with database.reading() as session:
        return {ids[row.id]: row.locked_by for row in session.execute(select(Mailbox.id, Mailbox.locked_by))}


def go_back(database: Database, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.transaction() as session:
        config.attributes["connection"] = session.connection()
        command.downgrade(config, to)


def test_what_askers_heard_to_be_done_was_done_then(empty: Database) -> None:
    """What was revoked between then and the upgrade must not make it late for ever."""
    upgrade(empty)
    told, waits = (Request(uid=uid, kind=Kind.PEOPLE, state=State.APPROVED) for uid in "ab")
    with a_province(empty).transaction() as session:
        for request in (told, waits):
            request.agency_id = session.scalars(select(Agency.id).order_by(Agency.id).limit(1)).one()
            request.document_number, request.document_date, request.signer = "12/VP", TODAY, "An"
            request.rows_sealed, request.written_by, request.written_at = b"", "hoa", NOW
        session.add_all([told, waits])
        session.flush()
        about = f"request:{told.id}"
        session.add_all(
            Notice(reason=Reason.REQUEST_DONE, about=about, recipient=to, told={}, queued_at=at)
            for to, at in (("a@x.vn", LATER), ("b@x.vn", NOW))
        )

    go_back(empty, "0007")
    upgrade(empty)

    with empty.reading() as session:
        assert session.scalars(select(Request.done_at).order_by(Request.id)).all() == [NOW, None]
