"""Many comparisons at once: simultaneous intervals of all pairs, and adjusted p values."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtri

from audit.stats.mixing import splitmix64

Floats = NDArray[np.float64]


class Gap(NamedTuple):
    """A max-min gap with its interval, and the p value of no difference between any two."""

    value: float
    lower: float
    upper: float
    p: float
    undefined_fraction: float


@njit(cache=True, nogil=True)
def _max_t(value, replicates, spread, out):  # type: ignore[no-untyped-def]
    k, resamples = replicates.shape
    for b in range(resamples):
        largest = -1.0
        for i in range(k):
            for j in range(i + 1, k):
                if spread[i, j] > 0.0:
                    moved = replicates[i, b] - replicates[j, b] - (value[i] - value[j])
                    t = abs(moved) / spread[i, j]
                    if t > largest:  # False for NaN: an undefined pair has no say
                        largest = t
        out[b] = largest if largest >= 0.0 else np.nan


@njit(cache=True, nogil=True)
def _pair_spread(value, replicates, out):  # type: ignore[no-untyped-def]
    # Written out rather than as a matrix product, whose last digits depend on how many threads the
    # linear algebra library happens to use.
    k, resamples = replicates.shape
    for i in range(k):
        for j in range(i + 1, k):
            n = 0
            total = 0.0
            square = 0.0
            centre = value[i] - value[j]  # near the mean, so that one pass is accurate
            for b in range(resamples):
                d = replicates[i, b] - replicates[j, b] - centre
                if d == d:  # false for NaN: an undefined pair has no say
                    n += 1
                    total += d
                    square += d * d
            rest = square - total * total / max(n, 1)
            out[i, j] = np.sqrt(max(rest, 0.0) / (n - 1)) if n > 1 else 0.0
            out[j, i] = out[i, j]


def gap_interval(
    value: Floats, replicates: Floats, floor: Floats, level: float, largest_possible: float
) -> Gap:
    """Interval of the max-min gap over k groups from simultaneous intervals of all pairs.

    With ``c`` the `level` quantile over resamples of ``max_ij |d*_ij - d_ij| / se_ij``, all
    pairwise differences lie within ``d_ij -+ c se_ij`` at once, so the largest lies between
    ``max(0, max_ij(|d_ij| - c se_ij))`` and ``max_ij(|d_ij| + c se_ij)``. The percentile interval
    of resampled gaps is not used: a resampled maximum of noisy differences is biased upwards.

    Parameters
    ----------
    value : ndarray, shape (k,)
        Estimates, finite.
    replicates : ndarray, shape (k, resamples)
        Shared resamples of the estimates; NaN where undefined.
    floor : ndarray, shape (k,)
        Standard errors that the groups' own intervals imply; no group's resamples are let vary
        less than that (they do not vary at all at a sensitivity of 1, say).
    level : float
        Simultaneous level.
    largest_possible : float
        Width of the measure's range, at which the upper bound is cut; infinite where it has none.

    Returns
    -------
    Gap
        Bounds are NaN when no pair has a standard error.

    References
    ----------
    Westfall & Young 1993, Resampling-Based Multiple Testing; Hsu 1996, Multiple Comparisons.
    """
    moving = np.ascontiguousarray(_moving(value, replicates, floor))
    spread = np.zeros((value.size, value.size))
    _pair_spread(value, moving, spread)
    largest = np.empty(replicates.shape[1])
    _max_t(value, moving, spread, largest)
    undefined = float(np.isnan(largest).mean())
    gap = float(value.max() - value.min())
    kept = np.sort(largest[~np.isnan(largest)])
    if kept.size == 0 or not spread.any():
        return Gap(gap, float("nan"), float("nan"), float("nan"), undefined)
    critical = float(np.quantile(kept, level))
    difference = np.abs(value[:, None] - value[None, :])
    tested = spread > 0
    observed = float((difference[tested] / spread[tested]).max())
    p = (1 + int((kept >= observed).sum())) / (kept.size + 1)
    lower = max(0.0, float((difference - critical * spread)[tested].max()))
    upper = min(largest_possible, float((difference + critical * spread)[tested].max()))
    return Gap(gap, min(lower, gap), max(upper, gap), p, undefined)


def _moving(value: Floats, replicates: Floats, floor: Floats) -> Floats:
    """Resamples in which every group varies at least as much as its own interval says.

    In a small group the resamples vary too little (no degrees of freedom, least of all near a
    bound), and such a group is the likeliest to be the most extreme one. The normal deviates for a
    group without any variation are a pure function of the place of the group and the replicate.
    """
    filled = np.where(np.isnan(replicates), value[:, None], replicates)
    deviation = filled.std(axis=1, ddof=1)
    still = deviation <= 1e-12
    widen = np.where(still, 1.0, np.maximum(1.0, floor / np.where(still, 1.0, deviation)))
    moving: Floats = value[:, None] + (replicates - value[:, None]) * widen[:, None]
    if still.any():
        columns = np.arange(replicates.shape[1], dtype=np.uint64)
        index = np.flatnonzero(still).astype(np.uint64)
        cells = index[:, None] * np.uint64(replicates.shape[1]) + columns
        words = splitmix64(cells.astype(np.uint64))
        deviates = ndtri(((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53)
        moving[still] = value[still, None] + floor[still, None] * deviates
    return moving


def benjamini_hochberg(p: Floats) -> Floats:
    """Benjamini-Hochberg adjusted p values; NaN stay NaN and do not count.

    ``min over ranks j >= i of p_(j) m / j``, at most 1. doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    if known.size == 0:
        return adjusted
    order = known[np.argsort(p[known], kind="stable")]
    raw = p[order] * known.size / np.arange(1, known.size + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return adjusted
