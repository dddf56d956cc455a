"""Differences, ratios and gaps: their values, their intervals and their p values."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, norm
from sklearn.metrics import roc_auc_score

from audit.measures import MEASURES
from audit.result import AuditResult, Disparity, Estimate
from audit.stats.multiplicity import benjamini_hochberg, gap_interval
from audit.stats.proportions import newcombe_difference
from audit.stats.weights import poisson_weights
from tests.audit.builders import (
    PLAN,
    Columns,
    audited,
    cohort_of,
    counted,
    disparity,
    estimate,
    plan_of,
    random_columns,
)

Floats = NDArray[np.float64]
SEX = PLAN.replace("race: , ", "")
PATIENTS = PLAN.replace("score: p", "score: p, patient: pid").replace(
    "race: ", "race: {reference: A}"
)


def test_values_are_those_of_the_estimates() -> None:
    result = audited(PLAN.replace("race: ", "race: {reference: B}"), random_columns(41, 900))
    everyone_else = [d for d in result.disparities if d.reference.startswith("not ")]
    to_reference = [d for d in result.disparities if d not in everyone_else]
    # of two levels, everyone else is the other one
    assert {d.reference for d in everyone_else} == {f"not race={r}" for r in "ABC"}
    for found in to_reference:
        if found.contrast == "gap" or found.value is None or MEASURES[found.measure].pairwise:
            continue
        one = estimate(result, found.measure, found.stratum)
        other = estimate(result, found.measure, found.reference)
        assert one.value is not None
        assert other.value is not None
        if found.contrast == "difference":
            assert found.value == pytest.approx(one.value - other.value, abs=1e-14)
        else:
            assert found.value == pytest.approx(one.value / other.value, rel=1e-14)
    references = {d.reference for d in to_reference if d.contrast != "gap"}
    assert references == {"race=B", "sex=M"}
    # ratios only where zero is the end of the scale; groups are never ranked by raw errors
    ratios = {d.measure for d in result.disparities if d.contrast == "ratio"}
    compared = {m.id: m for m in MEASURES.values() if m.contrasted and not m.needs_target}
    assert ratios == {m.id for m in compared.values() if m.bounds[0] == 0 and not m.pairwise}
    assert {d.measure for d in result.disparities} == set(compared)
    assert not {"ece", "ece_mass", "smece", "spiegelhalter_z"} & set(compared)


def test_newcombe_without_clustering() -> None:
    result = audited(SEX, counted(F=(30, 10, 5, 45), M=(12, 18, 33, 7)))
    proportions = [m.id for m in MEASURES.values() if m.inference == "proportion"]
    for measure in proportions:
        one, other = (estimate(result, measure, s) for s in ("sex=M", "sex=F"))
        if result.cohort.attributes[0].reference == "M":
            one, other = other, one
        found = disparity(result, measure, "difference")
        lower, upper = newcombe_difference(
            one.events or 0, one.denominator or 0, other.events or 0, other.denominator or 0
        )
        assert found.method == "newcombe"
        assert (found.lower, found.upper) == (float(lower), float(upper))
    assert disparity(result, "auroc", "difference").method == "bca_bootstrap_multinomial"


def bounds(record: Disparity) -> tuple[float, float]:
    assert record.lower is not None
    assert record.upper is not None
    return record.lower, record.upper


class Twin:
    """Resamples of a cohort from the weight matrix, by loops over strata and replicates."""

    def __init__(self, columns: Columns, attribute: str, replicates: int) -> None:
        plan = plan_of(PATIENTS.replace("200", str(replicates)))
        cohort = cohort_of(plan, columns)
        self.result = audited(PATIENTS.replace("200", str(replicates)), columns)
        dimension = next(d for d in cohort.dimensions if d.name == attribute)
        weights = poisson_weights(cohort.key, plan.seed, replicates)
        self.levels = dimension.levels
        self.replicates: dict[str, Floats] = {}
        y, p = cohort.label, cohort.probability
        flagged = p >= 0.4
        masks = [dimension.codes == i for i in range(len(self.levels))]

        def each(rate: Any) -> Floats:
            return np.array([[rate(m, weights[m, r]) for r in range(replicates)] for m in masks])

        self.replicates["sensitivity"] = each(
            lambda m, w: (w * y[m] * flagged[m]).sum() / (w * y[m]).sum()
        )
        self.replicates["flag_rate"] = each(lambda m, w: (w * flagged[m]).sum() / w.sum())
        self.replicates["oe_ratio"] = each(lambda m, w: (w * y[m]).sum() / (w * p[m]).sum())
        self.replicates["brier"] = each(lambda m, w: (w * (p[m] - y[m]) ** 2).sum() / w.sum())
        self.replicates["net_benefit"] = each(
            lambda m, w: (w * flagged[m] * (y[m] - (1 - y[m]) * 0.4 / 0.6)).sum() / w.sum()
        )
        self.replicates["auroc"] = each(lambda m, w: roc_auc_score(y[m], p[m], sample_weight=w))


@pytest.fixture(scope="module")
def twin() -> Twin:
    return Twin(random_columns(42, 2000, patients=700), "race", 200)


TWINS = ("sensitivity", "flag_rate", "oe_ratio", "brier", "net_benefit", "auroc")


@pytest.mark.parametrize("measure", TWINS)
def test_percentile_intervals_are_those_of_the_twin(twin: Twin, measure: str) -> None:
    replicates = twin.replicates[measure]
    assert (estimate(twin.result, measure, "race=A").n or 0) >= 1000  # else BCa
    for i, level in enumerate(twin.levels[1:], start=1):
        assert twin.levels[0] == "A"
        moved = replicates[i] - replicates[0]
        found = disparity(twin.result, measure, "difference", f"race={level}")
        assert found.method == "percentile_bootstrap_poisson"
        np.testing.assert_allclose(bounds(found), np.quantile(moved, [0.025, 0.975]), atol=1e-10)
        p = 2 * norm.sf(abs(found.value or 0) / moved.std(ddof=1))
        assert found.p == pytest.approx(p, rel=1e-6)
        if MEASURES[measure].bounds[0] == 0:
            ratio = disparity(twin.result, measure, "ratio", f"race={level}")
            np.testing.assert_allclose(
                bounds(ratio),
                np.quantile(replicates[i] / replicates[0], [0.025, 0.975]),
                atol=1e-10,
            )
            assert ratio.p == found.p
            assert ratio.p_adjusted == found.p_adjusted


def max_t(
    value: Floats, replicates: Floats, own: list[float], level: float
) -> tuple[float, float, float, float]:
    """Simultaneous intervals of all pairs in plain numpy, with the errors of the differences.

    The resamples of a group vary at least as much as its own interval says.
    """
    k = len(value)
    replicates = np.array(
        [
            v + (r - v) * max(1.0, error / r.std(ddof=1))
            for v, r, error in zip(value, replicates, own, strict=True)
        ]
    )
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    d = np.array([value[i] - value[j] for i, j in pairs])
    moved = np.array([replicates[i] - replicates[j] for i, j in pairs])
    error = moved.std(axis=1, ddof=1)
    largest = (np.abs(moved - d[:, None]) / error[:, None]).max(axis=0)
    critical = np.quantile(largest, level)
    lower = max(0.0, float((np.abs(d) - critical * error).max()))
    upper = float((np.abs(d) + critical * error).max())
    p = (1 + (largest >= (np.abs(d) / error).max()).sum()) / (largest.size + 1)
    return float(np.abs(d).max()), lower, upper, float(p)


@pytest.mark.parametrize("measure", TWINS)
def test_gap_is_the_largest_of_simultaneous_pairs(twin: Twin, measure: str) -> None:
    found = [estimate(twin.result, measure, f"race={x}") for x in twin.levels]
    value = np.array([e.value for e in found], dtype=float)
    own = [max(arms(e)) / norm.ppf(0.975) for e in found]
    expected = max_t(value, twin.replicates[measure], own, 0.95)
    gap = disparity(twin.result, measure, "gap", "race")
    assert [gap.value, gap.lower, gap.upper, gap.p] == pytest.approx(expected, abs=1e-9)
    assert gap.method == "max_t_pairs_poisson"
    assert gap.status == "ok"
    assert gap.reason is None


def test_two_groups_need_no_multiplicity() -> None:
    """With one pair the critical value is the quantile of that pair alone."""
    rng = np.random.default_rng(43)
    value = np.array([0.7, 0.62])
    replicates = value[:, None] + rng.normal(0, [[0.02], [0.03]], (2, 20000))
    gap = gap_interval(value, replicates, np.zeros(2), 0.95, np.inf)
    error = np.hypot(0.02, 0.03)
    assert gap.upper == pytest.approx(0.08 + 1.96 * error, abs=0.002)
    assert gap.lower == pytest.approx(0.08 - 1.96 * error, abs=0.002)
    assert gap.p == pytest.approx(2 * norm.sf(0.08 / error), abs=0.003)


def test_direction_of_the_gap() -> None:
    result = audited(PLAN, random_columns(44, 1500))
    for measure in MEASURES.values():
        if not measure.contrasted or measure.needs_target or measure.pairwise:
            continue
        found = disparity(result, measure.id, "gap", "race")
        values = {
            e.stratum: e.value
            for e in result.estimates
            if e.measure == measure.id and e.stratum.startswith("race=") and e.status == "ok"
        }
        lowest, highest = min(values, key=values.__getitem__), max(values, key=values.__getitem__)  # type: ignore[arg-type]
        if measure.direction == "higher":
            assert (found.stratum, found.reference) == (lowest, highest), measure.id
        else:
            assert (found.stratum, found.reference) == (highest, lowest), measure.id
        assert found.value == pytest.approx(
            (values[highest] or 0) - (values[lowest] or 0), abs=1e-14
        )
    assert {m.direction for m in MEASURES.values()} == {"higher", "lower", "target", "neutral"}


def test_gap_leaves_out_small_strata_and_says_so() -> None:
    columns = counted(F=(30, 20, 20, 40), M=(50, 20, 30, 60), X=(9, 0, 30, 40))
    result = audited(SEX, columns)
    found = disparity(result, "sensitivity", "gap", "sex")
    assert found.value == pytest.approx(50 / 70 - 30 / 50)
    assert {found.stratum, found.reference} == {"sex=F", "sex=M"}
    assert found.reason == "left out for want of data: sex=X"
    specificity = disparity(result, "specificity", "gap", "sex")
    assert specificity.reason is None
    assert specificity.value == pytest.approx(2 / 3 - 4 / 7)
    single = disparity(result, "sensitivity", "difference", "sex=X")
    assert (single.status, single.lower, single.p) == ("insufficient", None, None)
    assert single.value == pytest.approx(1 - 50 / 70)
    assert "sex=X" in (single.reason or "")


def test_gap_of_a_single_usable_stratum() -> None:
    result = audited(SEX, counted(F=(30, 20, 20, 40), M=(5, 2, 3, 6)))
    found = disparity(result, "sensitivity", "gap", "sex")
    assert (found.status, found.value, found.lower) == ("insufficient", None, None)


def test_one_level_has_no_contrast() -> None:
    assert audited(SEX, counted(F=(30, 20, 20, 40))).disparities == ()


def test_reference_without_rows() -> None:
    text = SEX.replace("sex:", "sex: {reference: X, levels: [F, M, X]}")
    result = audited(text, counted(F=(30, 20, 20, 40), M=(50, 20, 30, 60)))
    for stratum in ("sex=F", "sex=M"):
        found = disparity(result, "sensitivity", "difference", stratum)
        assert (found.status, found.value, found.lower) == ("not_collected", None, None)
    assert disparity(result, "sensitivity", "gap", "sex").status == "ok"


def test_ratio_to_zero_is_undefined() -> None:
    text = SEX.replace("sex:", "sex: {reference: M}")
    result = audited(text, counted(F=(30, 20, 20, 40), M=(0, 70, 30, 60)))
    found = disparity(result, "sensitivity", "ratio")
    assert (found.status, found.value, found.lower, found.p) == ("undefined", None, None, None)
    assert found.p_adjusted is None
    assert found.reason == "the measure is 0 in sex=M"
    assert disparity(result, "sensitivity", "difference").status == "ok"


def pair(one: tuple[int, int], other: tuple[int, int]) -> AuditResult:
    """Sensitivity of F and M as (found, missed), among many negatives."""
    text = SEX.replace("sex:", "sex: {reference: M}").replace("200", "1000")
    return audited(text, counted(F=(*one, 100, 200), M=(*other, 100, 200)))


def arms(record: Estimate) -> tuple[float, float]:
    assert record.value is not None
    assert record.lower is not None
    assert record.upper is not None
    return record.value - record.lower, record.upper - record.value


@pytest.mark.parametrize("other", [(40, 0), (800, 200), (0, 40)])
def test_gap_of_degenerate_strata_is_not_certain(other: tuple[int, int]) -> None:
    result = pair((12, 0), other)
    gap = disparity(result, "sensitivity", "gap", "sex")
    value = 1 - other[0] / sum(other)
    assert gap.value == pytest.approx(value)
    low, high = bounds(gap)
    # at least as far as the lower bound of 12/12 alone, 0.757
    reach = arms(estimate(result, "sensitivity", "sex=F"))[0]
    assert reach == pytest.approx(0.2425, abs=1e-3)
    if value:
        assert low <= max(0.0, value - 0.9 * reach)
    assert high >= min(1.0, value + 0.9 * reach)
    assert low <= value + 1e-12
    assert value <= high + 1e-12
    assert high <= 1
    if value == 0:
        assert gap.p == pytest.approx(1)


@pytest.mark.parametrize(("one", "other"), [
    ((12, 0), (40, 0)),
    ((12, 0), (800, 200)),
    ((0, 200), (100, 100)),
    ((100, 100), (40, 0)),
])  # fmt: skip
def test_ratio_of_degenerate_strata_is_not_certain(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    result = pair(one, other)
    ratio = disparity(result, "sensitivity", "ratio")
    first, second = (estimate(result, "sensitivity", f"sex={s}") for s in "FM")
    assert ratio.status == "ok"
    assert ratio.method == "mover"
    assert ratio.value is not None
    low, high = bounds(ratio)
    assert low <= ratio.value <= high
    # a stratum's own interval bounds the ratio at the other's point from inside
    assert low <= (first.lower or 0) / (second.value or 1) + 1e-12
    assert high >= (first.upper or 0) / (second.value or 1) - 1e-12
    assert low <= (first.value or 0) / (second.upper or 1) + 1e-12
    assert high >= (first.value or 0) / (second.lower or 1) - 1e-12


@pytest.mark.parametrize("other", [(40, 0), (800, 200)])
def test_p_of_a_degenerate_stratum_agrees_with_its_interval(other: tuple[int, int]) -> None:
    found = disparity(pair((12, 0), other), "sensitivity", "difference")
    assert found.lower is not None
    assert found.p is not None
    assert found.lower <= 0  # Newcombe's interval holds 0 in both
    assert found.p > 0.05


def test_clustered_degenerate_strata() -> None:
    """Everyone found among F: the difference leans on the strata's own intervals."""
    columns = counted(F=(40, 0, 60, 140), M=(60, 20, 60, 140))
    rng = np.random.default_rng(45)
    columns["pid"] = rng.permuted([f"k{i // 2}" for i in range(520)])
    text = SEX.replace("score: p", "score: p, patient: pid").replace("sex:", "sex: {reference: M}")
    result = audited(text, columns)
    one, other = (estimate(result, "sensitivity", f"sex={s}") for s in "FM")
    assert (one.value, one.method) == (1.0, "wilson_patients")
    found = disparity(result, "sensitivity", "difference")
    assert found.method == "mover"
    assert found.lower == pytest.approx(0.25 - np.hypot(arms(one)[0], arms(other)[1]))
    assert found.upper == pytest.approx(0.25 + np.hypot(arms(one)[1], arms(other)[0]))
    both = disparity(result, "sensitivity", "gap", "sex")
    width, pair_width = (float(np.diff(bounds(d))[0]) for d in (both, found))
    assert width > 0.9 * pair_width


def test_perfectly_separated_groups() -> None:
    """AUROC 1 in both groups: no gap is seen, and its absence is not certain."""
    columns = counted(F=(15, 0, 0, 60), M=(60, 0, 0, 100))
    result = audited(SEX, columns)
    for contrast in ("difference", "ratio"):
        found = disparity(result, "auroc", contrast)
        assert found.status == "ok"
        assert found.method == "mover"
        assert found.lower is not None
        assert found.upper is not None
        assert found.upper - found.lower > 0.1
    gap = disparity(result, "auroc", "gap", "sex")
    assert (gap.value, gap.lower) == (0.0, 0.0)
    assert gap.upper is not None
    assert 0.1 < gap.upper <= 1


def test_gap_never_leaves_the_scale() -> None:
    result = audited(SEX, counted(F=(11, 1, 100, 100), M=(1, 11, 100, 100)))
    found = disparity(result, "sensitivity", "gap", "sex")
    assert found.value == pytest.approx(10 / 12)
    assert found.upper is not None
    assert found.upper <= 1
    for d in result.disparities:
        low, high = MEASURES[d.measure].bounds
        if d.contrast == "gap" and d.upper is not None and np.isfinite(high - low):
            assert d.upper <= high - low, d.id


def test_benjamini_hochberg() -> None:
    p = np.array([0.04, np.nan, 0.001, 0.2, 0.03, 0.9, 0.03])
    adjusted = benjamini_hochberg(p)
    known = ~np.isnan(p)
    np.testing.assert_allclose(adjusted[known], false_discovery_control(p[known], method="bh"))
    assert np.isnan(adjusted[1])
    # by hand: 0.03 is third of six, 0.04 fourth
    assert adjusted[4] == pytest.approx(min(0.03 * 6 / 3, 0.04 * 6 / 4))
    assert benjamini_hochberg(np.array([])).size == 0


def test_p_values_are_adjusted_over_the_whole_audit() -> None:
    result = audited(PLAN, random_columns(46, 900))
    for contrast in ("difference", "gap"):
        found = [d for d in result.disparities if d.contrast == contrast and d.p is not None]
        p = np.array([d.p for d in found], dtype=float)
        adjusted = np.array([d.p_adjusted for d in found], dtype=float)
        np.testing.assert_allclose(adjusted, false_discovery_control(p, method="bh"), rtol=1e-12)
        assert len(found) > 20
    differences = {
        (d.measure, d.stratum, d.reference): d.p_adjusted
        for d in result.disparities
        if d.contrast == "difference"
    }
    for d in result.disparities:
        if d.contrast == "ratio" and d.p is not None:
            assert d.p_adjusted == differences[d.measure, d.stratum, d.reference]
        if d.p is None:
            assert d.p_adjusted is None, d.id
