"""Spiegelhalter's test and the interaction test against R's rms, glm and sandwich."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit

from audit.stats._arrays import group_sum
from audit.stats.calibration_tests import (
    calibration_interaction,
    spiegelhalter,
    spiegelhalter_terms,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


STEPS = (0.6180339887498949, 0.41421356237309515, 0.7320508075688772)


def uniforms(n: int) -> tuple[Floats, Floats, Floats]:
    k = np.arange(1.0, n + 1.0)
    u, v, w = (np.mod(k * step, 1.0) for step in STEPS)
    return u, v, w


def test_spiegelhalter_agrees_with_val_prob() -> None:
    u, v, _ = uniforms(400)
    p = 0.02 + 0.9 * u * u
    y = v < expit(-0.4 + 0.6 * logit(p))
    residual, variance = spiegelhalter_terms(p, y)
    found = spiegelhalter(residual.sum(), variance.sum())
    # R 4.2.2, rms 6.5.0: val.prob(p, y, pl = FALSE)[c("S:z", "S:p")]
    np.testing.assert_allclose(found.z, 3.66610546470346, rtol=1e-12)
    np.testing.assert_allclose(found.p, 0.000246272392568105, rtol=1e-10)
    stratum = np.arange(400) % 3
    sums = [group_sum(part, stratum, 4) for part in (residual, variance)]
    by_stratum = spiegelhalter(*sums)
    for g in range(3):
        mine = spiegelhalter(residual[stratum == g].sum(), variance[stratum == g].sum())
        np.testing.assert_allclose(by_stratum.z[g], mine.z)
    assert np.isnan(by_stratum.z[3])
    assert np.isnan(by_stratum.p[3])


def test_spiegelhalter_by_hand_and_undefined() -> None:
    residual, variance = spiegelhalter_terms([0.2, 0.9], [1, 1])
    np.testing.assert_allclose(residual, [0.8 * 0.6, 0.1 * -0.8])
    np.testing.assert_allclose(variance, [0.36 * 0.16, 0.64 * 0.09])
    z = (0.48 - 0.08) / np.sqrt(0.0576 + 0.0576)
    np.testing.assert_allclose(spiegelhalter(residual.sum(), variance.sum()).z, z)
    for p, y in (([0.5, 0.5], [0, 1]), ([0.0, 1.0], [1, 1])):
        terms = [part.sum() for part in spiegelhalter_terms(p, y)]
        assert np.isnan(spiegelhalter(*terms)).all()
    # The square of z of a label flipped with its score is the same.
    flipped = spiegelhalter_terms([0.8, 0.1], [0, 0])
    np.testing.assert_allclose(flipped, [residual, variance])


def test_spiegelhalter_holds_its_size() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(1, 4, 400)
    y = rng.random((4000, 400)) < p
    residual, variance = spiegelhalter_terms(p, y)
    rejected = (spiegelhalter(residual.sum(axis=1), variance.sum(axis=1)).p < 0.05).mean()
    assert 0.04 < rejected < 0.06


def rows() -> tuple[Floats, NDArray[np.bool_], Ints, Ints]:
    u, v, w = uniforms(600)
    x = logit(0.02 + 0.9 * u * u)
    group = np.floor(w * 4).astype(np.int64)
    intercept, slope = np.array([0, 0.3, -0.2, 0]), np.array([1, 0.7, 1.3, 1])
    return x, v < expit(intercept[group] + slope[group] * x), group, np.arange(600) % 140


# R 4.2.2, sandwich 3.0.2: f <- glm(y ~ g * lp, binomial), V <- vcovCL(f, cluster, type = "HC0",
# cadjust = TRUE), i the interaction terms (slopes) or all terms with g (joint);
# q <- b[i] %*% solve(V[i, i]) %*% b[i]; pchisq(q, length(i), lower.tail = FALSE)
CLUSTERED = ((6.12136689541129, 3, 0.105852469166014), (12.4357678448868, 6, 0.0529241936971532))
INDEPENDENT = ((9.58677251935034, 3, 0.022425940442794), (20.4370228799083, 6, 0.00231437888638739))


@pytest.mark.parametrize(("clustered", "expected"), [(True, CLUSTERED), (False, INDEPENDENT)])
def test_interaction_agrees_with_glm(clustered: bool, expected: Any) -> None:
    x, y, group, cluster = rows()
    found = calibration_interaction(x, y, group, 4, cluster if clustered else np.arange(600))
    assert found.kept.tolist() == [0, 1, 2, 3]
    assert found.left_out.size == 0
    assert found.clusters == (140 if clustered else 600)
    for test, (chi2, df, p) in zip((found.slopes, found.joint), expected, strict=True):
        np.testing.assert_allclose(test.chi2, chi2, rtol=1e-8)
        assert test.df == df
        np.testing.assert_allclose(test.p, p, rtol=1e-7)


def test_levels_without_a_fit_are_left_out_and_named() -> None:
    x, y, group, cluster = rows()
    alone = calibration_interaction(x, y, group, 4, cluster)
    # Level 0 has no rows, 2 one class, 4 separated classes, 6 but two patients.
    extra_x = [-1.0, 0, 1, 2, -2, -1, 1, 2, -2, -1, 0, 1]
    extra_y = [1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 0, 1]
    extra_g = [2] * 4 + [4] * 4 + [6] * 4
    extra_c = [*range(200, 208), 208, 208, 209, 209]
    where = np.array([1, 3, 5, 7])[group]
    found = calibration_interaction(
        np.append(x, extra_x),
        np.append(y, extra_y),
        np.append(where, extra_g),
        8,
        np.append(cluster, extra_c),
    )
    assert found.kept.tolist() == [1, 3, 5, 7]
    assert found.left_out.tolist() == [0, 2, 4, 6]
    np.testing.assert_allclose(found.slopes, alone.slopes, rtol=1e-9)
    np.testing.assert_allclose(found.joint, alone.joint, rtol=1e-9)
    np.testing.assert_allclose(found.slope, alone.slope, rtol=1e-12)


def test_which_level_comes_first_does_not_matter() -> None:
    x, y, group, cluster = rows()
    one = calibration_interaction(x, y, group, 4, cluster)
    turn = np.random.default_rng(1).permutation(600)
    other = calibration_interaction(x[turn], y[turn], 3 - group[turn], 4, 500 - cluster[turn])
    np.testing.assert_allclose(other.slopes, one.slopes, rtol=1e-8)
    np.testing.assert_allclose(other.joint, one.joint, rtol=1e-8)


def test_a_shift_of_one_level_shows_in_the_joint_test_alone() -> None:
    rng = np.random.default_rng(4)
    x, group = rng.normal(0, 1.5, 6000), rng.integers(0, 2, 6000)
    y = rng.random(6000) < expit(x + 0.5 * group)
    found = calibration_interaction(x, y, group, 2, np.arange(6000))
    assert found.joint.p < 1e-6
    assert found.slopes.p > 0.01
    steep = rng.random(6000) < expit(x * (1 + 0.5 * group))
    assert calibration_interaction(x, steep, group, 2, np.arange(6000)).slopes.p < 1e-6


def test_no_test() -> None:
    x, y, group, cluster = rows()
    for found in (
        calibration_interaction(x, y, np.zeros(600, dtype=int), 1, cluster),
        calibration_interaction([], [], [], 3, np.empty(0, dtype=int)),
        # Four clusters cannot give six parameters a covariance.
        calibration_interaction(x, y, np.minimum(group, 2), 3, np.arange(600) % 4),
    ):
        assert np.isnan(found.joint.chi2)
        assert np.isnan(found.joint.p)
        assert found.joint.df == 0


@pytest.mark.simulation
def test_interaction_holds_its_size_under_clustering() -> None:
    rng = np.random.default_rng(9)
    cluster = np.repeat(np.arange(300), 4)
    clustered = np.zeros(2)
    independent = np.zeros(2)
    for _ in range(500):
        group = rng.integers(0, 3, 300)[cluster]
        # Rows of a patient share score and, three times in four, the outcome.
        x = rng.normal(-0.5, 1.2, 300)[cluster]
        shared, own = rng.random(300)[cluster], rng.random(1200)
        y = np.where(rng.random(1200) < 0.75, shared, own) < expit(x)
        for count, c in ((clustered, cluster), (independent, np.arange(1200))):
            found = calibration_interaction(x, y, group, 3, c)
            count += np.array([found.slopes.p < 0.05, found.joint.p < 0.05])
    assert np.all((clustered / 500 > 0.02) & (clustered / 500 < 0.09))
    assert np.all(independent / 500 > 0.2)  # as if rows were patients: the same test must fail


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: spiegelhalter_terms([1.2], [1]), r"\[0, 1\]"),
        (lambda: spiegelhalter(1.0, -1.0), "negative"),
        (lambda: calibration_interaction([np.inf], [1], [0], 1, [0]), "finite"),
        (lambda: calibration_interaction([0.1], [2], [0], 1, [0]), "0 and 1"),
        (lambda: calibration_interaction([0.1], [1], [3], 2, [0]), "declared"),
        (lambda: calibration_interaction([0.1], [1], [0], 2, [0, 1]), "cluster"),
    ],
)
def test_bad_arguments(call: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        call()
