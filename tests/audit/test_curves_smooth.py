"""Smooth calibration curves, bands of net benefit, sweeps and working points."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from audit.curve_sections import Curves
from audit.curves import curves_of
from audit.decision_curves import (
    Falling,
    decision_curve,
    operating_points,
    probability_thresholds,
)
from audit.plan import Options
from audit.rows import analysed_rows
from audit.stats.linear import cluster_variance, interval, ratio_influence
from audit.stats.lowess import lowess
from audit.strata import lattice
from audit.sweep import resampling
from tests.audit.builders import Columns, cohort_of, plan_of, random_columns, take

TEXT = "columns: {label: y, score: p}\nthreshold: {value: 0.4}\nattributes: {sex: }\n"
CLUSTERED = TEXT.replace("score: p", "score: p, patient: pid")

# dcurves 1.1.7 (Python), `dca(data, outcome="y", modelnames=["p"], thresholds=...)` on these 40.
P = [0.19, 0.68, 0.6, 0.4, 0.31, 0.27, 0.32, 0.55, 0.1, 0.91, 0.11, 0.18, 0.57, 0.3, 0.64, 0.58,
     0.5, 0.24, 0.05, 0.1, 0.21, 0.35, 0.63, 0.34, 0.17, 0.29, 0.82, 0.47, 0.41, 0.65, 0.12, 0.15,
     0.44, 0.36, 0.19, 0.14, 0.12, 0.11, 0.35, 0.3]  # fmt: skip
Y = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1,
     0, 1, 1, 0, 1, 0, 1, 1]  # fmt: skip
DCURVES = {
    0.05: (0.5263157894736843, 0.5263157894736843),
    0.1: (0.5027777777777778, 0.5),
    0.11: (0.47556179775280905, 0.49438202247191015),
    0.19: (0.4163580246913581, 0.44444444444444453),
    0.3: (0.325, 0.3571428571428572),
    0.35: (0.2961538461538462, 0.30769230769230776),
    0.4: (0.20833333333333337, 0.25000000000000006),
    0.5: (0.17500000000000004, 0.10000000000000009),
    0.6: (0.11250000000000002, -0.12499999999999978),
    0.65: (0.028571428571428574, -0.2857142857142857),
    0.82: (-0.08888888888888882, -1.4999999999999993),
}


def drawn(text: str, columns: Columns, replicates: int = 300) -> Curves:
    plan = plan_of(text)
    cohort = cohort_of(plan, columns)
    rows = analysed_rows(cohort, plan)
    sets = lattice(cohort.dimensions, 2, cohort.rows)
    return curves_of(rows, sets, plan, resampling(plan.seed, replicates, cohort.clusters))


@cache
def large() -> tuple[Columns, Curves]:
    columns = random_columns(21, 9000, decimals=None)
    columns["sex"][:2000] = "F"
    return columns, drawn(TEXT, columns)


def of(records: Any, stratum: str) -> Any:
    return next(r for r in records if r.stratum == stratum)


def test_net_benefit_of_dcurves() -> None:
    columns = {"y": np.array(Y), "p": np.array(P), "sex": np.array(["F"] * 40)}
    curve = of(drawn(TEXT, columns).decision, "overall")
    at = {round(t, 2): i for i, t in enumerate(curve.thresholds)}
    for t, (benefit, everyone) in DCURVES.items():
        assert curve.net_benefit[at[t]] == pytest.approx(benefit, abs=1e-9)
        assert curve.treat_all[at[t]] == pytest.approx(everyone, abs=1e-9)
    assert curve.prevalence == pytest.approx(22 / 40, abs=1e-15)


@pytest.mark.parametrize("patients", [None, 90])
def test_band_of_net_benefit_row_by_row(patients: int | None) -> None:
    """The band is that of the linearised mean, from every row's own contribution."""
    columns = random_columns(22, 400, patients=patients)
    curves = drawn(TEXT if patients is None else CLUSTERED, columns)
    for stratum, mask in (("overall", columns["y"] >= 0), ("sex=F", columns["sex"] == "F")):
        curve = of(curves.decision, stratum)
        y, p = columns["y"][mask].astype(float), columns["p"][mask]
        who = np.arange(y.size) if patients is None else columns["pid"][mask]
        cluster = np.unique(who, return_inverse=True)[1]
        zero, one = np.zeros(y.size, np.int64), np.ones(y.size)
        for i in range(0, 99, 7):
            t = curve.thresholds[i]
            gain = np.where(p >= t, y - (1 - y) * t / (1 - t), 0.0)
            influence = ratio_influence(gain, one, zero, 1)
            variance, clusters = cluster_variance(influence, zero, cluster, 1, one > 0)
            lower, upper = interval(gain.mean(), variance[0], clusters[0], 0.95)
            if np.isnan(lower):
                assert curve.lower[i] is None
                assert curve.upper[i] is None
            else:
                assert curve.lower[i] == pytest.approx(float(lower), abs=1e-10)
                assert curve.upper[i] == pytest.approx(float(upper), abs=1e-10)
    kind = "linearised" if patients is None else "cluster_robust"
    assert curve.method == f"{kind}_identity"


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9), st.integers(0, 4)), min_size=3))
@settings(deadline=None, max_examples=60)
def test_variance_of_any_patients(rows: list[tuple[int, int, int]]) -> None:
    data = np.array(sorted(rows, key=lambda r: -r[1]))
    y, score, cluster = data[:, 0], data[:, 1] / 10, data[:, 2]
    t = np.array([0.25, 0.5])
    curve = decision_curve("x", Falling(score, y, cluster), t, 0.9, clustered=True)
    zero, one = np.zeros(y.size, np.int64), np.ones(y.size)
    for i, cut in enumerate(t.tolist()):
        gain = np.where(score >= cut, y - (1 - y) * cut / (1 - cut), 0.0)
        variance, clusters = cluster_variance(
            ratio_influence(gain, one, zero, 1), zero, cluster, 1, one > 0
        )
        lower = float(interval(gain.mean(), variance[0], clusters[0], 0.9)[0])
        found = curve.lower[i]
        assert (found is None) == bool(np.isnan(lower))
        if found is not None:
            assert found == pytest.approx(lower, abs=1e-9)


def test_decision_range() -> None:
    assert probability_thresholds(Options(decision_range=(0.055, 0.1))) == pytest.approx(
        [0.055, 0.06, 0.07, 0.08, 0.09, 0.1], abs=0
    )
    assert probability_thresholds(Options(decision_range=(0.011, 0.012))).tolist() == [0.011, 0.012]
    text = TEXT + "options: {decision_range: [0.1, 0.3]}\n"
    curve = of(drawn(text, random_columns(23, 200)).decision, "sex=M")
    assert curve.thresholds == tuple(k / 100 for k in range(10, 31))
    assert len(curve.lower) == len(curve.upper) == len(curve.net_benefit) == 21


def test_small_strata_get_lowess_with_a_bootstrap_band() -> None:
    columns = random_columns(24, 1200, decimals=None)
    curves = drawn(TEXT, columns)
    for stratum, mask in (("overall", columns["y"] >= 0), ("sex=F", columns["sex"] == "F")):
        smooth = of(curves.calibration, stratum).smooth
        p, y = columns["p"][mask], columns["y"][mask].astype(float)
        assert len(smooth.predicted) == 50
        assert (smooth.predicted[0], smooth.predicted[-1]) == (p.min(), p.max())
        order = np.argsort(p)
        curve = np.interp(smooth.predicted, p[order], lowess(p, y)[order])
        np.testing.assert_allclose(smooth.observed, np.clip(curve, 0, 1), atol=1e-12)
        assert smooth.method == "lowess_percentile_bootstrap_poisson"
        lower, upper = np.array(smooth.lower), np.array(smooth.upper)
        assert (lower <= smooth.observed).all()
        assert (smooth.observed <= upper).all()
    width = np.median(
        np.array(of(curves.calibration, "sex=F").smooth.upper)
        - np.array(of(curves.calibration, "sex=F").smooth.lower)
    )
    # local proportions of some 360 rows in neighbourhoods of two thirds: 2 * 1.96 * 0.03 or so
    assert 0.05 < width < 0.35


def test_large_strata_get_a_spline_with_a_robust_band() -> None:
    columns, curves = large()
    smooth = of(curves.calibration, "overall").smooth
    assert smooth.method == "rcs_robust"
    assert of(curves.calibration, "sex=F").smooth.method.startswith("lowess")
    observed, lower, upper = (np.array(v) for v in (smooth.observed, smooth.lower, smooth.upper))
    assert ((lower < observed) & (observed < upper)).all()
    # the middle of the curve is near the share of positives there
    at = 12
    near = np.abs(columns["p"] - smooth.predicted[at]) < 0.03
    assert observed[at] == pytest.approx(columns["y"][near].mean(), abs=0.05)


def test_band_is_wider_for_patients_with_several_rows() -> None:
    columns = random_columns(25, 700, decimals=None)
    four = {k: np.tile(v, 4) for k, v in columns.items()} | {
        "pid": np.tile(np.arange(700), 4).astype(str)
    }
    widths = []
    for text in (TEXT, CLUSTERED):
        smooth = of(drawn(text, four).calibration, "overall").smooth
        widths.append(float(np.median(np.array(smooth.upper) - np.array(smooth.lower))))
    assert widths[1] / widths[0] == pytest.approx(2.0, rel=0.25)  # sqrt(4)


def test_no_smooth_curve_without_one() -> None:
    columns = random_columns(26, 400)
    columns["p"] = np.where(columns["p"] > 0.3, 0.7, 0.2)  # two scores: a line, no curve
    assert of(drawn(TEXT, columns).calibration, "overall").smooth is None
    columns = random_columns(27, 400)
    columns["y"][columns["sex"] == "F"] = 0
    curves = drawn(TEXT, columns)
    assert of(curves.calibration, "sex=F").smooth is None
    assert of(curves.calibration, "sex=M").smooth is not None


def test_logits_beyond_the_reach_of_probabilities() -> None:
    columns = random_columns(28, 400, decimals=None)
    columns["p"] = logit(columns["p"])
    columns["p"][:6] = [50.0, 60.0, 70.0, -800.0, -900.0, 55.0]
    curves = drawn(TEXT.replace("threshold", "score_kind: logit\nthreshold"), columns)
    smooth = of(curves.calibration, "overall").smooth
    assert np.isfinite(smooth.observed).all()
    assert max(smooth.predicted) == 1.0
    assert of(curves.sweep, "overall").thresholds[-1] == 70.0


@pytest.mark.parametrize("kind", ["probability", "rank"])
def test_sweep_and_working_points(kind: str) -> None:
    columns = random_columns(29, 500)
    text = TEXT.replace("threshold", f"score_kind: {kind}\nthreshold")
    curves = drawn(text, columns)
    for stratum, mask in (("overall", columns["y"] >= 0), ("sex=F", columns["sex"] == "F")):
        y, p = columns["y"][mask] == 1, columns["p"][mask]
        sweep = of(curves.sweep, stratum)
        assert len(sweep.thresholds) <= 101
        for i, t in enumerate(sweep.thresholds):
            flag = p >= t
            wanted = {
                "sensitivity": (flag & y, y),
                "specificity": (~flag & ~y, ~y),
                "ppv": (flag & y, flag),
                "npv": (~flag & ~y, ~flag),
                "flag_rate": (flag, y | ~y),
            }
            for name, (part, whole) in wanted.items():
                value = part.sum() / whole.sum() if whole.any() else None
                assert getattr(sweep, name)[i] == pytest.approx(value, abs=1e-15)
        points = [o for o in curves.operating_points if o.stratum == stratum]
        assert [o.fixed for o in points] == ["specificity", "sensitivity"]
        for point in points:
            assert point.source == "tuned_here"
            reached, best = _best(y, p, point.fixed, 0.9)
            other = point.sensitivity if point.fixed == "specificity" else point.specificity
            assert other == pytest.approx(best, abs=1e-12)
            assert point.threshold in reached
    grid = tuple(k / 100 for k in range(101))
    assert (of(curves.sweep, "overall").thresholds == grid) == (kind == "probability")
    assert bool(curves.decision) == bool(curves.risk) == (kind == "probability")
    assert {c.stratum for c in curves.sweep} == {"overall", "sex=F", "sex=M"}


def _best(y: Any, p: Any, fixed: str, least: float) -> tuple[set[float], float]:
    """Every threshold that reaches the wanted rate with the best of the other."""
    rates = {}
    for t in np.unique(p).tolist():
        sens, spec = (p[y] >= t).mean(), (p[~y] < t).mean()
        held, other = (spec, sens) if fixed == "specificity" else (sens, spec)
        if held >= least - 1e-12:
            rates[t] = float(other)
    best = max(rates.values())
    return {t for t, value in rates.items() if abs(value - best) < 1e-12}, best


def test_working_point_that_nothing_reaches() -> None:
    """The highest score is held by negatives too: only flagging nobody is specific enough."""
    falling = Falling(np.full(20, 0.5), np.array([1] * 5 + [0] * 15), np.arange(20))
    specific, sensitive = operating_points("x", falling, Options())
    assert (specific.threshold, specific.sensitivity, specific.specificity) == (None, 0.0, 1.0)
    assert (sensitive.threshold, sensitive.sensitivity, sensitive.specificity) == (0.5, 1.0, 0.0)
    no_negatives = Falling(np.linspace(1, 0, 9), np.ones(9, np.int64), np.arange(9))
    for point in operating_points("x", no_negatives, Options()):
        assert point.threshold is point.sensitivity is point.specificity is None


def test_sweep_of_ranks_is_the_same_after_any_monotone_map() -> None:
    columns = random_columns(30, 300)
    text = TEXT.replace("threshold", "score_kind: rank\nthreshold")
    one = drawn(text, columns).sweep
    other = drawn(text, columns | {"p": expit(5 * columns["p"]) ** 3}).sweep
    for a, b in zip(one, other, strict=True):
        assert (a.sensitivity, a.specificity, a.flag_rate) == (
            b.sensitivity,
            b.specificity,
            b.flag_rate,
        )


def test_a_decision_has_no_curves() -> None:
    columns = random_columns(31, 100)
    columns["p"] = (columns["p"] > 0.5).astype(int)
    text = "columns: {label: y, prediction: p}\nattributes: {sex: }\n"
    assert drawn(text, columns) == Curves(calibration=(), decision=(), risk=())


def test_row_order_does_not_matter() -> None:
    columns = random_columns(32, 500, patients=150)
    order = np.random.default_rng(2).permutation(500)
    assert drawn(CLUSTERED, columns) == drawn(CLUSTERED, take(columns, order))
