"""Predicted risk of an event by a horizon against follow-up: Brier score and calibration."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from audit.stats._arrays import Bools, Floats, as_finite, check_rows, group_sum
from audit.stats.survival import FollowUp, HorizonWeights, horizon_weights, weighted_sum_influence

# Probabilities nearer to 0 or 1 have their log odds cut there.
CLIP = 1e-10
_MAX_STEPS = 200
_MAX_HALVINGS = 60
_CONVERGED = 1e-20


class HorizonEstimate(NamedTuple):
    """Estimate of each group, shape (n_groups,), and influence of each row, shape (rows,)."""

    value: Floats
    influence: Floats


class ObservedExpected(NamedTuple):
    """Observed and mean predicted risk and their ratio by group; influence of rows on the ratio."""

    observed: Floats
    expected: Floats
    ratio: Floats
    influence: Floats


class HorizonRecalibration(NamedTuple):
    """Recalibration at a horizon by group; influence of rows, shape (rows, 3), in this order."""

    citl: Floats
    intercept: Floats
    slope: Floats
    influence: Floats


def _as_probability(risk: ArrayLike, rows: int) -> Floats:
    p = as_finite(risk, "risk")
    check_rows(rows, risk=p)
    if np.any((p < 0.0) | (p > 1.0)):
        raise ValueError(
            "risk must lie in [0, 1]: it is the probability of an event by the horizon"
        )
    return p


def _weighted_mean(data: FollowUp, weights: HorizonWeights, value: Floats) -> HorizonEstimate:
    """``sum w_i r_i / n`` and its influence; the weights add up to the rows of the group."""
    g = data.group
    rows = np.where(weights.defined, data.rows, np.nan)
    mean = group_sum(weights.weight * value, g, data.n_groups) / rows
    influence = (weighted_sum_influence(data, weights, value) - mean[g]) / rows[g]
    return HorizonEstimate(mean, influence)


def observed_risk(data: FollowUp, horizon: float) -> HorizonEstimate:
    """Kaplan-Meier risk of the event by a horizon, 1 - S(horizon).

    Parameters
    ----------
    data : FollowUp
        From `audit.stats.survival.follow_up`.
    horizon : float
        Positive and finite, in the unit of the times.

    Returns
    -------
    HorizonEstimate
        In [0, 1]. NaN without rows, and where follow-up ended before the horizon with rows still
        at risk. The squared influence values add up to Greenwood's variance.

    Raises
    ------
    ValueError
        If the horizon is not positive and finite.

    References
    ----------
    Kaplan and Meier 1958, DOI 10.1080/01621459.1958.10501452; Satten and Datta 2001,
    DOI 10.1198/000313001317098185 (the curve as a mean weighted for censoring).
    """
    weights = horizon_weights(data, horizon)
    return _weighted_mean(data, weights, weights.event.astype(np.float64))


def ipcw_brier(data: FollowUp, risk: ArrayLike, horizon: float) -> HorizonEstimate:
    """Brier score at a horizon with inverse probability of censoring weights.

    ``(1/n) sum_i w_i (y_i - p_i)^2`` with y_i whether the event came by the horizon and w_i from
    `audit.stats.survival.horizon_weights`. Without censoring it is the plain Brier score.

    Parameters
    ----------
    data, horizon
        As in `observed_risk`.
    risk : array_like, shape (rows,)
        Predicted probability of an event by the horizon.

    Returns
    -------
    HorizonEstimate
        Lower is better; NaN as in `observed_risk`. The influence includes the estimation of the
        curve of censoring.

    Raises
    ------
    ValueError
        If a risk lies outside [0, 1] or is not finite, lengths differ, or the horizon is not
        positive and finite.

    References
    ----------
    Graf et al. 1999, DOI 10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5.
    """
    p = _as_probability(risk, data.time.size)
    weights = horizon_weights(data, horizon)
    return _weighted_mean(data, weights, (weights.event - p) ** 2)


def observed_expected(data: FollowUp, risk: ArrayLike, horizon: float) -> ObservedExpected:
    """O:E at a horizon: Kaplan-Meier risk over mean predicted risk.

    ``(1 - S(horizon)) / mean(p)``; the log scale suits its interval.

    Parameters
    ----------
    data, risk, horizon
        As in `ipcw_brier`.

    Returns
    -------
    ObservedExpected
        Ratio NaN where the observed risk is, or every p is 0. The influence is NaN, and with it
        the interval, also where the observed risk is 0 or 1: no observed variation is not
        certainty.

    Raises
    ------
    ValueError
        As in `ipcw_brier`.

    References
    ----------
    McLernon et al. 2023, DOI 10.7326/M22-0844 (calibration of predicted risk at a horizon).
    """
    p = _as_probability(risk, data.time.size)
    observed, influence = observed_risk(data, horizon)
    g, rows = data.group, np.maximum(data.rows, 1)
    expected = np.where(data.rows > 0, group_sum(p, g, data.n_groups) / rows, np.nan)
    bottom = np.where(expected > 0.0, expected, np.nan)
    ratio = observed / bottom
    # Risks of 0 and 1 are exact up to the rounding of weights that add up to the rows.
    varied = np.where((observed > 1e-12) & (observed < 1.0 - 1e-12), 1.0, np.nan)
    off = (p - expected[g]) / rows[g]
    return ObservedExpected(
        observed, expected, ratio, varied[g] * (influence - ratio[g] * off) / bottom[g]
    )


class _Fit(NamedTuple):
    """Regressor with mean 0 and standard deviation 1 in each group, and the weighted outcome."""

    x: Floats
    y: Floats
    weight: Floats
    data: FollowUp

    def sums(self, *values: Floats) -> list[Floats]:
        return [group_sum(v, self.data.group, self.data.n_groups) for v in values]

    def loss(self, a: Floats, b: Floats) -> Floats:
        """Weighted deviance of each group, halved."""
        z = a[self.data.group] + b[self.data.group] * self.x
        return self.sums(self.weight * (np.logaddexp(0.0, z) - self.y * z))[0]

    def step(self, a: Floats, b: Floats, free: bool) -> tuple[Floats, Floats, Floats]:
        """Newton step of (a, b) and the squared Newton decrement."""
        p = expit(a[self.data.group] + b[self.data.group] * self.x)
        r, v = self.weight * (self.y - p), self.weight * p * (1.0 - p)
        r0, r1, v0, v1 = self.sums(r, r * self.x, v, v * self.x)
        if not free:
            return r0 / v0, np.zeros_like(a), r0 * r0 / v0
        mean = v1 / v0
        centred = self.x - mean[self.data.group]
        r1, v2 = r1 - mean * r0, self.sums(v * centred * centred)[0]
        step_b = r1 / v2
        return r0 / v0 - mean * step_b, step_b, r0 * r0 / v0 + r1 * step_b


def _newton(fit: _Fit, a: Floats, b: Floats, live: Bools, free: bool) -> tuple[Floats, Floats]:
    """Maximise the weighted likelihood of the live groups; NaN where it is not reached."""
    live, found = live.copy(), np.zeros_like(live)
    with np.errstate(divide="ignore", invalid="ignore"):  # dead groups may divide by zero
        for _ in range(_MAX_STEPS):
            if not live.any():
                break
            step_a, step_b, decrement = fit.step(a, b, free)
            live &= np.isfinite(step_a) & np.isfinite(step_b)
            last = live & (decrement <= _CONVERGED * np.maximum(fit.data.rows, 1))
            share, here = np.where(live, 1.0, 0.0), fit.loss(a, b)
            for _ in range(_MAX_HALVINGS):
                there = fit.loss(a + share * step_a, b + share * step_b)
                worse = live & ~last & ~(there <= here * (1.0 + 1e-14))
                if not worse.any():
                    break
                share = np.where(worse, share / 2.0, share)
            a = np.where(live, a + share * step_a, a)
            b = np.where(live, b + share * step_b, b)
            found |= last
            live &= ~last
    return np.where(found, a, np.nan), np.where(found, b, np.nan)


def _overlapping(x: Floats, event: Bools, known: Bools, data: FollowUp) -> Bools:
    """Groups in which the regressor of events and of non-events overlaps: where a slope exists."""
    ends = []
    for rows in (event & known, ~event & known):
        low, high = np.full(data.n_groups, np.inf), np.full(data.n_groups, -np.inf)
        np.minimum.at(low, data.group[rows], x[rows])
        np.maximum.at(high, data.group[rows], x[rows])
        ends.append((low, high))
    (low_event, high_event), (low_free, high_free) = ends
    return (high_free > low_event) & (high_event > low_free)


def _standardised(x: Floats, data: FollowUp) -> tuple[Floats, Floats, Floats]:
    """Mean and standard deviation (1 where it is 0) of x by group, and x less its mean."""
    rows = np.maximum(data.rows, 1)
    mean = group_sum(x, data.group, data.n_groups) / rows
    centred = x - mean[data.group]
    spread = np.sqrt(group_sum(centred * centred, data.group, data.n_groups) / rows)
    return mean, np.where(spread > 0.0, spread, 1.0), centred


def horizon_recalibration(data: FollowUp, risk: ArrayLike, horizon: float) -> HorizonRecalibration:
    """Calibration-in-the-large, and joint intercept and slope, at a horizon.

    CITL is a in ``logit P(y=1) = a + logit(p)``, intercept and slope a and b in
    ``logit P(y=1) = a + b logit(p)``, with y whether the event came by the horizon; fitted by
    ``sum_i w_i x_i (y_i - expit(x_i' beta)) = 0`` with the weights of
    `audit.stats.survival.horizon_weights`. Without censoring they are those of
    `audit.stats.logistic.recalibration`.

    Parameters
    ----------
    data, risk, horizon
        As in `ipcw_brier`; risks are cut at 1e-10 and 1 - 1e-10.

    Returns
    -------
    HorizonRecalibration
        In log odds (slope: no unit). NaN where the observed risk is undefined, 0 or 1; intercept
        and slope also where known events and known non-events are separated by the risk, or the
        risk is constant. The influence includes the estimation of the curve of censoring.

    Raises
    ------
    ValueError
        As in `ipcw_brier`.

    References
    ----------
    Vock et al. 2016, DOI 10.1016/j.jbi.2016.03.009 (logistic models of time-to-event data by
    weighting for censoring); Cox 1958, DOI 10.1093/biomet/45.3-4.562.
    """
    p = np.clip(_as_probability(risk, data.time.size), CLIP, 1.0 - CLIP)
    weights = horizon_weights(data, horizon)
    x, g = logit(p), data.group
    known = weights.weight > 0.0
    mean, spread, centred = _standardised(x, data)
    y = weights.event.astype(np.float64)
    events, total = (group_sum(w, g, data.n_groups) for w in (weights.weight * y, weights.weight))
    counts = (np.bincount(g[rows], minlength=data.n_groups) for rows in (weights.event, known))
    of_event, of_known = counts
    both = weights.defined & (of_event > 0) & (of_known > of_event)
    base = np.where(both, events / np.where(both, total, 1.0), 0.5)
    base = np.log(base) - np.log1p(-base)
    ones, zeros = np.ones(data.n_groups), np.zeros(data.n_groups)
    citl, _ = _newton(_Fit(centred, y, weights.weight, data), base, ones, both, False)
    scaled = _Fit(centred / spread[g], y, weights.weight, data)
    fits = both & _overlapping(scaled.x, weights.event, known, data)
    intercept, slope = _newton(scaled, base, zeros, fits, True)
    slope = slope / spread
    citl, intercept = citl - mean, intercept - slope * mean
    influence = _recalibration_influence(data, weights, x, (citl, intercept, slope))
    return HorizonRecalibration(citl, intercept, slope, influence)


def _recalibration_influence(
    data: FollowUp, weights: HorizonWeights, x: Floats, fit: tuple[Floats, Floats, Floats]
) -> Floats:
    """``H^-1`` times the influence of each row on the estimating functions."""
    g, n_groups, w = data.group, data.n_groups, weights.weight
    citl, intercept, slope = fit
    out = np.empty((x.size, 3))
    p = expit(citl[g] + x)
    score = weighted_sum_influence(data, weights, weights.event - p)
    out[:, 0] = score / group_sum(w * p * (1.0 - p), g, n_groups)[g]
    p = expit(intercept[g] + slope[g] * x)
    v = w * p * (1.0 - p)
    with np.errstate(invalid="ignore"):  # groups without rows: 0/0, never read
        mass = group_sum(v, g, n_groups)
        mean = group_sum(v * x, g, n_groups) / mass
    centred = x - mean[g]
    score_a = weighted_sum_influence(data, weights, weights.event - p)
    score_b = weighted_sum_influence(data, weights, (weights.event - p) * centred)
    out[:, 2] = score_b / group_sum(v * centred * centred, g, n_groups)[g]
    out[:, 1] = score_a / mass[g] - mean[g] * out[:, 2]
    return out
