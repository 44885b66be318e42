"""Forms and filters stand straight: labels on one line, boxes of one height in one row, figures inside their picture."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from provisioner.operators.roles import Role
from tests.journeys.web.listening import Complaints
from tests.province import an_official, provide
from tests.web.site import Site

BOXES = "input:not([type=hidden], [type=checkbox], [type=file]), select"


def places(found: Locator) -> list[dict[str, float]]:
    """Where these elements stand, in pixels."""
    return [box for element in found.all() if (box := element.bounding_box()) is not None]


def stand_straight(part: Locator) -> None:
    """Every label is one line high, and boxes beside each other begin and end at the same height."""
    labels, boxes = places(part.locator(".field > label")), places(part.locator(BOXES))
    rows = {round(box["y"]) for box in boxes}
    assert len(boxes) >= 5
    assert {round(box["height"], 1) for box in boxes} == {41.6}  # --control
    assert all(label["height"] < 30 for label in labels)
    assert all(abs(one - other) > 30 or one == other for one in rows for other in rows), rows
    assert len({round(label["y"]) for label in labels}) == len(rows)


def test_the_form_of_a_request_stands_straight(
    province: Site,
    page: Page,
    address: str,
    complaints: Complaints,
    comes_in: Callable[..., None],
) -> None:
    comes_in("hoa", Role.HR, agency="H36.05")
    page.set_viewport_size({"width": 1280, "height": 900})
    for language in ("vi", "en"):
        page.goto(f"{address}/requests/new?kind=people&lang={language}")

        for fieldset in page.locator("fieldset").all():
            stand_straight(fieldset)

    assert min(box["width"] for box in places(page.locator(f".person :is({BOXES})"))) >= 256
    ticks = places(page.locator("fieldset input[type=checkbox]"))
    assert len(ticks) == 2
    assert min(tick["y"] for tick in ticks) > max(box["y"] for box in places(page.locator(BOXES)))
    assert page.locator(".star").count() == 6  # five boxes, and the line that says what it means


def test_filters_stand_straight_and_figures_stay_inside_their_chart(
    province: Site, page: Page, address: str, complaints: Complaints, comes_in: Callable[..., None]
) -> None:
    provide(province.database, an_official("CB82", "Lê Không Hộp"), now=province.now)
    comes_in("chi", Role.LEADER)
    for path in ("/coverage", "/coverage/names"):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(address + path)
        stand_straight(page.locator(".filters"))

    page.goto(f"{address}/coverage")
    for width in (360, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        chart = page.locator(".chart-bars:visible")
        (frame,) = places(chart)
        figures = places(chart.locator("text"))
        assert len(figures) > 1
        assert max(figure["x"] + figure["width"] for figure in figures) <= frame["x"] + frame["width"]


def test_a_refused_activation_keeps_the_code_of_the_slip_and_no_other_page_has_it(
    province: Site, page: Page, address: str, complaints: Complaints
) -> None:
    """Twenty-eight letters, typed or scanned once: the server never shows them again, so the browser holds them."""
    code = "R7T9-X19T-KMD2-36WX-YY8C-B7QD-2XDH"
    page.goto(f"{address}/kich-hoat#{code}")
    for name, value in {"address": "an@lamdong.gov.vn", "password": "Ngan-8", "again": "Ngan-9"}.items():
        page.locator(f"#{name}").fill(value)
    page.locator("form.card button").click()

    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#code")).to_have_value(code)
    expect(page.locator("#password")).to_have_value("")
    complaints.expect_refusal(422)
    page.goto(f"{address}/kich-hoat")
    expect(page.locator("#code")).to_have_value("")
