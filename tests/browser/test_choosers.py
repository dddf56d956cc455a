"""Choosing a measure, subgroups, a group to look into and an order changes what is drawn."""

import pytest

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
