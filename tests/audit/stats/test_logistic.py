"""Logistic recalibration against R's glm, sandwich and the score equations."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit, logit

from audit.stats.linear import cluster_variance
from audit.stats.logistic import recalibration, recalibration_influence

# Where probabilities of 0 and 1 are clipped, -+23.03; 1 - 1e-10 itself is rounded.
EDGE, TOP = float(logit(1e-10)), float(logit(1 - 1e-10))
X1 = np.array(
    [-3.2, -2.5, -2.1, -1.7, -1.2, -0.9, -0.4, -0.1, 0.2, 0.5, 0.8, 1.1, 1.6, 2.0, 2.4, 3.1]
)
Y1 = np.array([0, 0, 1, 0, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0, 1, 1])
C1 = np.repeat(np.arange(8), 2)
X2 = np.array([EDGE, -4, -2, -1, 0, 1, 3, TOP, 2, -3])
Y2 = np.array([0, 0, 1, 0, 1, 0, 1, 1, 0, 1])
Y3 = np.array([1, 0, 1, 0, 1, 0, 1, 0, 0, 1])  # wrong at both clipped ends

# R 4.2.2, glm.control(epsilon = 1e-15, maxit = 100):
#   coef(glm(y ~ offset(x), family = binomial)); coef(glm(y ~ x, family = binomial))
CITL = [0.0103858192730949, 0.499999999892047]
JOINT = [(0.0109945556194436, 0.5618794201014137), (0.0710824250616163, 0.1468195129306722)]
# The offset fit of (X2, Y3) does not converge in glm; bisection in 45-digit decimals instead.
CITL3 = 0.499999999892047270270213920920915663
JOINT3 = (-0.0710824250616165, -0.1468195129306722)
# sandwich: vcovCL(fit, cluster = rep(1:8, each = 2), type = "HC0", cadjust = TRUE), diagonal
SANDWICH = [0.561028780000065, 0.2720197559868470, 0.0763179619678064]

X = np.concatenate([X1, X2, X2])
Y = np.concatenate([Y1, Y2, Y3])
G = np.repeat([0, 1, 2], [16, 10, 10])


def test_agrees_with_glm_all_groups_at_once() -> None:
    fit = recalibration(X, Y, G, 3)
    assert fit.converged_citl.all()
    assert fit.converged_joint.all()
    np.testing.assert_allclose(fit.citl, [*CITL, CITL3], rtol=1e-10)
    np.testing.assert_allclose(
        np.column_stack([fit.intercept, fit.slope]), [*JOINT, JOINT3], rtol=1e-10
    )


def test_influence_gives_the_sandwich() -> None:
    fit = recalibration(X, Y, G, 3)
    influence = recalibration_influence(fit, X, Y, G)
    cluster = np.concatenate([C1, np.arange(10), np.arange(10)])
    variance, clusters = cluster_variance(influence, G, cluster, 3, np.ones_like(influence, bool))
    np.testing.assert_allclose(variance[0], SANDWICH, rtol=1e-8)
    assert clusters[0].tolist() == [8, 8, 8]
    for g in range(3):
        np.testing.assert_allclose(influence[g == G].sum(axis=0), 0.0, atol=1e-9)


def test_a_group_does_not_depend_on_the_others() -> None:
    together = recalibration(X, Y, G, 3)
    for g in range(3):
        mine = np.equal(G, g)
        alone = recalibration(X[mine], Y[mine], np.zeros(mine.sum(), dtype=int), 1)
        assert alone.citl[0] == together.citl[g]
        assert alone.slope[0] == together.slope[g]
        assert alone.intercept[0] == together.intercept[g]


NO_SLOPE = {
    "separated": ([-2.0, -1, 1, 2], [0, 0, 1, 1]),
    "separated the wrong way": ([-2.0, -1, 1, 2], [1, 1, 0, 0]),
    "touching": ([-2.0, 1, 1, 2], [0, 0, 1, 1]),
    "constant": ([0.3, 0.3, 0.3, 0.3], [0, 1, 0, 1]),
}


@pytest.mark.parametrize("case", NO_SLOPE)
def test_no_slope_but_a_citl(case: str) -> None:
    x, y = NO_SLOPE[case]
    group = np.zeros(4, dtype=int)
    fit = recalibration(x, y, group, 1)
    assert not fit.converged_joint[0]
    assert np.isnan(fit.slope[0])
    assert np.isnan(fit.intercept[0])
    assert fit.converged_citl[0]
    np.testing.assert_allclose(expit(fit.citl[0] + np.array(x)).sum(), sum(y), rtol=1e-12)
    influence = recalibration_influence(fit, x, y, group)
    assert np.isfinite(influence[:, 0]).all()
    assert np.isnan(influence[:, 1:]).all()


def test_an_overlap_below_rounding_is_none() -> None:
    x, y = [0.0, 0, 0, 0, 0.0078125, 1e-38, -1], [0, 0, 0, 0, 0, 1, 1]
    fit = recalibration(x, y, [0] * 7, 1)
    assert fit.converged_citl[0]
    assert not fit.converged_joint[0]
    assert np.isnan(fit.slope[0])


def test_one_class_and_empty_groups() -> None:
    fit = recalibration([0.1, 0.4, -2.0], [1, 1, 0], [0, 0, 2], 4)
    for values in (fit.citl, fit.intercept, fit.slope):
        assert np.isnan(values).all()
    assert not fit.converged_citl.any()
    assert not fit.converged_joint.any()
    assert np.isnan(recalibration_influence(fit, [0.1, 0.4, -2.0], [1, 1, 0], [0, 0, 2])).all()
    empty = recalibration([], [], [], 2)
    assert np.isnan(empty.slope).all()


def test_every_score_clipped_and_wrong() -> None:
    x = np.full(1000, EDGE)
    y = np.arange(1000) < 400
    fit = recalibration(x, y, np.zeros(1000, dtype=int), 1)
    np.testing.assert_allclose(fit.citl, logit(0.4) - EDGE, rtol=1e-12)
    mixed = recalibration([EDGE, -EDGE, EDGE, -EDGE], [0, 1, 1, 0], [0] * 4, 1)
    assert mixed.converged_citl[0]
    assert abs(mixed.citl[0]) < 1e-6
    assert mixed.converged_joint[0]
    assert abs(mixed.slope[0]) < 1e-12


def test_known_truth_is_recovered() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(-1, 1.5, 200_000)
    y = rng.random(x.size) < expit(0.4 + 0.7 * x)
    fit = recalibration(x, y, np.zeros(x.size, dtype=int), 1)
    np.testing.assert_allclose([fit.intercept[0], fit.slope[0]], [0.4, 0.7], atol=0.03)


@st.composite
def data(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    n = draw(st.integers(4, 40))
    x = draw(st.lists(st.floats(-23.1, 23.1), min_size=n, max_size=n))
    y = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    return np.array(x), np.array(y)


@given(data())
def test_score_equations_hold(rows: tuple[NDArray[Any], NDArray[Any]]) -> None:
    x, y = np.round(rows[0], 3), rows[1]
    group = np.zeros(x.size, dtype=int)
    fit = recalibration(x, y, group, 1)
    assert fit.converged_citl[0] == (0 < y.sum() < y.size)
    if fit.converged_citl[0]:
        np.testing.assert_allclose(expit(fit.citl[0] + x).sum(), y.sum(), atol=1e-8)
    overlap = y.any() and not y.all()
    if overlap:
        low, high = x[y == 0], x[y == 1]
        overlap = low.max() > high.min() and high.max() > low.min()
    assert fit.converged_joint[0] == overlap
    if overlap:
        residual = y - expit(fit.intercept[0] + fit.slope[0] * x)
        scale = max(1.0, float(np.abs(x).max()))
        assert abs(residual.sum()) < 1e-7
        assert abs((residual * x).sum()) < 1e-7 * scale


@given(data(), st.randoms(use_true_random=False))
def test_flip_order_and_rescaling(rows: tuple[NDArray[Any], NDArray[Any]], random: Any) -> None:
    x, y = np.round(rows[0], 2), rows[1]  # coarse, so that no slope is near infinite
    group = np.zeros(x.size, dtype=int)
    fit = recalibration(x, y, group, 1)
    order = np.array(random.sample(range(x.size), x.size))
    same = recalibration(x[order], y[order], group, 1)
    flipped = recalibration(-x, 1 - y, group, 1)
    halved = recalibration(x / 2, y, group, 1)
    close: Any = {"rtol": 1e-5, "atol": 1e-5}  # the information may be 1e-9 at the clipped ends
    np.testing.assert_allclose(same.citl, fit.citl, **close)
    np.testing.assert_allclose(flipped.citl, -fit.citl, **close)
    for value, sign in ((same, 1), (flipped, 1), (halved, 0.5)):
        np.testing.assert_allclose(value.slope * sign, fit.slope, **close)
    np.testing.assert_allclose(flipped.intercept, -fit.intercept, **close)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="finite"):
        recalibration([np.inf, 0.0], [0, 1], [0, 0], 1)
    with pytest.raises(ValueError, match="only 0 and 1"):
        recalibration([1.0, 0.0], [0, 0.5], [0, 0], 1)
    with pytest.raises(ValueError, match="rows"):
        recalibration([1.0, 0.0], [0], [0, 0], 1)
