"""Bootstrap intervals against scipy, R and their own laws."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats
from scipy.special import gammainc, gammaincinv

from audit.stats.bootstrap import (
    acceleration,
    acceleration_of_difference,
    basic,
    bca,
    percentile,
)

Array = NDArray[np.float64]

# R 4.2.2: quantile(r, c(.05, .95, .025, .975), na.rm=TRUE, type=7)
SMALL = [0.2, -1.1, np.nan, 3.4, 0.7, 2.2, 0.9]
SMALL_QUANTILES = {0.90: (-0.775, 3.1), 0.95: (-0.9375, 3.25)}

# R 4.2.2, boot 1.3-28.1, on R = 99999 replicates qgamma((1:R - 0.5)/R, 3, 2) of an estimate of 1.6:
# boot:::bca.ci(list(t0=1.6, t=matrix(t), R=R), conf=level, t0=1.6, t=t, L=l) and basic.ci(1.6, t,
# level). boot puts quantile q at q (R + 1), not 1 + q (R - 1): at most one replicate further out.
EMPIRICAL_INFLUENCE = {"a": [-1, -0.5, 0.2, 0.3, 1], "b": [-0.3, -0.2, -0.1, 0.1, 1.5, -1]}
BOOT_ACCELERATION = {"a": -0.0040853175854128013, "b": 0.062207998933291118}
BOOT_BCA = [
    ("a", 0.90, 0.66316115831254052, 4.0605474557039081),
    ("a", 0.95, 0.51776107504500513, 4.5924962946420722),
    ("b", 0.90, 0.71964652860616063, 4.5481440436457294),
    ("b", 0.95, 0.59000235083661412, 5.3253019099044421),
]
BOOT_BASIC = [
    (0.90, 0.052041619998185684, 2.7911695227862294),
    (0.95, -0.41246878523412134, 2.8906869786908778),
]


def gamma_replicates() -> Array:
    resamples = 99999
    return np.asarray(gammaincinv(3.0, (np.arange(1, resamples + 1) - 0.5) / resamples) / 2.0)


def gamma_share(bound: Any) -> Array:
    """Share of the gamma replicates below a bound."""
    return np.asarray(gammainc(3.0, 2.0 * np.asarray(bound)))


def jackknife(sample: Array, statistic: Any) -> tuple[float, float]:
    """Sums of squared and cubed deviations of the estimates that leave one value out."""
    left = np.array([statistic(np.delete(sample, i)) for i in range(sample.size)])
    d = left.mean() - left
    return float((d**2).sum()), float((d**3).sum())


@pytest.mark.parametrize("level", SMALL_QUANTILES)
def test_percentile_agrees_with_r(level: float) -> None:
    np.testing.assert_allclose(percentile(SMALL, level), SMALL_QUANTILES[level], rtol=1e-14)


@settings(deadline=None)
@given(arrays(np.float64, (3, 17), elements=st.floats(-50, 50)), st.floats(0.01, 0.999))
def test_percentile_is_numpys_quantile_of_what_is_defined(replicates: Array, level: float) -> None:
    replicates[1, ::3] = np.nan
    replicates[2] = np.nan
    lower, upper = percentile(replicates, level)
    for row in (0, 1):
        kept = replicates[row][~np.isnan(replicates[row])]
        tails = np.quantile(kept, [(1 - level) / 2, 1 - (1 - level) / 2])
        np.testing.assert_allclose([lower[row], upper[row]], tails, atol=1e-12)
    assert np.isnan([lower[2], upper[2]]).all()


def test_percentile_with_infinite_replicates_and_none_at_all() -> None:
    lower, upper = percentile([1.0, 2.0, 3.0, np.inf, np.inf], 0.5)
    np.testing.assert_array_equal([lower, upper], [2.0, np.inf])
    lower, upper = percentile([1.0, 2.0, 3.0, np.inf, np.inf, np.inf], 0.7)
    np.testing.assert_allclose((lower, upper), (1.75, np.inf))
    lower, upper = percentile(np.zeros((2, 0)))
    assert np.isnan([lower, upper]).all()


@pytest.mark.parametrize("row", BOOT_BCA)
def test_bca_agrees_with_boot(row: tuple[str, float, float, float]) -> None:
    case, level, low, high = row
    influence = np.array(EMPIRICAL_INFLUENCE[case])
    skew = acceleration((influence**2).sum(), (influence**3).sum())
    np.testing.assert_allclose(skew, BOOT_ACCELERATION[case], rtol=1e-12)
    ours = np.array(bca(1.6, gamma_replicates(), skew, level))
    np.testing.assert_allclose(gamma_share(ours), gamma_share([low, high]), atol=1.01e-5)


@pytest.mark.parametrize("row", BOOT_BASIC)
def test_basic_agrees_with_boot(row: tuple[float, float, float]) -> None:
    level, low, high = row
    ours = np.array(basic(1.6, gamma_replicates(), level))
    theirs = np.array([low, high])
    np.testing.assert_allclose(gamma_share(3.2 - ours), gamma_share(3.2 - theirs), atol=1.01e-5)


STATISTICS: dict[str, Any] = {
    "mean": np.mean,
    "spread": lambda x, axis=-1: np.std(x, axis=axis),
    "ratio": lambda x, axis=-1: np.mean(x**2, axis=axis) / np.mean(x, axis=axis),
    "median": np.median,  # discrete: many replicates tie with the estimate
}


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_bca_agrees_with_scipy_on_the_same_resamples(name: str, level: float) -> None:
    statistic = STATISTICS[name]
    sample = np.round(np.random.default_rng(3).exponential(2.0, 25) + 1.0, 1)
    theirs = stats.bootstrap(
        (sample,), statistic, n_resamples=999, confidence_level=level, method="BCa", rng=11
    )
    skew = acceleration(*jackknife(sample, statistic))
    ours = bca(statistic(sample), theirs.bootstrap_distribution, skew, level)
    np.testing.assert_allclose(ours, theirs.confidence_interval, rtol=1e-12)


def test_bca_of_a_difference_agrees_with_scipy() -> None:
    # scipy weighs the two sets by (n - 1) / n, which is the same for sets of one size.
    generator = np.random.default_rng(8)
    a, b = generator.exponential(2.0, 30), generator.gamma(2.0, 3.0, 30)

    def difference(x: Array, y: Array, axis: int = -1) -> Any:
        return np.mean(x, axis=axis) - np.mean(y, axis=axis)

    theirs = stats.bootstrap((a, b), difference, n_resamples=1999, method="BCa", rng=1)
    of_a, of_b = jackknife(a, np.mean), jackknife(b, np.mean)
    skew = acceleration_of_difference(*of_a, *of_b)
    ours = bca(difference(a, b), theirs.bootstrap_distribution, skew)
    np.testing.assert_allclose(ours, theirs.confidence_interval, rtol=1e-12)
    assert acceleration_of_difference(*of_b, *of_a) == -skew
    assert acceleration_of_difference(*of_a, 0.0, 0.0) == acceleration(*of_a)


def test_basic_and_percentile_agree_with_scipy_on_the_same_resamples() -> None:
    sample = np.random.default_rng(4).exponential(2.0, 25)
    for method, level in (("basic", 0.95), ("percentile", 0.9)):
        theirs = stats.bootstrap(
            (sample,), np.mean, n_resamples=499, confidence_level=level, method=method, rng=2
        )
        replicates = theirs.bootstrap_distribution
        ours = (
            basic(sample.mean(), replicates, level)
            if method == "basic"
            else percentile(replicates, level)
        )
        np.testing.assert_allclose(ours, theirs.confidence_interval, rtol=1e-12)


replicate_rows = arrays(np.float64, 41, elements=st.integers(-8, 8).map(float))


@settings(deadline=None)
@given(replicate_rows, st.integers(-8, 8), st.floats(-0.1, 0.1), st.permutations(range(41)))
def test_bca_laws(replicates: Array, value: int, skew: float, order: list[int]) -> None:
    lower, upper = bca(value, replicates, skew)
    np.testing.assert_array_equal(bca(value, replicates[order], skew), (lower, upper))
    padded = np.append(replicates, [np.nan, np.nan])
    np.testing.assert_array_equal(bca(value, padded, skew), (lower, upper))
    mirrored = bca(-value, -replicates, -skew)
    np.testing.assert_allclose(mirrored, (-upper, -lower), atol=1e-9)
    scaled = bca(1e-9 * value, 1e-9 * replicates, skew)
    np.testing.assert_allclose(scaled, (1e-9 * lower, 1e-9 * upper), atol=1e-17)
    inside = replicates.min() <= value <= replicates.max()
    if not inside or replicates.min() == replicates.max():
        assert np.isnan([lower, upper]).all()
    if not np.isnan(lower):
        assert replicates.min() <= lower <= upper <= replicates.max()


@settings(deadline=None)
@given(replicate_rows)
def test_bca_without_bias_or_skew_is_the_percentile_interval(replicates: Array) -> None:
    symmetric = np.concatenate([replicates, -replicates])
    assume(np.ptp(symmetric) > 0)
    np.testing.assert_allclose(bca(0.0, symmetric, 0.0), percentile(symmetric), atol=1e-9)


def test_bca_counts_replicates_that_differ_by_rounding_as_ties() -> None:
    replicates = np.array([0.1, 0.2, 0.3, 0.1 + 0.2, 0.4, 0.5])
    np.testing.assert_allclose(
        bca(0.3, replicates, 0.0), bca(0.1 + 0.2, replicates, 0.0), rtol=1e-14
    )
    assert np.isnan(bca(0.3, [0.3, 0.1 + 0.2, 0.3], 0.0)).all()


def test_bca_is_undefined_and_says_so() -> None:
    replicates = np.arange(11.0)
    assert np.isfinite(bca(5.0, replicates, 0.1)).all()
    for value, skew in [(5.0, np.nan), (np.nan, 0.0), (np.inf, 0.0), (-1.0, 0.0), (11.0, 0.0)]:
        assert np.isnan(bca(value, replicates, skew)).all()
    assert np.isnan(bca(5.0, np.full(4, np.nan), 0.0)).all()
    assert np.isnan(bca(5.0, replicates, 0.6)).all()  # beyond the pole: 0.6 * 1.96 > 1
    assert np.isnan(bca(5.0, replicates, -0.6)).all()
    # An infinite replicate (a ratio with an empty denominator) is just the largest.
    lower, upper = bca(5.0, [*replicates, *np.full(9, np.inf)], 0.0)
    assert np.isfinite(lower)
    assert upper == np.inf


def test_shapes() -> None:
    replicates = np.random.default_rng(0).normal(size=(2, 3, 99))
    value, skew = np.zeros((2, 3)), np.full((2, 3), 0.02)
    lower, upper = bca(value, replicates, skew)
    low, high = basic(value, replicates)
    assert lower.shape == upper.shape == low.shape == high.shape == (2, 3)
    np.testing.assert_array_equal(bca(0.0, replicates[1, 2], 0.02), (lower[1, 2], upper[1, 2]))
    np.testing.assert_array_equal(bca(0.0, replicates, 0.02)[0], lower)
    for wrong in (np.zeros(2), np.zeros((4, 2, 3))):
        with pytest.raises(ValueError, match=r"shape|broadcast"):
            bca(wrong, replicates, 0.0)
        with pytest.raises(ValueError, match=r"shape|broadcast"):
            basic(wrong, replicates)


def test_basic_is_cut_at_the_range_and_never_a_point() -> None:
    replicates = np.linspace(0.5, 1.0, 101)
    lower, upper = basic(0.9, replicates, 0.9, (0.0, 1.0))
    np.testing.assert_allclose((lower, upper), (2 * 0.9 - 0.975, 1.0))
    assert np.isnan(basic(1.0, np.full(9, 1.0), 0.9, (0.0, 1.0))).all()
    assert np.isnan(basic(1.0, np.linspace(0.5, 0.9, 9), 0.9, (0.0, 1.0))).all()
    assert np.isnan(basic(np.nan, replicates)).all()
    with pytest.raises(ValueError, match="ascending"):
        basic(0.5, replicates, 0.9, (1.0, 0.0))


def test_acceleration_undefined_and_bad() -> None:
    assert np.isnan(acceleration(0.0, 0.0))
    assert np.isnan(acceleration(np.nan, 1.0))
    np.testing.assert_allclose(acceleration([1.0, 4.0], [0.6, 0.0]), [0.1, 0.0])
    with pytest.raises(ValueError, match="negative"):
        acceleration(-1.0, 0.0)
    with pytest.raises(ValueError, match="negative"):
        acceleration_of_difference(2.0, 0.0, -1.0, 0.0)
    with pytest.raises(ValueError, match="level"):
        percentile([1.0, 2.0], 1.0)
    with pytest.raises(ValueError, match="level"):
        bca(1.5, [1.0, 2.0], 0.0, 0.0)
