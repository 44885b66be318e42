"""What the authority refuses, and why: a kind, a stable code and a sentence in both languages.

The kinds are those of the service above (`invalid`, `conflict`, ...), as plain
words, so that its edges can map them without this library knowing them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from ca.findings import Finding


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in the two languages of the product."""

    vi: str
    en: str

    def __str__(self) -> str:
        return self.en


class CaError(Exception):
    """Something the authority will not do; `code` is stable, `text` is for the reader."""

    kind: ClassVar[str] = "internal"

    def __init__(self, code: str, text: Text) -> None:
        super().__init__(f"{code}: {text.en}")
        self.code = code
        self.text = text


class LintFailure(CaError):
    """A certificate or CRL broke at least one rule; nothing was signed with the real key."""

    kind = "invalid"

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        summary = Text(
            vi="; ".join(finding.text.vi for finding in findings),
            en="; ".join(finding.text.en for finding in findings),
        )
        super().__init__(findings[0].code, summary)
        self.findings = findings


class KeyRefused(CaError):
    """A public key or a certificate request that we do not certify."""

    kind = "invalid"


class ProfileInvalid(CaError):
    """The file of profiles says something that no rule book allows."""

    kind = "invalid"


class SubjectInvalid(CaError):
    """A subject that cannot be a subject, whatever the profile says."""

    kind = "invalid"


class AuthorityMismatch(CaError):
    """A key, draft or certificate was handed to an authority that it does not belong to."""

    kind = "conflict"


class KeyStoreError(CaError):
    """The key store cannot do what was asked."""

    kind = "unavailable"


class KeyStoreLocked(KeyStoreError):
    """The passphrase does not open this key, or is too weak to close it with."""

    kind = "forbidden"


class KeyMissing(KeyStoreError):
    """There is no key under this label."""

    kind = "not-found"


class KeyExists(KeyStoreError):
    """A key is never overwritten: there is one under this label already."""

    kind = "conflict"


class Unreadable(CaError):
    """Bytes that should be a certificate, a CRL or a stored draft are not."""

    kind = "invalid"
