"""Choosing addresses: the first free step of the policy's ladder, the same whenever it is asked.

Nothing here knows the books. The caller holds the normal forms of every address that was ever
given, sorts its rows by staff number, and adds each choice before it asks for the next.
"""

import re
import unicodedata
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import count

from provisioner.errors import Invalid, Text
from provisioner.mailboxes.policy import LONGEST_LOCAL_PART, NUMBER, Ladder, NamingPolicy, Template
from provisioner.people.names import ParsedName
from provisioner.vietnamese import ascii_letters

_LOCAL_PART = re.compile(r"[a-z0-9](?:[a-z0-9_-]|\.(?!\.))*(?<![._-])")
_DOTS = re.compile(r"\.{2,}")


@dataclass(frozen=True, slots=True)
class NameFacts:
    """What a personal address may be made of. A template whose facts are missing is passed over."""

    parsed: ParsedName
    agency_abbreviation: str | None = None
    parent_abbreviation: str | None = None
    """Of the agency above the person's own."""
    commune: str | None = None
    """The commune's name without its type, `Đạ Tẻh`, or its slug."""
    birth_date: date | None = None
    identity_tail: str | None = field(default=None, repr=False)
    """The last four digits of the identity number, for policies that put them into addresses."""


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """What the address of an agency or of a unit inside one is made of; codes as in the reference data."""

    name: str
    abbreviation: str
    level: str
    bloc: str
    kind: str
    sub_unit: bool = False
    """A unit inside an agency, without a seal of its own."""
    parent_abbreviation: str | None = None
    commune: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an address was passed over: `address-taken` or `address-reserved`."""

    code: str
    address: str

    @property
    def text(self) -> Text:
        if self.code == "address-reserved":
            return Text(
                vi=f"Không cấp được {self.address}: tên này dành riêng hoặc dễ nhầm với tên dành riêng.",
                en=f"{self.address} is not given: the name is reserved or looks like a reserved one.",
            )
        return Text(
            vi=f"{self.address} đã được cấp, hoặc chỉ khác dấu chấm với một địa chỉ đã cấp.",
            en=f"{self.address} has been given before, or differs only in dots from one that has.",
        )


@dataclass(frozen=True, slots=True)
class Chosen:
    """An address that is free, the one the name makes first, and why it did not get that one."""

    address: str
    base: str
    rung: int
    """Which template of the ladder it came from; 0 is the base."""
    reasons: tuple[Reason, ...] = ()
    """The first obstacle on each rung below, in order."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an address from a file cannot be taken."""

    code: str
    text: Text


def propose(policy: NamingPolicy, facts: NameFacts | UnitFacts) -> Iterator[str]:
    """Every address the policy would give, best first; endless unless the facts make none."""
    for _, local in _climb(policy, facts):
        if not policy.is_reserved(local):
            yield f"{local}@{policy.domain}"


def choose(policy: NamingPolicy, facts: NameFacts | UnitFacts, taken: Container[str]) -> Chosen:
    """The first proposal that is neither reserved nor taken; `taken` holds normal forms.

    Raises `Invalid` with `name-makes-no-address` when no template can be filled within 64
    characters; a person then has to give an address.
    """
    base: str | None = None
    reasons: dict[int, Reason] = {}
    for rung, local in _climb(policy, facts):
        address = f"{local}@{policy.domain}"
        base = base or address
        if policy.is_reserved(local):
            reasons.setdefault(rung, Reason("address-reserved", address))
        elif f"{local.replace('.', '')}@{policy.domain}" in taken:
            reasons.setdefault(rung, Reason("address-taken", address))
        else:
            return Chosen(address, base, rung, tuple(reasons.values()))
    name = facts.name if isinstance(facts, UnitFacts) else facts.parsed.full_name
    raise Invalid(
        Text(
            vi=f"Không tạo được địa chỉ thư từ tên “{name}”; hãy ghi địa chỉ vào tệp.",
            en=f"No address can be made from the name “{name}”; give one in the file.",
        ),
        code="name-makes-no-address",
    )


def normal_form(address: str) -> str:
    """The form in which two addresses that people mistake for one another are equal.

    Case, full-width letters, and the signs between the letters of the local part make no
    difference: `an.nv@`, `AnNV@` and `an-nv@` must not belong to two people.
    """
    local, _, domain = unicodedata.normalize("NFKC", address).strip().lower().rpartition("@")
    return f"{local.replace('.', '').replace('-', '').replace('_', '')}@{domain}"


def check_given(policy: NamingPolicy, address: str) -> Problem | None:
    """What is wrong with an address given in a file, if anything; whether it is free is not asked here.

    Codes: `address-malformed`, `address-too-long`, `address-domain-not-ours`, `address-reserved`.
    """
    local, at, domain = address.strip().lower().rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local):
        return _problem(
            "address-malformed",
            vi=f"“{address}” không phải địa chỉ thư; chỉ dùng a-z, 0-9, dấu chấm và gạch nối.",
            en=f"“{address}” is no address; use a-z, 0-9, full stops and hyphens only.",
        )
    if len(local) > LONGEST_LOCAL_PART:
        return _problem(
            "address-too-long",
            vi=f"Phần trước @ dài quá {LONGEST_LOCAL_PART} ký tự.",
            en=f"There are more than {LONGEST_LOCAL_PART} characters before the @.",
        )
    if domain not in policy.domains:
        ours = ", ".join(policy.domains)
        return _problem(
            "address-domain-not-ours",
            vi=f"Tên miền {domain} không thuộc tỉnh; dùng: {ours}.",
            en=f"The domain {domain} is not the province's; use: {ours}.",
        )
    if policy.is_reserved(local):
        reason = Reason("address-reserved", f"{local}@{domain}")
        return Problem(reason.code, reason.text)
    return None


def _problem(code: str, *, vi: str, en: str) -> Problem:
    return Problem(code, Text(vi=vi, en=en))


def _climb(policy: NamingPolicy, facts: NameFacts | UnitFacts) -> Iterator[tuple[int, str]]:
    """Rung and local part, step by step; rungs that the facts cannot fill are left out."""
    if isinstance(facts, NameFacts):
        ladder, values = policy.personal, _personal_values(facts)
    else:
        ladder, values = _ladder_for(policy, facts), _unit_values(facts)
    for rung, template in enumerate(ladder.rungs):
        if NUMBER not in template.tokens:
            if local := _local_part(template, values):
                yield rung, local
            continue
        for number in count(policy.first_number):
            values[NUMBER] = str(number)
            if not (local := _local_part(template, values)):
                return
            yield rung, local


def _ladder_for(policy: NamingPolicy, facts: UnitFacts) -> Ladder:
    return next(
        rule.ladder
        for rule in policy.units
        if rule.fits(level=facts.level, bloc=facts.bloc, kind=facts.kind, sub_unit=facts.sub_unit)
    )


def _personal_values(facts: NameFacts) -> dict[str, str | None]:
    """The tokens of a person. Family and middle name may be empty, and the initials with them."""
    parsed, born, tail = facts.parsed, facts.birth_date, facts.identity_tail
    family, middle = ascii_letters(parsed.family), ascii_letters(parsed.middle)
    return {
        "given": _slug(parsed.given),
        "family": family.replace(" ", ""),
        "middle": middle.replace(" ", ""),
        "initials": "".join(word[0] for word in f"{family} {middle}".split()),
        "full": _slug(parsed.full_name),
        "agency": _abbreviation(facts.agency_abbreviation),
        "parent": _abbreviation(facts.parent_abbreviation),
        "commune": _slug(facts.commune),
        "identity3": tail[-3:] if tail and len(tail) >= 3 else None,
        "identity4": tail[-4:] if tail and len(tail) >= 4 else None,
        "birth_year": f"{born:%Y}" if born else None,
        "birth_month_year": f"{born:%m%Y}" if born else None,
    }


def _unit_values(facts: UnitFacts) -> dict[str, str | None]:
    return {
        "agency": _abbreviation(facts.abbreviation),
        "parent": _abbreviation(facts.parent_abbreviation),
        "commune": _slug(facts.commune),
        "name": _slug(facts.name),
    }


def _slug(text: str | None) -> str | None:
    """The letters and digits of a text in one word; None when there are none."""
    return ascii_letters(text).replace(" ", "") or None if text else None


def _abbreviation(text: str | None) -> str | None:
    """An abbreviation may have dots of its own: `du.dateh`."""
    return ".".join(filter(None, map(_slug, text.split(".")))) or None if text else None


def _local_part(template: Template, values: Mapping[str, str | None]) -> str | None:
    """The template filled in, without dots left over by an empty part; None when it cannot be."""
    filled: list[str] = []
    for literal, token in template.pieces:
        filled.append(literal)
        if token is not None:
            value = values[token]
            if value is None:
                return None
            filled.append(value)
    local = "".join(filled).strip(".")
    if ".." in local:
        local = _DOTS.sub(".", local)
    return local if 0 < len(local) <= LONGEST_LOCAL_PART else None
