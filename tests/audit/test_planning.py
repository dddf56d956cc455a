"""Planning formulas against published examples, and against enumeration of the binomial."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from audit.plan import Plan
from audit.planning import Planned, Sizes, auroc_error, n_for_bound, plan_requirements
from audit.stats.proportions import newcombe_difference, wilson


def plan_with(*requirements: dict[str, Any], **more: Any) -> Plan:
    return Plan.model_validate(
        {
            "columns": {"label": "y", "score": "p"},
            "threshold": {"value": 0.5},
            "attributes": {"sex": {"reference": "M"}},
            "requirements": list(requirements),
            **more,
        }
    )


def planned(plan: Plan, sizes: list[Sizes], **assumed: float) -> Planned:
    return plan_requirements(plan, sizes, assumed)[0]


def overall(positives: int, negatives: int) -> Sizes:
    return Sizes("overall", "", positives + negatives, positives, negatives)


def sex(level: str, positives: int, negatives: int) -> Sizes:
    return Sizes(f"sex={level}", "sex", positives + negatives, positives, negatives)


FLOOR = {"id": "r", "measure": "sensitivity", "floor": 0.8}
GAP = {"id": "r", "measure": "sensitivity", "contrast": "gap", "attribute": "sex", "margin": 0.1}


def test_auroc_error_of_the_example_of_hanley_and_mcneil() -> None:
    # Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747: 51 abnormal and 58 normal scans,
    # an area of 0.893 and a standard error of 0.032 by these formulas
    assert auroc_error(0.893, 51, 58) == pytest.approx(0.032, abs=0.0006)


def test_units_to_tell_a_proportion_from_a_bound() -> None:
    # by hand: ((1.959964 * 0.5 + 0.841621 * 0.433013) / 0.25)^2 = 28.9
    assert n_for_bound(0.5, 0.25, 0.95) == 29


@pytest.mark.parametrize(("floor", "truth"), [(0.8, 0.9), (0.7, 0.85), (0.5, 0.65)])
def test_wilson_excludes_the_floor_in_four_of_five_cohorts_of_that_size(
    floor: float, truth: float
) -> None:
    n = n_for_bound(floor, truth, 0.95)
    events = list(range(n + 1))
    lower = wilson(events, [n] * (n + 1))[0]
    power = sum(
        binom.pmf(k, n, truth) for k, low in zip(events, lower, strict=True) if low >= floor
    )
    assert 0.74 < power < 0.86


def test_needed_and_detectable_are_two_sides_of_one_formula() -> None:
    needed = n_for_bound(0.8, 0.9, 0.95)
    enough = planned(plan_with(FLOOR), [overall(needed, 500)], sensitivity=0.9)
    short = planned(plan_with(FLOOR), [overall(needed - 1, 500)], sensitivity=0.9)
    assert (enough.status, enough.needed) == ("decidable", needed)
    assert (short.status, short.needed) == ("undecidable", needed)
    assert enough.detectable is not None
    assert enough.detectable == pytest.approx(0.1, abs=0.001)
    assert enough.detectable <= 0.1


def test_a_floor_that_not_even_a_perfect_model_could_be_shown_to_reach() -> None:
    # Wilson's lower end of n of n is n / (n + z^2): 0.796 of 15, 0.806 of 16
    few = planned(plan_with(FLOOR), [overall(15, 90)])
    enough = planned(plan_with(FLOOR), [overall(16, 90)])
    assert few.status == "undecidable"
    assert few.detectable is None
    assert (few.have, few.needed, few.needed_for) == (15, 16, 1.0)
    assert enough.status == "decidable"


def test_the_stratum_that_lacks_most_decides() -> None:
    plan = plan_with(FLOOR | {"strata": ["overall", "sex"]})
    found = planned(plan, [overall(200, 9), sex("F", 40, 4), sex("M", 160, 5)], sensitivity=0.9)
    assert found.stratum == "sex=F"
    assert found.have == 40


def test_gap_of_two_groups_of_equal_value() -> None:
    # by hand: (z_0.975 + z_0.9) sqrt(2 * 0.25 / 400) = (1.959964 + 1.281552) * 0.0353553
    sizes = [overall(800, 9), sex("F", 400, 4), sex("M", 400, 5)]
    found = planned(plan_with(GAP | {"margin": 0.12}), sizes)
    assert found.assumed == 0.5
    assert found.detectable == pytest.approx(0.114605, abs=1e-6)
    assert found.status == "decidable"
    # 400 (0.114605 / 0.12)^2 = 364.8
    assert found.needed == 365
    same = planned(plan_with(GAP | {"margin": 0.12, "contrast": "difference"}), sizes)
    assert same.detectable == found.detectable


def test_equal_groups_are_shown_to_be_within_that_margin_in_four_of_five_cohorts() -> None:
    n, margin = 400, 0.114605
    events = np.arange(n + 1)
    one, other = (grid.ravel() for grid in np.meshgrid(events, events))
    lower, upper = newcombe_difference(one, n, other, n)
    chance = binom.pmf(one, n, 0.5) * binom.pmf(other, n, 0.5)
    power = chance[(lower >= -margin) & (upper <= margin)].sum()
    assert 0.78 < power < 0.82


def test_gap_that_is_out_of_reach_says_how_many_are_needed() -> None:
    found = planned(plan_with(GAP), [overall(200, 9), sex("F", 50, 4), sex("M", 150, 5)])
    error = math.sqrt(0.25 / 50 + 0.25 / 150)
    assert found.status == "undecidable"
    assert found.detectable == pytest.approx(3.241516 * error, abs=1e-5)
    assert found.unit == "positives in sex=F"
    assert found.needed == math.ceil(50 * (3.241516 * error / 0.1) ** 2)


def test_ratio_on_the_log_scale() -> None:
    ratio = GAP | {"contrast": "ratio", "margin": 0.8}
    sizes = [overall(800, 9), sex("F", 400, 4), sex("M", 400, 5)]
    found = planned(plan_with(ratio), sizes, sensitivity=0.8)
    # Katz et al. 1978: variance of the logarithm (1 - p) / (n p) in each group
    error = math.sqrt(2 * 0.2 / (400 * 0.8))
    assert found.detectable == pytest.approx(math.exp(3.241516 * error), abs=1e-5)
    assert found.margin == pytest.approx(1.25)


def test_oe_ratio_within_a_range() -> None:
    within = {"id": "r", "measure": "oe_ratio", "within": [0.8, 1.25]}
    # Riley et al. 2021, doi:10.1002/sim.9025: SE(ln O:E) = sqrt((1 - phi) / (n phi))
    found = planned(plan_with(within), [overall(100, 900)])
    error = math.sqrt(0.9 / 100)
    assert found.detectable == pytest.approx(math.exp(3.241516 * error), abs=1e-5)
    assert found.status == "undecidable"
    assert found.needed == math.ceil(1000 * (3.241516 * error / math.log(1.25)) ** 2)


def test_more_contrasts_at_once_need_more() -> None:
    other = GAP | {"id": "other", "measure": "specificity"}
    sizes = [overall(800, 800), sex("F", 400, 400), sex("M", 400, 400)]
    alone = plan_requirements(plan_with(GAP), sizes, {})[0]
    joint = plan_requirements(plan_with(GAP, other), sizes, {})[0]
    screening = plan_requirements(plan_with(GAP, other | {"primary": False}), sizes, {})[0]
    assert joint.detectable is not None
    assert alone.detectable is not None
    assert joint.detectable == pytest.approx((2.241403 + 1.281552) / 3.241516 * alone.detectable)
    assert screening == alone


@pytest.mark.parametrize(
    ("requirement", "why"),
    [
        ({"id": "r", "measure": "ppv", "floor": 0.5}, "told by the scores alone"),
        ({"id": "r", "measure": "brier", "ceiling": 0.2}, "no planning formula"),
        (
            {"id": "r", "measure": "auroc", "contrast": "gap", "attribute": "sex", "margin": 0.1},
            "--assume auroc",
        ),
    ],
)
def test_what_has_no_formula_is_not_planned(requirement: dict[str, Any], why: str) -> None:
    found = planned(plan_with(requirement), [overall(90, 90), sex("F", 40, 40), sex("M", 50, 50)])
    assert found.status == "not_planned"
    assert why in found.reason
    assert found.detectable is None
    assert found.needed is None


def test_other_tasks_are_not_planned() -> None:
    plan = Plan.model_validate(
        {
            "task": "regression",
            "columns": {"label": "y", "score": "p"},
            "requirements": [{"id": "r", "measure": "mae", "ceiling": 1.0}],
        }
    )
    found = planned(plan, [Sizes("overall", "", 100, 0, 0)])
    assert (found.status, found.reason) == (
        "not_planned",
        "no planning formula is used for task regression",
    )


def test_a_stratum_without_cases_is_undecidable_and_has_no_number() -> None:
    found = planned(plan_with(FLOOR), [overall(0, 90)], sensitivity=0.9)
    assert found.status == "undecidable"
    assert found.detectable is None
    assert found.have == 0
