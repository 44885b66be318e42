"""The form of a request: what somebody filled in, and the letter that it makes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from flask import request

from provisioner.errors import Invalid, Text
from provisioner.requests.models import Kind
from provisioner.requests.writing import FIELDS, MOST_ROWS, Letter
from provisioner.rosters.files.columns import Column


@dataclass
class Form:
    """The form as somebody filled it in: what comes back when something is not right."""

    kind: Kind
    values: Mapping[str, str] = field(default_factory=dict)
    rows: list[dict[Column, str]] = field(default_factory=list)
    problem: Text | None = None
    wrong: str = ""
    """The field that the problem is about."""
    has_new_row: bool = False
    lost: str = ""
    """Name of a file that came with it: no browser fills it in again."""


def read_form() -> Form:
    """What was sent, as far as this form has fields for it."""
    kind = request.form.get("kind", "")
    chosen = Kind(kind) if kind in set(Kind) else Kind.PEOPLE
    names = ("agency", "document_number", "document_date", "signer", "decision", "decision_date")
    values = {name: request.form.get(name, "").strip() for name in names}
    rows = []
    for number in range(MOST_ROWS):
        row = {
            column: text
            for column in FIELDS[chosen]
            if (text := request.form.get(f"row-{number}-{column}", "").strip())
        }
        if row or (chosen is Kind.UNIT and f"row-{number}-{Column.FULL_NAME}" in request.form):
            rows.append(row)
    scan = request.files.get("scan")
    return Form(chosen, values, rows, lost=(scan.filename or "") if scan is not None else "")


def letter_of(form: Form) -> Letter:
    """The letter that a form holds. Raises `Invalid` naming the field that is wrong."""
    on, decided_on = _date(form.values["document_date"]), _date(form.values["decision_date"])
    if on is None:
        raise Invalid(
            Text(vi="Hãy ghi ngày của văn bản.", en="Give the date of the letter."),
            code="request-document-date",
        )
    if decided_on is None and form.values["decision_date"]:
        raise Invalid(
            Text(
                vi="Ngày của quyết định không phải là một ngày.", en="The date of the decision is not a day."
            ),
            code="request-decision-date",
        )
    scan = request.files.get("scan")
    return Letter(
        kind=form.kind,
        document_number=form.values["document_number"],
        document_date=on,
        signer=form.values["signer"],
        decision=form.values["decision"] or None,
        decision_date=decided_on,
        rows=form.rows,
        scan=(scan.filename, scan.read()) if scan is not None and scan.filename else None,
    )


def _date(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None
