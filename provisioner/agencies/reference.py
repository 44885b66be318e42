"""Reference data: levels, blocs, kinds of units and categories of staff, with their days of validity.

They are text an operator edits (`config/reference/*.toml`), because laws change them: the
district level ended on 30/06/2025 and reports of earlier years still speak of it.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self, TypeVar

from provisioner.errors import Misconfigured, Text
from provisioner.vietnamese import ascii_letters

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Term:
    """One code with its names, its days of validity (inclusive) and its legal basis."""

    code: str
    name: Text
    valid_from: date
    valid_to: date | None
    basis: str

    def valid_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Reference:
    """All terms, by code, in the order in which reports list them; and what names have for short."""

    levels: Mapping[str, Term]
    blocs: Mapping[str, Term]
    kinds: Mapping[str, Term]
    categories: Mapping[str, Term]
    shorthand: Mapping[str, str]
    """Words as `vietnamese.ascii_letters` writes them, and what they stand for in names of agencies."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the files of the folder. Raises `Misconfigured` naming the file and what is wrong."""
        return cls(
            levels=_terms(folder / "levels.toml", "level"),
            blocs=_terms(folder / "blocs.toml", "bloc"),
            kinds=_terms(folder / "unit_kinds.toml", "unit_kind"),
            categories=_terms(folder / "staff_categories.toml", "staff_category"),
            shorthand=_section(folder / "shorthand.toml", "shorthand", _shorthand),
        )

    def words(self, text: str) -> list[str]:
        """The words to find an agency by, in plain letters and spelt out: for its name and for questions alike."""
        words = (self.shorthand.get(word, word) for word in ascii_letters(text).split())
        return " ".join(words).split()


def _terms(path: Path, section: str) -> dict[str, Term]:
    return _section(path, section, lambda rows: {row["code"]: _term(row) for row in rows})


def _section(path: Path, section: str, read: Callable[[Any], T]) -> T:
    try:
        return read(tomllib.loads(path.read_text("utf-8"))[section])
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        reason = f"missing {error}" if isinstance(error, KeyError) else str(error)
        raise Misconfigured(
            Text(
                vi=f"Không dùng được dữ liệu danh mục {path}: {reason}.",
                en=f"The reference data {path} cannot be used: {reason}.",
            ),
            code="reference-wrong",
        ) from error


def _shorthand(pairs: Mapping[str, str]) -> dict[str, str]:
    return {short: ascii_letters(long) for short, long in pairs.items()}


def _term(row: Mapping[str, Any]) -> Term:
    return Term(
        code=row["code"],
        name=Text(vi=row["name_vi"], en=row["name_en"]),
        valid_from=row["valid_from"],
        valid_to=row.get("valid_to"),
        basis=row["basis"],
    )
