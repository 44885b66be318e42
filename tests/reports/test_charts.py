"""Charts: well formed, told in words, safe to put on any page."""

from datetime import date
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from provisioner.coverage import metrics
from provisioner.coverage.figures import Measure
from provisioner.coverage.snapshots import Point
from provisioner.reports.charts import Bar, Series, bar_chart, ranked, series_of, trend_chart

SVG = "{http://www.w3.org/2000/svg}"
BARS = [
    Bar("Sở Tài chính", Measure(9, 10)),
    Bar('Phòng <Một> & "Hai"', Measure(1, 4), "/agencies/H1?x=1&y=2"),
    Bar("Chưa có ai", Measure(0, 0)),
]
DAYS = [date(2026, month, 1) for month in (1, 2, 3, 4)]


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def test_those_most_behind_come_first_and_those_without_a_rate_last():
    assert [bar.label[:4] for bar in ranked(BARS)] == ["Phòn", "Sở T", "Chưa"]
    assert [bar.label[:4] for bar in ranked(BARS, lowest_first=False)] == ["Sở T", "Phòn", "Chưa"]


def test_of_equal_rates_the_larger_agency_comes_first():
    bars = [Bar("nhỏ", Measure(1, 2)), Bar("lớn", Measure(50, 100))]

    assert [bar.label for bar in ranked(bars)] == ["lớn", "nhỏ"]


@pytest.mark.parametrize("width", [360, 720])
def test_bars_are_as_long_as_their_rates(width):
    drawn = parsed(bar_chart(BARS, name="c", title="Tỷ lệ", width=width))
    bars = [float(rect.get("width")) for rect in drawn.iter(f"{SVG}rect") if rect.get("class") == "chart-bar"]
    track = next(float(r.get("width")) for r in drawn.iter(f"{SVG}rect") if r.get("class") == "chart-track")

    assert bars == [pytest.approx(track * share, abs=0.1) for share in (0.9, 0.25, 0)]


def test_every_figure_is_written_beside_its_bar_and_told_in_words():
    svg = bar_chart(BARS, name="c", title="Tỷ lệ", whole=Measure(10, 14))
    drawn = parsed(svg)
    words = drawn.find(f"{SVG}desc").text

    texts = ["".join(text.itertext()) for text in drawn.iter(f"{SVG}text")]
    assert {"9/10 (90%)", "1/4 (25%)", "0/0 (–)"} <= set(texts)
    assert "Sở Tài chính: 9/10 (90%)" in words
    assert "Chung: 10/14 (71,4%)" in words


@pytest.mark.parametrize("width", [340, 720])
@pytest.mark.parametrize("measure", [Measure(3184, 3455), Measure(187234, 200000), Measure(0, 0)])
def test_the_longest_figure_has_room_in_the_widest_face(width, measure):
    """DejaVu Sans, which is wider than the face of the site: its figures are 0.636 of the size, its % 0.95."""
    drawn = parsed(bar_chart([*BARS, Bar("Khối chính quyền", measure)], name="c", title="T", width=width))

    texts = [text for text in drawn.iter(f"{SVG}text") if "/" in (text.text or "")]
    ends = [
        float(text.get("x")) + 13 * sum({"%": 0.95}.get(c, 0.636 if c.isdigit() else 0.4) for c in text.text)
        for text in texts
    ]

    assert len(texts) == 4
    assert max(ends) <= width
    assert all(
        float(rect.get("width")) > 100 for rect in drawn.iter(f"{SVG}rect") if rect.get("fill") == "none"
    )


def test_a_chart_names_its_title_and_description_by_ids_of_its_own():
    for svg in (bar_chart(BARS, name="one", title="T"), trend_chart([], name="two", title="T")):
        drawn = parsed(svg)
        ids = {element.get("id") for element in drawn.iter() if element.get("id")}
        assert {drawn.get("aria-labelledby"), drawn.get("aria-describedby")} == ids


def test_links_are_reached_by_a_keyboard_and_a_chart_without_any_is_one_picture():
    linked, alone = (parsed(bar_chart(bars, name="c", title="T")) for bars in (BARS, [BARS[0]]))

    assert linked.get("role") == "group"
    assert next(linked.iter(f"{SVG}a")).get("href") == "/agencies/H1?x=1&y=2"
    assert next(linked.iter(f"{SVG}a")).findtext(f"{SVG}title").endswith(": 1/4 (25%)")
    assert alone.get("role") == "img"


def test_nothing_runs_and_nothing_needs_a_style_of_its_own():
    series = [Series("<script>alert(1)</script>", [(DAYS[0], Measure(1, 2))])]
    for svg in (bar_chart(BARS, name="c", title="<b>"), trend_chart(series, name="t", title="<b>")):
        assert "<script" not in svg
        assert " style=" not in svg
        assert "<style" not in svg
        assert "http" not in svg.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_a_long_name_is_shortened_in_the_middle_and_told_in_full():
    name = "Trung tâm Phục vụ hành chính công và Chuyển đổi số xã Nam Ban Lâm Hà"
    drawn = parsed(bar_chart([Bar(name, Measure(1, 2))], name="c", title="T"))

    texts = ["".join(text.itertext()) for text in drawn.iter(f"{SVG}text")]
    assert any("…" in text and text.endswith("Nam Ban Lâm Hà") for text in texts)
    assert name in drawn.find(f"{SVG}desc").text


def test_lines_of_a_trend_differ_by_dashes_and_marks():
    series = [Series(str(n), [(day, Measure(n + 1, 10)) for day in DAYS]) for n in range(4)]
    drawn = parsed(trend_chart(series, name="t", title="T"))
    lines = list(drawn.iter(f"{SVG}polyline"))
    marks = [*drawn.iter(f"{SVG}circle"), *drawn.iter(f"{SVG}polygon")]

    assert len({line.get("stroke-dasharray") for line in lines}) == 4
    assert len({mark.get("class") for mark in marks}) == 4


def test_more_lines_than_can_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="at most 4"):
        trend_chart([Series(str(n), []) for n in range(5)], name="t", title="T")


def test_a_day_without_a_rate_is_a_gap_and_not_a_zero():
    values = [
        (DAYS[0], Measure(1, 2)),
        (DAYS[1], Measure(0, 0)),
        (DAYS[2], Measure(1, 2)),
        (DAYS[3], Measure(2, 2)),
    ]
    drawn = parsed(trend_chart([Series("a", values)], name="t", title="T"))

    assert [len(line.get("points").split()) for line in drawn.iter(f"{SVG}polyline")] == [1, 2]


def test_a_trend_is_told_from_its_first_to_its_last_rate():
    series = [Series("CBCCVC", [(DAYS[0], Measure(1, 4)), (DAYS[3], Measure(3, 4))])]

    assert (
        parsed(trend_chart(series, name="t", title="T")).find(f"{SVG}desc").text
        == "CBCCVC: 25% (01/01/2026) đến 75% (01/04/2026)."
    )
    assert (
        parsed(trend_chart([], name="t", title="T", language="en")).find(f"{SVG}desc").text
        == "No figures yet."
    )


@pytest.mark.parametrize("width", [360, 720])
def test_labels_of_lines_that_end_together_do_not_overlap(width):
    series = [Series(f"chỉ tiêu {n}", [(DAYS[0], Measure(0, 9)), (DAYS[3], Measure(8, 9))]) for n in range(4)]
    drawn = parsed(trend_chart(series, name="t", title="T", width=width))
    labels = sorted(float(t.get("y")) for t in drawn.iter(f"{SVG}text") if t.find(f"{SVG}tspan") is not None)

    assert all(below - above >= 15 for above, below in pairwise(labels))
    assert labels[-1] <= float(drawn.get("height"))


def test_series_come_from_the_pictures_of_coverage(coverage):
    points = [Point(day, coverage.sums) for day in DAYS]
    (line,) = series_of(points, [("CBCCVC", metrics.staff_served)])

    assert line.values[0] == (DAYS[0], metrics.staff_served(coverage.sums))
    assert len(line.values) == 4
