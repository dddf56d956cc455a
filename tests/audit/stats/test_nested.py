"""Three-level pooling against metafor's rma.mv and against the dense likelihood.

R 4.2.2, metafor 3.8-1, for every literal below:
  f <- rma.mv(yi, vi, random = ~ 1 | outer/inner, test = "t", method = "REML",
              control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-16, maxit = 1e4))
  c(f$b, f$se, f$ci.lb, f$ci.ub, f$sigma2, f$QE, f$QEp, predict(f)$pi.lb, predict(f)$pi.ub)
  and 100 * f$sigma2 / (sum(f$sigma2) + (f$k - f$p) / sum(diag(P))) with P from W = diag(1/vi).
dat.konstantopoulos2011 has districts as outer and schools as inner units. metafor searches over log
variances and stops near 1e-10 where the maximum lies at 0.
"""

from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audit.stats.meta import random_effects
from audit.stats.nested import NestedEffects, nested_random_effects

DISTRICT = np.repeat(
    [11, 12, 18, 27, 56, 58, 71, 86, 91, 108, 644], [4, 4, 3, 4, 4, 11, 3, 8, 6, 5, 4]
)
SCHOOL_Y = [
    *(-0.18, -0.22, 0.23, -0.3, 0.13, -0.26, 0.19, 0.32, 0.45, 0.38, 0.29, 0.16, 0.65, 0.36, 0.6),
    *(0.08, 0.04, 0.19, -0.06, -0.18, 0, 0, -0.28, -0.04, -0.3, 0.07, 0, 0.05, -0.08, -0.09, 0.3),
    *(0.98, 1.19, -0.07, -0.05, -0.01, 0.02, -0.03, 0, 0.01, -0.1, 0.5, 0.66, 0.2, 0, 0.05, 0.07),
    *(-0.52, 0.7, -0.03, 0.27, -0.34, 0.12, 0.61, 0.04, -0.05),
]
SCHOOL_V = [
    *(0.118, 0.118, 0.144, 0.144, 0.014, 0.014, 0.015, 0.024, 0.023, 0.043, 0.012, 0.02, 0.004),
    *(0.004, 0.007, 0.019, 0.007, 0.005, 0.004, 0.02, 0.018, 0.019, 0.022, 0.02, 0.021, 0.006),
    *(0.007, 0.007, 0.007, 0.007, 0.015, 0.011, 0.01, *[0.001] * 8, 0.01, 0.011, 0.01, 0.009),
    *(0.013, 0.013, 0.031, 0.031, 0.03, 0.03, 0.03, 0.087, 0.082, 0.067, 0.067),
]
SITE = [1, 1, 2, 2, 2, 3, 3, 4, 4, 5]
SCANNER_V = [0.02, 0.03, 0.015, 0.04, 0.02, 0.05, 0.03, 0.01, 0.02, 0.06]

# estimate, se, ci, sigma2 outer and inner, Q, Qp, pi, I2 outer and inner
METAFOR: dict[str, tuple[Any, Any, Any, list[float]]] = {
    "konstantopoulos": (
        SCHOOL_Y,
        SCHOOL_V,
        DISTRICT,
        [
            1.84713164038434e-01,
            8.45559200064617e-02,
            1.52593136532705e-02,
            3.54167014423598e-01,
            6.50619468895701e-02,
            3.27365157030540e-02,
            5.78864017958223e02,
            1.79683030193477e-88,
            -4.64511259515612e-01,
            8.33937587592481e-01,
            6.33248395703473e01,
            3.18624742125627e01,
        ],
    ),
    "scanners": (
        [0.31, 0.62, 0.11, 0.45, 0.40, 0.92, 0.55, 0.05, 0.33, 0.48],
        SCANNER_V,
        SITE,
        [
            0.3897697355421191,
            0.0953741476900415,
            0.1740184241993178,
            0.6055210468849205,
            0.0195242612617041,
            0.0211732340359074,
            23.3679900124843947,
            0.0054206818066645,
            -0.1150194883753318,
            0.8945589594595701,
            30.5508559591987598,
            33.1311087549414509,
        ],
    ),
    "outer at 0": (
        [0.1, 0.9, 0.2, 0.8, 0.5, 0.15, 0.85, 0.05, 0.95, 0.5],
        SCANNER_V,
        SITE,
        [
            4.91664890621795e-01,
            1.16751385518175e-01,
            2.27554907605240e-01,
            7.55774873638350e-01,
            0.0,
            1.08385554446404e-01,
            5.54152621722846e01,
            1.01497662789991e-08,
            -2.98525874845607e-01,
            1.28185565608920e00,
            0.0,
            8.23626784026445e01,
        ],
    ),
    "inner at 0": (
        [0.30, 0.31, 0.90, 0.91, 0.89, 0.10, 0.11, 0.52, 0.50, 0.70],
        SCANNER_V,
        SITE,
        [
            5.00709510304516e-01,
            1.44223458479732e-01,
            1.74453380661060e-01,
            8.26965639947972e-01,
            8.61292738877644e-02,
            0.0,
            3.33144506866417e01,
            1.17718830911098e-04,
            -2.39018233692527e-01,
            1.24043725430156e00,
            7.87725551225688e01,
            0.0,
        ],
    ),
    "both at 0": (
        [0.30, 0.31, 0.29, 0.30, 0.32, 0.33, 0.30, 0.31, 0.29, 0.3],
        SCANNER_V,
        SITE,
        [
            3.03970037451804e-01,
            4.74045466405296e-02,
            1.96733502719728e-01,
            4.11206572183879e-01,
            0.0,
            0.0,
            5.59862671660426e-02,
            9.99999998081631e-01,
            1.96733496976797e-01,
            4.11206577926810e-01,
            0.0,
            0.0,
        ],
    ),
}


def figures(fit: NestedEffects) -> NDArray[Any]:
    by_name = (
        *(fit.estimate, fit.se, fit.lower, fit.upper, fit.sigma2_outer, fit.sigma2_inner),
        *(fit.q, fit.q_p, fit.prediction_lower, fit.prediction_upper),
        *(fit.i2_outer, fit.i2_inner),
    )
    return np.array(by_name)


@pytest.mark.parametrize("case", METAFOR)
def test_agrees_with_metafor(case: str) -> None:
    effect, variance, outer, expected = METAFOR[case]
    fit = nested_random_effects(effect, variance, outer)
    assert (fit.k, fit.outer) == (len(effect), len(set(outer)))
    np.testing.assert_allclose(figures(fit), expected, rtol=1e-6, atol=2e-8)


def test_published_konstantopoulos() -> None:
    # Konstantopoulos 2011, table: mean 0.185, SE 0.085; variances 0.065 and 0.033.
    fit = nested_random_effects(SCHOOL_Y, SCHOOL_V, DISTRICT)
    rounded = np.round([fit.estimate, fit.se, fit.sigma2_outer, fit.sigma2_inner], 3)
    np.testing.assert_array_equal(rounded, [0.185, 0.085, 0.065, 0.033])


@st.composite
def effects(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    k = draw(st.integers(3, 14))
    effect = draw(st.lists(st.floats(-2, 2), min_size=k, max_size=k))
    variance = draw(st.lists(st.floats(0.01, 1.0), min_size=k, max_size=k))
    outer = draw(st.lists(st.integers(0, 4), min_size=k, max_size=k))
    return np.round(effect, 3), np.round(variance, 3), np.array(outer)


def dense(
    outer2: float, inner2: float, y: NDArray[Any], v: NDArray[Any], outer: NDArray[Any]
) -> tuple[float, float, float]:
    """Twice minus the restricted log likelihood, the mean and its se, by dense matrices."""
    covariance = np.diag(v + inner2) + outer2 * (outer[:, None] == outer[None, :])
    inverse = np.linalg.inv(covariance)
    total = inverse.sum()
    mean = (inverse @ y).sum() / total
    height = np.linalg.slogdet(covariance)[1] + np.log(total) + (y - mean) @ inverse @ (y - mean)
    return float(height), float(mean), float(np.sqrt(1 / total))


def identified(outer: NDArray[Any]) -> bool:
    return 2 <= len(set(outer.tolist())) < len(outer)


@settings(deadline=None)
@given(effects())
def test_reml_is_the_highest_maximum(data: tuple[NDArray[Any], ...]) -> None:
    y, v, outer = data
    fit = nested_random_effects(y, v, outer)
    if not identified(outer):
        assert np.isnan(astuple(fit)[2:]).all()
        return
    reached, mean, se = dense(fit.sigma2_outer, fit.sigma2_inner, y, v, outer)
    np.testing.assert_allclose([fit.estimate, fit.se], [mean, se], rtol=1e-9, atol=1e-12)
    grid = np.concatenate(([0.0], np.logspace(-4, 1.2, 14)))
    others = [dense(a, b, y, v, outer)[0] for a in grid for b in grid]
    near = [
        dense(max(fit.sigma2_outer + a, 0), max(fit.sigma2_inner + b, 0), y, v, outer)[0]
        for a in (-1e-3, 0, 1e-3)
        for b in (-1e-3, 0, 1e-3)
    ]
    assert reached <= min(others + near) + 1e-9


@settings(deadline=None)
@given(effects(), st.randoms(use_true_random=False))
def test_order_changes_no_bit_and_scale_is_carried(
    data: tuple[NDArray[Any], ...], random: Any
) -> None:
    y, v, outer = data
    fit = nested_random_effects(y, v, outer)
    order = random.sample(range(y.size), y.size)
    same = nested_random_effects(y[order], v[order], outer[order])
    np.testing.assert_array_equal(astuple(same), astuple(fit))
    other = nested_random_effects(3 * y + 1, 9 * v, 7 * outer + 2)
    close: Any = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(other.estimate, 3 * fit.estimate + 1, **close)
    np.testing.assert_allclose(other.se, 3 * fit.se, **close)
    np.testing.assert_allclose(other.sigma2_outer, 9 * fit.sigma2_outer, **close)
    np.testing.assert_allclose(other.i2_inner, fit.i2_inner, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("outer", [[0, 1, 2, 3], [2, 2, 2, 2]])
def test_levels_that_cannot_be_told_apart(outer: list[int]) -> None:
    fit = nested_random_effects([0.1, 0.5, 0.2, 0.9], [0.1, 0.1, 0.2, 0.1], outer)
    assert (fit.k, fit.outer) == (4, len(set(outer)))
    assert np.isnan(astuple(fit)[2:]).all()


def test_no_outer_variance_is_the_ordinary_pooling() -> None:
    effect, variance, outer, _ = METAFOR["outer at 0"]
    fit, plain = nested_random_effects(effect, variance, outer), random_effects(effect, variance)
    assert fit.sigma2_inner == pytest.approx(plain.tau2, rel=1e-8)
    assert fit.estimate == pytest.approx(plain.estimate, rel=1e-10)
    assert (fit.q, fit.q_p) == pytest.approx((plain.q, plain.q_p), rel=1e-12)
    assert fit.i2_inner == pytest.approx(plain.i2, rel=1e-8)


def test_empty() -> None:
    fit = nested_random_effects([], [], np.array([], dtype=int))
    assert (fit.k, fit.outer) == (0, 0)
    assert np.isnan(fit.estimate)


@pytest.mark.parametrize(
    ("effect", "variance", "outer"),
    [
        ([0.1, np.nan, 0.2], [1, 1, 1], [0, 0, 1]),
        ([0.1, 0.3, 0.2], [1, 0, 1], [0, 0, 1]),
        ([0.1, 0.3, 0.2], [1, 1], [0, 0, 1]),
        ([0.1, 0.3, 0.2], [1, 1, 1], [0, -1, 1]),
        ([0.1, 0.3, 0.2], [1, 1, 1], [0.0, 0.5, 1.0]),
    ],
)
def test_bad_arguments(effect: Any, variance: Any, outer: Any) -> None:
    with pytest.raises(ValueError, match=r"finite|positive|rows|negative|integer"):
        nested_random_effects(effect, variance, outer)


@pytest.mark.simulation
def test_interval_covers_the_mean() -> None:
    rng = np.random.default_rng(4)
    outer = np.repeat(np.arange(12), 3)
    covered = []
    for _ in range(600):
        v = rng.uniform(0.01, 0.05, 36)
        y = 0.4 + rng.normal(0, 0.2, 12)[outer] + rng.normal(0, 0.15, 36)
        fit = nested_random_effects(y + rng.normal(0, np.sqrt(v)), v, outer)
        covered.append(fit.lower <= 0.4 <= fit.upper)
    assert 0.91 < np.mean(covered) < 0.98
