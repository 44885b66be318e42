"""A real slapd for the tests: one to a test process, emptied for each test that asks for the directory on it."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ldap3 import LEVEL, NONE, SAFE_SYNC, Connection, Server
from ldap3.core.exceptions import LDAPInvalidCredentialsResult

from provisioner.adapters.ldap import LdapDirectory
from provisioner.private.slapd import PrivateSlapd
from provisioner.secret import Secret

SUFFIX = "dc=lamdong,dc=gov,dc=vn"
PASSWORD = Secret(secrets.token_urlsafe(16))


@pytest.fixture(scope="session")
def slapd_server(server_folder: Path) -> Iterator[PrivateSlapd]:
    """A slapd that does not wait for the disk. A test that kills it starts it again."""
    with PrivateSlapd(
        Path(tempfile.mkdtemp(prefix="slapd-", dir=server_folder)),
        suffix=SUFFIX,
        service_password=PASSWORD,
        durability="none",
    ) as server:
        yield server


@pytest.fixture
def ldap_directory(slapd_server: PrivateSlapd) -> Iterator[LdapDirectory]:
    """The empty directory on it."""
    empty(slapd_server.start())
    directory = directory_on(slapd_server)
    yield directory
    directory.close()


def directory_on(server: PrivateSlapd, *, timeout: float = 10) -> LdapDirectory:
    return LdapDirectory(
        server.url, bind_dn=server.bind_dn, password=PASSWORD, dit=server.dit, timeout=timeout
    )


@contextmanager
def raw(server: PrivateSlapd, *, dn: str | None = None, password: Secret = PASSWORD) -> Iterator[Connection]:
    """ldap3's own connection, as the provisioning service unless another account is named: what the outside sees."""
    connection = Connection(
        Server(server.url, get_info=NONE),
        user=dn or server.bind_dn,
        password=password.reveal(),
        client_strategy=SAFE_SYNC,
        raise_exceptions=True,
        receive_timeout=10,
    )
    try:
        connection.bind()
        yield connection
    finally:
        connection.strategy.close()


def signs_in(server: PrivateSlapd, dn: str, password: Secret) -> bool:
    try:
        with raw(server, dn=dn, password=password):
            return True
    except LDAPInvalidCredentialsResult:
        return False


def empty(server: PrivateSlapd) -> None:
    """Take every entry below the branches away, whoever put it there."""
    with raw(server) as connection:
        for branch in (server.dit.people, server.dit.units, server.dit.agencies, server.dit.groups):
            found = connection.extend.standard.paged_search(
                branch, "(objectClass=*)", LEVEL, attributes=["1.1"], paged_size=500, generator=False
            )
            for item in found:
                connection.delete(item["dn"])
