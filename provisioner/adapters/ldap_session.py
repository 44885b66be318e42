"""One bound connection to the directory: verified, with time limits on everything, opened when needed."""

import ipaddress
import math
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from ldap3 import NONE, SYNC, Connection, Server, Tls
from ldap3.core.exceptions import (
    LDAPException,
    LDAPExceptionError,
    LDAPInvalidCredentialsResult,
    LDAPOperationResult,
)

from provisioner.adapters.ber import Response
from provisioner.adapters.ldap_results import waits
from provisioner.adapters.pipeline import pipeline
from provisioner.errors import Misconfigured, Text, Unavailable
from provisioner.secret import Secret

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a directory listens: a host and port, or the path of a Unix socket."""

    host: str
    port: int | None
    tls: bool

    @classmethod
    def parse(cls, url: str) -> "Address":
        """`ldaps://host[:port]`, `ldapi://%2Fpath`, or `ldap://` to this machine only.

        Raises Misconfigured for anything else: passwords and names never cross a network in the clear.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise _misconfigured(url, str(error), str(error)) from error
        if parts.scheme == "ldapi":
            path = unquote(parts.netloc)
            if not path.startswith("/"):
                raise _misconfigured(
                    url, "ldapi:// cần đường dẫn socket dạng %2F", "ldapi:// needs a socket path with %2F"
                )
            return cls(f"ldapi:/{path}", None, tls=False)
        if parts.scheme not in {"ldap", "ldaps"} or not parts.hostname:
            raise _misconfigured(url, "cần địa chỉ ldaps://", "an ldaps:// address is needed")
        if parts.username or parts.path.strip("/") or parts.query or parts.fragment:
            raise _misconfigured(url, "chỉ được ghi máy và cổng", "only a host and a port may be given")
        if parts.scheme == "ldap" and not _is_loopback(parts.hostname):
            raise _misconfigured(
                url,
                "ldap:// không mã hoá chỉ được dùng trong cùng một máy; hãy dùng ldaps://",
                "plain ldap:// is for this machine only; use ldaps://",
            )
        tls = parts.scheme == "ldaps"
        return cls(parts.hostname, port or (636 if tls else 389), tls)


class VerifiedTls(Tls):
    """ldap3's TLS with the checks of Python's own `ssl`: the chain and the server's name, before a byte is sent.

    ldap3 by itself verifies nothing unless told to, and compares names with a function that Python has dropped.
    """

    def __init__(self, ca_file: Path | None) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2

    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:  # noqa: ARG002 - ldap3's signature
        """Put TLS on the connection's socket. Raises `ssl.SSLError` when the server is not who it should be."""
        connection.socket = self._context.wrap_socket(
            connection.socket, server_hostname=connection.server.host
        )


class Session:
    """A connection bound as one account; use it from one thread at a time."""

    def __init__(
        self,
        url: str,
        *,
        bind_dn: str,
        password: Secret,
        tls_ca_file: Path | None = None,
        timeout: float = 10,
    ) -> None:
        """Say where and as whom; nothing is opened yet. `timeout` is in seconds, for connecting and for each answer.

        Raises Misconfigured for an address without protection, an unreadable CA file, and a blank password, which
        RFC 4513, 5.1.2 turns into a successful bind as nobody.
        """
        self.url = url
        self.bind_dn = bind_dn
        self._address = Address.parse(url)
        if not bind_dn.strip() or not password.reveal().strip("\0 \t\r\n"):
            raise _misconfigured(
                url,
                "tài khoản và mật khẩu không được để trống",
                "the account and its password cannot be empty",
            )
        self._password = password
        self._timeout = timeout
        try:
            self._tls = VerifiedTls(tls_ca_file) if self._address.tls else None
        except (OSError, ssl.SSLError) as error:
            raise _misconfigured(
                url, f"không đọc được tệp CA {tls_ca_file}", f"the CA file {tls_ca_file} cannot be read"
            ) from error
        self._connection: Connection | None = None

    def call(self, work: Callable[[Connection], Result]) -> Result:
        """Do some reading on the bound connection, once more on a new one when the old one turns out dead.

        Raises Unavailable when the directory does not answer or refuses.
        """
        if self._connection is not None:
            try:
                return self._attempt(self._connection, work)
            except ConnectionError:
                pass
        try:
            return self._attempt(self._bound(), work)
        except ConnectionError as error:
            raise self._unavailable(error) from error

    def update(self, operations: Iterable[bytes]) -> Iterator[tuple[int, Response]]:
        """Send updates through the pipeline, yielding the place of each with its response.

        Nothing more is sent after an answer that says that the server is not ready. Raises `OSError` when the
        connection is lost or silent, Unavailable when there is none to be had.
        """
        connection = self._bound()
        try:
            yield from pipeline(_socket(connection), operations, timeout=self._timeout, stop_after=waits)
        except BaseException:
            self.close()  # answers may be under way that the next user of the connection would take for his
            raise

    def close(self) -> None:
        """Close the connection without a word; the next call opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            _close(connection)

    def _attempt(self, connection: Connection, work: Callable[[Connection], Result]) -> Result:
        try:
            return work(connection)
        except LDAPOperationResult as error:
            raise self._unavailable(error) from error
        except (LDAPExceptionError, OSError) as error:
            self.close()
            if isinstance(error, TimeoutError):
                raise self._unavailable(error) from error
            raise ConnectionError(str(error)) from error

    def _bound(self) -> Connection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> Connection:
        server = Server(
            self._address.host,
            port=self._address.port,
            use_ssl=self._address.tls,
            tls=self._tls,
            get_info=NONE,  # reading the schema costs 20 ms a connection and we know ours
            connect_timeout=self._timeout,
            allowed_referral_hosts=[],
        )
        connection = Connection(
            server,
            user=self.bind_dn,
            password=self._password.reveal(),
            client_strategy=SYNC,  # the thread-safe one copies every answer deeply, at half the cost of reading it
            auto_referrals=False,  # a referral would take our password to another server
            check_names=False,
            raise_exceptions=True,
            receive_timeout=math.ceil(self._timeout),
        )
        try:
            connection.open()
            connection.bind()
            identity = connection.extend.standard.who_am_i()
        except (LDAPException, OSError) as error:
            _close(connection)
            raise self._unavailable(error) from error
        except BaseException:  # ldap3 stumbles over what no server would say
            _close(connection)
            raise
        if not identity:  # RFC 4532: an empty answer is an anonymous session
            _close(connection)
            raise self._unavailable(PermissionError("signed in as nobody"))
        return connection

    def _unavailable(self, error: BaseException) -> Unavailable:
        if isinstance(error, LDAPInvalidCredentialsResult):
            return Unavailable(
                Text(
                    vi=f"Danh bạ LDAP {self.url} từ chối mật khẩu của {self.bind_dn} "
                    "(invalidCredentials). Hãy sửa mật khẩu trong biến môi trường và khởi động lại, hoặc đặt lại trong danh bạ (ldappasswd).",
                    en=f"The directory at {self.url} refuses the password of {self.bind_dn} "
                    "(invalidCredentials). Correct it in the environment and start again, or set it in the directory (ldappasswd).",
                ),
                code="directory-password-refused",
            )
        return Unavailable(
            Text(
                vi=f"Danh bạ LDAP {self.url} không trả lời: {error}. Hãy khởi động slapd, hoặc sửa cài đặt directory.url.",
                en=f"The directory at {self.url} did not answer: {error}. Start slapd, or correct the setting directory.url.",
            ),
            code="directory-unavailable",
        )


def _close(connection: Connection) -> None:
    connection.strategy.close()
    if connection.socket is not None:  # ldap3 leaves the socket of a connection that never came to be
        connection.socket.close()


def _socket(connection: Connection) -> socket:
    if not isinstance(connection.socket, socket):
        raise ConnectionError("the connection is closed")
    return connection.socket


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _misconfigured(url: str, vi: str, en: str) -> Misconfigured:
    return Misconfigured(
        Text(
            vi=f"Địa chỉ danh bạ LDAP {url!r} không dùng được: {vi}.",
            en=f"The directory {url!r} cannot be used: {en}.",
        ),
        code="directory-address",
    )
