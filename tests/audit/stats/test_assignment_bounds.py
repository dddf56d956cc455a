"""Bounds over assignments of missing attributes, against every assignment there is."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audit.stats.assignment_bounds import (
    Bounds,
    GapBounds,
    auroc_bounds,
    difference_bounds,
    gap_bounds,
    gap_of_differences,
    mean_bounds,
    mean_difference_bounds,
    outer_difference_bounds,
    proportion_bounds,
    ratio_bounds,
)


def splits(total: int, levels: int) -> list[tuple[int, ...]]:
    """Ways of dealing `total` like rows out to the levels."""
    return [way for way in product(range(total + 1), repeat=levels) if sum(way) == total]


def all_rates(events: list[int], size: list[int], more: int, less: int) -> NDArray[Any]:
    """Proportions under every assignment, shape (assignments, levels)."""
    e, d = np.array(events), np.array(size)
    ways = [
        (e + np.array(up)) / (d + np.array(up) + np.array(down))
        for up in splits(more, e.size)
        for down in splits(less, e.size)
    ]
    return np.array(ways)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[int], list[int], int, int]:
    levels = draw(st.integers(2, 3))
    size = draw(st.lists(st.integers(1, 12), min_size=levels, max_size=levels))
    events = [draw(st.integers(0, d)) for d in size]
    return events, size, draw(st.integers(0, 4)), draw(st.integers(0, 4))


@settings(deadline=None)
@given(tables())
def test_proportions_are_exact(table: tuple[list[int], list[int], int, int]) -> None:
    rates = all_rates(*table)
    bounds = proportion_bounds(*table)
    np.testing.assert_allclose(bounds.lower, rates.min(axis=0), atol=1e-14)
    np.testing.assert_allclose(bounds.upper, rates.max(axis=0), atol=1e-14)


@settings(deadline=None)
@given(tables())
def test_differences_are_exact(table: tuple[list[int], list[int], int, int]) -> None:
    rates = all_rates(*table)
    differences = rates[:, :, None] - rates[:, None, :]
    bounds = difference_bounds(*table)
    np.testing.assert_allclose(bounds.lower, differences.min(axis=0), atol=1e-14)
    np.testing.assert_allclose(bounds.upper, differences.max(axis=0), atol=1e-14)


@settings(deadline=None)
@given(tables())
def test_ratios_are_exact(table: tuple[list[int], list[int], int, int]) -> None:
    rates = all_rates(*table)
    lower, upper = ratio_bounds(*table)
    for g, h in product(range(rates.shape[1]), repeat=2):
        defined = rates[:, h] > 0
        if defined.all():
            ratios = rates[:, g] / rates[:, h]
            assert lower[g, h] == pytest.approx(ratios.min(), abs=1e-14)
            assert upper[g, h] == pytest.approx(ratios.max(), abs=1e-14)
        elif g != h:
            # Where h can be at 0, the ratio has no bound above unless g is at 0 as well.
            assert np.isinf(upper[g, h]) or np.isnan(upper[g, h])


@settings(deadline=None)
@given(tables())
def test_gap_bounds(table: tuple[list[int], list[int], int, int]) -> None:
    rates = all_rates(*table)
    gaps = rates.max(axis=1) - rates.min(axis=1)
    bounds = gap_bounds(*table)
    assert bounds.upper == pytest.approx(gaps.max(), abs=1e-12)  # sharp
    assert bounds.lower <= gaps.min() + 1e-12  # valid
    assert bounds.reached >= gaps.min() - 1e-12
    assert np.min(np.abs(gaps - bounds.reached)) < 1e-12  # an assignment has it
    assert bounds.attained == (bounds.reached - bounds.lower <= 1e-12)
    if bounds.attained:
        assert bounds.lower == pytest.approx(gaps.min(), abs=1e-12)


@settings(deadline=None)
@given(tables())
def test_lower_gap_is_that_of_divisible_rows(
    table: tuple[list[int], list[int], int, int],
) -> None:
    """Cut every row into 400: whole assignments then come within a hair of the bound."""
    events, size, more, less = table
    fine = gap_bounds([400 * e for e in events], [400 * d for d in size], 400 * more, 400 * less)
    assert fine.lower == pytest.approx(gap_bounds(*table).lower, abs=1e-12)
    assert fine.reached - fine.lower < 0.01


def test_gap_by_hand() -> None:
    # Rates 1/10, 5/10, 9/10. Two missing events lift the lowest to 3/12, two missing non-events
    # lower the highest to 9/12: a gap of 1/2 that whole rows reach; the widest is 11/12 - 1/12.
    gap = gap_bounds([1, 5, 9], [10, 10, 10], 2, 2)
    np.testing.assert_allclose(gap[:3], [0.5, 10 / 12, 0.5], rtol=1e-12)
    assert gap.attained
    # Nothing missing: the gap is what it is.
    gap = gap_bounds([1, 5, 9], [10, 10, 10], 0, 0)
    np.testing.assert_allclose(gap[:3], 0.8, rtol=1e-12)
    assert gap.attained


def test_gap_that_no_whole_assignment_closes() -> None:
    # 1/3 against 1/2 with one event missing: 2/4 against 1/2 closes it.
    assert gap_bounds([1, 1], [3, 2], 1, 0) == GapBounds(0.0, 1 / 3, 0.0, True)
    # 0/2 against 1/2, one event missing: 1/3 at best, against 1/2.
    gap = gap_bounds([0, 1], [2, 2], 1, 0)
    assert gap.lower == pytest.approx(1 / 6)
    assert gap.attained
    # 0/2, 0/2, 2/2 and one event: half an event each would give a floor of 1/5, whole rows do not.
    gap = gap_bounds([0, 0, 2], [2, 2, 2], 1, 0)
    assert gap.lower == pytest.approx(0.8)
    assert gap.reached == pytest.approx(1.0)
    assert not gap.attained


def test_large_counts() -> None:
    # Thousands of missing rows: the assignment of whole rows is found without enumerating any.
    gap = gap_bounds([8000, 4100, 930], [10_000, 5_000, 1_000], 3_001, 2_003)
    assert gap.lower <= gap.reached <= gap.lower + 1e-3
    assert gap.upper == pytest.approx(7101 / 8001 - 930 / 3003, rel=1e-12)


def test_level_without_known_rows_is_left_out() -> None:
    bounds = proportion_bounds([1, 0, 3], [4, 0, 5], 1, 2)
    np.testing.assert_allclose(bounds.lower, [1 / 6, np.nan, 3 / 7])
    np.testing.assert_allclose(bounds.upper, [2 / 5, np.nan, 4 / 6])
    pairs = difference_bounds([1, 0, 3], [4, 0, 5], 1, 2)
    assert np.isnan(pairs.upper[1]).all()
    assert np.isnan(ratio_bounds([1, 0, 3], [4, 0, 5], 1, 2).upper[:, 1]).all()
    assert gap_bounds([1, 0, 3], [4, 0, 5], 1, 2) == gap_bounds([1, 3], [4, 5], 1, 2)
    alone = gap_bounds([1, 0], [4, 0], 1, 2)
    assert np.isnan(alone[:3]).all()
    assert not alone.attained


@pytest.mark.parametrize(
    ("events", "size", "more", "less"),
    [
        ([1, 2], [3], 0, 0),
        ([4, 2], [3, 3], 0, 0),
        ([1.5, 2], [3, 3], 0, 0),
        ([1, 2], [3, 3], -1, 0),
        ([1, 2], [3, 3], 0, 0.5),
        ([1, np.nan], [3, 3], 0, 0),
    ],
)
def test_bad_counts(events: Any, size: Any, more: float, less: float) -> None:
    for call in (proportion_bounds, difference_bounds, ratio_bounds, gap_bounds):
        with pytest.raises(ValueError, match="must"):
            call(events, size, more, less)


@st.composite
def values(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], int]:
    levels = draw(st.integers(2, 3))
    extra = draw(st.integers(0, 6))
    codes = list(range(levels)) + [draw(st.integers(0, levels - 1)) for _ in range(extra)]
    number = st.integers(-8, 8).map(lambda x: x / 4)
    known = [draw(number) for _ in codes]
    missing = draw(st.lists(number, max_size=5))
    return np.array(known), np.array(codes), np.array(missing, dtype=float), levels


def all_means(
    value: NDArray[Any], codes: NDArray[Any], missing: NDArray[Any], levels: int
) -> NDArray[Any]:
    """Means under every assignment, shape (assignments, levels)."""
    ways = []
    for way in product(range(levels), repeat=missing.size):
        c = np.concatenate((codes, np.array(way, dtype=int)))
        v = np.concatenate((value, missing))
        ways.append([v[c == g].mean() for g in range(levels)])
    return np.array(ways)


@settings(deadline=None)
@given(values())
def test_means_and_their_differences_are_exact(
    data: tuple[NDArray[Any], NDArray[Any], NDArray[Any], int],
) -> None:
    means = all_means(*data)
    bounds = mean_bounds(*data)
    np.testing.assert_allclose(bounds.lower, means.min(axis=0), atol=1e-12)
    np.testing.assert_allclose(bounds.upper, means.max(axis=0), atol=1e-12)
    differences = means[:, :, None] - means[:, None, :]
    pairs = mean_difference_bounds(*data)
    np.testing.assert_allclose(pairs.lower, differences.min(axis=0), atol=1e-12)
    np.testing.assert_allclose(pairs.upper, differences.max(axis=0), atol=1e-12)
    gaps = means.max(axis=1) - means.min(axis=1)
    lower, upper = gap_of_differences(pairs)
    assert upper == pytest.approx(gaps.max(), abs=1e-12)
    assert lower <= gaps.min() + 1e-12


def test_means_of_proportions_are_the_proportions() -> None:
    value = np.array([1.0] * 3 + [0.0] * 5 + [1.0] * 2 + [0.0] * 2)
    codes = np.repeat([0, 1], [8, 4])
    missing = np.array([1.0, 0.0, 0.0])
    counts: Any = ([3, 2], [8, 4], 1, 2)
    for means, rates in (
        (mean_bounds(value, codes, missing, 2), proportion_bounds(*counts)),
        (mean_difference_bounds(value, codes, missing, 2), difference_bounds(*counts)),
    ):
        np.testing.assert_allclose(means.lower, rates.lower, rtol=1e-14)
        np.testing.assert_allclose(means.upper, rates.upper, rtol=1e-14)


def test_mean_level_without_known_rows() -> None:
    bounds = mean_bounds([0.5], [0], [1.0], 2)
    np.testing.assert_allclose(bounds.upper, [0.75, np.nan])
    pairs = mean_difference_bounds([0.5], [0], [1.0], 2)
    assert np.isnan(pairs.upper[[0, 1, 1], [1, 0, 1]]).all()
    assert np.isnan(gap_of_differences(pairs)).all()
    with pytest.raises(ValueError, match="finite"):
        mean_bounds([np.nan], [0], [1.0], 2)
    with pytest.raises(ValueError, match="rows"):
        mean_bounds([0.5], [0, 1], [1.0], 2)


def area(score: NDArray[Any], label: NDArray[Any]) -> float:
    x, y = score[label == 1], score[label == 0]
    return float(np.mean((x[:, None] > y) + 0.5 * (x[:, None] == y)))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 1), st.integers(0, 1)), min_size=4, max_size=10
    ),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), max_size=5),
)
def test_auroc_bounds_hold(
    known: list[tuple[int, int, int]], missing: list[tuple[int, int]]
) -> None:
    rows = [(0, 0, 0), (5, 1, 0), (1, 0, 1), (4, 1, 1), *known]
    score, label, level = (np.array(column) for column in zip(*rows, strict=True))
    p = np.array([np.sum((level == g) & (label == 1)) for g in (0, 1)])
    n = np.array([np.sum((level == g) & (label == 0)) for g in (0, 1)])
    a = [area(score[level == g], label[level == g]) for g in (0, 1)]
    more = sum(y for _, y in missing)
    bounds = auroc_bounds(a, p, n, more, len(missing) - more)
    pairs = outer_difference_bounds(bounds)
    lower, upper = gap_of_differences(pairs)
    for way in product((0, 1), repeat=len(missing)):
        s = np.concatenate((score, [x for x, _ in missing]))
        y = np.concatenate((label, [z for _, z in missing]))
        g = np.concatenate((level, way))
        areas = np.array([area(s[g == h], y[g == h]) for h in (0, 1)])
        assert np.all((bounds.lower - 1e-12 <= areas) & (areas <= bounds.upper + 1e-12))
        assert pairs.lower[0, 1] - 1e-12 <= areas[0] - areas[1] <= pairs.upper[0, 1] + 1e-12
        assert lower - 1e-12 <= abs(areas[0] - areas[1]) <= upper + 1e-12


def test_auroc_by_hand() -> None:
    # 4 x 5 known pairs at 0.8 of 6 x 8: the 28 new pairs all right, or all wrong.
    bounds = auroc_bounds([0.8, 0.9], [4, 0], [5, 3], 2, 3)
    np.testing.assert_allclose(bounds.lower, [16 / 48, np.nan])
    np.testing.assert_allclose(bounds.upper, [44 / 48, np.nan])
    nothing = auroc_bounds([0.8], [4], [5], 0, 0)
    np.testing.assert_allclose([nothing.lower[0], nothing.upper[0]], 0.8)
    assert np.isnan(outer_difference_bounds(bounds).upper[0, 1])


@pytest.mark.parametrize(
    ("a", "p", "n", "more"),
    [([1.2], [1], [1], 0), ([0.5], [-1], [1], 0), ([0.5], [1], [1], -1), ([0.5], [1, 2], [1], 0)],
)
def test_bad_auroc(a: Any, p: Any, n: Any, more: float) -> None:
    with pytest.raises(ValueError, match="must"):
        auroc_bounds(a, p, n, more, 0)


def test_bounds_do_not_depend_on_the_order_of_levels() -> None:
    forward = gap_bounds([2, 7, 4], [9, 11, 5], 3, 2)
    back = gap_bounds([4, 7, 2], [5, 11, 9], 3, 2)
    np.testing.assert_allclose(forward[:3], back[:3], atol=1e-12)
    bounds: Bounds = difference_bounds([2, 7, 4], [9, 11, 5], 3, 2)
    np.testing.assert_allclose(bounds.lower, -bounds.upper.T)
