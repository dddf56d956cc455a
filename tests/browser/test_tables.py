"""Tables sort, filter and tell; what they show is what the audit holds."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from reports.words import STATUS
from tests.browser.conftest import Made, Visit
from tests.browser.reading import (
    chooser,
    interval_alone,
    rows,
    said,
    size_text,
    value_alone,
)

pytestmark = pytest.mark.browser
ALL = "#all-estimates"
CONTRASTS = "#all-disparities"


def sort(table: Locator, heading: str) -> str | None:
    """Press a heading and give the order it then claims."""
    button = table.locator("thead").get_by_role("button", name=heading, exact=True)
    button.click()
    return button.locator("xpath=..").get_attribute("aria-sort")


def tally(page: Page, at: str) -> str:
    return page.locator(f"{at} > .note").inner_text()


def strata_in(table: Locator) -> list[str]:
    return [row[0] for row in rows(table)]


def test_a_table_sorts_up_down_and_back_within_its_groups(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    table = page.locator("#t-sites-decision table")
    given = strata_in(table)
    hospitals = given[1:]
    values = {h: heart.estimates[f"sensitivity/hospital={h}"]["value"] for h in hospitals}
    upwards = sorted(hospitals, key=lambda h: values[h])
    assert upwards != hospitals
    assert sort(table, "Sensitivity") == "ascending"
    assert strata_in(table) == ["All units", *upwards]
    assert "Sorted by Sensitivity, ascending" in said(page, "Sorted")
    assert sort(table, "Sensitivity") == "descending"
    assert strata_in(table) == ["All units", *upwards[::-1]]
    assert sort(table, "Sensitivity") is None
    assert strata_in(table) == given


def test_sorting_another_column_ends_the_first(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    table = page.locator("#t-sites-decision table")
    sort(table, "Sensitivity")
    sort(table, "PPV")
    assert table.locator("th[aria-sort]").count() == 1


def test_what_has_no_value_comes_last_either_way(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    table = page.locator("#t-results-decision table")
    for way in ("ascending", "descending"):
        assert sort(table, "Sensitivity") == way
        races = [row for row in rows(table) if row[0] in ("Asian", "Black", "White", "Other")]
        assert races[-1][0] == "Other"  # it has no unit with the condition


def test_filtering_a_table_leaves_rows_and_tells_how_many(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    tools = page.locator(".tools:has(+ #t-results-decision)")
    table = page.locator("#t-results-decision table")
    total = len(rows(table))
    tools.get_by_role("searchbox", name="Rows with").fill("[40,65)")
    assert strata_in(table) == ["[40,65)"]
    assert tools.locator(".tally").inner_text() == f"1 of {total} rows"
    assert f"1 of {total} rows shown" in said(page, "shown")
    assert table.locator("tr.group:visible").all_inner_texts() == ["age"]
    tools.get_by_role("searchbox", name="Rows with").fill("")
    tools.get_by_role("combobox", name="Group").select_option(label="sex")
    assert strata_in(table) == ["F", "M"]
    assert f"2 of {total} rows shown" in said(page, "2 of")


def test_the_explorer_shows_what_was_chosen(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    total = len(heart.audit["estimates"])
    assert tally(page, ALL) == f"Rows 1 to 50 of 1,{total - 1000}"
    chooser(page, ALL, "Measure").select_option(label="Specificity")
    chooser(page, ALL, "Attributes").select_option(label="age × hospital")
    wanted = [e for id, e in heart.estimates.items() if id.startswith("specificity/")
              and "age=" in e["stratum"] and "hospital=" in e["stratum"]]  # fmt: skip
    assert len(wanted) == 16
    assert tally(page, ALL) == "Rows 1 to 16 of 16"
    assert "Rows 1 to 16 of 16" in said(page, "of 16")
    shown = rows(page.locator(f"{ALL} table"))
    assert [row[:6] for row in shown] == [explorer_row(e) for e in wanted]


def explorer_row(e: dict[str, Any]) -> list[str]:
    value = STATUS[e["status"]] if e["value"] is None else value_alone(e)
    share = f"{e['events']} / {e['denominator']}"
    return [e["stratum"], "Specificity", value, interval_alone(e), size_text(e), share]


def test_the_explorer_keeps_what_is_suppressed(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    chooser(page, ALL, "Status").select_option(label="suppressed")
    shown = rows(page.locator(f"{ALL} table"))
    assert len(shown) == 17
    assert {(row[0], row[2], row[4]) for row in shown} == {
        ("race=(missing)", "suppressed", "withheld")
    }


def test_the_explorer_sorts_all_rows_not_only_those_in_sight(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    chooser(page, ALL, "Measure").select_option(label="Brier score")
    table = page.locator(f"{ALL} table")
    sort(table, "Value")
    sort(table, "Value")
    own = [e for e in heart.audit["estimates"] if e["measure"] == "brier" and e["value"]]
    assert len(own) > 30
    highest = max(own, key=lambda e: e["value"])
    assert rows(table)[0][:3] == [highest["stratum"], "Brier score", value_alone(highest)]


def test_pages_of_the_explorer_turn(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    first = rows(page.locator(f"{ALL} table"))
    back = page.locator(ALL).get_by_role("button", name="Previous rows")
    assert back.get_attribute("aria-disabled") == "true"
    page.locator(ALL).get_by_role("button", name="Next rows").click()
    second = rows(page.locator(f"{ALL} table"))
    assert tally(page, ALL).startswith("Rows 51 to 100 of ")
    assert first != second
    back.click()
    assert rows(page.locator(f"{ALL} table")) == first
    back.press("Enter")  # nothing before the first
    assert rows(page.locator(f"{ALL} table")) == first


def test_show_all_clears_every_choice(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    before = tally(page, ALL)
    page.locator(ALL).get_by_role("searchbox").fill("no such stratum")
    assert tally(page, ALL) == "No row fits."
    page.locator(ALL).get_by_role("button", name="Show all").click()
    assert tally(page, ALL) == before


def test_contrasts_are_chosen_by_kind_and_attributes(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    chooser(page, CONTRASTS, "Measure").select_option(label="Sensitivity")
    chooser(page, CONTRASTS, "Contrast").select_option(label="difference")
    chooser(page, CONTRASTS, "Attributes").select_option(label="sex")
    wanted = [d for d in heart.audit["disparities"] if d["measure"] == "sensitivity"
              and d["contrast"] == "difference" and d["attribute"] == "sex"]  # fmt: skip
    assert wanted
    shown = rows(page.locator(f"{CONTRASTS} table"))
    assert [row[:2] for row in shown] == [[d["stratum"], d["reference"]] for d in wanted]
    sign = "+" if wanted[0]["value"] > 0 else "\u2212"
    assert shown[0][4] == f"{sign}{abs(wanted[0]['value']):.3f}"


@pytest.mark.parametrize("way", ["hover", "focus"])
def test_a_value_tells_its_n_and_interval(visit: Visit, heart: Made, way: str) -> None:
    page = visit.open(heart)
    link = page.locator("[id='sensitivity/sex=Female'] a.to")
    getattr(link, way)()
    e = heart.estimates["sensitivity/sex=Female"]
    told = page.locator("#tip").inner_text()
    assert "Sensitivity, sex=Female" in told
    assert f"{value_alone(e)} {interval_alone(e)}" in told
    assert f"n {e['n']}, {e['n_positive']} with the outcome" in told
    assert f"{e['events']} of {e['denominator']}" in told
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()


def test_a_point_of_a_figure_tells_its_n_and_interval(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    page.locator("#forest .chart svg path[aria-roledescription=point]").first.hover()
    e = heart.estimates["sensitivity/overall"]
    told = page.locator("#tip").inner_text()
    assert f"{value_alone(e)} {interval_alone(e)}" in told
    assert size_text(e) in told


def test_a_line_tells_the_nearest_of_its_places(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    line = page.locator("#decision-figure svg path[stroke='#D55E00']").first
    line.scroll_into_view_if_needed()
    curve = next(c for c in heart.audit["curves"]["decision"] if c["stratum"] == "overall")
    spot = line.evaluate(
        """(path) => { const at = path.__data__, item = [at].flat()[0].mark.items[20];
             const p = new DOMPoint(item.x, item.y).matrixTransform(path.getScreenCTM());
             return [p.x, p.y]; }"""
    )
    page.mouse.move(*spot)
    told = page.locator("#tip").inner_text()
    assert "Strategy: treat all" in told
    assert f"Threshold: {curve['thresholds'][20]:.2f}" in told
