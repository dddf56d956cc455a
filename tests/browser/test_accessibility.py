"""axe-core finds nothing, in light and dark, narrow and wide, and after every control was used."""

from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Made, Visit
from tests.browser.reading import said

AXE = "axe_playwright_python/axe.min.js"
pytestmark = pytest.mark.browser


def axe(page: Page, where: Any = None, **options: Any) -> list[dict[str, Any]]:
    """Run every rule of axe-core, best practices included, over the page or a part of it."""
    script = distribution("axe-playwright-python").locate_file(AXE)
    page.evaluate(Path(str(script)).read_text("utf-8"))
    found: list[dict[str, Any]] = page.evaluate(
        """([where, options]) =>
             axe.run(where ?? document, {resultTypes: ["violations"], ...options})
               .then((results) => results.violations)""",
        [where, options],
    )
    return [
        {
            "rule": v["id"],
            "where": [n["html"][:200] for n in v["nodes"][:3]],
            "why": v["nodes"][0]["failureSummary"],
        }
        for v in found
    ]


@pytest.mark.parametrize("name", ["heart", "made_up"])
def test_axe_finds_nothing(visit: Visit, request: pytest.FixtureRequest, name: str) -> None:
    assert axe(visit.open(request.getfixturevalue(name))) == []


def test_axe_finds_nothing_with_two_hundred_strata(visit: Visit, wide: Made) -> None:
    page = visit.open(wide)
    assert axe(page, rules={"color-contrast": {"enabled": False}}) == []
    # Contrast takes minutes over fifty thousand cells that all look alike.
    some = {"include": ["header", "nav", "#summary", "#forest", "#explore"]}
    assert axe(page, some, runOnly=["color-contrast"]) == []


def test_axe_finds_nothing_after_everything_was_used(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    for details in page.locator("details.numbers > summary").all():
        details.click()
    page.locator("#t-results-decision thead button").nth(2).click()
    page.locator(".tools:has(+ #t-results-decision) input").fill("Black")
    page.locator("[id='sensitivity/race=Black'] a.to").click()
    page.locator("#forest .reader").press("ArrowDown")
    said(page, "Link copied")
    assert page.locator("#tip").is_visible()
    assert axe(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_in_either_scheme_and_width(
    visit: Visit, made_up: Made, scheme: Any, width: int
) -> None:
    visit.page.emulate_media(color_scheme=scheme)
    visit.page.set_viewport_size({"width": width, "height": 900})
    assert axe(visit.open(made_up, "sensitivity/sex=F")) == []
