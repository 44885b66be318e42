"""The form of a request: what somebody filled in, and the letter that it makes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from flask import request
from sqlalchemy import select

from provisioner.agencies.models import Agency
from provisioner.errors import Invalid, Text
from provisioner.operators.roles import Right
from provisioner.people.models import Person, Post
from provisioner.requests import scans
from provisioner.requests.models import Kind
from provisioner.requests.writing import FIELDS, MOST_ROWS, Letter
from provisioner.rosters.files.columns import Column
from provisioner.web.answering import services
from provisioner.web.visiting import reading


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
    scan: scans.Scan | None = None
    kept: str = ""
    """By what to ask for a scan that came with this form before."""


def new_form(kind: Kind) -> Form:
    """An empty form; one about people in post names in its first row whom the address asks for, if within reach."""
    staff_number = request.args.get("of", "").replace("\x00", "")[:120]
    if not staff_number or kind in (Kind.PEOPLE, Kind.UNIT):
        return Form(kind, rows=[{}])
    with reading(Right.ASK) as session:
        named = session.execute(
            select(Person.full_name, Agency.code)
            .join(Post, (Post.person_id == Person.id) & Post.until.is_(None))
            .join(Agency, Agency.id == Post.agency_id)
            .where(Person.staff_number == staff_number)
        ).one_or_none()
    if named is None:
        return Form(kind, rows=[{}])
    row = {Column.STAFF_NUMBER: staff_number, Column.FULL_NAME: named.full_name}
    return Form(kind, {"agency": named.code}, [row])


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
    file = request.files.get("scan")
    scan = (file.filename, file.read()) if file is not None and file.filename else None
    return Form(chosen, values, rows, scan=scan, kept="" if scan else request.form.get("kept", ""))


def attach(form: Form, *, by: str) -> None:
    """Keep the scan that came with a form until the form is kept, or find the one that came before. Raises `Invalid`."""
    found = services()
    if form.scan is not None:
        with found.database.transaction() as session:
            form.kept = scans.keep(session, form.scan, found.sealer, by=by, now=found.clock())
    elif form.kept:
        uid, form.kept = form.kept, ""  # one that is gone is not asked for again
        with found.database.reading() as session:
            form.scan = scans.kept(session, uid, found.sealer, by=by, now=found.clock())
        form.kept = uid


def detach(form: Form, *, by: str) -> None:
    """The letter has its scan now: nothing is kept for the form any more."""
    if form.kept:
        with services().database.transaction() as session:
            scans.drop(session, form.kept, by=by)


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
    return Letter(
        kind=form.kind,
        document_number=form.values["document_number"],
        document_date=on,
        signer=form.values["signer"],
        decision=form.values["decision"] or None,
        decision_date=decided_on,
        rows=form.rows,
        scan=form.scan,
    )


def _date(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None
