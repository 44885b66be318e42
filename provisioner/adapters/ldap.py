"""The directory on an LDAP server: the port, spoken through one connection.

Reads go through ldap3, writes through the pipeline. An instance may be used from several threads, which then wait
for each other, and is never carried over a fork: make it in the process that uses it.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any

from ldap3 import LEVEL, Connection
from ldap3.core.exceptions import LDAPOperationResult
from ldap3.utils.conv import escape_filter_chars

from ldap_schema.difference import check_names
from ldap_schema.dit import Dit
from ldap_schema.schema import MARKER, OBJECT_CLASS, SEEN
from provisioner.adapters import ber
from provisioner.adapters.ldap_definitions import unknown_names
from provisioner.adapters.ldap_putting import Sending, foreign, put
from provisioner.adapters.ldap_results import (
    ASSERTION_FAILED,
    ENTRY_EXISTS,
    NO_SUCH_OBJECT,
    SUCCESS,
    answer,
    in_words,
)
from provisioner.adapters.ldap_session import Session
from provisioner.directory.port import Answer, Entry, Outcome, Wish
from provisioner.errors import Text, Unavailable
from provisioner.secret import Secret

PAGE = 500
"""Entries to a page of a scan (RFC 2696)."""

CHUNK = 200
"""Entries asked for in one search; slapd gives at most 500 without paging."""

_PAGED_RESULTS = "1.2.840.113556.1.4.319"
_PADDING = b"x" * 65_536
_NAMES = {name.lower(): name for name in SEEN}


class LdapDirectory:
    """`provisioner.directory.port.Directory` on a real server."""

    def __init__(
        self,
        url: str,
        *,
        bind_dn: str,
        password: Secret,
        dit: Dit,
        tls_ca_file: Path | None = None,
        timeout: float = 10,
    ) -> None:
        """Say where and as whom; the first call connects. `timeout` is in seconds, for connecting and for each answer.

        Raises Misconfigured for an address that is neither `ldaps://`, `ldapi://` nor `ldap://` to this machine,
        for an unreadable CA file and for a blank password.
        """
        self.url = url
        self.dit = dit
        self._new_session: Callable[[], Session] = lambda: Session(
            url, bind_dn=bind_dn, password=password, tls_ca_file=tls_ca_file, timeout=timeout
        )
        self._session = self._new_session()
        self._probe = dit.probe(secrets.token_hex(16))
        self._lock = Lock()

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._session.close()

    def put(self, wishes: Sequence[Wish]) -> list[Answer]:
        """Make each entry so and answer for each; see the port.

        Raises `ValueError` for two wishes of one entry (the server may carry them out in any order), for a
        DN that is not of this tree and for an attribute that is not ours to set.
        """
        for wish in wishes:
            check_names(wish.entry.attributes)
            self._place(wish.entry.dn)
        if len({wish.entry.dn for wish in wishes}) < len(wishes):
            raise ValueError("two wishes of one entry in one call")
        with self._lock:
            return put(wishes, sending=Sending(self._session), read=self._read)

    def remove(self, entries: Sequence[tuple[str, str]]) -> list[Answer]:
        """Remove entries that still carry the marker when the request arrives (RFC 4528); see the port.

        Raises `ValueError` for a DN that is not of this tree.
        """
        for dn, _ in entries:
            self._place(dn)
        answers: dict[int, Answer] = {}
        with self._lock:
            sending = Sending(self._session)
            while not sending.over and len(answers) < len(entries):
                left = [place for place in range(len(entries)) if place not in answers]
                deletes = (
                    ber.delete(entries[at][0], only_if=(MARKER, entries[at][1].encode())) for at in left
                )
                for at, response in sending.send(deletes):
                    if response.code == NO_SUCH_OBJECT:
                        answers[left[at]] = Answer(Outcome.DONE)
                    elif response.code == ASSERTION_FAILED:
                        answers[left[at]] = foreign("")
                    else:
                        answers[left[at]] = answer(response)
        unknown = sending.over or Answer(Outcome.WAIT)
        return [answers.get(place, unknown) for place in range(len(entries))]

    def read(self, dns: Sequence[str]) -> dict[str, Entry]:
        """The entries that exist among these; see the port.

        Raises Unavailable, and `ValueError` for a DN that is not of this tree.
        """
        with self._lock:
            return self._read(dns)

    def scan(self, branch: str) -> Iterator[Entry]:
        """Every entry one level below; see the port. Raises Unavailable, also in the middle.

        Has a connection of its own, so that other calls may come in between.
        """
        session = self._new_session()
        try:
            cookie: bytes | None = b""
            while cookie is not None:
                found, cookie = session.call(_page(branch, cookie))
                yield from found
        finally:
            session.close()

    def settle(self) -> None:
        """Nothing: outside a first load every answer already stands for what the server promises."""

    def probe(self) -> str:
        """Write an entry, read it back and take it away; see the port. Raises Unavailable with what the server said.

        A full database still answers searches, modifications and deletions: only an Add shows it, and only one
        that needs some free pages together, so that the probe fails before the rows do.
        """
        dn, name = self._probe, self._probe.partition(",")[0].removeprefix("uid=").encode()
        probe = {OBJECT_CLASS: (b"congvuService",), "uid": (name,), "description": (_PADDING,)}
        with self._lock:
            if unknown := self._session.call(unknown_names):
                raise self._not_writable(
                    f"it does not know {', '.join(unknown)}; load what “python -m ldap_schema --help” lists"
                )
            self._update(ber.delete(dn, only_if=("uid", name)), or_already=NO_SUCH_OBJECT)
            self._update(ber.add(dn, probe), or_already=ENTRY_EXISTS)
            found = self._read([dn])
            self._update(ber.delete(dn, only_if=("uid", name)), or_already=NO_SUCH_OBJECT)
        if dn not in found:
            raise self._not_writable("the probe entry could not be read back")
        return f"{self.url} ({self._session.bind_dn})"

    def _update(self, operation: bytes, *, or_already: int) -> None:
        sending = Sending(self._session)
        while not sending.over:
            for _, response in list(sending.send([operation])):
                if response.code not in {SUCCESS, or_already}:
                    raise self._not_writable(in_words(response))
                return
        raise self._not_writable(sending.over.detail)

    def _not_writable(self, why: str) -> Unavailable:
        return Unavailable(
            Text(
                vi=f"Danh bạ LDAP {self.url} không nhận ghi: {why}",
                en=f"The directory at {self.url} does not take writes: {why}",
            ),
            code="directory-not-writable",
        )

    def _read(self, dns: Sequence[str]) -> dict[str, Entry]:
        wanted: dict[str, dict[str, str]] = {}
        for dn in dns:
            branch, entry_id = self._place(dn)
            wanted.setdefault(branch, {})[entry_id] = dn
        entries: dict[str, Entry] = {}
        for branch, dn_of in wanted.items():
            ids = iter(dn_of)
            while chunk := list(islice(ids, CHUNK)):
                for found in self._session.call(_search(branch, chunk)):
                    place = self.dit.parse(found.dn)
                    if place is not None and place.id in dn_of:
                        dn = dn_of[place.id]
                        entries[dn] = Entry(dn, found.marker, found.attributes)
        return entries

    def _place(self, dn: str) -> tuple[str, str]:
        place = self.dit.parse(dn)
        if place is None:
            raise ValueError(f"not an entry of this tree: {dn!r}")
        return place.branch, place.id


def having(attribute: str, *, since: datetime | None) -> str:
    """The filter for entries that have this attribute of moments, since one if it is given."""
    # A moment is digits and a letter: nothing in it needs to be escaped (RFC 4515, 3).
    return f"({attribute}>={since.astimezone(UTC):%Y%m%d%H%M%SZ})" if since else f"({attribute}=*)"


def _search(branch: str, ids: Sequence[str]) -> Callable[[Connection], list[Entry]]:
    condition = "".join(f"(uid={escape_filter_chars(entry_id)})" for entry_id in ids)

    def work(connection: Connection) -> list[Entry]:
        connection.search(branch, f"(|{condition})", LEVEL, attributes=sorted(SEEN))
        return _entries(connection)

    return work


def _page(branch: str, cookie: bytes) -> Callable[[Connection], tuple[list[Entry], bytes | None]]:
    """The page of a branch that comes after this cookie, with the next cookie; None after the last page."""

    def work(connection: Connection) -> tuple[list[Entry], bytes | None]:
        connection.search(
            branch,
            "(objectClass=*)",
            LEVEL,
            attributes=sorted(SEEN),
            paged_size=PAGE,
            paged_criticality=True,
            paged_cookie=cookie or None,
        )
        return _entries(connection), connection.result["controls"][_PAGED_RESULTS]["value"]["cookie"] or None

    return work


def _entries(connection: Connection) -> list[Entry]:
    result = connection.result
    if result["result"] != SUCCESS:  # ldap3 raises for most results, but takes a referral for an answer
        raise LDAPOperationResult(result["result"], result["description"], result["dn"], result["message"])
    return [_entry(item) for item in connection.response or () if item["type"] == "searchResEntry"]


def _entry(item: dict[str, Any]) -> Entry:
    attributes = {
        _NAMES[name.lower()]: tuple(values)
        for name, values in item["raw_attributes"].items()
        if values and name.lower() in _NAMES
    }
    marker = attributes.get(MARKER, (b"",))[0].decode("ascii", "replace")
    return Entry(item["dn"], marker, attributes)
