"""What must change in an entry of ours for it to be as the books say."""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

from ldap_schema.schema import KEPT, MANAGED, SHARED

Values = Mapping[str, tuple[bytes, ...]]


class Operation(IntEnum):
    """The numbers of RFC 4511, 4.6."""

    ADD = 0
    DELETE = 1
    REPLACE = 2


class Change(NamedTuple):
    """One modification; to replace by no values is to take the attribute away, also where there is none."""

    operation: Operation
    attribute: str
    values: tuple[bytes, ...]


def changes(wished: Values, found: Values, withdraw: Values | None = None) -> list[Change]:
    """The modifications that turn what was found into what is wished; empty when it is so already.

    Managed attributes end as wished exactly, and go when they are not wished. Of shared ones the missing values are
    added and those in `withdraw` taken away. Object classes are only ever added. Whatever else
    the entry holds is not looked at. The order of values never counts (RFC 4511, 4.1.7).

    Raises `ValueError` for a wished attribute that is none of ours.
    """
    check_names(wished)
    check_names(withdraw or {}, allowed=SHARED)
    needed: list[Change] = []
    for name in sorted(MANAGED):
        values = wished.get(name, ())
        if set(values) != set(found.get(name, ())):
            needed.append(Change(Operation.REPLACE, name, values))
    for name in sorted(SHARED):
        ours, present = set(wished.get(name, ())), set(found.get(name, ()))
        gone = (set((withdraw or {}).get(name, ())) & present) - ours
        if missing := ours - present:
            needed.append(Change(Operation.ADD, name, tuple(sorted(missing))))
        if gone:
            needed.append(Change(Operation.DELETE, name, tuple(sorted(gone))))
    for name in sorted(KEPT):
        present = {value.lower() for value in found.get(name, ())}
        if missing := {value for value in wished.get(name, ()) if value.lower() not in present}:
            needed.append(Change(Operation.ADD, name, tuple(sorted(missing))))
    return needed


def check_names(attributes: Values, *, allowed: frozenset[str] = MANAGED | SHARED | KEPT) -> None:
    """Refuse attributes that we do not set: they would be written once and never be kept true.

    Raises `ValueError` naming them.
    """
    if strange := attributes.keys() - allowed:
        raise ValueError(f"not ours to set: {', '.join(sorted(strange))}")
