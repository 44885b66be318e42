"""The errors a person or a program outside may be told about.

Each class is one kind of trouble. The edges (command line, web, jobs) translate
kinds and never single errors; a message is written for the reader who caused it,
in Vietnamese and in English.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in the two languages of the product."""

    vi: str
    en: str

    def in_language(self, language: str) -> str:
        return self.vi if language == "vi" else self.en

    def __str__(self) -> str:
        return self.en


class ProvisionerError(Exception):
    """Something a reader outside should know; `code` is stable, `text` is the sentence."""

    kind: ClassVar[str] = "internal"

    def __init__(self, text: Text, *, code: str | None = None) -> None:
        super().__init__(text.en)
        self.text = text
        self.code = code or self.kind

    def __reduce__(self) -> tuple[Any, ...]:
        """How it comes out of a process that works beside ours."""
        return partial(type(self), code=self.code), (self.text,)


class NotFound(ProvisionerError):
    kind = "not-found"


class Invalid(ProvisionerError):
    """What was given cannot be understood or is not allowed; the text says what to do."""

    kind = "invalid"


class Forbidden(ProvisionerError):
    kind = "forbidden"


class Conflict(ProvisionerError):
    """The thing is not in a state that allows this."""

    kind = "conflict"


class Unavailable(ProvisionerError):
    """A system we depend on did not answer. Trying later may help."""

    kind = "unavailable"


class Misconfigured(ProvisionerError):
    """A setting is wrong: the start is refused with one sentence that names it."""

    kind = "misconfigured"
