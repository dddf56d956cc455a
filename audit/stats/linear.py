"""Cluster-robust variance of any estimate that has per-row influence values."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from audit.stats._arrays import (
    Bools,
    Floats,
    Ints,
    as_codes,
    check_rows,
    group_sum,
    pair_codes,
    t_quantile,
)

Scale = Literal["identity", "logit", "log"]


def cluster_variance(
    influence: ArrayLike,
    group: ArrayLike,
    cluster: ArrayLike,
    n_groups: int,
    contributes: ArrayLike,
) -> tuple[Floats, Ints]:
    """Variance of each group's estimates from influence values summed by cluster.

    ``C/(C-1) * sum_c (sum_{i in c} u_i)^2`` with C the clusters that hold a contributing row.

    Parameters
    ----------
    influence : array_like, shape (rows, measures) or (rows,)
        Influence of each row on its group's estimate, already divided by the denominator,
        in units of the estimate. They sum to zero over a group.
    group : array_like of int, shape (rows,)
        Stratum code, 0..n_groups-1.
    cluster : array_like of int, shape (rows,)
        Patient code, not negative; one patient may lie in several groups.
    n_groups : int
        Number of strata.
    contributes : array_like of bool, shape of `influence`
        Rows that enter the measure (positives, for sensitivity); others count as 0 whatever
        their influence holds.

    Returns
    -------
    variance : ndarray of float, shape (n_groups, measures) or (n_groups,)
        NaN where C < 2, or where a contributing row's influence is NaN.
    clusters : ndarray of int, same shape
        C.

    Raises
    ------
    ValueError
        If shapes differ or a code is out of range.

    References
    ----------
    Liang and Zeger 1986, DOI 10.1093/biomet/73.1.13; Binder 1983, DOI 10.2307/1402588.
    """
    u = np.asarray(influence, dtype=np.float64)
    use = np.asarray(contributes, dtype=np.bool_)
    if u.ndim not in (1, 2) or use.shape != u.shape:
        raise ValueError("influence must have one or two dimensions and contributes its shape")
    g, c = as_codes(group, "group", n_groups), as_codes(cluster, "cluster")
    check_rows(u.shape[0], group=g, cluster=c)
    columns, flags = (u[:, None], use[:, None]) if u.ndim == 1 else (u, use)
    variance = np.full((n_groups, columns.shape[1]), np.nan)
    clusters = np.zeros(variance.shape, dtype=np.int64)
    owner, pair = pair_codes(g, c)
    for k in range(columns.shape[1]):  # over measures, a dozen; rows and groups are vectorised
        kept = flags[:, k]
        rows = pair[kept]
        total = group_sum(columns[kept, k], rows, owner.size)
        present = np.bincount(rows, minlength=owner.size) > 0
        squares = group_sum(total * total, owner, n_groups)
        # Influence values that cancel inside every cluster leave rounding, not variance.
        gross = group_sum(np.abs(columns[kept, k]), rows, owner.size)
        squares[squares <= 1e-24 * group_sum(gross * gross, owner, n_groups)] = 0.0
        count = np.bincount(owner[present], minlength=n_groups)
        factor = np.where(count > 1, count / np.maximum(count - 1, 1), np.nan)
        variance[:, k], clusters[:, k] = factor * squares, count
    shape = (n_groups, *u.shape[1:])
    return variance.reshape(shape), clusters.reshape(shape)


def unit_variance(
    influence: Floats, group: Ints, n_groups: int, contributes: Bools
) -> tuple[Floats, Ints]:
    """Give `cluster_variance` of units that are independent: one row a cluster.

    Parameters
    ----------
    influence : ndarray of float, shape (units,)
        Influence of each unit on its group's estimate.
    group : ndarray of int, shape (units,)
        Stratum code, 0..n_groups-1.
    n_groups : int
        Number of strata.
    contributes : ndarray of bool, shape (units,)
        Units that enter the measure.

    Returns
    -------
    variance : ndarray of float, shape (n_groups,)
        NaN with fewer than two contributing units.
    units : ndarray of int, shape (n_groups,)
        Contributing units.
    """
    if not contributes.all():
        influence, group = influence[contributes], group[contributes]
    squares = group_sum(influence * influence, group, n_groups)
    count = np.bincount(group, minlength=n_groups)
    factor = np.where(count > 1, count / np.maximum(count - 1, 1), np.nan)
    return factor * squares, count


def _sums(values: NDArray[Any], group: Ints, n_groups: int) -> Floats:
    """Group sums of (rows,) or (rows, measures)."""
    if values.ndim == 1:
        return group_sum(values, group, n_groups)
    columns = [group_sum(values[:, k], group, n_groups) for k in range(values.shape[1])]
    return np.stack(columns, axis=1) if columns else np.empty((n_groups, 0))


def _ratio_parts(
    numerator: ArrayLike, denominator: ArrayLike, group: ArrayLike, n_groups: int
) -> tuple[Floats, Floats, Ints, Floats, Floats]:
    """Check the arrays; add the ratio and the denominator of each group."""
    a, b = np.broadcast_arrays(
        np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    )
    if a.ndim not in (1, 2):
        raise ValueError("numerator must have one or two dimensions")
    g = as_codes(group, "group", n_groups)
    check_rows(a.shape[0], group=g)
    bottom = _sums(b, g, n_groups)
    bottom = np.where(bottom == 0.0, np.nan, bottom)
    return a, b, g, _sums(a, g, n_groups) / bottom, bottom


def ratio(numerator: ArrayLike, denominator: ArrayLike, group: ArrayLike, n_groups: int) -> Floats:
    """Ratio of sums within each group, sum a / sum b.

    Parameters
    ----------
    numerator, denominator : array_like, shape (rows,) or (rows, measures)
        Per-row terms.
    group, n_groups
        As in `cluster_variance`.

    Returns
    -------
    ndarray of float, shape (n_groups,) or (n_groups, measures)
        NaN where sum b is 0.

    Raises
    ------
    ValueError
        If shapes do not fit or a code is out of range.
    """
    return _ratio_parts(numerator, denominator, group, n_groups)[3]


def ratio_influence(
    numerator: ArrayLike, denominator: ArrayLike, group: ArrayLike, n_groups: int
) -> Floats:
    """Influence of each row on its group's ratio of sums theta = sum a / sum b.

    ``(a_i - theta_g b_i) / sum_g b``.

    Parameters
    ----------
    numerator, denominator : array_like, shape (rows,) or (rows, measures)
        Per-row terms; for sensitivity, true positive and positive.
    group, n_groups
        As in `cluster_variance`.

    Returns
    -------
    ndarray of float, shape of the numerator
        NaN in groups where sum b is 0.

    Raises
    ------
    ValueError
        If shapes do not fit or a code is out of range.

    References
    ----------
    Binder 1983, DOI 10.2307/1402588 (Taylor linearisation of a ratio).
    """
    a, b, g, theta, bottom = _ratio_parts(numerator, denominator, group, n_groups)
    return (a - theta[g] * b) / bottom[g]


def interval(
    value: ArrayLike,
    variance: ArrayLike,
    clusters: ArrayLike,
    level: float = 0.95,
    scale: Scale = "identity",
) -> tuple[Floats, Floats]:
    """Student t interval on a transformed scale, mapped back.

    ``g^-1(g(v) -+ t_{C-1} |g'(v)| sqrt(variance))`` with g the identity, logit or log.

    Parameters
    ----------
    value, variance : array_like
        Estimates and their variances on the natural scale, broadcast together with `clusters`.
    clusters : array_like of int
        Number of independent clusters C behind each estimate; C - 1 degrees of freedom.
    level : float
        Confidence level in (0, 1).
    scale : {"identity", "logit", "log"}
        Scale on which the estimate is taken as normal.

    Returns
    -------
    lower, upper : ndarray of float
        NaN where C < 2, where the variance is zero or not finite (no observed variation is
        not certainty), and where g(value) is undefined: not in (0, 1) for logit, not
        positive for log.

    Raises
    ------
    ValueError
        If scale is unknown or level is outside (0, 1).

    References
    ----------
    Korn and Graubard 1999, Analysis of Health Surveys, DOI 10.1002/9781118032619 (t with
    clusters - 1 degrees of freedom); Dean and Pagano 2015, DOI 10.1093/jssam/smv024.
    """
    v, var, count = np.broadcast_arrays(
        *(np.asarray(a, dtype=np.float64) for a in (value, variance, clusters))
    )
    usable = (var > 0.0) & np.isfinite(var) & np.isfinite(v)
    half = t_quantile(count - 1.0, level) * np.sqrt(np.where(usable, var, np.nan))
    if scale == "identity":
        return v - half, v + half
    if scale == "logit":
        inside = np.where((v > 0.0) & (v < 1.0), v, np.nan)
        centre = np.log(inside) - np.log1p(-inside)
        half = half / (inside * (1.0 - inside))
        return expit(centre - half), expit(centre + half)
    if scale == "log":
        above = np.where(v > 0.0, v, np.nan)
        with np.errstate(over="ignore"):  # an infinite upper bound is an honest one
            return above * np.exp(-half / above), above * np.exp(half / above)
    raise ValueError(f"scale must be 'identity', 'logit' or 'log', got {scale!r}")
