"""Logistic recalibration of a score within groups: CITL, intercept, slope."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike
from scipy.special import expit

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

_MAX_ITERATIONS = 200
_MAX_HALVINGS = 60
# Longest first step: a flat start would otherwise leap to where every weight is zero. Later steps
# may double the parameters, so that nearly separated groups are reached too.
_LONGEST_STEP = 8.0
# Squared Newton decrement at which one last full step is at machine precision.
_DECREMENT = 1e-20
# Largest size of the derivative at the end of a step, of that at its start.
_OVERSHOOT = 0.9


@dataclass(frozen=True)
class Recalibration:
    """Recalibration parameters of each group; NaN where the fit does not exist."""

    citl: Floats
    intercept: Floats
    slope: Floats
    converged_citl: Bools
    converged_joint: Bools


@njit(cache=True, nogil=True)
def _pass(x, sign, group, a, b, shift, live, out):  # type: ignore[no-untyped-def]
    """Add up residuals r and weights w of every live group: sums of r, w, r z, w z and w z z.

    z is x less the shift of its group. Written by the margin, so that neither tail loses digits to
    1 - p.
    """
    for i in range(x.size):
        g = group[i]
        if not live[g]:
            continue
        margin = sign[i] * (a[g] + b[g] * x[i])
        tail = math.exp(-abs(margin))
        large, small = 1.0 / (1.0 + tail), tail / (1.0 + tail)
        residual = sign[i] * (small if margin > 0.0 else large)
        weight = large * small
        z = x[i] - shift[g]
        out[g, 0] += residual
        out[g, 1] += weight
        out[g, 2] += residual * z
        out[g, 3] += weight * z
        out[g, 4] += weight * z * z


@dataclass(frozen=True)
class _Data:
    """One regressor, rows in any order, with the sign +1 of positives and -1 of negatives."""

    x: Floats
    sign: Floats
    group: Ints
    n_groups: int

    def scored(self, a: Floats, b: Floats, shift: Floats, live: Bools) -> "_Score":
        out = np.zeros((self.n_groups, 5))
        _pass(self.x, self.sign, self.group, a, b, shift, live, out)
        return _Score(out[:, 0], out[:, 1], out[:, 2], out[:, 3], out[:, 4], shift)


class _Score(NamedTuple):
    """Sums of `_pass`, by group."""

    residual: Floats
    weight: Floats
    residual_z: Floats
    weight_z: Floats
    weight_zz: Floats
    shift: Floats

    @property
    def mean(self) -> Floats:
        """Weighted mean of x, about which the information is diagonal: no cancelling terms."""
        return self.shift + self.weight_z / self.weight

    def along(self, step_a: Floats, step_b: Floats) -> Floats:
        """Derivative of the likelihood along a step."""
        score_b = self.residual_z + self.shift * self.residual
        return step_a * self.residual + step_b * score_b

    def step(self, free_slope: bool) -> tuple[Floats, Floats, Floats]:
        """Newton step of (a, b) and the squared Newton decrement of each group."""
        step_a = self.residual / self.weight
        if not free_slope:
            return step_a, np.zeros_like(step_a), step_a * self.residual
        off = self.weight_z / self.weight
        score_b = self.residual_z - off * self.residual
        step_b = score_b / (self.weight_zz - off * self.weight_z)
        decrement = step_a * self.residual + step_b * score_b
        return step_a - self.mean * step_b, step_b, decrement


def _newton(data: _Data, a: Floats, b: Floats, live: Bools, free_slope: bool) -> Bools:
    """Maximise the likelihood in place over the live groups; True where it converged.

    A finished group is frozen, so that its result does not depend on the other groups. Along a step
    the likelihood is concave: where its derivative has not grown in size, the step is taken.
    """
    live = live.copy()
    converged = np.zeros_like(live)
    with np.errstate(divide="ignore", invalid="ignore"):  # dead groups may divide by zero
        here = data.scored(a, b, np.zeros(data.n_groups), live)
        for _ in range(_MAX_ITERATIONS):
            if not live.any():
                break
            step_a, step_b, decrement = here.step(free_slope)
            live &= np.isfinite(step_a) & np.isfinite(step_b)
            last = live & (decrement <= _DECREMENT)
            a += np.where(last, step_a, 0.0)
            b += np.where(last, step_b, 0.0)
            converged |= last
            live &= ~last
            here = _advance(data, a, b, (step_a, step_b), here, live)
    return converged


def _advance(
    data: _Data, a: Floats, b: Floats, step: tuple[Floats, Floats], here: _Score, live: Bools
) -> _Score:
    """Move (a, b) of the live groups in place, halving steps that overshoot; sums at the end."""
    step_a, step_b = (np.where(live, s, 0.0) for s in step)
    reach = _LONGEST_STEP + np.abs(a) + np.abs(b)
    share = reach / np.maximum(np.maximum(np.abs(step_a), np.abs(step_b)), reach)
    shift = np.where(live, here.mean, 0.0)
    rise = here.along(step_a, step_b)
    open_ = live.copy()
    found = np.zeros((6, data.n_groups))
    for _ in range(_MAX_HALVINGS):
        there = data.scored(a + share * step_a, b + share * step_b, shift, open_)
        found = np.where(open_, np.stack(there), found)
        # NaN counts as an overshoot
        open_ &= ~(np.abs(there.along(step_a, step_b)) <= _OVERSHOOT * rise)
        open_ &= ~(there.along(step_a, step_b) > 0.0)
        if not open_.any():
            break
        share = np.where(open_, share / 2.0, share)
    a += share * step_a
    b += share * step_b
    return _Score(found[0], found[1], found[2], found[3], found[4], shift)


def _standardised(x: Floats, group: Ints, n_groups: int) -> tuple[Floats, Floats, Floats]:
    """Mean and standard deviation of x by group (1 where it is zero), and x centred."""
    size = np.maximum(np.bincount(group, minlength=n_groups), 1)
    mean = group_sum(x, group, n_groups) / size
    centred = x - mean[group]
    spread = np.sqrt(group_sum(centred * centred, group, n_groups) / size)
    return mean, np.where(spread > 0.0, spread, 1.0), centred


def _overlap(x: Floats, positive: Bools, group: Ints, n_groups: int) -> Bools:
    """Mark groups whose classes overlap in x: with one regressor, where the slope exists.

    Albert and Anderson 1984, DOI 10.1093/biomet/71.1.1. False for one class only (the extreme
    of an empty class is infinite) and for constant x.
    """
    bounds = {}
    for name, rows in (("positive", positive), ("negative", ~positive)):
        low, high = np.full(n_groups, np.inf), np.full(n_groups, -np.inf)
        np.minimum.at(low, group[rows], x[rows])
        np.maximum.at(high, group[rows], x[rows])
        bounds[name] = (low, high)
    (low_pos, high_pos), (low_neg, high_neg) = bounds["positive"], bounds["negative"]
    return (high_neg > low_pos) & (high_pos > low_neg)


def recalibration(
    logit_p: ArrayLike, label: ArrayLike, group: ArrayLike, n_groups: int
) -> Recalibration:
    """Calibration-in-the-large, and the joint intercept and slope, of each group.

    CITL is a in ``logit P(y=1) = a + logit(p)``; intercept and slope are a and b of the joint
    maximum-likelihood fit ``logit P(y=1) = a + b logit(p)``.

    Parameters
    ----------
    logit_p : array_like, shape (rows,)
        Log odds of the predicted probability, finite (clip p before).
    label : array_like, shape (rows,)
        0/1 or boolean.
    group : array_like of int, shape (rows,)
        Stratum code, 0..n_groups-1.
    n_groups : int
        Number of strata.

    Returns
    -------
    Recalibration
        Arrays of shape (n_groups,), in log odds (slope: no unit). CITL is NaN and not converged
        with one class only; intercept and slope also when the classes are separated by
        logit_p (touching counts as separated), or logit_p is constant.

    Raises
    ------
    ValueError
        If logit_p is not finite, a label is not 0/1, a code is out of range or lengths differ.

    References
    ----------
    Cox 1958, DOI 10.1093/biomet/45.3-4.562; Van Calster et al. 2016,
    DOI 10.1016/j.jclinepi.2015.12.005.
    """
    x, positive = as_finite(logit_p, "logit_p"), as_label(label)
    g = as_codes(group, "group", n_groups)
    check_rows(x.shape[0], label=positive, group=g)
    sign = np.where(positive, 1.0, -1.0)
    mean, spread, centred = _standardised(x, g, n_groups)
    events = np.bincount(g[positive], minlength=n_groups)
    others = np.bincount(g[~positive], minlength=n_groups)
    both = (events > 0) & (others > 0)
    base = np.log(np.where(both, events, 1) / np.where(both, others, 1))

    citl, one = base.copy(), np.ones(n_groups)
    found_citl = _newton(_Data(centred, sign, g, n_groups), citl, one, both, free_slope=False)
    intercept, slope = base.copy(), np.zeros(n_groups)
    data = _Data(centred / spread[g], sign, g, n_groups)
    # On the values that are fitted: an overlap of 1e-38 is lost by centring, and is none.
    fits = _overlap(data.x, positive, g, n_groups)
    found = _newton(data, intercept, slope, fits, free_slope=True)
    slope = slope / spread
    return Recalibration(
        citl=np.where(found_citl, citl - mean, np.nan),
        intercept=np.where(found, intercept - slope * mean, np.nan),
        slope=np.where(found, slope, np.nan),
        converged_citl=found_citl,
        converged_joint=found,
    )


def recalibration_influence(
    fit: Recalibration, logit_p: ArrayLike, label: ArrayLike, group: ArrayLike
) -> Floats:
    """Influence of each row on its group's CITL, intercept and slope.

    ``H^-1 g_i`` with g_i the row's score vector and H the information of the group, ready
    for `audit.stats.linear.cluster_variance`.

    Parameters
    ----------
    fit : Recalibration
        From `recalibration` with the same rows.
    logit_p, label, group
        As in `recalibration`.

    Returns
    -------
    ndarray of float, shape (rows, 3)
        Columns CITL, intercept, slope; NaN in groups where that fit did not converge.

    Raises
    ------
    ValueError
        As in `recalibration`.

    References
    ----------
    Huber 1967, Proc. Fifth Berkeley Symposium 1, 221-233; Liang and Zeger 1986,
    DOI 10.1093/biomet/73.1.13.
    """
    n_groups = fit.citl.shape[0]
    x, positive = as_finite(logit_p, "logit_p"), as_label(label)
    g = as_codes(group, "group", n_groups)
    check_rows(x.shape[0], label=positive, group=g)
    sign = np.where(positive, 1.0, -1.0)
    out = np.empty((x.shape[0], 3))
    miss, weight = _missed(sign * (fit.citl[g] + x))
    out[:, 0] = sign * miss / group_sum(weight, g, n_groups)[g]
    miss, weight = _missed(sign * (fit.intercept[g] + fit.slope[g] * x))
    with np.errstate(invalid="ignore"):  # groups without rows: 0/0, never read
        weight_sum = group_sum(weight, g, n_groups)
        mean = group_sum(weight * x, g, n_groups) / weight_sum
    centred = x - mean[g]
    information = group_sum(weight * centred * centred, g, n_groups)
    out[:, 2] = sign * miss * centred / information[g]
    out[:, 1] = sign * miss / weight_sum[g] - mean[g] * out[:, 2]
    return out


def _missed(margin: Floats) -> tuple[Floats, Floats]:
    """Probability of the other outcome, and its variance; `margin` is overwritten."""
    miss = expit(-margin)
    weight = expit(margin, out=margin)
    weight *= miss
    return miss, weight
