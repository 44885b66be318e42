"""Lists by pages: the address bar holds where one is, and a list of 200,000 costs no more than one of fifty."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import request
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from provisioner.web.address_bar import same_page

SIZE = 50


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and the ways to its neighbours."""

    rows: Sequence[Any]
    total: int
    number: int
    pages: int
    before: str | None
    after: str | None
    is_cut: bool = False
    """Whether there are more than `total`, which are all that can be turned to."""


def page_of(
    session: Session,
    wanted: Select[*tuple[Any, ...]],
    *,
    total: int | None = None,
    is_cut: bool = False,
    most: int | None = None,
) -> Page:
    """The page of this list that the address asks for; the first one when it asks for nonsense.

    `most` ends the list there: who found so many reads no further but searches for more words.
    """
    if total is None:
        counted = wanted.order_by(None)
        if most is not None:
            counted = counted.limit(most + 1)
        total = session.scalar(select(func.count()).select_from(counted.subquery())) or 0
        if most is not None and total > most:
            is_cut, total = True, most
    number, place = _turned_to(total)
    return place(session.execute(wanted.limit(SIZE).offset((number - 1) * SIZE)).all(), is_cut=is_cut)


def page_of_few(session: Session, wanted: Select[*tuple[Any, ...]], *, most: int) -> Page | None:
    """The page of a list that has to be gone through in any case: it is counted on the way. None when it has more rows."""
    counted = wanted.add_columns(func.count().over().label("of_all"))
    rows = session.execute(counted.limit(SIZE).offset((_asked() - 1) * SIZE)).all()
    if rows:
        total = int(rows[0].of_all)
    else:  # nothing, or a page behind the last
        total = session.scalar(select(func.count()).select_from(wanted.order_by(None).subquery())) or 0
    if total > most:
        return None
    number, place = _turned_to(total)
    return place(rows) if number == _asked() else page_of(session, wanted, total=total)


def _asked() -> int:
    """The number of the page as the address has it; 1 for nonsense."""
    asked = request.args.get("page", "1")[:9]
    return int(asked) if asked.isascii() and asked.isdigit() and int(asked) > 0 else 1


def _turned_to(total: int) -> tuple[int, Callable[..., Page]]:
    """The number of the page that is shown, as there are so many, and what makes it of its rows."""
    pages = max(1, -(-total // SIZE))
    number = min(_asked(), pages)
    return number, partial(
        Page,
        total=total,
        number=number,
        pages=pages,
        before=same_page(page=number - 1) if number > 1 else None,
        after=same_page(page=number + 1) if number < pages else None,
    )
