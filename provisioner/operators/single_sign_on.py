"""Single sign-on, in our words: what a sign-in elsewhere needs on its way, and what comes back from it."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol, Self

from provisioner.errors import Misconfigured
from provisioner.people.sealing import SealBroken, Sealer


@dataclass(frozen=True, slots=True)
class Carried:
    """What the browser carries for us between two pages of a sign-in: sealed, and good for some minutes."""

    CONTEXT: ClassVar[str]
    GOOD_FOR: ClassVar[timedelta]

    since: float
    """Seconds since 1970."""
    wanted: str
    """The page they were on their way to."""
    again: bool
    """Whether a session that is there shall be proved anew."""

    def sealed(self, sealer: Sealer) -> str:
        """For a cookie; the browser can neither read nor change it."""
        plain = json.dumps(asdict(self)).encode()
        return urlsafe_b64encode(sealer.seal_bytes(plain, context=self.CONTEXT)).decode()

    @classmethod
    def unsealed(cls, cookie: str, sealer: Sealer, *, now: datetime) -> Self | None:
        """What the browser carries; None when there is nothing, or something made up or too old."""
        try:
            plain = sealer.unseal_bytes(urlsafe_b64decode(cookie), context=cls.CONTEXT)
        except (binascii.Error, ValueError, SealBroken, Misconfigured):
            return None  # a first byte that somebody made up asks for a key that is not listed
        values: dict[str, Any] = json.loads(plain)
        carried = cls(**values)
        return carried if 0 <= now.timestamp() - carried.since <= cls.GOOD_FOR.total_seconds() else None


@dataclass(frozen=True, slots=True)
class Journey(Carried):
    """What only we and the browser know while somebody signs in elsewhere."""

    CONTEXT = "operator_sign_on.journey:browser"
    GOOD_FOR = timedelta(minutes=10)

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Arrival(Carried):
    """Somebody whom the provider vouched for and who still owes us a code."""

    CONTEXT = "operator_sign_on.arrival:browser"
    GOOD_FOR = timedelta(minutes=5)

    operator_id: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it is. Everything in it was vouched for by the provider, for us and for this journey."""

    subject: str
    email: str | None
    """In lower case; None unless the provider vouches for it."""
    second_factor: bool
    """Whether the provider's word for how they proved themselves is one that we take for two factors."""


class SignOn(Protocol):
    """A provider: `adapters.single_sign_on` in earnest."""

    def begin(self, wanted: str, *, again: bool, now: datetime) -> tuple[str, Journey]:
        """The provider's address to send the browser to, and the journey. Raises `Unavailable`."""
        ...

    def finish(self, journey: Journey, answer: Mapping[str, str], *, now: datetime) -> Identity:
        """Who came back with this answer. Raises `Forbidden`, `Unavailable`."""
        ...
