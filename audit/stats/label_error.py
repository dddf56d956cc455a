"""Accuracy measures corrected, and bounded, for a reference label that is sometimes wrong."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audit.stats._arrays import Floats

NO_FEASIBLE_RATES = "the counts rule out every declared pair of label error rates"
NO_ROWS = "no rows"

# Rates this close above the largest feasible one are taken as that one.
_ROUNDING = 1e-12


class Corrected(NamedTuple):
    """Measures against the true state."""

    prevalence: Floats
    sensitivity: Floats
    specificity: Floats
    ppv: Floats
    npv: Floats


class LabelErrorBounds(NamedTuple):
    """Bounds of each group's measures over its declared label error rates.

    `infeasible` is the share of the declared rates that the counts rule out; `reason` says why
    there are no bounds, and is empty where there are.
    """

    lower: Corrected
    upper: Corrected
    infeasible: Floats
    reason: NDArray[np.str_]


class MeasureBounds(NamedTuple):
    """Smallest and largest value of each measure."""

    lower: Corrected
    upper: Corrected


class _Table(NamedTuple):
    """Label against flag: counts of the four cells, of flagged and of other rows."""

    tp: Floats
    fp: Floats
    fn: Floats
    tn: Floats
    flagged: Floats
    other: Floats


def _table(tp: ArrayLike, fp: ArrayLike, fn: ArrayLike, tn: ArrayLike) -> _Table:
    cells = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (tp, fp, fn, tn)))
    if any(np.any((x < 0.0) | ~np.isfinite(x)) for x in cells):
        raise ValueError("counts must be finite and not negative")
    a, b, c, d = cells
    return _Table(a, b, c, d, a + b, c + d)


def _rates(rate: ArrayLike, name: str) -> Floats:
    array = np.asarray(rate, dtype=np.float64)
    if np.any(~((array >= 0.0) & (array <= 1.0))):
        raise ValueError(f"{name} must lie between 0 and 1")
    return array


def _largest(table: _Table) -> tuple[Floats, Floats]:
    """Largest false positive and false negative rates of the label that the counts allow.

    The label cannot be positive among the truly negative more often than among the flagged rows,
    or than among the others; and likewise for its negatives.
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # no flagged row, or no other: no limit
        shares = [x / n for x, n in ((table.tp, table.flagged), (table.fn, table.other))]
        others = [x / n for x, n in ((table.fp, table.flagged), (table.tn, table.other))]
    return np.fmin(*shares), np.fmin(*others)


def _at(table: _Table, alpha: Floats, beta: Floats) -> Corrected:
    """Measures at feasible rates; sums free of the factor 1 - alpha - beta where it cancels."""
    t, rows = table, table.flagged + table.other
    left = 1.0 - alpha - beta
    # Scaled counts of the true states: truth times (1 - alpha - beta).
    hit, missed = t.tp - alpha * t.flagged, t.fn - alpha * t.other
    alarm, clear = t.fp - beta * t.flagged, t.tn - beta * t.other
    hit, missed, alarm, clear = (np.maximum(x, 0.0) for x in (hit, missed, alarm, clear))
    with np.errstate(divide="ignore", invalid="ignore"):  # an empty denominator: NaN
        values = (
            (hit + missed) / (rows * left),
            hit / (hit + missed),
            clear / (clear + alarm),
            hit / (t.flagged * left),
            clear / (t.other * left),
        )
    # At rates that leave the label no information, prevalence and predictive values are undefined.
    return Corrected(*(np.where(np.isfinite(v), np.minimum(v, 1.0), np.nan) for v in values))


def correct_label_error(
    tp: ArrayLike,
    fp: ArrayLike,
    fn: ArrayLike,
    tn: ArrayLike,
    false_positive_rate: ArrayLike,
    false_negative_rate: ArrayLike,
) -> Corrected:
    """Prevalence, sensitivity, specificity, PPV and NPV against the truth behind a label.

    The label is positive in a share alpha of the truly negative and negative in a share beta of the
    truly positive, whether or not the model flags them (errors independent of the flag given the
    truth). Of n1 flagged rows, tp of them labelled positive, ``T1 = (tp - alpha n1)/(1 - alpha -
    beta)`` are truly positive, likewise ``T0 = (fn - alpha n0)/(1 - alpha - beta)`` of the n0
    others, so that prevalence is (T1 + T0)/n, sensitivity T1/(T1 + T0), PPV T1/n1, and so on.

    Parameters
    ----------
    tp, fp, fn, tn : array_like
        Counts of flag against label, broadcast together; weights allowed.
    false_positive_rate, false_negative_rate : array_like
        alpha and beta of the label.

    Returns
    -------
    Corrected
        NaN for rates that the counts rule out: ``alpha + beta >= 1``, or a T outside [0, n1] or
        [0, n0]; and for a measure whose denominator is empty.

    Raises
    ------
    ValueError
        If a count is negative or not finite, or a rate is outside [0, 1].

    References
    ----------
    Gart and Buck 1966, DOI 10.1093/oxfordjournals.aje.a120610; Staquet et al. 1981,
    DOI 10.1016/0021-9681(81)90059-X; Rogan and Gladen 1978,
    DOI 10.1093/oxfordjournals.aje.a112510 (prevalence).
    """
    table = _table(tp, fp, fn, tn)
    alpha = _rates(false_positive_rate, "false_positive_rate")
    beta = _rates(false_negative_rate, "false_negative_rate")
    largest_alpha, largest_beta = _largest(table)
    feasible = (alpha <= largest_alpha + _ROUNDING) & (beta <= largest_beta + _ROUNDING)
    feasible = feasible & (alpha + beta < 1.0)
    return Corrected(*(np.where(feasible, v, np.nan) for v in _at(table, alpha, beta)))


def _kept(low: Floats, high: Floats, largest: Floats) -> tuple[Floats, Floats]:
    """Upper end of the feasible part of each declared range, and its share; NaN and 0 if none."""
    some = low <= largest + _ROUNDING
    end = np.where(some, np.maximum(np.minimum(high, largest), low), np.nan)
    width = high - low
    share = np.where(width > 0.0, (end - low) / np.where(width > 0.0, width, 1.0), 1.0)
    return end, np.where(some, share, 0.0)


def label_error_bounds(
    tp: ArrayLike,
    fp: ArrayLike,
    fn: ArrayLike,
    tn: ArrayLike,
    false_positive_range: tuple[ArrayLike, ArrayLike],
    false_negative_range: tuple[ArrayLike, ArrayLike],
) -> LabelErrorBounds:
    """Bounds of each group's measures over declared ranges of its label error rates.

    The counts allow ``alpha <= min(tp/n1, fn/n0)`` and ``beta <= min(fp/n1, tn/n0)``, so what they
    leave of the declared rectangle is a rectangle. Every measure of `correct_label_error` is
    monotone in alpha and in beta there, so its extremes lie at that rectangle's corners: the bounds
    are exact, and approached where a corner leaves the label no information.

    Parameters
    ----------
    tp, fp, fn, tn : array_like, shape (groups,)
        Counts of flag against label in each group.
    false_positive_range, false_negative_range : (low, high) of array_like
        Declared ranges of alpha and beta, one for all groups or one each.

    Returns
    -------
    LabelErrorBounds
        Arrays of shape (groups,). `infeasible` is a share of the rectangle's area, or of its
        length where only one rate has a range. NaN with a reason where all declared rates are
        infeasible (share 1) or the group has no rows (share NaN).

    Raises
    ------
    ValueError
        If a count is negative or not finite, a rate is outside [0, 1], or a range ends below its
        start.

    References
    ----------
    Gart and Buck 1966, DOI 10.1093/oxfordjournals.aje.a120610; Staquet et al. 1981,
    DOI 10.1016/0021-9681(81)90059-X; Greenland 1996, DOI 10.1093/ije/25.6.1107 (bias analysis over
    declared rates).
    """
    declared = [_rates(rate, "false_positive_range") for rate in false_positive_range]
    declared += [_rates(rate, "false_negative_range") for rate in false_negative_range]
    table = _Table(*np.broadcast_arrays(*_table(tp, fp, fn, tn), *declared)[:6])
    alpha_low, alpha_high, beta_low, beta_high = (
        np.broadcast_to(rate, table.tp.shape) for rate in declared
    )
    if np.any(alpha_high < alpha_low) or np.any(beta_high < beta_low):
        raise ValueError("a range of rates must not end below its start")
    largest_alpha, largest_beta = _largest(table)
    alpha_end, alpha_share = _kept(alpha_low, alpha_high, largest_alpha)
    beta_end, beta_share = _kept(beta_low, beta_high, largest_beta)
    rows, feasible = table.flagged + table.other > 0.0, ~np.isnan(alpha_end + beta_end)
    corners = [_at(table, a, b) for a in (alpha_low, alpha_end) for b in (beta_low, beta_end)]
    lower, upper = [], []
    for values in zip(*corners, strict=True):  # over measures
        stacked = np.where(feasible, np.stack(values), np.nan)
        lower.append(np.fmin.reduce(stacked, axis=0))
        upper.append(np.fmax.reduce(stacked, axis=0))
    infeasible = np.where(rows, 1.0 - alpha_share * beta_share, np.nan)
    reason = np.where(rows, np.where(feasible, "", NO_FEASIBLE_RATES), NO_ROWS).astype(np.str_)
    return LabelErrorBounds(Corrected(*lower), Corrected(*upper), infeasible, reason)


def label_error_differences(bounds: LabelErrorBounds) -> MeasureBounds:
    """Bounds of each pair's difference, group g minus group h, whose error rates are independent.

    ``lower_g - upper_h`` and ``upper_g - lower_h``; exact, since the rates of one group say nothing
    of those of another.

    Parameters
    ----------
    bounds : LabelErrorBounds
        Of the groups, arrays of shape (groups,).

    Returns
    -------
    MeasureBounds
        Arrays of shape (groups, groups), [g, h]; 0 on the diagonal; NaN with a NaN group.
    """
    lower, upper = [], []
    for low, high in zip(bounds.lower, bounds.upper, strict=True):
        below, above = low[:, None] - high[None, :], high[:, None] - low[None, :]
        diagonal = np.diag_indices(low.size)
        below[diagonal] = above[diagonal] = np.where(np.isnan(low), np.nan, 0.0)
        lower.append(below)
        upper.append(above)
    return MeasureBounds(Corrected(*lower), Corrected(*upper))


def label_error_gap(bounds: LabelErrorBounds) -> MeasureBounds:
    """Bounds of the max-min gap over the groups, whose error rates are independent.

    Largest: the widest of all pairs' differences. Smallest: the largest lower bound minus the
    smallest upper bound, or 0 where all groups' ranges share a value. Both are exact.

    Parameters
    ----------
    bounds : LabelErrorBounds
        Of the groups, arrays of shape (groups,). Groups without bounds are left out.

    Returns
    -------
    MeasureBounds
        Scalars (arrays of no dimension) per measure; NaN with fewer than two groups.
    """
    lower, upper = [], []
    differences = label_error_differences(bounds)
    for low, high, widest in zip(bounds.lower, bounds.upper, differences.upper, strict=True):
        known = ~np.isnan(low)
        if known.sum() < 2:
            lower.append(np.asarray(np.nan))
            upper.append(np.asarray(np.nan))
            continue
        apart = np.max(low[known]) - np.min(high[known])
        lower.append(np.asarray(max(float(apart), 0.0)))
        upper.append(np.asarray(np.max(widest[np.ix_(known, known)])))
    return MeasureBounds(Corrected(*lower), Corrected(*upper))
