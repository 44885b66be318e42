"""Profiles: what a certificate of each kind contains, frozen and valid from birth.

They are read from `config/profiles.toml`. A profile cannot say what its rule book
forbids; the sources are in `ca.rulebook`.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from ca.errors import ProfileInvalid, Text
from ca.rulebook import (
    MAIL_PURPOSES,
    MAX_AUTHORITY_DAYS,
    MAX_MAIL_DAYS,
    PURPOSES,
    SMIME_POLICY_ARC,
    SmimePolicy,
)


class Kind(StrEnum):
    """Whom a certificate is for."""

    ROOT = "root"
    ISSUING = "issuing"
    PERSON = "person"
    ORGANIZATION = "organization"

    @property
    def is_authority(self) -> bool:
        return self in {Kind.ROOT, Kind.ISSUING}


_RESERVED: Final = {
    Kind.PERSON: {SmimePolicy.SPONSOR_MULTIPURPOSE, SmimePolicy.SPONSOR_STRICT},
    Kind.ORGANIZATION: {SmimePolicy.ORGANIZATION_MULTIPURPOSE, SmimePolicy.ORGANIZATION_STRICT},
    Kind.ISSUING: set(SmimePolicy),
}
_AUTHORITY_USAGE: Final = frozenset({"keyCertSign", "cRLSign"})
_SIGNING_USAGE: Final = frozenset({"digitalSignature"})
_MIXED_USAGE: Final = frozenset({"digitalSignature", "nonRepudiation"})
_SCALARS: Final = {
    "version": str,
    "days": int,
    "path_length": int,
    "ocsp": bool,
    "shorten": bool,
    "issue_until": date,
}
"""Types in the file: TOML would let `days = 1.5` and `ocsp = "no"` through."""

_OID: Final = re.compile(r"[012](\.(0|[1-9][0-9]{0,9}))+")


@dataclass(frozen=True, slots=True)
class Profile:
    """What a certificate of one kind contains; names of usages are those of RFC 5280.

    `days` counts whole days from notBefore, both ends included. `own_policies` are full
    OIDs; they carry the pointer to the practice statement. `shorten` lets a certificate
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
    shorten: bool = False
    rules: tuple[tuple[str, date], ...] = ()
    issue_until: date | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.version:
            raise self._invalid(
                "profile.unnamed",
                "Một mẫu chứng thư cần có tên và phiên bản.",
                "a profile has a name and a version",
            )
        for oid in (*self.policies, *self.own_policies):
            self._check_oid(oid)
        for oid in self.own_policies:
            if oid.startswith(SMIME_POLICY_ARC):
                raise self._invalid(
                    "profile.own-policy",
                    f"{oid} không phải là chính sách riêng.",
                    f"{oid} is not a policy of our own",
                )
        if self.kind.is_authority:
            self._check_authority()
        else:
            self._check_subscriber()

    @property
    def all_policies(self) -> tuple[str, ...]:
        return (*self.policies, *self.own_policies)

    @property
    def is_strict(self) -> bool:
        """Whether the subscriber's reserved policy is of the strict generation."""
        return not self.kind.is_authority and SmimePolicy(self.policies[0]).is_strict

    def _check_oid(self, oid: str) -> None:
        # A larger arc (such as 2.25.<UUID>) is valid ASN.1 that several readers cannot hold.
        if not _OID.fullmatch(oid) or any(int(arc) > 2**31 - 1 for arc in oid.split(".")):
            raise self._invalid(
                "profile.oid", f"{oid} không phải là OID dùng được.", f"{oid} is not a usable OID"
            )

    def _check_authority(self) -> None:
        if not 1 <= self.days <= MAX_AUTHORITY_DAYS:
            raise self._invalid(
                "profile.days",
                f"{self.days} ngày vượt quá 20 năm.",
                f"{self.days} days is not within 20 years",
            )
        if self.key_usages != _AUTHORITY_USAGE:
            raise self._invalid(
                "profile.key-usage",
                "CA chỉ ký chứng thư và danh sách thu hồi.",
                "an authority signs certificates and CRLs, nothing else",
            )
        if self.kind is Kind.ROOT:
            if self.all_policies or self.extended_key_usages or self.path_length is not None:
                raise self._invalid(
                    "profile.root",
                    "CA gốc không có chính sách, mục đích hay giới hạn độ dài.",
                    "a root has no policies, purposes or path length (SBR 7.1.2.1)",
                )
            return
        if self.path_length != 0:
            raise self._invalid(
                "profile.path-length",
                "CA cấp phát phải có pathLen bằng 0.",
                "an issuing authority has path length 0",
            )
        if not self.policies or not set(self.policies) <= _RESERVED[Kind.ISSUING]:
            raise self._invalid(
                "profile.policies",
                "CA cấp phát liệt kê các chính sách S/MIME mà nó dùng.",
                "an issuing authority lists the S/MIME policies it issues under",
            )
        self._check_purposes()

    def _check_subscriber(self) -> None:
        if not 1 <= self.days <= MAX_MAIL_DAYS:
            raise self._invalid(
                "profile.days",
                f"{self.days} ngày vượt quá {MAX_MAIL_DAYS} ngày.",
                f"{self.days} days is not within {MAX_MAIL_DAYS}",
            )
        if len(self.policies) != 1 or not set(self.policies) <= _RESERVED[self.kind]:
            raise self._invalid(
                "profile.policies",
                "Cần đúng một chính sách S/MIME dành riêng cho loại chủ thể này.",
                "exactly one reserved S/MIME policy, of this kind of subject (SBR 7.1.6.1)",
            )
        if self.key_usages not in (_SIGNING_USAGE, _MIXED_USAGE):
            raise self._invalid(
                "profile.key-usage",
                "Chỉ dùng digitalSignature, có thể thêm nonRepudiation.",
                "digitalSignature, perhaps with nonRepudiation (SBR 7.1.2.3 e)",
            )
        if self.path_length is not None:
            raise self._invalid(
                "profile.path-length",
                "Chứng thư thuê bao không có pathLen.",
                "a subscriber certificate has no path length",
            )
        self._check_purposes()
        if self.is_strict and self.extended_key_usages != ("emailProtection",):
            raise self._invalid(
                "profile.strict",
                "Loại nghiêm ngặt chỉ có emailProtection.",
                "the strict generation has emailProtection alone (SBR 7.1.2.3 f)",
            )

    def _check_purposes(self) -> None:
        purposes = self.extended_key_usages
        if (
            "emailProtection" not in purposes
            or len(set(purposes)) != len(purposes)
            or not set(purposes) <= set(PURPOSES)
        ):
            raise self._invalid(
                "profile.purposes",
                "Mục đích dùng khóa phải có emailProtection và không có mục đích bị cấm.",
                "purposes include emailProtection, once each, and none that S/MIME forbids",
            )
        if self.kind.is_authority and not set(purposes) <= MAIL_PURPOSES:
            raise self._invalid(
                "profile.purposes",
                "CA thư chỉ có emailProtection và clientAuth.",
                "a mail authority has emailProtection and clientAuth only (SMC018)",
            )

    def _invalid(self, code: str, vi: str, en: str) -> ProfileInvalid:
        return ProfileInvalid(code, Text(vi=f"Mẫu {self.name!r}: {vi}", en=f"Profile {self.name!r}: {en}."))


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
