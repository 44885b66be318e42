"""A mail server in memory, which can be down, put letters off and refuse them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from provisioner.errors import Conflict, Text, Unavailable

SAID = Text(vi="từ chối", en="refused")


@dataclass
class Post:
    """What was handed over, as it travels."""

    letters: list[EmailMessage] = field(default_factory=list)
    is_down: bool = False
    refused: set[str] = field(default_factory=set)
    put_off: set[str] = field(default_factory=set)

    @contextmanager
    def conversation(self) -> Iterator["Post"]:
        if self.is_down:
            raise Unavailable(SAID, code="mail-server-unavailable")
        yield self

    def carry(self, message: EmailMessage) -> None:
        if message["To"] in self.refused:
            raise Conflict(SAID, code="letter-refused")
        if message["To"] in self.put_off:
            raise Unavailable(SAID, code="letter-put-off")
        self.letters.append(message_from_bytes(bytes(message), policy=policy.default))

    @property
    def told(self) -> list[tuple[str, str]]:
        """Recipients and subjects."""
        return [(str(letter["To"]), str(letter["Subject"])) for letter in self.letters]
