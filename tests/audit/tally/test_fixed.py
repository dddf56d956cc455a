"""Fixed-point sums: exact, whatever the order and grouping."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.tally.fixed import BITS, RESOLUTION, Fixed, fixed_sums, from_integers, joined

TERMS = st.lists(
    st.floats(-1e6, 1e6, allow_nan=False) | st.floats(-1, 1) | st.sampled_from([-1e-300, 1e9, 0.5]),
    min_size=1,
    max_size=30,
)


def exact(numbers: Fixed) -> list[Fraction]:
    return [Fraction(units, 1 << BITS) for row in numbers.integers() for units in row]


@given(TERMS, st.integers(1, 4), st.randoms())
def test_sum_is_within_the_stated_resolution(
    terms: list[float], groups: int, random: object
) -> None:
    del random
    group = np.arange(len(terms)) % groups
    found = exact(fixed_sums(np.array(terms)[:, None], group, groups))
    for g in range(groups):
        mine = terms[g::groups]
        truth = sum((Fraction(t) for t in mine), Fraction(0))
        assert abs(found[g] - truth) <= len(mine) * Fraction(RESOLUTION)


@given(TERMS, st.lists(st.integers(0, 3), min_size=30, max_size=30), st.randoms())
def test_order_and_grouping_do_not_matter(
    terms: list[float], shard: list[int], random: object
) -> None:
    values = np.array(terms)[:, None]
    whole = fixed_sums(values, np.zeros(len(terms), np.int64), 1)
    order = list(range(len(terms)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = fixed_sums(values[order], np.zeros(len(terms), np.int64), 1)
    parts = [
        fixed_sums(values[mine], np.zeros(mine.size, np.int64), 1)
        for k in range(4)
        if (mine := np.flatnonzero(np.array(shard[: len(terms)]) == k)).size
    ]
    merged = joined(parts).added(np.zeros(len(parts), np.int64), 1)
    assert whole.integers() == shuffled.integers() == merged.integers()


def test_numbers_are_in_lowest_terms_and_read_back() -> None:
    sums = fixed_sums(np.array([[0.5, -1e-20], [0.5, 2.75]]), np.array([0, 0]), 2)
    assert sums.whole.tolist() == [[1, 2], [0, 0]]
    assert (sums.fraction >= 0).all()
    assert (sums.fraction < 1 << BITS).all()
    assert sums.value.tolist() == [[1.0, 2.75], [0.0, 0.0]]
    again = from_integers(sums.integers(), (2, 2))
    assert np.array_equal(again.whole, sums.whole)
    assert np.array_equal(again.fraction, sums.fraction)


def test_many_terms_do_not_overflow() -> None:
    terms = np.full((300_000, 1), 1 - 2.0**-53)
    sums = fixed_sums(terms, np.zeros(300_000, np.int64), 1)
    assert sums.value[0, 0] == pytest.approx(300_000, rel=1e-15)
    more = joined([sums] * 5000).added(np.zeros(5000, np.int64), 1)
    assert more.integers()[0][0] == 5000 * sums.integers()[0][0]


def test_more_than_the_integers_hold_is_an_overflow() -> None:
    with pytest.raises(OverflowError):
        from_integers([(1 << 63) << BITS], (1,))


def test_no_columns() -> None:
    assert fixed_sums(np.zeros((3, 0)), np.zeros(3, np.int64), 2).value.shape == (2, 0)
