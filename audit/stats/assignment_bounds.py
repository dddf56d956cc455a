"""Worst and best cases over all assignments of rows whose attribute is missing to known levels.

Every row without the attribute belongs to one of the levels; which one is unknown. The bounds here
hold whatever the truth, without a model of who is missing: they are bounds of what complete
attributes could have shown in these data, not confidence intervals.

Horowitz and Manski 1995, DOI 10.2307/2171656.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from audit.stats._arrays import Floats, as_codes, as_finite, check_rows, group_sum

# An assignment whose gap is this close to the bound attains it.
_ATTAINED = 1e-12


class Bounds(NamedTuple):
    """Smallest and largest value any assignment can give."""

    lower: Floats
    upper: Floats


class GapBounds(NamedTuple):
    """Bounds of the max-min gap over the levels.

    `reached` is the gap of an assignment of whole rows: the smallest gap lies between `lower` and
    `reached`, and `attained` says that the two agree.
    """

    lower: float
    upper: float
    reached: float
    attained: bool


class _Counts(NamedTuple):
    """Events and rows of each level, and events and non-events among the missing."""

    events: Floats
    size: Floats
    more: float
    less: float


def _counts(
    events: ArrayLike, size: ArrayLike, missing_events: float, missing_non_events: float
) -> _Counts:
    """Check whole counts; levels without a known row get NaN."""
    e, d = np.asarray(events, dtype=np.float64), np.asarray(size, dtype=np.float64)
    if e.ndim != 1 or e.shape != d.shape:
        raise ValueError("events and size must be one-dimensional and equally long")
    every = np.concatenate((e, d, [missing_events, missing_non_events]))
    if not np.all(np.isfinite(every)) or np.any(every < 0.0) or np.any(every != np.rint(every)):
        raise ValueError("counts must be whole and not negative")
    if np.any(e > d):
        raise ValueError("events must not exceed size")
    known = d > 0.0
    return _Counts(
        np.where(known, e, np.nan),
        np.where(known, d, np.nan),
        float(missing_events),
        float(missing_non_events),
    )


def _extremes(counts: _Counts) -> Bounds:
    lower = counts.events / (counts.size + counts.less)
    upper = (counts.events + counts.more) / (counts.size + counts.more)
    return Bounds(lower, upper)


def proportion_bounds(
    events: ArrayLike, size: ArrayLike, missing_events: float, missing_non_events: float
) -> Bounds:
    """Bounds of each level's proportion; each is reached by an assignment.

    ``E_g / (D_g + f)`` and ``(E_g + e) / (D_g + e)``: all missing non-events, or all missing
    events, belong to the level.

    Parameters
    ----------
    events, size : array_like, shape (levels,)
        Events E and rows D in the denominator with a known level; whole counts.
    missing_events, missing_non_events : float
        Events e and non-events f in the denominator among rows whose level is missing.

    Returns
    -------
    Bounds
        Arrays of shape (levels,); NaN for a level without a known row, whose rate could be
        anything.

    Raises
    ------
    ValueError
        If shapes differ, a count is negative or not whole, or events exceed size.

    References
    ----------
    Horowitz and Manski 1995, DOI 10.2307/2171656.
    """
    return _extremes(_counts(events, size, missing_events, missing_non_events))


def difference_bounds(
    events: ArrayLike, size: ArrayLike, missing_events: float, missing_non_events: float
) -> Bounds:
    """Bounds of each pair's difference of proportions, level g minus level h; all are reached.

    ``(E_g + e)/(D_g + e) - E_h/(D_h + f)`` above and its mirror below: events to the one level,
    non-events to the other, which one assignment can do.

    Parameters
    ----------
    events, size, missing_events, missing_non_events
        As in `proportion_bounds`.

    Returns
    -------
    Bounds
        Arrays of shape (levels, levels), [g, h]; 0 on the diagonal; NaN with a level without a
        known row.

    Raises
    ------
    ValueError
        As in `proportion_bounds`.

    References
    ----------
    Horowitz and Manski 1995, DOI 10.2307/2171656.
    """
    low, high = proportion_bounds(events, size, missing_events, missing_non_events)
    return _pairs(low, high)


def _pairs(low: Floats, high: Floats) -> Bounds:
    """Differences of every ordered pair when the two levels' extremes go together."""
    lower, upper = low[:, None] - high[None, :], high[:, None] - low[None, :]
    diagonal = np.diag_indices(low.size)
    lower[diagonal] = upper[diagonal] = np.where(np.isnan(low), np.nan, 0.0)
    return Bounds(lower, upper)


def ratio_bounds(
    events: ArrayLike, size: ArrayLike, missing_events: float, missing_non_events: float
) -> Bounds:
    """Bounds of each pair's ratio of proportions, level g over level h; all are reached.

    The largest ratio is the upper bound of g over the lower of h, under the same assignment as the
    largest difference; the smallest is the mirror.

    Parameters
    ----------
    events, size, missing_events, missing_non_events
        As in `proportion_bounds`.

    Returns
    -------
    Bounds
        Arrays of shape (levels, levels), [g, h]; 1 on the diagonal. Infinite where the
        denominator can be 0 and the numerator not, NaN where both are 0 there, on the diagonal of
        a level that has no event and cannot get one, and with a level without a known row.

    Raises
    ------
    ValueError
        As in `proportion_bounds`.

    References
    ----------
    Horowitz and Manski 1995, DOI 10.2307/2171656.
    """
    low, high = proportion_bounds(events, size, missing_events, missing_non_events)
    with np.errstate(divide="ignore", invalid="ignore"):  # over a rate of 0: infinite, or NaN
        lower, upper = low[:, None] / high[None, :], high[:, None] / low[None, :]
    diagonal = np.diag_indices(low.size)
    lower[diagonal] = upper[diagonal] = np.where(high > 0.0, 1.0, np.nan)
    return Bounds(lower, upper)


def _levelled(counts: _Counts) -> tuple[float, float]:
    """The narrowest band that can hold all proportions, were rows divisible.

    Raising the floor to l takes (l D_g - E_g)/(1 - l) events for each level below it, and lowering
    the ceiling to h takes (E_g - h D_g)/h non-events for each above it; the two do not compete, and
    neither can pass the overall proportion. So the floor is where the lowest levels, pooled with
    all missing events, stand, and the ceiling likewise.
    """
    order = np.argsort(counts.events / counts.size, kind="stable")
    e, d = counts.events[order], counts.size[order]
    overall = (e.sum() + counts.more) / (d.sum() + counts.more + counts.less)
    floor = (np.cumsum(e) + counts.more) / (np.cumsum(d) + counts.more)
    ceiling = np.cumsum(e[::-1]) / (np.cumsum(d[::-1]) + counts.less)
    return min(float(floor.min()), overall), max(float(ceiling.max()), overall)


def _spread_out(counts: _Counts, low: float, high: float) -> tuple[Floats, Floats]:
    """Whole events and non-events for each level, close to what brings all into [low, high]."""
    e, d = counts.events, counts.size
    with np.errstate(divide="ignore", invalid="ignore"):  # a floor of 1, a ceiling of 0
        up = np.where(low < 1.0, np.maximum(low * d - e, 0.0) / (1.0 - low), 0.0)
        down = np.where(high > 0.0, np.maximum(e - high * d, 0.0) / high, 0.0)
    up, down = np.floor(up + 1e-9), np.floor(down + 1e-9)
    for left, gets in ((counts.more - up.sum(), up), (counts.less - down.sum(), down)):
        if left > d.size:  # not needed by any level: all levels stand alike, or one takes it
            gets[int(np.argmax(d))] += left - d.size
    for _ in range(2 * d.size + 2):
        rate = (e + up) / (d + up + down)
        events_left, others_left = counts.more - up.sum(), counts.less - down.sum()
        if events_left > 0.0:
            up[int(np.argmin(rate))] += 1.0
        if others_left > 0.0:
            down[int(np.argmax(rate))] += 1.0
    return up, down


def gap_bounds(
    events: ArrayLike, size: ArrayLike, missing_events: float, missing_non_events: float
) -> GapBounds:
    """Bounds of the max-min gap of the levels' proportions over all assignments.

    Upper: the largest of all pairs' upper bounds, which an assignment reaches. Lower: the smallest
    gap were rows divisible: missing events raise the lowest levels together to a common floor,
    missing non-events lower the highest to a common ceiling, and the gap is what is left. Whole
    rows may not divide so well; `reached` is the gap of an assignment of whole rows close to it.

    Parameters
    ----------
    events, size, missing_events, missing_non_events
        As in `proportion_bounds`.

    Returns
    -------
    GapBounds
        NaN and not attained with fewer than two levels that have a known row; others are left out.

    Raises
    ------
    ValueError
        As in `proportion_bounds`.

    References
    ----------
    Horowitz and Manski 1995, DOI 10.2307/2171656 (bounds of each proportion; the floor and ceiling
    follow from them).
    """
    counts = _counts(events, size, missing_events, missing_non_events)
    known = ~np.isnan(counts.size)
    if known.sum() < 2:
        return GapBounds(float("nan"), float("nan"), float("nan"), False)
    counts = counts._replace(events=counts.events[known], size=counts.size[known])
    low, high = _extremes(counts)
    upper = float(np.max(_pairs(low, high).upper))
    floor, ceiling = _levelled(counts)
    up, down = _spread_out(counts, floor, ceiling)
    rate = (counts.events + up) / (counts.size + up + down)
    lower, reached = ceiling - floor, float(rate.max() - rate.min())
    attained = reached - lower <= _ATTAINED
    return GapBounds(min(lower, reached), upper, reached, attained)


class _Means(NamedTuple):
    """Sums and counts of each level's values, and the missing values in increasing order."""

    totals: Floats
    sizes: Floats
    missing: Floats


def _means(value: ArrayLike, level_code: ArrayLike, missing: ArrayLike, levels: int) -> _Means:
    v, m = as_finite(value, "value"), as_finite(missing, "missing")
    codes = as_codes(level_code, "level_code", levels)
    check_rows(v.size, level_code=codes)
    sizes = np.bincount(codes, minlength=levels).astype(np.float64)
    return _Means(group_sum(v, codes, levels), np.where(sizes > 0.0, sizes, np.nan), np.sort(m))


def _running(total: float, size: float, taken: Floats) -> Floats:
    """Means of a level with the first 0, 1, ..., m of `taken` added."""
    sums = total + np.concatenate(([0.0], np.cumsum(taken)))
    return np.asarray(sums / (size + np.arange(taken.size + 1)))


def mean_bounds(value: ArrayLike, level_code: ArrayLike, missing: ArrayLike, levels: int) -> Bounds:
    """Bounds of each level's mean of row values; each is reached by an assignment.

    The level takes missing values from the largest (smallest) on for as long as that raises
    (lowers) its mean.

    Parameters
    ----------
    value : array_like, shape (rows,)
        Row values with a known level, such as squared errors for the Brier score.
    level_code : array_like of int, shape (rows,)
        Level of each, 0..levels-1.
    missing : array_like, shape (m,)
        Row values whose level is missing.
    levels : int
        Number of levels.

    Returns
    -------
    Bounds
        Arrays of shape (levels,); NaN for a level without a known row.

    Raises
    ------
    ValueError
        If a value is not finite, a code is out of range or lengths differ.

    References
    ----------
    Horowitz and Manski 1995, DOI 10.2307/2171656.
    """
    data = _means(value, level_code, missing, levels)
    lower, upper = np.full(levels, np.nan), np.full(levels, np.nan)
    for g in np.flatnonzero(data.sizes > 0.0).tolist():
        total, size = float(data.totals[g]), float(data.sizes[g])
        lower[g] = _running(total, size, data.missing).min()
        upper[g] = _running(total, size, data.missing[::-1]).max()
    return Bounds(lower, upper)


def _largest_difference(data: _Means, g: int, h: int, others: bool) -> float:
    """Largest mean of level g minus mean of level h over all assignments.

    g takes the j largest missing values and h the l smallest. Where the best j and l do not
    overlap and a third level can take the rest, they stand; else every value goes to g or h, the
    largest to g.
    """
    top = _running(float(data.totals[g]), float(data.sizes[g]), data.missing[::-1])
    bottom = _running(float(data.totals[h]), float(data.sizes[h]), data.missing)
    j, i = int(np.argmax(top)), int(np.argmin(bottom))
    if others and j + i <= data.missing.size:
        return float(top[j] - bottom[i])
    return float(np.max(top - bottom[::-1]))


def mean_difference_bounds(
    value: ArrayLike, level_code: ArrayLike, missing: ArrayLike, levels: int
) -> Bounds:
    """Bounds of each pair's difference of means, level g minus level h; all are reached.

    Parameters
    ----------
    value, level_code, missing, levels
        As in `mean_bounds`. With more than two levels, rows that help neither of a pair can be of
        a third; with two, every missing row is the one's or the other's.

    Returns
    -------
    Bounds
        Arrays of shape (levels, levels), [g, h]; 0 on the diagonal; NaN with a level without a
        known row.

    Raises
    ------
    ValueError
        As in `mean_bounds`.

    References
    ----------
    Horowitz and Manski 1995, DOI 10.2307/2171656.
    """
    data = _means(value, level_code, missing, levels)
    known = np.flatnonzero(data.sizes > 0.0).tolist()
    upper = np.full((levels, levels), np.nan)
    for g in known:  # over pairs of levels, tens; the missing values are vectorised
        for h in known:
            upper[g, h] = 0.0 if g == h else _largest_difference(data, g, h, levels > 2)
    return Bounds(-upper.T, upper)


def auroc_bounds(
    auroc: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    missing_positives: float,
    missing_negatives: float,
) -> Bounds:
    """Outer bounds of each level's AUROC: no assignment passes them, few reach them.

    With P positives, N negatives and AUROC A known, and m+ and m- missing: the P N known pairs stay
    as they are and every new pair may go either way, so
    ``P N A / ((P + m+)(N + m-))`` and ``1 - P N (1 - A) / ((P + m+)(N + m-))``.

    Parameters
    ----------
    auroc, positives, negatives : array_like, shape (levels,)
        AUROC among rows with a known level, and their counts.
    missing_positives, missing_negatives : float
        Counts among rows whose level is missing.

    Returns
    -------
    Bounds
        Arrays of shape (levels,); NaN where a level lacks a known positive or negative.

    Raises
    ------
    ValueError
        If shapes differ, an AUROC is outside [0, 1] or a count is negative.

    References
    ----------
    Horowitz and Manski 1995, DOI 10.2307/2171656, applied to pairs.
    """
    area, p, n = (np.asarray(x, dtype=np.float64) for x in (auroc, positives, negatives))
    if area.ndim != 1 or not area.shape == p.shape == n.shape:
        raise ValueError("auroc, positives and negatives must be one-dimensional, equally long")
    if np.any((area < 0.0) | (area > 1.0)):
        raise ValueError("auroc must lie between 0 and 1")
    if np.any(p < 0.0) or np.any(n < 0.0) or min(missing_positives, missing_negatives) < 0.0:
        raise ValueError("counts must not be negative")
    pairs = p * n
    kept = np.where(pairs > 0.0, pairs, np.nan) / np.maximum(
        (p + missing_positives) * (n + missing_negatives), 1.0
    )
    return Bounds(kept * area, 1.0 - kept * (1.0 - area))


def outer_difference_bounds(bounds: Bounds) -> Bounds:
    """Outer bounds of each pair's difference from bounds of the levels, level g minus level h.

    ``lower_g - upper_h`` and ``upper_g - lower_h``: valid, but one assignment may not reach both
    levels' bounds, since a missing row has one level.

    Parameters
    ----------
    bounds : Bounds
        Of the levels, shape (levels,), as from `auroc_bounds`.

    Returns
    -------
    Bounds
        Arrays of shape (levels, levels), [g, h]; 0 on the diagonal; NaN with a NaN level.
    """
    return _pairs(np.asarray(bounds.lower, np.float64), np.asarray(bounds.upper, np.float64))


def gap_of_differences(differences: Bounds) -> tuple[float, float]:
    """Bounds of the max-min gap from bounds of all pairs' differences.

    Upper: the largest upper bound, as sharp as those are. Lower: the largest lower bound, or 0;
    valid, and in general not attained, since the pairs' extremes need different assignments.

    Parameters
    ----------
    differences : Bounds
        Shape (levels, levels), as from `mean_difference_bounds` or `outer_difference_bounds`;
        levels with a NaN on the diagonal are left out.

    Returns
    -------
    lower, upper : float
        NaN with fewer than two levels.
    """
    known = ~np.isnan(np.diag(differences.upper))
    if known.sum() < 2:
        return float("nan"), float("nan")
    among = np.ix_(known, known)
    lower = float(np.max(differences.lower[among]))
    return max(lower, 0.0), float(np.max(differences.upper[among]))
