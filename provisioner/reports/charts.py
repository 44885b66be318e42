"""Charts as SVG, from values to text: no script, no style sheet, readable without colour and aloud.

Colours are presentation attributes, so that any style sheet may replace them by class; texts take
the colour around them. What a chart shows stands in words in its `desc`, and the caller puts the
table behind it on the page as well. `name` has to be unique on a page: ids begin with it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from provisioner.coverage.figures import Measure, percent, ratio
from provisioner.coverage.snapshots import Point
from provisioner.coverage.tallies import Sums
from provisioner.errors import Text

_DARK, _PALE = "#1f4e79", "#8a97a6"
_FONT = 13
_CHARACTER = 0.54 * _FONT
"""How wide a character is on average."""
_FIGURE = 0.62 * _FONT
"""How wide a character of `9/12 (75%)` is at most on average, in any of the faces that may be there."""
_NARROW = 560
"""Below this width labels stand above their bars."""
_DASHES = ("", "8 4", "2 3", "10 3 2 3")
_TICKS = (0, 25, 50, 75, 100)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: whose, how many of how many, and where a click leads."""

    label: str
    measure: Measure
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a trend."""

    label: str
    values: Sequence[tuple[date, Measure]]


def series_of(
    points: Iterable[Point], metrics: Sequence[tuple[str, Callable[[Sums], Measure]]]
) -> list[Series]:
    """The lines of several metrics over the pictures of `coverage.snapshots.history`."""
    days = list(points)
    return [Series(label, [(point.day, metric(point.sums)) for point in days]) for label, metric in metrics]


def ranked(bars: Iterable[Bar], *, lowest_first: bool = True) -> list[Bar]:
    """Bars by rate, those who are most behind first; of equal rates the larger; without a rate last."""
    sign = 1 if lowest_first else -1
    return sorted(
        bars,
        key=lambda bar: (
            bar.measure.tenths is None,
            sign * (bar.measure.tenths or 0),
            -bar.measure.of,
            bar.label,
        ),
    )


def bar_chart(
    bars: Sequence[Bar],
    *,
    name: str,
    title: str,
    whole: Measure | None = None,
    language: str = "vi",
    width: int = 720,
) -> str:
    """Horizontal bars in the given order, with `n/N (%)` written beside each.

    `whole` is drawn as a dashed line to compare with. With links, the chart is a group of links and
    not one picture, so that a keyboard reaches them.
    """
    above = width < _NARROW
    left = 0 if above else round(width * 0.42)
    right = width - 6 - max((len(ratio(bar.measure, language)) for bar in bars), default=0) * _FIGURE
    step, top = (44, 20) if above else (26, 20)
    height = top + step * len(bars) + 8
    grid = [
        f'<line class="chart-grid" x1="{x:g}" x2="{x:g}" y1="{top - 4}" y2="{height - 4}" stroke="{_PALE}" '
        f'stroke-opacity="0.45"/><text x="{x:g}" y="{top - 8}" font-size="11" text-anchor="{anchor}" '
        f'fill="currentColor">{tick}%</text>'
        for tick in _TICKS
        for x in (left + (right - left) * tick / 100,)
        for anchor in ("start" if above and tick == 0 else "middle",)
    ]
    if above:
        grid = []  # the lines would run through the labels
    room = (width if above else left - 10) / _CHARACTER
    rows = [
        _bar(bar, left=left, right=right, y=top + step * index, room=room, above=above, language=language)
        for index, bar in enumerate(bars)
    ]
    if whole is not None and whole.tenths is not None:
        x = left + (right - left) * whole.tenths / 1000
        tops = [top + step * index + 18 for index in range(len(bars))] if above else [top - 4]
        length = 22 if above else height - top
        rows += [
            f'<line class="chart-whole" x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + length}" '
            f'stroke="currentColor" stroke-width="1.5" stroke-dasharray="5 4"/>'
            for y in tops
        ]
    return _svg(
        "chart chart-bars",
        width,
        height,
        name=name,
        title=title,
        description=_told_bars(bars, whole, language),
        linked=any(bar.href for bar in bars),
        parts=[*grid, *rows],
    )


def _bar(bar: Bar, *, left: float, right: float, y: int, room: float, above: bool, language: str) -> str:
    said = ratio(bar.measure, language)
    label = _shortened(bar.label, room)
    label_at = f'x="0" y="{y + 15}"' if above else f'x="{left - 8}" y="{y + 17}" text-anchor="end"'
    bar_y = y + 21 if above else y + 5
    whole, filled = right - left, (right - left) * (bar.measure.tenths or 0) / 1000
    # The title names a link in full, so the words that are drawn are not read out once more.
    unread = "" if bar.href is None else ' aria-hidden="true"'
    drawn = (
        f"<title>{escape(bar.label)}: {said}</title>"
        f'<text{unread} {label_at} fill="currentColor">{escape(label)}</text>'
        f'<rect class="chart-track" x="{left}" y="{bar_y}" width="{whole:g}" height="16" fill="none" '
        f'stroke="{_PALE}"/>'
        f'<rect class="chart-bar" x="{left}" y="{bar_y}" width="{filled:.1f}" height="16" fill="{_DARK}"/>'
        f'<text{unread} x="{right + 6:g}" y="{bar_y + 12}" fill="currentColor">{said}</text>'
    )
    return f"<g>{drawn}</g>" if bar.href is None else f'<a href="{escape(bar.href)}">{drawn}</a>'


def _shortened(label: str, room: float) -> str:
    """A label of at most so many characters. Names differ at their ends: what is left out is in the middle."""
    if len(label) <= room:
        return label
    tail = int(room * 0.45)
    return f"{label[: int(room) - tail - 1].rstrip()}…{label[-tail:].lstrip()}"


def _told_bars(bars: Sequence[Bar], whole: Measure | None, language: str) -> str:
    told = [f"{bar.label}: {ratio(bar.measure, language)}" for bar in bars]
    if whole is not None:
        together = Text(vi="Chung", en="Altogether").in_language(language)
        told.append(f"{together}: {ratio(whole, language)}")
    return "; ".join(told) + "."


def trend_chart(
    series: Sequence[Series],
    *,
    name: str,
    title: str,
    language: str = "vi",
    width: int = 720,
    height: int = 280,
) -> str:
    """Rates over time, from 0 to 100 %: every line has its own dashes and mark, and its name at its end.

    Days without a rate leave a gap. At most four lines; more could not be told apart.
    """
    if len(series) > len(_DASHES):
        raise ValueError(f"{len(series)} lines: at most {len(_DASHES)} can be told apart")
    days = sorted({day for line in series for day, _measure in line.values})
    below = width < _NARROW
    left, top = 44, 14
    right = width - 14 if below else width - 230
    bottom = height - 28 - (18 * len(series) + 6 if below else 0)

    def place(day: date, measure: Measure) -> tuple[float, float]:
        passed = (day - days[0]).days / max((days[-1] - days[0]).days, 1)
        return left + (right - left) * passed, bottom - (bottom - top) * (measure.tenths or 0) / 1000

    parts = [
        f'<line class="chart-grid" x1="{left}" x2="{right}" y1="{y:g}" y2="{y:g}" stroke="{_PALE}" '
        f'stroke-opacity="0.45"/><text x="{left - 6}" y="{y + 4:g}" font-size="11" text-anchor="end" '
        f'fill="currentColor">{tick}%</text>'
        for tick in _TICKS
        for y in (bottom - (bottom - top) * tick / 100,)
    ]
    for day in _spread(days, 2 if width < _NARROW else 4):
        x = place(day, Measure(0, 1))[0]
        anchor = "start" if day == days[0] else "end" if day == days[-1] else "middle"
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 18}" font-size="11" text-anchor="{anchor}" '
            f'fill="currentColor">{day:%d/%m/%Y}</text>'
        )
    ends: list[_End] = []
    for index, line in enumerate(series):
        runs = _runs(line.values)
        parts += [_line([place(*value) for value in run], index) for run in runs]
        if runs:
            end = place(*runs[-1][-1])
            parts.append(_mark(end, index))
            ends.append(_End(end[1], index, line.label, percent(runs[-1][-1][1], language)))
    parts += _keys(ends, bottom + 44) if below else _labels_at(ends, right + 12, width)
    return _svg(
        "chart chart-trend",
        width,
        height,
        name=name,
        title=title,
        description=_told_trend(series, language),
        linked=False,
        parts=parts,
    )


@dataclass(frozen=True, slots=True)
class _End:
    """Where a line of a trend ends, and what is written there."""

    y: float
    index: int
    label: str
    rate: str

    def written(self, x: float, y: float, room: float) -> str:
        words = _shortened(self.label, room / _CHARACTER - len(self.rate) - 1)
        return (
            f'<text x="{x}" y="{y:.1f}" fill="currentColor"><title>{escape(self.label)}</title>'
            f'<tspan font-weight="bold">{self.rate}</tspan> {escape(words)}</text>'
        )


def _labels_at(ends: Sequence[_End], x: int, width: int) -> list[str]:
    """The names beside the ends of their lines, pushed apart where they would overlap."""
    labels, y = [], 0.0
    for end in sorted(ends, key=lambda end: end.y):
        y = max(end.y + 4, y + _FONT + 4)
        labels.append(end.written(x, y, width - x))
    return labels


def _keys(ends: Sequence[_End], y: int) -> list[str]:
    """The names below the picture, each beside a piece of its line."""
    keys = []
    for number, end in enumerate(ends):
        line = y + 18 * number
        keys += [_line([(6, line - 4), (46, line - 4)], end.index), _mark((26, line - 4), end.index)]
        keys.append(end.written(56, line, 300))
    return keys


def _spread(days: Sequence[date], number: int) -> list[date]:
    """The first, the last, and some days between them, about as far from each other."""
    last = len(days) - 1
    return (
        [days[position] for position in sorted({round(last * step / number) for step in range(number + 1)})]
        if days
        else []
    )


def _runs(values: Sequence[tuple[date, Measure]]) -> list[list[tuple[date, Measure]]]:
    """The values without those that have no rate, broken where those stood."""
    runs: list[list[tuple[date, Measure]]] = [[]]
    for day, measure in values:
        if measure.tenths is not None:
            runs[-1].append((day, measure))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _line(places: Sequence[tuple[float, float]], index: int) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dashes = f' stroke-dasharray="{_DASHES[index]}"' if _DASHES[index] else ""
    return (
        f'<polyline class="chart-line chart-line-{index + 1}" points="{points}" fill="none" '
        f'stroke="{_DARK}" stroke-width="2"{dashes}/>'
    )


def _mark(place: tuple[float, float], index: int) -> str:
    """A circle, a square, a triangle, a diamond."""
    x, y = place
    look = f'class="chart-mark chart-mark-{index + 1}" fill="{_DARK}"'
    if index == 0:
        return f'<circle {look} cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
    corners = {
        1: ((-4, -4), (4, -4), (4, 4), (-4, 4)),
        2: ((0, -5), (5, 4), (-5, 4)),
        3: ((0, -6), (6, 0), (0, 6), (-6, 0)),
    }[index]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<polygon {look} points="{points}"/>'


def _told_trend(series: Sequence[Series], language: str) -> str:
    to = Text(vi="đến", en="to").in_language(language)
    told = []
    for line in series:
        values = [(day, measure) for day, measure in line.values if measure.tenths is not None]
        if values:
            ends = [
                f"{percent(measure, language)} ({day:%d/%m/%Y})" for day, measure in (values[0], values[-1])
            ]
            told.append(f"{line.label}: {f' {to} '.join(ends if len(values) > 1 else ends[:1])}")
    nothing = Text(vi="Chưa có số liệu", en="No figures yet").in_language(language)
    return ("; ".join(told) or nothing) + "."


def _svg(
    classes: str,
    width: int,
    height: int,
    *,
    name: str,
    title: str,
    description: str,
    linked: bool,
    parts: Sequence[str],
) -> str:
    role = "group" if linked else "img"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{classes}" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="{role}" aria-labelledby="{name}-title" '
        f'aria-describedby="{name}-desc" font-size="{_FONT}">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        f"{''.join(parts)}</svg>"
    )
