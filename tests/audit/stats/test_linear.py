"""Cluster-robust linearisation: brute force, laws and degenerate cases."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from audit.stats.linear import cluster_variance, interval, ratio, ratio_influence


@st.composite
def data(draw: st.DrawFn) -> tuple[NDArray[Any], ...]:
    """Numerator and denominator of two measures, group, cluster."""
    n = draw(st.integers(1, 30))

    def column(top: int) -> NDArray[Any]:
        return np.array(draw(st.lists(st.integers(0, top), min_size=n, max_size=n)))

    b = np.column_stack([column(1), column(1)])
    a = b * np.column_stack([column(1), column(1)])
    return a, b, column(2), column(6)


def fit(
    a: NDArray[Any], b: NDArray[Any], group: NDArray[Any], cluster: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    return cluster_variance(ratio_influence(a, b, group, 3), group, cluster, 3, b > 0)


@given(data())
def test_brute_force_twin(rows: tuple[NDArray[Any], ...]) -> None:
    a, b, group, cluster = rows
    variance, clusters = fit(*rows)
    for g in range(3):
        for k in range(2):
            use = (group == g) & (b[:, k] > 0)
            ids = sorted(set(cluster[use].tolist()))
            assert clusters[g, k] == len(ids)
            if len(ids) < 2:
                assert np.isnan(variance[g, k])
                continue
            theta = a[use, k].sum() / b[use, k].sum()
            own = [use & (cluster == c) for c in ids]
            sums = [(a[i, k] - theta * b[i, k]).sum() / b[use, k].sum() for i in own]
            twin = len(ids) / (len(ids) - 1) * sum(s * s for s in sums)
            np.testing.assert_allclose(variance[g, k], twin, atol=1e-14)


@given(data(), st.randoms(use_true_random=False))
def test_row_order(rows: tuple[NDArray[Any], ...], random: Any) -> None:
    order = list(range(len(rows[0])))
    random.shuffle(order)
    shuffled = fit(*(column[order] for column in rows))
    for x, y in zip(fit(*rows), shuffled, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-14)


@given(data())
def test_copies(rows: tuple[NDArray[Any], ...]) -> None:
    once, clusters = fit(*rows)
    twice, _ = fit(*(np.repeat(column, 2, axis=0) for column in rows))
    np.testing.assert_allclose(twice, once, atol=1e-14)
    # As new patients, the same copies halve the variance, up to the small-sample factor.
    a, b, group, cluster = (np.concatenate([column, column]) for column in rows)
    cluster[len(cluster) // 2 :] += 100
    fresh, _ = fit(a, b, group, cluster)
    some = clusters > 1
    factor = (clusters[some] - 1) / (2 * clusters[some] - 1)
    np.testing.assert_allclose(fresh[some], once[some] * factor, atol=1e-14)


def test_singletons_give_the_textbook_mean_variance() -> None:
    x = np.array([0.1, 0.5, 0.2, 0.9, 0.4])
    group = np.zeros(5, dtype=np.int64)
    influence = ratio_influence(x, np.ones(5), group, 1)
    variance, clusters = cluster_variance(influence, group, np.arange(5), 1, np.ones(5, bool))
    np.testing.assert_allclose(variance, x.var(ddof=1) / 5, rtol=1e-14)
    assert variance.shape == (1,)
    assert clusters.tolist() == [5]
    np.testing.assert_allclose(ratio(x, np.ones(5), group, 1), x.mean())


def test_rows_that_do_not_contribute_are_ignored_whatever_they_hold() -> None:
    use = np.array([True, True, False, True])
    variance, clusters = cluster_variance([1.0, -1.0, np.nan, 0.0], [0] * 4, [0, 1, 2, 1], 1, use)
    assert clusters.tolist() == [2]
    assert variance.tolist() == [4.0]


def test_a_contributing_nan_spoils_only_its_own_cell() -> None:
    u = np.array([[1.0, np.nan], [-1.0, 1.0], [2.0, 2.0], [-2.0, -2.0]])
    variance, _ = cluster_variance(u, [0, 0, 1, 1], [0, 1, 2, 3], 2, np.ones_like(u, bool))
    np.testing.assert_array_equal(variance, [[4.0, np.nan], [16.0, 16.0]])


def test_empty_denominator_and_empty_groups() -> None:
    influence = ratio_influence([0.0, 0.0], [0.0, 0.0], [1, 1], 3)
    assert np.all(np.isnan(influence))
    variance, clusters = cluster_variance(influence, [1, 1], [0, 1], 3, [False, False])
    assert np.all(np.isnan(variance))
    assert clusters.tolist() == [0, 0, 0]
    none, zero = cluster_variance(np.empty((0, 2)), [], [], 3, np.empty((0, 2), bool))
    assert none.shape == (3, 2)
    assert np.all(np.isnan(none))
    assert not zero.any()
    assert np.all(np.isnan(ratio([0.0], [0.0], [0], 2)))


# R 4.2.2: v + c(-1,1)*qt(.975,9)*s; plogis(qlogis(.8)+c(-1,1)*qt(.975,9)*.05/.16);
# 1.3*exp(c(-1,1)*qt(.975,9)*.2/1.3)
SCALES = [
    ("identity", 0.8, 0.05, 0.6868921418600897, 0.9131078581399104),
    ("logit", 0.8, 0.05, 0.6635981287359516, 0.8902423010335081),
    ("log", 1.3, 0.2, 0.9179063448519778, 1.8411464410048619),
]


@pytest.mark.parametrize(("scale", "value", "error", "low", "high"), SCALES)
def test_interval_known(scale: Any, value: float, error: float, low: float, high: float) -> None:
    lower, upper = interval(value, error**2, 10, 0.95, scale)
    np.testing.assert_allclose([lower, upper], [low, high], rtol=1e-12)


def test_interval_undefined() -> None:
    assert np.all(np.isnan(interval([0.0, 1.0, -1.0, 2.0], 0.1, 9, 0.95, "logit")))
    assert np.all(np.isnan(interval([0.0, -1.0], 0.1, 9, 0.95, "log")))
    assert np.all(np.isnan(interval(0.5, [0.1, 0.1, 0.0, np.nan, np.inf], [1, 0, 9, 9, 9])))


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="scale"):
        interval(0.5, 0.1, 9, 0.95, "probit")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="level"):
        interval(0.5, 0.1, 9, 95.0)
    with pytest.raises(ValueError, match="contributes"):
        cluster_variance([1.0, 2.0], [0, 0], [0, 1], 1, [True])
    with pytest.raises(ValueError, match="rows"):
        cluster_variance([1.0, 2.0], [0], [0, 1], 1, [True, True])
    with pytest.raises(ValueError, match="dimensions"):
        ratio_influence(1.0, 1.0, [0], 1)
