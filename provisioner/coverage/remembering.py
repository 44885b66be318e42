"""What a process remembers of drawn figures; `editions` says for how long that is the truth."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")

KEPT = 60
"""Drawings kept in a process, of some 150 and at most 500 KB; the one that was asked for longest ago goes first."""


@dataclass(frozen=True, slots=True)
class Span:
    """For what a drawing holds: one edition of the figures, from a moment on until before another."""

    edition: str
    since: datetime
    until: datetime

    def holds(self, edition: str, at: datetime) -> bool:
        return self.edition == edition and self.since <= at < self.until


class Remembered(Generic[T]):
    """Drawings by what was asked for. Whoever sees another part of the province asks for something else."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[Span, T]] = OrderedDict()
        self._lock = Lock()

    def find(self, asked: Hashable, edition: str | None, *, at: datetime) -> T | None:
        """What was drawn for this, if it still holds. Without an edition nothing does."""
        with self._lock:
            span, drawn = self._kept.get(asked, (None, None))
            if edition is None or span is None or not span.holds(edition, at):
                return None
            self._kept.move_to_end(asked)
            return drawn

    def keep(self, asked: Hashable, span: Span, drawn: T) -> None:
        with self._lock:
            self._kept[asked] = span, drawn
            self._kept.move_to_end(asked)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
