"""Lists as a mail server sees them: each list's question put to the directory, and what it answers."""

from collections.abc import Callable, Container, Iterator
from functools import cache
from pathlib import Path

from ldap3 import LEVEL, Connection
from ldap3.utils.uri import parse_uri

from ldap_schema.dit import Dit
from provisioner.adapters.ldap_session import Session
from provisioner.secret import Secret

_PAGE = 500

_Entries = list[dict[str, list[bytes]]]


def directory_lists(
    url: str,
    wanted: Container[str],
    *,
    dit: Dit,
    bind_dn: str,
    password: Secret,
    tls_ca_file: Path | None = None,
    timeout: float = 10,
) -> Iterator[tuple[str, frozenset[str]]]:
    """The address of every wanted list that is in the directory, and its members' addresses.

    Raises `Unavailable`, and `Misconfigured` as `Session` does.
    """
    session = Session(url, bind_dn=bind_dn, password=password, tls_ca_file=tls_ca_file, timeout=timeout)
    try:
        entries = session.call(
            _search(dit.groups, "(objectClass=congvuList)", ["mail", "congvuPart", "memberURL"])
        )
        answers = _Answers(session, entries)
        for entry in entries:
            address = entry["mail"][0].decode()
            if address in wanted:
                yield address, answers.members(entry)
    finally:
        session.close()


class _Answers:
    """The members of lists, each question put once."""

    def __init__(self, session: Session, entries: _Entries) -> None:
        self._session = session
        self._parts = {entry["congvuPart"][0]: entry for entry in entries if entry.get("congvuPart")}
        self._asked_once = cache(self._ask)

    def members(self, entry: dict[str, list[bytes]]) -> frozenset[str]:
        """The addresses of people on this list and on those that are parts of it."""
        found: set[str] = set()
        for question in entry.get("memberURL", []):
            for answer in self._asked_once(question):
                part = self._parts.get(answer)
                found |= self.members(part) if part is not None else {answer.decode()}
        return frozenset(found)

    def _ask(self, question: bytes) -> tuple[bytes, ...]:
        asked = parse_uri(question.decode())  # type: ignore[no-untyped-call]  # ldap3
        (attribute,) = asked["attributes"]
        found = self._session.call(_search(asked["base"], asked["filter"], [attribute]))
        return tuple(entry[attribute][0] for entry in found)


def _search(base: str, condition: str, attributes: list[str]) -> Callable[[Connection], _Entries]:
    def work(connection: Connection) -> _Entries:
        found = connection.extend.standard.paged_search(
            base, condition, LEVEL, attributes=attributes, paged_size=_PAGE, generator=True
        )
        return [item["raw_attributes"] for item in found if item["type"] == "searchResEntry"]

    return work
