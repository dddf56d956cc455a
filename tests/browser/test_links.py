"""The address of an estimate leads to it, wherever it stands; links can be copied."""

from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page

from reports.format import anchor
from tests.browser.conftest import Made, Visit
from tests.browser.reading import (
    choose,
    chooser,
    interval_alone,
    rows,
    said,
    value_alone,
)
from tests.reports.sample import SITES

pytestmark = pytest.mark.browser
IN_SIGHT = """(e) => { const r = e.getBoundingClientRect();
  return r.height > 0 && r.top >= 0 && r.bottom <= innerHeight; }"""


def found(page: Page) -> Locator:
    """Give what is highlighted: one thing, in sight, marked for the ear too, with the focus."""
    marked = page.locator(".found")
    assert marked.count() == 1
    assert marked.evaluate(IN_SIGHT)
    assert marked.get_attribute("aria-current") == "true"
    assert marked.evaluate("(e) => e.contains(document.activeElement)")
    assert marked.evaluate("(e) => getComputedStyle(e).outlineStyle") == "solid"
    return marked


def copied(page: Page) -> str:
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


@pytest.mark.parametrize("fragment", ["sensitivity/sex=F", "est:sensitivity/sex=F"])
def test_a_link_to_a_value_in_a_table(visit: Visit, made_up: Made, fragment: str) -> None:
    page = visit.open(made_up, fragment)
    assert found(page).get_attribute("id") == "sensitivity/sex=F"
    e = made_up.estimates["sensitivity/sex=F"]
    assert value_alone(e) in found(page).inner_text()
    assert value_alone(e) in said(page, "Sensitivity, sex=F")


@pytest.mark.parametrize("write", [anchor, quote, str])
@pytest.mark.parametrize(
    "stratum", [f"hospital={SITES[-1]}", f"hospital={SITES[0]}", "age=[18,40)"]
)
def test_links_however_they_are_written(
    visit: Visit, made_up: Made, stratum: str, write: type[str]
) -> None:
    page = visit.open(made_up, write(f"specificity/{stratum}"))
    assert found(page).get_attribute("id") == anchor(f"specificity/{stratum}")


def test_without_scripts_the_same_link_is_followed(browser: object, made_up: Made) -> None:
    context = browser.new_context(java_script_enabled=False)  # type: ignore[attr-defined]
    page = context.new_page()
    page.goto(made_up.url("sensitivity/sex=F"))
    assert page.locator("td:target").get_attribute("id") == "sensitivity/sex=F"
    context.close()


def test_a_link_to_an_intersection_leads_into_the_explorer(visit: Visit, heart: Made) -> None:
    id = "auroc/age=[45,55) & sex=Male"
    page = visit.open(heart, anchor(id))
    row = found(page)
    assert row.get_attribute("data-id") == id
    e = heart.estimates[id]
    texts = row.locator("th, td").all_inner_texts()
    assert texts[:4] == [e["stratum"], "AUROC", value_alone(e), interval_alone(e)]


def test_a_link_leads_to_a_row_on_a_later_page(visit: Visit, wide: Made) -> None:
    late = [
        d["id"]
        for d in wide.audit["disparities"]
        if (d["measure"], d["attribute"], d["contrast"]) == ("auroc", "clinic", "difference")
    ][-1]
    page = visit.open(wide, anchor(late))
    assert found(page).get_attribute("data-id") == late


def test_a_link_to_a_contrast(visit: Visit, heart: Made) -> None:
    in_a_table, in_the_explorer = "sensitivity/gap/age", "sensitivity/gap/age & sex"
    assert {in_a_table, in_the_explorer} <= {d["id"] for d in heart.audit["disparities"]}
    page = visit.open(heart, anchor(in_a_table))
    assert found(page).get_attribute("id") == in_a_table
    assert "largest gap" in said(page, "Sensitivity")
    visit.open(heart, anchor(in_the_explorer))
    assert found(page).get_attribute("data-id") == in_the_explorer


def test_a_filter_does_not_hide_what_a_link_names(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    tools = page.locator(".tools:has(+ #t-results-decision)")
    tools.get_by_role("searchbox").fill("Black")
    page.evaluate("location.hash = '#sensitivity/sex=F'")
    page.wait_for_selector(".found")
    assert found(page).get_attribute("id") == "sensitivity/sex=F"
    assert tools.get_by_role("searchbox").input_value() == ""


def test_choices_do_not_hide_what_a_link_names(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    chooser(page, "#all-estimates", "Status").select_option(label="undefined")
    page.locator("#all-estimates").get_by_role("searchbox").fill("Hungary")
    page.evaluate("location.hash = '#auroc/age=[45,55)%20&%20sex=Male'")
    page.wait_for_selector(".found")
    assert found(page).get_attribute("data-id") == "auroc/age=[45,55) & sex=Male"


def test_the_next_link_takes_the_mark_away_from_the_last(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up, "sensitivity/sex=F")
    page.evaluate("location.hash = '#auroc/sex=M'")
    page.wait_for_selector("[id='auroc/sex=M'].found")
    assert found(page).get_attribute("id") == "auroc/sex=M"


def test_a_link_to_nothing_says_so(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up, "sensitivity/planet=Mars")
    assert page.locator(".found").count() == 0
    assert said(page, "no estimate") == (
        "This report has no estimate called sensitivity/planet=Mars"
    )
    assert page.locator("#said").is_visible()


@pytest.mark.parametrize("fragment", ["%", "%E0%A4%A", "summary", "nowhere"])
def test_other_fragments_do_no_harm(visit: Visit, made_up: Made, fragment: str) -> None:
    page = visit.open(made_up, fragment)
    assert page.locator(".found").count() == 0
    assert page.locator("#said.seen").count() == 0


@pytest.mark.parametrize("id", [f"sensitivity/hospital={SITES[-1]}", "auroc/sex=F"])
def test_a_value_copies_a_link_that_leads_back_to_it(visit: Visit, made_up: Made, id: str) -> None:
    page = visit.open(made_up)
    link = page.locator(f'[id="{anchor(id)}"] a.to')
    link.click()
    assert "Link copied" in said(page, "Link copied")
    url = copied(page)
    assert url == page.url
    page.goto("about:blank")
    page.goto(url)
    page.wait_for_selector("html[data-ready=yes]", state="attached")
    assert found(page).get_attribute("id") == anchor(id)


def test_each_row_of_the_explorer_copies_its_link(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    chooser(page, "#all-estimates", "Attributes").select_option(label="age × sex")
    name = "Copy link: AUROC, age=[45,55) & sex=Male"
    chooser(page, "#all-estimates", "Measure").select_option(label="AUROC")
    buttons = page.locator("#all-estimates tbody").get_by_role("button")
    assert buttons.count() == len(rows(page.locator("#all-estimates table"))) == 8
    page.get_by_role("button", name=name, exact=True).press("Enter")
    assert name[len("Copy link: ") :] in said(page, "Link copied")
    url = copied(page)
    visit.open(heart, url.partition("#")[2])
    assert found(page).get_attribute("data-id") == "auroc/age=[45,55) & sex=Male"


def test_a_link_does_not_undo_a_choice_in_the_figure(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    choose(page, "#forest", "Measure", "AUROC")
    page.evaluate("location.hash = '#sensitivity/sex=Female'")
    page.wait_for_selector(".found")
    assert page.locator("#forest figcaption").inner_text().startswith("AUROC")
