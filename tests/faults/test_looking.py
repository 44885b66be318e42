"""What a look at the books shows while somebody writes."""

from sqlalchemy import func, select

from provisioner.audit import AuditEvent, Change, Who, record
from provisioner.db import Database
from provisioner.services import utc_now


def test_a_look_at_the_books_is_of_one_moment(database: Database) -> None:
    count = select(func.count()).select_from(AuditEvent)
    with database.reading() as session:
        before = session.scalar(count)
        with database.transaction() as other:
            record(other, Who("an"), [Change("looked", "test", "1")], now=utc_now())

        assert session.scalar(count) == before
    with database.reading() as session:
        assert session.scalar(count) == (before or 0) + 1
