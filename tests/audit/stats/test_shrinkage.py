"""Empirical-Bayes shrinkage against metafor's blup, and against its own limits.

R 4.2.2, metafor 3.8-1, for every literal below:
  f <- rma(yi, vi, mods = ..., method = "REML", control = list(threshold = 1e-15, maxiter = 1e5))
  f$tau2; blup(f)$pred; blup(f)$se
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtri

from audit.stats.meta import random_effects
from audit.stats.shrinkage import Shrunken, main_effects, shrink

# dat.bcg (Colditz et al. 1994): cases and non-cases, vaccinated and control.
BCG = np.array(
    [
        (4, 119, 11, 128),
        (6, 300, 29, 274),
        (3, 228, 11, 209),
        (62, 13536, 248, 12619),
        (33, 5036, 47, 5761),
        (180, 1361, 372, 1079),
        (8, 2537, 10, 619),
        (505, 87886, 499, 87892),
        (29, 7470, 45, 7232),
        (17, 1699, 65, 1600),
        (186, 50448, 141, 27197),
        (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ],
    dtype=float,
)
_T, _C = BCG[:, 0] + BCG[:, 1], BCG[:, 2] + BCG[:, 3]
BCG_Y = np.log(BCG[:, 0] / _T) - np.log(BCG[:, 2] / _C)
BCG_V = 1 / BCG[:, 0] - 1 / _T + 1 / BCG[:, 2] - 1 / _C
LATITUDE = np.array([44, 55, 42, 52, 13, 44, 19, 13, 27, 42, 18, 33, 33], dtype=float)

# Intersections of two attributes, every cell an interaction away from additivity.
FIRST = np.array([0, 0, 0, 1, 1, 1, 0, 1, 2])
SECOND = np.array([0, 1, 2, 0, 1, 2, 3, 3, 1])
CELL_Y = np.array([0.10, 0.45, -0.30, 0.62, 0.70, 0.05, 0.21, 0.35, 0.9])
CELL_V = np.array([0.02, 0.05, 0.04, 0.03, 0.10, 0.02, 0.06, 0.01, 0.02]) / 8

# tau2, pred, se
BLUP: dict[str, tuple[Any, Any, Any, float, list[float], list[float]]] = {
    "bcg": (
        BCG_Y,
        BCG_V,
        None,
        0.31324325813648074,
        [
            -0.80023356197034956,
            -1.25170598030225033,
            -0.98690309335750226,
            -1.39789769649514506,
            -0.28737980647637379,
            -0.78457153364595356,
            -1.24396346517330403,
            0.00287924789676627,
            -0.50683635929277093,
            -1.24717301599844443,
            -0.35365840052076036,
            -0.28473371286119775,
            -0.14674306985852592,
        ],
        [
            0.4099304475261667,
            0.3532273016000185,
            0.4348315764347220,
            0.1375684156694778,
            0.2113117583834207,
            0.0822903527274534,
            0.3685919598987568,
            0.0625870944113634,
            0.2203912682591917,
            0.2457122117472009,
            0.1094809657172050,
            0.4583004760063649,
            0.2434402973833324,
        ],
    ),
    "latitude": (
        BCG_Y,
        BCG_V,
        np.column_stack((np.ones(13), LATITUDE)),
        0.076347963955198467,
        [
            -1.00247207489400614,
            -1.41570542366038366,
            -1.02938219425115207,
            -1.40422790421372179,
            -0.18113718195206480,
            -0.80626270924994914,
            -0.63796349532546714,
            0.00510516284735064,
            -0.49698432585941815,
            -1.17553003495520803,
            -0.32999011638439796,
            -0.56408089944810169,
            -0.35153245262527899,
        ],
        [
            0.2734499508532048,
            0.2751230221518289,
            0.2771713928024629,
            0.1315339180659741,
            0.1878096274883815,
            0.0804262821149898,
            0.2598391293646861,
            0.0619348911587114,
            0.1862011632124149,
            0.2036040357592220,
            0.1052487409064651,
            0.2748970563690282,
            0.1989519432572214,
        ],
    ),
    "main effects": (
        CELL_Y,
        CELL_V,
        main_effects(np.column_stack((FIRST, SECOND))),
        0.010073166702116833,
        [
            0.1184957725463125,
            0.4379950496003352,
            -0.2954264764316517,
            0.5922563411805314,
            0.7240099007993306,
            0.0477132382158262,
            0.1620583374881389,
            0.3579902770853102,
            0.9000000000000001,
        ],
        [
            0.0482698684630676,
            0.0737419586965203,
            0.0658721688249568,
            0.0580297807444089,
            0.0961847487369865,
            0.0483196197876795,
            0.0778121140925364,
            0.0347829480491159,
            0.0500000000000000,
        ],
    ),
    "tau2 = 0": (
        [0.30, 0.35, 0.28, 0.40, 0.33],
        [0.04, 0.09, 0.06, 0.05, 0.08],
        None,
        0.0,
        [0.330456026058632] * 5,
        [0.108288431352665] * 5,
    ),
    "main effects, tau2 = 0": (
        CELL_Y[:8],
        CELL_V[:8] * 8,
        main_effects(np.column_stack((FIRST, SECOND))[:8]),
        0.0,
        [
            0.1698512396694214,
            0.4182093663911843,
            -0.2969146005509644,
            0.5152231404958671,
            0.7635812672176301,
            0.0484573002754813,
            0.0339669421487604,
            0.3793388429752061,
        ],
        [
            0.121560106548704,
            0.187781010725208,
            0.145075263073768,
            0.135084913607321,
            0.202600177581173,
            0.123538285519027,
            0.146021621856446,
            0.094475498594666,
        ],
    ),
}


@pytest.mark.parametrize("case", BLUP)
def test_agrees_with_metafor(case: str) -> None:
    effect, variance, design, tau2, value, sd = BLUP[case]
    fit = shrink(effect, variance, design)
    assert fit.tau2 == pytest.approx(tau2, rel=1e-8, abs=1e-12)
    np.testing.assert_allclose(fit.value, value, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(fit.sd, sd, rtol=1e-8)


@pytest.mark.parametrize("case", ["bcg", "latitude", "main effects"])
def test_bounds_carry_the_variance_of_morris(case: str) -> None:
    """Morris 1983, the variance s_i^2 of his section 5, written out with dense matrices."""
    effect, variance, design, tau2, value, _ = BLUP[case]
    k = len(effect)
    z = np.ones((k, 1)) if design is None else design
    r = int(np.linalg.matrix_rank(z))
    w = 1 / (variance + tau2)
    hat = z @ np.linalg.pinv(z.T @ np.diag(w) @ z) @ z.T
    beta_part = hat @ (w * effect)
    b = (k - r - 2) / (k - r) * variance * w
    r_i = k * w * np.diag(hat)
    mean_v = np.average(variance, weights=w)
    v_i = 2 / (k - r - 2) * b**2 * (mean_v + tau2) * w
    s = np.sqrt(variance * (1 - (k - r_i) / k * b) + v_i * (effect - beta_part) ** 2)
    fit = shrink(effect, variance, design, 0.9)
    np.testing.assert_allclose(fit.full_sd, s, rtol=1e-7)
    np.testing.assert_allclose(fit.lower, np.array(value) - ndtri(0.95) * s, rtol=1e-6)
    np.testing.assert_allclose(fit.upper, np.array(value) + ndtri(0.95) * s, rtol=1e-6)


def test_too_few_strata_for_the_uncertainty_of_tau2_have_no_bounds() -> None:
    fit = shrink([0.1, 0.5, 0.4], [0.01, 0.02, 0.01])
    assert np.isfinite(fit.value).all()
    assert np.isnan(fit.full_sd).all()
    assert np.isnan(fit.lower).all()
    assert np.isfinite(shrink([0.1, 0.5, 0.4, 0.2], np.full(4, 0.01)).upper).all()


def test_tau2_is_that_of_the_pooling() -> None:
    for variance in (BCG_V, 10 * BCG_V, 0.1 * BCG_V):
        pooled, fit = random_effects(BCG_Y, variance), shrink(BCG_Y, variance)
        assert fit.tau2 == pytest.approx(pooled.tau2, rel=1e-7, abs=1e-9)
        np.testing.assert_allclose(fit.fitted, pooled.estimate, rtol=1e-7)


def test_additive_strata_are_shrunk_to_themselves() -> None:
    row, column = np.array([0.1, 0.5, -0.2]), np.array([0.0, 0.3, 1.0, 0.4])
    levels = np.array([(i, j) for i in range(3) for j in range(4)])
    effect = row[levels[:, 0]] + column[levels[:, 1]]
    fit = shrink(effect, np.linspace(0.01, 0.2, 12), main_effects(levels))
    assert (fit.tau2, fit.used, fit.parameters) == (0.0, 12, 6)
    np.testing.assert_allclose(fit.value, effect, atol=1e-12)
    np.testing.assert_allclose(fit.own_weight, 0.0)


def test_main_effects_columns() -> None:
    design = main_effects([[0, 2], [1, 2], [0, 5]])
    np.testing.assert_array_equal(design, [[1, 1, 0, 1, 0], [1, 0, 1, 1, 0], [1, 1, 0, 0, 1]])
    with pytest.raises(ValueError, match="integer"):
        main_effects([[0.5, 1.0]])
    with pytest.raises(ValueError, match="negative"):
        main_effects([[-1, 1]])


def test_missing_strata_are_ignored() -> None:
    whole = shrink(CELL_Y, CELL_V, main_effects(np.column_stack((FIRST, SECOND))))
    y = np.insert(CELL_Y, [2, 5], [np.nan, 7.0])
    v = np.insert(CELL_V, [2, 5], [0.1, np.nan])
    levels = np.insert(np.column_stack((FIRST, SECOND)), [2, 5], 0, axis=0)
    fit = shrink(y, v, main_effects(levels))
    kept = ~(np.isnan(y) | np.isnan(v))
    assert fit.used == 9
    assert fit.tau2 == pytest.approx(whole.tau2, rel=1e-10)
    for a, b in zip(fit[3:], whole[3:], strict=True):
        np.testing.assert_allclose(np.asarray(a)[kept], b, rtol=1e-10)
        assert np.isnan(np.asarray(a)[~kept]).all()


@pytest.mark.parametrize(
    ("effect", "design"),
    [
        ([], None),
        ([0.3], None),
        ([0.3, np.nan], None),
        ([0.3, 0.5], [[1.0, 0.0], [1.0, 1.0]]),
        ([0.1, 0.2], np.empty((2, 0))),
    ],
)
def test_too_few_strata_are_undefined(effect: Any, design: Any) -> None:
    fit = shrink(effect, np.ones(len(effect)), design)
    assert np.isnan(fit.tau2)
    assert all(np.isnan(np.asarray(part)).all() for part in fit[3:])


@st.composite
def strata(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    k = draw(st.integers(4, 12))
    effect = draw(st.lists(st.floats(-3, 3), min_size=k, max_size=k))
    variance = draw(st.lists(st.floats(0.01, 2.0), min_size=k, max_size=k))
    covariate = draw(st.lists(st.integers(0, 3), min_size=k, max_size=k))
    return np.round(effect, 3), np.round(variance, 3), np.array(covariate)


def minus_reml(tau2: float, y: NDArray[Any], v: NDArray[Any], x: NDArray[Any]) -> float:
    """Twice minus the restricted log likelihood, by dense matrices."""
    inverse = np.linalg.inv(np.diag(v + tau2))
    information = x.T @ inverse @ x
    p = inverse - inverse @ x @ np.linalg.inv(information) @ x.T @ inverse
    return float(np.sum(np.log(v + tau2)) + np.linalg.slogdet(information)[1] + y @ p @ y)


def full_rank(covariate: NDArray[Any]) -> NDArray[Any]:
    found = np.unique(covariate)
    return np.column_stack([np.ones(covariate.size)] + [covariate == c for c in found[1:]])


@settings(deadline=None)
@given(strata())
def test_reml_is_the_highest_maximum(data: tuple[NDArray[Any], ...]) -> None:
    y, v, covariate = data
    x = full_rank(covariate)
    fit = shrink(y, v, main_effects(covariate[:, None]))
    if y.size <= x.shape[1]:
        assert np.isnan(fit.tau2)
        return
    assert fit.parameters == x.shape[1]
    reached = minus_reml(fit.tau2, y, v, x)
    everywhere = [minus_reml(t, y, v, x) for t in np.concatenate(([0], np.logspace(-6, 2, 300)))]
    assert reached <= min(everywhere) + 1e-9


@settings(deadline=None)
@given(strata())
def test_posterior_is_conditional_normal(data: tuple[NDArray[Any], ...]) -> None:
    """The mixed-model equations with a flat prior on beta, by dense matrices."""
    y, v, covariate = data
    fit = shrink(y, v, main_effects(covariate[:, None]))
    x, tau2 = full_rank(covariate), fit.tau2
    if np.isnan(tau2) or tau2 < 1e-6:
        return
    p = x.shape[1]
    # Precision of (beta, theta): y | theta ~ N(theta, v), theta | beta ~ N(x beta, tau2).
    precision = np.zeros((p + y.size, p + y.size))
    precision[:p, :p] = x.T @ x / tau2
    precision[:p, p:] = -x.T / tau2
    precision[p:, :p] = -x / tau2
    precision[p:, p:] = np.diag(1 / v + 1 / tau2)
    covariance = np.linalg.inv(precision)
    mean = covariance @ np.concatenate((np.zeros(p), y / v))
    np.testing.assert_allclose(fit.value, mean[p:], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(fit.sd, np.sqrt(np.diag(covariance)[p:]), rtol=1e-6)


@settings(deadline=None)
@given(strata(), st.randoms(use_true_random=False))
def test_order_shift_and_scale(data: tuple[NDArray[Any], ...], random: Any) -> None:
    y, v, _ = data
    order = random.sample(range(y.size), y.size)
    fit, other = shrink(y, v), shrink(4 * y[order] + 1, 16 * v[order])
    close: Any = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(other.tau2, 16 * fit.tau2, **close)
    np.testing.assert_allclose(other.value, 4 * fit.value[order] + 1, **close)
    np.testing.assert_allclose(other.sd, 4 * fit.sd[order], **close)
    np.testing.assert_allclose(other.own_weight, fit.own_weight[order], **close)


@settings(deadline=None)
@given(strata())
def test_shrunken_lie_between_the_estimate_and_the_fit(data: tuple[NDArray[Any], ...]) -> None:
    y, v, covariate = data
    fit: Shrunken = shrink(y, v, main_effects(covariate[:, None]))
    if np.isnan(fit.tau2):
        return
    low, high = np.minimum(y, fit.fitted), np.maximum(y, fit.fitted)
    assert np.all((low - 1e-9 <= fit.value) & (fit.value <= high + 1e-9))
    assert np.all((fit.own_weight >= 0) & (fit.own_weight < 1))


@pytest.mark.parametrize(
    ("effect", "variance", "design"),
    [
        ([0.1, 0.2], [1.0], None),
        ([0.1, 0.2], [1.0, 0.0], None),
        ([0.1, np.inf], [1.0, 1.0], None),
        ([0.1, 0.2], [1.0, 1.0], [[1.0]]),
        ([0.1, 0.2], [1.0, 1.0], [[1.0], [np.nan]]),
    ],
)
def test_bad_arguments(effect: Any, variance: Any, design: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        shrink(effect, variance, design)
    with pytest.raises(ValueError, match="level"):
        shrink([0.1, 0.2], [1.0, 1.0], level=0.0)


@pytest.mark.simulation
@pytest.mark.parametrize("strata_count", [10, 30])
@pytest.mark.parametrize("spread", [0.05, 0.15, 0.3, 0.6])
def test_intervals_cover_the_true_effects(strata_count: int, spread: float) -> None:
    rng = np.random.default_rng(20)
    full, known = [], []
    for _ in range(400):
        variance = rng.uniform(0.02, 0.4, strata_count)
        truth = 0.5 + rng.normal(0, spread, strata_count)
        fit = shrink(truth + rng.normal(0, np.sqrt(variance)), variance)
        full.append(np.mean((fit.lower <= truth) & (truth <= fit.upper)))
        known.append(np.mean(np.abs(fit.value - truth) <= ndtri(0.975) * fit.sd))
    # Conservative where there is little to find; the sd that takes tau2 as known is not safe.
    assert np.mean(full) > 0.93
    if spread in (0.15, 0.3):
        assert np.mean(known) < 0.9
