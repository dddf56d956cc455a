"""Intervals of proportions and their differences against published tables and their own laws."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import bdtr, bdtrc, ndtri

from audit.stats.proportions import (
    clopper_pearson,
    jeffreys,
    newcombe_difference,
    newcombe_paired_difference,
    wilson,
)

# Newcombe 1998, Stat Med 17:857-872, table I, method 3 (score, no continuity correction).
SINGLE = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
]

# Newcombe 1998, Stat Med 17:873-890, table II, method 10 (hybrid score), contrasts (a) to (h).
DIFFERENCE = [
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926),
    (0, 10, 0, 20, -0.1611, 0.2775),
    (0, 10, 0, 10, -0.2775, 0.2775),
    (10, 10, 0, 20, 0.6791, 1.0000),
    (10, 10, 0, 10, 0.6075, 1.0000),
]

# R 4.2.2: binom.test(x, n, conf.level=level)$conf.int, then
# qbeta(c(a, 1 - a), x + 0.5, n - x + 0.5) with a = (1 - level) / 2, and 0 or 1 at the ends.
BETA = [
    (81, 263, 0.95, 0.252736745585271, 0.367621922601351, 0.254521934991023, 0.365647499174082),
    (81, 263, 0.90, 0.261055746009112, 0.358178495575784, 0.262861479707775, 0.356213613588293),
    (15, 148, 0.95, 0.0578440100834486, 0.161650490349479, 0.0604485170092964, 0.157643143478741),
    (0, 20, 0.95, 0, 0.168433470983085, 0, 0.116638982904875),
    (0, 20, 0.90, 0, 0.139108340668265, 0, 0.0904764265378722),
    (1, 29, 0.95, 0.000872646883579923, 0.177644295488723, 0.00374617364905708, 0.150077686002232),
    (1, 29, 0.90, 0.00176717100054953, 0.153392024526183, 0.00610079323734786, 0.127096493009807),
    (29, 29, 0.95, 0.880555130930497, 1, 0.917713517076176, 1),
    (7, 10, 0.95, 0.347547149940003, 0.933260488822266, 0.394181681851329, 0.907305406061847),
    (7, 10, 0.90, 0.393375783894586, 0.91273556608585, 0.441873233515366, 0.88267062331979),
    (1, 1, 0.95, 0.025, 1, 0.146746316309575, 1),
    (4990, 5000, 0.95, 0.99632501451914, 0.999040518682251, 0.996455035340392, 0.998971261660298),
]

# contingencytables 3.0.0 in R 4.2.2:
# Newcombe_square_and_add_CI_paired_2x2(matrix(c(a, b, c, d), 2, byrow=TRUE), 1 - level).
PAIRED = [
    (1, 1, 7, 12, 0.95, -0.5069202266861409, -0.02555912416485984),
    (59, 6, 16, 80, 0.95, -0.1186211956387099, -0.004625113933050061),
    (59, 6, 16, 80, 0.90, -0.1097448428717901, -0.01378599079316845),
    (14, 5, 0, 22, 0.95, 0.01148324138303328, 0.2264926843512112),
    (53, 16, 8, 9, 0.95, -0.020104076887636, 0.203915835250453),
    (3, 20, 1, 3, 0.90, 0.4883098053450289, 0.823191432731022),
    (10, 0, 0, 10, 0.95, -0.08975665937768049, 0.08975665937768049),
    (0, 0, 0, 12, 0.95, -0.2424940066552408, 0.2424940066552408),
    (0, 6, 5, 0, 0.95, -0.4398169251813559, 0.5745745675508047),
    (20, 0, 3, 0, 0.95, -0.3212748227009595, 0.03605023908172833),
    (40, 12, 9, 2, 0.95, -0.09564692633668173, 0.1888574674625843),
]


def test_wilson_published() -> None:
    x, n, low, high = np.array(SINGLE).T
    lower, upper = wilson(x, n, 0.95)
    np.testing.assert_allclose(lower, low, atol=5.1e-5)
    np.testing.assert_allclose(upper, high, atol=5.1e-5)


def test_newcombe_published() -> None:
    x1, n1, x2, n2, low, high = np.array(DIFFERENCE).T
    lower, upper = newcombe_difference(x1, n1, x2, n2, 0.95)
    np.testing.assert_allclose(lower, low, atol=5.1e-5)
    np.testing.assert_allclose(upper, high, atol=5.1e-5)


def test_wilson_bounds_solve_the_score_equation() -> None:
    x, n = np.array([3.0, 17.5, 1.0]), np.array([11.0, 40.2, 900.0])
    z2 = ndtri(0.95) ** 2
    for bound in wilson(x, n, 0.90):
        np.testing.assert_allclose((x / n - bound) ** 2, z2 * bound * (1 - bound) / n, rtol=1e-10)


def test_ends_are_exact_and_never_a_point() -> None:
    lower, upper = wilson([0, 7, 0, 5e5], [7, 7, 0.5, 5e5], 0.95)
    assert lower[0] == 0.0
    assert upper[1] == 1.0
    assert upper[3] == 1.0
    assert np.all(upper > lower)


def test_empty_denominator_is_nan_not_zero() -> None:
    assert np.all(np.isnan(wilson(0, 0)))
    assert np.all(np.isnan(newcombe_difference(0, 0, 3, 5)))
    assert np.all(np.isnan(newcombe_difference(3, 5, 0, 0)))
    assert np.all(np.isnan(wilson(np.nan, 5)))


def test_rounding_of_effective_counts_is_forgiven() -> None:
    assert wilson(3.0000000000000004, 3)[1] == 1.0
    assert wilson(-1e-16, 3)[0] == 0.0


@pytest.mark.parametrize(
    ("events", "n", "level"),
    [(4, 3, 0.95), (-1, 3, 0.95), (0, -1, 0.95), (1, np.inf, 0.95), (1, 3, 1.0), (1, 3, 0.0)],
)
def test_bad_arguments(events: float, n: float, level: float) -> None:
    with pytest.raises(ValueError, match=r"must"):
        wilson(events, n, level)


counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.floats(0.5, 0.999))
def test_wilson_mirror_and_containment(pair: tuple[int, int], level: float) -> None:
    x, n = pair
    lower, upper = wilson(x, n, level)
    mirror_lower, mirror_upper = wilson(n - x, n, level)
    np.testing.assert_allclose([lower, upper], [1 - mirror_upper, 1 - mirror_lower], atol=1e-12)
    assert 0 <= lower <= x / n <= upper <= 1
    assert lower < upper


@given(counts, counts)
def test_newcombe_antisymmetric(one: tuple[int, int], two: tuple[int, int]) -> None:
    lower, upper = newcombe_difference(*one, *two)
    swapped_lower, swapped_upper = newcombe_difference(*two, *one)
    np.testing.assert_allclose([lower, upper], [-swapped_upper, -swapped_lower], atol=1e-12)
    assert lower <= one[0] / one[1] - two[0] / two[1] <= upper
    assert lower < upper


@pytest.mark.parametrize("row", BETA)
def test_exact_and_jeffreys_agree_with_r(row: tuple[float, ...]) -> None:
    x, n, level, *figures = row
    np.testing.assert_allclose(clopper_pearson(x, n, level), figures[:2], rtol=1e-12)
    np.testing.assert_allclose(jeffreys(x, n, level), figures[2:], rtol=1e-12)


def test_exact_and_jeffreys_work_on_many_strata_at_once() -> None:
    x, n, _, exact_low, exact_high, low, high = np.array([r for r in BETA if r[2] == 0.95]).T
    np.testing.assert_allclose(clopper_pearson(x, n), (exact_low, exact_high), rtol=1e-12)
    np.testing.assert_allclose(jeffreys(x[:, None], n[:, None])[1][:, 0], high, rtol=1e-12)
    assert jeffreys(x[:, None], n[:, None])[0].shape == (x.size, 1)
    np.testing.assert_allclose(jeffreys(x, n)[0], low, rtol=1e-12)


@pytest.mark.parametrize("interval", [clopper_pearson, jeffreys])
def test_beta_intervals_are_nan_without_rows_and_check_arguments(interval: Any) -> None:
    assert np.all(np.isnan(interval(0, 0)))
    assert np.all(np.isnan(interval(np.nan, 5)))
    np.testing.assert_array_equal(np.isnan(interval([0, 1, 0], [0, 2, 3]))[0], [True, False, False])
    for events, n, level in [(4, 3, 0.95), (-1, 3, 0.95), (0, -1, 0.95), (1, 3, 1.0)]:
        with pytest.raises(ValueError, match="must"):
            interval(events, n, level)


@settings(deadline=None)
@given(counts, st.floats(0.5, 0.999))
def test_clopper_pearson_inverts_the_binomial_tails(pair: tuple[int, int], level: float) -> None:
    x, n = pair
    lower, upper = (float(bound) for bound in clopper_pearson(x, n, level))
    if x > 0:
        assert bdtrc(x - 1, n, lower) == pytest.approx((1 - level) / 2, rel=1e-8)
    if x < n:
        assert bdtr(x, n, upper) == pytest.approx((1 - level) / 2, rel=1e-8)
    assert lower < upper


@settings(deadline=None)
@given(counts, st.floats(0.8, 0.999))
def test_jeffreys_mirror_and_lies_inside_clopper_pearson(
    pair: tuple[int, int], level: float
) -> None:
    x, n = pair
    lower, upper = jeffreys(x, n, level)
    mirror_lower, mirror_upper = jeffreys(n - x, n, level)
    np.testing.assert_allclose([lower, upper], [1 - mirror_upper, 1 - mirror_lower], atol=1e-12)
    exact_lower, exact_upper = clopper_pearson(x, n, level)
    assert exact_lower <= lower <= x / n <= upper <= exact_upper


@pytest.mark.parametrize("row", PAIRED)
def test_paired_difference_agrees_with_contingencytables(row: tuple[float, ...]) -> None:
    a, b, c, d, level, low, high = row
    lower, upper = newcombe_paired_difference(a, b, c, d, level)
    np.testing.assert_allclose([lower, upper], [low, high], atol=1e-13)


def test_paired_difference_published() -> None:
    # Fagerland, Lydersen and Laake 2014, DOI 10.1002/sim.6148 (airway hyper-responsiveness before
    # and after stem cell transplantation); Altman et al. 2000, Statistics with Confidence, chapter
    # 6, table 6.2.
    a, b, c, d = np.array([(1, 1, 7, 12), (14, 5, 0, 22)]).T
    lower, upper = newcombe_paired_difference(a, b, c, d)
    np.testing.assert_allclose(lower, [-0.507, 0.011], atol=5.1e-4)
    np.testing.assert_allclose(upper, [-0.026, 0.226], atol=5.1e-4)


def test_paired_difference_at_the_ends() -> None:
    lower, upper = newcombe_paired_difference([0, 0], [9, 0], [0, 0], [0, 0])
    assert (lower[0] < 1.0) & (upper[0] == 1.0)
    assert np.isnan(lower[1]) & np.isnan(upper[1])
    assert np.isnan(newcombe_paired_difference(1, np.nan, 1, 1)[0])
    for bad in [(-1, 2, 2, 2), (1, np.inf, 2, 2)]:
        with pytest.raises(ValueError, match="pairs must be"):
            newcombe_paired_difference(*bad)


tables = st.tuples(*(st.integers(0, 60) for _ in range(4))).filter(any)


@settings(deadline=None)
@given(tables, st.floats(0.5, 0.999))
def test_paired_difference_mirrors_and_ignores_the_order_of_the_classes(
    table: tuple[int, int, int, int], level: float
) -> None:
    a, b, c, d = table
    lower, upper = newcombe_paired_difference(a, b, c, d, level)
    swapped = newcombe_paired_difference(a, c, b, d, level)
    np.testing.assert_allclose([lower, upper], [-swapped[1], -swapped[0]], atol=1e-12)
    other = newcombe_paired_difference(d, b, c, a, level)
    np.testing.assert_allclose([lower, upper], other, atol=1e-12)
    assert lower < upper
    assert lower - 1e-12 <= (b - c) / (a + b + c + d) <= upper + 1e-12


@settings(deadline=None)
@given(tables)
def test_paired_difference_without_correlation_is_the_unpaired_one(
    table: tuple[int, int, int, int],
) -> None:
    a, b, c, d = table
    n = a + b + c + d
    if 0 <= a * d - b * c <= n / 2:
        np.testing.assert_allclose(
            newcombe_paired_difference(a, b, c, d),
            newcombe_difference(a + b, n, a + c, n),
            atol=1e-12,
        )
