"""Loading an empty directory without waiting for the disk at each entry.

The price, to be said to whoever chooses it: while it lasts slapd does not wait for the disk at all
(`olcDbNoSync`, slapd-mdb(5)), and a power loss can leave the database corrupt. So it is for a directory without a
mailbox in it, which can be thrown away and loaded again, and what was put counts as written only after `settle`.
A crash of slapd or of this program loses nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ldap3 import BASE, MODIFY_REPLACE, Connection

from ldap_schema.files import DATABASE
from provisioner.adapters.ldap import LdapDirectory
from provisioner.adapters.ldap_session import Session
from provisioner.directory.port import Answer, Entry, Wish
from provisioner.errors import Conflict, Text
from provisioner.secret import Secret

CHUNK = 2000
"""Entries between two barriers, each of which costs as much as some hundred entries."""

_NO_SYNC = "olcDbNoSync"


class SlapdConfiguration:
    """The entry of our database in cn=config of a running slapd: whether it waits for the disk."""

    def __init__(
        self,
        url: str,
        *,
        password: Secret,
        bind_dn: str = "cn=config",
        database: str = DATABASE,
        tls_ca_file: Path | None = None,
    ) -> None:
        """Say where and as whom; the first call connects. Raises Misconfigured like `Session`."""
        self._session = Session(url, bind_dn=bind_dn, password=password, tls_ca_file=tls_ca_file)
        self._database = database

    def waits_for_disk(self) -> bool:
        """Whether slapd waits for the disk, as it must outside a first load. Raises Unavailable."""

        def look(connection: Connection) -> bool:
            connection.search(self._database, "(objectClass=*)", BASE, attributes=[_NO_SYNC])
            found = connection.response or []
            return bool(found[0]["raw_attributes"].get(_NO_SYNC) != [b"TRUE"])

        return self._session.call(look)

    def wait_for_disk(self, wait: bool) -> None:
        """Switch it. Raises Unavailable."""

        def switch(connection: Connection) -> None:
            change = {_NO_SYNC: [(MODIFY_REPLACE, ["FALSE" if wait else "TRUE"])]}
            connection.modify(self._database, change)  # type: ignore[no-untyped-call]

        self._session.call(switch)

    def close(self) -> None:
        self._session.close()


class FirstLoadDirectory:
    """The directory during a first load: everything as always, but `settle` has something to do."""

    def __init__(self, directory: LdapDirectory, configuration: SlapdConfiguration) -> None:
        self._directory = directory
        self._configuration = configuration

    def put(self, wishes: Sequence[Wish]) -> list[Answer]:
        return self._directory.put(wishes)

    def remove(self, entries: Sequence[tuple[str, str]]) -> list[Answer]:
        return self._directory.remove(entries)

    def read(self, dns: Sequence[str]) -> dict[str, Entry]:
        return self._directory.read(dns)

    def scan(self, branch: str) -> Iterator[Entry]:
        return self._directory.scan(branch)

    def probe(self) -> str:
        return self._directory.probe()

    def settle(self) -> None:
        """Bring all that was put so far to the disk: some 10 ms.

        LMDB flushes the whole file at the first commit after the switch, whichever commits wrote to it.

        Raises Unavailable; then nothing put since the last `settle` may be counted as written.
        """
        end_first_load(self._directory, self._configuration)
        self._configuration.wait_for_disk(False)


@contextmanager
def first_load(directory: LdapDirectory, configuration: SlapdConfiguration) -> Iterator[FirstLoadDirectory]:
    """Load the directory within this block; slapd waits for the disk again at its end, however it ends.

    Where this very process is killed inside, somebody has to call `end_first_load` afterwards.

    Raises Conflict when a person or a unit is there already, and Unavailable.
    """
    for branch in (directory.dit.people, directory.dit.units):
        if next(directory.scan(branch), None) is not None:
            raise Conflict(
                Text(
                    vi="Chế độ nạp lần đầu chỉ dùng khi danh bạ LDAP chưa có hộp thư nào.",
                    en="A first load is only for a directory without a mailbox in it.",
                ),
                code="directory-not-empty",
            )
    try:
        configuration.wait_for_disk(False)
        yield FirstLoadDirectory(directory, configuration)
    finally:
        end_first_load(directory, configuration)


def end_first_load(directory: LdapDirectory, configuration: SlapdConfiguration) -> None:
    """Wait for the disk again and bring everything to it. Harmless at any time; raises Unavailable."""
    configuration.wait_for_disk(True)
    directory.probe()
