"""Whom an agency has written to: the address it named, where that is one, and otherwise its own mailbox."""

import re

_WORD, _LABEL = r"[a-z0-9_+&'=-]+", r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_ADDRESS = re.compile(rf"{_WORD}(\.{_WORD})*@{_LABEL}(\.{_LABEL})+", re.IGNORECASE)


def is_address(text: str) -> bool:
    """Whether a letter can be sent to this: one bare address of plain signs (RFC 5321, 4.1.2), no name and no list."""
    return _ADDRESS.fullmatch(text) is not None


def contact_of(named: str | None, own_mailbox: str | None) -> str | None:
    """Who is written to in an agency's place. What somebody typed before it was checked may be no address."""
    return named if named and is_address(named) else own_mailbox
