"""MOVER: Newcombe's published table, the normal case in closed form, and coverage by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.stats.mover import mover_difference
from audit.stats.proportions import newcombe_difference, wilson

# Newcombe 1998, Stat Med 17:873-890, table II, method 10 (hybrid score), contrasts (a) to (d).
PUBLISHED = [
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926),
]
units = st.floats(-3, 3)
widths = st.floats(0, 2)


@pytest.mark.parametrize(("x1", "n1", "x2", "n2", "low", "high"), PUBLISHED)
def test_of_wilson_intervals_it_gives_the_published_limits(
    x1: int, n1: int, x2: int, n2: int, low: float, high: float
) -> None:
    one = (x1 / n1, *wilson(x1, n1))
    two = (x2 / n2, *wilson(x2, n2))
    lower, upper = mover_difference(one, two)
    assert (float(lower), float(upper)) == pytest.approx((low, high), abs=5.1e-5)
    again = newcombe_difference(x1, n1, x2, n2)
    assert (lower, upper) == pytest.approx(again, abs=1e-12)


@given(units, widths, units, widths)
def test_of_symmetric_intervals_it_is_the_root_of_the_squares(
    a: float, half_a: float, b: float, half_b: float
) -> None:
    lower, upper = mover_difference((a, a - half_a, a + half_a), (b, b - half_b, b + half_b))
    half = np.sqrt(half_a**2 + half_b**2)
    assert (float(lower), float(upper)) == pytest.approx((a - b - half, a - b + half), abs=1e-9)


@given(units, widths, widths, units, widths, widths)
def test_swapping_the_two_turns_the_interval_round(
    a: float, below_a: float, above_a: float, b: float, below_b: float, above_b: float
) -> None:
    one, two = (a, a - below_a, a + above_a), (b, b - below_b, b + above_b)
    lower, upper = mover_difference(one, two)
    low, high = mover_difference(two, one)
    assert (float(lower), float(upper)) == (-float(high), -float(low))
    assert lower <= a - b <= upper
    # Never narrower than either part alone, never wider than the two laid end to end.
    assert a - b - lower <= below_a + above_b + 1e-9
    assert a - b - lower >= max(abs(a - one[1]), abs(two[2] - b)) - 1e-9


def test_a_missing_bound_gives_none_and_a_reversed_one_is_refused() -> None:
    assert np.isnan(mover_difference((0.5, np.nan, 0.6), (0.4, 0.3, 0.5))[0])
    with pytest.raises(ValueError, match="above its upper"):
        mover_difference((0.5, 0.7, 0.6), (0.4, 0.3, 0.5))


def test_it_covers_the_difference_of_two_skewed_proportions() -> None:
    rng = np.random.default_rng(20260131)
    p, q, n, m = 0.93, 0.85, 60, 90
    x, y = rng.binomial(n, p, 20_000), rng.binomial(m, q, 20_000)
    lower, upper = mover_difference((x / n, *wilson(x, n)), (y / m, *wilson(y, m)))
    covered = float(np.mean((lower <= p - q) & (p - q <= upper)))
    assert 0.94 < covered < 0.975
