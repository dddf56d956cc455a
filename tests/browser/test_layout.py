"""The page fits narrow windows, magnified ones and large type: only tables scroll sideways."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Made, Visit

pytestmark = pytest.mark.browser
ZOOMED = 640  # what a window of 1280 pixels has left at 200 %


def overflow(page: Page) -> list[str]:
    """Name what reaches out of the window sideways."""
    found: list[str] = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
             [...document.querySelectorAll("body *")]
               .filter((e) => !e.closest(".table, .draw")
                 && e.getBoundingClientRect().right > innerWidth + 1)
               .map((e) => `${e.tagName} ${e.id} ${e.className}`).concat("the page scrolls")"""
    )
    return found


@pytest.mark.parametrize("width", [320, ZOOMED, 1280])
def test_the_page_does_not_scroll_sideways(visit: Visit, report: Made, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 800})
    assert overflow(visit.open(report)) == []


def test_letters_twice_as_large_still_fit(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    page.add_style_tag(content="html { font-size: 30px }")
    assert overflow(page) == []


def test_names_of_words_are_not_cut_letter_by_letter(visit: Visit, heart: Made) -> None:
    visit.page.set_viewport_size({"width": 320, "height": 800})
    page = visit.open(heart)
    heights = page.locator("main header table.facts th").evaluate_all(
        "(all) => all.map((th) => [th.textContent, th.firstChild, th.getClientRects()[0].width])"
    )
    assert all(width > 60 for _, _, width in heights)


def test_what_scrolls_sideways_can_be_reached_by_keyboard(visit: Visit, heart: Made) -> None:
    visit.page.set_viewport_size({"width": 320, "height": 800})
    page = visit.open(heart)
    boxes = page.locator(".table, .draw").evaluate_all(
        """(all) => all.filter((b) => b.scrollWidth > b.clientWidth + 1)
             .map((b) => [b.tabIndex, b.getAttribute("aria-label")])"""
    )
    assert len(boxes) > 5
    assert all(index == 0 and label.endswith("can be scrolled") for index, label in boxes)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.wait_for_function("document.querySelector('#t-results-decision').tabIndex === -1")


def test_a_figure_is_as_wide_as_there_is_room(visit: Visit, heart: Made) -> None:
    wide = visit.open(heart).locator("#forest svg").bounding_box()
    visit.page.set_viewport_size({"width": 420, "height": 800})
    narrow = visit.open(heart).locator("#forest svg").bounding_box()
    assert wide is not None
    assert narrow is not None
    assert narrow["width"] < 400 < wide["width"]


def test_nothing_moves_by_itself(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    moving = page.locator("body *").evaluate_all(
        """(all) => all.filter((e) => { const s = getComputedStyle(e);
             return s.animationName !== "none" || parseFloat(s.transitionDuration) > 0; }).length"""
    )
    assert moving == 0
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
