"""On paper every section stands, with scripts and without, and nothing that only a screen does."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Made, Visit
from tests.browser.reading import choose
from tests.reports.validators import needs

pytestmark = pytest.mark.browser
PAPER = 688  # pixels between the margins
CONTROLS = ("Rows with", "Stratum contains", "Copy link", "Next rows", "Skip to the report",
            "Numbers of this figure", "Contents", "Order")  # fmt: skip


def printed(page: Page) -> list[str]:
    """Print the page on A4 and give the text of each sheet, without its number."""
    pymupdf: Any = needs("pymupdf")
    with pymupdf.open(stream=page.pdf(prefer_css_page_size=True)) as document:
        assert {round(sheet.rect.width) for sheet in document} == {595}
        texts = [sheet.get_text() for sheet in document]
    found = []
    for number, text in enumerate(texts, 1):
        first, _, rest = text.partition("\n")
        assert first == f"{number} / {len(texts)}"
        found.append(rest)
    return found


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def headings(page: Page) -> list[str]:
    return [plain(text) for text in page.locator("main h2").all_text_contents()]


def assert_in_order(wanted: list[str], text: str) -> None:
    at = 0
    for heading in wanted:
        at = text.find(heading, at)
        assert at >= 0, heading
        at += len(heading)


def test_every_section_is_on_paper(visit: Visit, report: Made) -> None:
    page = visit.open(report)
    text = plain(" ".join(printed(page)))
    wanted = headings(page)
    assert wanted[0] == "Summary"
    assert wanted[-1] == "All estimates and contrasts"
    assert_in_order(wanted, text)
    assert "All of them are in audit.json" in text
    for control in CONTROLS:
        assert not re.search(rf"\b{control}\b", text), control


def test_without_scripts_paper_has_the_same_sections(
    visit: Visit, browser: Browser, heart: Made
) -> None:
    wanted = headings(visit.open(heart))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(heart.url())
    text = plain(" ".join(printed(page)))
    assert_in_order(wanted, text)
    # The texts of the figures stand in their places.
    for alt in page.locator(".draw p").all_text_contents():
        assert "".join(alt.split()) in text.replace(" ", "")
    context.close()


def test_figures_are_printed_as_they_were_chosen(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    choose(page, "#forest", "Measure", "AUROC")
    choose(page, "#forest", "Subgroups", "age × sex")
    text = plain(" ".join(printed(page)))
    assert "AUROC by age × sex" in text
    assert "age=[45,55)" in text
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER, "height": 900})
    assert page.locator("#forest svg").bounding_box()["width"] <= PAPER  # type: ignore[index]


def test_a_filter_takes_no_row_from_the_paper(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    before = plain(" ".join(printed(page)))
    page.locator(".tools:has(+ #t-results-decision) input").fill("Black")
    assert plain(" ".join(printed(page))) == before


def test_headings_of_tables_are_repeated_on_the_next_sheet(visit: Visit, heart: Made) -> None:
    sheets = printed(visit.open(heart))
    gaps = [sheet for sheet in sheets if "By chance alone" in sheet and "Worst level" in sheet]
    assert len(gaps) >= 2


def test_a_dark_screen_prints_on_white(visit: Visit, made_up: Made) -> None:
    visit.page.emulate_media(color_scheme="dark")
    page = visit.open(made_up)
    shade = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.evaluate(shade) != "rgb(255, 255, 255)"
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(shade) == "rgb(255, 255, 255)"
