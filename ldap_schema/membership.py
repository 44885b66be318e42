"""Whom a list is about, as LDAP URLs (RFC 4516) that a mail server can follow: the only code that makes them.

The list of a sub-tree asks for the agency's own people and for the lists of the agencies right below it, which ask on:
Postfix takes time that grows with the square of what one question yields, four minutes for 60,000 at once.
"""

import re
from typing import Final

from ldap_schema.dit import Dit

PARTS: Final = "nhom.invalid"
"""Where lists have the addresses by which other lists hold them. No mail has such an address (RFC 6761, 6.4): what is still
there once lists are expanded is a list without members, and is thrown away."""

_VALUE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Codes of agencies and blocs: nothing in them has to be escaped (RFC 4515, 3; RFC 4516, 2.1)."""

_RECEIVING = "(congvuKind=personal)(|(congvuStatus=active)(congvuStatus=locked))"
"""Members are people, as long as their mailboxes receive."""


def own_people(code: str, dit: Dit) -> str:
    """The people of this agency without those of agencies below it. Raises `ValueError` for what is no code."""
    # Who left keeps the code of the last agency, but is within none.
    return _people(f"(congvuAgencyCode={_checked(code)})(congvuWithin={code})", dit)


def leaders_of_agency(code: str, dit: Dit) -> str:
    """The leaders of this agency and of all below it. Raises `ValueError` for what is no code."""
    return _people(f"(congvuLeader=TRUE)(congvuWithin={_checked(code)})", dit)


def leaders_of_bloc(bloc: str, dit: Dit) -> str:
    """The leaders of all agencies of this bloc. Raises `ValueError` for what is no code."""
    return _people(f"(congvuLeader=TRUE)(congvuBloc={_checked(bloc)})", dit)


def parts(of: str, dit: Dit) -> str:
    """The lists that are a part of something: of an agency's list, or of a bloc's. Raises `ValueError` for no code."""
    return f"ldap:///{dit.groups}?congvuPart?one?(congvuPartOf={_checked(of)})"


def _people(condition: str, dit: Dit) -> str:
    return f"ldap:///{dit.people}?mail?one?(&{condition}{_RECEIVING})"


def _checked(value: str) -> str:
    if not _VALUE.fullmatch(value):
        raise ValueError(f"not the code of an agency or a bloc: {value!r}")
    return value
