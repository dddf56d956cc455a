"""Concordance of a risk score with time to event: Harrell's C and Uno's C, with influence."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from audit.stats._arrays import Bools, Floats, Ints, as_codes, check_rows, group_sum, pair_codes
from audit.stats.linear import cluster_variance, interval
from audit.stats.proportions import wilson
from audit.stats.survival import FollowUp, censoring_influence

LOGIT_T = "linearised_logit_t"
WILSON = "wilson_patients_with_event"


class Concordance(NamedTuple):
    """Concordance of each group, and what each row adds to it.

    Attributes
    ----------
    value : ndarray of float, shape (n_groups,)
        C; NaN without a comparable pair.
    concordant, discordant, tied : ndarray of float, shape (n_groups,)
        Weight of comparable pairs by the order of their risks (for Harrell's C, their number).
    influence : ndarray of float, shape (rows,)
        Derivative of the group's C with respect to the case weight of the row; adds up to zero.
        NaN where C is.
    contributes : ndarray of bool, shape (rows,)
        Rows in a comparable pair; for Uno's C every row of a group with a C, as all of them shape
        the curve of censoring.
    anchors : ndarray of bool, shape (rows,)
        Events that are the earlier row of a comparable pair.
    """

    value: Floats
    concordant: Floats
    discordant: Floats
    tied: Floats
    influence: Floats
    contributes: Bools
    anchors: Bools


@njit(cache=True, nogil=True)
def _upto(tree, place):  # type: ignore[no-untyped-def]
    total = 0.0
    while place > 0:
        total += tree[place]
        place -= place & -place
    return total


@njit(cache=True, nogil=True)
def _add(tree, place, size, amount):  # type: ignore[no-untyped-def]
    while place <= size:
        tree[place] += amount
        place += place & -place


@njit(cache=True, nogil=True)
def _count_pairs(start, begin, rank, anchor, out):  # type: ignore[no-untyped-def]
    """Fill, for sorted rows, the comparable pairs of each as the earlier and as the later row.

    Columns: later rows of lower risk, of equal risk, and all; then the weight of earlier events of
    higher risk, of equal risk, and all. A binary indexed tree over the ranks of risk holds the
    rows already passed (Fenwick 1994, DOI 10.1002/spe.4380240306).
    """
    tree = np.zeros(rank.max() + 1)
    for g in range(start.size - 1):
        low, high = start[g], start[g + 1]
        if low == high:
            continue
        size = rank[low:high].max()
        tree[: size + 1] = 0.0
        passed = 0.0
        last = high - 1
        while last >= low:
            first = begin[last]
            for i in range(first, last + 1):
                if anchor[i] > 0.0:
                    below = _upto(tree, rank[i] - 1)
                    out[i, 0] = below
                    out[i, 1] = _upto(tree, rank[i]) - below
                    out[i, 2] = passed
            for i in range(first, last + 1):
                _add(tree, rank[i], size, 1.0)
                passed += 1.0
            last = first - 1
        tree[: size + 1] = 0.0
        passed = 0.0
        i = low
        while i < high:
            end = i
            while end < high and begin[end] == begin[i]:
                upto = _upto(tree, rank[end])
                out[end, 3] = passed - upto
                out[end, 4] = upto - _upto(tree, rank[end] - 1)
                out[end, 5] = passed
                end += 1
            for k in range(i, end):
                if anchor[k] > 0.0:
                    _add(tree, rank[k], size, anchor[k])
                    passed += anchor[k]
            i = end


def _pairs(data: FollowUp, risk: Floats, anchor: Floats) -> tuple[Floats, Ints]:
    """Columns of `_count_pairs` for rows sorted by group, time, event first and risk; the order."""
    key = 2 * data.moment + ~data.event  # events of a moment come before its censorings
    order = np.lexsort((risk, key))
    key = key[order]
    new = np.ones(key.size, dtype=np.bool_)
    new[1:] = key[1:] != key[:-1]
    begin = np.maximum.accumulate(np.where(new, np.arange(key.size), 0))
    by_risk = np.lexsort((risk, data.group))
    r, g = risk[by_risk], data.group[by_risk]
    fresh = np.zeros(key.size, dtype=np.int64)
    fresh[1:] = (r[1:] != r[:-1]) | (g[1:] != g[:-1])
    dense = np.cumsum(fresh)
    start = np.concatenate(([0], np.cumsum(data.rows)))
    rank = np.empty(key.size, dtype=np.int64)
    rank[by_risk] = dense - dense[start[g]] + 1
    out = np.zeros((key.size, 6))
    _count_pairs(start, begin, rank[order], anchor[order], out)
    return out, order


def _as_risk(risk: ArrayLike, rows: int) -> Floats:
    values = np.asarray(risk, dtype=np.float64)
    if values.ndim != 1 or np.any(np.isnan(values)):
        raise ValueError("risk must be one-dimensional and hold no NaN")
    check_rows(rows, risk=values)
    return values


def _concordance(data: FollowUp, risk: Floats, anchor: Floats, estimated: bool) -> Concordance:
    """C of pairs weighted by `anchor`, weights 1 / G^2 that are estimated or else constants."""
    n_groups = data.n_groups
    if risk.size == 0:
        none, no = np.full(n_groups, np.nan), np.zeros(n_groups)
        empty = np.zeros(0, dtype=np.bool_)
        return Concordance(none, no, no, no, np.empty(0), empty, empty)
    out, order = _pairs(data, risk, anchor)
    g, weight = data.group[order], anchor[order]
    lower, equal, later = (weight * out[:, k] for k in range(3))
    concordant, tied = (group_sum(part, g, n_groups) for part in (lower, equal))
    total = group_sum(later, g, n_groups)
    pairs = np.where(total > 0.0, total, np.nan)
    value = (concordant + 0.5 * tied) / pairs
    as_earlier = lower + 0.5 * equal - value[g] * later
    as_later = out[:, 3] + 0.5 * out[:, 4] - value[g] * out[:, 5]
    sums = as_earlier + as_later
    if estimated:
        # G enters squared, so each pair's weight moves twice as fast as 1 / G.
        mass = np.zeros(g.size)
        mass[order] = np.where(np.isnan(as_earlier), 0.0, 2.0 * as_earlier)
        sums = sums + censoring_influence(data, mass, data.moment)[order]
    influence, anchors = np.empty(g.size), np.empty(g.size, dtype=np.bool_)
    contributes = np.empty(g.size, dtype=np.bool_)
    influence[order] = sums / pairs[g]
    anchors[order] = later > 0.0
    contributes[order] = ~np.isnan(value[g]) & (estimated | (later > 0.0) | (out[:, 5] > 0.0))
    discordant = np.maximum(total - concordant - tied, 0.0)
    return Concordance(value, concordant, discordant, tied, influence, contributes, anchors)


def harrell_c(data: FollowUp, risk: ArrayLike) -> Concordance:
    """Harrell's C: the share of comparable pairs whose earlier event has the higher risk.

    ``(concordant + tied / 2) / (concordant + discordant + tied)`` over pairs (i, j) of a group in
    which i has its event before time T_j, or at T_j when j is censored then. Two events at one
    time are not comparable; ties in risk count one half. Cost O(N log N), rows in any order.

    Parameters
    ----------
    data : FollowUp
        From `audit.stats.survival.follow_up`.
    risk : array_like, shape (rows,)
        Higher means an earlier event; infinities allowed, only the order matters. A predicted
        survival time goes in with its sign turned.

    Returns
    -------
    Concordance
        The influence of row k is ``(N_k - C D_k) / D``, with N_k and D_k the concordant and all
        comparable pairs that hold k, and D those of the group. The value estimated depends on the
        censoring; compare `uno_c`.

    Raises
    ------
    ValueError
        If risk is NaN or lengths differ.

    References
    ----------
    Harrell, Lee and Mark 1996,
    DOI 10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4.
    """
    return _concordance(data, _as_risk(risk, data.time.size), data.event.astype(float), False)


def uno_c(data: FollowUp, risk: ArrayLike, tau: float) -> Concordance:
    """Uno's C truncated at tau: pairs weighted so that the result is free of the censoring.

    ``sum_i w_i (concordant + tied / 2 of i) / sum_i w_i (comparable of i)`` over events before
    tau, with ``w_i = 1 / G(T_i-)^2`` and pairs as in `harrell_c`. G is the Kaplan-Meier curve of
    censoring of the group, and its estimation is part of the influence.

    Parameters
    ----------
    data, risk
        As in `harrell_c`.
    tau : float
        Positive; events at or after it do not count. Choose it where people are still followed:
        weights grow without bound as G nears 0. Infinity stands for no truncation.

    Returns
    -------
    Concordance

    Raises
    ------
    ValueError
        If tau is not positive, risk is NaN or lengths differ.

    References
    ----------
    Uno et al. 2011, DOI 10.1002/sim.4154.
    """
    if not tau > 0.0:
        raise ValueError(f"tau must be positive, got {tau!r}")
    used = data.event & (data.time < tau)
    anchor = np.zeros(data.time.size)
    anchor[used] = data.uncensored_before[data.moment[used]] ** -2.0
    return _concordance(data, _as_risk(risk, data.time.size), anchor, True)


def concordance_interval(
    fit: Concordance, group: ArrayLike, cluster: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats, Floats, NDArray[np.str_]]:
    """Interval of C that is never a point: logit with Student's t, else Wilson.

    The variance is the cluster-robust one of the influence values. Where C is 0 or 1, or the
    variance is zero or undefined, the Wilson interval of a proportion C of as many units as there
    are patients with an event that starts a comparable pair.

    Parameters
    ----------
    fit : Concordance
        From `harrell_c` or `uno_c`.
    group, cluster : array_like of int, shape (rows,)
        Stratum codes as in the fit, and patient codes.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    lower, upper, variance : ndarray of float, shape (n_groups,)
        NaN where C is NaN.
    method : ndarray of str, shape (n_groups,)
        "linearised_logit_t", "wilson_patients_with_event", or "" where undefined.

    Raises
    ------
    ValueError
        If lengths differ, a code is out of range or level is outside (0, 1).

    References
    ----------
    Newson 2006, Stata Journal 6, 309-334 (clustered rank statistics by the jackknife).
    """
    n_groups = fit.value.size
    g, c = as_codes(group, "group", n_groups), as_codes(cluster, "cluster")
    variance, clusters = cluster_variance(fit.influence, g, c, n_groups, fit.contributes)
    smooth_lower, smooth_upper = interval(fit.value, variance, clusters, level, "logit")
    owner, pair = pair_codes(g, c)
    held = np.bincount(pair[fit.anchors], minlength=owner.size) > 0
    patients = np.bincount(owner[held], minlength=n_groups)
    rough_lower, rough_upper = wilson(fit.value * patients, patients, level)
    defined, smooth = ~np.isnan(fit.value), ~np.isnan(smooth_lower)
    method = np.where(defined, np.where(smooth, LOGIT_T, WILSON), "")
    return (
        np.where(smooth, smooth_lower, rough_lower),
        np.where(smooth, smooth_upper, rough_upper),
        variance,
        method.astype(np.str_),
    )
