"""The directory as the product sees it: sets of entries, made so.

This is a port: `adapters.ldap` is the real one, and the in-memory one of the tests is
held to the same contract test. Words here are ours, never an LDAP library's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

Attributes = Mapping[str, tuple[bytes, ...]]
"""Attribute name to values, as bytes (text in UTF-8). No attribute is empty."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one directory entry must be, or what one was found to be.

    `dn` is made by `ldap_schema.dit` only. `marker` is our id of the thing (the account id
    of a mailbox, `agency:<id>` of an agency), also among the attributes; an entry in the
    directory without our marker is somebody else's and is never touched.
    """

    dn: str
    marker: str
    attributes: Attributes


ADDRESS_TAKEN: Final = (
    "another entry of the directory has this address already; give that one another, or remove it, and run "
    "“provisioner directory retry”"
)
"""The sentence of an answer `REFUSED` for an address that is somebody's already, ours or not."""


class Outcome(StrEnum):
    """Whatever the directory answers is one of these."""

    DONE = "done"
    ADOPTED = "adopted"
    """It was there already under our marker, and is now as it should be."""
    NEEDS_PERSON = "needs-person"
    """Somebody else's entry stands there. Nothing was changed."""
    WAIT = "wait"
    """The directory is down, read-only, full or did not answer. The row does not pay for it."""
    REFUSED = "refused"
    """The directory refused this entry for what it contains; `detail` says why."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An entry to be made so; `known` when we have seen it in the directory before."""

    entry: Entry
    known: bool = False
    withdraw: Attributes = field(default_factory=dict)
    """Values of shared attributes (`ldap_schema.schema.SHARED`: certificates) that are ours and must go.

    Shared attributes are set by value: what is wished and missing is added, what is withdrawn
    is taken away, and what somebody else put there stays.
    """


@dataclass(frozen=True, slots=True)
class Answer:
    outcome: Outcome
    detail: str = ""
    """For people: what the directory said, with the result's name and its diagnostic text."""


class Directory(Protocol):
    """Where entries are made so. Every method may raise `errors.Unavailable`, `put` never does."""

    def put(self, wishes: Sequence[Wish]) -> list[Answer]:
        """Make each entry so and answer for each, in the order of the wishes.

        Managed attributes (`ldap_schema.schema.MANAGED`) are set exactly; all others of an entry that is
        ours are left as they are. Runs twice without harm. When the directory goes away in
        the middle, the unanswered ones are answered `WAIT`.
        """
        ...

    def remove(self, entries: Sequence[tuple[str, str]]) -> list[Answer]:
        """Remove entries given as (dn, marker). Gone already is done; another marker is left alone."""
        ...

    def read(self, dns: Sequence[str]) -> dict[str, Entry]:
        """The entries that exist among these, with their managed attributes, by DN as given."""
        ...

    def scan(self, branch: str) -> Iterator[Entry]:
        """Every entry one level below this branch (a DN), managed attributes only, in pages.

        Entries without our marker come with an empty `marker`.
        """
        ...

    def settle(self) -> None:
        """Return when everything put so far will survive a power loss as far as the server promises.

        Does nothing but in the explicit first-load mode, where it is the barrier write that
        comes before rows are marked synced.
        """
        ...

    def probe(self) -> str:
        """Prove that we can write as ourselves (a probe entry, written and read back); say where."""
        ...
