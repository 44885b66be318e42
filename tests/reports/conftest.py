"""A small province in the books, once for all tests of reports: they only read it."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provisioner.agencies.reference import Reference
from provisioner.coverage.counting import cover
from provisioner.coverage.reporting import Detail
from provisioner.coverage.tallies import Coverage, Scope
from provisioner.db import Database
from provisioner.demo.province import REFERENCE
from provisioner.mailboxes.models import Mailbox
from provisioner.reports.expiring import expiring
from provisioner.reports.rows import Table, lay_out
from tests.coverage.books import Books

AT = datetime(2026, 3, 1, 5, tzinfo=UTC)
WINDOW = timedelta(days=90)
COMMUNES = 45


def a_province() -> Books:
    """Three blocs, two levels; a commune short of one of 1,234; names that a spreadsheet could take for formulas."""
    books = Books(at=AT)
    top = books.agency("H21", name="Sở Khoa học và Công nghệ", certificates=1, declared={"cong_chuc": 20})
    staff = books.people(top, 12, leaders=3, mailboxes=10, used=6, handed_over=8, certificates=4)
    books.people(books.agency("H21.9", name='=HYPERLINK("http://evil.example")', parent=top), 2)
    books.people(books.agency("H21.8", name="Trung tâm Chưa Có Gì", parent=top, mailboxes=0), 3, mailboxes=0)
    big = books.agency("H21.7", name="Ủy ban nhân dân phường Đà Lạt", level="xa", parent=top)
    books.people(big, 1234, mailboxes=1233, used=100)
    for number in range(COMMUNES):
        name = f"Ủy ban nhân dân xã Ẳng Ỵ Ộ Ữ số {number}"
        commune = books.agency(f"H21.X{number}", name=name, level="xa", parent=top)
        books.people(commune, 4, leaders=1, mailboxes=number % 5, certificates=min(1, number % 5))
    party = books.agency("H29", bloc="dang", name="Tỉnh ủy", certificates=1)
    books.people(party, 7, category="can_bo", leaders=2, certificates=2, used=7)
    books.people(
        books.agency("H31", bloc="doan_the", name="Hội Nông dân", level="xa"), 5, leaders=1, mailboxes=4
    )
    books.person(90_001)
    books.post(90_001, party, category="vien_chuc")
    books.mailbox(person_id=90_001, status="locked")
    box = next(row["id"] for row in books.rows[Mailbox] if row["person_id"] == staff[5])
    books.certificate(box, not_after=AT + timedelta(days=40))
    return books


@pytest.fixture(scope="session")
def books_url(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("reports") / "books.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    with database.transaction() as session:
        a_province().write(session)
    database.close()
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def books(books_url: str) -> Iterator[Database]:
    database = Database(books_url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def reference() -> Reference:
    return Reference.load(REFERENCE)


@pytest.fixture(scope="session")
def coverage(books: Database) -> Coverage:
    with books.reading() as session:
        return cover(session, Scope(), at=AT, used_within=WINDOW)


@pytest.fixture(scope="session")
def tables(books: Database, coverage: Coverage, reference: Reference) -> dict[Detail, Table]:
    with books.reading() as session:
        ending = expiring(session, coverage)
    return {detail: lay_out(coverage, reference, ending, detail=detail) for detail in Detail}
