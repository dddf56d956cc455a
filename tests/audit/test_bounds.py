"""Bounds over missing attributes and wrong labels, against every case written out."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from audit.bounds import bounds_of, check_bounds
from audit.problems import InputError
from audit.rows import analysed_rows
from audit.sections import AssignmentBound, Bounds, LabelErrorBound
from audit.strata import lattice
from tests.audit.builders import Columns, audited, cohort_of, plan_of, random_columns, take

TEXT = """
columns: {label: y, score: p}
threshold: {value: 0.4}
resamples: 100
minimum: {denominator: 1, events: 1}
attributes: {sex: {reference: M}}
"""
CLUSTERED = TEXT.replace("score: p", "score: p, patient: pid")
ERROR = (
    TEXT
    + """
label_error:
  sex=F: {false_positive: [0.0, 0.05], false_negative: [0.02, 0.2]}
"""
)


def found(text: str, columns: Columns) -> Bounds:
    plan = plan_of(text)
    cohort = cohort_of(plan, columns)
    sets = lattice(cohort.dimensions, plan.depth, cohort.rows)
    return bounds_of(cohort, plan, analysed_rows(cohort, plan), sets)


def missing(result: Bounds, id: str) -> AssignmentBound:
    return next(b for b in result.missing if b.id == id)


def wrong(result: Bounds, id: str) -> LabelErrorBound:
    return next(b for b in result.label_error if b.id == id)


def incomplete(seed: int, rows: int, gaps: int, levels: str = "FM") -> Columns:
    columns = random_columns(seed, rows)
    columns["sex"] = np.array(list(levels), dtype=object)[np.arange(rows) % len(levels)]
    columns["sex"][:gaps] = None
    return columns


def values(columns: Columns, measure: str, sex: str) -> float:
    mine = columns["sex"] == sex
    y, p = columns["y"][mine], columns["p"][mine]
    flag = p >= 0.4
    if measure == "auroc":
        return float(roc_auc_score(y, p))
    if measure == "sensitivity":
        return float(flag[y == 1].mean())
    if measure == "ppv":
        return float(y[flag].mean())
    if measure == "prevalence":
        return float(y.mean())
    if measure == "net_benefit":
        return float(np.where(flag, y - (1 - y) * 0.4 / 0.6, 0.0).mean())
    return float(((p - y) ** 2).mean())


def assignments(columns: Columns, gaps: int, levels: str) -> Iterator[Columns]:
    for chosen in product(levels, repeat=gaps):
        filled = columns["sex"].copy()
        filled[:gaps] = chosen
        yield columns | {"sex": filled}


@pytest.mark.parametrize("measure", ["sensitivity", "ppv", "prevalence", "brier", "net_benefit"])
@pytest.mark.parametrize("levels", ["FM", "FMX"])
def test_differences_over_every_assignment(measure: str, levels: str) -> None:
    gaps = 7 if levels == "FM" else 5
    columns = incomplete(61, 40, gaps, levels)
    record = missing(found(TEXT, columns), f"{measure}/missing/difference/sex=F:sex=M")
    every = [
        values(c, measure, "F") - values(c, measure, "M")
        for c in assignments(columns, gaps, levels)
    ]
    assert record.lower == pytest.approx(min(every), abs=1e-12)
    assert record.upper == pytest.approx(max(every), abs=1e-12)
    observed = values(columns, measure, "F") - values(columns, measure, "M")
    assert record.observed == pytest.approx(observed, abs=1e-12)
    assert (record.missing, record.sharp, record.status) == (gaps, True, "ok")


@pytest.mark.parametrize("measure", ["sensitivity", "prevalence", "brier", "auroc"])
@pytest.mark.parametrize("seed", [62, 63, 64])
def test_gaps_over_every_assignment(measure: str, seed: int) -> None:
    columns = incomplete(seed, 48, 5, "FMX")
    record = missing(found(TEXT, columns), f"{measure}/missing/gap/sex")
    every = []
    for c in assignments(columns, 5, "FMX"):
        three = [values(c, measure, s) for s in "FMX"]
        every.append(max(three) - min(three))
    assert record.lower is not None
    assert record.upper is not None
    assert record.lower <= min(every) + 1e-12
    assert record.upper >= max(every) - 1e-12
    if measure != "auroc":
        assert record.upper == pytest.approx(max(every), abs=1e-12)
    if record.sharp:
        assert record.lower == pytest.approx(min(every), abs=1e-12)
    known = [values(columns, measure, s) for s in "FMX"]
    assert record.observed == pytest.approx(max(known) - min(known), abs=1e-12)
    ends = {record.stratum, record.reference}
    assert ends == {f"sex={'FMX'[int(np.argmax(known))]}", f"sex={'FMX'[int(np.argmin(known))]}"}


def test_auroc_bounds_hold_every_assignment() -> None:
    columns = incomplete(65, 50, 7)
    record = missing(found(TEXT, columns), "auroc/missing/difference/sex=F:sex=M")
    every = [
        values(c, "auroc", "F") - values(c, "auroc", "M") for c in assignments(columns, 7, "FM")
    ]
    assert record.lower is not None
    assert record.upper is not None
    assert record.lower <= min(every)
    assert record.upper >= max(every)
    assert record.sharp is False


def test_observed_is_the_reported_difference() -> None:
    columns = incomplete(66, 300, 30)
    told = {d.id: d for d in audited(TEXT, columns).disparities}
    for record in found(TEXT, columns).missing:
        if record.contrast == "difference":
            reported = told[record.id.replace("/missing/", "/")]
            assert record.observed == pytest.approx(reported.value, abs=1e-12)


def test_only_incomplete_attributes_with_analysed_rows() -> None:
    assert found(TEXT, random_columns(67, 100)) == Bounds()
    columns = incomplete(68, 100, 6)
    columns["p"] = columns["p"].astype(object)
    columns["p"][:6] = None  # those without the attribute have no score either
    assert found(TEXT, columns).missing == ()
    only = incomplete(69, 60, 20, "F")
    assert found(TEXT.replace("{reference: M}", ""), only).missing == ()


def test_small_levels_are_left_out_by_name() -> None:
    columns = incomplete(70, 200, 10)
    columns["sex"][10:13] = "X"
    text = TEXT.replace("denominator: 1, events: 1", "denominator: 10, events: 5")
    result = found(text, columns)
    few = missing(result, "brier/missing/difference/sex=X:sex=M")
    assert (few.status, few.lower, few.upper) == ("insufficient", None, None)
    assert few.observed is not None
    gap = missing(result, "brier/missing/gap/sex")
    assert gap.reason == "left out for want of data: sex=X"
    assert gap.status == "ok"
    strict = found(TEXT.replace("denominator: 1", "denominator: 1000"), columns)
    assert missing(strict, "brier/missing/gap/sex").status == "insufficient"


def test_rows_of_one_patient_go_together_so_bounds_are_not_called_sharp() -> None:
    columns = incomplete(71, 200, 10)
    columns["pid"] = (np.arange(200) // 2).astype(str)
    result = found(CLUSTERED, columns)
    assert result.missing
    assert not any(b.sharp for b in result.missing)


def test_many_levels_get_outer_bounds_of_means() -> None:
    columns = random_columns(72, 600)
    columns["sex"] = np.array([f"g{i % 30:02d}" for i in range(600)], dtype=object)
    columns["sex"][:9] = None
    text = TEXT.replace("{reference: M}", "{reference: g10}")
    many = missing(found(text, columns), "brier/missing/difference/sex=g11:sex=g10")
    assert many.sharp is False
    fewer = take(
        columns, [i for i in range(600) if columns["sex"][i] in (None, "g10", "g11", "g12")]
    )
    sharp = missing(found(text, fewer), "brier/missing/difference/sex=g11:sex=g10")
    assert sharp.sharp is True
    assert many.lower is not None and many.upper is not None  # noqa: PT018
    assert sharp.lower is not None and sharp.upper is not None  # noqa: PT018
    assert many.lower <= sharp.lower <= sharp.upper <= many.upper


def truth(y: Any, flag: Any, a: float, b: float) -> dict[str, float]:
    """Measures had the label these error rates: expected true states, cell by cell."""
    states = {}
    for side in (True, False):
        n, positive = (flag == side).sum(), (y[flag == side]).sum()
        states[side] = ((positive - a * n) / (1 - a - b), n)
    (t1, n1), (t0, n0) = states[True], states[False]
    return {
        "prevalence": (t1 + t0) / (n1 + n0),
        "sensitivity": t1 / (t1 + t0),
        "specificity": (n0 - t0) / (n1 + n0 - t1 - t0),
        "ppv": t1 / n1,
        "npv": (n0 - t0) / n0,
    }


def test_label_error_over_a_grid_of_rates() -> None:
    columns = random_columns(73, 800)
    result = found(ERROR, columns)
    mine = columns["sex"] == "F"
    y, flag = columns["y"][mine], columns["p"][mine] >= 0.4
    grid = [
        truth(y, flag, a, b) for a in np.linspace(0, 0.05, 21) for b in np.linspace(0.02, 0.2, 21)
    ]
    men = truth(columns["y"][~mine], columns["p"][~mine] >= 0.4, 0, 0)
    seen = truth(y, flag, 0, 0)
    for measure in seen:
        every = [g[measure] for g in grid]
        own = wrong(result, f"{measure}/label_error/sex=F")
        assert (own.lower, own.upper) == pytest.approx((min(every), max(every)), abs=1e-12)
        assert own.observed == pytest.approx(seen[measure], abs=1e-12)
        assert (own.feasible, own.reference, own.attribute) == (1.0, None, "sex")
        difference = wrong(result, f"{measure}/label_error/sex=F:sex=M")
        assert difference.lower == pytest.approx(min(every) - men[measure], abs=1e-12)
        assert difference.upper == pytest.approx(max(every) - men[measure], abs=1e-12)
        assert difference.observed == pytest.approx(seen[measure] - men[measure], abs=1e-12)
    assert {b.stratum for b in result.label_error} == {"sex=F"}


def test_overall_is_the_default_of_single_strata() -> None:
    columns = random_columns(74, 600)
    text = ERROR + "  overall: {false_negative: [0.0, 0.1]}\n"
    text = text.replace("{sex: {reference: M}}", "{race: {}, sex: {reference: M}}\ndepth: 2")
    result = found(text, columns)
    strata = {b.stratum for b in result.label_error if b.reference is None}
    assert strata == {"overall", "sex=F", "sex=M", "race=A", "race=B", "race=C"}
    named, default = (wrong(result, f"prevalence/label_error/sex={s}") for s in "FM")
    assert named.upper is not None and named.observed is not None  # noqa: PT018
    assert default.upper is not None and default.observed is not None  # noqa: PT018
    assert default.upper == pytest.approx(default.observed / 0.9, abs=1e-12)  # all missed: 1/(1-b)
    assert named.upper > named.observed
    pair = wrong(result, "prevalence/label_error/race=B:race=A")
    assert pair.lower is not None and pair.upper is not None  # noqa: PT018
    assert pair.observed is not None
    assert pair.lower < pair.observed < pair.upper


def test_an_intersection_that_is_named() -> None:
    columns = random_columns(75, 600)
    text = TEXT.replace("{sex: {reference: M}}", "{race: {}, sex: {reference: M}}\ndepth: 2")
    text += "label_error: {'race=A & sex=F': {false_negative: [0.0, 0.1]}}\n"
    result = found(text, columns)
    assert {b.stratum for b in result.label_error} == {"race=A & sex=F"}
    assert {b.attribute for b in result.label_error} == {None}


def test_rates_that_the_counts_rule_out() -> None:
    columns = random_columns(76, 400)
    text = TEXT + "label_error: {sex=F: {false_positive: [0.9, 0.95]}}\n"
    record = wrong(found(text, columns), "sensitivity/label_error/sex=F")
    assert (record.status, record.lower, record.feasible) == ("undefined", None, 0.0)
    assert record.reason is not None
    assert "rule out" in record.reason
    mine = columns["sex"] == "F"
    limit = min(columns["y"][mine & (columns["p"] < 0.4)].mean(), 1.0)
    text = TEXT + f"label_error: {{sex=F: {{false_positive: [0.0, {2 * limit}]}}}}\n"
    record = wrong(found(text, columns), "sensitivity/label_error/sex=F")
    assert record.feasible == pytest.approx(0.5, abs=1e-9)
    assert record.upper == pytest.approx(1.0, abs=1e-9)


def test_without_a_threshold_only_the_prevalence() -> None:
    text = ERROR.replace("threshold: {value: 0.4}\n", "")
    result = found(text, random_columns(77, 300))
    assert {b.measure for b in result.label_error} == {"prevalence"}
    one = random_columns(78, 300)
    one["sex"] = np.full(300, "M")
    text = ERROR.replace("{reference: M}", "{reference: M, levels: [F, M]}")
    empty = wrong(found(text, one), "prevalence/label_error/sex=F")
    assert (empty.status, empty.observed) == ("not_collected", None)


def test_row_order_does_not_matter() -> None:
    columns = incomplete(79, 300, 25)
    order = np.random.default_rng(4).permutation(300)
    assert found(ERROR, columns) == found(ERROR, take(columns, order))


def test_unknown_strata_are_refused() -> None:
    plan = plan_of(ERROR.replace("sex=F", "sex=f"))
    with pytest.raises(InputError) as raised:
        check_bounds(plan, ("overall", "sex=F", "sex=M"), "plan.yaml")
    (problem,) = raised.value.problems
    assert problem.code == "unknown_stratum"
    assert str(problem) == (
        "plan.yaml: label_error 'sex=f': there is no stratum 'sex=f'; did you mean 'sex=F'?"
    )
    check_bounds(plan_of(ERROR + "  overall: {}\n"), ("sex=F",), "plan.yaml")
