"""One file is all there is: nothing is asked for, little is weighed, scripts are no must."""

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Made, Visit

pytestmark = pytest.mark.browser
LIMIT = 5_000_000


def test_no_request_leaves_the_file_and_nothing_is_complained_of(
    visit: Visit, report: Made
) -> None:
    page = visit.open(report)
    page.locator("#forest").scroll_into_view_if_needed()
    page.locator("#all-estimates").get_by_role("button", name="Next rows").click()
    asked = [url for url in visit.heard.requests if not url.startswith(("data:", "blob:"))]
    assert asked == [report.path.as_uri()]
    assert visit.heard.errors == []


def test_the_policy_of_the_page_stops_a_request(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    page.on("console", lambda message: None)
    stopped = page.evaluate(
        """() => fetch("https://example.org/").then(() => "sent", (e) => e.name)"""
    )
    assert stopped == "TypeError"
    assert not [url for url in visit.heard.requests if "example.org" in url]
    assert visit.heard.errors
    assert all("Content Security Policy" in error for error in visit.heard.errors)
    visit.heard.errors.clear()


def test_two_hundred_strata_fit_in_five_megabytes(wide: Made) -> None:
    strata = {e["stratum"] for e in wide.audit["estimates"]}
    assert len(strata) == 200
    assert wide.path.stat().st_size < LIMIT


def test_every_figure_is_drawn(visit: Visit, report: Made) -> None:
    page = visit.open(report)
    assert page.locator(".figure").count() == page.locator(".figure[data-drawn=yes]").count() > 3
    assert page.locator(".figure .chart svg").count() == page.locator(".figure").count()


def test_without_scripts_the_tables_and_texts_stand(browser: Browser, heart: Made) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(heart.url())
    assert page.locator("#t-results-decision tbody tr").count() > 7
    assert page.locator("#forest .draw p").inner_text().startswith("Sensitivity is lowest")
    assert page.get_by_text("With scripts switched on this page").is_visible()
    assert page.locator("#all-estimates").is_hidden()
    assert page.locator(".tools button, .tools select").count() == 0
    context.close()


def test_a_browser_that_cannot_unpack_keeps_the_plain_page(visit: Visit, made_up: Made) -> None:
    visit.page.add_init_script("delete window.DecompressionStream")
    visit.page.goto(made_up.url())
    visit.page.wait_for_load_state("load")
    assert visit.page.get_by_text("With scripts switched on").first.is_visible()
    assert visit.page.locator("#all-estimates").is_hidden()
    assert len(visit.heard.errors) <= 1
    visit.heard.errors.clear()
