"""The proof of lists: whom the books put on each, and whom the directory finds when a mail server asks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from provisioner.lists.members import Listed


@dataclass(frozen=True, slots=True)
class ListDiffers:
    """A list whose members are not those of the books; `is_missing` when the directory does not have it at all."""

    address: str
    is_missing: bool
    absent: tuple[str, ...]
    """On the list by the books, and not found."""
    strange: tuple[str, ...]
    """Found, and not on the list by the books."""


def compare(books: Sequence[Listed], directory: Iterable[tuple[str, frozenset[str]]]) -> list[ListDiffers]:
    """Every list of these books that the directory answers otherwise, in the order of the books."""
    answered = dict(directory)
    return [
        ListDiffers(
            wanted.address,
            found is None,
            tuple(sorted(wanted.members - (found or frozenset()))),
            tuple(sorted((found or frozenset()) - wanted.members)),
        )
        for wanted in books
        if (found := answered.get(wanted.address)) != wanted.members
    ]
