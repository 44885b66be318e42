"""Finding people by words of their names, in any order: each word that is asked for begins a word of the name."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, String, and_, cast, literal, true
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import InstrumentedAttribute, Session

from provisioner.people.models import WORDS, Person


def named(session: Session, words: Sequence[str]) -> ColumnElement[bool]:
    """Of people: each of these words, one at least, begins a word of the name; by an index where there is one."""
    if session.connection().dialect.name == "postgresql":
        return indexed_words_begin(words)
    return words_begin(Person.search_key, words)


def words_begin(column: InstrumentedAttribute[str], words: Sequence[str]) -> ColumnElement[bool]:
    """Each of these words begins a word of a search key (`vietnamese.search_key`); every row is looked at.

    `words` are of `vietnamese.ascii_letters`.
    """
    return and_(true(), *((literal(" ") + column).contains(f" {word}", autoescape=True) for word in words))


def has_words(key: str, words: Sequence[str]) -> bool:
    """The same of one search key at hand."""
    return all(f" {word}" in f" {key}" for word in words)


def indexed_words_begin(words: Sequence[str]) -> ColumnElement[bool]:
    """The same of people, by PostgreSQL's index of their words."""
    asked = " & ".join(f"'{word}':*" for word in words)
    return WORDS.bool_op("@@")(cast(literal(asked, String), TSQUERY))
