"""Many comparisons at once: simultaneous intervals of all pairs, and adjusted p values."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from audit.stats._arrays import Floats, normal_quantile
from audit.stats.mixing import splitmix64

# Largest level whose two-sided normal quantile is still finite.
_NEARLY_CERTAIN = 1.0 - 2.0**-52


MOST_PAIRED = 60  # groups; beyond, all their pairs take too long


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

    Beyond 60 groups the intervals of the groups take the place of those of their pairs.

    References
    ----------
    Westfall & Young 1993, Resampling-Based Multiple Testing; Hsu 1996, Multiple Comparisons.
    """
    moving = np.ascontiguousarray(_moving(value, replicates, floor))
    if value.size > MOST_PAIRED:
        return _gap_of_groups(value, moving, level, largest_possible)
    spread, largest = _pairs(value, moving)
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


def gap_deviates(value: Floats, replicates: Floats, floor: Floats) -> Floats:
    """What a gap of k groups is worth in a family of contrasts: one deviate for every resample.

    ``Phi^-1((1 + u) / 2)``, with u the mid-rank, as a share of the defined resamples, of the
    largest standardised deviation of any pair (`gap_interval`). Its quantile at any level is then
    the normal one, as it is of a single difference, so that neither outweighs the other in a
    maximum over both; and the interval of the gap at level ``2 Phi(c) - 1`` is the one whose pairs
    all lie within c.

    Parameters
    ----------
    value, replicates, floor
        As in `gap_interval`.

    Returns
    -------
    ndarray of float, shape (resamples,)
        Positive; NaN where no pair is defined.

    References
    ----------
    Beran 1988, Balanced simultaneous confidence sets, JASA 83:679.
    """
    moving = np.ascontiguousarray(_moving(value, replicates, floor))
    if value.size > MOST_PAIRED:
        largest = _largest_of_each(_group_deviates(value, moving)[1])
    else:
        largest = _pairs(value, moving)[1]
    known = ~np.isnan(largest)
    ordered = np.sort(largest[known])
    below = np.searchsorted(ordered, largest[known], side="left")
    upto = np.searchsorted(ordered, largest[known], side="right")
    deviates = np.full(largest.shape, np.nan)
    deviates[known] = ndtri(0.5 + (below + upto) / (4.0 * max(ordered.size, 1)))
    return deviates


def _pairs(value: Floats, moving: Floats) -> tuple[Floats, Floats]:
    """Standard errors of all pairs, and the largest standardised deviation of each resample."""
    spread = np.zeros((value.size, value.size))
    _pair_spread(value, moving, spread)
    largest = np.empty(moving.shape[1])
    _max_t(value, moving, spread, largest)
    return spread, largest


def _group_deviates(value: Floats, moving: Floats) -> tuple[Floats, Floats]:
    """Standard errors of the groups, and their standardised deviations."""
    known = ~np.isnan(moving)
    deviation = np.where(known, moving - value[:, None], 0.0)
    spread = np.sqrt((deviation**2).sum(axis=1) / np.maximum(known.sum(axis=1) - 1, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        deviates = np.where(known, deviation / spread[:, None], np.nan)
    return spread, deviates


def _gap_of_groups(value: Floats, moving: Floats, level: float, largest_possible: float) -> Gap:
    """Gap of very many groups, from simultaneous intervals of the groups and not of their pairs.

    All groups lie within ``v_k -+ c se_k`` at once, so the gap lies between
    ``max(v - c se) - min(v + c se)`` and ``max(v + c se) - min(v - c se)``. Wider than with pairs,
    of which there are too many to go through.
    """
    spread, deviates = _group_deviates(value, moving)
    largest = np.sort(_largest(deviates))
    gap = float(value.max() - value.min())
    undefined = 1.0 - largest.size / moving.shape[1]
    if largest.size == 0:
        return Gap(gap, float("nan"), float("nan"), float("nan"), undefined)
    reach = float(np.quantile(largest, level)) * spread
    # The smallest critical value at which all intervals still share a point.
    apart = (value[:, None] - value[None, :]) / (spread[:, None] + spread[None, :])
    p = (1 + int((largest >= float(np.nanmax(apart))).sum())) / (largest.size + 1)
    lower = max(0.0, float((value - reach).max() - (value + reach).min()))
    upper = min(largest_possible, float((value + reach).max() - (value - reach).min()))
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


def holm(p: Floats) -> Floats:
    """Holm adjusted p values; NaN stay NaN and do not count.

    ``max over ranks j <= i of (m - j + 1) p_(j)``, at most 1, with m the number of p values that
    are not NaN. Holm 1979, Scandinavian Journal of Statistics 6:65, JSTOR 4615733.
    """
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    raw = p[order] * np.arange(known.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(raw), 1.0)
    return adjusted


def simultaneous_critical_value(deviates: ArrayLike, level: float) -> float:
    """Critical value of intervals that hold for all contrasts at once (single-step max-T).

    The `level` quantile over resamples of ``max_k |deviate_k|``, but never below the normal
    quantile that serves a single contrast.

    Parameters
    ----------
    deviates : array_like, shape (contrasts, resamples)
        ``(replicate - estimate) / standard error`` of each contrast in shared resamples. NaN have
        no say in the maximum; resamples in which all contrasts are NaN do not count.
    level : float
        Simultaneous level in (0, 1).

    Returns
    -------
    float
        NaN where no deviate is defined.

    Raises
    ------
    ValueError
        If deviates does not have two axes or level is outside (0, 1).

    References
    ----------
    Westfall and Young 1993, Resampling-Based Multiple Testing, ISBN 9780471557616.
    """
    largest = _largest(deviates)
    pointwise = normal_quantile(level)
    if largest.size == 0:
        return float("nan")
    return max(float(np.quantile(largest, level)), pointwise)


def simultaneous_level(critical: float) -> float:
    """Pointwise level whose two-sided normal quantile is a critical value, 0.95 for 1.96.

    ``2 Phi(c) - 1``, but below 1 so that any interval can be asked for it. NaN for NaN; ValueError
    unless the critical value is positive.
    """
    if critical <= 0.0:
        raise ValueError(f"a critical value must be positive, got {critical!r}")
    return float(np.minimum(2.0 * ndtr(critical) - 1.0, _NEARLY_CERTAIN))


def max_t_adjusted_p(statistic: ArrayLike, deviates: ArrayLike) -> Floats:
    """Single-step max-T adjusted p values, two-sided.

    ``(1 + #{b: max_j |deviate_jb| >= |statistic_k|}) / (B + 1)`` over the B resamples in which
    some contrast is defined.

    Parameters
    ----------
    statistic : array_like, shape (contrasts,)
        Estimate / standard error of each contrast.
    deviates : array_like, shape (contrasts, resamples)
        As in `simultaneous_critical_value`: centred, so that they show what the statistics would
        do without any difference.

    Returns
    -------
    ndarray of float, shape (contrasts,)
        In (0, 1]; NaN where the statistic is NaN, and everywhere where no deviate is defined.

    Raises
    ------
    ValueError
        If the numbers of contrasts differ.

    References
    ----------
    Westfall and Young 1993, Resampling-Based Multiple Testing, ISBN 9780471557616; Davison and
    Hinkley 1997, DOI 10.1017/CBO9780511802843 (on the added one).
    """
    t = np.abs(np.asarray(statistic, dtype=np.float64))
    if t.ndim != 1 or t.shape != np.shape(deviates)[:1]:
        raise ValueError("statistic must have one value for each contrast of deviates")
    largest = np.sort(_largest(deviates))
    reached = largest.size - np.searchsorted(largest, t, side="left")
    known = ~np.isnan(t) & (largest.size > 0)
    return np.where(known, (1.0 + reached) / (1.0 + largest.size), np.nan)


def _largest(deviates: ArrayLike) -> Floats:
    """Largest absolute deviate of each resample in which one is defined."""
    size = np.asarray(deviates, dtype=np.float64)
    if size.ndim != 2:
        raise ValueError("deviates must have shape (contrasts, resamples)")
    largest = _largest_of_each(size)
    return largest[~np.isnan(largest)]


def _largest_of_each(deviates: Floats) -> Floats:
    """Largest absolute deviate of each resample; NaN where none is defined."""
    largest = np.fmax.reduce(np.abs(deviates), axis=0, initial=-1.0)
    return np.where(largest < 0.0, np.nan, largest)
