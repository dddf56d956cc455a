"""Wilson and Newcombe intervals against published tables and their own laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.stats.proportions import newcombe_difference, wilson

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
    from scipy.special import ndtri

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
