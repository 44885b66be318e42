"""Searching by words of a name means the same on both databases, whether by an index or by looking at everybody."""

import random

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from provisioner.db import Database
from provisioner.people.models import Person
from provisioner.people.searching import indexed_words_begin, words_begin
from provisioner.vietnamese import ascii_letters, collation_key, search_key
from tests.books import on_postgresql

SYLLABLES = (
    "Nguyễn",
    "An",
    "Ánh",
    "Anh",
    "Thị",
    "Thị",
    "Đặng",
    "H'Hen",
    "Ðỗ",
    "Lê",
    "12e5x",
    "7.0",
    "L'",
    "O’Brien",
    "a-b",
)
ASKED = (
    "",
    "an",
    "AN",
    "nguyen",
    "guyen",
    "ng",
    "thi an",
    "an thi",
    "an an",
    "th a",
    "7",
    "0",
    "12e5",
    "%",
    "_",
    "'",
    "h",
    "x & y",
    "a:*",
    "đặng",
)


def fill(session: Session, chance: random.Random) -> dict[int, list[str]]:
    """People with made-up names; the words of each by id."""
    words = {}
    for number in range(1, 80):
        name = " ".join(chance.choices(SYLLABLES, k=chance.randint(2, 5)))
        session.add(
            Person(
                id=number,
                uid=f"{number:032x}",
                staff_number=f"CB{number}",
                full_name=name,
                given=name,
                name_order="family-first",
                name_confirmed=True,
                sort_key=collation_key(name),
                search_key=search_key(name),
            )
        )
        words[number] = ascii_letters(name).split()
    return words


@pytest.mark.parametrize("seed", range(3))
def test_each_word_begins_a_word_of_the_name(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    with database.transaction() as session:
        people = fill(session, chance)
    questions = [*ASKED, *(" ".join(chance.choices(SYLLABLES, k=2)) for _ in range(10))]
    ways = [lambda words: words_begin(Person.search_key, words)]
    if on_postgresql(database):
        ways.append(indexed_words_begin)

    for asked in map(ascii_letters, questions):
        expected = {
            number
            for number, words in people.items()
            if all(any(word.startswith(part) for word in words) for part in asked.split())
        }
        with database.reading() as session:
            for way in ways[: 2 if asked else 1]:
                found = session.scalars(select(Person.id).where(way(asked.split()))).all()
                assert (asked, set(found)) == (asked, expected)


def test_postgresql_finds_them_by_its_index(database: Database) -> None:
    if not on_postgresql(database):
        pytest.skip("SQLite looks at everybody")
    with database.transaction() as session:
        fill(session, random.Random(0))
        session.execute(text("SET LOCAL enable_seqscan = off"))
        question = select(Person.id).where(indexed_words_begin(["dang", "an"])).compile(session.get_bind())
        explained = session.connection().exec_driver_sql(f"EXPLAIN {question}", question.params)
        plan = "\n".join(explained.scalars())

    assert "ix_people_words" in plan


def test_guessed_names_are_found_by_their_own_index(database: Database) -> None:
    guessed = select(Person.sort_key, Person.id).where(~Person.name_confirmed)
    with database.transaction() as session:
        if on_postgresql(
            database
        ):  # nobody is in the books yet, so any way would do: one that is in order is asked for
            for other in ("seqscan", "sort", "incremental_sort"):
                session.execute(text(f"SET LOCAL enable_{other} = off"))
        question = guessed.order_by(Person.sort_key, Person.id).compile(session.get_bind())
        asked = "EXPLAIN" if on_postgresql(database) else "EXPLAIN QUERY PLAN"
        explained = session.connection().exec_driver_sql(f"{asked} {question}", question.params)
        plan = "\n".join(str(row) for row in explained)

    assert "ix_people_guessed" in plan
