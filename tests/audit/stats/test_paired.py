"""Paired tests and intervals: published tables, direct optimisation, and brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest

from audit.stats.paired import (
    clustered_mcnemar,
    mcnemar,
    paired_ratio_difference,
    tango_difference,
)


def test_mcnemar_of_the_approval_ratings() -> None:
    # Agresti, Categorical Data Analysis: 150 and 86 of 1,600 changed their mind.
    # R 4.2: mcnemar.test(matrix(c(794, 86, 150, 570), 2), correct = FALSE)
    found = mcnemar(150, 86)
    assert float(found.statistic) == pytest.approx(17.35593, abs=1e-5)
    assert float(found.exact_p) == pytest.approx(binomtest(86, 236).pvalue, rel=1e-10)


@given(st.integers(0, 60), st.integers(0, 60))
def test_exact_and_mid_p_are_binomial_tails(first: int, second: int) -> None:
    found = mcnemar(first, second)
    n = first + second
    if n == 0:
        assert np.isnan(found.exact_p)
        assert np.isnan(found.mid_p)
        return
    exact = binomtest(first, n).pvalue
    assert float(found.exact_p) == pytest.approx(exact, rel=1e-9)
    assert float(found.mid_p) <= float(found.exact_p) + 1e-12
    assert float(mcnemar(second, first).mid_p) == pytest.approx(float(found.mid_p), rel=1e-12)


def score_by_optimisation(b: int, c: int, n: int, d: float) -> float:
    """Score statistic of the difference d, nuisance parameter found by maximising likelihood."""

    def loss(q: float) -> float:  # q: only a; q + d: only b
        cells = ((b, q), (c, q + d), (n - b - c, 1 - 2 * q - d))
        return float(-sum(k * np.log(max(p, 1e-300)) for k, p in cells if k))

    low, high = max(0.0, -d) + 1e-13, (1 - d) / 2 - 1e-13
    q = float(minimize_scalar(loss, bounds=(low, high), method="bounded",
                              options={"xatol": 1e-13}).x)  # fmt: skip
    return float((c - b - n * d) / np.sqrt(n * (2 * q + d - d * d)))


@pytest.mark.parametrize(("b", "c", "n"), [(7, 2, 40), (0, 5, 30), (12, 12, 100), (3, 40, 60)])
def test_bounds_are_where_the_score_reaches_the_quantile(b: int, c: int, n: int) -> None:
    lower, upper = (float(v) for v in tango_difference(b, c, n))
    assert score_by_optimisation(b, c, n, lower) == pytest.approx(1.959964, abs=2e-4)
    assert score_by_optimisation(b, c, n, upper) == pytest.approx(-1.959964, abs=2e-4)
    assert lower < (c - b) / n < upper


def test_no_discordant_pair_is_not_certainty() -> None:
    lower, upper = (float(v) for v in tango_difference(0, 0, 50))
    z2 = 1.959963984540054**2
    assert (lower, upper) == pytest.approx((-z2 / (50 + z2), z2 / (50 + z2)), abs=1e-9)


@settings(max_examples=60)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 50))
def test_zero_is_inside_exactly_where_mcnemar_does_not_reject(b: int, c: int, more: int) -> None:
    n = b + c + more
    if b + c == 0:
        return
    lower, upper = (float(v) for v in tango_difference(b, c, n))
    p = float(mcnemar(b, c).p)
    if abs(p - 0.05) > 1e-9:
        assert (lower <= 0 <= upper) == (p > 0.05)
    swapped = tango_difference(c, b, n)
    assert (-float(swapped[1]), -float(swapped[0])) == pytest.approx((lower, upper), abs=1e-12)


def brute(change: NDArray[np.int64], owner: NDArray[np.int64]) -> float:
    sums = np.array([change[owner == k].sum() for k in np.unique(owner)], dtype=float)
    return float((len(sums) - 1) / len(sums) * sums.sum() ** 2 / (sums**2).sum())


def test_clustered_mcnemar_sums_by_patient() -> None:
    rng = np.random.default_rng(0)
    owner, change = rng.integers(0, 20, 90), rng.integers(-1, 2, 90)
    found = clustered_mcnemar(change, np.zeros(90, int), owner, 1)
    assert float(found.statistic[0]) == pytest.approx(brute(change, owner), rel=1e-12)


def test_the_difference_of_predictive_values_has_the_jackknife_variance() -> None:
    rng = np.random.default_rng(1)
    owner, y = rng.integers(0, 150, 400), (rng.random(400) < 0.4).astype(float)
    flagged = [(rng.random(400) < 0.3 + 0.4 * y).astype(float) for _ in range(2)]
    terms = [(y * f, f) for f in flagged]
    found = paired_ratio_difference(terms[0], terms[1], np.zeros(400, int), owner, 1)
    values = [top.sum() / bottom.sum() for top, bottom in terms]
    assert float(found.difference[0]) == pytest.approx(values[1] - values[0], abs=1e-12)
    left = []
    for k in np.unique(owner):
        kept = owner != k
        a, b = (top[kept].sum() / bottom[kept].sum() for top, bottom in terms)
        left.append(b - a)
    spread = np.array(left) - np.mean(left)
    jackknife = (len(left) - 1) / len(left) * (spread**2).sum()
    assert float(found.variance[0]) == pytest.approx(jackknife, rel=0.03)
