"""axe-core finds nothing, in light and dark, narrow and wide, and after every control was used."""

from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Made, Visit

AXE = "axe_playwright_python/axe.min.js"
pytestmark = pytest.mark.browser


def axe(page: Page) -> list[dict[str, Any]]:
    """Run every rule of axe-core, best practices included."""
    script = distribution("axe-playwright-python").locate_file(AXE)
    page.evaluate(Path(str(script)).read_text("utf-8"))
    found: list[dict[str, Any]] = page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations)"
    )
    return [
        {"rule": v["id"], "where": [n["html"][:200] for n in v["nodes"][:3]],
         "why": v["nodes"][0]["failureSummary"]}
        for v in found
    ]  # fmt: skip


def test_axe_finds_nothing(visit: Visit, report: Made) -> None:
    assert axe(visit.open(report)) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_in_either_scheme_and_width(
    visit: Visit, made_up: Made, scheme: Any, width: int
) -> None:
    visit.page.emulate_media(color_scheme=scheme)
    visit.page.set_viewport_size({"width": width, "height": 900})
    assert axe(visit.open(made_up, "sensitivity/sex=F")) == []
