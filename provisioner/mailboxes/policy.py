"""Naming policies: how a province makes addresses, as data with a legal basis and a first day.

A policy is valid from birth: `load_policy` refuses a file with a sentence that names the mistake.
"""

import re
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from provisioner.errors import Misconfigured, Text
from provisioner.mailboxes.reserved import LISTS, RESERVED, skeleton

LONGEST_LOCAL_PART: Final = 64
"""Octets, RFC 5321 section 4.5.3.1.1."""

NUMBER: Final = "n"
IDENTITY_TOKENS: Final = frozenset({"identity3", "identity4"})
PERSONAL_TOKENS: Final = IDENTITY_TOKENS | {
    *("given", "family", "middle", "initials", "full", "agency", "parent", "commune"),
    *("birth_year", "birth_month_year", NUMBER),
}
UNIT_TOKENS: Final = frozenset({"agency", "parent", "commune", "name", NUMBER})

_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}")
_LITERAL = re.compile(r"[a-z0-9.]*")


@dataclass(frozen=True, slots=True)
class Template:
    """A local part with tokens in braces, `{given}{initials}.{agency}`."""

    text: str
    pieces: tuple[tuple[str, str | None], ...] = field(init=False, repr=False)
    """Literal text, then the token that follows it."""

    def __post_init__(self) -> None:
        try:
            parsed = [(literal, token) for literal, token, _, _ in string.Formatter().parse(self.text)]
        except ValueError as error:
            raise _wrong(f"the template “{self.text}” is malformed", f"mẫu “{self.text}” sai") from error
        if not parsed or not all(_LITERAL.fullmatch(literal) for literal, _ in parsed):
            raise _wrong(
                f"the template “{self.text}” may hold tokens, a-z, 0-9 and full stops only",
                f"mẫu “{self.text}” chỉ được gồm thẻ, a-z, 0-9 và dấu chấm",
            )
        object.__setattr__(self, "pieces", tuple(parsed))

    @property
    def tokens(self) -> frozenset[str]:
        return frozenset(token for _, token in self.pieces if token is not None)


@dataclass(frozen=True, slots=True)
class Ladder:
    """Templates to try in this order. Only the last has a running number, so there is always one more."""

    rungs: tuple[Template, ...]

    def __post_init__(self) -> None:
        if not self.rungs or NUMBER not in self.rungs[-1].tokens:
            raise _wrong(
                "the last template of a ladder needs the running number {n}",
                "mẫu cuối cùng của bậc thang phải có số thứ tự {n}",
            )
        if any(NUMBER in rung.tokens for rung in self.rungs[:-1]):
            raise _wrong(
                "only the last template of a ladder may have the running number {n}",
                "chỉ mẫu cuối cùng của bậc thang được có số thứ tự {n}",
            )


@dataclass(frozen=True, slots=True)
class UnitRule:
    """A ladder for the units it fits: each condition lists the values that fit, none fits all."""

    ladder: Ladder
    levels: frozenset[str] = frozenset()
    blocs: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    sub_unit: bool | None = None
    """True: only units inside an agency; false: only agencies; None: both."""

    @property
    def fits_all(self) -> bool:
        return not (self.levels or self.blocs or self.kinds or self.sub_unit is not None)

    def fits(self, *, level: str, bloc: str, kind: str, sub_unit: bool) -> bool:
        return (
            (not self.levels or level in self.levels)
            and (not self.blocs or bloc in self.blocs)
            and (not self.kinds or kind in self.kinds)
            and (self.sub_unit is None or self.sub_unit is sub_unit)
        )


@dataclass(frozen=True, slots=True)
class NamingPolicy:
    """How one province makes addresses from one day on.

    `domains`: new addresses are made in the first; addresses in files may be in any of them.
    Addresses are unique by normal form (`addresses.normal_form`) within their domain.
    """

    province: str
    legal_basis: str
    valid_from: date
    domains: tuple[str, ...]
    personal: Ladder
    units: tuple[UnitRule, ...]
    keep_existing: bool = True
    """Whether an address that a person or unit already has is left as it is (DT143 art. 6.1)."""
    first_number: int = 2
    reserved: frozenset[str] = frozenset()
    """Names nobody gets, besides those that are reserved everywhere."""
    reserved_skeletons: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.domains or not all(_DOMAIN.fullmatch(domain) for domain in self.domains):
            raise _wrong(
                "`domains` needs mail domains in lower case", "`domains` phải là tên miền chữ thường"
            )
        if self.first_number < 1:
            raise _wrong("`first_number` is 1 or more", "`first_number` phải từ 1 trở lên")
        _check_tokens(self.personal, PERSONAL_TOKENS)
        if not self.units or not self.units[-1].fits_all:
            raise _wrong(
                "the last rule for units must fit all of them, without conditions",
                "quy tắc cuối cùng cho hộp thư đơn vị phải áp dụng cho mọi đơn vị, không có điều kiện",
            )
        for rule in self.units:
            _check_tokens(rule.ladder, UNIT_TOKENS)
        object.__setattr__(
            self, "reserved_skeletons", frozenset(skeleton(name) for name in RESERVED | self.reserved)
        )

    @property
    def domain(self) -> str:
        """Where new addresses are made."""
        return self.domains[0]

    @property
    def uses_identity(self) -> bool:
        """Whether digits of the identity number go into personal addresses."""
        return any(rung.tokens & IDENTITY_TOKENS for rung in self.personal.rungs)

    def demand_in_force(self, today: date) -> None:
        """Raises `Misconfigured` before the policy's first day."""
        if today < self.valid_from:
            raise _wrong(
                f"The naming policy of {self.province} holds from {self.valid_from} on; until then name the one before "
                "it in naming.policy.",
                f"Quy tắc đặt địa chỉ của {self.province} có hiệu lực từ ngày {self.valid_from:%d/%m/%Y}; trước ngày "
                "đó, hãy đặt naming.policy là quy tắc đang có hiệu lực.",
            )

    def is_reserved(self, local_part: str) -> bool:
        """Whether a local part is, or looks like, a name that nobody may have."""
        is_list = local_part.lower().partition(".")[0] in LISTS
        return is_list or skeleton(local_part) in self.reserved_skeletons


def load_policy(path: Path) -> NamingPolicy:
    """Read a policy file (`config/naming/*.toml`). Raises `Misconfigured` naming the file and the mistake."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        return _policy(table)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise _wrong(f"{path.name}: {error}", f"{path.name}: {error}") from error
    except Misconfigured as error:
        raise _wrong(f"{path.name}: {error.text.en}", f"{path.name}: {error.text.vi}") from error


def _policy(table: dict[str, Any]) -> NamingPolicy:
    _check_keys(table, _POLICY)
    return NamingPolicy(
        province=table["province"],
        legal_basis=table["legal_basis"],
        valid_from=table["valid_from"],
        domains=_texts(table, "domains"),
        personal=_ladder(table["personal"]),
        units=tuple(_unit_rule(rule) for rule in table["unit"]),
        keep_existing=table["keep_existing"],
        first_number=table["first_number"],
        reserved=frozenset(_texts(table, "reserved")),
    )


def _ladder(table: dict[str, Any]) -> Ladder:
    _check_keys(table, _LADDER)
    return Ladder(tuple(Template(text) for text in (table["base"], *_texts(table, "duplicates"))))


def _unit_rule(table: dict[str, Any]) -> UnitRule:
    conditions = {key: table[key] for key in _CONDITIONS if key in table}
    _check_keys(conditions, {key: _CONDITIONS[key] for key in conditions})
    return UnitRule(
        _ladder({key: value for key, value in table.items() if key not in conditions}),
        levels=frozenset(_texts(conditions, "levels")),
        blocs=frozenset(_texts(conditions, "blocs")),
        kinds=frozenset(_texts(conditions, "kinds")),
        sub_unit=conditions.get("sub_unit"),
    )


_POLICY: Final[Mapping[str, type]] = MappingProxyType(
    {
        "province": str,
        "legal_basis": str,
        "valid_from": date,
        "domains": list,
        "keep_existing": bool,
        "first_number": int,
        "reserved": list,
        "personal": dict,
        "unit": list,
    }
)
_LADDER: Final[Mapping[str, type]] = MappingProxyType({"base": str, "duplicates": list})
_CONDITIONS: Final[Mapping[str, type]] = MappingProxyType(
    {"levels": list, "blocs": list, "kinds": list, "sub_unit": bool}
)


def _check_keys(table: dict[str, Any], types: Mapping[str, type]) -> None:
    if unknown := ", ".join(sorted(set(table) - set(types))):
        raise _wrong(f"unknown: {unknown}", f"không hiểu: {unknown}")
    for key, kind in types.items():
        if not isinstance(table.get(key), kind):
            raise _wrong(f"`{key}` is missing or of the wrong type", f"thiếu `{key}` hoặc sai kiểu")


def _texts(table: dict[str, Any], key: str) -> tuple[str, ...]:
    texts = table.get(key, ())
    if not all(isinstance(text, str) for text in texts):
        raise _wrong(f"`{key}` is a list of texts", f"`{key}` là danh sách chuỗi")
    return tuple(texts)


def _check_tokens(ladder: Ladder, known: frozenset[str]) -> None:
    for rung in ladder.rungs:
        if unknown := rung.tokens - known:
            names = ", ".join(sorted(unknown))
            raise _wrong(
                f"the template “{rung.text}” has unknown tokens: {names}",
                f"mẫu “{rung.text}” có thẻ không hiểu: {names}",
            )


def _wrong(en: str, vi: str) -> Misconfigured:
    return Misconfigured(Text(vi=vi, en=en), code="naming-policy-wrong")
