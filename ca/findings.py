"""What a lint can find: data with a stable dotted code, a severity and a sentence in two languages."""

from dataclasses import dataclass
from typing import Final

from ca.errors import Text
from ca.rule import Rule, Severity
from ca.rules_certificate import CERTIFICATE_RULES
from ca.rules_crl import CRL_RULES

RULES: Final[dict[str, Rule]] = {**CERTIFICATE_RULES, **CRL_RULES}


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that does not hold in one place."""

    code: str
    where: str = ""
    value: str = ""

    @property
    def severity(self) -> Severity:
        return RULES[self.code].severity

    @property
    def source(self) -> str:
        return RULES[self.code].source

    @property
    def text(self) -> Text:
        rule, value = RULES[self.code], _printable(self.value)
        return Text(
            vi=rule.vi.format(where=self.where, value=value), en=rule.en.format(where=self.where, value=value)
        )


def errors(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those that stop a signature."""
    return tuple(finding for finding in findings if finding.severity is Severity.ERROR)


def _printable(value: str) -> str:
    # A finding is shown to people; what it quotes may be hostile.
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in value[:120])
    return shown if len(value) <= 120 else f"{shown}…"
