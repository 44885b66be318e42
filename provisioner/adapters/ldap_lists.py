"""Lists as a mail server sees them: each list's question put to the directory, and what it answers."""

from collections.abc import Callable, Container, Iterator
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
        for found in session.call(_search(dit.groups, "(objectClass=congvuList)", ["mail", "memberURL"])):
            address = found["mail"][0].decode()
            if address in wanted:
                yield address, frozenset(_members(session, found.get("memberURL", [])))
    finally:
        session.close()


def _members(session: Session, questions: list[bytes]) -> Iterator[str]:
    for question in questions:
        asked = parse_uri(question.decode())  # type: ignore[no-untyped-call]  # ldap3
        for entry in session.call(_search(asked["base"], asked["filter"], ["mail"])):
            yield entry["mail"][0].decode()


def _search(base: str, condition: str, attributes: list[str]) -> Callable[[Connection], _Entries]:
    def work(connection: Connection) -> _Entries:
        found = connection.extend.standard.paged_search(
            base, condition, LEVEL, attributes=attributes, paged_size=_PAGE, generator=True
        )
        return [item["raw_attributes"] for item in found if item["type"] == "searchResEntry"]

    return work
