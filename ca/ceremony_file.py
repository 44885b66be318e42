"""A ceremony as one commented TOML file, like `config/ceremony.example.toml`: its plan, and who holds it where."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ca.errors import CaError, Text
from ca.hierarchy import DOCUMENT, MAIL, Hierarchy, IssuingPlan
from ca.keys import KeyKind


class CeremonyInvalid(CaError):
    """The file does not describe a ceremony."""

    kind = "invalid"


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who takes part, and as what: presiding, keeping the keys, watching."""

    name: str
    position: str
    role: str


@dataclass(frozen=True, slots=True)
class Occasion:
    """Where a ceremony is held, by whom, and on which documents it rests; for its record.

    Raises CeremonyInvalid for a single participant: a ceremony has a witness.
    """

    place: str = ""
    participants: tuple[Participant, ...] = ()
    basis: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.participants) == 1:
            raise CeremonyInvalid(
                "ceremony.participants",
                Text(
                    vi="Lễ tạo khóa phải có từ hai người tham gia trở lên.",
                    en="A ceremony needs two participants or more.",
                ),
            )


@dataclass(frozen=True, slots=True)
class CeremonyFile:
    """What the file says, and the SHA-256 of its bytes: the record names the very file that people read."""

    plan: Hierarchy
    occasion: Occasion
    sha256: str


def load_ceremony(path: Path) -> CeremonyFile:
    """Read the file; every name in it must be one we know.

    Raises CeremonyInvalid for a file of another form, LintFailure for names, domains or
    addresses that no certificate may carry.
    """
    try:
        content = path.read_bytes()
        document = tomllib.loads(content.decode("utf-8"))
    except (OSError, ValueError) as error:
        raise CeremonyInvalid(
            "ceremony.file",
            Text(vi=f"Không đọc được {path.name}: {error}", en=f"Cannot read {path.name}: {error}"),
        ) from error
    try:
        occasion = _occasion(document.pop("record", {}))
        return CeremonyFile(_hierarchy(document), occasion, hashlib.sha256(content).hexdigest())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CeremonyInvalid(
            "ceremony.fields",
            Text(
                vi=f"{path.name} thiếu hoặc thừa mục: {error}", en=f"{path.name} has a wrong field: {error}"
            ),
        ) from error


def _hierarchy(document: dict[str, Any]) -> Hierarchy:
    fields = dict(document)
    issuing = fields.pop("issuing", None)
    domains = fields.pop("domains")
    if not isinstance(domains, list):
        raise TypeError("domains is not a list")
    for value in (*fields.values(), *domains):
        _require_text(value)
    return Hierarchy(
        domains=tuple(domains),
        key_kind=KeyKind(fields.pop("key_kind", KeyKind.P384)),
        issuing=(MAIL, DOCUMENT) if issuing is None else tuple(map(_issuing, issuing)),
        **fields,
    )


def _occasion(table: dict[str, Any]) -> Occasion:
    fields = dict(table)
    participants, basis = fields.pop("participants", []), fields.pop("basis", [])
    for value in (*fields.values(), *basis, *(value for each in participants for value in each.values())):
        _require_text(value)
    return Occasion(
        participants=tuple(Participant(**each) for each in participants), basis=tuple(basis), **fields
    )


def _issuing(table: dict[str, Any]) -> IssuingPlan:
    for value in table.values():
        _require_text(value)
    return IssuingPlan(**table)


def _require_text(value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
