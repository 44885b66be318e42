"""Whom a list is about, as an LDAP URL (RFC 4516) that every mail server can follow: the only code that makes one."""

import re

from ldap_schema.dit import Dit

_VALUE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Codes of agencies and blocs: nothing in them has to be escaped (RFC 4515, 3; RFC 4516, 2.1)."""

_RECEIVING = "(congvuKind=personal)(|(congvuStatus=active)(congvuStatus=locked))"
"""Members are people, as long as their mailboxes receive."""


def of_agency(code: str, dit: Dit, *, leaders: bool = False) -> str:
    """Everybody in this agency and below it, or its leaders. Raises `ValueError` for what is no code."""
    return _url(f"(congvuWithin={_checked(code)})", dit, leaders)


def of_bloc(bloc: str, dit: Dit, *, leaders: bool = False) -> str:
    """Everybody in the agencies of this bloc, or their leaders. Raises `ValueError` for what is no code."""
    # Who left keeps the bloc of the last agency, but is within none.
    return _url(f"(congvuBloc={_checked(bloc)})(congvuWithin=*)", dit, leaders)


def _url(scope: str, dit: Dit, leaders: bool) -> str:
    whom = "(congvuLeader=TRUE)" if leaders else ""
    return f"ldap:///{dit.people}?mail?one?(&{scope}{whom}{_RECEIVING})"


def _checked(value: str) -> str:
    if not _VALUE.fullmatch(value):
        raise ValueError(f"not the code of an agency or a bloc: {value!r}")
    return value
