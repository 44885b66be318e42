"""Whether a mail server answers: its greeting is read, and nobody signs in."""

import socket
import ssl
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from provisioner.errors import Text, Unavailable

_PORTS: Final = {"imaps": 993, "lmtp": 24, "smtp": 25}
_WELL: Final = {"imaps": b"* OK", "lmtp": b"220", "smtp": b"220"}
"""How a server begins that takes commands (RFC 3501, 7.1.1; RFC 5321, 4.3.1; RFC 2033, 4)."""
_LONGEST: Final = 1000


def greeting(url: str, *, tls_ca_file: Path | None = None, timeout: float = 5) -> str:
    """What the server at `imaps://HOST`, `smtp://HOST`, `lmtp://HOST` or, by its socket, `lmtp:///PATH` says first.

    `timeout` is in seconds, for each answer. Raises `Unavailable` when it cannot be reached, says something else, or
    nobody vouches for its certificate.
    """
    parts = urlsplit(url)
    try:
        with ExitStack() as opened:
            connection = opened.enter_context(_connected(parts, timeout))
            if parts.scheme == "imaps":
                context = ssl.create_default_context(cafile=tls_ca_file)
                connection = opened.enter_context(
                    context.wrap_socket(connection, server_hostname=parts.hostname)
                )
            said = connection.makefile("rb").readline(_LONGEST)
    except (OSError, ValueError) as error:
        raise _silent(url, str(error)) from error
    first = said.decode("ascii", "replace").strip()
    if not said.startswith(_WELL[parts.scheme]):
        raise _silent(url, first or "-")
    return first


def _connected(parts: SplitResult, timeout: float) -> socket.socket:
    if parts.hostname:
        return socket.create_connection((parts.hostname, parts.port or _PORTS[parts.scheme]), timeout)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    try:
        connection.connect(parts.path)
    except OSError:
        connection.close()
        raise
    return connection


def _silent(url: str, why: str) -> Unavailable:
    return Unavailable(
        Text(
            vi=f"Máy chủ thư {url} không trả lời: {why}.", en=f"The mail server {url} does not answer: {why}."
        ),
        code="mail-server-unavailable",
    )
