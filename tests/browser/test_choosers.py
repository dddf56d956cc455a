"""Choosing a measure, subgroups, a group to look into and an order changes what is drawn."""

import pytest

from reports.parts.curves import PAGE_PANELS
from reports.parts.forest import NUMBER
from reports.ticks import ENOUGH, log_ticks
from tests.browser.conftest import Made, Visit
from tests.browser.reading import (
    caption,
    choose,
    chooser,
    numbers,
    said,
    size_text,
    value_text,
)

pytestmark = pytest.mark.browser
HOSPITALS = ("Cleveland", "Hungary", "Switzerland", "VA Long Beach")
AGES = ("(-inf,45)", "[45,55)", "[55,65)", "[65,inf)")
LEVELS = (
    *(f"age={a}" for a in AGES),
    "sex=Female",
    "sex=Male",
    *(f"hospital={h}" for h in HOSPITALS),
)


def expected(made: Made, measure: str, strata: list[str]) -> list[list[str]]:
    found = [made.estimates[f"{measure}/{s}"] for s in strata]
    return [
        ["All units" if e["stratum"] == "overall" else e["stratum"], value_text(e), size_text(e)]
        for e in found
    ]


def test_the_first_plot_shows_sensitivity_in_every_level(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    strata = ["overall", *(f"age={a}" for a in AGES), "sex=Female", "sex=Male"]
    strata += [f"hospital={h}" for h in HOSPITALS]
    drawn = numbers(page, "#forest")
    in_order = sorted(drawn, key=lambda row: row[0])
    assert [row[:3] for row in in_order] == sorted(expected(heart, "sensitivity", strata))
    assert page.locator("#forest .chart svg path[d]").count() > len(strata)


def test_another_measure_is_drawn_with_its_own_numbers(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    choose(page, "#forest", "Measure", "O:E ratio")
    choose(page, "#forest", "Subgroups", "hospital")
    strata = ["overall", *(f"hospital={h}" for h in HOSPITALS)]
    assert [row[:3] for row in numbers(page, "#forest")] == expected(heart, "oe_ratio", strata)
    assert caption(page, "#forest") == "O:E ratio by hospital"
    alt = page.locator("#forest .chart").get_attribute("aria-label")
    assert alt is not None
    low = heart.estimates["oe_ratio/hospital=Hungary"]
    assert "lowest in the subgroup hospital=Hungary at " + value_text(low).split(" ")[0] in alt
    assert "highest in the subgroup hospital=Switzerland" in alt
    assert alt.endswith("4 subgroups drawn.")
    assert "4 subgroups drawn" in said(page, "by hospital")


def test_an_intersection_is_drawn_with_a_heading_for_each_level(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    choose(page, "#forest", "Measure", "AUROC")
    choose(page, "#forest", "Subgroups", "age × sex")
    strata = ["overall", *(f"age={a} & sex={s}" for a in AGES for s in ("Female", "Male"))]
    assert [row[:3] for row in numbers(page, "#forest")] == expected(heart, "auroc", strata)
    texts = page.locator("#forest .chart svg text").all_text_contents()
    assert [t for t in texts if t.startswith("age=")] == [f"age={a}" for a in AGES]


def test_inside_a_site_the_same_rows_are_those_of_the_site(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    choose(page, "#forest", "Subgroups", "sex")
    choose(page, "#forest", "Inside", "Switzerland")
    strata = ["hospital=Switzerland", "hospital=Switzerland & sex=Female",
              "hospital=Switzerland & sex=Male"]  # fmt: skip
    assert [row[:3] for row in numbers(page, "#forest")] == expected(heart, "sensitivity", strata)
    assert caption(page, "#forest") == "Sensitivity by sex in hospital=Switzerland"


def test_what_was_not_crossed_is_said_to_be(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    choose(page, "#forest", "Subgroups", "age × sex")
    choose(page, "#forest", "Inside", "Hungary")
    assert "the attributes were not crossed" in page.locator("#forest .draw").inner_text()


def test_the_order_by_value_is_that_of_the_audit(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    choose(page, "#forest", "Subgroups", "hospital")
    choose(page, "#forest", "Order", "by value")
    strata = sorted((f"hospital={h}" for h in HOSPITALS),
                    key=lambda s: heart.estimates[f"sensitivity/{s}"]["value"])  # fmt: skip
    assert [row[0] for row in numbers(page, "#forest")] == ["All units", *strata]
    choose(page, "#forest", "Order", "by n, largest first")
    by_n = sorted(strata, key=lambda s: -heart.estimates[f"sensitivity/{s}"]["n"])
    assert [row[0] for row in numbers(page, "#forest")] == ["All units", *by_n]


def test_rows_without_a_value_say_why(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    choose(page, "#forest", "Subgroups", "race")
    told = {row[0]: row for row in numbers(page, "#forest")}
    assert told["race=Other"][1] == "–"
    assert told["race=Other"][3] == "undefined: there are no units with the condition"
    assert told["race=(missing)"][2:] == ["withheld", "suppressed: fewer than 11 people"]
    assert "undefined" in page.locator("#forest .chart svg text").all_text_contents()


def test_many_levels_are_one_attribute_at_a_time(visit: Visit, wide: Made) -> None:
    page = visit.open(wide)
    subgroups = chooser(page, "#forest", "Subgroups")
    assert subgroups.evaluate("(s) => s.selectedOptions[0].text") == "age"
    assert chooser(page, "#forest", "Inside").count() == 0  # nothing was crossed
    choose(page, "#forest", "Subgroups", "clinic")
    choose(page, "#forest", "Order", "by value")
    drawn = numbers(page, "#forest")
    assert len(drawn) == 187
    found = [e for id, e in wide.estimates.items() if id.startswith("sensitivity/clinic=")]
    values = sorted(e["value"] for e in found if e["value"] is not None)
    lowest = next(e for e in found if e["value"] == values[0])
    assert drawn[1][1] == value_text(lowest)


def test_calibration_is_chosen_by_attribute(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    choose(page, "#calibration-figure", "Attribute", "sex")
    curves = {c["stratum"]: c for c in heart.audit["curves"]["calibration"]}
    wanted = [
        [f"{b['predicted']:.3f}", f"{b['observed']:.3f}", f"{b['lower']:.3f}", f"{b['upper']:.3f}",
         str(b["n"])]
        for stratum in ("overall", "sex=Female", "sex=Male")
        for b in curves[stratum]["bins"]
    ]  # fmt: skip
    drawn = numbers(page, "#calibration-figure")
    assert [row[1:] for row in drawn if row[5] != "–"] == wanted
    assert caption(page, "#calibration-figure").startswith("Calibration by sex")
    alt = page.locator("#calibration-figure .chart").get_attribute("aria-label")
    assert alt is not None
    assert alt.endswith("3 curves drawn.")


def test_a_ratio_has_the_ticks_of_the_printed_figure(visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    choose(page, "#forest", "Measure", "O:E ratio")
    texts = page.locator("#forest .chart svg .role-axis-label text").all_text_contents()
    drawn = [float(text) for text in texts]
    assert len(drawn) >= ENOUGH
    assert 1.0 in drawn
    found = [heart.estimates[f"oe_ratio/{s}"] for s in ("overall", *LEVELS)]
    ends = [v for e in found for v in (e["value"], e["lower"], e["upper"]) if v is not None]
    low, high = min(*ends, 0.8) / 1.05, max(*ends, 1.25) * 1.05
    widest = 460  # pixels, in a window of this width
    assert drawn == log_ticks(low, high, NUMBER / widest)


@pytest.mark.parametrize(
    ("form", "series"), [("decision", "#decision-figure"), ("risk", "#risk-figure")]
)
def test_panels_are_chosen_by_attribute(form: str, series: str, visit: Visit, heart: Made) -> None:
    page = visit.open(heart)
    every = {row[0] for row in numbers(page, series)}
    assert len(every) == len(heart.audit["curves"][form])
    choose(page, series, "Attribute", "sex")
    chosen = {row[0] for row in numbers(page, series)}
    assert sorted(name.partition(" ")[0] for name in chosen) == ["All", "sex=Female", "sex=Male"]
    assert caption(page, series).endswith(", by sex")
    alt = page.locator(f"{series} .chart").get_attribute("aria-label")
    assert alt is not None
    assert alt.endswith("3 panels drawn.")
    assert alt.count("drawn") == 1
    assert "3 panels drawn" in said(page, "by sex")


def test_of_many_panels_the_first_attribute_is_shown_and_the_rest_is_counted(
    visit: Visit, wide: Made
) -> None:
    page = visit.open(wide)
    figure = page.locator("#decision-figure")
    assert chooser(page, "#decision-figure", "Attribute").input_value() != ""
    left = len(wide.audit["curves"]["decision"]) - PAGE_PANELS
    assert f"{left} further subgroups are in audit.json alone." in figure.inner_text()
