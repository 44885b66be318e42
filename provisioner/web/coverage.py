"""The coverage page: the same figures as `provisioner coverage`, from the same functions."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from provisioner.coverage.counting import cover
from provisioner.coverage.reporting import Detail, described, figures, grouped, heads, sentences
from provisioner.coverage.tallies import Scope
from provisioner.operators.roles import Right
from provisioner.web.answering import services
from provisioner.web.policies import needs
from provisioner.web.speaking import language
from provisioner.web.visiting import reading

pages = Blueprint("coverage", __name__)


@pages.get("/coverage")
@needs(Right.COVERAGE)
def show() -> ResponseReturnValue:
    """Coverage now, of all that the reader may see or of what the address asks for."""
    found, spoken = services(), language()
    scope = Scope(
        blocs=frozenset(request.args.getlist("bloc")) & found.reference.blocs.keys(),
        levels=frozenset(request.args.getlist("level")) & found.reference.levels.keys(),
        categories=frozenset(request.args.getlist("category")) & found.reference.categories.keys(),
        agency=request.args.get("agency") or None,
    )
    detail = Detail.AGENCY if request.args.get("detail") == "agency" else Detail.LEVEL
    with reading(Right.COVERAGE) as session:
        covered = cover(session, scope, at=found.clock(), used_within=found.used_within)
    return render_template(
        "coverage.html",
        at=covered.at,
        scope=described(scope, found.reference, language=spoken),
        sentences=sentences(covered, found.reference, language=spoken),
        heads=heads(spoken),
        groups=grouped(covered, found.reference, detail=detail, language=spoken),
        total=covered.sums,
        figures=lambda sums: figures(sums, spoken),
        blocs=[(code, term.name.in_language(spoken)) for code, term in found.reference.blocs.items()],
        levels=[
            (code, term.name.in_language(spoken))
            for code, term in found.reference.levels.items()
            if term.valid_on(covered.at.date())
        ],
        chosen=scope,
        detail=detail,
    )
