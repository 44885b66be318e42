"""Profiles: what a certificate of each kind contains, frozen and valid from birth.

They are read from `config/profiles.toml`. A profile cannot say what its rule book
forbids; the rules are in `ca.profile_rules`, their sources in `ca.rulebook`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from ca.errors import ProfileInvalid, Text
from ca.kinds import Kind
from ca.profile_rules import breaches
from ca.rulebook import SmimePolicy

__all__ = ["Kind", "Profile", "load_profiles"]

_SCALARS: Final = {
    "version": str,
    "days": int,
    "path_length": int,
    "ocsp": bool,
    "freshest_crl": bool,
    "shorten": bool,
    "issue_until": date,
}
"""Types in the file: TOML would let `days = 1.5` and `ocsp = "no"` through."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a certificate of one kind contains; names of usages are those of RFC 5280.

    `days` counts whole days from notBefore, both ends included. `own_policies` are full
    OIDs; they carry the pointer to the practice statement. `ocsp` and `freshest_crl` say whether
    certificates point to a responder and to a delta CRL. `shorten` lets a certificate
    end with its issuer instead of being refused. `rules` says which rule texts, of which
    date, the profile was written against; after `issue_until` nothing is issued under it.
    """

    name: str
    version: str
    kind: Kind
    days: int
    key_usages: frozenset[str]
    extended_key_usages: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    own_policies: tuple[str, ...] = ()
    path_length: int | None = None
    ocsp: bool = False
    freshest_crl: bool = False
    shorten: bool = False
    rules: tuple[tuple[str, date], ...] = ()
    issue_until: date | None = None

    def __post_init__(self) -> None:
        """Raise ProfileInvalid with the first rule that is broken."""
        if breach := next(breaches(self), None):
            raise ProfileInvalid(
                breach.code,
                Text(vi=f"Mẫu {self.name!r}: {breach.vi}", en=f"Profile {self.name!r}: {breach.en}."),
            )

    @property
    def all_policies(self) -> tuple[str, ...]:
        return (*self.policies, *self.own_policies)

    @property
    def is_document(self) -> bool:
        """Whether it is for signing documents (PDF), not mail; a purpose that mail allowed until 2027 apart."""
        purposes = self.extended_key_usages
        return "documentSigning" in purposes and "emailProtection" not in purposes

    @property
    def is_mail(self) -> bool:
        """Whether its certificates name a mailbox."""
        return self.kind.is_subscriber and not self.is_document

    @property
    def encrypts(self) -> bool:
        """Whether its keys are for encryption, too."""
        return "keyAgreement" in self.key_usages

    @property
    def allows_hold(self) -> bool:
        """Whether its certificates may be put on hold: SBR 7.2.2 says not of authorities nor the strict."""
        return self.kind.is_subscriber and not self.is_strict

    @property
    def is_strict(self) -> bool:
        """Whether the subscriber's reserved policy is of the strict generation."""
        return self.is_mail and SmimePolicy(self.policies[0]).is_strict


def load_profiles(path: Path) -> Mapping[str, Profile]:
    """Read every profile of the file; ProfileInvalid names the first one that breaks a rule."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ProfileInvalid(
            "profile.file",
            Text(vi=f"Không đọc được {path.name}: {error}", en=f"Cannot read {path.name}: {error}"),
        ) from error
    arc = document.pop("policy_arc", "")
    return MappingProxyType({name: _profile(name, table, arc) for name, table in document.items()})


def _profile(name: str, table: dict[str, Any], arc: str) -> Profile:
    try:
        fields = dict(table)
        _require_types(fields)
        return Profile(
            name=name,
            version=fields.pop("version"),
            kind=Kind(fields.pop("kind")),
            days=fields.pop("days"),
            key_usages=frozenset(fields.pop("key_usages")),
            extended_key_usages=tuple(fields.pop("extended_key_usages", ())),
            policies=tuple(fields.pop("policies", ())),
            own_policies=tuple(f"{arc}.{tail}" for tail in fields.pop("own_policies", ()) if arc),
            rules=tuple(sorted(fields.pop("rules", {}).items())),
            **fields,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProfileInvalid(
            "profile.fields",
            Text(
                vi=f"Mẫu {name!r} thiếu hoặc thừa mục: {error}",
                en=f"Profile {name!r} has a wrong field: {error}",
            ),
        ) from error


def _require_types(fields: dict[str, Any]) -> None:
    for field, kind in _SCALARS.items():
        if field in fields and type(fields[field]) is not kind:
            raise TypeError(f"{field} is not of type {kind.__name__}")
