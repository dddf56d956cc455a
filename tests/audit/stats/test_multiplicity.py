"""Adjusted p values and simultaneous critical values against R, published tables and laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from audit.stats._arrays import normal_quantile
from audit.stats.multiplicity import (
    benjamini_hochberg,
    holm,
    max_t_adjusted_p,
    simultaneous_critical_value,
    simultaneous_level,
)

Array = NDArray[np.float64]

# R 4.2.2: p.adjust(p, "holm") and p.adjust(p, "BH"); the second p are those of Benjamini and
# Hochberg 1995, DOI 10.1111/j.2517-6161.1995.tb02031.x, section 4.
WITH_NAN = [0.01, 0.04, 0.03, np.nan, 0.005, 0.5, 0.03, 0.9]
WITH_NAN_HOLM = [0.06, 0.15, 0.15, np.nan, 0.035, 1, 0.15, 1]
WITH_NAN_BH = [0.035, 0.056, 0.0525, np.nan, 0.035, 0.58333333333333337, 0.0525, 0.9]
PUBLISHED = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
PUBLISHED += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
PUBLISHED_HOLM = [0.0015, 0.0056, 0.0247, 0.114, 0.2211, 0.278, 0.278, 0.278, 0.3213]
PUBLISHED_HOLM += [1.0] * 6
PUBLISHED_BH = [0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.063857142857142862]
PUBLISHED_BH += [0.063857142857142862, 0.0645, 0.0765, 0.486, 0.58118181818181813]
PUBLISHED_BH += [0.714875, 0.75323076923076926, 0.81321428571428567, 1.0]

# Two-sided 95 % points of max |T|, all for known variance. Comparisons with one control, k of them:
# mvtnorm 1.1-3 in R 4.2.2, qmvnorm(.95, tail="both.tails", corr=0.5 + 0.5 * diag(k)), which are
# Dunnett's 2.21, 2.35, 2.51 (Biometrics 1964, 20:482). All pairs of m: qtukey(.95, m, Inf) /
# sqrt(2). k independent: qnorm((1 + .95^(1/k)) / 2).
CONTROL = {2: 2.2121831645702472, 3: 2.3489130898347108, 5: 2.511412927277755}
PAIRS = {3: 2.3437005879021418, 4: 2.5690317774207276, 6: 2.849705443271294}
INDEPENDENT = {2: 2.2364766445577895, 5: 2.5687631680114014, 10: 2.7996252193010864}


@pytest.mark.parametrize(
    ("p", "by_holm", "by_bh"),
    [(WITH_NAN, WITH_NAN_HOLM, WITH_NAN_BH), (PUBLISHED, PUBLISHED_HOLM, PUBLISHED_BH)],
)
def test_adjusted_p_agree_with_r(p: list[float], by_holm: list[float], by_bh: list[float]) -> None:
    np.testing.assert_allclose(holm(np.array(p)), by_holm, rtol=1e-13)
    np.testing.assert_allclose(benjamini_hochberg(np.array(p)), by_bh, rtol=1e-13)


p_values = arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1))


@settings(deadline=None)
@given(p_values)
def test_holm_laws(p: Array) -> None:
    adjusted = holm(p)
    assert np.all(adjusted >= p)
    assert np.all(adjusted <= np.minimum(p * p.size, 1.0))  # never worse than Bonferroni
    assert np.all(benjamini_hochberg(p) <= adjusted + 1e-12)
    assert adjusted.min() == min(1.0, p.min() * p.size)
    order = np.argsort(-p, kind="stable")
    np.testing.assert_array_equal(holm(p[order]), adjusted[order])
    # Step down by hand: H is rejected at alpha while p_(j) <= alpha / (m - j + 1).
    for alpha in (0.03, 0.2, 0.6):
        rejected = 0
        for j, value in enumerate(np.sort(p)):
            if value * (p.size - j) > alpha:
                break
            rejected += 1
        assert (adjusted <= alpha).sum() == rejected


def test_holm_of_nothing() -> None:
    assert holm(np.array([])).size == 0
    assert np.isnan(holm(np.array([np.nan, np.nan]))).all()


def deviates(seed: int, rows: int) -> Array:
    return np.random.default_rng(seed).standard_normal((rows, 400_000))


@pytest.mark.parametrize("k", CONTROL)
def test_critical_value_is_dunnetts(k: int) -> None:
    draws = deviates(1, k + 1)
    against = (draws[1:] - draws[0]) / np.sqrt(2)
    # Density of max |T| near its 95 % point is about 0.1 or more: 4 standard errors are 0.014.
    assert simultaneous_critical_value(against, 0.95) == pytest.approx(CONTROL[k], abs=0.014)


@pytest.mark.parametrize("m", PAIRS)
def test_critical_value_is_tukeys(m: int) -> None:
    draws = deviates(2, m)
    first, second = np.triu_indices(m, 1)
    pairs = (draws[first] - draws[second]) / np.sqrt(2)
    critical = simultaneous_critical_value(pairs, 0.95)
    assert critical == pytest.approx(PAIRS[m], abs=0.014)
    # The p value of a statistic at the critical value is the level's complement.
    p = max_t_adjusted_p(np.full(first.size, PAIRS[m]), pairs)
    np.testing.assert_allclose(p, 0.05, atol=4 * np.sqrt(0.05 * 0.95 / 400_000))


@pytest.mark.parametrize("k", INDEPENDENT)
def test_critical_value_of_independent_contrasts(k: int) -> None:
    got = simultaneous_critical_value(deviates(3, k), 0.95)
    assert got == pytest.approx(INDEPENDENT[k], abs=0.014)


def test_one_contrast_and_many_copies_of_it_need_no_adjustment() -> None:
    one = deviates(4, 1)
    assert simultaneous_critical_value(one, 0.95) == pytest.approx(1.96, abs=0.014)
    copies = np.repeat(one, 7, axis=0)
    assert simultaneous_critical_value(copies, 0.95) == simultaneous_critical_value(one, 0.95)


matrices = arrays(np.float64, (3, 21), elements=st.floats(-9, 9) | st.just(np.nan))


@settings(deadline=None)
@given(matrices, st.floats(0.5, 0.99), arrays(np.float64, 3, elements=st.floats(-9, 9)))
def test_max_t_twin(values: Array, level: float, statistic: Array) -> None:
    largest = [
        max(abs(v) for v in column if v == v)
        for column in values.T.tolist()
        if any(v == v for v in column)
    ]
    critical = simultaneous_critical_value(values, level)
    p = max_t_adjusted_p(statistic, values)
    if not largest:
        assert np.isnan(critical)
        assert np.isnan(p).all()
        return
    pointwise = normal_quantile(level)
    assert critical == pytest.approx(max(float(np.quantile(largest, level)), pointwise), rel=1e-12)
    expected = [(1 + sum(v >= abs(t) for v in largest)) / (len(largest) + 1) for t in statistic]
    np.testing.assert_allclose(p, expected, rtol=1e-14)
    np.testing.assert_array_equal(max_t_adjusted_p(-statistic, values[::-1, ::-1]), p)


def test_the_critical_value_is_never_below_the_pointwise_quantile() -> None:
    assert simultaneous_critical_value(np.full((2, 5), 0.1), 0.9) == normal_quantile(0.9)


def test_an_undefined_statistic_has_no_p() -> None:
    p = max_t_adjusted_p([np.nan, 2.0, np.inf], np.array([[1.0, 3.0, 0.5]] * 3))
    np.testing.assert_array_equal(p, [np.nan, 0.5, 0.25])


@settings(deadline=None)
@given(st.floats(0.01, 0.99999))
def test_simultaneous_level_undoes_the_quantile(level: float) -> None:
    assert simultaneous_level(normal_quantile(level)) == pytest.approx(level, rel=1e-12)


def test_simultaneous_level_stays_a_level() -> None:
    for critical in (8.0, 9.0, 50.0, np.inf):
        assert np.isfinite(normal_quantile(simultaneous_level(critical)))
    assert np.isnan(simultaneous_level(float("nan")))
    for critical in (0.0, -1.0):
        with pytest.raises(ValueError, match="positive"):
            simultaneous_level(critical)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="shape"):
        simultaneous_critical_value(np.zeros(4), 0.95)
    with pytest.raises(ValueError, match="level"):
        simultaneous_critical_value(np.zeros((2, 4)), 1.0)
    with pytest.raises(ValueError, match="each contrast"):
        max_t_adjusted_p([1.0], np.zeros((2, 4)))
