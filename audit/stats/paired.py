"""Two decisions on the same units: score interval, McNemar's tests and differences of ratios.

Everywhere `first` counts the pairs in which only a has the event, `second` those in which only b
has it, and differences are b - a.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, chdtrc, gammaln

from audit.stats._arrays import (
    Floats,
    Ints,
    as_codes,
    check_rows,
    group_sum,
    normal_quantile,
    pair_codes,
)
from audit.stats.linear import cluster_variance, ratio, ratio_influence

# Halvings of [-1, 1] after which the bounds are exact to the last digits.
_HALVINGS = 60


class McNemar(NamedTuple):
    """Tests that both directions of disagreement are equally likely; p values two-sided."""

    statistic: Floats
    p: Floats
    exact_p: Floats
    mid_p: Floats


class ClusteredMcNemar(NamedTuple):
    """McNemar's test for clustered pairs, one degree of freedom, by group."""

    statistic: Floats
    p: Floats
    clusters: Ints


class PairedDifference(NamedTuple):
    """Two ratios of sums on the same rows by group; `difference` is b - a."""

    ratio_a: Floats
    ratio_b: Floats
    difference: Floats
    variance: Floats
    clusters: Ints


def _disagreements(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    """Check and broadcast the counts of pairs that disagree."""
    b, c = np.broadcast_arrays(
        np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    )
    for count in (b, c):
        if np.any(count < 0) or np.any(np.isinf(count)):
            raise ValueError("counts of pairs must be finite and not negative")
    return b, c


def mcnemar(first: ArrayLike, second: ArrayLike) -> McNemar:
    """McNemar's test of independent pairs: asymptotic, exact and mid-p.

    ``(b - c)^2 / (b + c)``, without continuity correction; exact is twice the binomial tail
    ``P(X <= min(b, c))`` with X of b + c trials at 1/2, at most 1; mid-p is that less
    ``P(X = min(b, c))``, and 1 where b = c.

    Parameters
    ----------
    first, second : array_like
        Discordant pairs of either direction, broadcast together; whole numbers.

    Returns
    -------
    McNemar
        NaN where there are no discordant pairs, which say nothing of either direction.

    Raises
    ------
    ValueError
        If a count is negative, infinite or not whole.

    References
    ----------
    McNemar 1947, DOI 10.1007/BF02295996; Fagerland, Lydersen and Laake 2013 (mid-p),
    DOI 10.1186/1471-2288-13-91.
    """
    b, c = _disagreements(first, second)
    known = ~np.isnan(b + c)
    if np.any(b[known] != np.rint(b[known])) or np.any(c[known] != np.rint(c[known])):
        raise ValueError("counts of pairs must be whole numbers")
    n, least = b + c, np.minimum(b, c)
    usable = n > 0
    trials, few = np.where(usable, n, 1.0), np.where(usable, least, 0.0)
    statistic = np.where(usable, (b - c) ** 2 / trials, np.nan)
    tail = bdtr(few, trials.astype(np.int64), 0.5)
    choose = gammaln(trials + 1) - gammaln(few + 1) - gammaln(trials - few + 1)
    point = np.exp(choose - trials * np.log(2.0))
    exact = np.where(usable, np.minimum(2.0 * tail, 1.0), np.nan)
    mid = np.where(b == c, 1.0, 2.0 * tail - point)
    return McNemar(
        statistic, chdtrc(1.0, statistic), exact, np.where(usable, np.minimum(mid, 1.0), np.nan)
    )


def tango_difference(
    first: ArrayLike, second: ArrayLike, n: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Score interval of the difference of paired proportions, p_b - p_a.

    All d whose score statistic does not reach the normal quantile:
    ``|c - b - n d| / sqrt(n (2 q + d (1 - d))) <= z``, with b and c the pairs in which only a and
    only b has the event, and q the largest-likelihood probability of the former at that d,
    ``(sqrt(B^2 - 8 n C) - B) / (4 n)``, ``B = -b - c + (2 n - c + b) d``, ``C = -b d (1 - d)``.
    It holds zero exactly where McNemar's asymptotic test does not reject, and is never a point:
    without discordant pairs it is ``-+ z^2 / (n + z^2)``.

    Parameters
    ----------
    first, second : array_like
        Pairs in which only a, and only b, has the event; they need not be whole.
    n : array_like
        All pairs.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    lower, upper : ndarray of float
        In [-1, 1]. NaN where n is 0 or an input is NaN.

    Raises
    ------
    ValueError
        If a count is negative or infinite, n is below first + second, or level is outside (0, 1).

    References
    ----------
    Tango 1998, DOI 10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B.
    """
    b, c = _disagreements(first, second)
    b, c, size = np.broadcast_arrays(b, c, np.asarray(n, dtype=np.float64))
    if np.any(np.isinf(size)) or np.any(b + c > size * (1.0 + 1e-9) + 1e-9):
        raise ValueError("n must be finite and at least the discordant pairs")
    z = normal_quantile(level)
    usable = (size > 0) & ~np.isnan(b + c)
    pairs = np.where(usable, size, 1.0)
    only_a, only_b = np.where(usable, b, 0.0), np.where(usable, c, 0.0)
    bounds = []
    for target in (z, -z):  # the statistic falls as d rises
        low, high = np.full(pairs.shape, -1.0), np.full(pairs.shape, 1.0)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2.0
            above = _score(only_a, only_b, pairs, middle) > target
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        bounds.append(np.where(usable, (low + high) / 2.0, np.nan))
    return bounds[0], bounds[1]


def _score(b: Floats, c: Floats, n: Floats, d: Floats) -> Floats:
    """Score statistic of the difference d; infinite, with its sign, where its variance is 0."""
    linear = -b - c + (2.0 * n - c + b) * d
    root = np.sqrt(np.maximum(linear * linear + 8.0 * n * b * d * (1.0 - d), 0.0))
    # Of the two forms of the root, the one that does not cancel.
    with np.errstate(divide="ignore", invalid="ignore"):
        other = 2.0 * b * d * (1.0 - d) / (root + linear)
    q = np.where(linear > 0.0, other, (root - linear) / (4.0 * n))
    variance = n * (2.0 * q + d * (1.0 - d))
    difference = c - b - n * d
    with np.errstate(divide="ignore", invalid="ignore"):
        value: Floats = np.where(
            variance > 0.0,
            difference / np.sqrt(np.maximum(variance, 0.0)),
            np.where(difference == 0.0, 0.0, np.sign(difference) * np.inf),
        )
    return value


def clustered_mcnemar(
    change: ArrayLike, group: ArrayLike, cluster: ArrayLike, n_groups: int
) -> ClusteredMcNemar:
    """McNemar's test where pairs of one cluster belong together, for each group.

    With ``d_k`` the sum of the changes of cluster k, K clusters:
    ``(K - 1) / K (sum d_k)^2 / sum d_k^2``, chi-square with one degree of freedom. With one pair a
    cluster, and without the factor, it is McNemar's statistic.

    Parameters
    ----------
    change : array_like, shape (rows,)
        Event in b less event in a: -1, 0 or 1.
    group : array_like of int, shape (rows,)
        Stratum code, 0..n_groups-1.
    cluster : array_like of int, shape (rows,)
        Patient code, not negative.
    n_groups : int
        Number of strata.

    Returns
    -------
    ClusteredMcNemar
        NaN where no cluster changes on the whole, or with fewer than two clusters.

    Raises
    ------
    ValueError
        If lengths differ or a code is out of range.

    References
    ----------
    Obuchowski 1998,
    DOI 10.1002/(SICI)1097-0258(19980715)17:13<1495::AID-SIM863>3.0.CO;2-I.
    """
    value = np.asarray(change, dtype=np.float64)
    g, c = as_codes(group, "group", n_groups), as_codes(cluster, "cluster")
    check_rows(value.shape[0], group=g, cluster=c)
    owner, pair = pair_codes(g, c)
    of_cluster = group_sum(value, pair, owner.size)
    total = group_sum(of_cluster, owner, n_groups)
    squares = group_sum(of_cluster * of_cluster, owner, n_groups)
    clusters = np.bincount(owner, minlength=n_groups)
    usable = (squares > 0.0) & (clusters > 1)
    statistic = np.full(n_groups, np.nan)
    factor = (clusters[usable] - 1.0) / clusters[usable]
    statistic[usable] = factor * total[usable] ** 2 / squares[usable]
    return ClusteredMcNemar(statistic, chdtrc(1.0, statistic), clusters)


def paired_ratio_difference(
    a: tuple[Floats, Floats],
    b: tuple[Floats, Floats],
    group: ArrayLike,
    cluster: ArrayLike,
    n_groups: int,
) -> PairedDifference:
    """Difference of two ratios of sums over the same rows, by linearisation.

    The influence of a row on the difference is that on the ratio of b less that on the ratio of a,
    summed by cluster: ``C/(C-1) sum_c (sum_{i in c} (u_bi - u_ai))^2``. The covariance of the two
    needs no term of its own. Serves shares whose denominators differ too, as predictive values.

    Parameters
    ----------
    a, b : (ndarray, ndarray), each of shape (rows,)
        Numerator and denominator terms of every row; for a predictive value, flagged with the
        condition, and flagged.
    group : array_like of int, shape (rows,)
        Stratum code, 0..n_groups-1.
    cluster : array_like of int, shape (rows,)
        Patient code, not negative.
    n_groups : int
        Number of strata.

    Returns
    -------
    PairedDifference
        Ratios and difference NaN where a denominator is 0, the variance also with fewer than two
        clusters that enter either ratio. `clusters` counts those.

    Raises
    ------
    ValueError
        If shapes do not fit or a code is out of range.

    References
    ----------
    Binder 1983, DOI 10.2307/1402588; Leisenring, Alonzo and Pepe 2000,
    DOI 10.1111/j.0006-341X.2000.00345.x; Kosinski 2013, DOI 10.1002/sim.5587.
    """
    value_a, value_b = ratio(*a, group, n_groups), ratio(*b, group, n_groups)
    influence = ratio_influence(*b, group, n_groups) - ratio_influence(*a, group, n_groups)
    used: NDArray[np.bool_] = (a[1] != 0) | (b[1] != 0)
    variance, clusters = cluster_variance(influence, group, cluster, n_groups, used)
    return PairedDifference(value_a, value_b, value_b - value_a, variance, clusters)
