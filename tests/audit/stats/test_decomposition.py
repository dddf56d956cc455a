"""Kitagawa's decomposition against printed tables, numerical derivatives and the jackknife."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audit.stats.decomposition import Decomposition, decompose

# Das Gupta 1993, Standardization and Decomposition of Rates: A User's Manual (US Census Bureau
# P23-186), table 5.3: population (thousands) and deaths per 1,000 by race and age in the United
# States. His standardised rates, as printed and as in the tests of the R package DasGuptR: by rates
# 10.258 (1970) and 8.030 (1985), by age 8.385 and 9.907, by race 9.136 and 9.156.
POPULATION = np.array(
    [
        [
            *(2968, 11484, 34614, 30992, 21983, 20314, 20928, 16897, 11339, 5720, 1315),
            *(535, 2162, 6120, 4781, 3096, 2718, 2363, 1767, 1149, 448, 117),
        ],
        [
            *(3041, 11577, 27450, 32711, 35480, 27411, 19555, 19795, 15254, 8022, 2472),
            *(707, 2692, 6473, 6841, 6547, 4352, 3034, 2540, 1749, 804, 236),
        ],
    ],
    dtype=float,
)
DEATHS_PER_1000 = np.array(
    [
        [
            *(18.469, 0.751, 0.391, 1.146, 1.287, 2.672, 6.636, 15.691, 34.723, 79.763, 176.837),
            *(36.993, 1.352, 0.541, 2.040, 3.523, 6.746, 12.967, 24.471, 45.091, 74.902, 123.205),
        ],
        [
            *(9.163, 0.462, 0.248, 0.929, 1.084, 1.810, 4.715, 12.187, 27.728, 64.068, 157.570),
            *(17.208, 0.738, 0.328, 1.103, 2.045, 3.724, 8.052, 17.812, 34.128, 68.276, 125.161),
        ],
    ]
)


Rows = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


def test_das_gupta_table() -> None:
    top = (POPULATION * DEATHS_PER_1000).ravel()
    group, site = np.repeat([0, 1], 22), np.tile(np.arange(22), 2)
    fit = decompose(top, POPULATION.ravel(), group, site, np.arange(44), 22)
    assert fit.within.value == pytest.approx(8.030 - 10.258, abs=0.002)
    assert fit.between.value == pytest.approx(9.907 - 8.385 + 9.156 - 9.136, abs=0.002)
    crude = (POPULATION * DEATHS_PER_1000).sum(axis=1) / POPULATION.sum(axis=1)
    assert fit.total.value == pytest.approx(crude[1] - crude[0], rel=1e-12)
    assert not fit.reversal


def expand(cells: list[tuple[int, int, int, int]]) -> tuple[NDArray[Any], ...]:
    """Rows from (events, n, group, site)."""
    rows = [
        (float(i < events), 1.0, group, site) for events, n, group, site in cells for i in range(n)
    ]
    a, b, g, s = (np.array(column) for column in zip(*rows, strict=True))
    return a, b, g.astype(int), s.astype(int)


# Charig et al. 1986, DOI 10.1136/bmj.292.6524.879: kidney stones removed by open surgery
# (reference) and by percutaneous nephrolithotomy; "sites" are stones below and from 2 cm.
STONES = [(81, 87, 0, 0), (192, 263, 0, 1), (234, 270, 1, 0), (55, 80, 1, 1)]


def test_kidney_stones_are_a_reversal() -> None:
    a, b, g, s = expand(STONES)
    fit = decompose(a, b, g, s, np.arange(a.size), 2)
    assert fit.total.value == pytest.approx(289 / 350 - 273 / 350, rel=1e-12)
    small, large = 234 / 270 - 81 / 87, 55 / 80 - 192 / 263
    expected = (357 / 700) * small + (343 / 700) * large
    assert fit.within.value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(fit.within_site, [357 / 700 * small, 343 / 700 * large], rtol=1e-12)
    np.testing.assert_allclose(fit.share, [[87 / 350, 263 / 350], [270 / 350, 80 / 350]])
    assert fit.total.value > 0 > fit.within.value
    assert fit.reversal
    assert not fit.resolved_reversal  # 700 patients do not settle it
    np.testing.assert_array_equal(fit.alone, [0, 0])


def test_a_larger_study_would_resolve_the_reversal() -> None:
    many = [(20 * events, 20 * n, group, site) for events, n, group, site in STONES]
    a, b, g, s = expand(many)
    fit = decompose(a, b, g, s, np.arange(a.size), 2)
    assert fit.resolved_reversal
    assert fit.total.lower > 0 > fit.within.upper


def test_one_group_alone_in_a_site_counts_as_composition() -> None:
    # Site 1 holds only the reference: its rate of 1 against 0.5 elsewhere is a matter of where.
    a, b, g, s = expand([(5, 10, 0, 0), (10, 10, 0, 1), (5, 10, 1, 0)])
    fit = decompose(a, b, g, s, np.arange(a.size), 3)
    np.testing.assert_allclose(fit.within_site, [0, 0, np.nan])
    np.testing.assert_allclose(fit.between_site, [0.25, -0.5, np.nan])
    assert fit.total.value == pytest.approx(0.5 - 0.75)
    assert fit.within.value == 0
    np.testing.assert_allclose(fit.alone, [0.5, 0])
    assert np.isnan(fit.rate[1, 1])


@st.composite
def tables(draw: st.DrawFn) -> tuple[NDArray[Any], ...]:
    n = draw(st.integers(2, 40))

    def column(low: int, high: int) -> NDArray[Any]:
        return np.array(draw(st.lists(st.integers(low, high), min_size=n, max_size=n)))

    b = column(0, 3).astype(float)
    a = np.minimum(column(-1, 3), b)
    return a, b, column(-1, 1), column(0, 4), column(0, 9)


@settings(deadline=None)
@given(tables())
def test_parts_add_up(rows: tuple[NDArray[Any], ...]) -> None:
    a, b, g, s, c = rows
    a = np.where(b > 0, a, 0.0)
    fit = decompose(a, b, g, s, c, 5)
    whole = [b[g == k].sum() for k in (0, 1)]
    if min(whole) == 0:
        assert np.isnan([fit.total.value, fit.within.value, fit.total.variance]).all()
        assert not fit.reversal
        return
    total = a[g == 1].sum() / whole[1] - a[g == 0].sum() / whole[0]
    assert fit.total.value == pytest.approx(total, abs=1e-12)
    assert fit.within.value + fit.between.value == pytest.approx(total, abs=1e-12)
    assert np.nansum(fit.within_site) == pytest.approx(fit.within.value, abs=1e-12)
    sums = fit.within.variance + fit.between.variance + 2 * fit.covariance
    if fit.clusters > 1:
        assert fit.total.variance == pytest.approx(sums, abs=1e-12)


@settings(deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_row_order_and_codes_do_not_matter(rows: tuple[NDArray[Any], ...], random: Any) -> None:
    a, b, g, s, c = rows
    order = random.sample(range(a.size), a.size)
    one = decompose(a, b, g, s, c, 5)
    two = decompose(a[order], b[order], g[order], 4 - s[order], c[order] * 3 + 1, 5)
    for x, y in zip(one.total + one.within + one.between, two.total + two.within + two.between,
                    strict=True):  # fmt: skip
        assert x == pytest.approx(y, abs=1e-12, nan_ok=True)
    np.testing.assert_allclose(one.within_site, two.within_site[::-1], atol=1e-12)


def parts(fit: Decomposition) -> NDArray[Any]:
    return np.array([fit.total.value, fit.within.value, fit.between.value])


def sample(seed: int, patients: int) -> Rows:
    """Rows of patients who may be seen at several sites; site 3 sees the reference alone."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, patients)
    home = np.where(group == 1, rng.integers(0, 2, patients), rng.integers(0, 4, patients))
    frail = rng.normal(0, 1, patients)
    visits = rng.integers(1, 4, patients)
    c = np.repeat(np.arange(patients), visits)
    s = np.where((rng.random(c.size) < 0.1) & (home[c] < 2), 2, home[c])
    b = rng.integers(0, 2, c.size).astype(float)
    a = b * (rng.random(c.size) < 1 / (1 + np.exp(-(0.3 * s - 0.4 * group[c] + frail[c]))))
    return a, b, group[c], s, c


def fitted(seed: int, patients: int) -> Decomposition:
    a, b, g, s, c = sample(seed, patients)
    return decompose(a, b, g, s, c, 4)


def test_variance_is_the_infinitesimal_jackknife() -> None:
    """Numerical derivative of every part in every patient's weight."""
    a, b, g, s, c = sample(1, 60)
    fit = decompose(a, b, g, s, c, 4)
    step = 1e-5
    moves = []
    for patient in np.unique(c[b > 0]):
        w = np.where(c == patient, step, 0.0)
        up = decompose(a * (1 + w), b * (1 + w), g, s, c, 4)
        down = decompose(a * (1 - w), b * (1 - w), g, s, c, 4)
        moves.append((parts(up) - parts(down)) / (2 * step))
    u = np.array(moves)
    counted = u.shape[0]
    covariance = counted / (counted - 1) * u.T @ u
    assert fit.clusters == counted
    found = [fit.total.variance, fit.within.variance, fit.between.variance, fit.covariance]
    expected = [*np.diag(covariance), covariance[1, 2]]
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_variance_agrees_with_the_jackknife() -> None:
    a, b, g, s, c = sample(2, 800)
    fit = decompose(a, b, g, s, c, 4)
    people = np.unique(c[b > 0])
    left = []
    for p in people:
        k = c != p
        left.append(parts(decompose(a[k], b[k], g[k], s[k], c[k], 4)))
    spread = (people.size - 1) * np.var(left, axis=0)
    found = [fit.total.variance, fit.within.variance, fit.between.variance]
    np.testing.assert_allclose(found, spread, rtol=0.03)


def test_total_is_that_of_two_independent_groups() -> None:
    a, b, g, s = expand(STONES)
    fit = decompose(a, b, g, s, np.arange(700), 2)
    p = np.array([273, 289]) / 350
    assert fit.total.variance == pytest.approx(700 / 699 * np.sum(p * (1 - p) / 350), rel=1e-12)


def test_numerator_without_denominator_is_undefined() -> None:
    fit = decompose([1.0, 1, 1], [1.0, 0, 1], [0, 0, 1], [0, 1, 0], [0, 1, 2], 2)
    assert np.isnan([fit.total.value, fit.within.value, fit.between.value]).all()
    assert not fit.reversal


def test_ignored_rows_may_hold_anything() -> None:
    a, b, g, s = expand(STONES)
    more = decompose(
        np.append(a, np.nan), np.append(b, -1.0), np.append(g, -1), np.append(s, 0),
        np.arange(701), 2,
    )  # fmt: skip
    assert more.within == decompose(a, b, g, s, np.arange(700), 2).within


def test_empty() -> None:
    none = np.array([], dtype=int)
    fit = decompose([], [], none, none, none, 2)
    assert fit.clusters == 0
    assert np.isnan(fit.total.value)


@pytest.mark.parametrize(
    ("a", "b", "g", "s"),
    [
        ([np.nan, 1], [1, 1], [0, 1], [0, 0]),
        ([0, 1], [1, -1], [0, 1], [0, 0]),
        ([0, 1], [1, 1], [0, 2], [0, 0]),
        ([0, 1], [1, 1], [0.0, 0.5], [0, 0]),
        ([0, 1], [1, 1], [0, 1], [0, 5]),
        ([0, 1], [1, 1], [0], [0, 0]),
    ],
)
def test_bad_arguments(a: Any, b: Any, g: Any, s: Any) -> None:
    with pytest.raises(ValueError, match=r"must|declared|rows"):
        decompose(a, b, g, s, [0, 1], 2)


@pytest.mark.simulation
def test_intervals_cover_under_clustering() -> None:
    truth = np.mean([parts(fitted(9000 + i, 20_000)) for i in range(20)], axis=0)
    inside = []
    for i in range(600):
        fit = fitted(i, 300)
        pieces = (fit.total, fit.within, fit.between)
        inside.append([p.lower <= t <= p.upper for p, t in zip(pieces, truth, strict=True)])
    coverage = np.mean(inside, axis=0)
    assert np.all((coverage > 0.925) & (coverage < 0.975))
