"""Kitagawa's split of a difference between two groups into composition and rates."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audit.stats._arrays import Bools, Floats, Ints, as_codes, check_level, check_rows, group_sum
from audit.stats.linear import cluster_variance, interval


class Part(NamedTuple):
    """One part of a difference, other group minus reference, with its interval."""

    value: float
    variance: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Decomposition:
    """A difference of two pooled ratios, split by site; reference is group 0, other is group 1.

    `total` is the sum of `within` (the rates inside the sites) and `between` (which sites the
    groups attend). `covariance` is that of within and between. The arrays have one value per site,
    in the order of the codes: `rate` and `share` have shape (2, sites), share being the site's part
    of the group's denominator. `alone` is the share of each group's denominator, shape (2,), that
    lies in sites where the other group does not occur.

    `reversal` says that total and within have opposite signs (Simpson's reversal);
    `resolved_reversal` that, besides, both intervals exclude 0.
    """

    total: Part
    within: Part
    between: Part
    covariance: float
    clusters: int
    within_site: Floats
    between_site: Floats
    rate: Floats
    share: Floats
    alone: Floats
    reversal: bool
    resolved_reversal: bool


class _Cells(NamedTuple):
    """Denominators, rates and shares of the two groups in each site, shape (2, sites)."""

    bottom: Floats
    rate: Floats
    share: Floats
    pooled: Floats
    both: Bools


def _cells(numerator: Floats, denominator: Floats, cell: Ints, n_sites: int) -> _Cells:
    top = group_sum(numerator, cell, 2 * n_sites).reshape(2, n_sites)
    bottom = group_sum(denominator, cell, 2 * n_sites).reshape(2, n_sites)
    whole = bottom.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):  # an absent group has no rate
        rate, share = top / bottom, bottom / whole
        pooled = top.sum(axis=1) / whole[:, 0]
    rate = np.where(bottom > 0.0, rate, np.nan)
    # Events without denominator would be rates beyond any number.
    pooled = np.where(np.any((bottom == 0.0) & (top != 0.0), axis=1), np.nan, pooled)
    return _Cells(bottom, rate, share, pooled, np.all(bottom > 0.0, axis=0))


def _contributions(cells: _Cells) -> tuple[Floats, Floats]:
    """Within and between contribution of each site; NaN where neither group occurs."""
    rate, share = cells.rate, cells.share
    change = np.where(cells.both, rate[1] - rate[0], 0.0)
    # An absent group is given the rate of the group that is there: no difference inside the site.
    typical = np.where(cells.both, rate.mean(axis=0), np.where(np.isnan(rate[0]), rate[1], rate[0]))
    within = np.where(np.isnan(typical), np.nan, share.mean(axis=0) * change)
    return within, (share[1] - share[0]) * typical


def _influence(
    numerator: Floats, denominator: Floats, group: Ints, site: Ints, cells: _Cells
) -> Floats:
    """Influence of each row on (total, within, between), shape (rows, 3).

    The gradient with respect to the cell sums: a row moves the rate of its own cell, and the shares
    of its group in all sites.
    """
    sign = np.where(group == 1, 1.0, -1.0)
    whole = cells.bottom.sum(axis=1)[group]
    change = np.where(cells.both, cells.rate[1] - cells.rate[0], 0.0)
    drift = (np.where(cells.bottom > 0.0, cells.share, 0.0) * change).sum(axis=1)
    weight = np.where(cells.both, cells.share.mean(axis=0), 0.0)[site]
    with np.errstate(divide="ignore", invalid="ignore"):  # rows without denominator: 0 below
        own = (numerator - cells.rate[group, site] * denominator) / cells.bottom[group, site]
    own = np.where(cells.bottom[group, site] > 0.0, own, 0.0)
    within = sign * weight * own + 0.5 * denominator * (change[site] - drift[group]) / whole
    total = sign * (numerator - cells.pooled[group] * denominator) / whole
    return np.stack((total, within, total - within), axis=1)


def _rows(
    numerator: ArrayLike,
    denominator: ArrayLike,
    group: ArrayLike,
    site: ArrayLike,
    cluster: ArrayLike,
    n_sites: int,
) -> tuple[Floats, Floats, Ints, Ints, Ints]:
    """Check the arrays and keep the rows of the two groups."""
    a, b = (np.asarray(x, dtype=np.float64) for x in (numerator, denominator))
    which: NDArray[np.int64] = np.asarray(group)
    if a.ndim != 1 or which.ndim != 1 or (which.dtype.kind not in "iu" and which.size):
        raise ValueError("numerator and group must be one-dimensional, group of integers")
    if which.size and (which.min() < -1 or which.max() > 1):
        raise ValueError("group must be 0 (reference), 1 (other) or -1 (ignored)")
    s, c = as_codes(site, "site", n_sites), as_codes(cluster, "cluster")
    check_rows(a.shape[0], denominator=b, group=which, site=s, cluster=c)
    kept = which >= 0
    a, b = a[kept], b[kept]
    if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b)) and np.all(b >= 0.0)):
        raise ValueError("numerator must be finite and denominator finite and not negative")
    return a, b, which[kept].astype(np.int64), s[kept], c[kept]


def decompose(
    numerator: ArrayLike,
    denominator: ArrayLike,
    group: ArrayLike,
    site: ArrayLike,
    cluster: ArrayLike,
    n_sites: int,
    level: float = 0.95,
) -> Decomposition:
    """Split the difference of two pooled ratios into attending other sites and faring differently.

    With c_gs the share of group g's denominator that lies in site s and r_gs its ratio there:
    ``within = sum_s (c_0s + c_1s)/2 (r_1s - r_0s)``,
    ``between = sum_s (c_1s - c_0s) (r_0s + r_1s)/2``, which add up to
    ``total = sum a_1/sum b_1 - sum a_0/sum b_0``. In a site where one group does not occur, its
    rate is taken as that of the group which does: the site then adds nothing to within, and the
    difference it makes counts in between. Variances are cluster-robust, from the gradient with
    respect to the cell sums; sites are fixed, patients are the sample.

    Parameters
    ----------
    numerator, denominator : array_like, shape (rows,)
        Per-row terms of any measure that is a ratio of sums; for sensitivity, true positive and
        positive. Denominators are not negative.
    group : array_like of int, shape (rows,)
        0 reference, 1 other, -1 ignored.
    site : array_like of int, shape (rows,)
        Site code, 0..n_sites-1.
    cluster : array_like of int, shape (rows,)
        Patient code, not negative.
    n_sites : int
        Number of sites.
    level : float
        Confidence level in (0, 1) of the Student t intervals with clusters - 1 degrees of freedom.

    Returns
    -------
    Decomposition
        Values are NaN, and reversals False, where a group has no denominator, or a site has a
        numerator without denominator; bounds as in `linear.interval`. A site without either group
        has NaN contributions and adds nothing.

    Raises
    ------
    ValueError
        If shapes differ, a code is out of range, a kept row is not finite, a denominator is
        negative, or level is outside (0, 1).

    References
    ----------
    Kitagawa 1955, DOI 10.1080/01621459.1955.10501299; Binder 1983, DOI 10.2307/1402588 (variance).
    """
    check_level(level)
    a, b, g, s, c = _rows(numerator, denominator, group, site, cluster, n_sites)
    cells = _cells(a, b, g * n_sites + s, n_sites)
    within_site, between_site = _contributions(cells)
    total = float(cells.pooled[1] - cells.pooled[0])
    defined = not np.isnan(total)
    within = float(np.nansum(within_site)) if defined else float("nan")
    between = float(np.nansum(between_site)) if defined else float("nan")
    influence = np.full((a.size, 3), np.nan)
    if defined:
        influence = _influence(a, b, g, s, cells)
    counted = np.repeat(((a != 0.0) | (b != 0.0))[:, None], 3, axis=1)
    variance, clusters = cluster_variance(influence, np.zeros_like(g), c, 1, counted)
    value = np.array([total, within, between])
    lower, upper = interval(value, variance[0], clusters[0], level)
    parts = [
        Part(float(v), float(w), float(low), float(high))
        for v, w, low, high in zip(value, variance[0], lower, upper, strict=True)
    ]
    shown = np.where(cells.bottom > 0.0, cells.share, 0.0)
    reversal = bool(total * within < 0.0)
    apart = bool(lower[0] * upper[0] > 0.0 and lower[1] * upper[1] > 0.0)
    return Decomposition(
        total=parts[0],
        within=parts[1],
        between=parts[2],
        covariance=float(variance[0, 0] - variance[0, 1] - variance[0, 2]) / 2.0,
        clusters=int(clusters[0, 0]),
        within_site=within_site,
        between_site=between_site,
        rate=cells.rate,
        share=cells.share,
        alone=np.where(cells.both, 0.0, shown).sum(axis=1),
        reversal=reversal,
        resolved_reversal=reversal and apart,
    )
