"""Requirements against intervals: each verdict, its order, its power and its problems."""

from math import ceil
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from audit.plan import Plan, Requirement
from audit.problems import InputError
from audit.result import Disparity, Estimate, Status, Verdict
from audit.stats.proportions import wilson
from audit.verdicts import Evidence, allowed, verdicts_of
from tests.audit.builders import PLAN, audited, counted, disparity, estimate, plan_of

Bounds = tuple[float | None, float | None, float | None]
SEX = PLAN.replace("race: , ", "")


def an_estimate(
    value: Bounds, stratum: str = "overall", status: Status = "ok", measure: str = "sensitivity"
) -> Estimate:
    return Estimate(
        id=f"{measure}/{stratum}",
        measure=measure,
        stratum=stratum,
        value=value[1],
        lower=value[0],
        upper=value[2],
        level=0.95,
        method="wilson",
        n=400,
        n_positive=100,
        n_negative=300,
        events=80,
        denominator=100,
        clusters=100,
        undefined_fraction=0.0,
        status=status,
        reason=None if status == "ok" else "why",
    )


def a_disparity(contrast: Any, value: Bounds, stratum: str, status: Status = "ok") -> Disparity:
    return Disparity(
        id=f"sensitivity/{contrast}/{stratum}",
        measure="sensitivity",
        attribute="sex",
        contrast=contrast,
        stratum=stratum,
        reference="sex=M",
        value=value[1],
        lower=value[0],
        upper=value[2],
        level=0.95,
        method="newcombe",
        p=0.5,
        p_adjusted=0.5,
        family="screening",
        undefined_fraction=0.0,
        status=status,
        reason=None if status == "ok" else "why",
    )


def decide(requirement: dict[str, Any], *records: Estimate | Disparity) -> Verdict:
    full = Requirement.model_validate({"id": "r", "measure": "sensitivity"} | requirement)
    plan = Plan.model_validate({"columns": {"label": "y", "score": "p"}}).model_copy(
        update={"requirements": (full,)}
    )
    evidence = Evidence(
        [r for r in records if isinstance(r, Estimate)],
        [r for r in records if isinstance(r, Disparity)],
        {"overall": "", "sex=F": "sex", "sex=M": "sex"},
    )
    (verdict,) = verdicts_of(plan, {0.95: evidence})
    return verdict


STEP = 1e-9


@pytest.mark.parametrize(("rule", "bounds", "status"), [
    ({"floor": 0.7}, (0.7, 0.8, 0.9), "met"),
    ({"floor": 0.7}, (0.7 - STEP, 0.8, 0.9), "inconclusive"),
    ({"floor": 0.7}, (0.5, 0.6, 0.7), "inconclusive"),
    ({"floor": 0.7}, (0.5, 0.6, 0.7 - STEP), "violated"),
    ({"ceiling": 0.7}, (0.5, 0.6, 0.7), "met"),
    ({"ceiling": 0.7}, (0.5, 0.6, 0.7 + STEP), "inconclusive"),
    ({"ceiling": 0.7}, (0.7, 0.8, 0.9), "inconclusive"),
    ({"ceiling": 0.7}, (0.7 + STEP, 0.8, 0.9), "violated"),
    ({"within": [0.7, 0.9]}, (0.7, 0.8, 0.9), "met"),
    ({"within": [0.7, 0.9]}, (0.6, 0.8, 0.9), "inconclusive"),
    ({"within": [0.7, 0.9]}, (0.7, 0.8, 0.95), "inconclusive"),
    ({"within": [0.7, 0.9]}, (0.6, 0.8, 0.95), "inconclusive"),
    ({"within": [0.7, 0.9]}, (0.5, 0.6, 0.65), "violated"),
    ({"within": [0.7, 0.9]}, (0.91, 0.95, 0.99), "violated"),
    ({"within": [0.7, 0.9]}, (0.9, 0.95, 0.99), "inconclusive"),
])  # fmt: skip
def test_bounds_on_a_measure(rule: dict[str, Any], bounds: Bounds, status: str) -> None:
    verdict = decide(rule, an_estimate(bounds))
    assert verdict.status == status
    assert (verdict.lower, verdict.value, verdict.upper) == bounds
    assert verdict.stratum == "overall"


@pytest.mark.parametrize(("contrast", "margin", "bounds", "status"), [
    ("difference", 0.1, (-0.1, 0.0, 0.1), "met"),
    ("difference", 0.1, (-0.1 - STEP, 0.0, 0.1), "inconclusive"),
    ("difference", 0.1, (-0.3, -0.2, -0.1), "inconclusive"),
    ("difference", 0.1, (-0.3, -0.2, -0.1 - STEP), "violated"),
    ("difference", 0.1, (0.1 + STEP, 0.2, 0.3), "violated"),
    ("difference", 0.1, (-0.2, 0.0, 0.2), "inconclusive"),
    ("ratio", 0.8, (0.8, 1.0, 1.25), "met"),
    ("ratio", 0.8, (0.8, 1.0, 1.25 + STEP), "inconclusive"),
    ("ratio", 0.8, (0.5, 0.6, 0.8 - STEP), "violated"),
    ("ratio", 0.8, (1.25 + STEP, 1.5, 2.0), "violated"),
    ("ratio", 0.8, (0.7, 0.75, 0.8), "inconclusive"),
    ("gap", 0.1, (0.0, 0.05, 0.1), "met"),
    ("gap", 0.1, (0.0, 0.05, 0.1 + STEP), "inconclusive"),
    ("gap", 0.1, (0.1, 0.2, 0.3), "inconclusive"),
    ("gap", 0.1, (0.1 + STEP, 0.2, 0.3), "violated"),
])  # fmt: skip
def test_bounds_on_a_contrast(contrast: str, margin: float, bounds: Bounds, status: str) -> None:
    rule = {"contrast": contrast, "attribute": "sex", "margin": margin}
    verdict = decide(rule, a_disparity(contrast, bounds, "sex=F"))
    assert verdict.status == status
    assert verdict.margin == margin
    assert verdict.stratum == "sex=F:sex=M"


def test_allowed_ranges() -> None:
    def of(**rule: Any) -> tuple[float, float]:
        return allowed(Requirement.model_validate({"id": "r", "measure": "m"} | rule))

    assert of(floor=0.2) == (0.2, float("inf"))
    assert of(ceiling=0.2) == (float("-inf"), 0.2)
    assert of(within=[0.1, 0.2]) == (0.1, 0.2)
    rule = {"attribute": "a", "margin": 0.8}
    assert of(contrast="difference", **rule) == (-0.8, 0.8)
    assert of(contrast="ratio", **rule) == (0.8, 1.25)
    assert of(contrast="gap", **rule) == (float("-inf"), 0.8)


EXAMPLES: dict[str, tuple[Bounds, Status]] = {
    "violated": ((0.3, 0.4, 0.5), "ok"),
    "inconclusive": ((0.6, 0.8, 0.9), "ok"),
    "too little": ((None, 0.8, None), "insufficient"),
    "not_estimable": ((None, None, None), "undefined"),
    "met": ((0.75, 0.8, 0.9), "ok"),
}


@pytest.mark.parametrize(("one", "other", "status"), [
    ("violated", "inconclusive", "violated"),
    ("violated", "not_estimable", "violated"),
    ("violated", "met", "violated"),
    ("inconclusive", "not_estimable", "inconclusive"),
    ("inconclusive", "met", "inconclusive"),
    ("too little", "not_estimable", "inconclusive"),
    ("too little", "met", "inconclusive"),
    ("not_estimable", "met", "not_estimable"),
    ("met", "met", "met"),
])  # fmt: skip
@pytest.mark.parametrize("swap", [False, True])
def test_the_worst_part_decides(one: str, other: str, status: str, swap: bool) -> None:
    names = (other, one) if swap else (one, other)
    records = [
        an_estimate(*EXAMPLES[name][:1], stratum, EXAMPLES[name][1])
        for name, stratum in zip(names, ("sex=F", "sex=M"), strict=True)
    ]
    verdict = decide({"floor": 0.7, "strata": "sex"}, *records)
    assert verdict.status == status
    assert len(verdict.parts) == 2
    assert set(verdict.evidence) == {r.id for r in records}


@pytest.mark.parametrize("status", ["undefined", "not_collected", "suppressed"])
def test_no_number_is_not_estimable(status: Status) -> None:
    verdict = decide({"floor": 0.7}, an_estimate((None, None, None), status=status))
    assert verdict.status == "not_estimable"
    assert status in verdict.reason


def test_closest_to_the_margin_is_told_first() -> None:
    records = [
        an_estimate((0.68, 0.8, 0.9), "sex=F"),
        an_estimate((0.52, 0.75, 0.95), "sex=M"),
    ]
    verdict = decide({"floor": 0.7, "strata": "sex"}, *records)
    assert verdict.stratum == "sex=M"
    assert "2 of 2 inconclusive" in verdict.reason


def test_without_evidence() -> None:
    verdict = decide({"contrast": "gap", "attribute": "sex", "margin": 0.1})
    assert (verdict.status, verdict.parts, verdict.value) == ("not_estimable", (), None)


Z, POWER = NormalDist().inv_cdf(0.975), NormalDist().inv_cdf(0.8)


def test_power_of_any_measure_follows_its_formula() -> None:
    rule = {"measure": "net_benefit", "floor": 0.7}
    verdict = decide(rule, an_estimate((0.65, 0.75, 0.85), measure="net_benefit"))
    error = 0.2 / (2 * Z)
    assert verdict.detectable == pytest.approx((Z + POWER) * error)
    assert verdict.n_needed == ceil(400 * ((Z + POWER) * error / 0.05) ** 2)
    rule = {"measure": "net_benefit", "within": [0.7, 0.76]}
    both = decide(rule, an_estimate((0.65, 0.75, 0.85), measure="net_benefit"))
    assert both.n_needed == ceil(400 * ((Z + POWER) * error / 0.01) ** 2)
    contrast = {"contrast": "difference", "attribute": "sex", "margin": 0.1}
    pair = decide(contrast, a_disparity("difference", (-0.2, 0.0, 0.2), "sex=F"))
    assert pair.detectable == pytest.approx((Z + POWER) * 0.4 / (2 * Z))
    assert pair.n_needed is None
    at_margin = decide({"floor": 0.7}, an_estimate((0.6, 0.7, 0.8)))
    assert at_margin.n_needed is None
    assert at_margin.detectable is not None
    for settled in ((0.75, 0.8, 0.9), (0.3, 0.4, 0.5)):
        verdict = decide({"floor": 0.7}, an_estimate(settled))
        assert (verdict.detectable, verdict.n_needed) == (None, None)


@pytest.mark.parametrize(("half", "effect"), [(0.05, 1.0), (0.1, (0.1 / Z) ** 2 * 100 / 0.1875)])
def test_power_of_a_proportion_follows_its_formula(half: float, effect: float) -> None:
    """The estimate is 75 of 100 among 400 rows; a wide interval tells of clustering."""
    verdict = decide({"floor": 0.72}, an_estimate((0.75 - half, 0.75, 0.75 + half)))
    reach = Z * np.sqrt(0.72 * 0.28) + POWER * np.sqrt(0.75 * 0.25)
    assert effect == 1.0 or effect > 1.3
    assert verdict.n_needed == ceil(4 * effect * (reach / 0.03) ** 2)
    assert verdict.detectable == pytest.approx((Z + POWER) * half / Z)


def test_the_n_needed_would_decide_with_the_stated_power() -> None:
    """Redraw cohorts of that size with the sensitivity seen: about 80 % decide."""
    text = SEX + "requirements: [{id: r, measure: sensitivity, floor: 0.7}]\n"
    result = audited(text, counted(F=(76, 24, 60, 140)))
    (verdict,) = result.verdicts
    assert verdict.status == "inconclusive"
    assert verdict.n_needed is not None
    positives = verdict.n_needed * 100 / 300
    found = np.random.default_rng(51).binomial(round(positives), 0.76, 20000)
    lower, _ = wilson(found, np.full(20000, round(positives)))
    assert 0.77 < float((lower >= 0.7).mean()) < 0.84
    reach = verdict.detectable
    assert reach is not None
    lower, _ = wilson(np.random.default_rng(52).binomial(100, 0.7 + reach, 20000), 100)
    assert 0.74 < float((lower >= 0.7).mean()) < 0.92


def test_the_verdict_speaks_of_the_audit() -> None:
    text = (
        SEX
        + """
requirements:
  - {id: each, measure: sensitivity, strata: [overall, sex], floor: 0.7}
  - {id: one, measure: specificity, strata: sex=F, floor: 0.5, rationale: because}
  - {id: gap, measure: sensitivity, contrast: gap, attribute: sex, margin: 0.05}
  - {id: small, measure: sensitivity, strata: sex=X, floor: 0.5}
  - {id: nobody, measure: npv, strata: sex=Y, floor: 0.5}
"""
    )
    columns = counted(F=(380, 20, 60, 440), M=(100, 120, 60, 240), X=(6, 1, 5, 7), Y=(0, 0, 9, 0))
    result = audited(text, columns)
    verdicts = {v.requirement: v for v in result.verdicts}
    each = verdicts["each"]
    assert [p.id for p in each.parts] == [
        "sensitivity/overall",
        *(f"sensitivity/sex={s}" for s in "FMXY"),
    ]
    found = estimate(result, "sensitivity", "sex=M")
    assert (each.status, each.stratum, each.lower) == ("violated", "sex=M", found.lower)
    statuses = [p.status for p in each.parts]
    assert statuses == ["met", "met", "violated", "inconclusive", "not_estimable"]
    assert verdicts["one"].status == "met"
    assert verdicts["one"].rationale == "because"
    gap = disparity(result, "sensitivity", "gap", "sex")
    assert (verdicts["gap"].status, verdicts["gap"].upper) == ("violated", gap.upper)
    assert verdicts["small"].status == "inconclusive"
    assert "the plan asks for 10" in verdicts["small"].reason
    assert verdicts["nobody"].status == "not_estimable"


def test_measure_outside_the_domain_is_not_estimable() -> None:
    text = (
        SEX.replace("resamples", "score_kind: rank\nresamples")
        + """
requirements:
  - {id: oe, measure: oe_ratio, within: [0.8, 1.25]}
  - {id: gap, measure: citl, contrast: gap, attribute: sex, margin: 0.1}
"""
    )
    result = audited(text, counted(F=(30, 20, 20, 40), M=(50, 20, 30, 60)))
    assert [v.status for v in result.verdicts] == ["not_estimable", "not_estimable"]


BAD = [
    ("measure: sensitivty, floor: 0.7", "unknown_measure", "did you mean 'sensitivity'?"),
    ("measure: sensitivity, strata: sex=f, floor: 0.7", "unknown_stratum", "sex=F"),
    ("measure: sensitivity, strata: sx, floor: 0.7", "unknown_stratum", "did you mean 'sex'?"),
    (
        "measure: auroc, contrast: gap, attribute: sx, margin: 0.1",
        "unknown_stratum",
        "did you mean 'sex'?",
    ),
    ("measure: sensitivity, ceiling: 0.7", "reversed_bound", "use floor"),
    ("measure: fpr, floor: 0.1", "reversed_bound", "use ceiling"),
    ("measure: ece, ceiling: 0.1", "not_gateable", "citl"),
    ("measure: citl, contrast: ratio, attribute: sex, margin: 0.8", "no_ratio", "difference"),
]


@pytest.mark.parametrize(("rule", "code", "told"), BAD)
def test_a_requirement_that_cannot_be_held(rule: str, code: str, told: str) -> None:
    text = SEX + f"requirements: [{{id: r1, {rule}}}]\n"
    with pytest.raises(InputError) as caught:
        audited(text, counted(F=(30, 20, 20, 40), M=(50, 20, 30, 60)))
    (problem,) = caught.value.problems
    assert problem.code == code
    assert told in problem.remedy
    assert "'r1'" in problem.where


def test_all_problems_at_once() -> None:
    rules = "\n".join(f"  - {{id: r{i}, {rule}}}" for i, (rule, _, _) in enumerate(BAD))
    with pytest.raises(InputError) as caught:
        audited(SEX + "requirements:\n" + rules + "\n", counted(F=(9, 9, 9, 9), M=(9, 9, 9, 9)))
    assert [p.code for p in caught.value.problems] == [code for _, code, _ in BAD]


def test_neutral_measures_take_either_bound() -> None:
    text = (
        SEX
        + """
requirements:
  - {id: a, measure: flag_rate, floor: 0.1}
  - {id: b, measure: flag_rate, ceiling: 0.9}
  - {id: c, measure: oe_ratio, floor: 0.1}
"""
    )
    result = audited(text, counted(F=(30, 20, 20, 40), M=(50, 20, 30, 60)))
    assert [v.status for v in result.verdicts] == ["met", "met", "met"]
    assert plan_of(text).levels_needed == (0.95,)
