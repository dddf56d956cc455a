"""Follow-up times: Kaplan-Meier curves of event and censoring, and weights that undo censoring.

Events come before censorings at the same time: a unit censored at u was seen event-free through
u, and is at risk of the events at u. Every curve is estimated within its own group, so that
censoring need be independent of the event only there. Another kind of event that makes the event
of interest impossible (a competing risk) must not be coded as censoring.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from audit.stats._arrays import (
    Bools,
    Floats,
    Ints,
    as_codes,
    as_finite,
    as_label,
    check_rows,
    group_sum,
)
from audit.stats.linear import Scale, cluster_variance, interval


@dataclass(frozen=True)
class FollowUp:
    """Rows with their follow-up, and both curves at the distinct times (moments) of each group.

    Row arrays keep the order of the input. Moments are sorted by group and then by time; those of
    group g are ``start[g]`` to ``start[g + 1] - 1``.

    Attributes
    ----------
    time, event, group
        As given, shape (rows,).
    moment : ndarray of int, shape (rows,)
        Moment of each row.
    start : ndarray of int, shape (n_groups + 1,)
        First moment of each group, and the number of moments.
    at : ndarray of float, shape (moments,)
        Time of each moment.
    at_risk, events, censored : ndarray of float, shape (moments,)
        Rows with time not before the moment, events at it and censorings at it.
    survival : ndarray of float, shape (moments,)
        Kaplan-Meier S(t) just after the moment.
    uncensored_before, uncensored : ndarray of float, shape (moments,)
        Kaplan-Meier curve of censoring, G(t-) and G(t).
    """

    time: Floats
    event: Bools
    group: Ints
    moment: Ints
    start: Ints
    at: Floats
    at_risk: Floats
    events: Floats
    censored: Floats
    survival: Floats
    uncensored_before: Floats
    uncensored: Floats

    @property
    def n_groups(self) -> int:
        """Number of strata."""
        return self.start.size - 1

    @property
    def rows(self) -> Ints:
        """Rows of each group."""
        return np.bincount(self.group, minlength=self.n_groups)


class HorizonWeights(NamedTuple):
    """What is known of each row at a horizon, weighted for those whose follow-up ended before.

    `weight` and `event` have shape (rows,), `moment` is that before which the row must not have
    been censored to be known (one past the group's last where it is later), and `defined` has
    shape (n_groups,).
    """

    weight: Floats
    event: Bools
    moment: Ints
    defined: Bools


class Interval(NamedTuple):
    """Bounds, variance and number of clusters of each group's estimate, shape (n_groups,)."""

    lower: Floats
    upper: Floats
    variance: Floats
    clusters: Ints


@njit(cache=True, nogil=True)
def _product_limit(at_risk, events, censored, start, out):  # type: ignore[no-untyped-def]
    """Fill S(t), G(t-) and G(t) at every moment."""
    for g in range(start.size - 1):
        alive, kept = 1.0, 1.0
        for k in range(start[g], start[g + 1]):
            out[1, k] = kept
            rest = at_risk[k] - events[k]
            alive *= rest / at_risk[k]
            if rest > 0.0:
                kept *= (rest - censored[k]) / rest
            out[0, k], out[2, k] = alive, kept


def follow_up(time: ArrayLike, event: ArrayLike, group: ArrayLike, n_groups: int) -> FollowUp:
    """Sort follow-up times into moments and estimate both Kaplan-Meier curves of each group.

    ``S(t) = prod_{u <= t} (1 - d_u / Y_u)`` and ``G(t) = prod_{u <= t} (1 - c_u / (Y_u - d_u))``
    with d_u events and c_u censorings at u, and Y_u rows with time >= u.

    Parameters
    ----------
    time : array_like, shape (rows,)
        Time to event or censoring, finite and not negative, in any unit. Times are tied only when
        equal to the last bit: round them first if they were computed.
    event : array_like, shape (rows,)
        0/1 or boolean; 0 is right-censored.
    group : array_like of int, shape (rows,)
        Stratum code, 0..n_groups-1.
    n_groups : int
        Number of strata.

    Returns
    -------
    FollowUp

    Raises
    ------
    ValueError
        If a time is negative or not finite, an event is not 0/1, a code is out of range or
        lengths differ.

    References
    ----------
    Kaplan and Meier 1958, DOI 10.1080/01621459.1958.10501452.
    """
    t, died, g = as_finite(time, "time"), as_label(event), as_codes(group, "group", n_groups)
    check_rows(t.shape[0], event=died, group=g)
    if np.any(t < 0.0):
        raise ValueError("time must not be negative")
    order = np.lexsort((t, g))
    new = np.ones(t.size, dtype=np.bool_)
    new[1:] = (np.diff(g[order]) != 0) | (np.diff(t[order]) != 0.0)
    first = order[new]
    moment = np.empty(t.size, dtype=np.int64)
    moment[order] = np.cumsum(new) - 1
    start = np.concatenate(([0], np.cumsum(np.bincount(g[first], minlength=n_groups))))
    size = np.bincount(moment, minlength=first.size)
    earlier = np.cumsum(size) - size
    before_group = np.concatenate(([0], np.cumsum(np.bincount(g, minlength=n_groups))))
    at_risk = (before_group[g[first] + 1] - earlier).astype(np.float64)
    events = np.bincount(moment[died], minlength=first.size).astype(np.float64)
    curves = np.empty((3, first.size))
    _product_limit(at_risk, events, size - events, start, curves)
    return FollowUp(t, died, g, moment, start, t[first], at_risk, events, size - events, *curves)


@njit(cache=True, nogil=True)
def _censoring_terms(mass, beyond, rest, censored, start, own, run):  # type: ignore[no-untyped-def]
    """Fill what a censoring at each moment adds, and the running loss of being at risk of it."""
    for g in range(start.size - 1):
        tail = beyond[g]
        for k in range(start[g + 1] - 1, start[g] - 1, -1):
            left = rest[k] - censored[k]
            own[k] = tail / left if left > 0.0 else 0.0
            tail += mass[k]
        total = 0.0
        for k in range(start[g], start[g + 1]):
            if censored[k] > 0.0:
                total += censored[k] / rest[k] * own[k]
            run[k] = total


def censoring_influence(data: FollowUp, mass: ArrayLike, moment: ArrayLike) -> Floats:
    """Influence of each row, through the curve of censoring, on a sum weighted by its inverse.

    The derivative of ``sum_i q_i`` with respect to the case weight of row k, where each q_i is
    proportional to ``1 / G(t_i-)`` and all else is held: with Q_u the sum of q_i over t_i > u and
    R_u = Y_u - d_u, it is ``1{k censored at u_k} Q / (R - c) - sum_u 1{k in R_u} (c / R) Q /
    (R - c)``. It sums to zero over a group.

    Parameters
    ----------
    data : FollowUp
        From `follow_up`.
    mass : array_like, shape (rows,)
        q_i; 0 for rows that do not enter.
    moment : array_like of int, shape (rows,)
        Moment t_i of each; one past the group's last moment where t_i is later.

    Returns
    -------
    ndarray of float, shape (rows,)

    Raises
    ------
    ValueError
        If lengths differ.

    References
    ----------
    Robins and Rotnitzky 1992, DOI 10.1007/978-1-4757-1229-2_14 (estimated censoring weights).
    """
    q, at = np.asarray(mass, dtype=np.float64), np.asarray(moment, dtype=np.int64)
    check_rows(data.time.size, mass=q, moment=at)
    late = at >= data.start[data.group + 1]
    moments = data.at.size
    beyond = group_sum(q[late], data.group[late], data.n_groups)
    inside = group_sum(q[~late], at[~late], moments)
    rest = data.at_risk - data.events
    own, run = np.empty(moments), np.empty(moments)
    _censoring_terms(inside, beyond, rest, data.censored, data.start, own, run)
    # An event leaves before the censorings of its moment.
    previous = np.concatenate(([0.0], run[:-1]))
    previous[data.start[:-1][np.diff(data.start) > 0]] = 0.0
    return np.asarray(
        np.where(data.event, -previous[data.moment], own[data.moment] - run[data.moment])
    )


def horizon_weights(data: FollowUp, horizon: float) -> HorizonWeights:
    """Inverse probability of censoring weights of the rows whose status at a horizon is known.

    ``1 / G(T_i-)`` for an event at T_i <= horizon, ``1 / G(horizon-)`` for a row event-free
    through the horizon (later, or censored exactly at it), and 0 for one censored before.
    The weights of a group add up to its rows, and the weighted share of events is 1 - S(horizon).

    Parameters
    ----------
    data : FollowUp
        From `follow_up`.
    horizon : float
        Positive and finite, in the unit of the times.

    Returns
    -------
    HorizonWeights
        A group is not defined without rows, or where follow-up ended before the horizon with
        rows still at risk.

    Raises
    ------
    ValueError
        If the horizon is not positive and finite.

    References
    ----------
    Graf et al. 1999, DOI 10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5;
    Gerds and Schumacher 2006, DOI 10.1002/bimj.200610301. Where rows are censored exactly at the
    horizon they count as known: with G(horizon) in place of G(horizon-) a study that closes at the
    horizon would have no estimate.
    """
    if not (np.isfinite(horizon) and horizon > 0.0):
        raise ValueError(f"horizon must be positive and finite, got {horizon!r}")
    g = data.group
    owner = np.repeat(np.arange(data.n_groups), np.diff(data.start))
    reach = data.start[:-1] + np.bincount(owner[data.at < horizon], minlength=data.n_groups)
    event = data.event & (data.time <= horizon)
    free = (data.time > horizon) | ((data.time == horizon) & ~data.event)
    # G just before the horizon is G after the last moment that precedes it.
    kept = np.ones(data.n_groups)
    some = reach > data.start[:-1]
    kept[some] = data.uncensored[reach[some] - 1]
    held = np.diff(data.start) > 0
    ended = np.ones(data.n_groups)
    ended[held] = data.survival[data.start[1:][held] - 1]
    defined = held & ((np.bincount(g[free], minlength=data.n_groups) > 0) | (ended == 0.0))
    weight = np.zeros(g.size)
    weight[event] = 1.0 / data.uncensored_before[data.moment[event]]
    weight[free] = 1.0 / kept[g[free]]
    return HorizonWeights(weight, event, np.where(event, data.moment, reach[g]), defined)


def weighted_sum_influence(data: FollowUp, weights: HorizonWeights, value: ArrayLike) -> Floats:
    """Influence of each row on ``sum_i w_i r_i`` of its group, the weights being estimated.

    ``w_k r_k`` and what row k adds through the curve of censoring; see `censoring_influence`.

    Parameters
    ----------
    data, weights
        From `follow_up` and `horizon_weights`.
    value : array_like, shape (rows,)
        r_i, finite.

    Returns
    -------
    ndarray of float, shape (rows,)
        Adds up to ``sum_i w_i r_i`` over a group.

    Raises
    ------
    ValueError
        If lengths differ.
    """
    mass = weights.weight * np.asarray(value, dtype=np.float64)
    return mass + censoring_influence(data, mass, weights.moment)


def linearised_interval(
    value: ArrayLike,
    influence: ArrayLike,
    group: ArrayLike,
    cluster: ArrayLike,
    n_groups: int,
    level: float = 0.95,
    scale: Scale = "identity",
) -> Interval:
    """Interval of each group's estimate from influence values summed by patient.

    `audit.stats.linear.cluster_variance` with every row contributing (each one shapes the curve of
    censoring), and `audit.stats.linear.interval` on the scale given.

    Parameters
    ----------
    value : array_like, shape (n_groups,)
        Estimates.
    influence : array_like, shape (rows,)
        Influence of each row on its group's estimate.
    group, cluster : array_like of int, shape (rows,)
        Stratum and patient codes.
    n_groups : int
        Number of strata.
    level : float
        Confidence level in (0, 1).
    scale : {"identity", "logit", "log"}
        Scale on which the estimate is taken as normal.

    Returns
    -------
    Interval
        NaN bounds as in `audit.stats.linear.interval`.

    Raises
    ------
    ValueError
        As in the two functions.
    """
    u = np.asarray(influence, dtype=np.float64)
    every = np.ones(u.shape, dtype=np.bool_)
    variance, clusters = cluster_variance(u, group, cluster, n_groups, every)
    lower, upper = interval(value, variance, clusters, level, scale)
    return Interval(lower, upper, variance, clusters)
