"""The coverage board: how far, who is behind, is it moving; the same figures as `provisioner coverage`."""

from datetime import date

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.agencies.register import path_of
from provisioner.coverage import editions
from provisioner.coverage.placing import read_places
from provisioner.coverage.remembering import Span
from provisioner.coverage.reporting import Detail
from provisioner.coverage.scopes import described
from provisioner.coverage.tallies import Scope
from provisioner.days import day_of
from provisioner.errors import Invalid
from provisioner.operators.roles import Right
from provisioner.web.answering import services
from provisioner.web.coverage_asked import Asked, asked, asked_scope
from provisioner.web.coverage_drawing import View, count_for, draw, rankings
from provisioner.web.policies import needs
from provisioner.web.speaking import language, spoken
from provisioner.web.visiting import reach, reading

pages = Blueprint("coverage", __name__)


@pages.get("/coverage")
@needs(Right.COVERAGE)
def show() -> ResponseReturnValue:
    """Coverage now or on a day, of all that the reader may see or of what the address asks for.

    What is below the filters is drawn again only when something may have changed. Beside a day that
    has no figures stands why, and below it are those of now.
    """
    found, problem = services(), None
    try:
        wanted = asked(Right.COVERAGE)
    except Invalid as error:
        wanted, problem = Asked(asked_scope(Right.COVERAGE), None), spoken(error.text)
    now = found.clock()
    ranked_by = request.args.get("rank", "")
    view = View(
        asked=wanted,
        ranked_by=ranked_by if ranked_by in rankings() else next(iter(rankings())),
        all_ranked=bool(request.args.get("all")),
        detail=Detail.AGENCY if request.args.get("detail") == "agency" else Detail.LEVEL,
        named=wanted.day is None and bool(reach(Right.REGISTER)),
        language=language(),
    )
    with reading(Right.COVERAGE) as session:
        line = _line_down(session, wanted)
        edition = editions.current(session)
        key = (reach(Right.COVERAGE), view, *line)
        drawn = found.drawn.find(key, edition, at=now)
        counted = None if drawn else count_for(session, wanted, now=now)
    if drawn is None:
        assert counted is not None
        drawn = draw(counted, view)
        if edition is not None and counted.until is not None:
            found.drawn.keep(key, Span(edition, now, counted.until), drawn)
    page = render_template(
        "coverage.html",
        asked=wanted,
        problem=problem,
        at=now if wanted.day is None else drawn.at,
        scope=described(wanted.scope, found.reference, language=language()),
        line=line,
        drawn=drawn.page,
        signs=bool(reach(Right.SIGN)),
        **choices(wanted.day),
    )
    return page, 422 if problem else 200


def choices(day: date | None = None) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer of a day, or of today, in the language of the request."""
    reference, spoken = services().reference, language()
    day = day or day_of(services().clock())
    return {
        "blocs": [(code, term.name.in_language(spoken)) for code, term in reference.blocs.items()],
        "levels": [
            (code, term.name.in_language(spoken))
            for code, term in reference.levels.items()
            if term.valid_on(day)
        ],
        "staff": [(code, term.name.in_language(spoken)) for code, term in reference.categories.items()],
    }


def _line_down(session: Session, wanted: Asked) -> list[tuple[str, str]]:
    """Codes and names, on that day, of the agencies above the one in focus, as far as the reader sees them, and its own.

    Raises `NotFound` for an agency that they do not see.
    """
    scope = wanted.scope
    if scope.agency is None:
        return []
    if wanted.day is not None:
        focus = next(iter(read_places(session, scope, on=wanted.day)), None)
        places = read_places(session, Scope(), on=wanted.day)
        return [(one.code, one.name) for one in places if focus and focus.path.startswith(one.path)]
    steps = path_of(session, scope.agency).strip("/").split("/")
    above = select(Agency.code, Agency.name).where(Agency.id.in_(map(int, steps)))
    return [(code, name) for code, name in session.execute(above.order_by(func.length(Agency.path)))]
