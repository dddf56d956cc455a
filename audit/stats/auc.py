"""Area under the ROC curve: placements, DeLong and Obuchowski variance, intervals, differences."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, ndtr

from audit.stats._arrays import (
    Bools,
    Floats,
    Ints,
    as_codes,
    as_label,
    check_rows,
    group_sum,
    normal_quantile,
    pair_codes,
)
from audit.stats.proportions import wilson

DELONG = "delong_logit"
OBUCHOWSKI = "obuchowski_logit"
WILSON = "wilson_smaller_class"

_RUNS = 1 << 17  # runs of tied scores that are worked on together
# Variance below this share of its own terms is rounding left by terms that cancel.
_CANCELLED = 1e-12


class PairedAuc(NamedTuple):
    """Two AUROC on the same rows, each array of shape (n_groups,); difference is a - b."""

    auc_a: Floats
    auc_b: Floats
    difference: Floats
    variance: Floats
    z: Floats
    p: Floats
    lower: Floats
    upper: Floats


def placements(score: ArrayLike, label: ArrayLike, group: ArrayLike, n_groups: int) -> Floats:
    """Placement value of each row among the other class of its own group.

    For a positive, (negatives below + half the negatives tied) / negatives; for a negative,
    (positives above + half the positives tied) / positives. The mean over either class is
    the AUROC. Cost O(N log N), rows in any order.

    Parameters
    ----------
    score : array_like, shape (rows,)
        Any real score, infinities allowed; only its order matters.
    label : array_like, shape (rows,)
        0/1 or boolean.
    group : array_like of int, shape (rows,)
        Stratum code, 0..n_groups-1.
    n_groups : int
        Number of strata.

    Returns
    -------
    ndarray of float, shape (rows,)
        In [0, 1]; NaN where the group lacks the other class.

    Raises
    ------
    ValueError
        If a score is NaN, a label is not 0/1, a code is out of range or lengths differ.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson 1988, DOI 10.2307/2531595.
    """
    s = np.asarray(score, dtype=np.float64)
    positive, g = as_label(label), as_codes(group, "group", n_groups)
    if s.ndim != 1 or np.any(np.isnan(s)):
        raise ValueError("score must be one-dimensional and hold no NaN")
    check_rows(s.shape[0], label=positive, group=g)
    if s.size == 0:
        return np.empty(0)
    order = np.lexsort((-s, g))
    s, g = s[order], g[order]
    last = np.ones(s.size, dtype=np.bool_)  # last row of a block of ties
    last[:-1] = (g[1:] != g[:-1]) | (s[1:] != s[:-1])
    start = np.concatenate(([0], np.cumsum(np.bincount(g, minlength=n_groups))))
    value = np.empty(s.size)
    value[order] = sorted_placements(positive[order], last, start)
    return value


def sorted_placements(positive: Bools, last: Bools, start: Ints) -> Floats:
    """Give `placements` of rows that are sorted by group and then by falling score.

    Parameters
    ----------
    positive : ndarray of bool, shape (rows,)
        Whether the label is 1.
    last : ndarray of bool, shape (rows,)
        Whether a row is the last of a run of tied scores; true at the end of every group.
    start : ndarray of int, shape (n_groups + 1,)
        Where the rows of each group begin, and the number of rows.

    Returns
    -------
    ndarray of float, shape (rows,)
        As `placements`.
    """
    if positive.size == 0:
        return np.empty(0)
    seen = np.concatenate(([0], np.cumsum(positive)))
    positives = seen[start[1:]] - seen[start[:-1]]
    negatives = np.diff(start) - positives
    end = np.flatnonzero(last) + 1
    value = np.empty(positive.size)
    # A run at a time would be slow, and all runs at once take ten times the memory of the result.
    for first in range(0, end.size, _RUNS):
        stop = end[first : first + _RUNS]
        begin = np.concatenate(([end[first - 1] if first else 0], stop[:-1]))
        owner = np.searchsorted(start, begin, side="right") - 1
        tied_pos = seen[stop] - seen[begin]
        tied_neg = stop - begin - tied_pos
        above_pos = seen[begin] - seen[start[owner]]
        below_neg = negatives[owner] - (begin - start[owner] - above_pos) - tied_neg
        with np.errstate(invalid="ignore"):  # 0/0: no rows of the other class
            of_positive = (below_neg + 0.5 * tied_neg) / negatives[owner]
            of_negative = (above_pos + 0.5 * tied_pos) / positives[owner]
        size, part = stop - begin, slice(begin[0], stop[-1])
        value[part] = np.where(
            positive[part], np.repeat(of_positive, size), np.repeat(of_negative, size)
        )
    return value


def auc_variance(
    placement: ArrayLike, label: ArrayLike, group: ArrayLike, cluster: ArrayLike, n_groups: int
) -> tuple[Floats, Floats, Ints, Ints]:
    """AUROC of each group and its variance under clustering (Obuchowski).

    With m positives and n negatives, X_i and Y_i the sums over cluster i of (placement - AUC)
    of its positives and negatives, I10 (I01) clusters with a positive (negative) and I in all:
    ``I10/(I10-1) sum X_i^2/m^2 + I01/(I01-1) sum Y_i^2/n^2 + 2 I/(I-1) sum X_i Y_i/(mn)``.
    When every row is its own cluster this is DeLong's variance. A cluster that spans several
    groups counts in each with its own rows.

    Parameters
    ----------
    placement : array_like, shape (rows,)
        From `placements` with the same label and group.
    label, group, n_groups
        As in `placements`.
    cluster : array_like of int, shape (rows,)
        Patient code, not negative.

    Returns
    -------
    auc, variance : ndarray of float, shape (n_groups,)
        AUC is NaN without both classes; variance also with fewer than two clusters holding
        a positive or fewer than two holding a negative.
    clusters_pos, clusters_neg : ndarray of int, shape (n_groups,)
        Clusters with at least one positive (negative).

    Raises
    ------
    ValueError
        If lengths differ, a label is not 0/1 or a code is out of range.

    References
    ----------
    Obuchowski 1997, DOI 10.2307/2533958; DeLong et al. 1988, DOI 10.2307/2531595.
    """
    value = np.asarray(placement, dtype=np.float64)
    positive, g = as_label(label), as_codes(group, "group", n_groups)
    c = as_codes(cluster, "cluster")
    check_rows(value.shape[0], label=positive, group=g, cluster=c)
    return paired_auc_variance(value, positive, g, *pair_codes(g, c), n_groups)


def paired_auc_variance(
    value: Floats, positive: Bools, g: Ints, owner: Ints, pair: Ints, n_groups: int
) -> tuple[Floats, Floats, Ints, Ints]:
    """Give `auc_variance` of checked arrays whose clusters have been told apart by group.

    `owner` is the group of each (group, cluster) pair and `pair` that of each row, as from
    `audit.stats._arrays.pair_codes`.
    """
    m = np.bincount(g[positive], minlength=n_groups)
    n = np.bincount(g[~positive], minlength=n_groups)
    # Twice the placement times the size of the other class is a whole number: summing whole
    # numbers is exact, so the result does not depend on the order of the rows.
    doubled = np.rint(value * 2.0 * np.where(positive, n[g], m[g]))
    pairs = owner.shape[0]
    count_pos = np.bincount(pair[positive], minlength=pairs)
    count_neg = np.bincount(pair[~positive], minlength=pairs)
    sum_pos = group_sum(doubled[positive], pair[positive], pairs)
    sum_neg = group_sum(doubled[~positive], pair[~positive], pairs)
    total = group_sum(sum_pos, owner, n_groups)
    area = np.where((m > 0) & (n > 0), 2.0 * m * n, np.nan)
    x = (sum_pos * m[owner] - count_pos * total[owner]) / area[owner]
    y = (sum_neg * n[owner] - count_neg * total[owner]) / area[owner]
    clusters_pos = np.bincount(owner[count_pos > 0], minlength=n_groups)
    clusters_neg = np.bincount(owner[count_neg > 0], minlength=n_groups)
    clusters = np.bincount(owner, minlength=n_groups)
    with np.errstate(divide="ignore", invalid="ignore"):  # fewer than two clusters: NaN below
        own = _small_sample(clusters_pos) * group_sum(x * x, owner, n_groups) / (1.0 * m * m)
        own += _small_sample(clusters_neg) * group_sum(y * y, owner, n_groups) / (1.0 * n * n)
        shared = 2.0 * _small_sample(clusters) * group_sum(x * y, owner, n_groups) / (1.0 * m * n)
    variance = own + shared
    variance = np.where(variance <= _CANCELLED * own, 0.0, variance)
    return total / area, variance, clusters_pos, clusters_neg


def _small_sample(clusters: Ints) -> Floats:
    """C/(C-1), NaN below two clusters."""
    return np.where(clusters > 1, clusters / np.maximum(clusters - 1, 1), np.nan)


def logit_interval(
    value: ArrayLike, variance: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Delta-method normal interval on the logit scale, mapped back.

    ``expit(logit(v) -+ z sqrt(variance) / (v (1 - v)))``.

    Parameters
    ----------
    value, variance : array_like
        Estimates in [0, 1] and their variances, broadcast together.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    lower, upper : ndarray of float
        NaN where value is not strictly inside (0, 1), or variance is negative or not finite.

    Raises
    ------
    ValueError
        If level is outside (0, 1).

    References
    ----------
    Pepe 2003, The Statistical Evaluation of Medical Tests for Classification and Prediction,
    ISBN 9780198509844.
    """
    v, var = np.broadcast_arrays(
        np.asarray(value, dtype=np.float64), np.asarray(variance, dtype=np.float64)
    )
    usable = (v > 0.0) & (v < 1.0) & (var >= 0.0) & np.isfinite(var)
    inside = np.where(usable, v, 0.5)
    half = normal_quantile(level) * np.sqrt(np.where(usable, var, np.nan))
    half = half / (inside * (1.0 - inside))
    centre = np.log(inside) - np.log1p(-inside)
    return expit(centre - half), expit(centre + half)


def auc_interval(
    auc: ArrayLike,
    variance: ArrayLike,
    units_pos: ArrayLike,
    units_neg: ArrayLike,
    level: float = 0.95,
    *,
    clustered: bool,
) -> tuple[Floats, Floats, NDArray[np.str_]]:
    """Interval of an AUROC that is never a point: logit where possible, else Wilson.

    Logit-transformed DeLong or Obuchowski; where AUC is 0 or 1, or the variance is zero or
    undefined, the Wilson interval of a proportion AUC of min(units_pos, units_neg) units.

    Parameters
    ----------
    auc, variance : array_like
        From `auc_variance`, broadcast together with the units.
    units_pos, units_neg : array_like
        Independent units of each class: rows, or clusters (patients) when clustered.
    level : float
        Confidence level in (0, 1).
    clustered : bool
        Whether the variance is Obuchowski's; decides only the method's name.

    Returns
    -------
    lower, upper : ndarray of float
        NaN where auc is NaN or a class has no unit.
    method : ndarray of str
        "delong_logit", "obuchowski_logit", "wilson_smaller_class", or "" where undefined.

    Raises
    ------
    ValueError
        If auc is outside [0, 1], units are negative, or level is outside (0, 1).

    References
    ----------
    Obuchowski 1997, DOI 10.2307/2533958; Obuchowski and Lieber 2002 on intervals near 1,
    DOI 10.1016/S1076-6332(03)80329-X (the fallback here is Wilson's, a conservative choice).
    """
    area, var, pos, neg = np.broadcast_arrays(
        *(np.asarray(a, dtype=np.float64) for a in (auc, variance, units_pos, units_neg))
    )
    units = np.minimum(pos, neg)
    defined = ~np.isnan(area) & (units > 0)
    smooth = defined & (area > 0.0) & (area < 1.0) & (var > 0.0) & np.isfinite(var)
    lower, upper = logit_interval(area, np.where(smooth, var, np.nan), level)
    rough_lower, rough_upper = wilson(np.where(defined, area * units, np.nan), units, level)
    method: NDArray[Any] = np.where(smooth, OBUCHOWSKI if clustered else DELONG, WILSON)
    return (
        np.where(smooth, lower, rough_lower),
        np.where(smooth, upper, rough_upper),
        np.where(defined, method, "").astype(np.str_),
    )


def paired_delong(
    score_a: ArrayLike,
    score_b: ArrayLike,
    label: ArrayLike,
    cluster: ArrayLike | None,
    group: ArrayLike,
    n_groups: int,
    level: float = 0.95,
) -> PairedAuc:
    """Difference of the AUROC of two scores on the same rows, in each group.

    The variance is that of `auc_variance` with the difference of the two placements of every row
    in place of its placement, which is ``V_a + V_b - 2 C_ab`` of DeLong, or of Obuchowski under
    clustering; ``z = (AUC_a - AUC_b) / sqrt(variance)``, p two-sided and the interval
    ``AUC_a - AUC_b -+ z_level sqrt(variance)``, cut at -1 and 1.

    Parameters
    ----------
    score_a, score_b : array_like, shape (rows,)
        Any real scores, infinities allowed; only their order matters.
    label, group, n_groups
        As in `placements`.
    cluster : array_like of int, shape (rows,), or None
        Patient code, not negative; None where every row is independent.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    PairedAuc
        AUCs and difference are NaN without both classes; the variance as in `auc_variance`. Where
        it is 0 (the scores rank alike, or each separates the classes) or undefined, so are z, p
        and the bounds: no observed variation is not certainty.

    Raises
    ------
    ValueError
        As in `placements` and `auc_variance`, or if level is outside (0, 1).

    References
    ----------
    DeLong, DeLong and Clarke-Pearson 1988, DOI 10.2307/2531595; Obuchowski 1997,
    DOI 10.2307/2533958.
    """
    place_a = placements(score_a, label, group, n_groups)
    place_b = placements(score_b, label, group, n_groups)
    check_rows(place_a.shape[0], score_b=place_b)
    unit = np.arange(place_a.shape[0]) if cluster is None else cluster
    auc_a = auc_variance(place_a, label, group, unit, n_groups)[0]
    auc_b = auc_variance(place_b, label, group, unit, n_groups)[0]
    # Differences of placements are multiples of one over twice the other class as well.
    difference, variance = auc_variance(place_a - place_b, label, group, unit, n_groups)[:2]
    error = np.sqrt(np.where(variance > 0.0, variance, np.nan))
    z = difference / error
    half = normal_quantile(level) * error
    lower, upper = np.maximum(difference - half, -1.0), np.minimum(difference + half, 1.0)
    return PairedAuc(auc_a, auc_b, difference, variance, z, 2.0 * ndtr(-np.abs(z)), lower, upper)
