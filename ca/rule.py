"""A rule: what must hold, in two languages, and the text that says so."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error stops the signature; a warning goes on record with the draft."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must hold; `source` is the text that says so."""

    vi: str
    en: str
    source: str
    severity: Severity = Severity.ERROR
