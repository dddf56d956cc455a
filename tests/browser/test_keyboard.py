"""The page is used by keyboard alone: no trap, a visible focus, one stop for a table's values."""

from itertools import pairwise

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Made, Visit
from tests.browser.reading import caption, numbers, said, value_alone

pytestmark = pytest.mark.browser
MOST_STOPS = 900
# Where the focus is, whether it can be seen, and what a screen reader would call it.
STOP = """() => {
  const e = document.activeElement, look = getComputedStyle(e), r = e.getBoundingClientRect();
  return {
    tag: e.tagName, role: e.getAttribute("role"), text: e.textContent.trim().slice(0, 60),
    name: e.getAttribute("aria-label") ?? e.labels?.[0]?.textContent ?? e.textContent.trim(),
    outline: parseFloat(look.outlineWidth) > 0 && look.outlineStyle !== "none",
    seen: r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth,
    table: e.matches("a.to") ? e.closest("table").caption.textContent : null,
  };
}"""


def tab_to(page: Page, selector: str, most: int = MOST_STOPS) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"Tab never reached {selector}")


def test_the_first_stop_skips_the_contents(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    assert skip.evaluate("(e) => e === document.activeElement")
    assert skip.bounding_box()["x"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("Boolean(document.activeElement.closest('main'))")


def test_every_stop_is_seen_and_named_and_none_is_a_trap(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    stops = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop["tag"] == "BODY":
            break
        stops.append(stop)
    else:
        raise AssertionError("the end was never reached")
    assert [s for s in stops if not (s["outline"] and s["seen"] and s["name"])] == []
    tables = [s["table"] for s in stops if s["table"]]
    assert len(tables) == len(set(tables)) > 5  # the values of a table are one stop
    assert {s["role"] for s in stops} >= {"slider"}
    assert len(stops) < 500


def test_arrow_keys_move_between_the_values_of_a_table(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    tab_to(page, "#t-results-decision a.to")

    def at() -> str:
        return str(page.evaluate("document.activeElement.closest('td').id"))

    assert at() == "sensitivity/overall"
    walk = [
        ("ArrowRight", "specificity/overall"),
        ("ArrowDown", "specificity/age=(-inf,45)"),
        ("End", "npv/age=(-inf,45)"),
        ("ArrowRight", "npv/age=(-inf,45)"),
        ("Home", "sensitivity/age=(-inf,45)"),
        ("ArrowUp", "sensitivity/overall"),
        ("ArrowUp", "sensitivity/overall"),
    ]
    for key, place in walk:
        page.keyboard.press(key)
        assert at() == place
    e = heart.estimates["sensitivity/overall"]
    assert f"n {e['n']}, " in page.locator("#tip").inner_text()
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "tip"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert at() == "specificity/overall"  # the table remembers where one was


def test_a_heading_sorts_by_enter_and_by_space(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    tab_to(page, "#t-results-decision th:nth-child(3) button")
    for key, way in (("Enter", "ascending"), ("Space", "descending"), ("Enter", None)):
        page.keyboard.press(key)
        assert page.locator("#t-results-decision th").nth(2).get_attribute("aria-sort") == way


def test_a_filter_by_keyboard_moves_the_stop_to_a_row_that_is_left(
    visit: Visit, made_up: Made
) -> None:
    page = visit.open(made_up)
    tab_to(page, ".tools:has(+ #t-results-decision) input")
    page.keyboard.type("Black")
    assert "1 of 12 rows shown" in said(page, "rows shown")
    tab_to(page, "#t-results-decision a.to")
    assert page.evaluate("document.activeElement.closest('td').id") == "sensitivity/race=Black"


def test_choosers_by_keyboard(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    tab_to(page, "#forest select")
    page.keyboard.type("AUROC")
    page.wait_for_selector("#forest[data-drawn=yes]")
    page.wait_for_function("document.querySelector('#forest figcaption').textContent[0] === 'A'")
    page.keyboard.press("Tab")
    page.keyboard.type("sex")
    page.wait_for_function(
        "document.querySelector('#forest figcaption').textContent === 'AUROC by sex'"
    )
    page.wait_for_selector("#forest[data-drawn=yes]")
    assert caption(page, "#forest") == "AUROC by sex"
    e = heart.estimates["auroc/sex=Female"]
    assert value_alone(e) in numbers(page, "#forest")[1][1]


def test_the_points_of_a_figure_are_one_stop_with_values(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    tab_to(page, "#forest .reader")
    reader = page.locator("#forest .reader")

    def told() -> str:
        return str(reader.get_attribute("aria-valuetext"))

    assert reader.get_attribute("aria-valuemax") == "11"
    first = told()
    assert "Subgroup: All units" in first
    assert value_alone(heart.estimates["sensitivity/overall"]) in first
    page.keyboard.press("ArrowDown")
    second = heart.estimates["sensitivity/age=(-inf,45)"]
    assert "age=(-inf,45)" in told()
    assert value_alone(second) in told()
    assert "age=(-inf,45)" in page.locator("#tip").inner_text()
    point = page.evaluate(
        """() => { const r = document.querySelector('#forest .reader').getBoundingClientRect();
             const under = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
             return under.__data__.datum.name; }"""
    )
    assert point == "age=(-inf,45)"  # the ring is around the point that is told of
    page.keyboard.press("End")
    assert reader.get_attribute("aria-valuenow") == "11"
    page.keyboard.press("ArrowDown")
    assert reader.get_attribute("aria-valuenow") == "11"
    page.keyboard.press("Home")
    assert told() == first
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()


def test_an_explained_heading_explains_on_focus(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    page.locator("#t-results-decision th:nth-child(2) button").focus()
    assert page.locator("#tip").inner_text() == "units, and units with the outcome"


def test_landmarks_and_headings(visit: Visit, report: Made) -> None:
    page = visit.open(report)
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("navigation", name="Contents").count() == 1
    levels = page.locator("h1, h2, h3, h4").evaluate_all("(all) => all.map((h) => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    ids = page.locator("main section").evaluate_all("(all) => all.map((s) => s.id)")
    links = page.locator("nav.side a").evaluate_all("(all) => all.map((a) => a.hash.slice(1))")
    assert links == ids


def test_every_figure_has_its_text(visit: Visit, report: Made) -> None:
    page = visit.open(report)
    labels = page.locator(".figure .chart").evaluate_all(
        "(all) => all.map((c) => c.getAttribute('aria-label'))"
    )
    assert len(labels) == page.locator(".figure").count() > 3
    assert all(len(text) > 40 for text in labels)
