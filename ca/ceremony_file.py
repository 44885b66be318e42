"""The plan of a ceremony as one commented TOML file, like `config/ceremony.example.toml`."""

import tomllib
from pathlib import Path
from typing import Any

from ca.errors import CaError, Text
from ca.hierarchy import DOCUMENT, MAIL, Hierarchy, IssuingPlan
from ca.keys import KeyKind


class CeremonyInvalid(CaError):
    """The file does not describe a ceremony."""

    kind = "invalid"


def load_ceremony(path: Path) -> Hierarchy:
    """Read the plan; every name in the file must be one we know.

    Raises CeremonyInvalid for a file of another form, LintFailure for names, domains or
    addresses that no certificate may carry.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CeremonyInvalid(
            "ceremony.file",
            Text(vi=f"Không đọc được {path.name}: {error}", en=f"Cannot read {path.name}: {error}"),
        ) from error
    try:
        return _hierarchy(document)
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


def _issuing(table: dict[str, Any]) -> IssuingPlan:
    for value in table.values():
        _require_text(value)
    return IssuingPlan(**table)


def _require_text(value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
