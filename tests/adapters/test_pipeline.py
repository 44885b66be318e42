"""The pipeline against a server of the test that answers as it likes."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from provisioner.adapters.ber import ADD_RESPONSE, EXTENDED_RESPONSE, MalformedError, Response
from provisioner.adapters.pipeline import pipeline

Serve = Callable[[socket.socket], None]


def result(message_id: int, code: int = 0, tag: int = ADD_RESPONSE) -> bytes:
    body = bytes([0x0A, 1, code, 4, 0, 4, 0])
    return bytes([0x30, 5 + len(body), 2, 1, message_id, tag, len(body)]) + body


def requests(connection: socket.socket) -> Iterator[int]:
    """The message ids of the requests, as they come; each request of these tests is `message(id, 4 bytes)`."""
    reader = connection.makefile("rb")
    while head := reader.read(5):
        reader.read(4)
        yield head[4]
    reader.close()


class Conversation:
    """Both ends of a connection, the far one served by a function in a thread."""

    def __init__(self, serve: Serve) -> None:
        self.near, self._far = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, args=(serve,))
        self._thread.start()

    def _serve(self, serve: Serve) -> None:
        with self._far:
            serve(self._far)

    def run(self, count: int, *, window: int = 64, timeout: float = 5) -> list[tuple[int, int]]:
        """The places and codes of the answers. The connection is closed afterwards."""
        with self.near:
            return [
                (place, response.code)
                for place, response in pipeline(
                    self.near, [b"\x42\x02ok"] * count, timeout=timeout, stop_after=_is_busy, window=window
                )
            ]

    def end(self) -> None:
        self.near.close()
        self._thread.join(timeout=5)
        assert not self._thread.is_alive()


def _is_busy(response: Response) -> bool:
    return response.code == 51


@pytest.fixture
def talk_to() -> Iterator[Callable[[Serve], Conversation]]:
    conversations = []

    def talk(serve: Serve) -> Conversation:
        conversations.append(Conversation(serve))
        return conversations[-1]

    yield talk
    for conversation in conversations:
        conversation.end()


def test_every_operation_gets_its_answer_whatever_the_order(talk_to: Callable[[Serve], Conversation]) -> None:
    def serve(connection: socket.socket) -> None:
        ids = [message_id for _, message_id in zip(range(5), requests(connection), strict=False)]
        connection.sendall(b"".join(result(message_id, code=message_id) for message_id in reversed(ids)))

    assert talk_to(serve).run(5) == [(4, 5), (3, 4), (2, 3), (1, 2), (0, 1)]


def test_nothing_is_sent_for_nothing(talk_to: Callable[[Serve], Conversation]) -> None:
    assert talk_to(lambda connection: connection.recv(1)).run(0) == []


def test_no_more_than_the_window_is_unanswered(talk_to: Callable[[Serve], Conversation]) -> None:
    unanswered = []

    def serve(connection: socket.socket) -> None:
        waiting: list[int] = []
        for arrived, message_id in enumerate(requests(connection), 1):
            waiting.append(message_id)
            if len(waiting) == 4 or arrived == 30:
                time.sleep(0.002)
                connection.setblocking(False)
                try:
                    unanswered.append(len(waiting) + len(connection.recv(1000, socket.MSG_PEEK)) // 9)
                except BlockingIOError:
                    unanswered.append(len(waiting))
                connection.setblocking(True)
                connection.sendall(b"".join(map(result, waiting)))
                waiting.clear()

    assert len(talk_to(serve).run(30, window=4)) == 30
    assert max(unanswered) == 4


def test_a_server_that_is_not_ready_is_sent_nothing_more(talk_to: Callable[[Serve], Conversation]) -> None:
    arrived = []

    def serve(connection: socket.socket) -> None:
        for message_id in requests(connection):
            arrived.append(message_id)
            connection.sendall(result(message_id, code=51 if message_id == 3 else 0))

    answers = talk_to(serve).run(100, window=4)

    assert (2, 51) in answers
    assert len(answers) == len(arrived) < 10


def test_a_lost_connection_leaves_the_rest_unanswered(talk_to: Callable[[Serve], Conversation]) -> None:
    def serve(connection: socket.socket) -> None:
        for _, message_id in zip(range(3), requests(connection), strict=False):
            connection.sendall(result(message_id))

    conversation, answers = talk_to(serve), []

    def run() -> None:
        with conversation.near as near:
            for place, _ in pipeline(near, [b"\x42\x02ok"] * 10, timeout=5, stop_after=_is_busy):
                answers.append(place)  # a list would be lost with the error

    with pytest.raises(ConnectionError):
        run()

    assert answers == [0, 1, 2]


def test_silence_is_a_timeout(talk_to: Callable[[Serve], Conversation]) -> None:
    done = threading.Event()
    conversation = talk_to(lambda _: done.wait(5) and None)
    started = time.monotonic()

    with pytest.raises(TimeoutError):
        conversation.run(3, timeout=0.1)

    done.set()
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (result(0, code=52, tag=EXTENDED_RESPONSE), ConnectionError),
        (result(99), MalformedError),
        (result(1) * 2, MalformedError),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", MalformedError),
    ],
    ids=["notice of disconnection", "unknown request", "answered twice", "another protocol"],
)
def test_what_cannot_be_trusted_ends_the_connection(
    talk_to: Callable[[Serve], Conversation], sent: bytes, error: type[Exception]
) -> None:
    def serve(connection: socket.socket) -> None:
        next(requests(connection))
        connection.sendall(sent)
        connection.recv(1000)

    with pytest.raises(error):
        talk_to(serve).run(3)
