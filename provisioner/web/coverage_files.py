"""Coverage as files: the table, the report on paper, the yearly form, and what the province signed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from provisioner import troubles
from provisioner.agencies.register import Register
from provisioner.audit import Who
from provisioner.coverage.asking import ask
from provisioner.coverage.reporting import Detail
from provisioner.coverage.scopes import described
from provisioner.coverage.tallies import Coverage, Scope
from provisioner.days import day_of
from provisioner.errors import Forbidden, Invalid, NotFound, Text
from provisioner.operators.roles import Right
from provisioner.reports import signing_asked
from provisioner.reports.coverage_document import SUBJECT
from provisioner.reports.expiring import expiring
from provisioner.reports.files import TYPES, coverage_pdf, table_file
from provisioner.reports.letterhead import Letterhead, Signature
from provisioner.reports.models import SignedReport
from provisioner.reports.typesetting import Unprintable
from provisioner.reports.yearly import Answers, period, yearly_document
from provisioner.web.answering import a_file, services
from provisioner.web.coverage_asked import Asked, asked
from provisioner.web.paging import page_of
from provisioner.web.policies import needs
from provisioner.web.speaking import day, language, spoken
from provisioner.web.telling import back_to
from provisioner.web.visiting import changing, reach, reading, the_visitor

pages = Blueprint("coverage_files", __name__)

_WRONG: Final = {
    "capacity-wrong": "capacity",
    "document-number-wrong": "number",
    "agency-unknown": "agency",
    "year-wrong": "year",
}
"""The field that an error is about."""

_LONGEST: Final = 4000
"""Characters of one field of the form."""


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a report as it stands on the page."""

    values: Mapping[str, str]
    problem: Text | None = None
    wrong: str = ""


@pages.get("/coverage/table.<ending>")
@needs(Right.COVERAGE)
def download(ending: str) -> ResponseReturnValue:
    """The table of all agencies in scope, as XLSX or CSV."""
    if ending not in ("xlsx", "csv"):
        raise NotFound(
            Text(vi="Chỉ có XLSX và CSV.", en="There are XLSX and CSV only."), code="ending-unknown"
        )
    wanted = asked(Right.COVERAGE)
    with reading(Right.COVERAGE) as session:
        covered = _covered(session, wanted)
        ends = expiring(session, covered)
    content = table_file(covered, ends, services().reference, ending=ending, language=language())
    return _file(content, ending, covered)


@pages.get("/coverage/report")
@needs(Right.COVERAGE)
def compose() -> ResponseReturnValue:
    """The form of a report: what stands around the figures, and who signs."""
    wanted = asked(Right.COVERAGE)
    with reading(Right.COVERAGE) as session:
        return _form(wanted, Form(_defaults(session, wanted.scope)))


@pages.post("/coverage/report")
@needs(Right.COVERAGE)
def make() -> ResponseReturnValue:
    """Set the report and give it, or have it signed in the province's name."""
    values = {name: text.replace("\x00", "")[:_LONGEST].strip() for name, text in request.form.items()}
    signs = values.get("do") == "sign"
    if signs and not reach(Right.SIGN):
        raise Forbidden(
            Text(
                vi="Vai trò của bạn không được yêu cầu ký số thay mặt tỉnh.",
                en="Your role does not let you have reports signed for the province.",
            ),
            code="not-allowed",
        )
    right = Right.SIGN if signs else Right.COVERAGE
    wanted = asked(right)
    try:
        covered, pdf, place = _pdf(right, wanted, values)
    except (Invalid, NotFound) as error:
        if (wrong := _field_of(error, values)) is None:
            raise
        return _form(wanted, Form(values, error.text, wrong)), 422
    of_a_year = values.get("kind") == "yearly"
    if not signs:
        return _file(pdf, "pdf", covered, f"bao-cao-nam-{values['year']}" if of_a_year else "ty-le")
    about = f"Báo cáo năm {values['year']}" if of_a_year else SUBJECT
    title = f"{about} ({described(covered.scope, services().reference)}, {day(covered.at)})"
    with changing(Right.SIGN) as session:
        signing_asked.ask_for_signature(
            session, pdf, title=title[:500], place=place, who=Who(the_visitor().name), now=services().clock()
        )
    return back_to(url_for("coverage_files.signed"), "report-asked")


@pages.get("/coverage/signed")
@needs(Right.SIGN)
def signed() -> ResponseReturnValue:
    """What the province signed, and what waits for its signature; newest first."""
    with reading(Right.SIGN) as session:
        page = page_of(session, select(SignedReport).order_by(SignedReport.id.desc()))
    waits = any(report.signed_at is None for (report,) in page.rows)
    return render_template("coverage-signed.html", page=page, waits=waits, told=troubles.told)


@pages.get("/coverage/signed/<digest>")
@needs(Right.SIGN)
def fetch(digest: str) -> ResponseReturnValue:
    """One signed report."""
    with reading(Right.SIGN) as session:
        content = signing_asked.fetch(session, digest)
    return a_file(content, f"bao-cao-{digest[:12]}.pdf", TYPES["pdf"])


def _covered(session: Session, wanted: Asked) -> Coverage:
    found = services()
    return ask(session, wanted.scope, wanted.day, now=found.clock(), used_within=found.used_within)


def _file(content: bytes, ending: str, covered: Coverage, what: str = "ty-le") -> Response:
    scope = covered.scope
    where = scope.agency or ("pham-vi" if scope.within else "toan-tinh")
    name = f"{what}-{where}-{day_of(covered.at):%Y-%m-%d}.{ending}"
    return a_file(content, name, TYPES[ending])


def _form(wanted: Asked, form: Form) -> str:
    found = services()
    return render_template(
        "coverage-report.html",
        asked=wanted,
        values=form.values,
        problem=spoken(form.problem) if form.problem else None,
        wrong=form.wrong,
        scope=described(wanted.scope, found.reference, language=language()),
        signs=bool(reach(Right.SIGN)),
    )


def _defaults(session: Session, scope: Scope) -> dict[str, str]:
    """What the form begins with: the agency in focus issues the report, or the owner of the system."""
    found = services()
    authority, today = found.settings.authority, day_of(found.clock())
    values = {
        "issuer": authority.owner,
        "superior": "",
        "number": "/BC",
        "place": authority.state,
        "capacity": "THỦ TRƯỞNG CƠ QUAN",
        "recipients": "Lưu: VT",
        "year": str(today.year),
        "kind": "coverage",
    }
    if scope.agency is not None:
        register = Register.read(session)
        who = register.get(scope.agency)
        above = register.parent(who)
        values |= {"issuer": who.name, "number": f"/BC-{who.abbreviation.upper()}"}
        values["superior"] = above.name if above else ""
    elif len(scope.within) == 1:
        values["issuer"] = scope.within[0]
    return values


def _pdf(right: Right, wanted: Asked, values: Mapping[str, str]) -> tuple[Coverage, bytes, str]:
    """The coverage, the report about it, and its place. Raises `Invalid` and `NotFound` for what was filled in."""
    found = services()
    letterhead = Letterhead(
        agency=values.get("issuer") or found.settings.authority.owner,
        superior=values.get("superior", ""),
        number=values.get("number") or "/BC",
        place=values.get("place") or found.settings.authority.state,
        day=day_of(found.clock()),
        signature=Signature(_lines(values, "capacity") or ("THỦ TRƯỞNG CƠ QUAN",), values.get("signer", "")),
        recipients=_lines(values, "recipients") or ("Lưu: VT",),
    )
    if values.get("kind") != "yearly":
        with reading(right) as session:
            covered = _covered(session, wanted)
            ends = expiring(session, covered)
        detail = Detail.LEVEL if values.get("detail") == "level" else Detail.AGENCY
        pdf = coverage_pdf(covered, ends, found.reference, letterhead, detail=detail)
        return covered, pdf, letterhead.place
    year = _year(values.get("year", ""))
    with reading(right) as session:
        covered = _covered(session, Asked(wanted.scope, period(year)[1]))
    answers = Answers(
        {"yes": True, "no": False}.get(values.get("published", "")),
        *(_lines(values, name) for name in ("difficulties", "new", "changes", "locks", "removals")),
    )
    pdf = yearly_document(
        covered, year=year, agency=letterhead.agency, letterhead=letterhead, answers=answers
    )
    return covered, pdf, letterhead.place


def _field_of(error: Invalid | NotFound, values: Mapping[str, str]) -> str | None:
    """The field that this error is about, if it is about one."""
    if isinstance(error, Unprintable):
        lacking = set(error.characters)
        return next((name for name, text in values.items() if lacking.intersection(text)), None)
    return _WRONG.get(error.code)


def _lines(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in values.get(name, "").splitlines() if line.strip())


def _year(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 2000 <= int(text[:5]) <= 2100):
        raise Invalid(
            Text(vi="Năm báo cáo phải từ 2000 đến 2100.", en="The year has to be from 2000 to 2100."),
            code="year-wrong",
        )
    return int(text)
