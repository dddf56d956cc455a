"""Direct standardisation against a printed table, numerical derivatives and the jackknife."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audit.stats.decomposition import decompose
from audit.stats.linear import interval, ratio, ratio_influence
from audit.stats.standardisation import Standardised, standardise

# Fleiss 1981, Statistical Methods for Rates and Proportions, table 14.4 (Stark and Mantel 1966,
# DOI 10.1093/jnci/37.5.687): live births and Down syndrome by birth order (rows: 1 to 5 and over)
# and age of the mother (under 20, 20-24, ..., 40 and over), Michigan 1950-1964.
BIRTHS = np.array(
    [
        [230061, 329449, 114920, 39487, 14208, 3052],
        [72202, 326701, 208667, 83228, 28466, 5375],
        [15050, 175702, 207081, 117300, 45026, 8660],
        [2293, 68800, 132424, 98301, 46075, 9834],
        [327, 30666, 123419, 149919, 104088, 34392],
    ],
    dtype=float,
)
CASES = np.array(
    [
        [107, 141, 60, 40, 39, 25],
        [25, 150, 110, 84, 82, 39],
        [3, 71, 114, 103, 108, 75],
        [1, 26, 64, 89, 137, 96],
        [0, 8, 63, 112, 262, 295],
    ],
    dtype=float,
)
GROUP, AGE = np.repeat(np.arange(5), 6), np.tile(np.arange(6), 5)


def test_down_syndrome_by_birth_order() -> None:
    fit = standardise(CASES.ravel(), BIRTHS.ravel(), GROUP, AGE, np.arange(30), 5, 6, 0)
    # Table 1 of Fay and Feuer 1997, DOI
    # 10.1002/(SICI)1097-0258(19970415)16:7<791::AID-SIM500>3.0.CO;2-#, as epitools recreates it
    # (ageadjust.direct with the summed births as standard): 92.3 for first births; dsrTest 1.0.0
    # prints 75.52901 for birth order 5 and over, 1e5 births.
    assert round(1e5 * fit.value[0], 1) == 92.3
    assert 1e5 * fit.value[4] == pytest.approx(75.52901, abs=5e-6)
    assert round(1e5 * fit.crude[0], 1) == 56.3
    # The crude rate triples from the first to the fifth birth; at equal ages it does not rise.
    assert fit.crude[4] > 2.9 * fit.crude[0]
    assert fit.difference[4] < 0
    assert (fit.covered, fit.standard_covered) == (1.0, 1.0)
    same = standardise(
        CASES.ravel(), BIRTHS.ravel(), GROUP, AGE, np.arange(30), 5, 6, 0, standard=BIRTHS.sum(0)
    )
    np.testing.assert_allclose(same.value, fit.value, rtol=1e-12)


Rows = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
WEIGHTS = np.array([3.0, 1.0, 2.0, 5.0])


def sample(seed: int, patients: int) -> Rows:
    """Rows of patients in three groups; group 2 does not occur in cell 3."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, patients)
    frail = rng.normal(0, 1, patients)
    c = np.repeat(np.arange(patients), rng.integers(1, 4, patients))
    cell = np.where(group[c] == 2, rng.integers(0, 3, c.size), rng.integers(0, 4, c.size))
    b = rng.integers(0, 3, c.size).astype(float)
    p = 1 / (1 + np.exp(-(0.4 * cell - 0.5 * group[c] + frail[c])))
    return rng.binomial(b.astype(int), p).astype(float), b, group[c], cell, c


def fitted(rows: Rows, standard: NDArray[Any] | None) -> Standardised:
    a, b, g, k, c = rows
    return standardise(a, b, g, k, c, 3, 4, 1, standard=standard)


def brute(rows: Rows, standard: NDArray[Any] | None) -> NDArray[Any]:
    """Standardised ratios and differences to group 1, by loops over groups and cells."""
    a, b, g, k, _ = rows
    cells = [q for q in range(4) if all(b[(g == h) & (k == q)].sum() > 0 for h in range(3))]
    weight = np.array([b[k == q].sum() if standard is None else standard[q] for q in cells])
    theta = []
    for h in range(3):
        r = [a[(g == h) & (k == q)].sum() / b[(g == h) & (k == q)].sum() for q in cells]
        theta.append(float(np.dot(weight, r) / weight.sum()))
    return np.array(theta + [t - theta[1] for t in theta])


def both(fit: Standardised) -> NDArray[Any]:
    return np.concatenate((fit.value, fit.difference))


@pytest.mark.parametrize("standard", [None, WEIGHTS])
def test_values_and_coverage(standard: NDArray[Any] | None) -> None:
    rows = sample(1, 200)
    fit = fitted(rows, standard)
    np.testing.assert_allclose(both(fit), brute(rows, standard), rtol=1e-12)
    np.testing.assert_array_equal(fit.supported, [True, True, True, False])
    inside = rows[3] < 3
    assert fit.covered == pytest.approx(rows[1][inside].sum() / rows[1].sum(), rel=1e-12)
    expected = fit.covered if standard is None else 6 / 11
    assert fit.standard_covered == pytest.approx(expected, rel=1e-12)
    assert fit.weight.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("standard", [None, WEIGHTS])
def test_variance_is_the_infinitesimal_jackknife(standard: NDArray[Any] | None) -> None:
    """Numerical derivative of every value and difference in every patient's weight."""
    a, b, g, k, c = sample(3, 70)
    fit = fitted((a, b, g, k, c), standard)
    moves = []
    for patient in np.unique(c):
        w = np.where(c == patient, 1e-5, 0.0)
        up = brute((a * (1 + w), b * (1 + w), g, k, c), standard)
        down = brute((a * (1 - w), b * (1 - w), g, k, c), standard)
        moves.append((up - down) / 2e-5)
    square = (np.array(moves) ** 2).sum(axis=0)
    inside = (k < 3) & (b > 0)
    own = np.array([np.unique(c[inside & (g == h)]).size for h in range(3)])
    union = np.array([np.unique(c[inside & ((g == h) | (g == 1))]).size for h in range(3)])
    np.testing.assert_array_equal(fit.clusters, own)
    np.testing.assert_array_equal(fit.difference_clusters, union)
    np.testing.assert_allclose(fit.variance, square[:3] * own / (own - 1), rtol=1e-7)
    found, expected = fit.difference_variance, square[3:] * union / (union - 1)
    np.testing.assert_allclose(found[[0, 2]], expected[[0, 2]], rtol=1e-7)
    assert found[1] == 0
    lower, upper = interval(fit.difference, found, union)
    np.testing.assert_allclose(fit.difference_lower, lower, rtol=1e-12)
    np.testing.assert_allclose(fit.difference_upper, upper, rtol=1e-12)
    assert np.isnan(fit.difference_lower[1])


@pytest.mark.parametrize("standard", [None, WEIGHTS])
def test_variance_agrees_with_the_jackknife(standard: NDArray[Any] | None) -> None:
    a, b, g, k, c = sample(4, 900)
    fit = fitted((a, b, g, k, c), standard)
    people = np.unique(c)
    left = []
    for p in people:
        kept = c != p
        left.append(brute((a[kept], b[kept], g[kept], k[kept], c[kept]), standard))
    spread = np.var(left, axis=0) * (people.size - 1)
    np.testing.assert_allclose(fit.variance, spread[:3], rtol=0.04)
    np.testing.assert_allclose(fit.difference_variance[[0, 2]], spread[[3, 5]], rtol=0.04)


def test_one_cell_is_the_crude_ratio() -> None:
    a, b, g, _, c = sample(6, 80)
    fit = standardise(a, b, g, np.zeros_like(g), c, 3, 1, 0, scale="logit")
    np.testing.assert_allclose(fit.value, ratio(a, b, g, 3), rtol=1e-12)
    np.testing.assert_allclose(fit.crude, fit.value, rtol=1e-12)
    u = ratio_influence(a, b, g, 3)
    for h in range(3):
        kept = g == h
        people = np.unique(c[kept & (b > 0)]).size
        total = np.bincount(c[kept], weights=u[kept])
        expected = people / (people - 1) * np.sum(total**2)
        assert fit.variance[h] == pytest.approx(expected, rel=1e-10)
    lower, upper = interval(fit.value, fit.variance, fit.clusters, 0.95, "logit")
    np.testing.assert_allclose((fit.lower, fit.upper), (lower, upper), rtol=1e-12)


def test_mean_of_both_compositions_gives_kitagawas_within_part() -> None:
    a, b, g, k, c = sample(7, 300)
    two = g < 2
    share = np.array([[b[(g == h) & (k == q)].sum() for q in range(4)] for h in range(2)])
    share = share / share.sum(axis=1, keepdims=True)
    group = np.where(two, g, -1)
    fit = standardise(a, b, group, k, c, 2, 4, 0, standard=share.mean(axis=0))
    split = decompose(a, b, group, k, c, 4)
    assert fit.difference[1] == pytest.approx(split.within.value, rel=1e-10)


def test_absent_group_is_not_compared() -> None:
    a, b, g, k, c = sample(8, 100)
    fit = standardise(a, b, np.where(g == 2, -1, g), k, c, 3, 4, 0)
    assert np.isnan([fit.value[2], fit.variance[2], fit.lower[2], fit.difference[2]]).all()
    assert fit.supported.all()  # cell 3 is back, now that only groups 0 and 1 are compared
    two = standardise(a, b, np.where(g == 2, -1, g), k, c, 2, 4, 0)
    np.testing.assert_allclose(fit.value[:2], two.value, rtol=1e-12)
    missing = standardise(a, b, np.where(g == 2, -1, g), k, c, 3, 4, 2)
    assert np.isfinite(missing.value[:2]).all()
    assert np.isnan(missing.difference).all()
    assert np.isnan(missing.difference_lower).all()


def test_no_common_support_is_undefined() -> None:
    fit = standardise([1.0, 0], [1.0, 1], [0, 1], [0, 1], [0, 1], 2, 2, 0)
    assert np.isnan(both(fit)).all()
    assert fit.covered == 0
    np.testing.assert_array_equal(fit.crude, [1, 0])
    weightless = standardise([1.0, 0], [1.0, 1], [0, 1], [0, 0], [0, 1], 2, 2, 0, standard=[0, 1])
    assert np.isnan(both(weightless)).all()
    none = np.array([], dtype=int)
    assert np.isnan(standardise([], [], none, none, none, 2, 2, 0).value).all()


@settings(deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_row_order_and_weight_scale_do_not_matter(seed: int, random: Any) -> None:
    a, b, g, k, c = sample(seed, 12)
    order = random.sample(range(a.size), a.size)
    for standard in (None, WEIGHTS):
        one = fitted((a, b, g, k, c), standard)
        other = None if standard is None else 7 * standard
        two = fitted((a[order], b[order], g[order], k[order], 2 * c[order]), other)
        for name in ("value", "variance", "difference", "difference_upper", "lower"):
            x, y = getattr(one, name), getattr(two, name)
            np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("numerator", [np.nan, 1.0]),
        ("denominator", [1.0, -1.0]),
        ("group", [0, 2]),
        ("group", [0.0, 1.0]),
        ("cell", [0, 2]),
        ("reference", 2),
        ("standard", [1.0]),
        ("standard", [1.0, -1.0]),
        ("level", 1.0),
        ("scale", "square"),
    ],
)
def test_bad_arguments(change: str, value: Any) -> None:
    arguments: dict[str, Any] = {
        "numerator": [0.0, 1.0],
        "denominator": [1.0, 1.0],
        "group": [0, 1],
        "cell": [0, 0],
        "cluster": [0, 1],
        "n_groups": 2,
        "n_cells": 2,
        "reference": 0,
    }
    with pytest.raises(ValueError, match=r"must|declared"):
        standardise(**(arguments | {change: value}))


@pytest.mark.simulation
@pytest.mark.parametrize("standard", [None, WEIGHTS])
def test_intervals_cover_under_clustering(standard: NDArray[Any] | None) -> None:
    truth = np.mean([both(fitted(sample(9000 + i, 20_000), standard)) for i in range(20)], axis=0)
    inside = []
    for i in range(600):
        fit = fitted(sample(i, 400), standard)
        lower = np.concatenate((fit.lower, fit.difference_lower[[0, 2]]))
        upper = np.concatenate((fit.upper, fit.difference_upper[[0, 2]]))
        inside.append((lower <= truth[[0, 1, 2, 3, 5]]) & (truth[[0, 1, 2, 3, 5]] <= upper))
    coverage = np.mean(inside, axis=0)
    assert np.all((coverage > 0.925) & (coverage < 0.975))
