"""Smooth ECE against its definition, closed forms and the authors' own package."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from audit.stats._rungs import rungs_of
from audit.stats.binned_calibration import null_generator
from audit.stats.smooth_ece import null_smooth_ece, smooth_ece, smooth_ece_draws

Floats = NDArray[np.float64]


def rows(n: int, slope: float, shift: float) -> tuple[Floats, NDArray[np.bool_]]:
    k = np.arange(1, n + 1)
    u, v = k * 0.6180339887498949 % 1, k * 0.41421356237309515 % 1
    p = 0.02 + 0.9 * u * u
    return p, v < expit(shift + slope * logit(p))


# relplot 1.0.3 (the authors' package) with config.use_logit_scaling = False: smECE(p, y) of
# rows(n, slope, shift). It halves sigma down to steps of 1/1024 and returns smECE at the upper
# end, which is where the tolerance below comes from.
RELPLOT = {
    (80, 1, 0): 0.0671785795373758,
    (400, 0.6, -0.4): 0.0741774080920567,
    (2000, 0.6, 0.5): 0.14172182101880432,
    (2000, 1, 0): 0.012004658830047279,
}


@pytest.mark.parametrize("case", RELPLOT)
def test_agrees_with_the_authors_package(case: tuple[int, float, float]) -> None:
    value = smooth_ece(*rungs_of(*rows(*case)))
    assert value == pytest.approx(RELPLOT[case], abs=1.5 / 1024)


def plain(score: Floats, residual: Floats, sigma: float, points: int = 2000) -> float:
    """Integral of the absolute residual smoothed by reflected Gaussians, images summed in full."""
    t = (np.arange(points) + 0.5) / points
    density = np.zeros(points)
    reach = int(np.ceil(4 * sigma)) + 1
    for shift in range(-reach, reach + 1):
        for image in (score + 2 * shift, 2 * shift - score):
            z = (t[:, None] - image) / sigma
            density += np.exp(-0.5 * z * z) @ residual / (sigma * np.sqrt(2 * np.pi))
    return float(np.abs(density).mean())


def by_bisection(score: Floats, residual: Floats) -> float:
    return float(brentq(lambda s: plain(score, residual, s) - s, 2e-3, 1.5, xtol=1e-8))


@pytest.mark.parametrize("case", [(7, 1, 1.5), (80, 1, 0), (400, 0.6, -0.4), (400, 1, 0)])
def test_agrees_with_the_definition(case: tuple[int, float, float]) -> None:
    p, y = rows(*case)
    score, pos, neg = rungs_of(p, y)
    residual = (pos * (1 - score) - neg * score) / p.size
    expected = by_bisection(score, residual)
    assert smooth_ece(score, pos, neg) == pytest.approx(expected, abs=2e-5)  # claimed: 1e-4


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 9), st.integers(0, 9)), max_size=15))
def test_agrees_with_the_definition_anywhere(rungs: list[tuple[int, int, int]]) -> None:
    held = {k / 200: (pos, neg) for k, pos, neg in rungs}
    score = np.array(sorted(held))
    pos, neg = (np.array([held[s][i] for s in score], dtype=np.float64) for i in (0, 1))
    value = smooth_ece(score, pos, neg)
    if pos.sum() + neg.sum() == 0:
        assert np.isnan(value)
        return
    residual = (pos * (1 - score) - neg * score) / (pos + neg).sum()
    if plain(score, residual, 2e-3) <= 2e-3:
        assert value <= 2.1e-3
        return
    assert value == pytest.approx(by_bisection(score, residual), abs=1e-4)


@pytest.mark.parametrize(("p", "rate"), [(0.3, 0.5), (0.5, 0.45), (0.9, 0.4), (0.0, 0.95)])
def test_a_constant_prediction(p: float, rate: float) -> None:
    # All residuals are of one sign wherever smoothed: the integral is |p - rate| at any sigma.
    value = smooth_ece([p], [1000 * rate], [1000 * (1 - rate)])
    assert value == pytest.approx(abs(p - rate), abs=1e-6)


def test_two_far_rungs_of_opposite_sign() -> None:
    # Residuals +-0.1 at 0.2 and 0.8 do not reach each other at sigma 0.1: 2 * 0.1 * (near 1) / 2.
    value = smooth_ece([0.2, 0.8], [30, 70], [70, 30])
    reached = brentq(
        lambda s: plain(np.array([0.2, 0.8]), np.array([0.05, -0.05]), s) - s, 0.01, 0.5
    )
    assert value == pytest.approx(reached, abs=1e-5)
    assert 0.098 < value < 0.1


def test_perfect_and_tiny() -> None:
    assert smooth_ece([0.0, 1.0], [0, 5], [5, 0]) == 0.0
    assert 0.0 <= smooth_ece([0.5], [500_010], [499_990]) <= 1e-4
    # Below the tolerance of 1e-4 the value lies anywhere between the truth and the tolerance.
    assert np.isnan(smooth_ece([], [], []))


def test_many_rows_in_a_narrow_range() -> None:
    # A rare outcome: the whole distribution lies within a few cells of the first grid.
    score = np.linspace(1e-4, 4e-3, 200)
    n = np.full(200, 10_000.0)
    pos = np.round(2 * n * score)
    value = smooth_ece(score, pos, n - pos)
    assert value == pytest.approx((score * n).sum() / n.sum(), abs=1e-4)


def test_draws_agree_with_one_at_a_time() -> None:
    rng = np.random.default_rng(3)
    score = np.sort(rng.random(120))
    n = np.full(120, 4)
    pos = rng.binomial(n, score, (9, 120)).astype(np.float64)
    residual = (pos - n * score) / n.sum()
    together = smooth_ece_draws(score, residual)
    alone = [smooth_ece(score, p, n - p) for p in pos]
    np.testing.assert_allclose(together, alone, rtol=0, atol=2e-4)
    np.testing.assert_allclose(smooth_ece_draws(score, residual[:3]), together[:3], rtol=1e-13)
    assert np.isnan(smooth_ece_draws(score, np.where(np.arange(120) == 5, np.nan, residual))).all()


def test_null_is_what_a_calibrated_model_shows() -> None:
    score = np.arange(1, 60) / 60
    n = np.full(59, 10)
    null = null_smooth_ece(score, n, null_generator(3, "overall"), draws=400)
    rng = np.random.default_rng(8)
    fair = []
    for _ in range(400):
        y = rng.random((59, 10)) < score[:, None]
        fair.append(smooth_ece(score, y.sum(axis=1), 10 - y.sum(axis=1)))
    assert null.mean() == pytest.approx(np.mean(fair), rel=0.05)
    assert null.min() > 0.0
    again = null_smooth_ece(score, n, null_generator(3, "overall"), draws=400)
    np.testing.assert_array_equal(null, again)
    assert np.isnan(null_smooth_ece([0.5], [0], null_generator(3, ""), 2)).all()


def test_equal_scores_are_one_rung() -> None:
    tied = smooth_ece([0.2, 0.5, 0.5], [1, 2, 0], [4, 1, 3])
    assert tied == pytest.approx(smooth_ece([0.2, 0.5], [1, 2], [4, 4]), rel=1e-12)


def test_row_order_and_label_flip() -> None:
    p, y = rows(300, 0.6, -0.4)
    p = np.round(p, 2)
    turn = np.random.default_rng(2).permutation(300)
    value = smooth_ece(*rungs_of(p, y))
    assert smooth_ece(*rungs_of(p[turn], y[turn])) == value
    assert smooth_ece(*rungs_of(1 - p, ~y)) == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: smooth_ece([0.2, 0.1], [1, 1], [1, 1]), "ascending"),
        (lambda: smooth_ece([0.2, 1.1], [1, 1], [1, 1]), r"\[0, 1\]"),
        (lambda: smooth_ece([0.2], [[1]], [[1]]), "one set"),
        (lambda: smooth_ece([0.2], [1], [1], tolerance=1e-6), "tolerance"),
        (lambda: smooth_ece_draws([0.2], [0.1]), "shape"),
        (lambda: smooth_ece_draws([0.2], [[3.0]]), "divided"),
    ],
)
def test_bad_arguments(call: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        call()
