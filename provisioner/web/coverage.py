"""The coverage board: how far, who is behind, is it moving; the same figures as `provisioner coverage`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.certificates.foreign import valid_by_agency
from provisioner.coverage import metrics
from provisioner.coverage.asking import ask
from provisioner.coverage.branches import Branch, branches
from provisioner.coverage.conditions import root_of
from provisioner.coverage.figures import Measure, count, percent, ratio
from provisioner.coverage.reporting import Detail, described, figures, grouped, heads, lists_behind
from provisioner.coverage.snapshots import Point
from provisioner.coverage.tallies import Coverage, Sums, Tally
from provisioner.operators.roles import Right
from provisioner.reports.charts import Bar, bar_chart, ranked, series_of, trend_chart
from provisioner.reports.expiring import expiring_in
from provisioner.tenancy import whole
from provisioner.web.answering import services
from provisioner.web.coverage_asked import Asked, asked
from provisioner.web.policies import needs
from provisioner.web.speaking import day, gettext, language
from provisioner.web.visiting import reach, reading

pages = Blueprint("coverage", __name__)

FEWEST_SHOWN = 12
"""Bars of the ranking that are drawn before somebody asks for all of them."""

WIDTHS = {"wide": 720, "narrow": 340}
"""Each chart is drawn twice, for a desk and for a telephone; the style sheet shows one."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One headline: a rate with its numerator and denominator, and the list of who is missing."""

    name: str
    measure: Measure
    missing: str
    behind: str
    """How many are missing and on the list, in words."""
    moved: str
    """How far the rate has come since an earlier day, in words; empty where nobody knows."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A number, with the list behind it."""

    name: str
    number: int
    to: str | None = None


@pages.get("/coverage")
@needs(Right.COVERAGE)
def show() -> ResponseReturnValue:
    """Coverage now or on a day, of all that the reader may see or of what the address asks for."""
    found, spoken, wanted = services(), language(), asked()
    detail = Detail.AGENCY if request.args.get("detail") == "agency" else Detail.LEVEL
    with reading(Right.COVERAGE) as session:
        covered = ask(session, wanted.scope, wanted.day, now=found.clock(), used_within=found.used_within)
        line = _line_down(session, covered)
        points = found.trend.points(session, covered, categories=tuple(found.reference.categories))
        soon = expiring_in(session, covered)
        with whole(session):  # filtered below by the agencies that the reader sees
            foreign = valid_by_agency(session, at=covered.at)
    below = branches(covered)
    metric = request.args.get("rank", "")
    metric = metric if metric in _metrics() else next(iter(_metrics()))
    return render_template(
        "coverage.html",
        asked=wanted,
        at=covered.at,
        scope=described(wanted.scope, found.reference, language=spoken),
        line=line,
        tiles=_tiles(covered, points),
        facts=_facts(covered, soon, foreign, wanted),
        rolled=metrics.roll_out(covered),
        trend=_trend(points),
        past=[
            (day(point.day), [measured(point.sums) for _name, measured in _metrics().values()])
            for point in points
        ],
        together=percent(_metrics()[metric][1](covered.sums), spoken),
        metric=metric,
        metrics={name: said for name, (said, _metric) in _metrics().items()},
        below=below,
        ranking=_ranking(below, covered, metric, wanted, all_of_them=bool(request.args.get("all"))),
        shortened=len(below) > FEWEST_SHOWN and not request.args.get("all"),
        heads=list(zip(heads(spoken), lists_behind(), strict=True)),
        groups=grouped(covered, found.reference, detail=detail, language=spoken),
        categories=_categories(covered),
        total=covered.sums,
        figures=lambda sums: list(zip(figures(sums, spoken), lists_behind(), strict=True)),
        ratio=lambda measure: ratio(measure, spoken),
        percent=lambda measure: percent(measure, spoken),
        named=wanted.day is None and bool(reach(Right.REGISTER)),
        signs=bool(reach(Right.SIGN)),
        detail=detail,
        **choices(),
    )


def choices() -> dict[str, list[tuple[str, str]]]:
    """What the filters offer, in the language of the request."""
    reference, spoken = services().reference, language()
    today = services().clock().date()
    return {
        "blocs": [(code, term.name.in_language(spoken)) for code, term in reference.blocs.items()],
        "levels": [
            (code, term.name.in_language(spoken))
            for code, term in reference.levels.items()
            if term.valid_on(today)
        ],
        "staff": [(code, term.name.in_language(spoken)) for code, term in reference.categories.items()],
    }


def _metrics() -> dict[str, tuple[str, Callable[[Sums], Measure]]]:
    """What agencies may be ranked by."""
    return {
        "served": (gettext("Staff with a mailbox"), metrics.staff_served),
        "used": (gettext("Mailboxes in use"), lambda sums: metrics.usage(sums).of_issued),
        "agencies": (gettext("Agencies with a mailbox"), metrics.agencies_served),
        "leaders": (gettext("Leaders with a certificate"), metrics.leaders_signing),
    }


def _line_down(session: Session, covered: Coverage) -> list[tuple[str, str]]:
    """Codes and names of the agencies above the one in focus, as far as the reader sees them, and its own."""
    if covered.scope.agency is None:
        return []
    steps = root_of(session, covered.scope.agency).strip("/").split("/")
    above = select(Agency.code, Agency.name).where(Agency.id.in_(map(int, steps)))
    return [(code, name) for code, name in session.execute(above.order_by(func.length(Agency.path)))]


def _tiles(covered: Coverage, points: Sequence[Point]) -> list[Tile]:
    sums = covered.sums
    used, people = metrics.usage(sums).of_issued, sums.people
    days = covered.used_within.days

    def tile(name: str, metric: Callable[[Sums], Measure], missing: str, *, unnamed: int = 0) -> Tile:
        measure = metric(sums)
        left = measure.of - measure.n
        behind = gettext("%(n)s missing", n=count(left, language())) if left else ""
        if left and unnamed:
            behind += gettext(", of them %(n)s declared but on no list", n=count(unnamed, language()))
        return Tile(name, measure, missing, behind, _moved(points, metric))

    return [
        tile(
            gettext("Staff with a mailbox"),
            metrics.staff_served,
            "staff-unserved",
            unnamed=people.entitled - people.registered,
        ),
        tile(
            gettext("Mailboxes handed over"),
            lambda sums: Measure(sums.people.handed_over, sums.people.issued),
            "not-handed-over",
        ),
        Tile(
            gettext("In use (last %(days)s days)", days=days),
            used,
            "unused",
            gettext("%(n)s unused", n=count(used.of - used.n, language())) if used.of > used.n else "",
            _moved(points, lambda sums: metrics.usage(sums).of_issued),
        ),
        tile(gettext("Agencies with a mailbox"), metrics.agencies_served, "agencies-unserved"),
        tile(gettext("Leaders with a certificate"), metrics.leaders_signing, "leaders-not-signing"),
        tile(gettext("Sealed agencies with a certificate"), metrics.agencies_signing, "sealed-not-signing"),
    ]


def _moved(points: Sequence[Point], metric: Callable[[Sums], Measure]) -> str:
    """How many points of percent a rate has moved since about a month ago."""
    now, before = points[-1], _a_month_before(points)
    if before is None:
        return ""
    then, rate = metric(before.sums).tenths, metric(now.sums).tenths
    if then is None or rate is None:
        return ""
    moved = rate - then
    if moved == 0:
        return gettext("unchanged since %(day)s", day=day(before.day))
    written = f"{abs(moved) // 10}{',' if language() == 'vi' else '.'}{abs(moved) % 10}"
    sign = "+" if moved > 0 else "−"
    return gettext("%(points)s points since %(day)s", points=sign + written, day=day(before.day))


def _a_month_before(points: Sequence[Point]) -> Point | None:
    """The latest point that is at least four weeks old, or the oldest there is."""
    *past, now = points
    return next(
        (point for point in reversed(past) if (now.day - point.day).days >= 28), past[0] if past else None
    )


def _facts(
    covered: Coverage, soon: Mapping[int, int], foreign: Mapping[int, tuple[int, int]], wanted: Asked
) -> list[tuple[str, list[Fact]]]:
    """The numbers that are no rates, in groups."""
    issued, signed = metrics.mailboxes(covered.sums), metrics.certificates(covered.sums)
    elsewhere = [foreign[row.place.id] for row in covered.agencies if row.place.id in foreign]

    def fact(name: str, number: int, behind: str | None = None) -> Fact:
        named = behind is not None and wanted.day is None and reach(Right.REGISTER)
        return Fact(name, number, wanted.address("coverage_names.show", list=behind) if named else None)

    return [
        (
            gettext("Mailboxes"),
            [
                fact(gettext("Of people"), issued.personal, "issued"),
                fact(gettext("Of agencies"), issued.units, "mailboxes-of-agencies"),
                fact(gettext("Locked, of people"), covered.sums.people.locked, "locked"),
                fact(gettext("Closed"), issued.revoked, "revoked"),
            ],
        ),
        (
            gettext("Certificates"),
            [
                fact(gettext("Issued"), signed.all, "certificates"),
                fact(gettext("Valid"), signed.valid, "certificates-valid"),
                fact(gettext("Revoked"), signed.revoked, "certificates-revoked"),
                fact(
                    gettext("Of the Government Cipher Committee: people"),
                    sum(people for people, _own in elsewhere),
                ),
                fact(
                    gettext("Of the Government Cipher Committee: agencies"),
                    sum(own for _people, own in elsewhere),
                ),
            ],
        ),
        (
            gettext("Certificates about to end"),
            [
                fact(gettext("Within %(days)s days", days=days), number, f"expiring-{days}")
                for days, number in sorted(soon.items())
            ],
        ),
    ]


def _trend(points: Sequence[Point]) -> dict[str, Markup]:
    lines = series_of(points, list(_metrics().values()))
    return {
        size: Markup(  # noqa: S704 - the chart escapes what it is given
            trend_chart(
                lines,
                name=f"trend-{size}",
                title=gettext("The past twelve months"),
                language=language(),
                width=width,
                height=300 if size == "wide" else 320,
            )
        )
        for size, width in WIDTHS.items()
    }


def _ranking(
    below: Sequence[Branch], covered: Coverage, metric: str, wanted: Asked, *, all_of_them: bool
) -> dict[str, Markup]:
    """The branches that are most behind, as bars that lead down the tree."""
    said, measured = _metrics()[metric]
    bars = ranked(
        Bar(
            branch.place.name,
            measured(branch.sums),
            wanted.address("coverage.show", agency=branch.place.code, rank=metric),
        )
        for branch in below
    )
    return {
        size: Markup(  # noqa: S704 - the chart escapes what it is given
            bar_chart(
                bars if all_of_them else bars[:FEWEST_SHOWN],
                name=f"ranking-{size}",
                title=said,
                whole=measured(covered.sums),
                language=language(),
                width=width,
            )
        )
        for size, width in WIDTHS.items()
    }


def _categories(covered: Coverage) -> list[tuple[str, str, Sums]]:
    """Code and name of each staff category, and its people; agencies themselves have none."""
    names = {
        code: term.name.in_language(language()) for code, term in services().reference.categories.items()
    }
    unknown = gettext("Not stated")
    return [
        (code, names.get(code, unknown), Sums(Tally(), tally)) for code, tally in covered.categories.items()
    ]
