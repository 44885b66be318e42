"""What the coverage board shows below its filters: tiles, charts, facts and tables, counted and drawn.

It may be remembered (`coverage.editions`), so it holds nothing of the moment or of the reader beyond what `View` says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import render_template
from markupsafe import Markup
from sqlalchemy.orm import Session

from provisioner.certificates.foreign import valid_by_agency
from provisioner.coverage import metrics
from provisioner.coverage.asking import ask
from provisioner.coverage.branches import Branch, branches
from provisioner.coverage.figures import Measure, count, percent, ratio
from provisioner.coverage.reporting import Detail, figures, grouped, heads, lists_behind
from provisioner.coverage.snapshots import Point
from provisioner.coverage.tallies import Coverage, Sums, Tally
from provisioner.coverage.unnamed import unnamed_in_all
from provisioner.reports.charts import Bar, bar_chart, ranked, series_of, trend_chart
from provisioner.reports.expiring import expiring_in
from provisioner.reports.lasting import lasts_until
from provisioner.tenancy import whole
from provisioner.web.answering import services
from provisioner.web.coverage_asked import Asked
from provisioner.web.speaking import day, gettext, language

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


@dataclass(frozen=True, slots=True)
class View:
    """How the figures are asked for: drawn twice for the same, they look the same."""

    asked: Asked
    ranked_by: str
    """One of `rankings`."""
    all_ranked: bool
    detail: Detail
    named: bool
    """Whether figures lead to the lists of names behind them."""
    language: str


@dataclass(frozen=True, slots=True)
class Counted:
    """What was asked of the books for one drawing."""

    covered: Coverage
    points: Sequence[Point]
    soon: Mapping[int, int]
    """Certificates about to end, by days ahead."""
    foreign: Mapping[int, tuple[int, int]]
    """Of other authorities, of the whole province: see `certificates.foreign.valid_by_agency`."""
    until: datetime | None
    """The moment at which something counts differently by itself; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The page below the filters, and the moment that its figures are of."""

    page: Markup
    at: datetime


def count_for(session: Session, wanted: Asked, *, now: datetime) -> Counted:
    """Ask the books, as far as the reader sees them. Raises `NotFound` for an agency that they do not see."""
    found = services()
    covered = ask(session, wanted.scope, wanted.day, now=now, used_within=found.used_within)
    points = found.trend.points(session, covered, categories=tuple(found.reference.categories))
    soon = expiring_in(session, covered)
    with whole(session):  # filtered by the agencies that the reader sees
        elsewhere = valid_by_agency(session, at=covered.at)
    until = lasts_until(session, at=now, used_within=found.used_within)
    return Counted(covered, points, soon, elsewhere, until)


def draw(counted: Counted, view: View) -> Drawn:
    """The tiles, charts, facts and tables, in the language of the request."""
    covered, wanted, spoken = counted.covered, view.asked, view.language
    below, said = branches(covered), rankings()
    page = render_template(
        "coverage-figures.html",
        asked=wanted,
        tiles=_tiles(covered, counted.points),
        facts=_facts(counted, view),
        rolled=metrics.roll_out(covered),
        trend=_trend(counted.points),
        past=[
            (day(point.day), [measured(point.sums) for _name, measured in said.values()])
            for point in counted.points
        ],
        together=percent(said[view.ranked_by][1](covered.sums), spoken),
        metric=view.ranked_by,
        metrics={name: words for name, (words, _metric) in said.items()},
        below=below,
        ranking=_ranking(below, covered, view),
        shortened=len(below) > FEWEST_SHOWN and not view.all_ranked,
        heads=list(zip(heads(spoken), lists_behind(), strict=True)),
        groups=grouped(covered, services().reference, detail=view.detail, language=spoken),
        categories=_categories(covered),
        total=covered.sums,
        figures=lambda sums: list(zip(figures(sums, spoken), lists_behind(), strict=True)),
        ratio=lambda measure: ratio(measure, spoken),
        percent=lambda measure: percent(measure, spoken),
        named=view.named,
        detail=view.detail,
        days=covered.used_within.days,
    )
    return Drawn(Markup(page), covered.at)  # noqa: S704 - a page of ours


def rankings() -> dict[str, tuple[str, Callable[[Sums], Measure]]]:
    """What agencies may be ranked by."""
    return {
        "served": (gettext("Staff with a mailbox"), metrics.staff_served),
        "used": (gettext("Mailboxes in use"), lambda sums: metrics.usage(sums).of_issued),
        "agencies": (gettext("Agencies with a mailbox"), metrics.agencies_served),
        "leaders": (gettext("Leaders with a certificate"), metrics.leaders_signing),
    }


def _tiles(covered: Coverage, points: Sequence[Point]) -> list[Tile]:
    sums = covered.sums
    used = metrics.usage(sums).of_issued
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
            unnamed=unnamed_in_all(covered),
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


def _facts(counted: Counted, view: View) -> list[tuple[str, list[Fact]]]:
    """The numbers that are no rates, in groups."""
    covered = counted.covered
    issued, signed = metrics.mailboxes(covered.sums), metrics.certificates(covered.sums)
    elsewhere = [counted.foreign[row.place.id] for row in covered.agencies if row.place.id in counted.foreign]

    def fact(name: str, number: int, behind: str | None = None) -> Fact:
        named = behind is not None and view.named
        return Fact(name, number, view.asked.address("coverage_names.show", list=behind) if named else None)

    return [
        (
            gettext("Mailboxes"),
            [
                fact(gettext("Of people"), covered.sums.people.issued, "issued"),
                fact(gettext("Of people who left or whose agency ended"), covered.sums.left.issued),
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
                for days, number in sorted(counted.soon.items())
            ],
        ),
    ]


def _trend(points: Sequence[Point]) -> dict[str, Markup]:
    lines = series_of(points, list(rankings().values()))
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


def _ranking(below: Sequence[Branch], covered: Coverage, view: View) -> dict[str, Markup]:
    """The branches that are most behind, as bars that lead down the tree."""
    said, measured = rankings()[view.ranked_by]
    bars = ranked(
        Bar(
            branch.place.name,
            measured(branch.sums),
            view.asked.address("coverage.show", agency=branch.place.code, rank=view.ranked_by),
        )
        for branch in below
    )
    return {
        size: Markup(  # noqa: S704 - the chart escapes what it is given
            bar_chart(
                bars if view.all_ranked else bars[:FEWEST_SHOWN],
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
