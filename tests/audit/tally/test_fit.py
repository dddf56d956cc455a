"""Binned recalibration fits against the fits of the rows: the bounds hold, and are tight."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit, logit

from audit.stats._arrays import group_sum
from audit.stats.linear import cluster_variance
from audit.stats.logistic import recalibration, recalibration_influence
from audit.tally.bins import TAILS
from audit.tally.fit import BinnedFit, BinnedLogits, binned_fit

Floats = NDArray[np.float64]
NAMES = ("citl", "intercept", "slope")


def binned(p: Floats, y: NDArray[Any], group: NDArray[Any], groups: int, bins: int) -> BinnedLogits:
    """What a tally with so many bins knows of the rows."""
    x = logit(np.clip(p, 1e-10, 1 - 1e-10))
    edges = np.unique([*(np.arange(1, bins) / bins), *(TAILS if bins == 4096 else ())])
    bins = edges.size + 1
    bin = np.searchsorted(edges, p, side="right")
    key, rung = np.unique(group * bins + bin, return_inverse=True)
    n, first, second = (np.bincount(rung, w) for w in (np.ones_like(x), x, x * x))
    ends = logit(np.clip(np.concatenate(([0.0], edges, [1.0])), 1e-10, 1 - 1e-10))
    mean = first / n
    return BinnedLogits(
        group=key // bins,
        positives=group_sum(1.0 * y, rung, key.size),
        negatives=group_sum(1.0 - y, rung, key.size),
        mean=mean,
        spread=np.maximum(second - first * mean, 0) + 1e-14 * n * (1 + mean**2),
        low=ends[key % bins] - 1e-9,
        high=ends[key % bins + 1] + 1e-9,
        positive_sum=group_sum(x * y, group, groups),
    )


def errors(fit: BinnedFit) -> tuple[Floats, Floats, Floats]:
    return fit.citl_error, fit.intercept_error, fit.slope_error


def check(p: Floats, y: NDArray[Any], group: NDArray[Any], groups: int, bins: int) -> int:
    """Assert the bounds; return how many there were."""
    fit = binned_fit(binned(p, y, group, groups, bins))
    x = logit(np.clip(p, 1e-10, 1 - 1e-10))
    truth = recalibration(x, y, group, groups)
    proven = 0
    for name, error in zip(NAMES, errors(fit), strict=True):
        found, exact = getattr(fit, name), getattr(truth, name)
        known = np.isfinite(error)
        assert np.isfinite(exact[known]).all(), "a bound where the rows have no fit"
        slack = 1e-9 * (1 + np.abs(exact[known]))  # both fits stop short of the maximum
        assert (np.abs(found - exact)[known] <= error[known] + slack).all(), name
        proven += int(known.sum())
    return proven


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 1.0, 0.25, 0.5, 0.5 + 2**-40]) | st.floats(0, 1),
            st.booleans(),
            st.integers(0, 1),
        ),
        min_size=2,
        max_size=60,
    ),
    st.sampled_from([2, 4, 16, 4096]),
)
def test_bounds_hold_for_any_rows(rows: list[tuple[float, bool, int]], bins: int) -> None:
    p, y, group = (np.array(column) for column in zip(*rows, strict=True))
    check(p.astype(np.float64), y.astype(np.int64), group, 2, bins)


@pytest.mark.parametrize("seed", range(30))
def test_bounds_hold_and_exist_on_realistic_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.choice([200, 2000]))
    x = rng.normal(rng.normal(), rng.choice([0.5, 2.0, 6.0]), n)
    y = (rng.random(n) < expit(rng.choice([0.4, 1.0, 1.6]) * x + rng.normal())).astype(np.int64)
    p = expit(x)
    if seed % 3 == 0:
        p = np.round(p, 2)
    assert check(p, y, rng.integers(0, 2, n), 2, 4096) == 6
    check(p, y, rng.integers(0, 2, n), 2, 32)


def test_bounds_are_close_to_the_errors_themselves() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(-2, 2, 20_000)
    y = (rng.random(x.size) < expit(x)).astype(np.int64)
    fit = binned_fit(binned(expit(x), y, np.zeros(x.size, np.int64), 1, 256))
    truth = recalibration(x, y, np.zeros(x.size, np.int64), 1)
    for name, error in zip(NAMES, errors(fit), strict=True):
        off = abs(float(getattr(fit, name)[0] - getattr(truth, name)[0]))
        assert off <= error[0] < 1e-2
    # The bias of the expectation is of one sign in the tails, so the bound is nearly reached.
    assert fit.citl_error[0] < 3 * abs(float(fit.citl[0] - truth.citl[0]))


def test_one_bin_per_score_is_the_fit_itself() -> None:
    rng = np.random.default_rng(2)
    p = rng.choice(np.arange(1, 40) / 40, 900)
    y = (rng.random(900) < p).astype(np.int64)
    group = np.zeros(900, np.int64)
    fit = binned_fit(binned(p, y, group, 1, 80))
    truth = recalibration(logit(p), y, group, 1)
    for name, error in zip(NAMES, errors(fit), strict=True):
        assert error[0] < 1e-9
        assert getattr(fit, name)[0] == pytest.approx(getattr(truth, name)[0], abs=1e-10)
    influence = recalibration_influence(truth, logit(p), y, group)
    used = np.ones(influence.shape, dtype=np.bool_)
    variance, _ = cluster_variance(influence, group, np.arange(900), 1, used)
    assert [fit.citl_variance[0], fit.intercept_variance[0], fit.slope_variance[0]] == (
        pytest.approx(variance[0], rel=1e-9)
    )


def test_no_fit_where_one_outcome_or_a_separating_score_leaves_none() -> None:
    p = np.array([0.1, 0.2, 0.8, 0.9])
    group = np.zeros(4, np.int64)
    one = binned_fit(binned(p, np.ones(4, np.int64), group, 1, 16))
    assert np.isnan(one.citl[0])
    assert np.isinf(errors(one)).all()
    apart = binned_fit(binned(p, np.array([0, 0, 1, 1]), group, 1, 16))
    assert np.isfinite(apart.citl_error[0])
    assert np.isinf([apart.intercept_error[0], apart.slope_error[0]]).all()
