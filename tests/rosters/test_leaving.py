"""Leaving goes the way of every row: planned, approved by another, applied; and coming back undoes it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from provisioner.certificates.staleness import stale
from provisioner.db import Database
from provisioner.mailboxes.models import Status
from provisioner.people.models import Post
from provisioner.rosters.models import Outcome, RosterRow
from tests.books import LATER, NOW, TODAY
from tests.fakes.directory import FakeDirectory
from tests.province import (
    DIT,
    NAMING,
    Row,
    a_province,
    an_official,
    apply,
    issued,
    plan_rows,
    planned,
    provide,
    synced,
    the_mailbox,
    trail,
)

ANH = "anhnt@lamdong.gov.vn"
DAY = f"{TODAY:%d/%m/%Y}"


@pytest.fixture
def books(database: Database) -> Database:
    """One official with a mailbox and a certificate, since yesterday."""
    provide(a_province(database), an_official("CB1", chung_thu="x"), now=NOW - timedelta(days=1))
    synced(database, FakeDirectory(DIT))
    issued(database)
    return database


def who_leaves(number: str = "CB1", on: str = DAY, **more: str) -> Row:
    return an_official(number, nghi_tu=on, quyet_dinh="12/QĐ-SKHCN", ngay_quyet_dinh="20/11/2026", **more)


def only_row(database: Database, row: Row) -> RosterRow:
    (found,) = plan_rows(database, planned(database, row))
    return found


def current_posts(database: Database) -> list[Post]:
    with database.reading() as session:
        return list(session.scalars(select(Post).where(Post.until.is_(None))))


def test_who_leaves_loses_the_post_and_the_mailbox_is_locked(books: Database) -> None:
    apply(books, planned(books, who_leaves()), now=LATER)

    assert current_posts(books) == []
    with books.reading() as session:
        post = session.scalars(select(Post)).one()
        assert (post.until, post.ended_by) == (TODAY, "12/QĐ-SKHCN")
    mailbox = the_mailbox(books, ANH)
    assert (mailbox.status, mailbox.closed_at) == (Status.LOCKED, None)
    assert mailbox.synced_revision < mailbox.revision
    assert [event.after["decision"] for event in trail(books, "person.left")] == ["12/QĐ-SKHCN"]
    assert len(trail(books, "mailbox.locked")) == 1


def test_the_certificate_of_who_left_is_to_be_revoked_within_a_day(books: Database) -> None:
    apply(books, planned(books, who_leaves()), now=LATER)

    with books.reading() as session:
        (found,) = stale(session, NAMING, now=LATER)
    assert found.differing == ()
    assert found.revoke_by == LATER + timedelta(days=1)


def test_leaving_twice_changes_nothing(books: Database) -> None:
    apply(books, planned(books, who_leaves()), now=LATER)

    assert only_row(books, who_leaves()).outcome is Outcome.UNCHANGED


def test_who_comes_back_is_appointed_and_let_in_again(books: Database) -> None:
    apply(books, planned(books, who_leaves()), now=LATER)

    back = only_row(books, an_official("CB1", ma_co_quan="H36.06"))
    assert back.changes is not None
    assert back.changes["status"] == ["locked", "active"]
    apply(books, back.plan_id, now=LATER)

    (post,) = current_posts(books)
    assert post.agency_id == back.facts["agency_id"]
    assert the_mailbox(books, ANH).status is Status.ACTIVE


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (who_leaves("CB9"), "leaver-unknown"),
        (who_leaves(ma_co_quan="H36.06"), "leaver-elsewhere"),
        (who_leaves(on=f"{TODAY - timedelta(days=9):%d/%m/%Y}"), "leaves-before-coming"),
        (who_leaves(on=f"{TODAY + timedelta(days=1):%d/%m/%Y}"), "leaves-later"),
        (who_leaves(on="hôm nay"), "date-malformed"),
        (who_leaves() | {"loai_dong": "đơn vị", "ma_can_bo": ""}, "unit-leaves"),
    ],
)
def test_a_leaving_that_cannot_be_is_stopped_and_says_why(books: Database, row: Row, code: str) -> None:
    found = only_row(books, row)

    assert not found.outcome.is_work
    assert code in [problem["code"] for problem in found.problems]


def test_who_wants_a_unit_to_leave_is_told_how_its_mailbox_ends(books: Database) -> None:
    found = only_row(books, who_leaves() | {"loai_dong": "đơn vị", "ma_can_bo": ""})

    (problem,) = [problem for problem in found.problems if problem["code"] == "unit-leaves"]
    assert "vô hiệu hóa" in problem["vi"]


def test_a_leaving_row_changes_nothing_else(books: Database) -> None:
    found = only_row(books, who_leaves(chuc_vu="Giám đốc", dien_thoai="0987654321"))

    assert set(found.changes or {}) == {"leaves_on", "agency_id", "status"}


def test_the_decision_behind_a_move_is_kept_with_the_post_it_ended(books: Database) -> None:
    move = an_official("CB1", ma_co_quan="H36.06", quyet_dinh="7/QĐ-UBND", ngay_quyet_dinh="19/11/2026")

    apply(books, planned(books, move), now=LATER)

    with books.reading() as session:
        posts = session.scalars(select(Post).order_by(Post.id)).all()
        assert [post.ended_by for post in posts] == ["7/QĐ-UBND", None]
