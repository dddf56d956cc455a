"""What the tests read from a page, and the rules by which numbers are printed."""

from typing import Any

from playwright.sync_api import Locator, Page

from reports.format import count, digits, fixed, interval, with_interval


def chooser(page: Page, at: str, name: str) -> Locator:
    """Find a chooser by its label."""
    return page.locator(at).get_by_role("combobox", name=name, exact=True)


def choose(page: Page, figure: str, name: str, option: str) -> None:
    """Choose an option, and wait until the figure is drawn anew."""
    chooser(page, figure, name).select_option(label=option)
    page.wait_for_selector(f"{figure}[data-drawn=yes]")


def rows(table: Locator) -> list[list[str]]:
    """Read the texts of the rows that can be seen, without headings of groups."""
    found: list[list[str]] = table.evaluate(
        """(table) => [...table.tBodies].flatMap((body) => [...body.rows])
             .filter((row) => !row.hidden && !row.classList.contains("group"))
             .map((row) => [...row.cells].map((cell) => cell.textContent.trim()))"""
    )
    return found


def numbers(page: Page, figure: str) -> list[list[str]]:
    """Open the numbers of a figure and read them."""
    details = page.locator(f"{figure} details.numbers")
    if details.get_attribute("open") is None:
        details.locator("summary").click()
    return rows(details.locator("table"))


def caption(page: Page, figure: str) -> str:
    """Read the caption of a figure."""
    return page.locator(f"{figure} figcaption").inner_text()


def said(page: Page, part: str) -> str:
    """Wait until the live region says something, and give it whole."""
    page.wait_for_function("(part) => document.querySelector('#said').textContent.includes(part)",
                           arg=part)  # fmt: skip
    return page.locator("#said").inner_text() or str(page.locator("#said").text_content())


def value_text(e: dict[str, Any]) -> str:
    """Write an estimate as the tables do."""
    return with_interval(e["value"], e["lower"], e["upper"], digits(e["measure"]))


def value_alone(e: dict[str, Any]) -> str:
    return fixed(e["value"], digits(e["measure"]))


def interval_alone(e: dict[str, Any]) -> str:
    return interval(e["lower"], e["upper"], digits(e["measure"]))


def size_text(e: dict[str, Any]) -> str:
    """Write n and the units with the outcome."""
    return f"{count(e['n'])} / {count(e['n_positive'])}"
