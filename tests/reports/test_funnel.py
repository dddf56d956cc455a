import math
import re
from typing import Any

import pytest

from audit.disclosure import shareable
from audit.result import AuditResult
from reports.blocks import Figure
from reports.figures import specification
from reports.figures.funnel import ticks
from reports.parts.funnel import MOST_POINTS, blocks, quantile
from reports.parts.index import Index
from tests.audit.builders import audited, random_columns
from tests.reports.drawn import NAMES, changed, everything, figures, fresh, svg, texts, with_clinics
from tests.reports.sample import sample, wilson

PLAN = """
columns: {label: y, score: p, site: site}
threshold: {value: 0.4}
resamples: 100
depth: 2
attributes: {sex: , race: }
"""


def of(result: AuditResult) -> Figure:
    (found,) = figures(blocks(Index(result)))
    return found


def points(result: AuditResult) -> dict[str, dict[str, Any]]:
    return {p["name"]: p for p in of(result).data.points}


def only(measure: str, **fields: Any) -> AuditResult:
    """The sample with one measure alone."""
    data = fresh()
    data["estimates"] = [e for e in data["estimates"] if e["measure"] == measure]
    for e in data["estimates"]:
        e |= fields
    return AuditResult.model_validate(data)


def test_a_point_is_the_denominator_and_the_width() -> None:
    low, high = wilson(180, 377)
    whole = points(sample())["All units"]
    assert whole["x"] == 377
    assert whole["w"] == pytest.approx(high - low)
    assert whole["kind"] == "all units"
    assert whole["tip"] == "width 0.100, n 1,400, denominator 377"


def test_every_stratum_with_something_behind_it_is_there_once() -> None:
    found = of(sample()).data.points
    known = [e for e in sample().estimates if e.measure == "sensitivity"]
    drawn = [e for e in known if e.status != "suppressed" and e.denominator]
    assert len(found) == len(drawn) == len({p["name"] for p in found})
    assert "Not drawn: 1 stratum with nothing behind the value." in of(sample()).note
    assert "[80,120)" not in str([p["name"] for p in found])


def test_what_has_no_inference_has_no_width_and_another_shape() -> None:
    weak = points(sample())["hospital=Lyon & race=Black"]
    assert (weak["w"], weak["kind"], weak["tip"]) == (
        None, "without inference", "8 patients with outcome, 10 asked for"
    )  # fmt: skip
    layers = specification(of(sample()))["hconcat"][0]["layer"]
    shapes = {la["mark"]["shape"] for la in layers if la["mark"]["type"] == "point"}
    assert shapes == {"circle", "triangle-up", "diamond"}
    strip = specification(of(sample()))["datasets"]["without inference"]
    assert all(p["y"] < 0 for p in strip)


def test_an_interval_without_inference_is_not_taken_for_a_width() -> None:
    fields = {"status": "insufficient", "reason": "x", "lower": 0.1, "upper": 0.9}
    assert points(changed("sex=F", **fields))["sex=F"]["w"] is None


def test_the_curve_is_that_of_a_proportion() -> None:
    curve = of(sample()).data.curve
    p = 180 / 377
    assert len(curve) > 40
    for point in curve:
        wanted = 2 * 1.959964 * math.sqrt(p * (1 - p) / point["x"])
        assert point["w"] == pytest.approx(wanted, rel=1e-6)
    assert "2 × 1.96 × √(p(1 − p)/n) with the value in all units, p = 0.477" in of(sample()).note


def test_other_levels_have_other_quantiles() -> None:
    assert [round(quantile(level), 3) for level in (0.9, 0.95, 0.99)] == [1.645, 1.96, 2.576]
    figure = of(only("sensitivity", level=0.9))
    assert "2 × 1.64 ×" in figure.note
    assert figure.data.y_title == "Width of the 90 % interval"


def test_no_curve_where_the_measure_is_no_proportion() -> None:
    figure = of(only("auroc"))
    assert figure.data.curve == ()
    assert "AUROC is no proportion, so no reference curve is drawn." in figure.note
    assert figure.data.x_title == "Patients behind the value, log scale"
    assert "width of a proportion" not in texts(figure)


def test_without_patients_the_axis_counts_units() -> None:
    data = only("auroc").model_dump()
    data["cohort"]["patients_declared"] = False
    figure = of(AuditResult.model_validate(data))
    assert figure.data.x_title == "Units behind the value, log scale"
    assert of(only("auroc", clusters=None)).data.x_title == "Units behind the value, log scale"


@pytest.mark.parametrize("value", [None, 0.0, 1.0])
def test_no_curve_without_a_value_between_0_and_1(value: float | None) -> None:
    assert of(changed("overall", "sensitivity", value=value)).data.curve == ()


def test_the_widest_and_all_units_are_numbered_and_named_with_n() -> None:
    data = of(sample()).data
    wide = sorted(p["w"] for p in data.points if p["w"] and p["name"] != "All units")
    numbered = [p for p in data.points if p["number"]]
    assert sorted(p["w"] for p in numbered)[1:] == wide[-4:]
    assert [k.number for k in data.key] == ["1", "2", "3", "4", "5"]
    assert (data.key[0].name, data.key[0].detail) == (
        "hospital=Leiden & race=Asian", "width 0.527, n 35, denominator 10"
    )  # fmt: skip
    assert data.key[-1].name == "All units"
    shown = texts(of(sample()))
    for text in ("hospital=Leiden & race=Asian", "width 0.527, n 35, denominator 10",
                 "Width of the 95 % interval", "with inference"):  # fmt: skip
        assert text in shown


def test_the_alternative_text_is_made_from_the_numbers() -> None:
    assert of(sample()).alt == (
        "Width of the interval of Sensitivity against the units behind the value in 71 strata. "
        "Narrowest in All units (width 0.100, n 1,400, denominator 377), widest in "
        "hospital=Leiden & race=Asian (width 0.527, n 35, denominator 10). 22 strata without "
        "inference. 1 stratum empty."
    )


def test_withheld_strata_are_counted_and_not_drawn() -> None:
    fields = {"status": "suppressed", "lower": 0.1, "upper": 0.98765, "n": 98765}
    figure = of(changed("sex=F", **fields))
    assert not re.search(r"98.?765|\"sex=F\"", everything(figure))
    assert "2 strata withheld." in figure.note


def test_the_next_measure_is_taken_where_the_first_has_no_interval() -> None:
    data = fresh()
    for e in data["estimates"]:
        if e["measure"] == "sensitivity":
            e |= {"lower": None, "upper": None}
    figure = of(AuditResult.model_validate(data))
    assert figure.caption.endswith("Specificity")


def test_without_intervals_there_is_nothing() -> None:
    assert blocks(Index(AuditResult.model_validate(fresh() | {"estimates": []}))) == []
    assert blocks(Index(only("sensitivity", lower=None, upper=None))) == []
    assert blocks(Index(only("sensitivity", status="suppressed"))) == []


def test_intervals_without_width_have_an_axis() -> None:
    figure = of(only("sensitivity", lower=0.5, upper=0.5))
    assert figure.data.top == 1.0
    assert "<svg" in svg(figure)


def test_strata_of_fewest_attributes_are_kept_where_there_are_too_many() -> None:
    figure = of(with_clinics(900))
    drawn = {p["name"] for p in figure.data.points}
    assert len(drawn) == MOST_POINTS
    assert {f"clinic=clinic {i:03d}" for i in range(900)} <= drawn
    assert re.fullmatch(r"\d+ further strata are in the attached audit.json.", figure.print_note)


def test_long_and_strange_names_are_cut_and_escaped() -> None:
    names = [k.name for k in of(with_clinics(2)).data.key]
    assert any(NAMES[1] in n for n in names)
    drawn = svg(of(with_clinics(2)))
    assert "L" * 40 not in drawn
    assert "<b onload" not in drawn


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0.9, 1750, [1, 10, 100, 1000]),
        (2.6, 530, [5, 10, 20, 50, 100, 200, 500]),
        (13, 40, [15, 20, 30, 40]),
        (870, 1250, [900, 1000, 1200]),
        (6.1, 8.75, [7, 8]),
    ],
)
def test_ticks_are_whole_and_round(low: float, high: float, wanted: list[int]) -> None:
    assert ticks(low, high) == wanted


def test_a_shared_result_draws_only_what_it_holds() -> None:
    shared = shareable(audited(PLAN, random_columns(3, 2500)))
    own = [e for e in shared.estimates if e.measure == "sensitivity"]
    hidden = {e.stratum for e in own if e.status == "suppressed"}
    figure = of(shared)
    assert hidden
    assert not hidden & {p["name"] for p in figure.data.points}
    assert not hidden & {k.name for k in figure.data.key}
    assert f"{len(hidden)} strata withheld." in figure.note
