"""Loading an empty directory without waiting for the disk at each entry.

The price, to be said to whoever chooses it: while it lasts slapd does not wait for the disk at all
(`olcDbNoSync`, slapd-mdb(5)), and a power loss can leave the database corrupt. So it is for a directory without a
mailbox in it, which can be thrown away and loaded again, and what was put counts as written only after `settle`.
A crash of slapd or of this program loses nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ldap3 import BASE, MODIFY_REPLACE, Connection

from ldap_schema.files import DATABASE
from provisioner.adapters.ldap import LdapDirectory
from provisioner.adapters.ldap_session import Session
from provisioner.directory.port import Answer, Entry, Wish
from provisioner.errors import Conflict, Text
from provisioner.secret import Secret

CONFIG_DN = "cn=config"
_NO_SYNC = "olcDbNoSync"


class FirstLoadDirectory:
    """The directory during a first load: everything as always, but `settle` has something to do."""

    def __init__(self, directory: LdapDirectory, configuration: Session, database: str) -> None:
        self._directory = directory
        self._configuration = configuration
        self._database = database

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
        """Bring all that was put so far to the disk: some 25 ms.

        LMDB writes out the whole file with the first commit after the switch (`mdb_env_sync`), whoever wrote the pages.

        Raises Unavailable; then nothing put since the last `settle` may be counted as written.
        """
        self.wait_for_disk(True)
        try:
            self._directory.probe()
        finally:
            self.wait_for_disk(False)

    def wait_for_disk(self, wait: bool) -> None:
        """Switch slapd's waiting for the disk on or off. Raises Unavailable."""

        def switch(connection: Connection) -> None:
            change = {_NO_SYNC: [(MODIFY_REPLACE, ["FALSE" if wait else "TRUE"])]}
            connection.modify(self._database, change)  # type: ignore[no-untyped-call]

    configuration = Session(config_url, bind_dn=config_dn, password=config_password)
    loading = FirstLoadDirectory(directory, configuration, database)
    try:
        loading.wait_for_disk(False)
        yield loading
    finally:
        try:
            loading.wait_for_disk(True)
            directory.probe()
        finally:
            configuration.close()


def waits_for_disk(
    *, config_url: str, config_password: Secret, config_dn: str = CONFIG_DN, database: str = DATABASE
) -> bool:
    """Whether the server waits for the disk, as it must outside a first load. Raises Unavailable."""

    def look(connection: Connection) -> bool:
        _, _, found, _ = connection.search(database, "(objectClass=*)", BASE, attributes=[_NO_SYNC])
        return bool(found[0]["raw_attributes"].get(_NO_SYNC) != [b"TRUE"])

    configuration = Session(config_url, bind_dn=config_dn, password=config_password)
    try:
        return configuration.call(look)
    finally:
        configuration.close()


def end_first_load(
    directory: LdapDirectory,
    *,
    config_url: str,
    config_password: Secret,
    config_dn: str = CONFIG_DN,
    database: str = DATABASE,
) -> None:
    """End a first load whose process was killed: wait for the disk again and bring everything to it.

    Harmless at any other time. Raises Unavailable.
    """
    configuration = Session(config_url, bind_dn=config_dn, password=config_password)
    try:
        FirstLoadDirectory(directory, configuration, database).wait_for_disk(True)
        directory.probe()
    finally:
        configuration.close()
