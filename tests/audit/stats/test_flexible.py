"""The flexible calibration curve and its error summaries against R's rms::val.prob and rcs."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit, logit

from audit.stats import flexible
from audit.stats._rungs import rungs_of, weighted_quantiles
from audit.stats.flexible import (
    absolute_error_summaries,
    band_grid,
    flexible_curve,
    flexible_errors,
    flexible_resamples,
    resampled_band,
    resampled_errors,
    spline_band,
)
from audit.stats.lowess import lowess
from audit.stats.splines import CurveVariance, robust_covariance

Floats = NDArray[np.float64]


STEPS = (0.6180339887498949, 0.41421356237309515, 0.7320508075688772)


def rows(n: int, slope: float, shift: float) -> tuple[Floats, NDArray[np.bool_], Floats]:
    k = np.arange(1.0, n + 1.0)
    u, v, w = (np.mod(k * step, 1.0) for step in STEPS)
    p = 0.02 + 0.9 * u * u
    return p, np.less(v, expit(shift + slope * logit(p))), w


# R 4.2.2, rms 6.5.0 on rows(400, 0.6, -0.4): val.prob(p, y, pl = FALSE)[c("Eavg", "E90", "Emax")];
# E50 by its lines: Sm <- lowess(p, y, iter = 0); median(abs(p - approx(Sm, xout = p)$y))
VAL_PROB = (0.0732734317463713, 0.0422167845178774, 0.178206344274068, 0.224898803087555)
# rms 6.5.0 on rows(6000, 0.7, 0.3), lp = qlogis(p), kn its quantiles .05, .275, .5, .725, .95:
#   e <- abs(plogis(predict(lrm(y ~ rcs(lp, kn)))) - p); mean(e), median(e), quantile(e, .9), max(e)
RCS = (0.088383334078896, 0.0960192163975857, 0.134710879046404, 0.136539872553702)


def test_errors_agree_with_val_prob() -> None:
    p, y, _ = rows(400, 0.6, -0.4)
    np.testing.assert_allclose(flexible_errors(*rungs_of(p, y)), VAL_PROB, rtol=1e-10)


def test_errors_agree_with_rms_splines() -> None:
    p, y, _ = rows(6000, 0.7, 0.3)
    np.testing.assert_allclose(flexible_errors(*rungs_of(p, y)), RCS, rtol=1e-10)


def test_the_method_changes_after_5000_rows() -> None:
    for n, method in ((5000, "lowess"), (5001, "rcs")):
        p, y, _ = rows(n, 1, 0)
        found = flexible_curve(*rungs_of(p, y))
        assert found.method == method
        assert (found.spline is None) == (method == "lowess")
    p, y, _ = rows(300, 1, 0)
    ladder = rungs_of(p, y)
    np.testing.assert_array_equal(flexible_curve(*ladder).curve, lowess(p, y)[np.argsort(p)])
    assert flexible_curve(*ladder, method="rcs").method == "rcs"


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), min_size=1, max_size=30),
    st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]),
)
def test_quantiles_are_those_of_the_expanded_rows(
    pairs: list[tuple[int, int]], level: float
) -> None:
    values, counts = (np.array(side) for side in zip(*pairs, strict=True))
    value = weighted_quantiles(values / 50, counts.astype(np.float64), (level,))[0]
    if counts.sum() == 0:
        assert np.isnan(value)
    else:
        np.testing.assert_allclose(value, np.quantile(np.repeat(values / 50, counts), level))


def test_summaries_by_hand() -> None:
    found = absolute_error_summaries(
        [0.1, 0.2, 0.5, 0.9], [0.2, 0.2, 0.2, np.nan], [[1, 2, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1]]
    )
    np.testing.assert_allclose(found.ici, [0.1, np.nan, np.nan])
    np.testing.assert_allclose(found.e50, [0.05, np.nan, np.nan], atol=1e-15)
    np.testing.assert_allclose(found.e90, [0.1 + 0.7 * 0.2, np.nan, np.nan])
    np.testing.assert_allclose(found.emax, [0.3, np.nan, np.nan])


def test_a_perfect_and_a_shifted_curve() -> None:
    p = np.linspace(0.05, 0.7, 30)
    weights = np.arange(1.0, 31.0)
    assert np.abs(np.array(absolute_error_summaries(p, p, weights))).max() == 0.0
    np.testing.assert_allclose(absolute_error_summaries(p, p + 0.07, weights), 0.07, rtol=1e-12)


NOTHING = {
    "one class": ([0.1, 0.2, 0.3, 0.4], [1, 1, 1, 1], [0, 0, 0, 0]),
    "two scores": ([0.1, 0.2], [5, 5], [5, 5]),
}


@pytest.mark.parametrize("method", ["lowess", "rcs"])
@pytest.mark.parametrize("case", NOTHING)
def test_no_curve(case: str, method: Any) -> None:
    score, pos, neg = NOTHING[case]
    assert np.isnan(flexible_errors(score, pos, neg, method)).all()
    again = resampled_errors(score, pos, neg, [pos, pos], [neg, neg], method)
    assert np.array(again).shape == (4, 2)
    assert np.isnan(again).all()


def test_scores_that_clipping_makes_one() -> None:
    score = [0.0, 1e-12, 0.2, 0.4, 0.6, 1 - 1e-13, 1.0]
    pos, neg = [1, 0, 3, 6, 9, 3, 4], [2, 3, 9, 6, 5, 1, 0]
    joined = [1e-10, 0.2, 0.4, 0.6, 1 - 1e-10]
    for method in ("lowess", "rcs"):
        curve = flexible_curve(score, pos, neg, method).curve
        other = flexible_curve(joined, [1, 3, 6, 9, 7], [5, 9, 6, 5, 1], method).curve
        np.testing.assert_allclose(curve, other[[0, 0, 1, 2, 3, 4, 4]], rtol=1e-12)
        # Distinct log odds that stand for the same probability count as one as well.
        twice = [0.0, 0.0, 0.2, 0.4, 0.6, 1.0, 1.0]
        tied = flexible_curve(twice, pos, neg, method).curve
        np.testing.assert_allclose(tied, curve, rtol=1e-12)
        again = flexible_resamples(score, pos, neg, [pos], [neg], method)[0]
        np.testing.assert_allclose(again, curve, rtol=1e-10)


def coarse(n: int) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    p, y, _ = rows(n, 0.6, -0.4)
    score, rung = np.unique(np.round(p, 2), return_inverse=True)
    pos = np.bincount(rung, weights=y, minlength=score.size).astype(np.float64)
    return score, pos, np.bincount(rung) - pos, rung.astype(np.int64)


@pytest.mark.parametrize("n", [900, 6000])
def test_resamples_at_the_data_are_the_point(n: int) -> None:
    score, pos, neg, _ = coarse(n)
    point = np.array(flexible_errors(score, pos, neg))
    again = np.array(resampled_errors(score, pos, neg, [pos, pos, 0 * pos], [neg, neg, neg]))
    np.testing.assert_allclose(again[:, :2], np.column_stack([point, point]), rtol=1e-9)
    assert np.isnan(again[:, 2]).all()


@pytest.mark.parametrize("n", [900, 6000])
def test_resamples_follow_a_fresh_curve_of_their_rows(n: int) -> None:
    score, pos, neg, _ = coarse(n)
    rng = np.random.default_rng(5)
    again_pos = rng.poisson(pos, (5, score.size)).astype(np.float64)
    again_neg = rng.poisson(neg, (5, score.size)).astype(np.float64)
    fast = np.array(resampled_errors(score, pos, neg, again_pos, again_neg))
    method = flexible.method_for(n)
    fresh = []
    for p, q in zip(again_pos, again_neg, strict=True):
        held = p + q > 0
        fresh.append(flexible_errors(score[held], p[held], q[held], method))
    # Neighbourhoods and knots are held, so the two agree to a part of their spread.
    np.testing.assert_allclose(fast[0], np.array(fresh)[:, 0], rtol=0, atol=0.002)
    assert np.ptp(fast[0]) > 0.006


def test_a_resample_of_two_scores_is_undefined() -> None:
    score, pos, neg, _ = coarse(900)
    two = np.where(np.arange(score.size) < 2, 3.0, 0.0)
    assert np.isnan(resampled_errors(score, pos, neg, [two], [two])).all()


def test_band_of_resamples() -> None:
    score, pos, neg, _ = coarse(900)
    rng = np.random.default_rng(6)
    curve = flexible_curve(score, pos, neg).curve
    curves = flexible_resamples(
        score, pos, neg, rng.poisson(pos, (400, pos.size)), rng.poisson(neg, (400, pos.size))
    )
    grid = band_grid(score)
    assert grid.size == 50
    assert (grid[0], grid[-1]) == (score[0], score[-1])
    band = resampled_band(score, curve, score, curves, grid)
    at = np.stack([np.interp(grid, score, c) for c in curves])
    expected = np.clip(np.quantile(at, [0.025, 0.975], axis=0), 0, 1)
    np.testing.assert_allclose([band.lower, band.upper], expected, rtol=1e-10)
    np.testing.assert_allclose(band.curve, np.clip(np.interp(grid, score, curve), 0, 1))
    # A few undefined resamples are left out; above 5 % there is no band.
    curves[:20] = np.nan
    some = resampled_band(score, curve, score, curves, grid)
    np.testing.assert_allclose(some.lower, np.clip(np.quantile(at[20:], 0.025, axis=0), 0, 1))
    curves[:21] = np.nan
    none = resampled_band(score, curve, score, curves, grid)
    assert np.isnan(none.lower).all()
    assert np.isnan(none.upper).all()
    np.testing.assert_array_equal(none.curve, band.curve)


def test_band_of_a_spline() -> None:
    p, y, w = rows(6000, 0.7, 0.3)
    found = flexible_curve(*rungs_of(p, y))
    assert found.spline is not None
    _, rung = np.unique(p, return_inverse=True)
    variance = robust_covariance(found.spline, rung, y, np.floor(w * 900).astype(int))
    band = spline_band(found.spline, variance, expit(np.array([-3.5, 0.0])))
    # Centre and clustered standard error from R (test_splines), t quantile qt(.975, 899).
    eta, se = (
        np.array([-2.1102488982795, 0.301674310262089]),
        [0.0822042450538195, 0.0508464292082037],
    )
    half = 1.9626062692930 * np.array(se)
    np.testing.assert_allclose(band.curve, expit(eta), rtol=1e-8)
    np.testing.assert_allclose(band.lower, expit(eta - half), rtol=1e-8)
    np.testing.assert_allclose(band.upper, expit(eta + half), rtol=1e-8)
    lost = CurveVariance(np.full((5, 5), np.nan), 1)
    assert np.isnan(spline_band(found.spline, lost, [0.5]).lower).all()


@pytest.mark.simulation
@pytest.mark.parametrize("n", [1500, 6000])
def test_band_covers_the_truth(n: int) -> None:
    rng = np.random.default_rng(2)
    p = np.sort(np.round(rng.beta(2, 4, n), 2))
    score, count = np.unique(p, return_counts=True)
    truth = expit(0.3 + 0.8 * logit(np.clip(score, 0.005, 0.995)))
    grid = np.quantile(p, [0.1, 0.5, 0.9])
    hit = np.zeros(3)
    for _ in range(400):
        pos = rng.binomial(count, truth).astype(np.float64)
        neg = count - pos
        found = flexible_curve(score, pos, neg)
        again_pos, again_neg = (rng.poisson(w, (300, w.size)) for w in (pos, neg))
        curves = flexible_resamples(score, pos, neg, again_pos, again_neg)
        band = resampled_band(score, found.curve, score, curves, grid)
        at = np.interp(grid, score, truth)
        hit += (band.lower <= at) & (at <= band.upper)
    assert np.all((hit / 400 > 0.91) & (hit / 400 < 0.98))


def test_row_order_does_not_matter() -> None:
    p, y, _ = rows(700, 0.6, -0.4)
    turn = np.random.default_rng(1).permutation(p.size)
    assert flexible_errors(*rungs_of(p[turn], y[turn])) == flexible_errors(*rungs_of(p, y))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: flexible_curve([0.1, 0.2, 1.2], [1, 1, 1], [1, 1, 1]), r"\[0, 1\]"),
        (lambda: flexible_curve([0.1, 0.2, 0.4], [1, 0, 1], [1, 0, 1]), "every rung"),
        (lambda: flexible_curve([0.2, 0.1, 0.4], [1, 0, 1], [1, 1, 1]), "ascending"),
        (lambda: flexible_resamples([0.1, 0.2], [1, 0], [1, 1], [1, 1], [1, 1]), "resamples"),
        (lambda: absolute_error_summaries([0.1, 0.2], [0.1], [1, 1]), "shape"),
        (lambda: resampled_band([0.1], [0.1], [0.1], [0.1], [0.1]), "resampled_curve"),
    ],
)
def test_bad_arguments(call: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        call()
