"""What stands is what counting everything gives, whatever was written since and however late it is."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency, HeadCount
from provisioner.certificates.foreign import valid_by_agency
from provisioner.certificates.models import Certificate, ForeignCertificate
from provisioner.coverage.counting import count, cover
from provisioner.coverage.editions import current
from provisioner.coverage.models import TOUCHED, CoverageStanding
from provisioner.coverage.placing import read_places
from provisioner.coverage.recounting import recount
from provisioner.coverage.remembering import Remembered, Span
from provisioner.coverage.snapshots import take
from provisioner.coverage.standing import standing
from provisioner.coverage.tallies import Coverage, Scope, arrange
from provisioner.days import day_of
from provisioner.db import Database
from provisioner.mailboxes.models import Mailbox
from provisioner.people.models import Post
from provisioner.reports.expiring import expiring_in
from provisioner.reports.lasting import lasts_until
from tests.books import on_postgresql
from tests.coverage.books import Books

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
WINDOW = timedelta(days=90)


@pytest.fixture
def agencies(database: Database) -> list[int]:
    """Four agencies, one below another, with people of two categories."""
    books = Books(at=AT)
    top = books.agency("H21.1", certificates=1)
    made = [top, books.agency("H21.1.1", parent=top, level="xa"), books.agency("H21.2", bloc="dang")]
    made.append(books.agency("H21.3", declared={"cong_chuc": 9}, seal=False))
    for number, agency in enumerate(made):
        books.people(agency, 5, leaders=1, used=3, handed_over=4, certificates=2)
        books.people(agency, number, category="vien_chuc", mailboxes=1)
    with database.transaction() as session:
        books.write(session)
    return made


def counted_afresh(session: Session, scope: Scope, at: datetime) -> Coverage:
    """The answer without anything that stands."""
    places = read_places(session, scope, on=day_of(at))
    tallies = count(session, places, at=at, used_within=WINDOW, narrowed=False)
    return arrange(places, tallies, scope, at=at, used_within=WINDOW)


def recounted(database: Database, at: datetime) -> int:
    with database.transaction() as session:
        return recount(session, now=at, used_within=WINDOW)


def to_be_counted(database: Database, at: datetime) -> int:
    """How many agencies do not stand at a moment."""
    with database.reading() as session:
        places = read_places(session, Scope(), on=day_of(at))
        return len(standing(session, places, at=at, used_within=WINDOW, narrowed=False)[1])


def some(session: Session, model: Any, chance: random.Random) -> int:
    key: int = chance.choice(session.scalars(select(model.id).order_by(model.id)).all())
    return key


def _writes(session: Session, chance: random.Random, at: datetime) -> list[Callable[[], Any]]:
    """Everything that the product does to what coverage counts, and what a hand at the console might."""
    moments = [None, at - timedelta(days=89, hours=23, minutes=59), at, at + timedelta(hours=1)]
    near = [at - timedelta(days=1), at + timedelta(minutes=30), at + timedelta(days=2)]
    agency = some(session, Agency, chance)
    person = session.scalars(select(Post.person_id).order_by(func.random())).first()
    mailbox, certificate = some(session, Mailbox, chance), some(session, Certificate, chance)

    def change(model: Any, key: int, **values: Any) -> Callable[[], Any]:
        return lambda: session.execute(update(model).where(model.id == key).values(**values))

    def move() -> None:
        session.execute(
            update(Post).where(Post.person_id == person, Post.until.is_(None)).values(until=day_of(at))
        )
        session.execute(
            insert(Post).values(
                person_id=person,
                agency_id=agency,
                category="can_bo",
                is_leader=True,
                since=day_of(at) + timedelta(days=chance.choice([0, 1])),
            )
        )

    def leave() -> None:
        session.execute(update(Post).where(Post.person_id == person).values(until=day_of(at)))

    return [
        move,
        leave,
        *(change(Mailbox, mailbox, **{column: chance.choice(moments)}) for column in ("handed_over_at",)),
        *(change(Mailbox, mailbox, last_used_at=moment, first_used_at=moment) for moment in moments[1:3]),
        change(Mailbox, mailbox, status=chance.choice(["active", "locked", "disabled"])),
        change(Mailbox, mailbox, closed_at=chance.choice(near)),
        change(Mailbox, mailbox, first_synced_at=chance.choice([None, *near])),
        change(Certificate, certificate, revoked_at=chance.choice([None, *near])),
        change(Certificate, certificate, replaced_at=chance.choice([None, *near])),
        change(Certificate, certificate, not_after=chance.choice(near)),
        change(Certificate, certificate, issued_at=chance.choice([None, *near])),
        change(Certificate, certificate, mailbox_id=mailbox, purpose=f"p{chance.random()}"[:16]),
        change(Agency, agency, seal=chance.choice([True, False]), legal_personality=True),
        change(Agency, agency, unit_mailbox=chance.choice([True, False])),
        change(Agency, agency, until=chance.choice([None, day_of(at), date(2020, 1, 1)])),
        change(
            Agency, agency, name=chance.choice(["Phòng A", "Phòng B"]), level=chance.choice(["tinh", "xa"])
        ),
        lambda: session.execute(
            insert(HeadCount).values(
                agency_id=agency,
                category="can_bo",
                since=date.fromordinal(chance.randint(1, 800000)),
                count=7,
            )
        ),
        lambda: session.execute(
            insert(ForeignCertificate).values(
                issuer="CN=CA",
                serial=f"{chance.random()}",
                name="?",
                not_before=at,
                not_after=chance.choice(near[1:]),
                match="certain",
                person_id=person,
                imported_at=at,
                revoked_on=chance.choice([None, day_of(at) + timedelta(days=1)]),
            )
        ),
        lambda: session.execute(delete(ForeignCertificate)),
        lambda: session.execute(delete(Certificate).where(Certificate.id == certificate)),
        lambda: session.execute(delete(HeadCount).where(HeadCount.agency_id == agency)),
        lambda: session.execute(
            insert(Certificate).values(
                mailbox_id=mailbox,
                profile="person-mail",
                purpose=f"p{chance.random()}"[:16],
                ordered_at=at,
                ordered_by="somebody",
                state="issued",
                issued_at=at,
                not_before=at,
                not_after=at + timedelta(days=1),
            )
        ),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_written_the_answer_is_that_of_counting_everything(
    database: Database, agencies: list[int], seed: int
) -> None:
    chance, at = random.Random(seed), AT
    scopes = [Scope(), Scope(agency="H21.1"), Scope(categories=frozenset({"can_bo"}))]
    for _ in range(25):
        if chance.random() < 0.4:
            recounted(database, at)
        at += timedelta(minutes=chance.choice([0, 0, 20, 60, 60 * 24]))
        with database.transaction() as session:
            chance.choice(_writes(session, chance, at))()
        with database.reading() as session:
            for scope in scopes:
                expected = counted_afresh(session, scope, at)
                assert cover(session, scope, at=at, used_within=WINDOW) == expected


def drawn(session: Session, scope: Scope, at: datetime) -> tuple[Any, ...]:
    """Everything that a board shows but the moment."""
    covered = cover(session, scope, at=at, used_within=WINDOW)
    beside = (expiring_in(session, covered), valid_by_agency(session, at=at))
    return covered.agencies, covered.below, covered.categories, beside


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_written_what_is_remembered_is_what_would_be_drawn_anew(
    database: Database, agencies: list[int], seed: int
) -> None:
    chance, at, remembered = random.Random(seed), AT, Remembered[tuple[Any, ...]]()
    scope = chance.choice([Scope(), Scope(agency="H21.1")])
    for step in range(25):
        at += timedelta(minutes=chance.choice([0, 5, 20, 60 * 24]))
        if step == 24 or chance.random() < 0.5:
            recounted(database, at)
        elif chance.random() < 0.5:
            with database.transaction() as session:
                chance.choice(_writes(session, chance, at))()
        with database.reading() as session:
            edition, until = current(session), lasts_until(session, at=at, used_within=WINDOW)
            known, anew = remembered.find(scope, edition, at=at), drawn(session, scope, at)
            assert known in (None, anew)
            if edition is not None and until is not None:
                remembered.keep(scope, Span(edition, at, until), anew)

    assert remembered.find(scope, edition, at=at) == anew


def test_nothing_is_remembered_of_what_was_touched_until_it_is_counted(
    database: Database, agencies: list[int]
) -> None:
    recounted(database, AT)
    with database.reading() as session:
        before = current(session)
    with database.transaction() as session:
        session.execute(update(Agency).where(Agency.id == agencies[0]).values(name="Tên mới"))
    with database.reading() as session:
        between = current(session)
    recounted(database, AT)
    with database.reading() as session:
        after = current(session)

    assert before is not None
    assert between is None
    assert after not in (None, before)


def test_a_picture_is_another_edition(database: Database, agencies: list[int]) -> None:
    recounted(database, AT)
    editions = set()
    for _ in range(2):
        with database.transaction() as session:
            take(session, now=AT, used_within=WINDOW)
        with database.reading() as session:
            editions.add(current(session))

    assert len(editions - {None}) == 2


def test_what_was_counted_stands_and_only_what_was_touched_is_counted_again(
    database: Database, agencies: list[int]
) -> None:
    assert to_be_counted(database, AT) == 4
    assert recounted(database, AT) == 4
    assert to_be_counted(database, AT) == 0

    with database.transaction() as session:
        session.execute(update(Mailbox).where(Mailbox.agency_id == agencies[2]).values(status="locked"))

    assert to_be_counted(database, AT) == 1
    assert recounted(database, AT) == 1
    assert recounted(database, AT) == 0


def test_a_write_that_changes_no_figure_leaves_no_mark(database: Database, agencies: list[int]) -> None:
    recounted(database, AT)

    with database.transaction() as session:
        session.execute(update(Mailbox).values(revision=Mailbox.revision + 1, status=Mailbox.status))
        session.execute(update(Certificate).values(handed_over_at=AT))
        session.execute(update(Agency).values(contact_name="Bà Hoa"))

    assert to_be_counted(database, AT) == 0


def test_nothing_stands_past_midnight_in_vietnam_nor_before_it_was_counted(
    database: Database, agencies: list[int]
) -> None:
    recounted(database, AT)

    assert to_be_counted(database, datetime(2026, 3, 2, 16, 59, tzinfo=UTC)) == 0
    assert to_be_counted(database, datetime(2026, 3, 2, 17, 0, tzinfo=UTC)) == 4
    assert to_be_counted(database, AT - timedelta(seconds=1)) == 4


def test_another_window_of_use_is_counted_anew(database: Database, agencies: list[int]) -> None:
    recounted(database, AT)

    with database.reading() as session:
        within = [
            cover(session, Scope(), at=AT, used_within=timedelta(days=days)).sums.people.used
            for days in (90, 1)
        ]

    assert within == [12, 0]


def test_whoever_commits_while_others_count_leaves_a_mark(database: Database, agencies: list[int]) -> None:
    """On PostgreSQL a change may commit between the taking of the marks and the counting."""
    if not on_postgresql(database):
        pytest.skip("SQLite has one writer at a time")
    recounted(database, AT)
    lock = update(Mailbox).where(Mailbox.agency_id == agencies[0]).values(status="locked")
    with database.engine.connect() as writer, writer.begin() as change:
        writer.execute(lock)
        recounted(database, AT)  # sees neither the change nor its mark
        change.commit()

    assert to_be_counted(database, AT) == 1
    with database.reading() as session:
        assert cover(session, Scope(), at=AT, used_within=WINDOW).sums.own.locked == 1


def test_recounting_keeps_one_row_for_each_agency_and_category(
    database: Database, agencies: list[int]
) -> None:
    recounted(database, AT)
    recounted(database, AT + timedelta(days=1))

    with database.reading() as session:
        rows = session.execute(select(CoverageStanding.agency_id, CoverageStanding.category)).all()
        marks = session.scalar(select(func.count()).select_from(TOUCHED))

    assert len(rows) == len(set(rows)) == 4 + 4 + 3  # agencies, and the categories that they have people of
    assert marks == 0


def test_both_ways_of_making_the_tables_make_the_triggers(database: Database) -> None:
    names = (
        "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE 'coverage%'"
        if on_postgresql(database)
        else "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'coverage%'"
    )
    with database.reading() as session:
        assert session.scalar(text(names)) == 18
