"""Making entries so: added when they are not there, compared when they are, looked at again when they change."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from ldap_schema.difference import Change, Operation, changes
from ldap_schema.schema import MARKER
from provisioner.adapters import ber
from provisioner.adapters.ldap_results import (
    ENTRY_EXISTS,
    NO_SUCH_ATTRIBUTE,
    NO_SUCH_OBJECT,
    SUCCESS,
    VALUE_EXISTS,
    answer,
    waits,
)
from provisioner.adapters.ldap_session import Session
from provisioner.directory.port import Answer, Entry, Outcome, Wish
from provisioner.errors import Unavailable

ROUNDS = 4
"""How often one call looks again at an entry that somebody else changes under our hands."""

_LOOK_AGAIN = {
    ber.ADD_RESPONSE: {ENTRY_EXISTS},
    ber.MODIFY_RESPONSE: {NO_SUCH_ATTRIBUTE, VALUE_EXISTS, NO_SUCH_OBJECT},
}
"""Answers that say that the entry is not what we took it for."""

_KEEPS_CHANGING = Answer(Outcome.WAIT, "somebody else keeps changing this entry")


class Sending:
    """The updates of one call. A lost connection is opened again once; after that, and after silence, the rest waits."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lost_before = False
        self.over: Answer | None = None
        """The answer for all that is still open, once nothing more may be sent."""

    def send(self, operations: Iterable[bytes]) -> Iterator[tuple[int, ber.Response]]:
        """Yield the place of each operation with its response; those that are not yielded are unknown."""
        try:
            for place, response in self._session.update(operations):
                if waits(response):
                    self.over = answer(response)
                yield place, response
        except Unavailable as error:
            self.over = Answer(Outcome.WAIT, error.text.en)
        except OSError as error:
            if self._lost_before or isinstance(error, TimeoutError):
                self.over = Answer(Outcome.WAIT, f"no answer from {self._session.url}: {error}")
            self._lost_before = True


def put(
    wishes: Sequence[Wish], *, sending: Sending, read: Callable[[Sequence[str]], dict[str, Entry]]
) -> list[Answer]:
    """Make each entry so and answer for each, in the order of the wishes.

    1. What we know, or what turned out to stand there, is read, many entries in one search.
    2. Entries that are missing are added. Those of ours get their difference, on condition that the marker is still
       ours when it arrives. An entry of somebody else is left as it is.
    3. What was not as we took it for, and what a lost connection left unknown, goes round again.
    """
    answers: dict[int, Answer] = {}
    there = {place for place, wish in enumerate(wishes) if wish.known}
    for _ in range(ROUNDS):
        todo = [place for place in range(len(wishes)) if place not in answers]
        if not todo or sending.over:
            break
        try:
            found = read([wishes[place].entry.dn for place in todo if place in there])
        except Unavailable as error:
            sending.over = Answer(Outcome.WAIT, error.text.en)
            break

        updates: list[tuple[int, list[Change] | None]] = []
        for place in todo:
            decided = _decided(wishes[place], found.get(wishes[place].entry.dn))
            if isinstance(decided, Answer):
                answers[place] = decided
            else:
                updates.append((place, decided))

        for at, response in sending.send(_operation(wishes[place], needed) for place, needed in updates):
            place, needed = updates[at]
            if response.code == SUCCESS:
                answers[place] = _so(wishes[place], added=needed is None)
            elif response.code in _LOOK_AGAIN[response.tag]:
                there.add(place)
            else:
                answers[place] = answer(response)
    return [answers.get(place) or sending.over or _KEEPS_CHANGING for place in range(len(wishes))]


def foreign(marker: str) -> Answer:
    """The answer for an entry that is not ours, with what it says it is."""
    return Answer(
        Outcome.NEEDS_PERSON,
        f"the entry that stands there carries the marker {marker!r}"
        if marker
        else "the entry that stands there is not ours",
    )


def _decided(wish: Wish, entry: Entry | None) -> Answer | list[Change] | None:
    """What to do about an entry that was found so: nothing, with the answer; modify it; or, None, add it."""
    if entry is None:
        return None
    if entry.marker != wish.entry.marker:
        return foreign(entry.marker)
    return changes(wish.entry.attributes, entry.attributes, wish.withdraw) or _so(wish, added=False)


def _operation(wish: Wish, needed: list[Change] | None) -> bytes:
    if needed is None:
        return ber.add(wish.entry.dn, wish.entry.attributes)
    # To take our marker away and put it back changes nothing and fails on an entry that has it no more, with all
    # that follows. The assertion control (RFC 4528) would say the same, but slapd's unique overlay, searching for
    # other owners of a changed address, applies it to that search and so refuses every such change.
    marker = (wish.entry.marker.encode(),)
    guard = [Change(Operation.DELETE, MARKER, marker), Change(Operation.ADD, MARKER, marker)]
    return ber.modify(wish.entry.dn, guard + needed)


def _so(wish: Wish, *, added: bool) -> Answer:
    return Answer(Outcome.DONE if added or wish.known else Outcome.ADOPTED)
