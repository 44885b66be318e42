"""Many updates on one connection without waiting for each answer.

LDAP lets a client send further requests before the earlier ones are answered (RFC 4511, 3.1), and the server may
answer in any order. slapd closes a connection with more than 1,000 requests pending
(`olcConnMaxPendingAuth`), so the window stays far below that.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice
from socket import socket

from provisioner.adapters.ber import EXTENDED_RESPONSE, MalformedError, Response, message, take_response

WINDOW = 64
"""Requests sent and not yet answered."""

_UNSOLICITED = 0
"""The message id of a notice from the server (RFC 4511, 4.4): it is closing the connection."""


def pipeline(
    connection: socket,
    operations: Iterable[bytes],
    *,
    timeout: float,
    stop_after: Callable[[Response], bool],
    window: int = WINDOW,
) -> Iterator[tuple[int, Response]]:
    """Send the operations and yield the place of each with its response, in the order of the responses.

    `connection` is bound and idle. An answer for which `stop_after` is true stops the sending; what
    was sent before is still waited for. `timeout` is in seconds, and for each wait by itself.

    Raises `TimeoutError` when the server stays silent and another `OSError` when the connection is lost. What was not
    yielded by then may have been carried out or not, and the connection must be closed.
    """
    before = connection.gettimeout()
    connection.settimeout(timeout)
    waiting: dict[int, int] = {}
    queue = zip(count(1), operations)
    received = bytearray()
    sending = True
    while True:
        if sending and len(waiting) <= window // 2:  # few long bursts instead of a request for each answer
            burst = []
            for message_id, operation in islice(queue, window - len(waiting)):
                waiting[message_id] = message_id - 1
                burst.append(message(message_id, operation))
            if burst:
                connection.sendall(b"".join(burst))
        if not waiting:
            break
        data = connection.recv(65536)
        if not data:
            raise ConnectionError("the directory closed the connection")
        received += data
        while (response := take_response(received)) is not None:
            if response.message_id == _UNSOLICITED and response.tag == EXTENDED_RESPONSE:
                raise ConnectionError(f"the directory is closing the connection: {response.diagnostic}")
            if response.message_id not in waiting:
                raise MalformedError(f"an answer to request {response.message_id}, which is not waiting")
            sending = sending and not stop_after(response)
            yield waiting.pop(response.message_id), response
    connection.settimeout(before)
